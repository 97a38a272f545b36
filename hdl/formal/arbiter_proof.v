// Proof obligations of arbiter.v: a grant is one of the requests, there is one whenever there is a
// request, and a requester that stays waits for less than N grants of others.
module arbiter_proof #(
  parameter N = 5
) (
  input wire         clk,
  input wire         rst,
  input wire [N-1:0] request
);
  wire [N-1:0] grant;
  reg [31:0] waited;

  arbiter #(.N(N)) dut (
    .clk(clk), .rst(rst), .request(request), .advance(|request), .grant(grant)
  );

  always @(posedge clk) begin
    if (rst || !request[0] || grant[0]) waited <= 0;
    else waited <= waited + 1;
  end

  always @* begin
    assert ((grant & ~request) == 0);
    assert ((grant & (grant - 1)) == 0);
    assert ((grant != 0) == (request != 0));
    assert (waited < N);
  end
endmodule
