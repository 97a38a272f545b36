// Input-buffered wormhole router with virtual channels (docs/noc.md, which is normative).
//
// Port p = 0 north, 1 east, 2 south, 3 west, 4 + l local port l; PORTS = 4 + LOCALS, also where
// the mesh ends (tie the inputs of missing ports to 0). Port p has the field [p * width +: width]
// of a vector, its VC v the bit [p * VCS + v].
// Parameters: LOCALS, VCS, VC_DEPTH; EJECT_DEPTH of the buffers behind the local ports;
//             PIPELINE 0 four stages, 1 look-ahead, 2 speculative; ADAPTIVE 1 for west-first (two
//             permitted ports), else 0; FLIT_BITS, DEST_BITS: flit bit 0 is 1 for a tree, above it
//             lies the number of the endpoint or tree; PORT_MASKS: permitted output ports of this
//             router for each of ENDPOINTS endpoints (endpoint 0 lowest, PORTS bits each);
//             TREE_MASKS: its output ports on each of TREES trees (TREES 1, mask 0 without trees);
//             TURNS: output ports that packets of each input port take (port 0 lowest, PORTS bits
//             each); an input port without any is left out;
//             MULTIFLIT 0: every flit is a packet that may use all VCs; 1: above FLIT_BITS a flit
//             has a tail mark and VCS bits of the VCs its packet may use; COUNTERS 1: link_flits
//             counts the flits of each output port, else 0.
//             Leave the derived PORTS, VC_BITS and WIRE_BITS alone.
// Ports:      in_*: links into the input buffers; in_credit: credits from the buffers behind the
//             outputs (local ports: bit of VC 0, one pool); out_credit: credits to the senders.
//             st_*: the flits in switch traversal, for the trace.
// Timing:     a flit on in_* in cycle t is offered in t + 1. Grant in t: st_* and out_credit in
//             t + 1, out_* in t + 2. A credit on in_credit in t + 1 is usable in t + 3.
module router #(
  parameter LOCALS = 1,
  parameter VCS = 1,
  parameter VC_DEPTH = 4,
  parameter EJECT_DEPTH = 8,
  parameter PIPELINE = 0,
  parameter ADAPTIVE = 0,
  parameter FLIT_BITS = 32,
  parameter DEST_BITS = 4,
  parameter MULTIFLIT = 0,
  parameter COUNTERS = 0,
  parameter PORTS = 4 + LOCALS,
  parameter VC_BITS = VCS > 1 ? $clog2(VCS) : 1,
  parameter WIRE_BITS = FLIT_BITS + MULTIFLIT * (VCS + 1),
  parameter ENDPOINTS = 1,
  parameter [ENDPOINTS*PORTS-1:0] PORT_MASKS = 0,
  parameter TREES = 1,
  parameter [TREES*PORTS-1:0] TREE_MASKS = 0,
  parameter [PORTS*PORTS-1:0] TURNS = {PORTS*PORTS{1'b1}}
) (
  input  wire                       clk,
  input  wire                       rst,
  input  wire [PORTS-1:0]           in_valid,
  input  wire [PORTS*VC_BITS-1:0]   in_vc,
  input  wire [PORTS*WIRE_BITS-1:0] in_flit,
  output reg  [PORTS*VCS-1:0]       out_credit,
  output wire [PORTS-1:0]           out_valid,
  output wire [PORTS*VC_BITS-1:0]   out_vc,
  output wire [PORTS*WIRE_BITS-1:0] out_flit,
  input  wire [PORTS*VCS-1:0]       in_credit,
  output wire [PORTS-1:0]           st_valid,
  output wire [PORTS*VC_BITS-1:0]   st_vc,
  output wire [PORTS*WIRE_BITS-1:0] st_flit,
  output wire [PORTS*32-1:0]        link_flits
);
  // Input VC x = i * VCS + v, output VC y = o * VCS + v; matrices are x-major.
  localparam CHANNELS = PORTS * VCS;
  localparam CREDIT_BITS = $clog2(VC_DEPTH + 1);
  localparam POOL_BITS = $clog2(EJECT_DEPTH + 1);

  wire [CHANNELS-1:0] taken;
  wire [CHANNELS-1:0] has_credit;
  wire [3*VCS*CREDIT_BITS-1:0] mesh_credits;

  wire [CHANNELS*CHANNELS-1:0] va_request;
  wire [CHANNELS*CHANNELS-1:0] va_granted;
  wire [CHANNELS*PORTS-1:0] sa_request;
  wire [CHANNELS*PORTS-1:0] sa_winner;
  wire [CHANNELS*PORTS-1:0] sp_request;
  wire [CHANNELS*PORTS-1:0] sp_winner;
  wire [CHANNELS*PORTS-1:0] moved;
  wire [CHANNELS*CHANNELS-1:0] sends;
  wire [CHANNELS*CHANNELS-1:0] frees;
  wire [CHANNELS-1:0] leaves;

  // The same by output: ports matched, output VCs given, sent on and given back.
  wire [PORTS-1:0] out_matched;
  wire [CHANNELS-1:0] out_granted;
  wire [CHANNELS-1:0] out_sent;
  wire [CHANNELS-1:0] out_freed;

  // Each input port's moving flit (at most one of its VCs moves), 0 without.
  wire [PORTS*WIRE_BITS-1:0] moving;

  genvar i, v, o;
  generate
    for (i = 0; i < PORTS; i = i + 1) begin : in_port
      localparam [PORTS-1:0] LEAVING = TURNS[i * PORTS +: PORTS];
      wire [VC_BITS-1:0] number = in_vc[i * VC_BITS +: VC_BITS];
      wire [WIRE_BITS-1:0] arriving = in_flit[i * WIRE_BITS +: WIRE_BITS];
      wire matched = |sa_winner[i * VCS * PORTS +: VCS * PORTS];
      wire [VCS-1:0] moves;
      wire [PORTS-1:0] exits;
      or_rows #(.N(VCS), .WIDTH(PORTS)) moved_ports (
        .words(moved[i * VCS * PORTS +: VCS * PORTS]), .word(exits)
      );
      wire [VCS*WIRE_BITS-1:0] fronts;
      one_hot_mux #(.N(VCS), .WIDTH(WIRE_BITS)) mover (
        .select(moves), .words(fronts), .word(moving[i * WIRE_BITS +: WIRE_BITS])
      );
      for (v = 0; v < VCS; v = v + 1) begin : vc
        localparam X = i * VCS + v;
        localparam VC = v;
        wire occupied;
        wire tail;
        wire [VCS-1:0] vc_mask;
        wire [PORTS-1:0] wants;
        wire [CHANNELS-1:0] hold;
        wire [CHANNELS-1:0] granted = va_granted[X * CHANNELS +: CHANNELS];
        wire [PORTS-1:0] winner = sa_winner[X * PORTS +: PORTS];
        wire [PORTS-1:0] lucky = sp_winner[X * PORTS +: PORTS];
        wire [PORTS-1:0] turns;
        wire [CHANNELS-1:0] takes;
        wire [CHANNELS-1:0] asks;
        wire [PORTS-1:0] ready;
        wire [PORTS-1:0] hopes;

        if (LEAVING != {PORTS{1'b0}}) begin : linked
          input_vc #(
            .PORTS(PORTS), .VCS(VCS), .VC_DEPTH(VC_DEPTH), .CREDIT_BITS(CREDIT_BITS),
            .PIPELINE(PIPELINE), .ADAPTIVE(ADAPTIVE), .FLIT_BITS(FLIT_BITS), .MULTIFLIT(MULTIFLIT),
            .WIRE_BITS(WIRE_BITS), .DEST_BITS(DEST_BITS), .ENDPOINTS(ENDPOINTS),
            .PORT_MASKS(PORT_MASKS), .TREES(TREES), .TREE_MASKS(TREE_MASKS),
            .TURNS(LEAVING)
          ) channel (
            .clk(clk), .rst(rst), .push(in_valid[i] & number == VC[VC_BITS-1:0]),
            .arriving(arriving), .mesh_credits(mesh_credits), .occupied(occupied),
            .front(fronts[v * WIRE_BITS +: WIRE_BITS]), .tail(tail), .vc_mask(vc_mask),
            .wants(wants), .hold(hold), .granted(granted), .moved(turns), .sends(takes),
            .leaves(leaves[X])
          );
        end else begin : missing
          wire unused_input = &{1'b0, in_valid[i], number, arriving, granted, turns};
          assign occupied = 1'b0;
          assign fronts[v * WIRE_BITS +: WIRE_BITS] = {WIRE_BITS{1'b0}};
          assign tail = 1'b1;
          assign vc_mask = {VCS{1'b0}};
          assign wants = {PORTS{1'b0}};
          assign hold = {CHANNELS{1'b0}};
          assign takes = {CHANNELS{1'b0}};
          assign leaves[X] = 1'b0;
        end

        for (o = 0; o < PORTS; o = o + 1) begin : turn
          wire [VCS-1:0] credit = has_credit[o * VCS +: VCS];
          wire [VCS-1:0] usable = vc_mask & ~taken[o * VCS +: VCS];
          assign asks[o * VCS +: VCS] = usable & {VCS{wants[o]}};
          assign ready[o] = occupied & |(hold[o * VCS +: VCS] & credit);
          assign hopes[o] = wants[o] & |(usable & credit);
          // A speculative winner moves between unmatched ports, with a VC and credit from VA.
          assign turns[o] = winner[o] | (lucky[o] & ~matched & ~out_matched[o]
            & |(granted[o * VCS +: VCS] & credit));
        end
        assign va_request[X * CHANNELS +: CHANNELS] = asks;
        assign sa_request[X * PORTS +: PORTS] = ready;
        assign sp_request[X * PORTS +: PORTS] = hopes;
        assign moved[X * PORTS +: PORTS] = turns;
        assign sends[X * CHANNELS +: CHANNELS] = takes;
        assign frees[X * CHANNELS +: CHANNELS] = takes & {CHANNELS{tail}};
        assign moves[v] = |turns;
      end
    end

    for (o = 0; o < PORTS; o = o + 1) begin : out_port
      localparam BITS = o < 4 ? CREDIT_BITS : POOL_BITS;
      wire [PORTS-1:0] crossing;
      wire [VCS*BITS-1:0] credits;
      wire [WIRE_BITS-1:0] flit;
      for (i = 0; i < PORTS; i = i + 1) begin : from
        assign crossing[i] = in_port[i].exits[o];
      end
      one_hot_mux #(.N(PORTS), .WIDTH(WIRE_BITS)) crossbar (
        .select(crossing), .words(moving), .word(flit)
      );
      output_port #(
        .VCS(VCS), .VC_BITS(VC_BITS), .FLIT_BITS(WIRE_BITS), .POOL(o < 4 ? 0 : 1),
        .CREDITS(o < 4 ? VC_DEPTH : EJECT_DEPTH), .CREDIT_BITS(BITS), .COUNTERS(COUNTERS)
      ) port (
        .clk(clk), .rst(rst), .granted(out_granted[o * VCS +: VCS]),
        .freed(out_freed[o * VCS +: VCS]), .sent(out_sent[o * VCS +: VCS]), .flit(flit),
        .in_credit(in_credit[o * VCS +: VCS]), .taken(taken[o * VCS +: VCS]),
        .has_credit(has_credit[o * VCS +: VCS]), .credits(credits),
        .st_valid(st_valid[o]), .st_vc(st_vc[o * VC_BITS +: VC_BITS]),
        .st_flit(st_flit[o * WIRE_BITS +: WIRE_BITS]), .out_valid(out_valid[o]),
        .out_vc(out_vc[o * VC_BITS +: VC_BITS]), .out_flit(out_flit[o * WIRE_BITS +: WIRE_BITS]),
        .link_flits(link_flits[o * 32 +: 32])
      );
      if (o < 3) begin : seen
        assign mesh_credits[o * VCS * CREDIT_BITS +: VCS * CREDIT_BITS] = credits;
      end else begin : unseen
        wire unused_credits = |credits;
      end
    end

    if (PIPELINE == 2) begin : speculation
      switch_allocator #(.PORTS(PORTS), .VCS(VCS)) matcher (
        .clk(clk), .rst(rst), .request(sp_request), .winner(sp_winner)
      );
    end else begin : no_speculation
      wire unused_request = |sp_request;
      assign sp_winner = {(CHANNELS * PORTS){1'b0}};
    end
  endgenerate

  or_rows #(.N(CHANNELS), .WIDTH(PORTS)) matched_outputs (
    .words(sa_winner), .word(out_matched)
  );
  or_rows #(.N(CHANNELS), .WIDTH(CHANNELS)) granted_outputs (
    .words(va_granted), .word(out_granted)
  );
  or_rows #(.N(CHANNELS), .WIDTH(CHANNELS)) sent_outputs (.words(sends), .word(out_sent));
  or_rows #(.N(CHANNELS), .WIDTH(CHANNELS)) freed_outputs (.words(frees), .word(out_freed));

  islip #(.INPUTS(CHANNELS), .OUTPUTS(CHANNELS)) vc_allocator (
    .clk(clk), .rst(rst), .request(va_request), .matched(va_granted)
  );

  switch_allocator #(.PORTS(PORTS), .VCS(VCS)) switch_matcher (
    .clk(clk), .rst(rst), .request(sa_request), .winner(sa_winner)
  );

  always @(posedge clk) begin
    if (rst) out_credit <= {CHANNELS{1'b0}};
    else out_credit <= leaves;
  end
endmodule
