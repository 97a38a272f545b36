// Packer: events into flits, copies for several destinations, end tokens.
//
// Parameters: SOURCES of events (a slice's own events, its statistics, its gates), numbered in
//             SOURCE_BITS; flat vectors of 32 bits a source, source 0 lowest: STREAMS (number),
//             PER_FLIT (events a flit), ADDRESS_WIDTHS and VALUE_WIDTHS (bits in a slot; a value of
//             0 bits is not sent), FIRST_TARGETS and TARGET_COUNTS (the source's range of TARGETS:
//             one target for a tree, else one a destination); TARGETS, flat, TARGETS_ALL entries
//             of {destination or tree number[DEST_BITS], tree}; PACKET_BITS of the count of packets
//             of a step (at most PAYLOAD_BITS); widths of the flit's fields; of the offer
//             ADDRESS_BITS, VALUE_BITS: the largest of the sources (at least 1).
//             PER_FLIT * (address + value width) <= PAYLOAD_BITS, PER_FLIT < 2**COUNT_BITS.
//             SELECTIVE 1: source 0 sends each event, one a flit, only to the targets that
//             CONSUMERS names: a bit a target, SELECT_WIDTH targets, for each of SELECT_ROWS
//             addresses from SELECT_BASE on, lowest first; an event for nobody is accepted and
//             goes nowhere. Its end tokens carry the number of packets to their target.
// Ports:      job_source, job_step  what offer_valid and finish are about, in their cycle.
//             offer_*   an event on offer; accepted: taken in this cycle (never while busy).
//             finish    in the last cycle of a job, which may be that of its last event: from the
//                       next cycle on the unfinished flit and the end tokens are pushed. Comes only
//                       while not busy.
//             room      of the injector's data queue at the start of the cycle.
//             push_*    what that queue gets in this cycle, a flit without tag:
//                       {payload, count, step, stream, kind[2], dest, tree}.
//             busy      copies or a flush wait (at the start of the cycle).
//             idle      not busy and no flit is unfinished.
// Timing:     accepted and push_* are combinational from the offer, in its cycle.
module packer #(
  parameter SOURCES = 1,
  parameter SOURCE_BITS = 1,
  parameter PAYLOAD_BITS = 64,
  parameter COUNT_BITS = 4,
  parameter STEP_BITS = 4,
  parameter STREAM_BITS = 4,
  parameter DEST_BITS = 4,
  parameter ADDRESS_BITS = 8,
  parameter VALUE_BITS = 1,
  parameter PACKET_BITS = 16,
  parameter TARGETS_ALL = 1,
  parameter [SOURCES*32-1:0] STREAMS = {SOURCES{32'd0}},
  parameter [SOURCES*32-1:0] PER_FLIT = {SOURCES{32'd8}},
  parameter [SOURCES*32-1:0] ADDRESS_WIDTHS = {SOURCES{32'd8}},
  parameter [SOURCES*32-1:0] VALUE_WIDTHS = {SOURCES{32'd0}},
  parameter [SOURCES*32-1:0] FIRST_TARGETS = {SOURCES{32'd0}},
  parameter [SOURCES*32-1:0] TARGET_COUNTS = {SOURCES{32'd1}},
  parameter [TARGETS_ALL*(DEST_BITS+1)-1:0] TARGETS = {TARGETS_ALL*(DEST_BITS+1){1'b0}},
  parameter SELECTIVE = 0,
  parameter SELECT_BASE = 0,
  parameter SELECT_ROWS = 1,
  parameter SELECT_WIDTH = 1,
  parameter [SELECT_ROWS*SELECT_WIDTH-1:0] CONSUMERS = {SELECT_ROWS*SELECT_WIDTH{1'b0}},
  parameter BODY_BITS = PAYLOAD_BITS + COUNT_BITS + STEP_BITS + STREAM_BITS + DEST_BITS + 3
) (
  input  wire                    clk,
  input  wire                    rst,
  input  wire [SOURCE_BITS-1:0]  job_source,
  input  wire [STEP_BITS-1:0]    job_step,
  input  wire                    offer_valid,
  input  wire [ADDRESS_BITS-1:0] offer_address,
  input  wire [VALUE_BITS-1:0]   offer_value,
  output wire                    accepted,
  input  wire                    finish,
  input  wire                    room,
  output wire                    push_valid,
  output wire [BODY_BITS-1:0]    push_flit,
  output wire                    busy,
  output wire                    idle
);
  localparam TARGET_BITS = $clog2(TARGETS_ALL + 1);
  localparam [1:0] EVENTS = 2'd0;
  localparam [1:0] END = 2'd1;

  reg [SOURCE_BITS-1:0] source_held;
  reg [STEP_BITS-1:0] step_held;
  reg [PAYLOAD_BITS-1:0] payload;
  reg [COUNT_BITS-1:0] filled;      // events of the unfinished flit, or of the one being copied
  reg copying;
  reg flushing;
  reg [TARGET_BITS-1:0] copy;       // next copy or token
  reg [PACKET_BITS-1:0] packets;    // event packets of the step, to each destination

  assign busy = copying || flushing;
  wire unfinished = filled != {COUNT_BITS{1'b0}};
  assign idle = !busy && !unfinished;
  wire [SOURCE_BITS-1:0] source = busy ? source_held : job_source;
  wire [STEP_BITS-1:0] step = busy ? step_held : job_step;

  // The source's constants.
  reg [STREAM_BITS-1:0] stream;
  reg [COUNT_BITS-1:0] per_flit;
  reg [TARGET_BITS-1:0] first;
  reg [TARGET_BITS-1:0] last;
  reg [PAYLOAD_BITS-1:0] placed;
  wire [SOURCES*PAYLOAD_BITS-1:0] slots;
  integer s;
  always @* begin
    stream = {STREAM_BITS{1'b0}};
    per_flit = {COUNT_BITS{1'b0}};
    first = {TARGET_BITS{1'b0}};
    last = {TARGET_BITS{1'b0}};
    placed = {PAYLOAD_BITS{1'b0}};
    for (s = 0; s < SOURCES; s = s + 1) begin
      if (source == s[SOURCE_BITS-1:0]) begin
        stream = STREAMS[s*32 +: STREAM_BITS];
        per_flit = PER_FLIT[s*32 +: COUNT_BITS];
        first = FIRST_TARGETS[s*32 +: TARGET_BITS];
        last = TARGET_COUNTS[s*32 +: TARGET_BITS] - 1'b1;
        placed = slots[s*PAYLOAD_BITS +: PAYLOAD_BITS];
      end
    end
  end

  // The event in the next slot of the flit, all else 0.
  genvar g;
  genvar k;
  generate
    for (g = 0; g < SOURCES; g = g + 1) begin : layouts
      localparam ADDRESS = ADDRESS_WIDTHS[g*32 +: 32];
      localparam VALUE = VALUE_WIDTHS[g*32 +: 32];
      localparam SLOT = ADDRESS + VALUE;
      localparam EACH = PER_FLIT[g*32 +: 32];
      wire [SLOT-1:0] slot;
      if (VALUE == 0) begin : address_only
        assign slot = offer_address[ADDRESS-1:0];
      end else begin : with_value
        assign slot = {offer_value[VALUE-1:0], offer_address[ADDRESS-1:0]};
      end
      for (k = 0; k < EACH; k = k + 1) begin : places
        localparam [31:0] PLACE = k;
        assign slots[g*PAYLOAD_BITS + k*SLOT +: SLOT] =
          filled == PLACE[COUNT_BITS-1:0] ? slot : {SLOT{1'b0}};
      end
      if (EACH * SLOT < PAYLOAD_BITS) begin : rest
        assign slots[g*PAYLOAD_BITS + EACH*SLOT +: PAYLOAD_BITS - EACH*SLOT] =
          {PAYLOAD_BITS - EACH*SLOT{1'b0}};
      end
    end
  endgenerate
  wire unused = &{1'b0, offer_address, offer_value};

  // A selective source: who takes the event, and which copy is next.
  wire selects, nobody, more;
  wire [TARGET_BITS-1:0] chosen;
  wire [PACKET_BITS-1:0] packets_to;

  wire offered = offer_valid && !busy;
  wire completes = filled + 1'b1 == per_flit;
  assign accepted = offered && (!completes || room || nobody);
  wire flush_now = flushing && !copying && room;
  wire push_first = (accepted && completes && !nobody) || (flush_now && unfinished);
  wire push_copy = copying && room;
  wire push_token = flush_now && !unfinished;
  wire by_choice = selects && !push_token;
  wire at_last = by_choice ? !more : copy == last;

  generate
    if (SELECTIVE != 0) begin : selective
      localparam ROW_BITS = SELECT_ROWS > 1 ? $clog2(SELECT_ROWS) : 1;
      localparam [ADDRESS_BITS-1:0] BASE = SELECT_BASE[ADDRESS_BITS-1:0];
      localparam WIDE = ADDRESS_BITS + ROW_BITS;
      wire [ADDRESS_BITS-1:0] local_address = offer_address - BASE;
      wire [WIDE-1:0] row = {{ROW_BITS{1'b0}}, local_address};
      wire [SELECT_WIDTH-1:0] reach;
      lookup #(
        .WIDTH(SELECT_WIDTH), .DEPTH(SELECT_ROWS), .INDEX_BITS(ROW_BITS), .DATA(CONSUMERS)
      ) consumers (.index(row[ROW_BITS-1:0]), .entry(reach));
      wire unused_row = &{1'b0, row};
      localparam [SELECT_WIDTH-1:0] LOWEST = 1;
      reg  [SELECT_WIDTH-1:0] left;
      wire [SELECT_WIDTH-1:0] wanted = copying ? left : reach;
      wire [SELECT_WIDTH-1:0] pick = wanted & (~wanted + LOWEST);
      assign selects = source == {SOURCE_BITS{1'b0}};
      assign nobody = selects && !busy && reach == {SELECT_WIDTH{1'b0}};
      assign more = (wanted & ~pick) != {SELECT_WIDTH{1'b0}};
      always @(posedge clk) if (by_choice && (push_first || push_copy)) left <= wanted & ~pick;

      // Packets of the step by target.
      reg [SELECT_WIDTH*PACKET_BITS-1:0] sent;
      reg [TARGET_BITS-1:0] number;
      reg [PACKET_BITS-1:0] count;
      integer n;
      always @* begin
        number = {TARGET_BITS{1'b0}};
        count = {PACKET_BITS{1'b0}};
        for (n = 0; n < SELECT_WIDTH; n = n + 1) begin
          if (pick[n]) number = number | n[TARGET_BITS-1:0];
          if (copy == n[TARGET_BITS-1:0]) count = sent[n*PACKET_BITS +: PACKET_BITS];
        end
      end
      assign chosen = number;
      assign packets_to = count;
      genvar w;
      for (w = 0; w < SELECT_WIDTH; w = w + 1) begin : counts
        always @(posedge clk)
          if (rst || (push_token && at_last && selects))
            sent[w*PACKET_BITS +: PACKET_BITS] <= {PACKET_BITS{1'b0}};
          else if (accepted && selects && reach[w])
            sent[w*PACKET_BITS +: PACKET_BITS] <= sent[w*PACKET_BITS +: PACKET_BITS] + 1'b1;
      end
    end else begin : to_all
      assign selects = 1'b0;
      assign nobody = 1'b0;
      assign more = 1'b0;
      assign chosen = {TARGET_BITS{1'b0}};
      assign packets_to = {PACKET_BITS{1'b0}};
    end
  endgenerate

  assign push_valid = push_first || push_copy || push_token;

  wire [PAYLOAD_BITS-1:0] kept = unfinished ? payload : {PAYLOAD_BITS{1'b0}};
  wire [PAYLOAD_BITS-1:0] grown = kept | placed;
  wire [PAYLOAD_BITS-1:0] announced;
  wire [PACKET_BITS-1:0] count_of_target = selects ? packets_to : packets;
  generate
    if (PACKET_BITS < PAYLOAD_BITS) begin : narrow
      assign announced = {{PAYLOAD_BITS - PACKET_BITS{1'b0}}, count_of_target};
    end else begin : exact
      assign announced = count_of_target;
    end
  endgenerate

  wire [TARGET_BITS-1:0] target = first + (by_choice ? chosen : copy);
  reg [DEST_BITS:0] where;
  integer t;
  always @* begin
    where = {DEST_BITS + 1{1'b0}};
    for (t = 0; t < TARGETS_ALL; t = t + 1)
      if (target == t[TARGET_BITS-1:0]) where = TARGETS[t*(DEST_BITS+1) +: DEST_BITS+1];
  end
  wire token = flushing && !copying && !unfinished;
  assign push_flit = {
    token ? announced : busy ? payload : grown,
    token ? {COUNT_BITS{1'b0}} : busy ? filled : per_flit,
    step, stream, token ? END : EVENTS, where
  };

  always @(posedge clk) begin
    if (accepted && !nobody) payload <= grown;
    if (!busy && (accepted || finish)) begin
      source_held <= job_source;
      step_held <= job_step;
    end
    if (rst) begin
      filled <= {COUNT_BITS{1'b0}};
      copying <= 1'b0;
      flushing <= 1'b0;
      copy <= {TARGET_BITS{1'b0}};
      packets <= {PACKET_BITS{1'b0}};
    end else begin
      if ((push_first || push_copy) && at_last) filled <= {COUNT_BITS{1'b0}};
      else if (accepted && !nobody) filled <= filled + 1'b1;
      if (push_valid) begin
        copying <= !push_token && !at_last;
        copy <= at_last || by_choice ? {TARGET_BITS{1'b0}} : copy + 1'b1;
      end
      if (finish) flushing <= 1'b1;
      else if (push_token && at_last) flushing <= 1'b0;
      if (push_token && at_last) packets <= {PACKET_BITS{1'b0}};
      else if (push_first) packets <= packets + 1'b1;
    end
  end

`ifdef PULVINAR_ASSERT
  always @(posedge clk) begin
    if (rst === 1'b0 && finish === 1'b1 && busy) begin
      $display("ASSERT %m: a job ends while the packer is busy");
      $finish;
    end
  end
`endif
endmodule
