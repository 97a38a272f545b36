// One virtual channel of a router's input port: flit buffer, route computation and the state of the
// packet at the front (docs/noc.md, Input VC, RC, Multicast).
//
// Parameters: as in router.v; CREDIT_BITS of the counters in mesh_credits; TURNS: the output ports
//             that a packet of this input may take, which keeps the logic of the others away.
// Ports:      push, arriving: a flit is written at the end of this cycle.
//             mesh_credits: counters of the VCs of ports north, east and south (port 0 lowest, VC 0
//             lowest), read where ADAPTIVE is 1.
//             front, tail, vc_mask: the oldest flit; only meaningful to those who move it.
//             wants[o]: the packet still needs a VC of output port o.
//             hold[o * VCS + v]: the packet holds VC v of output port o since an earlier cycle.
//             granted: output VCs given in this cycle; moved[o]: the front flit crosses the switch
//             to output port o (at most one). leaves: it leaves the buffer with this move.
//             sends: the output VC the moving flit takes, one bit.
// Timing:     outputs are combinational from registers, granted and moved.
module input_vc #(
  parameter PORTS = 5,
  parameter VCS = 1,
  parameter VC_DEPTH = 4,
  parameter CREDIT_BITS = 3,
  parameter PIPELINE = 0,
  parameter ADAPTIVE = 0,
  parameter FLIT_BITS = 32,
  parameter MULTIFLIT = 0,
  parameter WIRE_BITS = FLIT_BITS + MULTIFLIT * (VCS + 1),
  parameter DEST_BITS = 4,
  parameter ENDPOINTS = 1,
  parameter [ENDPOINTS*PORTS-1:0] PORT_MASKS = 0,
  parameter TREES = 1,
  parameter [TREES*PORTS-1:0] TREE_MASKS = 0,
  parameter [PORTS-1:0] TURNS = {PORTS{1'b1}}
) (
  input  wire                         clk,
  input  wire                         rst,
  input  wire                         push,
  input  wire [WIRE_BITS-1:0]         arriving,
  input  wire [3*VCS*CREDIT_BITS-1:0] mesh_credits,
  output wire                         occupied,
  output wire [WIRE_BITS-1:0]         front,
  output wire                         tail,
  output wire [VCS-1:0]               vc_mask,
  output wire [PORTS-1:0]             wants,
  output reg  [PORTS*VCS-1:0]         hold,
  input  wire [PORTS*VCS-1:0]         granted,
  input  wire [PORTS-1:0]             moved,
  output wire [PORTS*VCS-1:0]         sends,
  output wire                         leaves
);
  reg routed;
  reg [PORTS-1:0] wants_later;

  // Permitted ports: looked up as the flit arrives and kept with it, or for the four-stage pipeline
  // when it is at the front.
  wire [DEST_BITS:0] route;
  wire [PORTS-1:0] permitted;
  wire [PORTS-1:0] ports;
  wire unused_room;

  function [PORTS-1:0] port_mask;
    input [DEST_BITS-1:0] dest;
    integer e;
    begin
      port_mask = {PORTS{1'b0}};
      for (e = 0; e < ENDPOINTS; e = e + 1)
        if (dest == e[DEST_BITS-1:0]) port_mask = PORT_MASKS[e * PORTS +: PORTS];
    end
  endfunction

  function [PORTS-1:0] tree_mask;
    input [DEST_BITS-1:0] tree;
    integer t;
    begin
      tree_mask = {PORTS{1'b0}};
      for (t = 0; t < TREES; t = t + 1)
        if (tree == t[DEST_BITS-1:0]) tree_mask = TREE_MASKS[t * PORTS +: PORTS];
    end
  endfunction

  assign permitted =
    (route[0] ? tree_mask(route[DEST_BITS:1]) : port_mask(route[DEST_BITS:1])) & TURNS;

  generate
    if (PIPELINE == 0) begin : route_at_front
      assign route = front[DEST_BITS:0];
      assign ports = permitted;
      fifo #(.WIDTH(WIRE_BITS), .DEPTH(VC_DEPTH)) buffer (
        .clk(clk), .rst(rst), .push(push), .din(arriving),
        .pop(leaves), .dout(front), .valid(occupied), .room(unused_room)
      );
    end else begin : route_ahead
      assign route = arriving[DEST_BITS:0];
      fifo #(.WIDTH(PORTS + WIRE_BITS), .DEPTH(VC_DEPTH)) buffer (
        .clk(clk), .rst(rst), .push(push), .din({permitted, arriving}),
        .pop(leaves), .dout({ports, front}), .valid(occupied), .room(unused_room)
      );
    end
    if (MULTIFLIT != 0) begin : packet_marks
      assign tail = front[FLIT_BITS];
      assign vc_mask = front[FLIT_BITS + 1 +: VCS];
    end else begin : single_flit
      assign tail = 1'b1;
      assign vc_mask = {VCS{1'b1}};
    end
  endgenerate

  // Of two ports permitted to a unicast the one with more credits in the packet's class, the lower
  // on a tie. There are two only under west-first: east and either north or south.
  wire [PORTS-1:0] chosen;
  generate
    if (ADAPTIVE != 0) begin : adaptive
      localparam SUM_BITS = CREDIT_BITS + $clog2(VCS + 1);
      function [SUM_BITS-1:0] free;
        input [VCS*CREDIT_BITS-1:0] credits;
        input [VCS-1:0] class_mask;
        integer v;
        begin
          free = {SUM_BITS{1'b0}};
          for (v = 0; v < VCS; v = v + 1)
            free = free + {{(SUM_BITS - CREDIT_BITS){1'b0}},
              credits[v * CREDIT_BITS +: CREDIT_BITS] & {CREDIT_BITS{class_mask[v]}}};
        end
      endfunction
      localparam BLOCK = VCS * CREDIT_BITS;
      wire [SUM_BITS-1:0] north = free(mesh_credits[0 +: BLOCK], vc_mask);
      wire [SUM_BITS-1:0] east = free(mesh_credits[BLOCK +: BLOCK], vc_mask);
      wire [SUM_BITS-1:0] south = free(mesh_credits[2 * BLOCK +: BLOCK], vc_mask);
      wire over_north = ports[0] && ports[1] && north < east;
      wire over_south = ports[2] && ports[1] && south <= east;
      wire east_loses = (ports[0] && !over_north) || (ports[2] && !over_south);
      wire [2:0] losers = {over_south, east_loses, over_north};
      assign chosen = ports & ~{{(PORTS - 3){1'b0}}, losers & {3{~front[0]}}};
    end else begin : deterministic
      wire unused_credits = |mesh_credits;
      assign chosen = ports;
    end
  endgenerate

  wire new_head = occupied & ~routed;
  wire [PORTS-1:0] found = chosen & {PORTS{new_head}};
  wire [PORTS-1:0] wants_more;
  wire [PORTS*VCS-1:0] hold_now;
  wire [PORTS*VCS-1:0] hold_later;

  genvar o;
  generate
    for (o = 0; o < PORTS; o = o + 1) begin : branch
      assign hold_now[o * VCS +: VCS] =
        (hold[o * VCS +: VCS] | granted[o * VCS +: VCS]) & {VCS{TURNS[o]}};
      assign wants_more[o] = wants[o] & ~|granted[o * VCS +: VCS] & TURNS[o];
      assign sends[o * VCS +: VCS] = hold_now[o * VCS +: VCS] & {VCS{moved[o]}};
    end
  endgenerate

  assign wants = PIPELINE == 0 ? wants_later : wants_later | found;
  assign hold_later = hold_now & ~(sends & {(PORTS * VCS){tail}});
  assign leaves = |moved & (~tail | ~(|wants_more | |hold_later));

  always @(posedge clk) begin
    if (rst) begin
      routed <= 1'b0;
      wants_later <= {PORTS{1'b0}};
      hold <= {(PORTS * VCS){1'b0}};
    end else begin
      routed <= (routed | new_head) & ~(leaves & tail);
      wants_later <= PIPELINE == 0 ? wants_more | found : wants_more;
      hold <= hold_later;
    end
  end
endmodule
