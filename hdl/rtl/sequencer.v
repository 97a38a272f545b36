// Sequencer: clears the machine, runs one inference, keeps its length.
//
// Parameters: CLEAR_CYCLES words of the largest memory that must be zero at the start (1 or more);
//             CLEAR_BITS of an address; CYCLE_BITS of the cycle counter.
// Ports:      start       pulse: a new inference, also instead of an unfinished one; ignored while
//                         the machine is being cleared
//             stop        pulse: whatever runs is given up, the machine rests in reset (goes before
//                         start)
//             again       an inference that is done is followed by the next at once
//             finished    pulse of the host port: the last item needed is taken in this cycle
//             machine_rst reset of all units
//             clear, clear_addr      the memories write zero; every address below CLEAR_CYCLES
//             busy        an inference is under way; done: one is over and its answer complete
//             started, completed     inferences since rst, modulo 2^32
//             now         cycles since the start of the inference (0 in its first cycle)
//             cycles      length of the last complete inference
// Timing:     all outputs are registers. machine_rst is high for CLEAR_CYCLES + 1 cycles before an
//             inference, clear in all of them but the first; cycle 0 of the inference is the first
//             one with machine_rst low. cycles is the number of the cycle of `finished`, plus 1.
//             A machine that is done runs on until the next start or stop, so that its last writes
//             and counts are complete.
module sequencer #(
  parameter CLEAR_CYCLES = 16,
  parameter CLEAR_BITS = 4,
  parameter CYCLE_BITS = 40
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  start,
  input  wire                  stop,
  input  wire                  again,
  input  wire                  finished,
  output reg                   machine_rst,
  output reg                   clear,
  output reg  [CLEAR_BITS-1:0] clear_addr,
  output reg                   busy,
  output reg                   done,
  output reg  [31:0]           started,
  output reg  [31:0]           completed,
  output reg  [CYCLE_BITS-1:0] now,
  output reg  [CYCLE_BITS-1:0] cycles
);
  localparam LAST = CLEAR_CYCLES - 1;
  wire prepares = busy && machine_rst;
  wire cleared = clear && clear_addr == LAST[CLEAR_BITS-1:0];
  wire ends = finished && busy && !machine_rst;
  wire begins = !prepares && (start || (again && done));

  always @(posedge clk) begin
    clear_addr <= clear ? clear_addr + 1'b1 : {CLEAR_BITS{1'b0}};
    now <= machine_rst ? {CYCLE_BITS{1'b0}} : now + 1'b1;
    if (rst) begin
      machine_rst <= 1'b1;
      clear <= 1'b0;
      busy <= 1'b0;
      done <= 1'b0;
      started <= 32'd0;
      completed <= 32'd0;
      cycles <= {CYCLE_BITS{1'b0}};
    end else if (stop) begin
      machine_rst <= 1'b1;
      clear <= 1'b0;
      busy <= 1'b0;
      done <= 1'b0;
    end else if (begins) begin
      machine_rst <= 1'b1;
      busy <= 1'b1;
      done <= 1'b0;
      started <= started + 1'b1;
    end else if (prepares) begin
      machine_rst <= !cleared;
      clear <= !cleared;
    end else if (ends) begin
      busy <= 1'b0;
      done <= 1'b1;
      completed <= completed + 1'b1;
      cycles <= now + 1'b1;
    end
  end
endmodule
