// Synapse engine: works on one event at a time and issues one beat a cycle, taken from the
// address generators of the event's synapses in the order of their index.
//
// Parameters: GENERATORS, LANES, ACC_ADDR_BITS, WEIGHT_ADDR_BITS, VALUE_BITS, BUFFERS (1 or 2),
//   HAZARD_STALL (1: a beat waits until the word has been written by earlier ones), BANKED (1:
//   one generator; every lane is a bank with a part of acc_addr as its row),
//   WEIGHTED (one bit a generator: its beats read weights).
// Ports:
//   free               an event may be taken in this cycle
//   take, take_generators, take_buffer, take_value   an event (only with free)
//   start, advance     to the generators; pending, last, acc_addr, weight_addr, lane_mask from
//                      them, generator 0 lowest
//   beat_*             the beat that issues in this cycle
//   busy, busy_buffer  an event is being worked on
//   recent             per buffer: a beat, or an event without beats, issued in the last two
//                      cycles; what a buffer was given has landed if it is neither busy nor recent
//   stalled            a hazard holds the beat in this cycle
//
// Timing: the first beat of an event taken at c issues at c + 1; an event without beats occupies
// the engine for that cycle. free holds while idle and in the cycle of the last beat.

module synapse_engine #(
  parameter GENERATORS = 1,
  parameter LANES = 4,
  parameter ACC_ADDR_BITS = 4,
  parameter WEIGHT_ADDR_BITS = 4,
  parameter VALUE_BITS = 1,
  parameter BUFFERS = 2,
  parameter HAZARD_STALL = 0,
  parameter BANKED = 0,
  parameter [GENERATORS-1:0] WEIGHTED = {GENERATORS{1'b1}}
) (
  input  wire                                   clk,
  input  wire                                   rst,
  output wire                                   free,
  input  wire                                   take,
  input  wire [GENERATORS-1:0]                  take_generators,
  input  wire                                   take_buffer,
  input  wire [VALUE_BITS-1:0]                  take_value,
  output wire [GENERATORS-1:0]                  start,
  output wire [GENERATORS-1:0]                  advance,
  input  wire [GENERATORS-1:0]                  pending,
  input  wire [GENERATORS-1:0]                  last,
  input  wire [GENERATORS*ACC_ADDR_BITS-1:0]    acc_addr,
  input  wire [GENERATORS*WEIGHT_ADDR_BITS-1:0] weight_addr,
  input  wire [GENERATORS*LANES-1:0]            lane_mask,
  output wire                                   beat_valid,
  output wire                                   beat_buffer,
  output wire [ACC_ADDR_BITS-1:0]               beat_addr,
  output wire [WEIGHT_ADDR_BITS-1:0]            beat_weight_addr,
  output wire [LANES-1:0]                       beat_mask,
  output wire [VALUE_BITS-1:0]                  beat_value,
  output wire                                   beat_weighted,
  output reg                                    busy,
  output reg                                    busy_buffer,
  output wire [BUFFERS-1:0]                     recent,
  output wire                                   stalled
);

  localparam [GENERATORS-1:0] FIRST = 1;

  // The lowest pending generator.
  wire [GENERATORS-1:0] chosen = pending & (~pending + FIRST);
  wire                  any = pending != {GENERATORS{1'b0}};
  wire                  more = (pending & ~(chosen & last)) != {GENERATORS{1'b0}};

  reg [ACC_ADDR_BITS-1:0]    word;
  reg [WEIGHT_ADDR_BITS-1:0] weight;
  reg [LANES-1:0]            mask;
  integer g;

  always @* begin
    word = {ACC_ADDR_BITS{1'b0}};
    weight = {WEIGHT_ADDR_BITS{1'b0}};
    mask = {LANES{1'b0}};
    for (g = 0; g < GENERATORS; g = g + 1) begin
      word = word | ({ACC_ADDR_BITS{chosen[g]}} & acc_addr[g*ACC_ADDR_BITS +: ACC_ADDR_BITS]);
      weight = weight
        | ({WEIGHT_ADDR_BITS{chosen[g]}} & weight_addr[g*WEIGHT_ADDR_BITS +: WEIGHT_ADDR_BITS]);
      mask = mask | ({LANES{chosen[g]}} & lane_mask[g*LANES +: LANES]);
    end
  end

  // Issues of the last two cycles; a beat of an event without beats has no word.
  reg       issued_1, issued_2, buffer_1, buffer_2;
  wire      issue = busy && !stalled;

  generate
    if (HAZARD_STALL != 0) begin : hazard
      reg                     beat_1, beat_2;
      reg [ACC_ADDR_BITS-1:0] word_1, word_2;
      wire same_1, same_2;
      if (BANKED != 0) begin : banks
        localparam ROW = ACC_ADDR_BITS / LANES;
        reg  [LANES-1:0] mask_1, mask_2;
        wire [LANES-1:0] meet_1, meet_2;
        genvar k;
        for (k = 0; k < LANES; k = k + 1) begin : bank
          wire [ROW-1:0] row = word[k*ROW +: ROW];
          assign meet_1[k] = mask[k] && mask_1[k] && row == word_1[k*ROW +: ROW];
          assign meet_2[k] = mask[k] && mask_2[k] && row == word_2[k*ROW +: ROW];
        end
        assign same_1 = meet_1 != {LANES{1'b0}};
        assign same_2 = meet_2 != {LANES{1'b0}};
        always @(posedge clk) {mask_1, mask_2} <= {mask, mask_1};
      end else begin : words
        assign same_1 = word_1 == word;
        assign same_2 = word_2 == word;
      end
      wire hit_1 = beat_1 && buffer_1 == busy_buffer && same_1;
      wire hit_2 = beat_2 && buffer_2 == busy_buffer && same_2;
      assign stalled = any && (hit_1 || hit_2);
      always @(posedge clk)
        if (rst) {beat_1, beat_2} <= 2'b00;
        else {beat_1, beat_2} <= {beat_valid, beat_1};
      always @(posedge clk) {word_1, word_2} <= {word, word_1};
    end else begin : no_hazard
      assign stalled = 1'b0;
    end
  endgenerate

  assign beat_valid = any && !stalled;
  assign beat_buffer = busy_buffer;
  assign beat_addr = word;
  assign beat_weight_addr = weight;
  assign beat_mask = mask;
  assign beat_weighted = (chosen & WEIGHTED) != {GENERATORS{1'b0}};
  assign advance = chosen & {GENERATORS{!stalled}};
  assign free = !busy || (issue && !more);
  assign start = take_generators & {GENERATORS{take}};

  reg [VALUE_BITS-1:0] value;
  assign beat_value = value;

  always @(posedge clk)
    if (rst) begin
      busy <= 1'b0;
      issued_1 <= 1'b0;
      issued_2 <= 1'b0;
    end else begin
      busy <= take || (busy && !free);
      issued_1 <= issue;
      issued_2 <= issued_1;
    end

  always @(posedge clk) begin
    if (take) begin
      busy_buffer <= take_buffer;
      value <= take_value;
    end
    buffer_1 <= busy_buffer;
    buffer_2 <= buffer_1;
  end

  generate
    genvar b;
    for (b = 0; b < BUFFERS; b = b + 1) begin : landing
      localparam [0:0] HERE = b == 1;
      assign recent[b] = (issued_1 && buffer_1 == HERE) || (issued_2 && buffer_2 == HERE);
    end
  endgenerate

`ifdef PULVINAR_ASSERT
  always @(posedge clk)
    if (!rst && take && !free) begin
      $display("ASSERT %m: an event was taken while busy");
      $finish;
    end
`endif

endmodule
