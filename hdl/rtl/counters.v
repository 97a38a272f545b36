// Activity counters of a core or of the host port: the simulator's counts, summed over steps.
//
// Parameters: CORE number and CORE_BITS; LANES; COUNT_BITS of a counter (33 to 63).
// Ports:      one pulse a counter: what happened in this cycle. Counter numbers:
//             0 flit_eject, 1 event_push, 2 event_pop, 3 synapse_busy (a beat issued),
//             4 synapse_stall (a beat held back), 5 synaptic operations (the lanes of the beat),
//             6 sweep_busy (a sweep is under way and was not refused), 7 sweep_stall (refused),
//             8 spike, 9 event_pack, 10 flit_inject, 11 attention_busy.
//             operations: active lanes of the beat issued in this cycle, 0 without one.
//             select {core, counter[4], high[1]}: the 32-bit half to read; 0 for counters 12 to 15.
//             chain_in, chain_out: reads pass from core to core, one register each; the first
//             chain_in is 0. The word is at the end of a chain of n after n cycles.
// Timing:     a pulse of cycle c is counted at the end of c + 1. rst clears the counters.
module counters #(
  parameter CORE = 0,
  parameter CORE_BITS = 4,
  parameter LANES = 8,
  parameter COUNT_BITS = 40
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire                 flit_eject,
  input  wire                 event_push,
  input  wire                 event_pop,
  input  wire                 synapse_busy,
  input  wire                 synapse_stall,
  input  wire [LANES-1:0]     operations,
  input  wire                 sweep_busy,
  input  wire                 sweep_stall,
  input  wire                 spike,
  input  wire                 event_pack,
  input  wire                 flit_inject,
  input  wire                 attention_busy,
  input  wire [CORE_BITS+4:0] select,
  input  wire [31:0]          chain_in,
  output reg  [31:0]          chain_out
);
  localparam COUNTERS = 12;
  localparam OPERATIONS = 5;
  localparam LANE_BITS = $clog2(LANES + 1);
  localparam [LANE_BITS-1:0] ONE = 1;

  reg [LANE_BITS-1:0] active;
  integer l;
  always @* begin
    active = {LANE_BITS{1'b0}};
    for (l = 0; l < LANES; l = l + 1)
      if (operations[l]) active = active + ONE;
  end

  wire [COUNTERS-1:0] pulses = {
    attention_busy, flit_inject, event_pack, spike, sweep_stall, sweep_busy, 1'b0,
    synapse_stall, synapse_busy, event_pop, event_push, flit_eject
  };
  wire [16*64-1:0] words;
  genvar i;
  generate
    for (i = 0; i < 16; i = i + 1) begin : count
      if (i < COUNTERS) begin : used
        localparam STEP = i == OPERATIONS ? LANE_BITS : 1;
        reg [STEP-1:0] increment;
        reg [COUNT_BITS-1:0] total;
        wire [COUNT_BITS-1:0] extended = {{COUNT_BITS - STEP{1'b0}}, increment};
        always @(posedge clk) begin
          if (rst) total <= {COUNT_BITS{1'b0}};
          else total <= total + extended;
        end
        if (i == OPERATIONS) begin : lanes
          always @(posedge clk) increment <= rst ? {STEP{1'b0}} : active;
        end else begin : pulse
          always @(posedge clk) increment <= !rst && pulses[i];
        end
        assign words[i*64 +: 64] = {{64 - COUNT_BITS{1'b0}}, total};
      end else begin : none
        assign words[i*64 +: 64] = 64'd0;
      end
    end
  endgenerate
  wire unused = pulses[OPERATIONS];

  wire [CORE_BITS-1:0] core = select[CORE_BITS+4:5];
  always @(posedge clk)
    chain_out <= core == CORE[CORE_BITS-1:0] ? words[{select[4:0], 5'd0} +: 32] : chain_in;
endmodule
