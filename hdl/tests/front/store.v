// Test bench of the spike store: a schedule from a file, a trace of every cycle on standard output.
`timescale 1ns / 1ns
module bench;
`include "case.vh"
  localparam WORD = 5 + 4 * STEP_BITS + WIDTH;

  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  integer held = 0;
  reg [STEP_BITS-1:0] clear_step = 0;
  always #5 clk = !clk;

  // Of a cycle: {append, rewind, stop, advance, retire, steps of append, advance, retire, question, entry}.
  reg [WORD-1:0] schedule [0:CYCLES-1];
  initial $readmemh("schedule.hex", schedule);
  wire [WORD-1:0] now = rst ? {WORD{1'b0}} : schedule[cycle];
  wire valid, left_zero, overflow;
  wire [WIDTH-1:0] front;

  spike_store #(
    .WIDTH(WIDTH), .DEPTH(DEPTH), .STEPS(STEPS), .STEP_BITS(STEP_BITS), .BUFFERS(BUFFERS)
  ) spike_store (
    .clk(clk), .rst(rst), .append(now[WORD-1]), .append_entry(now[WIDTH-1:0]),
    .append_step(now[WIDTH+3*STEP_BITS +: STEP_BITS]), .rewind(now[WORD-2]), .stop(now[WORD-3]),
    .valid(valid), .front(front), .advance(now[WORD-4]),
    .advance_step(now[WIDTH+2*STEP_BITS +: STEP_BITS]), .left_step(now[WIDTH +: STEP_BITS]),
    .left_zero(left_zero), .retire(now[WORD-5]), .retire_step(now[WIDTH+STEP_BITS +: STEP_BITS]),
    .clear(rst), .clear_step(clear_step), .overflow(overflow)
  );

  always @(posedge clk) begin
    if (rst) begin
      clear_step <= clear_step + 1'b1;
      held <= held + 1;
      if (held == (1 << STEP_BITS)) rst <= 1'b0;
    end else begin
      $display("%0d front %b %h left %b overflow %b", cycle, valid,
        valid ? front : {WIDTH{1'b0}}, left_zero, overflow);
      cycle <= cycle + 1;
      if (cycle == CYCLES - 1) $finish;
    end
  end
endmodule
