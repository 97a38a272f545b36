// Test bench of the incoming interface and the event queue: flits on the wire from a file, a trace on standard output.
`timescale 1ns / 1ns
module bench;
`include "case.vh"
  localparam FLIT = 3 + DEST_BITS + STREAM_BITS + STEP_BITS + COUNT_BITS + PAYLOAD_BITS + 1;
  localparam STREAM = 3 + DEST_BITS;
  localparam PAYLOAD = STREAM + STREAM_BITS + STEP_BITS + COUNT_BITS;
  localparam LABEL = STREAM_BITS + STEP_BITS;
  localparam ENTRY = LABEL + SLOT_BITS;

  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  integer held = 0;
  always #5 clk = !clk;

  // Of a cycle: {pop, ready, flit on the wire, flit}.
  reg [FLIT+2:0] schedule [0:CYCLES-1];
  initial $readmemh("schedule.hex", schedule);
  wire [FLIT+2:0] now = rst ? {(FLIT+3){1'b0}} : schedule[cycle];

  wire room, valid, credit, head_valid, take_event, take_last, take_end, take_credit;
  wire [FLIT-1:0] head;
  wire [COUNT_BITS-1:0] taken;
  wire [ENTRY-1:0] front;
  wire [LABEL-1:0] label = head[STREAM +: LABEL];
  wire [PAYLOAD_BITS-1:0] payload = head[PAYLOAD +: PAYLOAD_BITS];
  wire [SLOT_BITS-1:0] slot = payload[taken*SLOT_BITS +: SLOT_BITS];

  interface_in #(
    .DEST_BITS(DEST_BITS), .STREAM_BITS(STREAM_BITS), .STEP_BITS(STEP_BITS),
    .COUNT_BITS(COUNT_BITS), .PAYLOAD_BITS(PAYLOAD_BITS), .TAG_BITS(1), .EJECT_DEPTH(EJECT_DEPTH)
  ) interface_in (
    .clk(clk), .rst(rst), .ej_valid(now[FLIT]), .ej_flit(now[FLIT-1:0]), .ej_credit(credit),
    .queue_room(room), .output_ready(now[FLIT+1]), .head_valid(head_valid), .head_flit(head),
    .taken(taken), .take_event(take_event), .take_last(take_last), .take_end(take_end),
    .take_credit(take_credit)
  );
  event_queue #(.WIDTH(ENTRY), .DEPTH(QUEUE_DEPTH)) event_queue (
    .clk(clk), .rst(rst), .push(take_event), .din({label, slot}), .room(room), .valid(valid),
    .front(front), .pop(valid && now[FLIT+2])
  );

  always @(posedge clk) begin
    if (rst) begin
      held <= held + 1;
      if (held == 3) rst <= 1'b0;
    end else begin
      $display("%0d head %b credit %b room %b front %b %h", cycle, head_valid, credit, room, valid,
        valid ? front : {ENTRY{1'b0}});
      if (take_event) $display("%0d event %h %h last %b", cycle, label, slot, take_last);
      if (take_end) $display("%0d end %h %h", cycle, label, payload[7:0]);
      if (take_credit) $display("%0d credit %h", cycle, label);
      cycle <= cycle + 1;
      if (cycle == CYCLES - 1) $finish;
    end
  end
endmodule
