// First-in first-out queue of exactly DEPTH words.
//
// Parameters: WIDTH bits a word, DEPTH words. Queues of up to 4 words or 2048 bits lie in
//             registers or LUT RAM, larger ones in block RAM; the timing is the same.
// Ports:      valid: dout is the oldest word; room: fewer than DEPTH words are there. Both tell the
//             start of the cycle.
// Timing:     a word pushed in cycle c is counted, and may be the head, from c + 1; after a pop in
//             c the next word is the head in c + 1. push needs room, pop needs valid (checked under
//             PULVINAR_ASSERT).
module fifo #(
  parameter WIDTH = 8,
  parameter DEPTH = 4
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             push,
  input  wire [WIDTH-1:0] din,
  input  wire             pop,
  output wire [WIDTH-1:0] dout,
  output wire             valid,
  output wire             room
);
  localparam PTR_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam COUNT_BITS = $clog2(DEPTH + 1);
  localparam LAST = DEPTH - 1;

  reg [PTR_BITS-1:0] head;
  reg [PTR_BITS-1:0] tail;
  reg [COUNT_BITS-1:0] count;

  wire [PTR_BITS-1:0] head_next = head == LAST[PTR_BITS-1:0] ? {PTR_BITS{1'b0}} : head + 1'b1;
  wire [PTR_BITS-1:0] tail_next = tail == LAST[PTR_BITS-1:0] ? {PTR_BITS{1'b0}} : tail + 1'b1;

  assign valid = count != {COUNT_BITS{1'b0}};
  assign room = count != DEPTH[COUNT_BITS-1:0];

  always @(posedge clk) begin
    if (rst) begin
      head <= {PTR_BITS{1'b0}};
      tail <= {PTR_BITS{1'b0}};
      count <= {COUNT_BITS{1'b0}};
    end else begin
      if (push) tail <= tail_next;
      if (pop) head <= head_next;
      if (push && !pop) count <= count + 1'b1;
      if (pop && !push) count <= count - 1'b1;
    end
  end

  generate
    if (DEPTH <= 4 || DEPTH * WIDTH <= 2048) begin : registers
      reg [WIDTH-1:0] storage [0:DEPTH-1];
      always @(posedge clk) if (push) storage[tail] <= din;
      assign dout = storage[head];
    end else begin : block_ram
      // The head is read as its predecessor leaves. A word pushed as the only one follows nobody:
      // it is kept beside the memory until it leaves.
      localparam [COUNT_BITS-1:0] ONE = 1;
      wire alone = push && (!valid || (pop && count == ONE));
      wire fetch = pop && valid && count != ONE;
      wire [WIDTH-1:0] fetched;
      reg [WIDTH-1:0] only;
      reg from_only;
      always @(posedge clk) begin
        if (alone) only <= din;
        if (alone || fetch) from_only <= alone;
      end
      assign dout = from_only ? only : fetched;
      ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDR_BITS(PTR_BITS)) queue (
        .clk(clk), .ren(fetch), .raddr(head_next), .rdata(fetched),
        .wen(push), .waddr(tail), .wdata(din)
      );
    end
  endgenerate

`ifdef PULVINAR_ASSERT
  always @(posedge clk) begin
    if (rst === 1'b0 && push === 1'b1 && !room) begin
      $display("ASSERT %m: push without room");
      $finish;
    end
    if (rst === 1'b0 && pop === 1'b1 && !valid) begin
      $display("ASSERT %m: pop without a word");
      $finish;
    end
  end
`endif

`ifdef FORMAL
  // Any one word, followed from its push to its pop (queues in registers).
  (* anyseq *) wire pick;
  reg follow;
  reg [PTR_BITS-1:0] place;
  reg [WIDTH-1:0] word;
  wire [31:0] reach = {{(32 - PTR_BITS){1'b0}}, head} + {{(32 - COUNT_BITS){1'b0}}, count};
  wire [31:0] behind = {{(32 - PTR_BITS){1'b0}}, place} + (place < head ? DEPTH : 0);

  always @(posedge clk) begin
    if (rst) follow <= 1'b0;
    else if (follow) follow <= !(pop && head == place);
    else follow <= push && pick;
    if (!follow) begin
      place <= tail;
      word <= din;
    end
  end

  always @* begin
    assume (!push || room);
    assume (!pop || valid);
    assert (head <= LAST && tail <= LAST && count <= DEPTH);
    assert ({{(32 - PTR_BITS){1'b0}}, tail} == (reach >= DEPTH ? reach - DEPTH : reach));
    assert (valid == (count != 0) && room == (count < DEPTH));
    if (follow) begin
      assert (place <= LAST && behind < reach);
      assert (registers.storage[place] == word);
      assert (head != place || (valid && dout == word));
    end
  end
`endif
endmodule
