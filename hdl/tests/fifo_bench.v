// Test bench only: a queue in block RAM beside one in registers (proven right), under random pushes
// and pops.
module fifo_bench;
  parameter DEPTH = 5;
  reg clk = 0;
  reg rst = 1;
  reg push = 0;
  reg pop = 0;
  reg [7:0] din = 0;
  wire [7:0] small_out;
  wire [511:0] large_out;
  wire small_valid, small_room, large_valid, large_room;
  integer cycle = 0;
  integer popped = 0;
  integer phase;

  fifo #(.WIDTH(8), .DEPTH(DEPTH)) in_registers (
    .clk(clk), .rst(rst), .push(push), .din(din), .pop(pop), .dout(small_out),
    .valid(small_valid), .room(small_room)
  );
  fifo #(.WIDTH(512), .DEPTH(DEPTH)) in_block_ram (
    .clk(clk), .rst(rst), .push(push), .din({64{din}}), .pop(pop), .dout(large_out),
    .valid(large_valid), .room(large_room)
  );

  always #5 clk = ~clk;
  initial #32 rst = 0;

  // Phases of 64 cycles: mixed, mostly pushes, mostly pops, both at once.
  always @(negedge clk) begin
    phase = (cycle / 64) % 4;
    push = !rst && small_room && (phase == 3 || ($random & 3) >= (phase == 2 ? 3 : phase == 1 ? 0 : 2));
    pop = !rst && small_valid && (phase == 3 || ($random & 3) >= (phase == 1 ? 3 : phase == 2 ? 0 : 2));
    din = $random;
  end

  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    if (pop) popped <= popped + 1;
    if (large_valid !== small_valid || large_room !== small_room
        || (small_valid && large_out !== {64{small_out}})) begin
      $display("DIFFER in cycle %0d", cycle);
      $finish;
    end
    if (cycle == 20000) begin
      $display("POPPED %0d", popped);
      $finish;
    end
  end
endmodule
