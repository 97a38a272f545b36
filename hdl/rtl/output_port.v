// Output port of a router: which VCs packets hold, the credits of the buffer behind the port, and
// the two registers a flit passes on its way to the link (docs/noc.md, Terms, Time of one hop).
//
// Parameters: VCS; FLIT_BITS on the wire; POOL: 1 where all VCs share one credit counter (local
//             ports); CREDITS of a counter at reset, CREDIT_BITS wide; COUNTERS: 1 counts flits.
// Ports:      granted, freed: VCs given to a packet and given back in this cycle; sent: VC of the
//             flit granted the switch in this cycle (at most one bit), with the flit itself;
//             in_credit: the wire from the buffer behind (a pool takes any of its bits).
//             taken, has_credit, credits: state at the start of the cycle, by VC.
//             st_*: the flit in its switch traversal; out_*: the same on the link, a cycle later.
// Timing:     switch grant in t: st_* in t + 1, out_* in t + 2. A credit on the wire in t + 1 is
//             usable in t + 3.
module output_port #(
  parameter VCS = 1,
  parameter VC_BITS = VCS > 1 ? $clog2(VCS) : 1,
  parameter FLIT_BITS = 32,
  parameter POOL = 0,
  parameter CREDITS = 4,
  parameter CREDIT_BITS = $clog2(CREDITS + 1),
  parameter COUNTERS = 0
) (
  input  wire                       clk,
  input  wire                       rst,
  input  wire [VCS-1:0]             granted,
  input  wire [VCS-1:0]             freed,
  input  wire [VCS-1:0]             sent,
  input  wire [FLIT_BITS-1:0]       flit,
  input  wire [VCS-1:0]             in_credit,
  output reg  [VCS-1:0]             taken,
  output wire [VCS-1:0]             has_credit,
  output wire [VCS*CREDIT_BITS-1:0] credits,
  output reg                        st_valid,
  output reg  [VC_BITS-1:0]         st_vc,
  output reg  [FLIT_BITS-1:0]       st_flit,
  output reg                        out_valid,
  output reg  [VC_BITS-1:0]         out_vc,
  output reg  [FLIT_BITS-1:0]       out_flit,
  output wire [31:0]                link_flits
);
  localparam COUNTS = POOL != 0 ? 1 : VCS;

  reg [VCS-1:0] returned;
  wire [COUNTS-1:0] spend;
  wire [COUNTS-1:0] earn;

  genvar v;
  generate
    if (POOL != 0) begin : pool
      assign spend = |sent;
      assign earn = |returned;
    end else begin : each_vc
      assign spend = sent;
      assign earn = returned;
    end
    for (v = 0; v < COUNTS; v = v + 1) begin : counter
      reg [CREDIT_BITS-1:0] count;
      always @(posedge clk) begin
        if (rst) count <= CREDITS[CREDIT_BITS-1:0];
        else if (earn[v] && !spend[v]) count <= count + 1'b1;
        else if (spend[v] && !earn[v]) count <= count - 1'b1;
      end
    end
    for (v = 0; v < VCS; v = v + 1) begin : view
      assign credits[v * CREDIT_BITS +: CREDIT_BITS] = counter[POOL != 0 ? 0 : v].count;
      assign has_credit[v] = |counter[POOL != 0 ? 0 : v].count;
    end
    if (COUNTERS != 0) begin : counters
      reg [31:0] flits;
      always @(posedge clk) begin
        if (rst) flits <= 32'd0;
        else if (st_valid) flits <= flits + 32'd1;
      end
      assign link_flits = flits;
    end else begin : no_counters
      assign link_flits = 32'd0;
    end
  endgenerate

  function [VC_BITS-1:0] number;
    input [VCS-1:0] one_hot;
    integer k;
    begin
      number = {VC_BITS{1'b0}};
      for (k = 0; k < VCS; k = k + 1)
        if (one_hot[k]) number = number | k[VC_BITS-1:0];
    end
  endfunction

  always @(posedge clk) begin
    if (rst) begin
      taken <= {VCS{1'b0}};
      returned <= {VCS{1'b0}};
      st_valid <= 1'b0;
      out_valid <= 1'b0;
    end else begin
      taken <= (taken | granted) & ~freed;
      returned <= in_credit;
      st_valid <= |sent;
      out_valid <= st_valid;
    end
    st_vc <= number(sent);
    st_flit <= flit;
    out_vc <= st_vc;
    out_flit <= st_flit;
  end
endmodule
