// Attention engine of a home slice: merges statistics and evaluates the small nodes of a pass,
// operation by operation, by a micro-program (assembled by hdl/src/attention.rs, which says what a
// field means).
//
// With ROUNDS, where attention goes along with the steps and keeps values from round to round, an
// operation has two more numbers: `from` and `span`. In rounds outside from .. from + span - 1 it
// folds nothing and writes zeros. A round ends with the last program.
//
// LANES lanes work on neighbouring outputs of an operation, each on one element of its reduction a
// cycle. Programs of all passes follow each other; every `start` runs the next one.
//
// Parameters: LANES (power of two), LANE_BITS = log2(LANES); WIDTH of every value (signed);
//             FACTOR_BITS of the second factor of a product; FIELD bits of a number of the program;
//             ROWS, ROW_BITS of the operand memory (rows of LANES words); OPERATIONS, PC_BITS,
//             PROGRAM file; WEIGHT_BITS, WEIGHTS words of LANES weights, WEIGHT_ADDR_BITS, WEIGHT
//             file; BIAS_BITS, BIASES, BIAS_ADDR_BITS, BIAS file likewise; TABLE_BITS, ENTRIES,
//             ENTRY_BITS (address), TABLE file of one entry a word; ROUNDS 1: operations have rounds.
// Ports:      start (comb, one cycle): the statistics of the next pass are complete. running: from
//             the cycle after start to the one before finish (register). ending: the next cycle is
//             the finish; finish (register): the program is finished, its gates are in the gate
//             memory and may be read. stat_ren[l], stat_addr, stat_tap: lane l reads its own word
//             {row, lane} of tap stat_tap (numbers count over all passes); stat_data in the next
//             cycle, sign extended. arrived_ren[l], arrived_addr, arrived_data: the same of the
//             arrived statistics. gate_wen[l], gate_addr, gate_data: word gate_addr + l of the gate
//             memory gets part l.
// Timing:     an operation of n beats takes 4 + n cycles; the first of a program begins with start,
//             its beats issue from the second cycle on, and a result is written 3 cycles after its
//             last beat. Hold rst for at least 2 cycles.
module attention_engine #(
  parameter LANES = 4,
  parameter LANE_BITS = 2,
  parameter WIDTH = 16,
  parameter FACTOR_BITS = 16,
  parameter FIELD = 8,
  parameter ROWS = 16,
  parameter ROW_BITS = 4,
  parameter OPERATIONS = 2,
  parameter PC_BITS = 1,
  parameter PROGRAM = "program.mem",
  parameter WEIGHT_BITS = 8,
  parameter WEIGHTS = 2,
  parameter WEIGHT_ADDR_BITS = 1,
  parameter WEIGHT = "weight.mem",
  parameter BIAS_BITS = 8,
  parameter BIASES = 2,
  parameter BIAS_ADDR_BITS = 1,
  parameter BIAS = "bias.mem",
  parameter TABLE_BITS = 8,
  parameter ENTRIES = 2,
  parameter ENTRY_BITS = 1,
  parameter TABLE = "table.mem",
  parameter ROUNDS = 0
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   start,
  output wire                   running,
  output wire                   ending,
  output reg                    finish,
  output wire [LANES-1:0]       stat_ren,
  output wire [LANES*FIELD-1:0] stat_addr,
  output wire [4:0]             stat_tap,
  input  wire [LANES*WIDTH-1:0] stat_data,
  output wire [LANES-1:0]       arrived_ren,
  output wire [LANES*FIELD-1:0] arrived_addr,
  input  wire [LANES*WIDTH-1:0] arrived_data,
  output wire [LANES-1:0]       gate_wen,
  output wire [FIELD-1:0]       gate_addr,
  output wire [LANES*WIDTH-1:0] gate_data
);
  localparam PRODUCT = WIDTH + FACTOR_BITS;
  localparam ADDR_BITS = ROW_BITS + LANE_BITS;
  // An operation: header, NUMBERS fields, limits and multiplier, 8 fields a lane.
  localparam HEADER = 21;
  localparam NUMBERS = ROUNDS != 0 ? 69 : 67;
  localparam LIMITS = HEADER + NUMBERS * FIELD;
  localparam FIRSTS = LIMITS + 2 * WIDTH + 16;
  localparam OPERATION_BITS = FIRSTS + LANES * 8 * FIELD;
  localparam [31:0] LAST_PC = OPERATIONS - 1;
  localparam [PC_BITS-1:0] LAST_OPERATION = LAST_PC[PC_BITS-1:0];
  localparam [31:0] ALL_LANES = LANES;
  localparam [FIELD-1:0] LANE_COUNT = ALL_LANES[FIELD-1:0];

  // The operation under way (or next, while idle).
  (* rom_style = "logic", ram_style = "logic" *)
  reg [OPERATION_BITS-1:0] listing [0:OPERATIONS-1];
  reg [OPERATION_BITS-1:0] operation;
  reg [PC_BITS-1:0] pc;
  initial $readmemh(PROGRAM, listing);

  wire [3:0] kind = operation[3:0];
  wire from_statistics = operation[4];
  wire from_arrivals = operation[5];
  wire constant = operation[6];
  wire keep = operation[7];
  wire hand = operation[8];
  wire stop = operation[9];
  wire [5:0] shift = operation[15:10];
  assign stat_tap = operation[20:16];
  wire ranks = kind == 4'd9;
  wire [NUMBERS*FIELD-1:0] number = operation[HEADER +: NUMBERS*FIELD];
  wire [4*FIELD-1:0] radix = number[0 +: 4*FIELD];
  wire [4*FIELD-1:0] grow = number[4*FIELD +: 4*FIELD];
  wire [FIELD-1:0] last_block = number[8*FIELD +: FIELD];
  wire [FIELD-1:0] tail = number[9*FIELD +: FIELD];
  wire [4*FIELD-1:0] folds = number[10*FIELD +: 4*FIELD];
  wire [5*FIELD-1:0] x_steps = number[14*FIELD +: 5*FIELD];
  wire [4*FIELD-1:0] x_moves = number[19*FIELD +: 4*FIELD];
  wire [5*FIELD-1:0] y_steps = number[23*FIELD +: 5*FIELD];
  wire [4*FIELD-1:0] y_moves = number[28*FIELD +: 4*FIELD];
  wire [5*FIELD-1:0] row_steps = number[32*FIELD +: 5*FIELD];
  wire [4*FIELD-1:0] row_moves = number[37*FIELD +: 4*FIELD];
  wire [FIELD-1:0] row_bound = number[41*FIELD +: FIELD];
  wire [5*FIELD-1:0] column_steps = number[42*FIELD +: 5*FIELD];
  wire [4*FIELD-1:0] column_moves = number[47*FIELD +: 4*FIELD];
  wire [FIELD-1:0] column_bound = number[51*FIELD +: FIELD];
  wire [FIELD-1:0] weight_first = number[52*FIELD +: FIELD];
  wire [5*FIELD-1:0] weight_steps = number[53*FIELD +: 5*FIELD];
  wire [FIELD-1:0] bias_first = number[58*FIELD +: FIELD];
  wire [5*FIELD-1:0] bias_steps = number[59*FIELD +: 5*FIELD];
  wire [FIELD-1:0] place_first = number[64*FIELD +: FIELD];
  wire [FIELD-1:0] gate_first = number[65*FIELD +: FIELD];
  wire [FIELD-1:0] table_offset = number[66*FIELD +: FIELD];
  wire [FIELD-1:0] from = number[(NUMBERS-2)*FIELD +: FIELD];
  wire [FIELD-1:0] span = number[(NUMBERS-1)*FIELD +: FIELD];
  wire [WIDTH-1:0] low = operation[LIMITS +: WIDTH];
  wire [WIDTH-1:0] high = operation[LIMITS+WIDTH +: WIDTH];
  wire [15:0] multiplier = operation[LIMITS+2*WIDTH +: 16];

  // Sequencer: beats, then three cycles in which the results land and the next operation comes.
  localparam [2:0] IDLE = 0, WORK = 1, FETCH = 2, TURN = 3, PRIME = 4, LOAD = 5;
  reg [2:0] state;
  reg stopping;
  wire load = state == LOAD || state == IDLE && start;
  wire prime = state == PRIME || state == IDLE;
  wire issue = state == WORK;
  wire last_fold, block_end, work_end;
  assign running = state != IDLE;
  assign ending = state == PRIME && stopping;

  always @(posedge clk) begin
    finish <= ending && !rst;
    if (rst) state <= IDLE;
    else case (state)
      IDLE: if (start) state <= WORK;
      WORK: if (work_end) state <= FETCH;
      FETCH: state <= TURN;
      TURN: state <= PRIME;
      PRIME: state <= stopping ? IDLE : LOAD;
      default: state <= WORK;
    endcase
    if (load) stopping <= stop;
    if (rst) pc <= {PC_BITS{1'b0}};
    else if (state == FETCH) pc <= pc == LAST_OPERATION ? {PC_BITS{1'b0}} : pc + 1'b1;
    operation <= listing[pc];
  end

  // The round, and whether the operation has something to do in it.
  wire outside;
  generate
    if (ROUNDS != 0) begin : rounds
      reg [FIELD-1:0] round;
      wire [FIELD-1:0] since = round - from;
      assign outside = since >= span;
      always @(posedge clk) begin
        if (rst) round <= {FIELD{1'b0}};
        else if (state == PRIME && stopping && pc == {PC_BITS{1'b0}}) round <= round + 1'b1;
      end
    end else begin : no_rounds
      wire unused_rounds = &{1'b0, from, span};
      assign outside = 1'b0;
    end
  endgenerate

  // The reduction: digits common to all lanes, and offsets of the element from the block's first.
  reg [4*FIELD-1:0] element;
  reg [FIELD-1:0] x_offset, y_offset, row_offset, column_offset;
  reg [FIELD-1:0] block;
  reg first_fold;
  wire [3:0] full;
  genvar d;
  generate
    for (d = 0; d < 4; d = d + 1) begin : digit
      assign full[d] = outside || element[d*FIELD +: FIELD] == folds[d*FIELD +: FIELD];
    end
  endgenerate
  wire [3:1] wrap = {&full[2:0], &full[1:0], full[0]};
  assign last_fold = &full;
  assign block_end = issue && last_fold;
  wire last = block == last_block;
  assign work_end = block_end && last;

  function [FIELD-1:0] move(input [4*FIELD-1:0] moves, input [3:1] to);
    move = to[3] ? moves[3*FIELD +: FIELD] : to[2] ? moves[2*FIELD +: FIELD] :
           to[1] ? moves[FIELD +: FIELD] : moves[0 +: FIELD];
  endfunction

  integer n;
  always @(posedge clk) begin
    if (load || block_end) begin
      element <= {4*FIELD{1'b0}};
      x_offset <= {FIELD{1'b0}};
      y_offset <= {FIELD{1'b0}};
      row_offset <= {FIELD{1'b0}};
      column_offset <= {FIELD{1'b0}};
      first_fold <= 1'b1;
    end else if (issue) begin
      element[0 +: FIELD] <= full[0] ? {FIELD{1'b0}} : element[0 +: FIELD] + 1'b1;
      for (n = 1; n < 4; n = n + 1)
        if (wrap[n])
          element[n*FIELD +: FIELD] <= full[n] ? {FIELD{1'b0}} : element[n*FIELD +: FIELD] + 1'b1;
      x_offset <= x_offset + move(x_moves, wrap);
      y_offset <= y_offset + move(y_moves, wrap);
      row_offset <= row_offset + move(row_moves, wrap);
      column_offset <= column_offset + move(column_moves, wrap);
      first_fold <= 1'b0;
    end
    if (load) block <= {FIELD{1'b0}};
    else if (block_end) block <= block + 1'b1;
  end

  // Weights and biases: words of all lanes, addressed by lane 0's output channel.
  wire [LANES*4-1:0] carries;
  wire [3:0] carry = carries[3:0];

  function [FIELD-1:0] total(input [5*FIELD-1:0] steps, input [3:0] taken);
    total = steps[0 +: FIELD] +
      (taken[0] ? steps[FIELD +: FIELD] : {FIELD{1'b0}}) +
      (taken[1] ? steps[2*FIELD +: FIELD] : {FIELD{1'b0}}) +
      (taken[2] ? steps[3*FIELD +: FIELD] : {FIELD{1'b0}}) +
      (taken[3] ? steps[4*FIELD +: FIELD] : {FIELD{1'b0}});
  endfunction

  reg [FIELD-1:0] weight_base, weight_at, bias_at;
  wire [FIELD-1:0] weight_next = weight_base + total(weight_steps, carry);
  always @(posedge clk) begin
    if (load) {weight_base, weight_at, bias_at} <= {weight_first, weight_first, bias_first};
    else if (block_end) begin
      weight_base <= weight_next;
      weight_at <= weight_next;
      bias_at <= bias_at + total(bias_steps, carry);
    end else if (issue) weight_at <= weight_at + 1'b1;
  end

  wire weighted = kind == 4'd0;
  wire [LANES*WEIGHT_BITS-1:0] weights;
  wire [LANES*BIAS_BITS-1:0] biases;
  wire unused_addresses = &{1'b0, weight_at, bias_at, carries};
  rom #(.WIDTH(LANES*WEIGHT_BITS), .DEPTH(WEIGHTS), .ADDR_BITS(WEIGHT_ADDR_BITS), .FILE(WEIGHT))
    weight_rom (.clk(clk), .ren(issue && weighted), .raddr(weight_at[WEIGHT_ADDR_BITS-1:0]),
                .rdata(weights));
  rom #(.WIDTH(LANES*BIAS_BITS), .DEPTH(BIASES), .ADDR_BITS(BIAS_ADDR_BITS), .FILE(BIAS))
    bias_rom (.clk(clk), .ren(issue && weighted && first_fold),
              .raddr(bias_at[BIAS_ADDR_BITS-1:0]), .rdata(biases));

  // Stages 1 to 3 behind the issue. The next operation's fields are there from stage 3 of the last
  // beat on.
  reg valid1, valid2, valid3, first1, first2, last1, last2, last3, keep3, hand3, rank3, outside3;
  reg [LANES-1:0] active1, active2, active3;
  reg [WIDTH-1:0] low3, high3;
  reg [PRODUCT-1:0] rounding;
  reg [FIELD-1:0] place, gate;
  wire [LANES-1:0] active;
  wire write = valid3 && last3;
  wire [PRODUCT:0] twice = {{PRODUCT{1'b0}}, 1'b1} << shift;
  wire unused_bit = &{1'b0, twice[0]};

  always @(posedge clk) begin
    {valid3, valid2, valid1} <= rst ? 3'b000 : {valid2, valid1, issue};
    {first2, first1} <= {first1, first_fold};
    {last3, last2, last1} <= {last2, last1, last_fold};
    {active3, active2, active1} <= {active2, active1, active};
    {keep3, hand3, rank3, outside3, low3, high3} <= {keep, hand, ranks, outside, low, high};
    rounding <= twice[PRODUCT:1];
    if (load) {place, gate} <= {place_first, gate_first};
    else if (write) {place, gate} <= {place + LANE_COUNT, gate + LANE_COUNT};
  end

  // Lanes and the operand memory: port l is the first operand of lane l, port LANES + l the second.
  wire two = kind[3] || kind[2] && kind[1] || kind == 4'd5 && !constant;
  wire [2*LANES-1:0] ren;
  wire [2*LANES*ADDR_BITS-1:0] raddr;
  wire [2*LANES*WIDTH-1:0] rdata;
  wire [LANES*WIDTH-1:0] computed;
  wire [LANES*WIDTH-1:0] results = outside3 ? {LANES*WIDTH{1'b0}} : computed;
  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : lane
      localparam [31:0] INDEX = l;
      localparam [FIELD-1:0] LANE = INDEX[FIELD-1:0];
      wire [FIELD-1:0] x_addr, y_addr, table_addr;
      wire present;
      wire [TABLE_BITS-1:0] entry;
      wire unused_high = &{1'b0, x_addr, y_addr, table_addr};
      assign active[l] = !last || LANE < tail;
      assign ren[l] = issue && active[l] && (present || ranks) && !from_statistics;
      assign ren[LANES+l] = issue && active[l] && two && !from_arrivals;
      assign raddr[l*ADDR_BITS +: ADDR_BITS] = x_addr[ADDR_BITS-1:0];
      assign raddr[(LANES+l)*ADDR_BITS +: ADDR_BITS] = y_addr[ADDR_BITS-1:0];
      assign stat_ren[l] = issue && active[l] && present && from_statistics;
      assign stat_addr[l*FIELD +: FIELD] = x_addr;
      assign arrived_ren[l] = issue && active[l] && from_arrivals;
      assign arrived_addr[l*FIELD +: FIELD] = y_addr;

      rom #(.WIDTH(TABLE_BITS), .DEPTH(ENTRIES), .ADDR_BITS(ENTRY_BITS), .FILE(TABLE))
        table_rom (.clk(clk), .ren(valid1 && active1[l] && kind == 4'd4),
                   .raddr(table_addr[ENTRY_BITS-1:0]), .rdata(entry));

      attention_lane #(
        .WIDTH(WIDTH), .FACTOR_BITS(FACTOR_BITS), .FIELD(FIELD), .WEIGHT_BITS(WEIGHT_BITS),
        .BIAS_BITS(BIAS_BITS), .TABLE_BITS(TABLE_BITS)
      ) unit (
        .clk(clk), .prime(prime), .load(load), .advance(block_end),
        .initial_values(operation[FIRSTS+l*8*FIELD +: 8*FIELD]),
        .radix(radix), .grow(grow), .x_steps(x_steps), .y_steps(y_steps),
        .row_steps(row_steps), .column_steps(column_steps),
        .row_bound(row_bound), .column_bound(column_bound),
        .x_offset(x_offset), .y_offset(y_offset), .row_offset(row_offset),
        .column_offset(column_offset), .ranks(ranks), .rank(rank3),
        .carry(carries[l*4 +: 4]), .x_addr(x_addr), .y_addr(y_addr), .present(present),
        .kind(kind), .constant(constant), .multiplier(multiplier), .shift(shift),
        .rounding(rounding), .low(low3), .high(high3), .table_offset(table_offset),
        .x(from_statistics ? stat_data[l*WIDTH +: WIDTH] : rdata[l*WIDTH +: WIDTH]),
        .y(from_arrivals ? arrived_data[l*WIDTH +: WIDTH] : rdata[(LANES+l)*WIDTH +: WIDTH]),
        .weight(weights[l*WEIGHT_BITS +: WEIGHT_BITS]), .table_addr(table_addr),
        .first(first2), .bias(biases[l*BIAS_BITS +: BIAS_BITS]), .entry(entry),
        .result(computed[l*WIDTH +: WIDTH])
      );
    end
  endgenerate

  value_memory #(
    .WIDTH(WIDTH), .ROWS(ROWS), .ROW_BITS(ROW_BITS), .BANKS(LANES), .BANK_BITS(LANE_BITS),
    .READS(2*LANES)
  ) operands (
    .clk(clk), .ren(ren), .raddr(raddr), .rdata(rdata),
    .wen({LANES{write && keep3}} & active3), .waddr(place[ADDR_BITS-1:0]), .wdata(results)
  );
  wire unused_place = &{1'b0, place};

  assign gate_wen = {LANES{write && hand3}} & active3;
  assign gate_addr = gate;
  assign gate_data = results;
endmodule
