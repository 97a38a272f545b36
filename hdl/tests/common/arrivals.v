// Test bench of `arrivals`: a command a cycle from a file, what the read ports hold on standard output.
module bench;
`include "case.vh"
  localparam BITS = 4 + 2 * ADDR_BITS + WIDTH + READS * (1 + ADDR_BITS);

  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  always #5 clk = !clk;

  // Of a cycle: {show, clear, clear_address, add, address, maximum, value, ren, raddr}.
  reg [BITS-1:0] schedule [0:CYCLES-1];
  initial $readmemb("schedule.mem", schedule);
  wire [BITS-1:0] now = rst ? {BITS{1'b0}} : schedule[cycle];
  wire show, clear, add, maximum;
  wire [ADDR_BITS-1:0] clear_address, address;
  wire [WIDTH-1:0] value;
  wire [READS-1:0] ren;
  wire [READS*ADDR_BITS-1:0] raddr;
  wire [READS*WIDTH-1:0] rdata;
  assign {show, clear, clear_address, add, address, maximum, value, ren, raddr} = now;

  arrivals #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDR_BITS(ADDR_BITS), .READS(READS)) arrivals (
    .clk(clk), .rst(rst), .add(add), .address(address), .value(value), .maximum(maximum),
    .clear(clear), .clear_address(clear_address), .clear_maximum(maximum), .renew(1'b0), .ren(ren),
    .raddr(raddr), .rdata(rdata)
  );

  always @(posedge clk)
    if (rst) rst <= 1'b0;
    else begin
      if (show) $display("%0d %b", cycle, rdata);
      cycle <= cycle + 1;
      if (cycle == CYCLES - 1) $finish;
    end
endmodule
