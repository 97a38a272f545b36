// Statistics of one tap: running sums or maxima of a slice's box.
//
// A row holds the LANES neighbouring channels of one entry; row = ((t * h + y) * w + x) * blocks +
// block in coordinates of the slice. A tap without a channel axis (CROSS_LANES) folds all lanes
// into one word a row. A word address of a read port is {row, lane}, with CROSS_LANES the row
// alone.
//
// Parameters: LANES (power of two), LANE_BITS = log2(LANES), or 0 with CROSS_LANES; ROWS, ROW_BITS
//             (1 or more); VALUE_BITS of an element, STAT_BITS of a statistic (>= VALUE_BITS), both
//             signed; MAXIMUM 1: maxima, 0: sums; READS read ports.
// Ports:      fold: combine fold_values (lanes of fold_mask) into row fold_row, once a cycle; with
//             fold_first they replace it.
//             clear: set row clear_row to 0 or, for maxima, to the smallest number; not with a
//             fold. ren[r], raddr, rdata: read port r.
// Timing:     a fold of cycle c is seen by reads from c + 1 (it is written in c + 1, and a read in
//             the cycle of a write gets the new value); rdata is there in the cycle after ren and
//             stays while ren is low.
module statistics #(
  parameter LANES = 4,
  parameter LANE_BITS = 2,
  parameter ROWS = 4,
  parameter ROW_BITS = 2,
  parameter VALUE_BITS = 16,
  parameter STAT_BITS = 24,
  parameter MAXIMUM = 0,
  parameter CROSS_LANES = 0,
  parameter READS = 1
) (
  input  wire                                  clk,
  input  wire                                  rst,
  input  wire                                  fold,
  input  wire                                  fold_first,
  input  wire [ROW_BITS-1:0]                   fold_row,
  input  wire [LANES-1:0]                      fold_mask,
  input  wire [LANES*VALUE_BITS-1:0]           fold_values,
  input  wire                                  clear,
  input  wire [ROW_BITS-1:0]                   clear_row,
  input  wire [READS-1:0]                      ren,
  input  wire [READS*(ROW_BITS+LANE_BITS)-1:0] raddr,
  output wire [READS*STAT_BITS-1:0]            rdata
);
  localparam BANKS = CROSS_LANES != 0 ? 1 : LANES;
  localparam [STAT_BITS-1:0] LOWEST = {STAT_BITS{1'b1}} << (STAT_BITS - 1);
  localparam [STAT_BITS-1:0] NEUTRAL = MAXIMUM != 0 ? LOWEST : {STAT_BITS{1'b0}};

  function [STAT_BITS-1:0] combine(input [STAT_BITS-1:0] a, input [STAT_BITS-1:0] b);
    if (MAXIMUM != 0) combine = $signed(a) < $signed(b) ? b : a;
    else combine = a + b;
  endfunction

  // Cycle of the fold: mask, reduce over lanes if there is no channel axis, read the row.
  wire [LANES*STAT_BITS-1:0] masked;
  wire [BANKS*STAT_BITS-1:0] incoming;
  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : lane
      wire [VALUE_BITS-1:0] value = fold_values[l*VALUE_BITS +: VALUE_BITS];
      wire [STAT_BITS:0] wide = {{(STAT_BITS+1-VALUE_BITS){value[VALUE_BITS-1]}}, value};
      wire unused_sign = &{1'b0, wide[STAT_BITS]};
      assign masked[l*STAT_BITS +: STAT_BITS] = fold_mask[l] ? wide[STAT_BITS-1:0] : NEUTRAL;
    end
    if (CROSS_LANES != 0) begin : across
      reg [STAT_BITS-1:0] all;
      integer n;
      always @* begin
        all = masked[STAT_BITS-1:0];
        for (n = 1; n < LANES; n = n + 1) all = combine(all, masked[n*STAT_BITS +: STAT_BITS]);
      end
      assign incoming = all;
    end else begin : along
      assign incoming = masked;
    end
  endgenerate

  reg adding, forwarded, first_fold;
  reg [ROW_BITS-1:0] row;
  reg [BANKS*STAT_BITS-1:0] addend, fresh;
  wire [BANKS*STAT_BITS-1:0] stored;
  wire [BANKS*STAT_BITS-1:0] old = first_fold ? {BANKS{NEUTRAL}} : forwarded ? fresh : stored;
  wire [BANKS*STAT_BITS-1:0] updated;
  wire again = adding && row == fold_row;

  always @(posedge clk) begin
    adding <= fold && !rst;
    if (fold) begin
      row <= fold_row;
      addend <= incoming;
      forwarded <= again;
      first_fold <= fold_first;
      fresh <= updated;
    end
  end

  // Cycle after the fold: combine and write.
  generate
    for (l = 0; l < BANKS; l = l + 1) begin : word
      assign updated[l*STAT_BITS +: STAT_BITS] =
        combine(old[l*STAT_BITS +: STAT_BITS], addend[l*STAT_BITS +: STAT_BITS]);
    end
  endgenerate

  wire wen = clear || adding;
  wire [ROW_BITS-1:0] waddr = clear ? clear_row : row;
  wire [BANKS*STAT_BITS-1:0] wdata = clear ? {BANKS{NEUTRAL}} : updated;

  ram #(.WIDTH(BANKS*STAT_BITS), .DEPTH(ROWS), .ADDR_BITS(ROW_BITS)) sums (
    .clk(clk), .ren(fold && !again), .raddr(fold_row), .rdata(stored),
    .wen(wen), .waddr(waddr), .wdata(wdata)
  );

  wire [ROW_BITS+LANE_BITS-1:0] first;
  assign first[LANE_BITS +: ROW_BITS] = waddr;
  generate
    if (LANE_BITS > 0) begin : lanes
      assign first[LANE_BITS-1:0] = {LANE_BITS{1'b0}};
    end
  endgenerate

  value_memory #(
    .WIDTH(STAT_BITS), .ROWS(ROWS), .ROW_BITS(ROW_BITS), .BANKS(BANKS), .BANK_BITS(LANE_BITS),
    .READS(READS), .FORWARD(1)
  ) copies (
    .clk(clk), .ren(ren), .raddr(raddr), .rdata(rdata),
    .wen({BANKS{wen}}), .waddr(first), .wdata(wdata)
  );
endmodule
