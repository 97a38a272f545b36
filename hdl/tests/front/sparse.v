// Test bench of stored connections: events and a schedule from files, a trace of every cycle on
// standard output.
`timescale 1ns / 1ns
module bench;
`include "case.vh"
`include "run.vh"
  localparam ENTRY = VALUE_BITS + INDEX_BITS + 2;

  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  integer held = 0;
  integer pushed = 0;
  integer lost = 0;
  always #5 clk = !clk;

  // Of a cycle: {push, pop, data of the sweep hold, it reads, its buffer, its word}.
  reg [WORD_BITS+4:0] schedule [0:CYCLES-1];
  reg [ENTRY-1:0] entries [0:EVENTS];
  initial begin
    $readmemh("schedule.hex", schedule);
    $readmemh("events.hex", entries);
  end

  wire [WORD_BITS+4:0] now = rst ? {(WORD_BITS+5){1'b0}} : schedule[cycle];
  wire room, valid, other, free, take, beat_valid, beat_buffer, conflict, busy, busy_buffer, stalled;
  wire push = now[WORD_BITS+4] && room;
  wire sweep_ren = now[WORD_BITS+1];
  wire [BANKS*ROW_BITS-1:0] beat_rows;
  wire [BANKS-1:0] beat_mask;
  wire [BUFFERS-1:0] recent;
  wire [LANES*ACC_BITS-1:0] sweep_data;
  reg [ROW_BITS-1:0] clear_addr = 0;

  slice slice (
    .clk(clk), .rst(rst), .push(push), .entry(entries[pushed]), .room(room), .valid(valid),
    .other(other), .pop_wanted(now[WORD_BITS+3]), .free(free), .take(take),
    .beat_valid(beat_valid), .beat_buffer(beat_buffer), .beat_rows(beat_rows),
    .beat_mask(beat_mask), .conflict(conflict), .busy(busy), .busy_buffer(busy_buffer),
    .recent(recent), .stalled(stalled), .sweep_ren(sweep_ren), .sweep_buffer(now[WORD_BITS]),
    .sweep_addr(now[WORD_BITS-1:0]), .sweep_data(sweep_data), .clear(rst),
    .clear_addr(clear_addr)
  );

  // Beats beyond full words so far, told as an event ends.
  wire [31:0] lost_now = lost + {31'b0, beat_valid && conflict};
  wire [BANKS-1:0] active = beat_valid ? beat_mask : {BANKS{1'b0}};
  wire [BANKS*ROW_BITS-1:0] rows;
  genvar b;
  generate
    for (b = 0; b < BANKS; b = b + 1) begin : bank
      assign rows[b*ROW_BITS +: ROW_BITS] =
        active[b] ? beat_rows[b*ROW_BITS +: ROW_BITS] : {ROW_BITS{1'b0}};
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      clear_addr <= clear_addr + 1'b1;
      held <= held + 1;
      if (held == (1 << ROW_BITS)) rst <= 1'b0;
    end else begin
      $display("%0d room %b front %b %b free %b take %b stalled %b beat %b %b %h %h busy %b %b recent %b",
        cycle, room, valid, valid & other, free, take, stalled, beat_valid,
        beat_valid & beat_buffer, active, rows, busy, busy & busy_buffer, recent);
      if (busy && free) $display("%0d lost %0d", cycle, lost_now);
      if (now[WORD_BITS+2]) $display("%0d sweep %h", cycle, sweep_data);
      lost <= lost_now;
      if (push) pushed <= pushed + 1;
      cycle <= cycle + 1;
      if (cycle == CYCLES - 1) $finish;
    end
  end
endmodule
