// Test bench of the synapse path: events and a schedule from files, a trace of every cycle on standard output.
`timescale 1ns / 1ns
module bench;
`include "case.vh"
`include "run.vh"
  localparam ENTRY = GENERATORS + 1 + CHANNEL_BITS + ROW_BITS + COLUMN_BITS + VALUE_BITS;

  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  integer held = 0;
  integer event_number = 0;
  always #5 clk = !clk;

  // Of a cycle: {offer, sweep reads, its buffer, its word}; events: {generators, buffer, i, y, x, value}.
  reg [ADDR_BITS+2:0] schedule [0:CYCLES-1];
  reg [ENTRY-1:0] entries [0:EVENTS];
  initial begin
    $readmemh("schedule.hex", schedule);
    $readmemh("events.hex", entries);
  end

  wire [ADDR_BITS+2:0] now = rst ? {(ADDR_BITS+3){1'b0}} : schedule[cycle];
  wire [ENTRY-1:0] entry = entries[event_number];
  wire free;
  wire take = now[ADDR_BITS+2] && free;
  wire sweep_ren = now[ADDR_BITS+1];
  wire beat_valid, beat_buffer, busy, busy_buffer, stalled;
  wire [ADDR_BITS-1:0] beat_addr;
  wire [LANES-1:0] beat_mask;
  wire [BUFFERS-1:0] recent;
  wire [LANES*ACC_BITS-1:0] sweep_data;
  reg [ADDR_BITS-1:0] clear_addr = 0;
  reg swept = 1'b0;

  slice slice (
    .clk(clk), .rst(rst), .free(free), .take(take), .entry(entry), .beat_valid(beat_valid),
    .beat_buffer(beat_buffer), .beat_addr(beat_addr), .beat_mask(beat_mask), .busy(busy),
    .busy_buffer(busy_buffer), .recent(recent), .stalled(stalled), .sweep_ren(sweep_ren),
    .sweep_buffer(now[ADDR_BITS]), .sweep_addr(now[ADDR_BITS-1:0]), .sweep_data(sweep_data),
    .clear(rst), .clear_addr(clear_addr)
  );

  always @(posedge clk) begin
    if (rst) begin
      clear_addr <= clear_addr + 1'b1;
      held <= held + 1;
      if (held == (1 << ADDR_BITS)) rst <= 1'b0;
    end else begin
      $display("%0d free %b take %b stalled %b beat %b %b %0d %h busy %b %b recent %b", cycle, free,
        take, stalled, beat_valid, beat_valid & beat_buffer, beat_valid ? beat_addr : {ADDR_BITS{1'b0}},
        beat_valid ? beat_mask : {LANES{1'b0}}, busy, busy & busy_buffer, recent);
      if (swept) $display("%0d sweep %h", cycle, sweep_data);
      swept <= sweep_ren;
      if (take) event_number <= event_number + 1;
      cycle <= cycle + 1;
      if (cycle == CYCLES - 1) $finish;
    end
  end
endmodule
