// Shell: control and status registers and the sequencer of an inference.
//
// The top level of a network joins it to the machine: the machine's units are reset by machine_rst,
// clear their memories with clear and clear_addr, and the chain of counters, one link a core and
// one for the host port (number CORES), is read through select, chain_first and chain_last.
//
// Parameters: see axi_lite and sequencer; CORES is the number of cores, in the order of their
//             counters.
// Ports:      aclk, aresetn: clock and synchronous active-low reset; s_axi_*: AXI4-Lite slave;
//             irq: done, if enabled; the others towards the machine, synchronous to aclk.
// Timing:     a start takes effect on the machine CLEAR_CYCLES + 1 cycles after its write.
module shell #(
  parameter ADDR_BITS = 16,
  parameter CORE_BITS = 8,
  parameter CORES = 1,
  parameter STEPS = 1,
  parameter CYCLE_BITS = 40,
  parameter CLEAR_CYCLES = 16,
  parameter CLEAR_BITS = 4,
  parameter ERRORS = 1,
  parameter [31:0] RELEASE_WORD = 32'd0,
  parameter [63:0] BUILD = 64'd0
) (
  input  wire                  aclk,
  input  wire                  aresetn,
  input  wire [ADDR_BITS-1:0]  s_axi_awaddr,
  input  wire [2:0]            s_axi_awprot,
  input  wire                  s_axi_awvalid,
  output wire                  s_axi_awready,
  input  wire [31:0]           s_axi_wdata,
  input  wire [3:0]            s_axi_wstrb,
  input  wire                  s_axi_wvalid,
  output wire                  s_axi_wready,
  output wire [1:0]            s_axi_bresp,
  output wire                  s_axi_bvalid,
  input  wire                  s_axi_bready,
  input  wire [ADDR_BITS-1:0]  s_axi_araddr,
  input  wire [2:0]            s_axi_arprot,
  input  wire                  s_axi_arvalid,
  output wire                  s_axi_arready,
  output wire [31:0]           s_axi_rdata,
  output wire [1:0]            s_axi_rresp,
  output wire                  s_axi_rvalid,
  input  wire                  s_axi_rready,
  output wire                  irq,
  output wire                  machine_rst,
  output wire                  clear,
  output wire [CLEAR_BITS-1:0] clear_addr,
  input  wire                  finished,
  input  wire [ERRORS-1:0]     errors,
  output wire [CORE_BITS+4:0]  select,
  output wire [31:0]           chain_first,
  input  wire [31:0]           chain_last
);
  wire rst = !aresetn;
  wire start;
  wire stop;
  wire again;
  wire busy;
  wire done;
  wire [31:0] started;
  wire [31:0] completed;
  wire [CYCLE_BITS-1:0] now;
  wire [CYCLE_BITS-1:0] cycles;
  assign chain_first = 32'd0;

  axi_lite #(
    .ADDR_BITS(ADDR_BITS), .CORE_BITS(CORE_BITS), .READ_WAIT(CORES + 1), .CYCLE_BITS(CYCLE_BITS),
    .ERRORS(ERRORS), .RELEASE_WORD(RELEASE_WORD), .BUILD(BUILD), .CORES(CORES), .STEPS(STEPS)
  ) registers (
    .clk(aclk), .rst(rst), .s_axi_awaddr(s_axi_awaddr), .s_axi_awprot(s_axi_awprot),
    .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready), .s_axi_wdata(s_axi_wdata),
    .s_axi_wstrb(s_axi_wstrb), .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready),
    .s_axi_bresp(s_axi_bresp), .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(s_axi_bready),
    .s_axi_araddr(s_axi_araddr), .s_axi_arprot(s_axi_arprot), .s_axi_arvalid(s_axi_arvalid),
    .s_axi_arready(s_axi_arready), .s_axi_rdata(s_axi_rdata), .s_axi_rresp(s_axi_rresp),
    .s_axi_rvalid(s_axi_rvalid), .s_axi_rready(s_axi_rready), .start(start), .stop(stop),
    .again(again), .irq(irq), .busy(busy), .done(done), .started(started),
    .completed(completed), .now(now), .cycles(cycles), .errors(errors), .select(select),
    .counter_data(chain_last)
  );

  sequencer #(
    .CLEAR_CYCLES(CLEAR_CYCLES), .CLEAR_BITS(CLEAR_BITS), .CYCLE_BITS(CYCLE_BITS)
  ) inference (
    .clk(aclk), .rst(rst), .start(start), .stop(stop), .again(again), .finished(finished),
    .machine_rst(machine_rst), .clear(clear), .clear_addr(clear_addr), .busy(busy), .done(done),
    .started(started), .completed(completed), .now(now), .cycles(cycles)
  );
endmodule
