// Memory with one write port and one read port.
//
// Parameters: WIDTH bits a word, DEPTH words, ADDR_BITS of an address (1 or more,
//             2**ADDR_BITS >= DEPTH).
// Timing:     a read of cycle c is on rdata from c + 1 and stays while ren is low; a write of
//             cycle c is seen by reads from c + 1. Reading and writing one address in one cycle is
//             forbidden (checked under PULVINAR_ASSERT), so any kind of block RAM will do.
// Words and rdata are undefined until written and read.
module ram #(
  parameter WIDTH = 8,
  parameter DEPTH = 16,
  parameter ADDR_BITS = 4
) (
  input  wire                 clk,
  input  wire                 ren,
  input  wire [ADDR_BITS-1:0] raddr,
  output reg  [WIDTH-1:0]     rdata,
  input  wire                 wen,
  input  wire [ADDR_BITS-1:0] waddr,
  input  wire [WIDTH-1:0]     wdata
);
  (* ram_style = "block", no_rw_check *) reg [WIDTH-1:0] storage [0:DEPTH-1];

  always @(posedge clk) begin
    if (wen) storage[waddr] <= wdata;
    if (ren) rdata <= storage[raddr];
  end

`ifdef PULVINAR_ASSERT
  always @(posedge clk) begin
    if (ren === 1'b1 && wen === 1'b1 && raddr === waddr) begin
      $display("ASSERT %m: address %0d read and written in one cycle", raddr);
      $finish;
    end
  end
`endif
endmodule
