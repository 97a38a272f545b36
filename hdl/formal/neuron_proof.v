// Proof obligations of an emitted neuron: spike and membrane are those of the exact integer
// formula, for all constants, as long as no sum leaves WIDTH bits (which the compiler proves).
//
// LEAK / 2**LEAK_SHIFT is the leak; (2**k - 1) / 2**k is taken as v - ceil(v / 2**k), any other as
// a sum of shifted copies. RESET 0 none, 1 to a value, 2 by subtraction; LATE 1: before the leak,
// from the spike of the step before; CLAMP 1: a lower bound.
module neuron_proof #(
  parameter WIDTH = 16,
  parameter CURRENT_BITS = 12,
  parameter LEAK = 3,
  parameter LEAK_SHIFT = 2,
  parameter INPUT_SHIFT = 0,
  parameter RESET = 1,
  parameter LATE = 0,
  parameter CLAMP = 0
) (
  input wire                           clk,
  input wire                           rst,
  input wire                           advance,
  input wire signed [WIDTH-1:0]        stored,
  input wire                           fired,
  input wire signed [CURRENT_BITS-1:0] current,
  input wire signed [WIDTH-1:0]        bias,
  input wire signed [WIDTH-1:0]        threshold,
  input wire signed [WIDTH-1:0]        reset,
  input wire signed [WIDTH-1:0]        clamp
);
  localparam EXACT = WIDTH + LEAK_SHIFT + INPUT_SHIFT + 4;
  localparam signed [EXACT-1:0] HIGHEST = (1 << (WIDTH - 1)) - 1;
  localparam signed [EXACT-1:0] LOWEST = -HIGHEST - 1;
  localparam signed [EXACT-1:0] UP = (1 << LEAK_SHIFT) - 1;

  wire spike;
  wire signed [WIDTH-1:0] leaked;
  wire signed [WIDTH-1:0] membrane;
  neuron dut (
    .clk(clk), .rst(rst), .advance(advance), .stored(stored), .fired(fired), .current(current),
    .bias(bias), .threshold(threshold), .reset(reset), .clamp(clamp), .leaked(leaked),
    .spike(spike), .membrane(membrane)
  );

  function signed [EXACT-1:0] after_reset;
    input signed [EXACT-1:0] v;
    input                    fires;
    input signed [EXACT-1:0] constant;
    begin
      after_reset = v;
      if (fires && RESET == 1) after_reset = constant;
      if (fires && RESET == 2) after_reset = v - constant;
    end
  endfunction

  function signed [EXACT-1:0] leak_of;
    input signed [EXACT-1:0] v;
    integer k;
    begin
      leak_of = 0;
      if (LEAK == UP) leak_of = v - ((v + UP) >>> LEAK_SHIFT);
      else begin
        for (k = 0; k <= LEAK_SHIFT; k = k + 1)
          if ((LEAK >> k) % 2 == 1) leak_of = leak_of + (v <<< k);
        leak_of = leak_of >>> LEAK_SHIFT;
      end
    end
  endfunction

  wire signed [EXACT-1:0] before = LATE != 0 ? after_reset(stored, fired, reset) : stored;
  reg signed [EXACT-1:0] exact;
  reg started;
  wire signed [EXACT-1:0] input_current = current;
  wire signed [EXACT-1:0] charged = exact + (input_current <<< INPUT_SHIFT) + bias;
  wire fires = charged >= threshold;
  wire signed [EXACT-1:0] after = LATE != 0 ? charged : after_reset(charged, fires, reset);
  wire signed [EXACT-1:0] bounded = CLAMP != 0 && after < clamp ? clamp : after;

  // What the second stage gives is looked at a cycle later, when `leaked` is known to be exact.
  reg right;
  always @(posedge clk) begin
    if (advance) exact <= leak_of(before);
    right <= !started || (spike == fires && membrane == bounded);
    started <= !rst && (started || advance);
    if (rst) right <= 1'b1;
  end

  always @* begin
    assume (before >= LOWEST && before <= HIGHEST);
    if (started) begin
      assume (charged >= LOWEST && charged <= HIGHEST && after >= LOWEST && after <= HIGHEST);
      assert (leaked == exact);
    end
    assert (right);
  end
endmodule
