// Switch allocator: iSLIP over ports behind a round-robin choice of VC at each input port
// (docs/noc.md, SA).
//
// Parameters: PORTS, VCS of each input port.
// Ports:      request, winner: bit (i * VCS + v) * PORTS + o for VC v of input port i and output
//             port o. At most one winner for each input port and for each output port.
// Timing:     winner is combinational from request and the pointers; pointers move at the end of
//             the cycle and are 0 at reset.
module switch_allocator #(
  parameter PORTS = 5,
  parameter VCS = 2
) (
  input  wire                       clk,
  input  wire                       rst,
  input  wire [PORTS*VCS*PORTS-1:0] request,
  output wire [PORTS*VCS*PORTS-1:0] winner
);
  // Bit i * PORTS + o: some VC of input port i requests output port o; the two are matched.
  wire [PORTS*PORTS-1:0] port_request;
  wire [PORTS*PORTS-1:0] port_matched;

  genvar i, v;
  generate
    for (i = 0; i < PORTS; i = i + 1) begin : port
      wire [PORTS-1:0] turn = port_matched[i * PORTS +: PORTS];
      wire [VCS-1:0] asks;
      wire [VCS-1:0] grant;
      for (v = 0; v < VCS; v = v + 1) begin : vc
        wire [PORTS-1:0] wanted = request[(i * VCS + v) * PORTS +: PORTS];
        assign asks[v] = |(wanted & turn);
        assign winner[(i * VCS + v) * PORTS +: PORTS] = wanted & turn & {PORTS{grant[v]}};
      end
      or_rows #(.N(VCS), .WIDTH(PORTS)) wanted_ports (
        .words(request[i * VCS * PORTS +: VCS * PORTS]), .word(port_request[i * PORTS +: PORTS])
      );
      arbiter #(.N(VCS)) chooser (
        .clk(clk), .rst(rst), .request(asks), .advance(|asks), .grant(grant)
      );
    end
  endgenerate

  islip #(.INPUTS(PORTS), .OUTPUTS(PORTS)) matcher (
    .clk(clk), .rst(rst), .request(port_request), .matched(port_matched)
  );
endmodule
