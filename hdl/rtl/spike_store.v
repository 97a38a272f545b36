// Spike store: events in the order in which the synapse engine took them in pass 0, played back in
// later passes; and how many of each step are still to play.
//
// Parameters: WIDTH of an entry, DEPTH entries, STEPS, STEP_BITS, BUFFERS (1 or 2:
//   steps that can be under way at once).
// Ports:
//   append, append_entry, append_step   pass 0: an event that acts on a step; without room it is
//                    lost and overflow stays set
//   rewind           starts a playback: the first entry is in front from the next cycle on
//   stop             ends it
//   valid, front     the next entry; advance, advance_step take it
//   left_step, left_zero   nothing of that step is left to play (combinational)
//   retire, retire_step    the sweep of the step has ended in this cycle
//   clear, clear_step      zero the count of a step (before cycle 0); from STEPS on: nothing
// Timing: an entry may be played every cycle.

module spike_store #(
  parameter WIDTH = 8,
  parameter DEPTH = 4,
  parameter STEPS = 1,
  parameter STEP_BITS = 1,
  parameter BUFFERS = 2
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire                 append,
  input  wire [WIDTH-1:0]     append_entry,
  input  wire [STEP_BITS-1:0] append_step,
  input  wire                 rewind,
  input  wire                 stop,
  output wire                 valid,
  output wire [WIDTH-1:0]     front,
  input  wire                 advance,
  input  wire [STEP_BITS-1:0] advance_step,
  input  wire [STEP_BITS-1:0] left_step,
  output wire                 left_zero,
  input  wire                 retire,
  input  wire [STEP_BITS-1:0] retire_step,
  input  wire                 clear,
  input  wire [STEP_BITS-1:0] clear_step,
  output reg                  overflow
);

  localparam ADDR_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam COUNT_BITS = $clog2(DEPTH + 1);
  localparam STEP_WORDS = 1 << STEP_BITS;
  localparam [COUNT_BITS-1:0] FULL = DEPTH[COUNT_BITS-1:0];
  localparam [COUNT_BITS-1:0] ZERO = 0;
  localparam [COUNT_BITS-1:0] ONE = 1;
  localparam [STEP_BITS:0] LIMIT = STEPS[STEP_BITS:0];

  // Entries held, entry in front.
  reg [COUNT_BITS-1:0]  held, next;
  reg                   playing;
  wire [COUNT_BITS-1:0] after = next + ONE;
  wire                  stores = append && held != FULL;
  wire                  fetch = rewind ? held != ZERO : advance && after != held;
  wire [COUNT_BITS-1:0] fetched = rewind ? ZERO : after;

  assign valid = playing && next != held;

  ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDR_BITS(ADDR_BITS)) entries (
    .clk(clk), .ren(fetch), .raddr(fetched[ADDR_BITS-1:0]), .rdata(front),
    .wen(stores), .waddr(held[ADDR_BITS-1:0]), .wdata(append_entry)
  );

  always @(posedge clk)
    if (rst) begin
      held <= ZERO;
      next <= ZERO;
      playing <= 1'b0;
      overflow <= 1'b0;
    end else begin
      if (stores) held <= held + ONE;
      if (append && !stores) overflow <= 1'b1;
      if (rewind) next <= ZERO;
      else if (advance) next <= after;
      if (rewind) playing <= 1'b1;
      else if (stop) playing <= 1'b0;
    end

  // Entries by step, and how many of the steps under way have been played.
  reg [COUNT_BITS-1:0]  counts [0:STEP_WORDS-1];
  wire                  clearing = clear && {1'b0, clear_step} < LIMIT;
  wire [STEP_BITS-1:0]  count_step = clearing ? clear_step : append_step;
  wire [COUNT_BITS-1:0] count_next = clearing ? ZERO : counts[count_step] + ONE;
  wire [BUFFERS*COUNT_BITS-1:0] played;

  always @(posedge clk)
    if (clearing || stores) counts[count_step] <= count_next;

  generate
    genvar b;
    for (b = 0; b < BUFFERS; b = b + 1) begin : under_way
      localparam [0:0] HERE = b == 1;
      reg [COUNT_BITS-1:0] count;
      wire advance_here = BUFFERS == 1 || advance_step[0] == HERE;
      wire retire_here = BUFFERS == 1 || retire_step[0] == HERE;
      always @(posedge clk)
        if (rst) count <= ZERO;
        else if (retire && retire_here) count <= ZERO;
        else if (advance && advance_here) count <= count + ONE;
      assign played[b*COUNT_BITS +: COUNT_BITS] = count;
    end
  endgenerate

  wire [COUNT_BITS-1:0] first = played[0 +: COUNT_BITS];
  wire [COUNT_BITS-1:0] second = played[(BUFFERS-1)*COUNT_BITS +: COUNT_BITS];
  assign left_zero = counts[left_step] == (left_step[0] ? second : first);

  wire unused = &{1'b0, fetched, advance_step, retire_step};

`ifdef PULVINAR_ASSERT
  always @(posedge clk)
    if (!rst && advance && !valid) begin
      $display("ASSERT %m: an entry was played that is not there");
      $finish;
    end
`endif

endmodule
