// One lane of the attention engine: the addresses of its output's operands, and its arithmetic.
//
// The lane's output has four digits in the mixed radix of the operation (digit 0 fastest) and a
// fifth without bound. From one block of outputs to the next the digits grow by `grow`; an address
// grows by step 0 and, for every digit k that carries, by step k + 1. Row and column say whether
// the operand exists (padding, or an entry outside the slice's box): 0 <= row < row_bound, likewise
// the column. In a ranking they say whether y comes before x in the line.
//
// Parameters: as in attention_engine.
// Ports:      prime: take the initial digits (initial = {column, row, y, x, digits 3..0}); load:
//             take the initial addresses, a cycle after a prime; advance: next block. carry:
//             carries from this block to the next (register). x_addr, y_addr, present: of the
//             element `offset`s after the block's first (comb). Cycle after the issue (stage 1): x,
//             y, weight are there; table_addr (comb). Stage 2: bias, entry are there; `first` of a
//             reduction. Stage 3: result (comb). ranks: the operation (kind) is a ranking; rank: the
//             same two stages later.
module attention_lane #(
  parameter WIDTH = 16,
  parameter FACTOR_BITS = 16,
  parameter FIELD = 8,
  parameter WEIGHT_BITS = 8,
  parameter BIAS_BITS = 8,
  parameter TABLE_BITS = 8
) (
  input  wire                         clk,
  input  wire                         prime,
  input  wire                         load,
  input  wire                         advance,
  input  wire [8*FIELD-1:0]           initial_values,
  input  wire [4*FIELD-1:0]           radix,
  input  wire [4*FIELD-1:0]           grow,
  input  wire [5*FIELD-1:0]           x_steps,
  input  wire [5*FIELD-1:0]           y_steps,
  input  wire [5*FIELD-1:0]           row_steps,
  input  wire [5*FIELD-1:0]           column_steps,
  input  wire [FIELD-1:0]             row_bound,
  input  wire [FIELD-1:0]             column_bound,
  input  wire [FIELD-1:0]             x_offset,
  input  wire [FIELD-1:0]             y_offset,
  input  wire [FIELD-1:0]             row_offset,
  input  wire [FIELD-1:0]             column_offset,
  output reg  [3:0]                   carry,
  output wire [FIELD-1:0]             x_addr,
  output wire [FIELD-1:0]             y_addr,
  output wire                         present,
  input  wire [3:0]                   kind,
  input  wire                         ranks,
  input  wire                         rank,
  input  wire                         constant,
  input  wire [15:0]                  multiplier,
  input  wire [5:0]                   shift,
  input  wire [WIDTH+FACTOR_BITS-1:0] rounding,
  input  wire [WIDTH-1:0]             low,
  input  wire [WIDTH-1:0]             high,
  input  wire [FIELD-1:0]             table_offset,
  input  wire [WIDTH-1:0]             x,
  input  wire [WIDTH-1:0]             y,
  input  wire [WEIGHT_BITS-1:0]       weight,
  output wire [FIELD-1:0]             table_addr,
  input  wire                         first,
  input  wire [BIAS_BITS-1:0]         bias,
  input  wire [TABLE_BITS-1:0]        entry,
  output wire [WIDTH-1:0]             result
);
  localparam PRODUCT = WIDTH + FACTOR_BITS;
  localparam [3:0] MAC = 0, SUM = 1, LARGEST = 2, RELU = 3, TABLE = 4, SCALE = 5, ADD = 6;
  localparam [3:0] LARGER = 7, PRODUCT_SUM = 8, RANK = 9;
  localparam [WIDTH-1:0] LOWEST = {WIDTH{1'b1}} << (WIDTH - 1);

  // Addresses.
  reg [4*FIELD-1:0] digits, grown;
  reg [3:0] carries;
  reg carrying;
  wire [3:0] carries_0, carries_1;
  wire [4*FIELD-1:0] grown_0, grown_1;
  integer k;

  // Every digit without and with a carry from the one before it, side by side; the chain chooses.
  genvar d;
  generate
    for (d = 0; d < 4; d = d + 1) begin : digit
      wire [FIELD:0] base = {1'b0, radix[d*FIELD +: FIELD]};
      wire [FIELD:0] sum_0 = {1'b0, digits[d*FIELD +: FIELD]} + {1'b0, grow[d*FIELD +: FIELD]};
      wire [FIELD:0] sum_1 = sum_0 + 1'b1;
      wire [FIELD:0] less_0 = sum_0 - base;
      wire [FIELD:0] less_1 = sum_1 - base;
      assign carries_0[d] = sum_0 >= base;
      assign carries_1[d] = sum_1 >= base;
      assign grown_0[d*FIELD +: FIELD] = carries_0[d] ? less_0[FIELD-1:0] : sum_0[FIELD-1:0];
      assign grown_1[d*FIELD +: FIELD] = carries_1[d] ? less_1[FIELD-1:0] : sum_1[FIELD-1:0];
      wire unused = &{1'b0, less_0[FIELD], less_1[FIELD]};
    end
  endgenerate

  always @* begin
    carrying = 1'b0;
    for (k = 0; k < 4; k = k + 1) begin
      grown[k*FIELD +: FIELD] =
        carrying ? grown_1[k*FIELD +: FIELD] : grown_0[k*FIELD +: FIELD];
      carrying = carrying ? carries_1[k] : carries_0[k];
      carries[k] = carrying;
    end
  end

  function [FIELD-1:0] total(input [5*FIELD-1:0] steps, input [3:0] taken);
    total = steps[0 +: FIELD] +
      (taken[0] ? steps[FIELD +: FIELD] : {FIELD{1'b0}}) +
      (taken[1] ? steps[2*FIELD +: FIELD] : {FIELD{1'b0}}) +
      (taken[2] ? steps[3*FIELD +: FIELD] : {FIELD{1'b0}}) +
      (taken[3] ? steps[4*FIELD +: FIELD] : {FIELD{1'b0}});
  endfunction

  reg [FIELD-1:0] x_base, y_base, row_base, column_base;
  always @(posedge clk) begin
    if (load || advance) begin
      digits <= grown;
      carry <= carries;
    end else if (prime) digits <= initial_values[4*FIELD-1:0];
    if (load) {column_base, row_base, y_base, x_base} <= initial_values[8*FIELD-1:4*FIELD];
    else if (advance) begin
      x_base <= x_base + total(x_steps, carry);
      y_base <= y_base + total(y_steps, carry);
      row_base <= row_base + total(row_steps, carry);
      column_base <= column_base + total(column_steps, carry);
    end
  end

  wire [FIELD-1:0] row = row_base + row_offset;
  wire [FIELD-1:0] column = column_base + column_offset;
  assign x_addr = x_base + x_offset;
  assign y_addr = y_base + y_offset;
  assign present = row < row_bound && column < column_bound;

  // Stage 1: one factor or another; the product.
  reg exists;
  wire [WIDTH-1:0] neutral = kind == LARGER ? LOWEST : {WIDTH{1'b0}};
  wire [WIDTH-1:0] operand = exists || ranks ? x : neutral;
  wire [FACTOR_BITS:0] wide_weight = {{(FACTOR_BITS+1-WEIGHT_BITS){weight[WEIGHT_BITS-1]}}, weight};
  wire [FACTOR_BITS+WIDTH:0] wide_y = {{(FACTOR_BITS+1){y[WIDTH-1]}}, y};
  wire [FACTOR_BITS+16:0] wide_multiplier = {{(FACTOR_BITS+1){1'b0}}, multiplier};
  wire [FACTOR_BITS-1:0] factor = kind == MAC ? wide_weight[FACTOR_BITS-1:0] :
    constant ? wide_multiplier[FACTOR_BITS-1:0] : wide_y[FACTOR_BITS-1:0];
  wire unused_sign = &{1'b0, wide_weight[FACTOR_BITS], wide_y[FACTOR_BITS+WIDTH:FACTOR_BITS],
                       wide_multiplier[FACTOR_BITS+16:FACTOR_BITS]};
  wire [FIELD+WIDTH-1:0] wide_operand = {{FIELD{operand[WIDTH-1]}}, operand};
  wire unused_high = &{1'b0, wide_operand[FIELD+WIDTH-1:FIELD]};
  assign table_addr = wide_operand[FIELD-1:0] + table_offset;

  reg signed [PRODUCT-1:0] product;
  reg before_kept;
  reg [WIDTH-1:0] x_kept, y_kept;
  reg [BIAS_BITS-1:0] bias_kept;
  always @(posedge clk) begin
    exists <= present;
    product <= $signed(operand) * $signed(factor);
    x_kept <= operand;
    y_kept <= y;
    before_kept <= exists;
    bias_kept <= bias;
  end

  // Stage 2: accumulate, round, or count what comes before x.
  wire signed [PRODUCT-1:0] a = {{FACTOR_BITS{x_kept[WIDTH-1]}}, x_kept};
  wire signed [PRODUCT-1:0] b = {{FACTOR_BITS{y_kept[WIDTH-1]}}, y_kept};
  wire [PRODUCT+BIAS_BITS-1:0] wide_bias = {{PRODUCT{bias_kept[BIAS_BITS-1]}}, bias_kept};
  wire [PRODUCT+TABLE_BITS-1:0] wide_entry = {{PRODUCT{entry[TABLE_BITS-1]}}, entry};
  wire unused_signs = &{1'b0, wide_bias[PRODUCT+BIAS_BITS-1:PRODUCT],
                        wide_entry[PRODUCT+TABLE_BITS-1:PRODUCT]};
  wire signed [PRODUCT-1:0] rounded = product + $signed(rounding);
  wire beaten = a < b || before_kept && a == b;
  wire signed [PRODUCT-1:0] beats = {{(PRODUCT-1){1'b0}}, beaten};
  wire signed [PRODUCT-1:0] none = {PRODUCT{1'b0}};
  reg signed [PRODUCT-1:0] value;
  always @(posedge clk) case (kind)
    MAC: value <= (first ? $signed(wide_bias[PRODUCT-1:0]) : value) + product;
    SUM: value <= first ? a : value + a;
    LARGEST: value <= first || value < a ? a : value;
    RELU: value <= a[PRODUCT-1] ? {PRODUCT{1'b0}} : a;
    TABLE: value <= $signed(wide_entry[PRODUCT-1:0]);
    SCALE: value <= rounded >>> shift;
    ADD: value <= a + b;
    PRODUCT_SUM: value <= (first ? none : value) + product;
    RANK: value <= (first ? none : value) + beats;
    default: value <= a < b ? b : a;
  endcase

  // Stage 3: clamp; a rank below the limit wins.
  wire signed [PRODUCT-1:0] least = {{FACTOR_BITS{low[WIDTH-1]}}, low};
  wire signed [PRODUCT-1:0] most = {{FACTOR_BITS{high[WIDTH-1]}}, high};
  wire wins = value < most;
  assign result = rank ? {{(WIDTH-1){1'b0}}, wins} :
    value < least ? low : value > most ? high : value[WIDTH-1:0];
endmodule
