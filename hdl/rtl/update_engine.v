// Update engine: issues the words of a sweep and carries their places through the six stages
// before the encoder.
//
// Parameters: ROWS, COLUMNS, BLOCKS of the slice (words = their product; block fastest, then
//             column, then row); WORD_BITS, ROW_BITS, COLUMN_BITS, BLOCK_BITS (at least 1);
//             STEP_BITS, PASS_BITS; ADDRESS_BITS of an event, ADDRESS_FIRST of lane 0 of word 0,
//             BLOCK_STRIDE between the addresses of lane 0 of neighbouring blocks (lanes *
//             height * width of the value). Addresses of neighbouring positions differ by 1.
// Ports:      start    in cycle s: a sweep of start_pass, start_step begins. The engine is idle and
//                      the encoder empty.
//             advance  every stage moves at the end of this cycle (the encoder's output).
//             pass, step      of the sweep; valid in cycle s already and until the next start.
//             active          a word is in a stage.
//             stage_*         flat over stages 0 (lowest) to 5: valid, last of the sweep, word,
//                             row, column, block.
//             encode_address  address of lane 0 of the word in stage 5.
// Timing:     word 0 is in stage 0 in cycle s, in stage k in s + k, in the encoder in s + 6.
//             Memories are read with ren = stage_valid[0] && advance; their data then belong to
//             stage 1, also while the pipeline stands.
module update_engine #(
  parameter ROWS = 2,
  parameter COLUMNS = 2,
  parameter BLOCKS = 2,
  parameter WORD_BITS = 3,
  parameter ROW_BITS = 1,
  parameter COLUMN_BITS = 1,
  parameter BLOCK_BITS = 1,
  parameter STEP_BITS = 4,
  parameter PASS_BITS = 1,
  parameter ADDRESS_BITS = 8,
  parameter ADDRESS_FIRST = 0,
  parameter BLOCK_STRIDE = 16
) (
  input  wire                     clk,
  input  wire                     rst,
  input  wire                     start,
  input  wire [PASS_BITS-1:0]     start_pass,
  input  wire [STEP_BITS-1:0]     start_step,
  input  wire                     advance,
  output wire [PASS_BITS-1:0]     pass,
  output wire [STEP_BITS-1:0]     step,
  output wire                     active,
  output wire [5:0]               stage_valid,
  output wire [5:0]               stage_last,
  output wire [6*WORD_BITS-1:0]   stage_word,
  output wire [6*ROW_BITS-1:0]    stage_row,
  output wire [6*COLUMN_BITS-1:0] stage_column,
  output wire [6*BLOCK_BITS-1:0]  stage_block,
  output wire [ADDRESS_BITS-1:0]  encode_address
);
  localparam LAST_ROW = ROWS - 1;
  localparam LAST_COLUMN = COLUMNS - 1;
  localparam LAST_BLOCK = BLOCKS - 1;

  reg [PASS_BITS-1:0] pass_held;
  reg [STEP_BITS-1:0] step_held;
  assign pass = start ? start_pass : pass_held;
  assign step = start ? start_step : step_held;
  always @(posedge clk) begin
    pass_held <= pass;
    step_held <= step;
  end

  // Stage 0: the word to issue. The counters are back at word 0 when a sweep has been issued.
  reg running;
  reg [WORD_BITS-1:0] word;
  reg [ROW_BITS-1:0] row;
  reg [COLUMN_BITS-1:0] column;
  reg [BLOCK_BITS-1:0] block;
  wire issue = start || running;
  wire block_ends = block == LAST_BLOCK[BLOCK_BITS-1:0];
  wire column_ends = block_ends && column == LAST_COLUMN[COLUMN_BITS-1:0];
  wire row_ends = column_ends && row == LAST_ROW[ROW_BITS-1:0];

  always @(posedge clk) begin
    if (rst) begin
      running <= 1'b0;
      word <= {WORD_BITS{1'b0}};
      row <= {ROW_BITS{1'b0}};
      column <= {COLUMN_BITS{1'b0}};
      block <= {BLOCK_BITS{1'b0}};
    end else if (issue && advance) begin
      running <= !row_ends;
      word <= row_ends ? {WORD_BITS{1'b0}} : word + 1'b1;
      block <= block_ends ? {BLOCK_BITS{1'b0}} : block + 1'b1;
      if (block_ends) column <= column_ends ? {COLUMN_BITS{1'b0}} : column + 1'b1;
      if (column_ends) row <= row_ends ? {ROW_BITS{1'b0}} : row + 1'b1;
    end
  end

  // Stages 1 to 5, stage 1 lowest.
  reg [4:0] valid_held;
  reg [4:0] last_held;
  reg [5*WORD_BITS-1:0] word_held;
  reg [5*ROW_BITS-1:0] row_held;
  reg [5*COLUMN_BITS-1:0] column_held;
  reg [5*BLOCK_BITS-1:0] block_held;
  assign stage_valid = {valid_held, issue};
  assign stage_last = {last_held, row_ends};
  assign stage_word = {word_held, word};
  assign stage_row = {row_held, row};
  assign stage_column = {column_held, column};
  assign stage_block = {block_held, block};
  assign active = |stage_valid;

  always @(posedge clk) begin
    if (rst) valid_held <= 5'b0;
    else if (advance) valid_held <= stage_valid[4:0];
    if (advance) begin
      last_held <= stage_last[4:0];
      word_held <= stage_word[5*WORD_BITS-1:0];
      row_held <= stage_row[5*ROW_BITS-1:0];
      column_held <= stage_column[5*COLUMN_BITS-1:0];
      block_held <= stage_block[5*BLOCK_BITS-1:0];
    end
  end

  // Event address of the word that leaves stage 5 next, and of block 0 of its position.
  reg [ADDRESS_BITS-1:0] address;
  reg [ADDRESS_BITS-1:0] position;
  wire leaves = stage_valid[5] && advance;
  wire moves = stage_block[5*BLOCK_BITS +: BLOCK_BITS] == LAST_BLOCK[BLOCK_BITS-1:0];
  wire [ADDRESS_BITS-1:0] position_next =
    stage_last[5] ? ADDRESS_FIRST[ADDRESS_BITS-1:0] : position + 1'b1;
  assign encode_address = address;
  always @(posedge clk) begin
    if (rst) begin
      address <= ADDRESS_FIRST[ADDRESS_BITS-1:0];
      position <= ADDRESS_FIRST[ADDRESS_BITS-1:0];
    end else if (leaves) begin
      address <= moves ? position_next : address + BLOCK_STRIDE[ADDRESS_BITS-1:0];
      if (moves) position <= position_next;
    end
  end

`ifdef PULVINAR_ASSERT
  always @(posedge clk) begin
    if (rst === 1'b0 && start === 1'b1 && (running || valid_held != 5'b0 || !advance)) begin
      $display("ASSERT %m: a sweep starts while another one is under way");
      $finish;
    end
  end
`endif
endmodule
