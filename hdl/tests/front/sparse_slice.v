// Synapse path of a slice with stored connections: queues of events and of their row pointers,
// connection memory, engine, banks. entry: {no synapse event, buffer, row, value}.
module slice (
  clk, rst, push, entry, room, valid, other, pop_wanted, free, take, beat_valid, beat_buffer,
  beat_rows, beat_mask, conflict, busy, busy_buffer, recent, stalled, sweep_ren, sweep_buffer,
  sweep_addr, sweep_data, clear, clear_addr
);
`include "case.vh"
  localparam ENTRY = VALUE_BITS + INDEX_BITS + 2;
  input  wire                      clk;
  input  wire                      rst;
  input  wire                      push;
  input  wire [ENTRY-1:0]          entry;
  output wire                      room;
  output wire                      valid;
  output wire                      other;
  input  wire                      pop_wanted;
  output wire                      free;
  output wire                      take;
  output wire                      beat_valid;
  output wire                      beat_buffer;
  output wire [BANKS*ROW_BITS-1:0] beat_rows;
  output wire [BANKS-1:0]          beat_mask;
  output wire                      conflict;
  output wire                      busy;
  output wire                      busy_buffer;
  output wire [BUFFERS-1:0]        recent;
  output wire                      stalled;
  input  wire                      sweep_ren;
  input  wire                      sweep_buffer;
  input  wire [WORD_BITS-1:0]      sweep_addr;
  output wire [LANES*ACC_BITS-1:0] sweep_data;
  input  wire                      clear;
  input  wire [ROW_BITS-1:0]       clear_addr;

  wire [ENTRY-1:0]             front;
  wire [POINTER_BITS-1:0]      pointer;
  wire                         start, advance, pending, last;
  wire [BANKS*ROW_BITS-1:0]    rows;
  wire [BANKS-1:0]             mask;
  wire [BANKS*WEIGHT_BITS-1:0] weights;
  wire [VALUE_BITS-1:0]        beat_value;
  wire                         beat_weighted, beat_weight_addr;

  assign other = front[ENTRY-1];
  assign take = pop_wanted && valid && !other && free;
  wire pop = take || (pop_wanted && valid && other);
  wire unused = &{1'b0, front, beat_weighted, beat_weight_addr};

  event_queue #(.WIDTH(ENTRY), .DEPTH(QUEUE_DEPTH)) queue (
    .clk(clk), .rst(rst), .push(push), .din(entry), .room(room), .valid(valid), .front(front),
    .pop(pop)
  );
  pointer_queue #(
    .WIDTH(POINTER_BITS), .DEPTH(QUEUE_DEPTH), .WORDS(POINTERS), .ADDR_BITS(INDEX_BITS),
    .FILE("rows.hex")
  ) pointers (
    .clk(clk), .rst(rst), .push(push), .index(entry[VALUE_BITS +: INDEX_BITS]), .pop(pop),
    .pointer(pointer)
  );
  sparse_source #(
    .BANKS(BANKS), .ROW_BITS(ROW_BITS), .WEIGHT_BITS(WEIGHT_BITS), .WORDS(CONNECTION_WORDS),
    .ADDR_BITS(POINTER_BITS-1), .FILE("connections.hex")
  ) connections (
    .clk(clk), .rst(rst), .start(start), .any(pointer[0]), .first(pointer[POINTER_BITS-1:1]),
    .advance(advance), .pending(pending), .beat_last(last), .conflict(conflict), .rows(rows),
    .mask(mask), .weights(weights)
  );
  synapse_engine #(
    .GENERATORS(1), .LANES(BANKS), .ACC_ADDR_BITS(BANKS*ROW_BITS), .WEIGHT_ADDR_BITS(1),
    .VALUE_BITS(VALUE_BITS), .BUFFERS(BUFFERS), .HAZARD_STALL(STALL), .BANKED(1)
  ) engine (
    .clk(clk), .rst(rst), .free(free), .take(take), .take_generators(1'b1),
    .take_buffer(front[VALUE_BITS+INDEX_BITS]), .take_value(front[VALUE_BITS-1:0]), .start(start),
    .advance(advance), .pending(pending), .last(last), .acc_addr(rows), .weight_addr(1'b0),
    .lane_mask(mask), .beat_valid(beat_valid), .beat_buffer(beat_buffer), .beat_addr(beat_rows),
    .beat_weight_addr(beat_weight_addr), .beat_mask(beat_mask), .beat_value(beat_value),
    .beat_weighted(beat_weighted), .busy(busy), .busy_buffer(busy_buffer), .recent(recent),
    .stalled(stalled)
  );
  banked_accumulator #(
    .LANES(LANES), .BANKS(BANKS), .ACC_BITS(ACC_BITS), .WEIGHT_BITS(WEIGHT_BITS),
    .VALUE_BITS(VALUE_BITS), .ROWS(ROWS), .ROW_BITS(ROW_BITS), .WORD_BITS(WORD_BITS),
    .BUFFERS(BUFFERS), .GRADED(GRADED), .FORWARD(STALL == 0)
  ) accumulator (
    .clk(clk), .rst(rst), .beat_valid(beat_valid), .beat_buffer(beat_buffer),
    .beat_rows(beat_rows), .beat_mask(beat_mask), .beat_value(beat_value), .weights(weights),
    .sweep_ren(sweep_ren), .sweep_keep(1'b0), .sweep_buffer(sweep_buffer), .sweep_addr(sweep_addr),
    .sweep_data(sweep_data), .clear(clear), .clear_addr(clear_addr)
  );
endmodule
