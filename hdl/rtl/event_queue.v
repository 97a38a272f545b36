// Event queue between the network interface and the synapse engine.
//
// Parameters: WIDTH of an entry, DEPTH entries (queue_events of the architecture).
// Ports: push/din append an entry, only with room; valid/front show the oldest; pop takes it.
// Timing: what is pushed at c is in front from c + 1; room speaks of the start of the cycle.

module event_queue #(
  parameter WIDTH = 8,
  parameter DEPTH = 4
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             push,
  input  wire [WIDTH-1:0] din,
  output wire             room,
  output wire             valid,
  output wire [WIDTH-1:0] front,
  input  wire             pop
);

  fifo #(.WIDTH(WIDTH), .DEPTH(DEPTH)) entries (
    .clk(clk), .rst(rst), .push(push), .din(din), .pop(pop), .dout(front), .valid(valid),
    .room(room)
  );

endmodule
