// Proof obligations of router.v between neighbours that keep to the credits: nothing is lost or
// doubled, and nothing is sent without a credit.
//
// One flit, any, carries the mark 10, all others 01 (11 are two flits in one). It leaves at each of
// its ports once and at no other; by the time as many slots were given back as flits came and the
// last has passed the link register, it has left at all of them. Endpoint e lies behind port e, the
// tree at TREE_MASK.
module router_proof #(
  parameter PIPELINE = 0,
  parameter VC_DEPTH = 2,
  parameter EJECT_DEPTH = 1,
  parameter [4:0] TREE_MASK = 5'b10010
) (
  input wire        clk,
  input wire        rst,
  input wire [4:0]  in_valid,
  input wire [29:0] in_flit,
  input wire [4:0]  in_credit
);
  localparam BITS = 6;

  wire [4:0] out_credit;
  wire [4:0] out_valid;
  wire [29:0] out_flit;
  wire [4:0] st_valid;
  router #(
    .LOCALS(1), .VCS(1), .VC_DEPTH(VC_DEPTH), .EJECT_DEPTH(EJECT_DEPTH), .PIPELINE(PIPELINE),
    .FLIT_BITS(BITS), .DEST_BITS(3), .ENDPOINTS(5),
    .PORT_MASKS(25'b10000_01000_00100_00010_00001), .TREES(1), .TREE_MASKS(TREE_MASK)
  ) dut (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_vc(5'd0), .in_flit(in_flit),
    .out_credit(out_credit), .out_valid(out_valid), .out_vc(), .out_flit(out_flit),
    .in_credit(in_credit), .st_valid(st_valid), .st_vc(), .st_flit(), .link_flits()
  );

  reg [3:0] inside [0:4];
  reg [3:0] unpaid [0:4];
  reg [4:0] wanted;
  reg [4:0] seen;
  reg marked;
  reg [4:0] marks;
  reg [4:0] out_marks;
  reg empty;
  reg [4:0] crossed;
  integer p;

  always @* begin
    empty = st_valid == 5'd0 && out_valid == 5'd0;
    for (p = 0; p < 5; p = p + 1) begin
      marks[p] = in_valid[p] && in_flit[p * BITS + 5];
      out_marks[p] = out_valid[p] && out_flit[p * BITS + 5];
      if (inside[p] != 4'd0 || out_credit[p]) empty = 1'b0;
      // The neighbours: credits, one mark, endpoints that exist.
      assume (!in_valid[p] || (!rst && inside[p] < VC_DEPTH));
      assume (!in_credit[p] || (!rst && unpaid[p] != 4'd0));
      assume (in_flit[p * BITS] ? in_flit[p * BITS + 1 +: 3] == 3'd0
        : in_flit[p * BITS + 1 +: 3] < 3'd5);
      assume (in_flit[p * BITS + 4] != in_flit[p * BITS + 5]);
      assert (!out_valid[p] || out_flit[p * BITS + 4] != out_flit[p * BITS + 5]);
      assert (unpaid[p] + out_valid[p] <= (p < 4 ? VC_DEPTH : EJECT_DEPTH));
    end
    assert (rst || out_valid == crossed);
    assume (!marked || marks == 5'd0);
    assume ((marks & (marks - 5'd1)) == 5'd0);
    assert ((out_marks & ~wanted) == 5'd0 && (out_marks & seen) == 5'd0);
    assert (!empty || seen == wanted);
  end

  always @(posedge clk) begin
    crossed <= rst ? 5'd0 : st_valid;
    if (rst) begin
      marked <= 1'b0;
      wanted <= 5'd0;
      seen <= 5'd0;
    end else begin
      marked <= marked || marks != 5'd0;
      seen <= seen | out_marks;
      for (p = 0; p < 5; p = p + 1)
        if (marks[p])
          wanted <= in_flit[p * BITS] ? TREE_MASK : 5'd1 << in_flit[p * BITS + 1 +: 3];
    end
    for (p = 0; p < 5; p = p + 1) begin
      if (rst) begin
        inside[p] <= 4'd0;
        unpaid[p] <= 4'd0;
      end else begin
        inside[p] <= inside[p] + in_valid[p] - out_credit[p];
        unpaid[p] <= unpaid[p] + out_valid[p] - in_credit[p];
      end
    end
  end
endmodule
