// Test bench only: lists and hashes the flits in the switch traversal of one router.
module observer #(
  parameter INDEX = 0,
  parameter PORTS = 5,
  parameter VC_BITS = 1,
  parameter DEST_BITS = 4,
  parameter WIRE_BITS = DEST_BITS + 49,
  parameter LISTING = 1
) (
  input  wire                       clk,
  input  wire                       rst,
  input  wire [31:0]                now,
  input  wire [PORTS-1:0]           st_valid,
  input  wire [PORTS*VC_BITS-1:0]   st_vc,
  input  wire [PORTS*WIRE_BITS-1:0] st_flit,
  output reg  [63:0]                hash
);
  integer p;
  reg [47:0] tag;
  reg [63:0] key;
  reg [63:0] next;

  always @(posedge clk) begin : watch
    next = rst ? 0 : hash;
    if (!rst)
      for (p = 0; p < PORTS; p = p + 1)
        if (st_valid[p]) begin
          tag = st_flit[p * WIRE_BITS + DEST_BITS + 1 +: 48];
          key = now;
          key = (key * 16 + p) * 8 + st_vc[p * VC_BITS +: VC_BITS];
          if (LISTING != 0)
            $display("S %0d %0d %0d %0d %0d", now, INDEX, p, st_vc[p * VC_BITS +: VC_BITS], tag);
          next = next * 64'd6364136223846793005 + tag + key;
        end
    hash <= next;
  end
endmodule
