// Test bench of the host port: beats, flits, credits and readiness from files, a trace on standard output.
`timescale 1ns / 1ns
module bench #(
`include "case.vh"
);
  localparam FLIT_BITS = 3 + DEST_BITS + STREAM_BITS + STEP_BITS + COUNT_BITS + PAYLOAD_BITS + TAG_BITS;
  localparam S_DATA_BITS = (ADDRESS_BITS + VALUE_BITS + 8) / 8 * 8;
  localparam EVENT_BITS = OUT_ADDRESS_BITS + OUT_VALUE_BITS;
  localparam CONTENT_BITS = EVENT_BITS > PACKET_BITS ? EVENT_BITS : PACKET_BITS;
  localparam M_DATA_BITS = (CONTENT_BITS + STEP_BITS + STREAM_BITS + 9) / 8 * 8;

  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  integer held = 0;
  integer next_beat = 0;
  always #5 clk = !clk;

  // Of a cycle: {beat offered, reader ready, credits[8]}; {flit on the wire, flit}; beats {last, data}.
  reg [9:0] schedule [0:CYCLES-1];
  reg [FLIT_BITS:0] arrivals [0:CYCLES-1];
  reg [S_DATA_BITS:0] beats [0:BEATS];
  initial begin
    $readmemh("schedule.hex", schedule);
    $readmemh("arrivals.hex", arrivals);
    $readmemh("beats.hex", beats);
  end
  wire [9:0] now = rst ? 10'd0 : schedule[cycle];
  wire [FLIT_BITS:0] arrival = rst ? {FLIT_BITS+1{1'b0}} : arrivals[cycle];
  wire [S_DATA_BITS:0] beat = beats[next_beat];

  wire s_ready;
  wire [M_DATA_BITS-1:0] m_data;
  wire m_valid;
  wire m_last;
  wire inj_valid;
  wire [VC_BITS-1:0] inj_vc;
  wire [FLIT_BITS-1:0] inj_flit;
  wire ej_credit;
  wire finished;
  wire event_pack;
  wire flit_inject;
  wire flit_eject;
  wire s_valid = now[9] && next_beat < BEATS;
  host_port #(
    .DEST_BITS(DEST_BITS), .STREAM_BITS(STREAM_BITS), .STEP_BITS(STEP_BITS), .COUNT_BITS(COUNT_BITS),
    .PAYLOAD_BITS(PAYLOAD_BITS), .TAG_BITS(TAG_BITS), .STEPS(STEPS), .STREAM(STREAM),
    .ADDRESS_BITS(ADDRESS_BITS), .VALUE_BITS(VALUE_BITS), .VALUE_WIDTH(VALUE_WIDTH), .PER_FLIT(PER_FLIT),
    .TARGETS_ALL(TARGETS_ALL), .TARGETS(TARGETS), .PACKET_BITS(PACKET_BITS), .NEEDED(NEEDED), .LATE(LATE),
    .BUFFERS(BUFFERS), .ENDPOINT(ENDPOINT), .VCS(VCS), .VC_BITS(VC_BITS), .VC_DEPTH(VC_DEPTH),
    .INJECT_DEPTH(INJECT_DEPTH), .EJECT_DEPTH(EJECT_DEPTH), .OUTPUTS(OUTPUTS), .OUT_STREAMS(OUT_STREAMS),
    .OUT_PER_FLIT(OUT_PER_FLIT), .OUT_ADDRESS_WIDTHS(OUT_ADDRESS_WIDTHS), .OUT_VALUE_WIDTHS(OUT_VALUE_WIDTHS),
    .OUT_SIGNED(OUT_SIGNED), .OUT_ADDRESS_BITS(OUT_ADDRESS_BITS), .OUT_VALUE_BITS(OUT_VALUE_BITS),
    .TOKENS(TOKENS)
  ) dut (
    .clk(clk), .rst(rst), .s_axis_tdata(beat[S_DATA_BITS-1:0]), .s_axis_tvalid(s_valid),
    .s_axis_tlast(beat[S_DATA_BITS]), .s_axis_tready(s_ready), .m_axis_tdata(m_data), .m_axis_tvalid(m_valid),
    .m_axis_tlast(m_last), .m_axis_tready(now[8]), .inj_valid(inj_valid), .inj_vc(inj_vc), .inj_flit(inj_flit),
    .inj_credit(now[VCS-1:0]), .ej_valid(arrival[FLIT_BITS]), .ej_flit(arrival[FLIT_BITS-1:0]),
    .ej_credit(ej_credit), .finished(finished), .event_pack(event_pack), .flit_inject(flit_inject),
    .flit_eject(flit_eject)
  );

  // A beat on offer stays until it is taken.
  reg waiting = 1'b0;
  reg [M_DATA_BITS:0] offered;
  always @(posedge clk) begin
    if (waiting && (m_valid !== 1'b1 || offered !== {m_last, m_data})) begin
      $display("ASSERT cycle %0d: an offered beat changed", cycle);
      $finish;
    end
    waiting <= m_valid && !now[8] && !rst;
    offered <= {m_last, m_data};
    if (s_valid && s_ready) next_beat <= next_beat + 1;
    held <= held + 1;
    if (held == 3) rst <= 1'b0;
    if (!rst) cycle <= cycle + 1;
    if (cycle == CYCLES - 1) $finish;
  end

  // Registers and what follows from them are read in the middle of the cycle.
  always @(negedge clk) if (!rst) begin
    if (inj_valid) $display("inject %0d %0d %h", cycle, inj_vc, inj_flit);
    if (flit_inject) $display("sent %0d", cycle);
    if (event_pack) $display("pack %0d", cycle);
    if (flit_eject) $display("eject %0d", cycle);
    if (ej_credit) $display("credit %0d", cycle);
    if (m_valid && now[8]) $display("beat %h %0d", m_data, m_last);
    if (finished) $display("finished %0d", cycle);
  end
endmodule
