// Incoming network interface: the ejection buffer of an endpoint; takes one item a cycle from its
// head flit: an event, or a whole end token or credit.
//
// Flit, lowest bits first: tree[1], dest[DEST_BITS], kind[2], stream[STREAM_BITS],
// step[STEP_BITS], count[COUNT_BITS], payload[PAYLOAD_BITS], tag[TAG_BITS].
//
// Ports:
//   ej_valid, ej_flit  the router's local output as it is on the wire; written at its end
//   ej_credit          one slot is free again; registered, in the cycle after the take
//   queue_room         the event queue has room at the start of the cycle
//   output_ready       the receiver of events and end tokens is ready (cores: 1)
//   head_valid, head_flit, taken   head flit and events already taken of it
//   take_event         event number `taken` of the head is taken in this cycle
//   take_last          with take_event: it was the packet's last
//   take_end, take_credit          the head is taken: an end token, a credit
//
// Timing: what is on the wire at c can be taken from c + 1 on.

module interface_in #(
  parameter DEST_BITS = 1,
  parameter STREAM_BITS = 1,
  parameter STEP_BITS = 1,
  parameter COUNT_BITS = 1,
  parameter PAYLOAD_BITS = 8,
  parameter TAG_BITS = 1,
  parameter EJECT_DEPTH = 4,
  parameter FLIT_BITS = 3 + DEST_BITS + STREAM_BITS + STEP_BITS + COUNT_BITS + PAYLOAD_BITS
    + TAG_BITS
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  ej_valid,
  input  wire [FLIT_BITS-1:0]  ej_flit,
  output reg                   ej_credit,
  input  wire                  queue_room,
  input  wire                  output_ready,
  output wire                  head_valid,
  output wire [FLIT_BITS-1:0]  head_flit,
  output reg  [COUNT_BITS-1:0] taken,
  output wire                  take_event,
  output wire                  take_last,
  output wire                  take_end,
  output wire                  take_credit
);

  localparam KIND = 1 + DEST_BITS;
  localparam COUNT = KIND + 2 + STREAM_BITS + STEP_BITS;
  localparam [COUNT_BITS-1:0] ONE = 1;

  wire [1:0]            kind = head_flit[KIND +: 2];
  wire [COUNT_BITS-1:0] count = head_flit[COUNT +: COUNT_BITS];
  wire [COUNT_BITS-1:0] after = taken + ONE;
  wire                  room;

  assign take_event = head_valid && kind == 2'd0 && queue_room && output_ready;
  assign take_last = take_event && after == count;
  assign take_end = head_valid && kind == 2'd1 && output_ready;
  assign take_credit = head_valid && kind == 2'd2;
  wire pop = take_last || take_end || take_credit;

  fifo #(.WIDTH(FLIT_BITS), .DEPTH(EJECT_DEPTH)) buffer (
    .clk(clk), .rst(rst), .push(ej_valid), .din(ej_flit), .pop(pop), .dout(head_flit),
    .valid(head_valid), .room(room)
  );

  always @(posedge clk)
    if (rst) begin
      ej_credit <= 1'b0;
      taken <= {COUNT_BITS{1'b0}};
    end else begin
      ej_credit <= pop;
      if (pop) taken <= {COUNT_BITS{1'b0}};
      else if (take_event) taken <= after;
    end

`ifdef PULVINAR_ASSERT
  always @(posedge clk)
    if (!rst && ej_valid && !room) begin
      $display("ASSERT %m: a flit came without a credit");
      $finish;
    end
`else
  wire unused_room = room;
`endif

endmodule
