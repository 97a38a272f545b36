// Proof obligations of islip.v: a matching is part of the requests, has at most one pair for each
// input and for each output, and is not empty while there are requests.
module islip_proof #(
  parameter INPUTS = 4,
  parameter OUTPUTS = 3
) (
  input wire                      clk,
  input wire                      rst,
  input wire [INPUTS*OUTPUTS-1:0] request
);
  wire [INPUTS*OUTPUTS-1:0] matched;
  integer i;
  integer o;
  integer in_row;
  integer in_column;

  islip #(.INPUTS(INPUTS), .OUTPUTS(OUTPUTS)) dut (
    .clk(clk), .rst(rst), .request(request), .matched(matched)
  );

  always @* begin
    assert ((matched & ~request) == 0);
    assert ((matched != 0) == (request != 0));
    for (i = 0; i < INPUTS; i = i + 1) begin
      in_row = 0;
      for (o = 0; o < OUTPUTS; o = o + 1) in_row = in_row + matched[i * OUTPUTS + o];
      assert (in_row <= 1);
    end
    for (o = 0; o < OUTPUTS; o = o + 1) begin
      in_column = 0;
      for (i = 0; i < INPUTS; i = i + 1) in_column = in_column + matched[i * OUTPUTS + o];
      assert (in_column <= 1);
    end
  end
endmodule
