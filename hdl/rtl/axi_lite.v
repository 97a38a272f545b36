// AXI4-Lite slave: the registers of the shell and a window on the activity counters.
//
// Parameters: ADDR_BITS of a byte address (10 or more): the upper half of the space is the window,
//             128 bytes a core: core, counter[4], half[1], in words of 32 bits; READ_WAIT cycles
//             from `select` to its word on counter_data (1 or more); CORE_BITS (at most
//             ADDR_BITS - 8); CYCLE_BITS (33 to 63); ERRORS lines (1 to 32); the constants
//             RELEASE_WORD (VERSION), BUILD, CORES and STEPS that can be read back.
// Ports:      s_axi_*     one read and one write may be under way at a time; both are answered with
//                         OKAY; addresses without a register read 0; byte strobes are obeyed
//             start, stop pulses; again, irq: levels
//             busy, done, started, completed, now, cycles: from the sequencer
//             errors      levels or pulses; each sets its bit of ERRORS, which stays until a one is
//                         written to it
//             select, counter_data: to and from the chain of counters
// Timing:     registers are sampled in the cycle after the address is taken; the low half of NOW
//             and CYCLES keeps the high half for the next read of it.
module axi_lite #(
  parameter ADDR_BITS = 16,
  parameter CORE_BITS = 8,
  parameter READ_WAIT = 2,
  parameter CYCLE_BITS = 40,
  parameter ERRORS = 1,
  parameter [31:0] RELEASE_WORD = 32'd0,
  parameter [63:0] BUILD = 64'd0,
  parameter [31:0] CORES = 32'd1,
  parameter [31:0] STEPS = 32'd1
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire [ADDR_BITS-1:0]  s_axi_awaddr,
  input  wire [2:0]            s_axi_awprot,
  input  wire                  s_axi_awvalid,
  output wire                  s_axi_awready,
  input  wire [31:0]           s_axi_wdata,
  input  wire [3:0]            s_axi_wstrb,
  input  wire                  s_axi_wvalid,
  output wire                  s_axi_wready,
  output wire [1:0]            s_axi_bresp,
  output reg                   s_axi_bvalid,
  input  wire                  s_axi_bready,
  input  wire [ADDR_BITS-1:0]  s_axi_araddr,
  input  wire [2:0]            s_axi_arprot,
  input  wire                  s_axi_arvalid,
  output wire                  s_axi_arready,
  output reg  [31:0]           s_axi_rdata,
  output wire [1:0]            s_axi_rresp,
  output reg                   s_axi_rvalid,
  input  wire                  s_axi_rready,
  output wire                  start,
  output wire                  stop,
  output reg                   again,
  output wire                  irq,
  input  wire                  busy,
  input  wire                  done,
  input  wire [31:0]           started,
  input  wire [31:0]           completed,
  input  wire [CYCLE_BITS-1:0] now,
  input  wire [CYCLE_BITS-1:0] cycles,
  input  wire [ERRORS-1:0]     errors,
  output wire [CORE_BITS+4:0]  select,
  input  wire [31:0]           counter_data
);
  // Register addresses, from src/registers.rs.
  localparam [ADDR_BITS-1:0] ID = 'h00;
  localparam [ADDR_BITS-1:0] VERSION = 'h04;
  localparam [ADDR_BITS-1:0] BUILD_LOW = 'h08;
  localparam [ADDR_BITS-1:0] BUILD_HIGH = 'h0c;
  localparam [ADDR_BITS-1:0] CORE_COUNT = 'h10;
  localparam [ADDR_BITS-1:0] STEP_COUNT = 'h14;
  localparam [ADDR_BITS-1:0] CONTROL = 'h18;
  localparam [ADDR_BITS-1:0] STATUS = 'h1c;
  localparam [ADDR_BITS-1:0] ERROR_BITS = 'h20;
  localparam [ADDR_BITS-1:0] CYCLES_LOW = 'h28;
  localparam [ADDR_BITS-1:0] CYCLES_HIGH = 'h2c;
  localparam [ADDR_BITS-1:0] NOW_LOW = 'h30;
  localparam [ADDR_BITS-1:0] NOW_HIGH = 'h34;
  localparam [ADDR_BITS-1:0] STARTED = 'h38;
  localparam [ADDR_BITS-1:0] COMPLETED = 'h3c;
  localparam WAIT_BITS = $clog2(READ_WAIT + 1);

  assign s_axi_bresp = 2'b00;
  assign s_axi_rresp = 2'b00;

  // Writes: address and data are taken in any order; the write happens when both are there.
  reg [ADDR_BITS-1:0] waddr;
  reg [31:0] wdata;
  reg [3:0] wstrb;
  reg have_waddr;
  reg have_wdata;
  wire write = have_waddr && have_wdata && !s_axi_bvalid;
  assign s_axi_awready = !have_waddr;
  assign s_axi_wready = !have_wdata;
  wire [ADDR_BITS-1:0] wregister = {waddr[ADDR_BITS-1:2], 2'b00};
  wire write_control = write && wregister == CONTROL && wstrb[0];
  wire write_errors = write && wregister == ERROR_BITS;
  wire [31:0] ones = wdata & {{8{wstrb[3]}}, {8{wstrb[2]}}, {8{wstrb[1]}}, {8{wstrb[0]}}};
  reg interrupt_enable;
  assign start = write_control && wdata[0];
  assign stop = write_control && wdata[1];
  assign irq = interrupt_enable && done;

  reg [ERRORS-1:0] seen;
  wire [ERRORS-1:0] cleared = write_errors ? ones[ERRORS-1:0] : {ERRORS{1'b0}};
  wire unused = &{1'b0, s_axi_awprot, s_axi_arprot, waddr[1:0], raddr[1:0], ones};

  always @(posedge clk) begin
    if (s_axi_awready) waddr <= s_axi_awaddr;
    if (s_axi_wready) {wstrb, wdata} <= {s_axi_wstrb, s_axi_wdata};
    if (rst) begin
      have_waddr <= 1'b0;
      have_wdata <= 1'b0;
      s_axi_bvalid <= 1'b0;
      again <= 1'b0;
      interrupt_enable <= 1'b0;
      seen <= {ERRORS{1'b0}};
    end else begin
      have_waddr <= have_waddr ? !write : s_axi_awvalid;
      have_wdata <= have_wdata ? !write : s_axi_wvalid;
      s_axi_bvalid <= write || (s_axi_bvalid && !s_axi_bready);
      if (write_control) {interrupt_enable, again} <= wdata[3:2];
      seen <= (seen & ~cleared) | errors;
    end
  end

  // Reads: a register in the cycle after the address, a counter READ_WAIT cycles later.
  reg [ADDR_BITS-1:0] raddr;
  reg [WAIT_BITS-1:0] left;
  reg reading;
  wire window = raddr[ADDR_BITS-1];
  wire [ADDR_BITS-1:0] rregister = {raddr[ADDR_BITS-1:2], 2'b00};
  wire [63:0] now_word = {{64 - CYCLE_BITS{1'b0}}, now};
  wire [63:0] cycles_word = {{64 - CYCLE_BITS{1'b0}}, cycles};
  reg [31:0] high;
  reg [31:0] value;
  wire [31:0] error_word;
  assign select = raddr[CORE_BITS+6:2];
  assign s_axi_arready = !reading && !s_axi_rvalid;
  assign error_word[ERRORS-1:0] = seen;
  generate
    if (ERRORS < 32) begin : error_padding
      assign error_word[31:ERRORS] = {32 - ERRORS{1'b0}};
    end
    if (CORE_BITS + 8 < ADDR_BITS) begin : short_select
      wire unused_core = &{1'b0, raddr[ADDR_BITS-2:CORE_BITS+7]};
    end
  endgenerate

  always @* begin
    case (rregister)
      ID: value = 32'h50554c56;
      VERSION: value = RELEASE_WORD;
      BUILD_LOW: value = BUILD[31:0];
      BUILD_HIGH: value = BUILD[63:32];
      CORE_COUNT: value = CORES;
      STEP_COUNT: value = STEPS;
      CONTROL: value = {28'd0, interrupt_enable, again, 2'b00};
      STATUS: value = {29'd0, seen != {ERRORS{1'b0}}, done, busy};
      ERROR_BITS: value = error_word;
      CYCLES_LOW: value = cycles_word[31:0];
      NOW_LOW: value = now_word[31:0];
      CYCLES_HIGH, NOW_HIGH: value = high;
      STARTED: value = started;
      COMPLETED: value = completed;
      default: value = 32'd0;
    endcase
  end

  wire last = left == {WAIT_BITS{1'b0}};
  wire answers = reading && (last || !window);
  always @(posedge clk) begin
    if (s_axi_arready) raddr <= s_axi_araddr;
    left <= s_axi_arready ? READ_WAIT[WAIT_BITS-1:0] : left - 1'b1;
    if (answers) begin
      s_axi_rdata <= window ? counter_data : value;
      if (rregister == CYCLES_LOW) high <= cycles_word[63:32];
      if (rregister == NOW_LOW) high <= now_word[63:32];
    end
    if (rst) begin
      high <= 32'd0;
      reading <= 1'b0;
      s_axi_rvalid <= 1'b0;
    end else begin
      reading <= reading ? !answers : s_axi_arready && s_axi_arvalid;
      s_axi_rvalid <= answers || (s_axi_rvalid && !s_axi_rready);
    end
  end
endmodule
