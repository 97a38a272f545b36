// Read-only memory, filled from a file of hexadecimal words ($readmemh).
//
// Parameters: WIDTH bits a word, DEPTH words, ADDR_BITS of an address (1 or more,
//             2**ADDR_BITS >= DEPTH), FILE name of the contents.
//             Up to 512 bits lie in logic, more in block RAM; the timing is the same.
// Timing:     a read of cycle c is on rdata from c + 1 and stays while ren is low.
module rom #(
  parameter WIDTH = 8,
  parameter DEPTH = 16,
  parameter ADDR_BITS = 4,
  parameter FILE = ""
) (
  input  wire                 clk,
  input  wire                 ren,
  input  wire [ADDR_BITS-1:0] raddr,
  output reg  [WIDTH-1:0]     rdata
);
  generate
    if (DEPTH * WIDTH <= 512) begin : registers
      (* rom_style = "logic" *) reg [WIDTH-1:0] storage [0:DEPTH-1];
      initial $readmemh(FILE, storage);
      always @(posedge clk) if (ren) rdata <= storage[raddr];
    end else begin : block_ram
      (* rom_style = "block" *) reg [WIDTH-1:0] storage [0:DEPTH-1];
      initial $readmemh(FILE, storage);
      always @(posedge clk) if (ren) rdata <= storage[raddr];
    end
  endgenerate
endmodule
