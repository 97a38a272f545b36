// Accumulator memory of a slice with stored connections: banks of single sums, each with an
// address of its own in every beat.
//
// Element e lies in bank e mod BANKS, row e / BANKS. The sweep reads words of LANES neighbours.
//
// Parameters: LANES and BANKS, powers of two, BANKS >= LANES; ROWS of a bank, ROW_BITS;
//   WORD_BITS of a word address of the sweep; the others as in accumulator.
// Ports: as in accumulator, with a row, a mask bit and a weight for every bank.
// Timing: as in accumulator.

module banked_accumulator #(
  parameter LANES = 4,
  parameter BANKS = 4,
  parameter ACC_BITS = 16,
  parameter WEIGHT_BITS = 8,
  parameter VALUE_BITS = 1,
  parameter ROWS = 4,
  parameter ROW_BITS = 2,
  parameter WORD_BITS = 2,
  parameter BUFFERS = 2,
  parameter GRADED = 0,
  parameter FORWARD = 1
) (
  input  wire                         clk,
  input  wire                         rst,
  input  wire                         beat_valid,
  input  wire                         beat_buffer,
  input  wire [BANKS*ROW_BITS-1:0]    beat_rows,
  input  wire [BANKS-1:0]             beat_mask,
  input  wire [VALUE_BITS-1:0]        beat_value,
  input  wire [BANKS*WEIGHT_BITS-1:0] weights,
  input  wire                         sweep_ren,
  input  wire                         sweep_keep,
  input  wire                         sweep_buffer,
  input  wire [WORD_BITS-1:0]         sweep_addr,
  output wire [LANES*ACC_BITS-1:0]    sweep_data,
  input  wire                         clear,
  input  wire [ROW_BITS-1:0]          clear_addr
);

  localparam GROUPS = BANKS / LANES;
  localparam LOG = $clog2(GROUPS);
  localparam WIDE = WORD_BITS + ROW_BITS + LOG;
  wire [WIDE-1:0]           word = {{(WIDE-WORD_BITS){1'b0}}, sweep_addr};
  wire [ROW_BITS-1:0]       row = word[LOG +: ROW_BITS];
  wire [BANKS*ACC_BITS-1:0] data;
  wire                      unused = &{1'b0, word};

  generate
    genvar b;
    for (b = 0; b < BANKS; b = b + 1) begin : bank
      localparam [31:0] GROUP = b / LANES;
      wire mine;
      if (LOG == 0) begin : all
        assign mine = 1'b1;
      end else begin : some
        assign mine = word[LOG-1:0] == GROUP[LOG-1:0];
      end
      accumulator #(
        .LANES(1), .ACC_BITS(ACC_BITS), .WEIGHT_BITS(WEIGHT_BITS), .VALUE_BITS(VALUE_BITS),
        .WORDS(ROWS), .ADDR_BITS(ROW_BITS), .BUFFERS(BUFFERS), .GRADED(GRADED), .FORWARD(FORWARD)
      ) sums (
        .clk(clk), .rst(rst),
        .beat_valid(beat_valid && beat_mask[b]), .beat_buffer(beat_buffer),
        .beat_addr(beat_rows[b*ROW_BITS +: ROW_BITS]), .beat_mask(1'b1),
        .beat_value(beat_value), .beat_weighted(1'b1),
        .weights(weights[b*WEIGHT_BITS +: WEIGHT_BITS]),
        .sweep_ren(sweep_ren && mine), .sweep_keep(sweep_keep), .sweep_buffer(sweep_buffer),
        .sweep_addr(row),
        .sweep_data(data[b*ACC_BITS +: ACC_BITS]), .clear(clear), .clear_addr(clear_addr)
      );
    end

    if (LOG == 0) begin : one_group
      assign sweep_data = data;
    end else begin : groups
      reg [LOG-1:0] read;
      always @(posedge clk) if (sweep_ren) read <= word[LOG-1:0];
      reg [LANES*ACC_BITS-1:0] chosen;
      integer n;
      always @* begin
        chosen = {LANES*ACC_BITS{1'b0}};
        for (n = 0; n < GROUPS; n = n + 1)
          if (read == n[LOG-1:0])
            chosen = chosen | data[n*LANES*ACC_BITS +: LANES*ACC_BITS];
      end
      assign sweep_data = chosen;
    end
  endgenerate

endmodule
