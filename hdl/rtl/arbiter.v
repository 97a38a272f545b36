// Round-robin arbiter: the first requester behind the last winner that moved the pointer.
//
// Parameters: N requesters.
// Ports:      grant: one bit of request, or none without requests; advance: the pointer moves
//             behind the requester granted (only in cycles with a grant).
// Timing:     grant is combinational from request and the pointer; the pointer is 0 at reset.
module arbiter #(
  parameter N = 4
) (
  input  wire         clk,
  input  wire         rst,
  input  wire [N-1:0] request,
  input  wire         advance,
  output wire [N-1:0] grant
);
  localparam [N-1:0] ONE = 1;

  // Requesters at and above the pointer. All zero means the same as a pointer of 0.
  reg [N-1:0] ahead;

  wire [N-1:0] preferred = request & ahead;
  wire [N-1:0] candidates = |preferred ? preferred : request;

  assign grant = candidates & (~candidates + ONE);

  always @(posedge clk) begin
    if (rst) ahead <= {N{1'b0}};
    else if (advance) ahead <= ~(grant | (grant - ONE));
  end
endmodule
