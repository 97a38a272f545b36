// Stored connections of a slice: turns an event into the beats of its row, one a cycle.
//
// A beat is a word of the connection memory: {more beats than lanes alone would ask for, last of
// its row, per bank, bank 0 lowest: {there is a connection, row of the accumulator bank, weight}}.
// No two connections of a beat share a bank.
//
// Parameters: BANKS, ROW_BITS of an address in a bank, WEIGHT_BITS, WORDS of the connection
//   memory, ADDR_BITS of its addresses, FILE with its contents.
// Ports: start loads the row at first (any: it has beats); from the next cycle on pending says
//   that a beat is there: rows, mask, beat_last, conflict; weights follow a cycle later. advance (only while
//   pending) goes on. start may come with the last advance; between beats there are no empty
//   cycles.

module sparse_source #(
  parameter BANKS = 4,
  parameter ROW_BITS = 2,
  parameter WEIGHT_BITS = 8,
  parameter WORDS = 4,
  parameter ADDR_BITS = 2,
  parameter FILE = ""
) (
  input  wire                         clk,
  input  wire                         rst,
  input  wire                         start,
  input  wire                         any,
  input  wire [ADDR_BITS-1:0]         first,
  input  wire                         advance,
  output reg                          pending,
  output wire                         beat_last,
  output wire                         conflict,
  output wire [BANKS*ROW_BITS-1:0]    rows,
  output wire [BANKS-1:0]             mask,
  output reg  [BANKS*WEIGHT_BITS-1:0] weights
);

  localparam SLOT = 1 + ROW_BITS + WEIGHT_BITS;
  localparam [ADDR_BITS-1:0] ONE = 1;

  wire [BANKS*SLOT+1:0]    word;
  wire [BANKS*WEIGHT_BITS-1:0] read;
  reg  [ADDR_BITS-1:0]     next;
  wire                     fetch = (start && any) || (advance && !beat_last);
  wire [ADDR_BITS-1:0]     address = start ? first : next;

  rom #(.WIDTH(BANKS*SLOT + 2), .DEPTH(WORDS), .ADDR_BITS(ADDR_BITS), .FILE(FILE)) connections (
    .clk(clk), .ren(fetch), .raddr(address), .rdata(word)
  );

  assign beat_last = word[BANKS*SLOT];
  assign conflict = word[BANKS*SLOT+1];
  generate
    genvar b;
    for (b = 0; b < BANKS; b = b + 1) begin : bank
      assign read[b*WEIGHT_BITS +: WEIGHT_BITS] = word[b*SLOT +: WEIGHT_BITS];
      assign rows[b*ROW_BITS +: ROW_BITS] = word[b*SLOT+WEIGHT_BITS +: ROW_BITS];
      assign mask[b] = word[b*SLOT+WEIGHT_BITS+ROW_BITS];
    end
  endgenerate

  always @(posedge clk) begin
    if (fetch) next <= address + ONE;
    weights <= read;
  end

  always @(posedge clk)
    if (rst) pending <= 1'b0;
    else if (start) pending <= any;
    else if (advance && beat_last) pending <= 1'b0;

endmodule
