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
  genvar i, o;
  generate
    for (i = 0; i < INPUTS; i = i + 1) begin : in_side
      wire [OUTPUTS-1:0] asks = request[i * OUTPUTS +: OUTPUTS];
      wire [OUTPUTS-1:0] offers;
      wire [OUTPUTS-1:0] accept;
      assign matched[i * OUTPUTS +: OUTPUTS] = accept;
      for (o = 0; o < OUTPUTS; o = o + 1) begin : pair
        assign offers[o] = out_side[o].grant[i];
      end
      arbiter #(.N(OUTPUTS)) accepter (
        .clk(clk), .rst(rst), .request(offers), .advance(|offers), .grant(accept)
      );
    end
    for (o = 0; o < OUTPUTS; o = o + 1) begin : out_side
      wire [INPUTS-1:0] asks;
      wire [INPUTS-1:0] grant;
      wire [INPUTS-1:0] accepted;
      for (i = 0; i < INPUTS; i = i + 1) begin : pair
        assign asks[i] = in_side[i].asks[o];
        assign accepted[i] = in_side[i].accept[o];
      end
      arbiter #(.N(INPUTS)) granter (
        .clk(clk), .rst(rst), .request(asks), .advance(|accepted), .grant(grant)
      );
    end
  endgenerate
endmodule
