// One tap: the engine's read ports and the list's.
module tap #(
  parameter NUMBER = 0, parameter LANES = 1, parameter LANE_BITS = 0, parameter ROWS = 1,
  parameter ROW_BITS = 1, parameter WIDTH = 8, parameter FIELD = 8, parameter A = 1,
  parameter OWN_READ = 1, parameter MAXIMUM = 0, parameter CROSS_LANES = 0
) (
  input clk, input rst, input fold, input [ROW_BITS-1:0] fold_row, input [LANES-1:0] fold_mask,
  input [LANES*WIDTH-1:0] fold_values, input clear, input [31:0] clear_at,
  input [A-1:0] stat_ren, input [A*FIELD-1:0] stat_addr, output [A*WIDTH-1:0] stat_data,
  input own_ren, input [OWN_READ-1:0] own_addr, output [WIDTH-1:0] own_data
);
  localparam ADDR = ROW_BITS + LANE_BITS;
  wire [(A+1)*ADDR-1:0] raddr;
  wire [ADDR+OWN_READ-1:0] wide = {{ADDR{1'b0}}, own_addr};
  assign raddr[A*ADDR +: ADDR] = wide[ADDR-1:0];
  genvar l;
  generate
    for (l = 0; l < A; l = l + 1) begin : lane
      wire [ADDR+FIELD-1:0] long = {{ADDR{1'b0}}, stat_addr[l*FIELD +: FIELD]};
      assign raddr[l*ADDR +: ADDR] = long[ADDR-1:0];
    end
  endgenerate
  statistics #(
    .LANES(LANES), .LANE_BITS(LANE_BITS), .ROWS(ROWS), .ROW_BITS(ROW_BITS), .VALUE_BITS(WIDTH),
    .STAT_BITS(WIDTH), .MAXIMUM(MAXIMUM), .CROSS_LANES(CROSS_LANES), .READS(A+1)
  ) memory (
    .clk(clk), .rst(rst), .fold(fold), .fold_first(1'b0), .fold_row(fold_row), .fold_mask(fold_mask),
    .fold_values(fold_values), .clear(clear && clear_at < ROWS),
    .clear_row(clear_at[ROW_BITS-1:0]), .ren({own_ren, stat_ren}), .raddr(raddr),
    .rdata({own_data, stat_data})
  );
endmodule

module bench;
  // CONSTANTS
  reg clk = 0, rst = 1;
  always #1 clk = !clk;
  integer now = 0;

  // Reset and clearing.
  reg [31:0] clear_at = 0;
  wire clear = rst && clear_at < CLEAR;

  // Commands; the next pass waits for engine and lists.
  reg [BITS-1:0] commands [0:COMMANDS-1];
  initial $readmemh("commands.mem", commands);
  reg [31:0] at = 0;
  reg busy = 0;
  wire folding = !rst && !busy && at < COMMANDS;
  wire [BITS-1:0] command = commands[at < COMMANDS ? at : 0];
  wire start = folding && command[0];
  wire arrival = folding && command[1];
  wire [ARRIVED_BITS-1:0] arrival_at = command[3 +: ARRIVED_BITS];
  wire [WIDTH-1:0] arrival_value = command[3+PLACE +: WIDTH];
  wire [TAPS*(PLACE+1)-1:0] fold = command[3+PLACE+WIDTH +: TAPS*(PLACE+1)];
  wire [LANES-1:0] mask = command[3+PLACE+WIDTH+TAPS*(PLACE+1) +: LANES];
  wire [LANES*WIDTH-1:0] values = command[3+PLACE+WIDTH+TAPS*(PLACE+1)+LANES +: LANES*WIDTH];
  wire [ARRIVED-1:0] maximum = /*MAXIMUM*/;

  wire running, ending, finish;
  wire [A-1:0] stat_ren, arrived_ren, gate_wen;
  wire [A*FIELD-1:0] stat_addr, arrived_addr;
  wire [4:0] stat_tap;
  wire [FIELD-1:0] gate_addr;
  wire [A*WIDTH-1:0] arrived_data, gate_data;
  wire [TAPS*A*WIDTH-1:0] stat_each;
  wire [TAPS*WIDTH-1:0] own_each;
  reg [4:0] stat_tap_before;
  always @(posedge clk) stat_tap_before <= stat_tap;

  attention_engine #(/*ENGINE*/) engine (
    .clk(clk), .rst(rst), .start(start), .running(running), .ending(ending), .finish(finish),
    .stat_ren(stat_ren), .stat_addr(stat_addr), .stat_tap(stat_tap),
    .stat_data(stat_each[stat_tap_before*A*WIDTH +: A*WIDTH]),
    .arrived_ren(arrived_ren), .arrived_addr(arrived_addr), .arrived_data(arrived_data),
    .gate_wen(gate_wen), .gate_addr(gate_addr), .gate_data(gate_data)
  );

  wire [A*ARRIVED_BITS-1:0] arrived_raddr;
  genvar l;
  generate
    for (l = 0; l < A; l = l + 1) begin : lane
      assign arrived_raddr[l*ARRIVED_BITS +: ARRIVED_BITS] = arrived_addr[l*FIELD +: ARRIVED_BITS];
    end
  endgenerate
  arrivals #(.WIDTH(WIDTH), .DEPTH(ARRIVED), .ADDR_BITS(ARRIVED_BITS), .READS(A)) others (
    .clk(clk), .rst(rst), .add(arrival), .address(arrival_at), .value(arrival_value),
    .maximum(command[2]), .clear(clear && clear_at < ARRIVED),
    .clear_address(clear_at[ARRIVED_BITS-1:0]),
    .clear_maximum(maximum[clear_at < ARRIVED ? clear_at : 0]), .renew(1'b0),
    .ren(arrived_ren), .raddr(arrived_raddr), .rdata(arrived_data)
  );

  // Gates and their list.
  wire gate_ren, gate_open, gate_offer, gate_active, gate_close;
  wire [GATE_READ-1:0] gate_raddr;
  wire [GATE_EVENT-1:0] gate_place;
  wire [WIDTH-1:0] gate_value;
  wire [GATE_ROW_BITS+A_BITS+GATE_READ-1:0] gate_wide = {{(GATE_ROW_BITS+A_BITS){1'b0}}, gate_raddr};
  wire [GATE_ROW_BITS+A_BITS+FIELD-1:0] gate_long = {{(GATE_ROW_BITS+A_BITS){1'b0}}, gate_addr};
  value_memory #(
    .WIDTH(WIDTH), .ROWS(GATE_ROWS), .ROW_BITS(GATE_ROW_BITS), .BANKS(A), .BANK_BITS(A_BITS),
    .READS(1), .FORWARD(1)
  ) gates (
    .clk(clk), .ren(gate_ren), .raddr(gate_wide[GATE_ROW_BITS+A_BITS-1:0]), .rdata(gate_value),
    .wen(gate_wen), .waddr(gate_long[GATE_ROW_BITS+A_BITS-1:0]), .wdata(gate_data)
  );
  reg [15:0] noise = 16'hace1;
  always @(posedge clk)
    noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};
  wire taken = noise[0] || noise[3];
  list_source #(/*GATES*/) gate_list (
    .clk(clk), .rst(rst), .open(ending), .accepted(taken && gate_offer), .idle_exit(taken),
    .ren(gate_ren), .raddr(gate_raddr), .source(), .active(gate_active), .offer_valid(gate_offer),
    .offer_address(gate_place), .offer_source(), .close(gate_close)
  );

  // The slice's own statistics as a list.
  wire own_ren, own_offer, own_active, own_close;
  wire [OWN_READ-1:0] own_addr;
  wire [OWN_EVENT-1:0] own_place;
  wire [OWN_SOURCE-1:0] own_source, own_from;
  list_source #(/*OWN*/) own_list (
    .clk(clk), .rst(rst), .open(start), .accepted(taken && own_offer), .idle_exit(taken),
    .ren(own_ren), .raddr(own_addr), .source(own_source), .active(own_active),
    .offer_valid(own_offer), .offer_address(own_place), .offer_source(own_from), .close(own_close)
  );
  wire signed [WIDTH-1:0] own_value = own_each[own_from*WIDTH +: WIDTH];
  wire signed [WIDTH-1:0] gate_signed = gate_value;

  // TAPS
  integer started = 0;
  reg own_done = 0, gate_done = 0;
  always @(posedge clk) begin
    now <= now + 1;
    clear_at <= clear_at + 1;
    if (clear_at == CLEAR + 2) rst <= 0;
    if (folding) at <= at + 1;
    if (start) begin
      busy <= 1;
      started <= now;
      own_done <= 0;
      gate_done <= 0;
    end
    if (finish && !rst) $display("F %0d %0d", now - started, gate_active);
    if (taken && own_offer && !rst) $display("S %0d %0d", own_place, own_value);
    if (taken && gate_offer && !rst) $display("G %0d %0d", gate_place, gate_signed);
    if (own_close) own_done <= 1;
    if (gate_close) gate_done <= 1;
    if (busy && own_done && gate_done) busy <= 0;
    if (now == RESTART) begin
      $display("R");
      rst <= 1;
      clear_at <= 0;
      at <= 0;
      busy <= 0;
    end else if (!rst && at == COMMANDS && !busy && now > RESTART || now > 2000000) begin
      $display("end");
      $finish;
    end
  end
endmodule
