// Address generator of one synapse of a slice: turns an event into beats, one a cycle.
//
// Beats come in the order kernel row, kernel column, channel block (docs/machine.md section 5).
// Taps of an input row are described by their number and the first one; the next ones follow at
// constant steps. All offsets in the tables and steps are already multiplied out.
//
// Parameters:
//   MODE               0 dense: every channel reaches blocks 0..BLOCKS-1; weights by channel
//                      1 channel: channel i reaches lane (i - CHANNEL_FIRST) alone, no weights
//                      2 table: CHANNEL_TABLE says what a channel reaches
//   LANES              a power of two
//   CHANNEL_BITS, ROW_BITS, COLUMN_BITS   widths of the event's coordinates
//   ACC_ADDR_BITS, WEIGHT_ADDR_BITS       widths of word addresses
//   TAP_BITS           width of a number of taps of one row or column
//   BLOCK_BITS         width of a number of channel blocks
//   ROWS, COLUMNS      input rows and columns
//   ROW_TABLE          per input row, lowest first: {accumulator offset of its first tap
//                      [ACC_ADDR_BITS], weight offset [WEIGHT_ADDR_BITS], taps [TAP_BITS]}
//   COLUMN_TABLE       the same per input column
//   ROW_ACC_STEP, COLUMN_ACC_STEP         subtracted from tap to tap; modulo 2^ACC_ADDR_BITS, so that
//                      outputs may rise too (transposed windows)
//   ROW_WEIGHT_STEP, COLUMN_WEIGHT_STEP   added from tap to tap
//   BLOCKS, LAST_MASK  mode 0: channel blocks, lanes of the last one
//   WEIGHT_BASE        modes 0, 2: address of the synapse's first weight word
//   CHANNEL_STRIDE     mode 0: weight words of a channel
//   CHANNEL_FIRST, CHANNELS               mode 1: channels held
//   TABLE_CHANNELS, CHANNEL_TABLE         mode 2, per input channel, lowest first:
//                      {mask of the last block [LANES], mask of the first block [LANES], weight
//                      offset [WEIGHT_ADDR_BITS], first block [ACC_ADDR_BITS], blocks
//                      [BLOCK_BITS], 0 if nothing is reached}; a single block has both masks
//
// Ports: start loads the event at probe_*; from the next cycle on pending says that a beat is
// there: acc_addr, weight_addr, lane_mask, beat_last; advance (only while pending) goes on.
// start may come with the last advance. Between beats there are no empty cycles.

module address_generator #(
  parameter MODE = 0,
  parameter LANES = 4,
  parameter CHANNEL_BITS = 1,
  parameter ROW_BITS = 1,
  parameter COLUMN_BITS = 1,
  parameter ACC_ADDR_BITS = 4,
  parameter WEIGHT_ADDR_BITS = 4,
  parameter TAP_BITS = 2,
  parameter BLOCK_BITS = 1,
  parameter ROWS = 1,
  parameter COLUMNS = 1,
  parameter [ROWS*(ACC_ADDR_BITS+WEIGHT_ADDR_BITS+TAP_BITS)-1:0] ROW_TABLE = 1,
  parameter [COLUMNS*(ACC_ADDR_BITS+WEIGHT_ADDR_BITS+TAP_BITS)-1:0] COLUMN_TABLE = 1,
  parameter [ACC_ADDR_BITS-1:0] ROW_ACC_STEP = 0,
  parameter [ACC_ADDR_BITS-1:0] COLUMN_ACC_STEP = 0,
  parameter [WEIGHT_ADDR_BITS-1:0] ROW_WEIGHT_STEP = 0,
  parameter [WEIGHT_ADDR_BITS-1:0] COLUMN_WEIGHT_STEP = 0,
  parameter [BLOCK_BITS-1:0] BLOCKS = 1,
  parameter [LANES-1:0] LAST_MASK = {LANES{1'b1}},
  parameter [WEIGHT_ADDR_BITS-1:0] WEIGHT_BASE = 0,
  parameter [WEIGHT_ADDR_BITS-1:0] CHANNEL_STRIDE = 1,
  parameter [CHANNEL_BITS-1:0] CHANNEL_FIRST = 0,
  parameter [CHANNEL_BITS:0] CHANNELS = 1,
  parameter TABLE_CHANNELS = 1,
  parameter [TABLE_CHANNELS*(2*LANES+WEIGHT_ADDR_BITS+ACC_ADDR_BITS+BLOCK_BITS)-1:0]
    CHANNEL_TABLE = 0
) (
  input  wire                        clk,
  input  wire                        rst,
  input  wire [CHANNEL_BITS-1:0]     probe_i,
  input  wire [ROW_BITS-1:0]         probe_y,
  input  wire [COLUMN_BITS-1:0]      probe_x,
  input  wire                        start,
  input  wire                        advance,
  output reg                         pending,
  output wire                        beat_last,
  output reg  [ACC_ADDR_BITS-1:0]    acc_addr,
  output reg  [WEIGHT_ADDR_BITS-1:0] weight_addr,
  output wire [LANES-1:0]            lane_mask
);

  localparam LINE = ACC_ADDR_BITS + WEIGHT_ADDR_BITS + TAP_BITS;
  localparam [TAP_BITS-1:0] ONE_TAP = 1;
  localparam [BLOCK_BITS-1:0] ONE_BLOCK = 1;
  localparam [ACC_ADDR_BITS-1:0] ONE_WORD = 1;
  localparam [WEIGHT_ADDR_BITS-1:0] ONE_WEIGHT = 1;

  // What the event's row, column and channel say.
  wire [LINE-1:0] row, column;

  lookup #(.WIDTH(LINE), .DEPTH(ROWS), .INDEX_BITS(ROW_BITS), .DATA(ROW_TABLE)) row_table (
    .index(probe_y), .entry(row)
  );
  lookup #(.WIDTH(LINE), .DEPTH(COLUMNS), .INDEX_BITS(COLUMN_BITS), .DATA(COLUMN_TABLE))
    column_table (.index(probe_x), .entry(column));

  wire [TAP_BITS-1:0]         row_taps = row[0 +: TAP_BITS];
  wire [TAP_BITS-1:0]         column_taps = column[0 +: TAP_BITS];
  wire [WEIGHT_ADDR_BITS-1:0] row_offset = row[TAP_BITS +: WEIGHT_ADDR_BITS];
  wire [WEIGHT_ADDR_BITS-1:0] column_offset = column[TAP_BITS +: WEIGHT_ADDR_BITS];
  wire [ACC_ADDR_BITS-1:0]    row_word = row[TAP_BITS+WEIGHT_ADDR_BITS +: ACC_ADDR_BITS];
  wire [ACC_ADDR_BITS-1:0]    column_word = column[TAP_BITS+WEIGHT_ADDR_BITS +: ACC_ADDR_BITS];

  wire [BLOCK_BITS-1:0]       blocks;
  wire [ACC_ADDR_BITS-1:0]    first_block;
  wire [WEIGHT_ADDR_BITS-1:0] channel_offset;
  wire [LANES-1:0]            first_mask, last_mask;

  // Registers of the event: what is left, and where row, tap and beat are.
  reg [BLOCK_BITS-1:0]       blocks_left, event_blocks;
  reg [TAP_BITS-1:0]         rows_left, columns_left, event_columns;
  reg [ACC_ADDR_BITS-1:0]    row_acc, tap_acc;
  reg [WEIGHT_ADDR_BITS-1:0] row_weight, tap_weight;

  generate
    if (MODE == 0) begin : dense
      // The product takes part in sums of WEIGHT_ADDR_BITS only.
      localparam WIDE = CHANNEL_BITS + WEIGHT_ADDR_BITS;
      wire [WIDE-1:0] channel = {{WEIGHT_ADDR_BITS{1'b0}}, probe_i};
      wire [WIDE-1:0] stride = {{CHANNEL_BITS{1'b0}}, CHANNEL_STRIDE};
      wire [WIDE-1:0] product = channel * stride;
      wire unused = &{1'b0, product[WIDE-1:WEIGHT_ADDR_BITS], first_mask, last_mask};
      assign blocks = BLOCKS;
      assign first_block = {ACC_ADDR_BITS{1'b0}};
      assign channel_offset = product[WEIGHT_ADDR_BITS-1:0];
      assign first_mask = LAST_MASK;
      assign last_mask = LAST_MASK;
      assign lane_mask = blocks_left == ONE_BLOCK ? LAST_MASK : {LANES{1'b1}};
    end else if (MODE == 1) begin : channel
      localparam LOG = $clog2(LANES);
      localparam WIDE = CHANNEL_BITS + 1 + ACC_ADDR_BITS + LOG;
      reg  [LANES-1:0] held_mask;
      wire [CHANNEL_BITS:0] local_channel = {1'b0, probe_i} - {1'b0, CHANNEL_FIRST};
      // Negative for the channels held.
      wire [CHANNEL_BITS+1:0] beyond = {1'b0, local_channel} - {1'b0, CHANNELS};
      wire [WIDE-1:0] wide = {{(WIDE-CHANNEL_BITS-1){1'b0}}, local_channel};
      wire [WIDE-1:0] lane = wide & ~({WIDE{1'b1}} << LOG);
      wire unused = &{1'b0, beyond, wide, last_mask, WEIGHT_BASE};
      assign blocks = beyond[CHANNEL_BITS+1] ? ONE_BLOCK : {BLOCK_BITS{1'b0}};
      assign first_block = wide[LOG +: ACC_ADDR_BITS];
      assign channel_offset = {WEIGHT_ADDR_BITS{1'b0}};
      assign first_mask = {{(LANES-1){1'b0}}, 1'b1} << lane;
      assign last_mask = first_mask;
      assign lane_mask = held_mask;
      always @(posedge clk)
        if (start) held_mask <= first_mask;
    end else begin : table_lookup
      localparam ENTRY = 2*LANES + WEIGHT_ADDR_BITS + ACC_ADDR_BITS + BLOCK_BITS;
      localparam BASE = BLOCK_BITS + ACC_ADDR_BITS;
      wire [ENTRY-1:0] entry;
      reg  [LANES-1:0] held_first, held_last;
      lookup #(
        .WIDTH(ENTRY), .DEPTH(TABLE_CHANNELS), .INDEX_BITS(CHANNEL_BITS), .DATA(CHANNEL_TABLE)
      ) channel_table (.index(probe_i), .entry(entry));
      assign blocks = entry[0 +: BLOCK_BITS];
      assign first_block = entry[BLOCK_BITS +: ACC_ADDR_BITS];
      assign channel_offset = entry[BASE +: WEIGHT_ADDR_BITS];
      assign first_mask = entry[BASE+WEIGHT_ADDR_BITS +: LANES];
      assign last_mask = entry[BASE+WEIGHT_ADDR_BITS+LANES +: LANES];
      assign lane_mask = blocks_left == event_blocks ? held_first
        : blocks_left == ONE_BLOCK ? held_last : {LANES{1'b1}};
      always @(posedge clk)
        if (start) begin
          held_first <= first_mask;
          held_last <= last_mask;
        end
    end
  endgenerate

  wire any = row_taps != {TAP_BITS{1'b0}} && column_taps != {TAP_BITS{1'b0}}
    && blocks != {BLOCK_BITS{1'b0}};
  wire last_block = blocks_left == ONE_BLOCK;
  wire last_column = columns_left == ONE_TAP;
  wire last_row = rows_left == ONE_TAP;
  assign beat_last = last_block && last_column && last_row;

  wire [ACC_ADDR_BITS-1:0]    first_acc = row_word + column_word + first_block;
  wire [WEIGHT_ADDR_BITS-1:0] first_weight =
    WEIGHT_BASE + channel_offset + row_offset + column_offset;
  wire [ACC_ADDR_BITS-1:0]    next_tap_acc =
    last_column ? row_acc - ROW_ACC_STEP : tap_acc - COLUMN_ACC_STEP;
  wire [WEIGHT_ADDR_BITS-1:0] next_tap_weight =
    last_column ? row_weight + ROW_WEIGHT_STEP : tap_weight + COLUMN_WEIGHT_STEP;

  always @(posedge clk)
    if (rst) pending <= 1'b0;
    else if (start) pending <= any;
    else if (advance && beat_last) pending <= 1'b0;

  always @(posedge clk)
    if (start) begin
      {event_blocks, blocks_left} <= {blocks, blocks};
      {event_columns, columns_left} <= {column_taps, column_taps};
      rows_left <= row_taps;
      {row_acc, tap_acc, acc_addr} <= {first_acc, first_acc, first_acc};
      {row_weight, tap_weight, weight_addr} <= {first_weight, first_weight, first_weight};
    end else if (advance && !last_block) begin
      blocks_left <= blocks_left - ONE_BLOCK;
      acc_addr <= acc_addr + ONE_WORD;
      weight_addr <= weight_addr + ONE_WEIGHT;
    end else if (advance) begin
      blocks_left <= event_blocks;
      {tap_acc, acc_addr} <= {next_tap_acc, next_tap_acc};
      {tap_weight, weight_addr} <= {next_tap_weight, next_tap_weight};
      columns_left <= last_column ? event_columns : columns_left - ONE_TAP;
      if (last_column) begin
        rows_left <= rows_left - ONE_TAP;
        row_acc <= next_tap_acc;
        row_weight <= next_tap_weight;
      end
    end

endmodule
