// Accumulator memory of a slice and its lane adders.
//
// One memory a buffer, words of LANES signed sums, lane 0 lowest. A beat issued at c reads its
// word at c, adds at c + 1 and writes at the end of c + 2; a beat that follows within two cycles
// on the same word gets the sum forwarded (FORWARD = 1).
//
// Parameters:
//   LANES, ACC_BITS, WEIGHT_BITS, VALUE_BITS   sums, weights and values are two's complement
//   WORDS of a buffer, ADDR_BITS, BUFFERS (1 or 2)
//   GRADED      1: lanes add weight * value (or value); 0: every event has the value 1
//   MAXIMUM     1: lanes take the maximum of the sum and the value, no weights
//   WEIGHTED, UNWEIGHTED   beats with, without weights occur; weights are 0 in idle lanes
//   FORWARD     0: the engine never issues beats that close (HAZARD_STALL)
// Ports:
//   beat_*      the beat that issues in this cycle
//   weights     its weight word, in the next cycle
//   sweep_ren, sweep_buffer, sweep_addr   read for the sweep; sweep_data in the next cycle, held
//               until the next read; unless sweep_keep, the word is set to 0 at the end of that
//               next cycle
//   clear, clear_addr   zero a word of every buffer; addresses from WORDS on do nothing
// A buffer is never swept and added to at once.

module accumulator #(
  parameter LANES = 4,
  parameter ACC_BITS = 16,
  parameter WEIGHT_BITS = 8,
  parameter VALUE_BITS = 1,
  parameter WORDS = 4,
  parameter ADDR_BITS = 2,
  parameter BUFFERS = 2,
  parameter GRADED = 0,
  parameter MAXIMUM = 0,
  parameter WEIGHTED = 1,
  parameter UNWEIGHTED = 0,
  parameter FORWARD = 1
) (
  input  wire                         clk,
  input  wire                         rst,
  input  wire                         beat_valid,
  input  wire                         beat_buffer,
  input  wire [ADDR_BITS-1:0]         beat_addr,
  input  wire [LANES-1:0]             beat_mask,
  input  wire [VALUE_BITS-1:0]        beat_value,
  input  wire                         beat_weighted,
  input  wire [LANES*WEIGHT_BITS-1:0] weights,
  input  wire                         sweep_ren,
  input  wire                         sweep_keep,
  input  wire                         sweep_buffer,
  input  wire [ADDR_BITS-1:0]         sweep_addr,
  output wire [LANES*ACC_BITS-1:0]    sweep_data,
  input  wire                         clear,
  input  wire [ADDR_BITS-1:0]         clear_addr
);

  localparam WORD = LANES * ACC_BITS;
  localparam [ADDR_BITS:0] LIMIT = WORDS[ADDR_BITS:0];

  // The beat that adds (1) and the one that writes (2).
  reg                  valid_1, valid_2, buffer_1, buffer_2, weighted_1;
  reg [ADDR_BITS-1:0]  addr_1, addr_2;
  reg [LANES-1:0]      mask_1;
  reg [VALUE_BITS-1:0] value_1;
  reg [WORD-1:0]       sum_2;
  wire [WORD-1:0]      sum;

  // The word the sweep has read and now clears.
  reg                  swept, swept_buffer;
  reg [ADDR_BITS-1:0]  swept_addr;

  always @(posedge clk)
    if (rst) begin
      valid_1 <= 1'b0;
      valid_2 <= 1'b0;
      swept <= 1'b0;
    end else begin
      valid_1 <= beat_valid;
      valid_2 <= valid_1;
      swept <= sweep_ren && !sweep_keep;
    end

  always @(posedge clk) begin
    buffer_1 <= beat_buffer;
    addr_1 <= beat_addr;
    mask_1 <= beat_mask;
    value_1 <= beat_value;
    weighted_1 <= beat_weighted;
    buffer_2 <= buffer_1;
    addr_2 <= addr_1;
    sum_2 <= sum;
    if (sweep_ren) begin
      swept_buffer <= sweep_buffer;
      swept_addr <= sweep_addr;
    end
  end

  wire            clearing = clear && {1'b0, clear_addr} < LIMIT;
  wire            suppress;
  wire [BUFFERS*WORD-1:0] rdata;

  generate
    genvar b;
    for (b = 0; b < BUFFERS; b = b + 1) begin : bank
      localparam [0:0] HERE = b == 1;
      wire beat_here = beat_valid && beat_buffer == HERE;
      wire sum_here = valid_2 && buffer_2 == HERE;
      wire swept_here = swept && swept_buffer == HERE;
      wire sweep_here = sweep_ren && sweep_buffer == HERE;
      ram #(.WIDTH(WORD), .DEPTH(WORDS), .ADDR_BITS(ADDR_BITS)) words (
        .clk(clk),
        .ren((beat_here && !suppress) || sweep_here),
        .raddr(beat_here ? beat_addr : sweep_addr),
        .rdata(rdata[b*WORD +: WORD]),
        .wen(clearing || sum_here || swept_here),
        .waddr(clearing ? clear_addr : sum_here ? addr_2 : swept_addr),
        .wdata(!clearing && sum_here ? sum_2 : {WORD{1'b0}})
      );
`ifdef PULVINAR_ASSERT
      always @(posedge clk)
        if (!rst && ((beat_here && sweep_here) || (sum_here && swept_here))) begin
          $display("ASSERT %m: a buffer is swept while it is added to");
          $finish;
        end
`endif
    end
  endgenerate

  // What the beat and the sweep have read.
  wire [WORD-1:0] first = rdata[0 +: WORD];
  wire [WORD-1:0] second = rdata[(BUFFERS-1)*WORD +: WORD];
  wire [WORD-1:0] read = buffer_1 ? second : first;
  assign sweep_data = swept_buffer ? second : first;

  // The word as it is when the beat adds.
  wire [WORD-1:0] old;

  generate
    if (FORWARD != 0) begin : forward
      reg            held_1;
      reg [WORD-1:0] written;
      wire same = valid_2 && buffer_2 == buffer_1 && addr_2 == addr_1;
      assign suppress = valid_2 && buffer_2 == beat_buffer && addr_2 == beat_addr;
      always @(posedge clk) begin
        held_1 <= suppress;
        written <= sum_2;
      end
      assign old = same ? sum_2 : held_1 ? written : read;
    end else begin : no_forward
      assign suppress = 1'b0;
      assign old = read;
    end
  endgenerate

  // What every active lane adds, sign-extended and cut to the width of the sums.
  localparam PRODUCT = WEIGHT_BITS + VALUE_BITS;
  wire [PRODUCT-1:0] value_wide = GRADED != 0
    ? {{WEIGHT_BITS{value_1[VALUE_BITS-1]}}, value_1} : {{(PRODUCT-1){1'b0}}, 1'b1};

  generate
    genvar l;
    for (l = 0; l < LANES; l = l + 1) begin : lane
      wire [WEIGHT_BITS-1:0] weight = weights[l*WEIGHT_BITS +: WEIGHT_BITS];
      wire [PRODUCT-1:0] weight_wide = {{VALUE_BITS{weight[WEIGHT_BITS-1]}}, weight};
      wire [PRODUCT-1:0] weighted_term;
      if (WEIGHTED != 0 && GRADED != 0) begin : multiply
        assign weighted_term = $signed(weight_wide) * $signed(value_wide);
      end else begin : plain
        assign weighted_term = weight_wide;
      end
      wire with_weight = UNWEIGHTED == 0 || (WEIGHTED != 0 && weighted_1);
      wire active = UNWEIGHTED == 0 || mask_1[l];
      wire [PRODUCT-1:0] narrow = with_weight ? weighted_term : value_wide;
      wire [ACC_BITS+PRODUCT-1:0] wide = {{ACC_BITS{narrow[PRODUCT-1]}}, narrow};
      wire [ACC_BITS-1:0] term = wide[ACC_BITS-1:0];
      wire [ACC_BITS-1:0] previous = old[l*ACC_BITS +: ACC_BITS];
      wire [ACC_BITS-1:0] result;
      if (MAXIMUM != 0) begin : maximum
        assign result = $signed(previous) < $signed(term) ? term : previous;
      end else begin : add
        assign result = previous + term;
      end
      assign sum[l*ACC_BITS +: ACC_BITS] = active ? result : previous;
      wire unused = &{1'b0, wide, mask_1[l], weighted_1};
    end
  endgenerate

endmodule
