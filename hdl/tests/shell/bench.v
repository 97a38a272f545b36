// Test bench of the shell: a bus master with a list of transfers, a chain of counters, a machine that finishes after
// a given number of cycles and has a memory to clear.
`timescale 1ns / 1ns
module bench #(
  parameter OPS = 1,
  parameter RUNS = 1,
  parameter PULSE_CYCLES = 1,
  parameter CORES = 2,
  parameter LANES = 4,
  parameter WORDS = 13,
  parameter CORE_BITS = 2,
  parameter ADDR_BITS = 11
);
  localparam LINKS = CORES + 1;
  localparam EACH = 11 + LANES;
  reg clk = 1'b0;
  reg resetn = 1'b0;
  always #5 clk = !clk;

  // {kind[4], address[16], data[32], strobes[4], delays[8]}; last cycles of the runs; pulses and errors of a cycle.
  reg [63:0] ops [0:OPS-1];
  reg [31:0] lasts [0:RUNS];
  reg [LINKS*EACH+1:0] pulses [0:PULSE_CYCLES-1];
  initial begin
    $readmemh("ops.hex", ops);
    $readmemh("lasts.hex", lasts);
    $readmemh("pulses.hex", pulses);
  end

  reg [ADDR_BITS-1:0] awaddr;
  reg awvalid = 1'b0;
  wire awready;
  reg [31:0] wdata;
  reg [3:0] wstrb;
  reg wvalid = 1'b0;
  wire wready;
  wire [1:0] bresp;
  wire bvalid;
  reg bready = 1'b0;
  reg [ADDR_BITS-1:0] araddr;
  reg arvalid = 1'b0;
  wire arready;
  wire [31:0] rdata;
  wire [1:0] rresp;
  wire rvalid;
  reg rready = 1'b0;
  wire irq;
  wire machine_rst;
  wire clear;
  wire [3:0] clear_addr;
  wire [CORE_BITS+4:0] select;
  wire [32*(LINKS+1)-1:0] chain;
  integer run = 0;
  integer cycle = 0;
  wire [LINKS*EACH+1:0] now = machine_rst || cycle >= PULSE_CYCLES ? {LINKS*EACH+2{1'b0}} : pulses[cycle];
  wire finished = !machine_rst && cycle == lasts[run];

  shell #(
    .ADDR_BITS(ADDR_BITS), .CORE_BITS(CORE_BITS), .CORES(CORES), .STEPS(9), .CYCLE_BITS(36),
    .CLEAR_CYCLES(WORDS), .CLEAR_BITS(4), .ERRORS(2), .RELEASE_WORD(32'h00010203),
    .BUILD(64'h0123456789abcdef)
  ) dut (
    .aclk(clk), .aresetn(resetn), .s_axi_awaddr(awaddr), .s_axi_awprot(3'b000), .s_axi_awvalid(awvalid),
    .s_axi_awready(awready), .s_axi_wdata(wdata), .s_axi_wstrb(wstrb), .s_axi_wvalid(wvalid),
    .s_axi_wready(wready), .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(bready),
    .s_axi_araddr(araddr), .s_axi_arprot(3'b000), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
    .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(rready), .irq(irq),
    .machine_rst(machine_rst), .clear(clear), .clear_addr(clear_addr), .finished(finished),
    .errors(now[LINKS*EACH +: 2]), .select(select), .chain_first(chain[31:0]),
    .chain_last(chain[32*LINKS +: 32])
  );

  genvar i;
  generate
    for (i = 0; i < LINKS; i = i + 1) begin : links
      wire [EACH-1:0] p = now[i*EACH +: EACH];
      counters #(.CORE(i), .CORE_BITS(CORE_BITS), .LANES(LANES), .COUNT_BITS(36)) link (
        .clk(clk), .rst(machine_rst), .flit_eject(p[0]), .event_push(p[1]), .event_pop(p[2]),
        .synapse_busy(p[3]), .synapse_stall(p[4]), .operations(p[11 +: LANES]), .sweep_busy(p[5]),
        .sweep_stall(p[6]), .spike(p[7]), .event_pack(p[8]), .flit_inject(p[9]), .attention_busy(p[10]),
        .select(select), .chain_in(chain[32*i +: 32]), .chain_out(chain[32*(i+1) +: 32])
      );
    end
  endgenerate

  // The machine: spoils its memory as it runs. Nothing is said before the shell itself has been reset.
  wire rests = machine_rst || !resetn;
  reg [7:0] memory [0:WORDS-1];
  reg rst_before = 1'b1;
  reg dirty;
  integer w;
  always @(posedge clk) begin
    rst_before <= rests;
    cycle <= rests ? 0 : cycle + 1;
    if (clear) memory[clear_addr] <= 8'd0;
    else if (!rests) memory[cycle % WORDS] <= 8'hff;
    if (clear && !rests) $display("ASSERT cleared while running");
    if (rst_before && !rests) begin
      dirty = 1'b0;
      for (w = 0; w < WORDS; w = w + 1) if (memory[w] !== 8'd0) dirty = 1'b1;
      $display("begin %0d %0d", run, dirty);
    end
    if (!rst_before && rests) run <= run + 1;
  end

  // Answers stay until they are taken.
  reg b_waits = 1'b0;
  reg r_waits = 1'b0;
  reg [31:0] r_before;
  always @(posedge clk) begin
    if (b_waits && bvalid !== 1'b1) $display("ASSERT a write response vanished");
    if (r_waits && (rvalid !== 1'b1 || rdata !== r_before)) $display("ASSERT a read answer changed");
    if ((bvalid && bresp != 2'b00) || (rvalid && rresp != 2'b00)) $display("ASSERT a transfer failed");
    b_waits <= bvalid && !bready;
    r_waits <= rvalid && !rready;
    r_before <= rdata;
  end

  // The master. Signals change on the falling edge; a transfer happens on the rising edge between.
  task pass(input [3:0] n);
    repeat (n) @(negedge clk);
  endtask
  task write_address(input [15:0] address, input [1:0] delay);
    begin
      pass(delay);
      awaddr = address[ADDR_BITS-1:0];
      awvalid = 1'b1;
      #1 while (!awready) @(negedge clk) #1;
      @(negedge clk) awvalid = 1'b0;
    end
  endtask
  task write_data(input [31:0] data, input [3:0] strobes, input [1:0] delay);
    begin
      pass(delay);
      wdata = data;
      wstrb = strobes;
      wvalid = 1'b1;
      #1 while (!wready) @(negedge clk) #1;
      @(negedge clk) wvalid = 1'b0;
    end
  endtask
  task write(input [15:0] address, input [31:0] data, input [3:0] strobes, input [7:0] delays);
    begin
      fork
        write_address(address, delays[1:0]);
        write_data(data, strobes, delays[3:2]);
      join
      pass({2'b00, delays[5:4]});
      bready = 1'b1;
      #1 while (!bvalid) @(negedge clk) #1;
      @(negedge clk) bready = 1'b0;
    end
  endtask
  task read(input [15:0] address, input [7:0] delays);
    begin
      araddr = address[ADDR_BITS-1:0];
      arvalid = 1'b1;
      #1 while (!arready) @(negedge clk) #1;
      @(negedge clk) arvalid = 1'b0;
      while (!rvalid) @(negedge clk);
      pass({2'b00, delays[1:0]});
      rready = 1'b1;
      #1 $display("read %h %h", address, rdata);
      @(negedge clk) rready = 1'b0;
    end
  endtask

  integer o;
  reg [63:0] op;
  initial begin
    repeat (3) @(negedge clk);
    resetn = 1'b1;
    for (o = 0; o < OPS; o = o + 1) begin
      op = ops[o];
      case (op[63:60])
        4'd0: write(op[59:44], op[43:12], op[11:8], op[7:0]);
        4'd1: read(op[59:44], op[7:0]);
        4'd2: repeat (op[43:12]) @(negedge clk);
        4'd3: while (!irq) @(negedge clk);
        default: while (run < op[43:12]) @(negedge clk);
      endcase
    end
    $display("end");
    $finish;
  end
  initial #2000000 begin
    $display("ASSERT the bench hangs");
    $finish;
  end
endmodule
