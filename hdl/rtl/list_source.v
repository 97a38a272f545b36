// Lists of statistics or gates on their way to the packer, one event a cycle.
//
// A list is a run of segments (a tap of the pass, or the gates a pass hands on), each a box of t,
// c, h, w walked row-major with one read address and one event address. Lists are sent in the order
// of the table, one an `open`, the first again after the last; the memory is read a cycle ahead.
//
// Parameters: SEGMENTS, SEGMENT_BITS (1 or more); per segment, segment 0 lowest: LAST_OF_LIST bit,
//             EMPTY bit (a list without events is one empty segment), SOURCES: SOURCE_BITS, which
//             memory is read; COUNTS: {t, c, h, w} sizes less one, COUNT_BITS each, w lowest;
//             READS: {t, c, h, w, first}, READ_BITS each, first lowest: address of the first word
//             and what is added when a digit moves on and the lower ones start again; EVENTS: the
//             same of the event address, EVENT_BITS each.
// Ports:      open: a list begins (not while one is active); its first event is on offer in the
//             next cycle. ren, raddr, source: read, in the cycle before; the offered value is what
//             the memory chosen by offer_source read last. offer_valid, offer_address: the event on
//             offer; accepted: it is taken in this cycle. idle_exit: the packer is not busy at the
//             start of the cycle (an empty list needs it once). active: a list is under way
//             (register); close: this is its last cycle.
module list_source #(
  parameter SEGMENTS = 1,
  parameter SEGMENT_BITS = 1,
  parameter SOURCE_BITS = 1,
  parameter COUNT_BITS = 4,
  parameter READ_BITS = 4,
  parameter EVENT_BITS = 4,
  parameter [SEGMENTS-1:0] LAST_OF_LIST = 1,
  parameter [SEGMENTS-1:0] EMPTY = 0,
  parameter [SEGMENTS*SOURCE_BITS-1:0] SOURCES = 0,
  parameter [SEGMENTS*4*COUNT_BITS-1:0] COUNTS = 0,
  parameter [SEGMENTS*5*READ_BITS-1:0] READS = 0,
  parameter [SEGMENTS*5*EVENT_BITS-1:0] EVENTS = 0
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   open,
  input  wire                   accepted,
  input  wire                   idle_exit,
  output wire                   ren,
  output wire [READ_BITS-1:0]   raddr,
  output wire [SOURCE_BITS-1:0] source,
  output reg                    active,
  output reg                    offer_valid,
  output reg  [EVENT_BITS-1:0]  offer_address,
  output reg  [SOURCE_BITS-1:0] offer_source,
  output wire                   close
);
  // The next word to read.
  reg [SEGMENT_BITS-1:0] segment;
  reg fresh;
  reg [COUNT_BITS-1:0] t, c, h, w;
  reg [READ_BITS-1:0] word;
  reg [EVENT_BITS-1:0] place;
  reg offer_last;

  wire list_end, empty;
  wire [SOURCE_BITS-1:0] chosen;
  wire [4*COUNT_BITS-1:0] count;
  wire [5*READ_BITS-1:0] reads;
  wire [5*EVENT_BITS-1:0] events;
  lookup #(.WIDTH(1), .DEPTH(SEGMENTS), .INDEX_BITS(SEGMENT_BITS), .DATA(LAST_OF_LIST))
    ends (.index(segment), .entry(list_end));
  lookup #(.WIDTH(1), .DEPTH(SEGMENTS), .INDEX_BITS(SEGMENT_BITS), .DATA(EMPTY))
    empties (.index(segment), .entry(empty));
  lookup #(.WIDTH(SOURCE_BITS), .DEPTH(SEGMENTS), .INDEX_BITS(SEGMENT_BITS), .DATA(SOURCES))
    sources (.index(segment), .entry(chosen));
  lookup #(.WIDTH(4*COUNT_BITS), .DEPTH(SEGMENTS), .INDEX_BITS(SEGMENT_BITS), .DATA(COUNTS))
    counts (.index(segment), .entry(count));
  lookup #(.WIDTH(5*READ_BITS), .DEPTH(SEGMENTS), .INDEX_BITS(SEGMENT_BITS), .DATA(READS))
    read_steps (.index(segment), .entry(reads));
  lookup #(.WIDTH(5*EVENT_BITS), .DEPTH(SEGMENTS), .INDEX_BITS(SEGMENT_BITS), .DATA(EVENTS))
    event_steps (.index(segment), .entry(events));

  wire w_end = w == count[0 +: COUNT_BITS];
  wire h_end = w_end && h == count[COUNT_BITS +: COUNT_BITS];
  wire c_end = h_end && c == count[2*COUNT_BITS +: COUNT_BITS];
  wire t_end = c_end && t == count[3*COUNT_BITS +: COUNT_BITS];
  wire segment_end = t_end || empty;
  localparam [31:0] LAST = SEGMENTS - 1;
  wire last_segment = segment == LAST[SEGMENT_BITS-1:0];

  wire [READ_BITS-1:0] word_step =
    !w_end ? reads[READ_BITS +: READ_BITS] : !h_end ? reads[2*READ_BITS +: READ_BITS] :
    !c_end ? reads[3*READ_BITS +: READ_BITS] : reads[4*READ_BITS +: READ_BITS];
  wire [EVENT_BITS-1:0] place_step =
    !w_end ? events[EVENT_BITS +: EVENT_BITS] : !h_end ? events[2*EVENT_BITS +: EVENT_BITS] :
    !c_end ? events[3*EVENT_BITS +: EVENT_BITS] : events[4*EVENT_BITS +: EVENT_BITS];
  wire [EVENT_BITS-1:0] place_now = fresh ? events[0 +: EVENT_BITS] : place;

  wire fetch = open || accepted && !offer_last;
  assign ren = fetch && !empty;
  assign raddr = fresh ? reads[0 +: READ_BITS] : word;
  assign source = chosen;
  assign close = active && (offer_valid ? accepted && offer_last : idle_exit);

  always @(posedge clk) begin
    if (rst) begin
      active <= 1'b0;
      offer_valid <= 1'b0;
      segment <= {SEGMENT_BITS{1'b0}};
      fresh <= 1'b1;
    end else if (fetch) begin
      active <= 1'b1;
      offer_valid <= !empty;
      if (segment_end) segment <= last_segment ? {SEGMENT_BITS{1'b0}} : segment + 1'b1;
      fresh <= segment_end;
    end else if (close) begin
      active <= 1'b0;
      offer_valid <= 1'b0;
    end
    if (rst || fetch && segment_end) begin
      t <= {COUNT_BITS{1'b0}};
      c <= {COUNT_BITS{1'b0}};
      h <= {COUNT_BITS{1'b0}};
      w <= {COUNT_BITS{1'b0}};
    end else if (fetch) begin
      w <= w_end ? {COUNT_BITS{1'b0}} : w + 1'b1;
      if (w_end) h <= h_end ? {COUNT_BITS{1'b0}} : h + 1'b1;
      if (h_end) c <= c_end ? {COUNT_BITS{1'b0}} : c + 1'b1;
      if (c_end) t <= t + 1'b1;
    end
    if (fetch) begin
      offer_address <= place_now;
      offer_source <= chosen;
      offer_last <= segment_end && list_end;
      word <= raddr + word_step;
      place <= place_now + place_step;
    end
  end
endmodule
