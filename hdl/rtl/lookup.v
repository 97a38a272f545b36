// Constant table: entry number `index` of DATA, in the same cycle.
//
// Parameters: WIDTH of an entry, DEPTH entries, INDEX_BITS (at least 1 and enough), DATA with
//   entry 0 lowest.
// Ports: index, entry. An index from DEPTH on gives no meaningful entry.

module lookup #(
  parameter WIDTH = 1,
  parameter DEPTH = 1,
  parameter INDEX_BITS = 1,
  parameter [DEPTH*WIDTH-1:0] DATA = 0
) (
  input  wire [INDEX_BITS-1:0] index,
  output wire [WIDTH-1:0]      entry
);

  // Higher bits of the index are 0 where the entry matters.
  localparam USED = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam WORDS = 1 << USED;

  reg [WIDTH-1:0] entries [0:WORDS-1];
  integer n;

  initial
    for (n = 0; n < WORDS; n = n + 1)
      entries[n] = n < DEPTH ? DATA[n*WIDTH +: WIDTH] : {WIDTH{1'b0}};

  assign entry = entries[index[USED-1:0]];

  wire unused = &{1'b0, index};

endmodule
