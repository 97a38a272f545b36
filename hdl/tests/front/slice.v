// Synapse path of a slice: generators, engine, weight memory, accumulator.
module slice (
  clk, rst, free, take, entry, beat_valid, beat_buffer, beat_addr, beat_mask, busy, busy_buffer,
  recent, stalled, sweep_ren, sweep_buffer, sweep_addr, sweep_data, clear, clear_addr
);
`include "case.vh"
  localparam CHANNEL = VALUE_BITS + COLUMN_BITS + ROW_BITS;
  localparam ENTRY = CHANNEL + CHANNEL_BITS + 1 + GENERATORS;
  input  wire                      clk;
  input  wire                      rst;
  output wire                      free;
  input  wire                      take;
  input  wire [ENTRY-1:0]          entry;
  output wire                      beat_valid;
  output wire                      beat_buffer;
  output wire [ADDR_BITS-1:0]      beat_addr;
  output wire [LANES-1:0]          beat_mask;
  output wire                      busy;
  output wire                      busy_buffer;
  output wire [BUFFERS-1:0]        recent;
  output wire                      stalled;
  input  wire                      sweep_ren;
  input  wire                      sweep_buffer;
  input  wire [ADDR_BITS-1:0]      sweep_addr;
  output wire [LANES*ACC_BITS-1:0] sweep_data;
  input  wire                      clear;
  input  wire [ADDR_BITS-1:0]      clear_addr;

  wire [VALUE_BITS-1:0]   value = entry[0 +: VALUE_BITS];
  wire [COLUMN_BITS-1:0]  x = entry[VALUE_BITS +: COLUMN_BITS];
  wire [ROW_BITS-1:0]     y = entry[VALUE_BITS+COLUMN_BITS +: ROW_BITS];
  wire [CHANNEL_BITS-1:0] i = entry[CHANNEL +: CHANNEL_BITS];

  wire [GENERATORS-1:0] start, advance, pending, last;
  wire [GENERATORS*ADDR_BITS-1:0] acc_addr;
  wire [GENERATORS*WEIGHT_ADDR_BITS-1:0] weight_addr;
  wire [GENERATORS*LANES-1:0] lane_mask;
  wire [WEIGHT_ADDR_BITS-1:0] beat_weight_addr;
  wire [VALUE_BITS-1:0] beat_value;
  wire beat_weighted;
  wire [LANES*WEIGHT_BITS-1:0] weights;

// generators
  synapse_engine #(
    .GENERATORS(GENERATORS), .LANES(LANES), .ACC_ADDR_BITS(ADDR_BITS),
    .WEIGHT_ADDR_BITS(WEIGHT_ADDR_BITS), .VALUE_BITS(VALUE_BITS), .BUFFERS(BUFFERS),
    .HAZARD_STALL(STALL), .WEIGHTED(WEIGHTED_MASK)
  ) engine (
    .clk(clk), .rst(rst), .free(free), .take(take),
    .take_generators(entry[ENTRY-1 -: GENERATORS]), .take_buffer(entry[ENTRY-1-GENERATORS]),
    .take_value(value), .start(start), .advance(advance), .pending(pending), .last(last),
    .acc_addr(acc_addr), .weight_addr(weight_addr), .lane_mask(lane_mask),
    .beat_valid(beat_valid), .beat_buffer(beat_buffer), .beat_addr(beat_addr),
    .beat_weight_addr(beat_weight_addr), .beat_mask(beat_mask), .beat_value(beat_value),
    .beat_weighted(beat_weighted), .busy(busy), .busy_buffer(busy_buffer), .recent(recent),
    .stalled(stalled)
  );
  rom #(
    .WIDTH(LANES*WEIGHT_BITS), .DEPTH(WEIGHT_WORDS), .ADDR_BITS(WEIGHT_ADDR_BITS),
    .FILE("weights.hex")
  ) weight_memory (
    .clk(clk), .ren(beat_valid && beat_weighted), .raddr(beat_weight_addr), .rdata(weights)
  );
  accumulator #(
    .LANES(LANES), .ACC_BITS(ACC_BITS), .WEIGHT_BITS(WEIGHT_BITS), .VALUE_BITS(VALUE_BITS),
    .WORDS(WORDS), .ADDR_BITS(ADDR_BITS), .BUFFERS(BUFFERS), .GRADED(GRADED), .MAXIMUM(MAXIMUM),
    .WEIGHTED(WEIGHTED), .UNWEIGHTED(UNWEIGHTED), .FORWARD(STALL == 0)
  ) accumulator (
    .clk(clk), .rst(rst), .beat_valid(beat_valid), .beat_buffer(beat_buffer),
    .beat_addr(beat_addr), .beat_mask(beat_mask), .beat_value(beat_value),
    .beat_weighted(beat_weighted), .weights(weights), .sweep_ren(sweep_ren),
    .sweep_keep(1'b0),
    .sweep_buffer(sweep_buffer), .sweep_addr(sweep_addr), .sweep_data(sweep_data), .clear(clear),
    .clear_addr(clear_addr)
  );
endmodule
