// Row pointers beside the event queue: the pointer of an event is read as the event enters the
// queue, and is there when the event is in front.
//
// Parameters: WIDTH of a pointer, DEPTH of the event queue, WORDS pointers, ADDR_BITS of a number
//   of a pointer, FILE with the pointers.
// Ports: push, index   an entry enters the event queue; its row (anything for entries without one)
//        pop           the front entry leaves the event queue
//        pointer       of the front entry
// Timing: what is pushed at c may be in front from c + 1. A pointer that is not taken at once
//   waits in a queue of its own.

module pointer_queue #(
  parameter WIDTH = 8,
  parameter DEPTH = 4,
  parameter WORDS = 4,
  parameter ADDR_BITS = 2,
  parameter FILE = ""
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire                 push,
  input  wire [ADDR_BITS-1:0] index,
  input  wire                 pop,
  output wire [WIDTH-1:0]     pointer
);

  wire [WIDTH-1:0] read, oldest;
  wire             waiting, room;
  reg              fresh;

  rom #(.WIDTH(WIDTH), .DEPTH(WORDS), .ADDR_BITS(ADDR_BITS), .FILE(FILE)) rows (
    .clk(clk), .ren(push), .raddr(index), .rdata(read)
  );

  fifo #(.WIDTH(WIDTH), .DEPTH(DEPTH)) pointers (
    .clk(clk), .rst(rst), .push(fresh && (waiting || !pop)), .din(read), .pop(pop && waiting),
    .dout(oldest), .valid(waiting), .room(room)
  );

  assign pointer = waiting ? oldest : read;
  wire unused = &{1'b0, room};

  always @(posedge clk)
    if (rst) fresh <= 1'b0;
    else fresh <= push;

endmodule
