// Separable allocator: iSLIP with one iteration (docs/noc.md, VA and SA).
//
// Parameters: INPUTS, OUTPUTS.
// Ports:      request, matched: bit i * OUTPUTS + o for input i and output o. matched is part of
//             request, with at most one bit for each input and for each output.
// Timing:     matched is combinational from request and the pointers; pointers of accepted pairs
//             move at the end of the cycle and are 0 at reset.
module islip #(
  parameter INPUTS = 4,
  parameter OUTPUTS = 4
) (
  input  wire                      clk,
  input  wire                      rst,
  input  wire [INPUTS*OUTPUTS-1:0] request,
  output wire [INPUTS*OUTPUTS-1:0] matched
);
  // All output-side arbiters at once: bit o of a row belongs to the arbiter of output o, and rows
  // follow each other in the order of the inputs.
  wire [OUTPUTS-1:0] any_preferred =
    in_side[INPUTS - 1].preferred_before | in_side[INPUTS - 1].preferred;
  wire [OUTPUTS-1:0] any_accepted =
    in_side[INPUTS - 1].accepted_before | in_side[INPUTS - 1].accepted;

  genvar i;
  generate
    for (i = 0; i < INPUTS; i = i + 1) begin : in_side
      // Input i is at or above the pointer of an output; all zero means the same as a pointer of 0.
      reg [OUTPUTS-1:0] ahead;
      wire [OUTPUTS-1:0] asks = request[i * OUTPUTS +: OUTPUTS];
      wire [OUTPUTS-1:0] preferred = asks & ahead;
      wire [OUTPUTS-1:0] candidate = preferred | (asks & ~any_preferred);
      wire [OUTPUTS-1:0] preferred_before;
      wire [OUTPUTS-1:0] candidate_before;
      wire [OUTPUTS-1:0] accepted_before;
      wire [OUTPUTS-1:0] offers = candidate & ~candidate_before;
      wire [OUTPUTS-1:0] accepted;
      if (i == 0) begin : first
        assign preferred_before = {OUTPUTS{1'b0}};
        assign candidate_before = {OUTPUTS{1'b0}};
        assign accepted_before = {OUTPUTS{1'b0}};
      end else begin : next
        assign preferred_before = in_side[i - 1].preferred_before | in_side[i - 1].preferred;
        assign candidate_before = in_side[i - 1].candidate_before | in_side[i - 1].candidate;
        assign accepted_before = in_side[i - 1].accepted_before | in_side[i - 1].accepted;
      end
      always @(posedge clk) begin
        if (rst) ahead <= {OUTPUTS{1'b0}};
        else ahead <= (ahead & ~any_accepted) | accepted_before;
      end
      arbiter #(.N(OUTPUTS)) accepter (
        .clk(clk), .rst(rst), .request(offers), .advance(|offers), .grant(accepted)
      );
      assign matched[i * OUTPUTS +: OUTPUTS] = accepted;
    end
  endgenerate
endmodule
