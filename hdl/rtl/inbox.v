// inbox: what has arrived of one step (or of one pass's statistics or gates).
//
// Counts end tokens, the packets they announce, packets taken and events that wait in the queue.
// Everything has arrived when all expected tokens are there, as many packets were taken as
// announced, and no event of the step waits (docs/machine.md section 4).
//
// Parameters: TOKEN_BITS, PACKET_BITS (counters of tokens and packets), PENDING_BITS (events in
//             the queue at most).
// Ports: clear     start anew; the counters are 0 in the next cycle
//        token     an end token was taken in this cycle, announcing `packets`
//        taken     the last event of a packet was taken in this cycle
//        push, pop an event entered or left the queue in this cycle
//        expected  tokens to wait for
//        complete  combinational, from the counters at the start of the cycle
module inbox #(
  parameter TOKEN_BITS = 4,
  parameter PACKET_BITS = 16,
  parameter PENDING_BITS = 8
) (
  input clk,
  input rst,
  input clear,
  input token,
  input [PACKET_BITS-1:0] packets,
  input taken,
  input push,
  input pop,
  input [TOKEN_BITS-1:0] expected,
  output complete
);
  reg [TOKEN_BITS-1:0] tokens;
  // Packets announced less packets taken, modulo 2^PACKET_BITS.
  reg [PACKET_BITS-1:0] owed;
  reg [PENDING_BITS-1:0] pending;

  wire [PACKET_BITS-1:0] announced = token ? packets : {PACKET_BITS{1'b0}};
  wire [PACKET_BITS-1:0] one_packet = {{(PACKET_BITS-1){1'b0}}, taken};
  wire [TOKEN_BITS-1:0] one_token;
  generate
    if (TOKEN_BITS == 1) begin : g_token_bit
      assign one_token = token;
    end else begin : g_token_bits
      assign one_token = {{(TOKEN_BITS-1){1'b0}}, token};
    end
  endgenerate

  assign complete = (tokens == expected) && (owed == {PACKET_BITS{1'b0}})
                    && (pending == {PENDING_BITS{1'b0}});

  always @(posedge clk) begin
    if (rst || clear) begin
      tokens <= {TOKEN_BITS{1'b0}};
      owed <= {PACKET_BITS{1'b0}};
      pending <= {PENDING_BITS{1'b0}};
    end else begin
      tokens <= tokens + one_token;
      owed <= owed + announced - one_packet;
      if (push && !pop) pending <= pending + 1'b1;
      if (pop && !push) pending <= pending - 1'b1;
    end
  end
endmodule
