// control: which sweep of a core runs when; credits; what happens between passes.
//
// Steps 0..STEPS-1 are swept in every pass; with BY_STEP all passes sweep a step before the next
// step, or pass 1 of two lags LOOK steps behind (docs/machine.md section 9). A sweep starts in the first cycle in which the one
// before is over, its currents are there, the gates of earlier passes are there and, in the last
// pass, every consumer has granted the step (docs/machine.md sections 4, 6, 8, 9).
//
// Parameters
//   STEP_BITS, PASS_BITS, LAST_STEP, ALL_STEPS (LAST_STEP + 1), LAST_PASS
//   BUFFERS     accumulator buffers, 1 or 2; AHEAD: the same number, STEP_BITS wide
//   HELD_FROM   with several passes: steps from here on are granted at the end of everything
//   BY_STEP     1: the passes of a step follow each other
//   WINDOW      1: by LOOK steps (LOOK >= 1); DRAIN_FROM: LAST_STEP - LOOK; SLOT_BITS, LAST_SLOT:
//               frames, LOOK + 1 of them, one a round
//   HOME        1: this core's attention engine makes the gates
//   RECOMPUTE   1: later passes replay the spike store
//   CREDIT_BITS, NEEDED consumers that grant credits, EARLY of them take events in their own step
//   PRODUCERS   streams to grant steps to; PRODUCER_BITS, LAST_PRODUCER
//   LATE        bit p: stream p is delayed
// Ports (comb: decided from registers at the start of the cycle)
//   complete[b]        inbox of buffer b; recent[b], busy, busy_buffer: synapse engine
//   stored_left_zero   no stored event of `step` waits (RECOMPUTE)
//   sweep_end          the last word leaves the encoder in this cycle
//   statistics_complete, attention_start (comb), attention_finish: engine of the home
//   gates_complete, gates_clear (comb): inbox of the gates elsewhere
//   credit, credit_buffer: a credit of a consumer was taken in this cycle
//   start (comb), step, pass: the sweep that starts or runs; sweeping: one runs (register)
//   inbox_clear[b] (comb), list_begin (comb): own statistics are to be sent from the next cycle on
//   rewind (comb), playback: the spike store is replayed; store_limit: steps below it may be
//   slot: frame of the sweep that starts or runs (WINDOW)
//   grant, grant_producer, grant_step (comb): a credit packet for the control queue
//   done: all sweeps are over
module control #(
  parameter STEP_BITS = 4,
  parameter PASS_BITS = 1,
  parameter [STEP_BITS-1:0] LAST_STEP = 3,
  parameter [STEP_BITS-1:0] ALL_STEPS = 4,
  parameter [PASS_BITS-1:0] LAST_PASS = 0,
  parameter BUFFERS = 2,
  parameter [STEP_BITS-1:0] AHEAD = 2,
  parameter [STEP_BITS-1:0] HELD_FROM = 2,
  parameter BY_STEP = 0,
  parameter WINDOW = 0,
  parameter [STEP_BITS-1:0] LOOK = 0,
  parameter [STEP_BITS-1:0] DRAIN_FROM = 0,
  parameter SLOT_BITS = 1,
  parameter [SLOT_BITS-1:0] LAST_SLOT = 0,
  parameter HOME = 0,
  parameter RECOMPUTE = 0,
  parameter CREDIT_BITS = 1,
  parameter [CREDIT_BITS-1:0] NEEDED = 1,
  parameter [CREDIT_BITS-1:0] EARLY = 1,
  parameter PRODUCERS = 1,
  parameter PRODUCER_BITS = 1,
  parameter [PRODUCER_BITS-1:0] LAST_PRODUCER = 0,
  parameter [(PRODUCERS>0?PRODUCERS:1)-1:0] LATE = 0
) (
  input clk,
  input rst,
  input [BUFFERS-1:0] complete,
  input [BUFFERS-1:0] recent,
  input busy,
  input busy_buffer,
  input stored_left_zero,
  input sweep_end,
  input statistics_complete,
  input attention_finish,
  input gates_complete,
  input credit,
  input credit_buffer,
  output start,
  output reg [STEP_BITS-1:0] step,
  output reg [PASS_BITS-1:0] pass,
  output reg sweeping,
  output last_pass,
  output [BUFFERS-1:0] inbox_clear,
  output attention_start,
  output gates_clear,
  output list_begin,
  output rewind,
  output reg playback,
  output [STEP_BITS-1:0] store_limit,
  output reg [SLOT_BITS-1:0] slot,
  output grant,
  output [PRODUCER_BITS-1:0] grant_producer,
  output [STEP_BITS-1:0] grant_step,
  output reg done
);
  wire end_of_pass = sweep_end && ((BY_STEP != 0) || (step == LAST_STEP));
  wire end_of_step = sweep_end && ((BY_STEP == 0) || (pass == LAST_PASS));
  wire end_of_all = sweep_end && (step == LAST_STEP) && (pass == LAST_PASS);
  wire buffer = (BUFFERS > 1) && step[0];
  wire [BUFFERS-1:0] this_buffer;
  generate
    if (BUFFERS == 1) begin : g_one_buffer
      assign this_buffer = 1'b1;
    end else begin : g_two_buffers
      assign this_buffer = {buffer, !buffer};
    end
  endgenerate

  assign last_pass = pass == LAST_PASS;

  // A program follows a pass; with WINDOW, behind the last step, the last pass too (drains).
  wire first_pass = pass == {PASS_BITS{1'b0}};
  wire fills, drains;
  generate
    if (WINDOW != 0) begin : g_window
      assign fills = first_pass && (step < LOOK);
      assign drains = last_pass && (step >= DRAIN_FROM) && (step != LAST_STEP);
    end else begin : g_no_window
      assign fills = 1'b0;
      assign drains = 1'b0;
    end
  endgenerate
  wire program_follows = end_of_pass && (!last_pass || drains);

  // Gates of the program that follows the last sweep.
  reg waits_for_gates;
  wire gates_come = (HOME != 0) ? attention_finish : (waits_for_gates && gates_complete);
  wire gates_there = !waits_for_gates || gates_come;
  assign gates_clear = (HOME == 0) && waits_for_gates && gates_complete;

  // Attention: the own statistics are complete and the program has not started.
  reg due;
  reg draining;
  assign attention_start = (HOME != 0) && due && (statistics_complete || draining);

  // Credits by buffer parity of the step.
  reg [CREDIT_BITS-1:0] granted_even;
  reg [CREDIT_BITS-1:0] granted_odd;
  wire parity = (BUFFERS > 1) && step[0];
  wire [CREDIT_BITS-1:0] granted = parity ? granted_odd : granted_even;
  wire has_credits = granted == NEEDED;

  wire landed = !(|(recent & this_buffer)) && !(busy && (busy_buffer == buffer));
  wire accumulated = (|(complete & this_buffer)) && landed;
  wire replayed = playback && stored_left_zero && landed;
  wire currents = first_pass ? accumulated
                  : ((RECOMPUTE != 0) ? replayed : 1'b1);

  assign start = !sweeping && !done && currents && gates_there
                 && (!last_pass || has_credits);
  assign inbox_clear = (start && first_pass) ? this_buffer : {BUFFERS{1'b0}};
  assign list_begin = (HOME == 0) && end_of_pass && !last_pass;
  assign rewind = (RECOMPUTE != 0) && end_of_pass && !last_pass;
  assign store_limit = step + AHEAD;

  // The next sweep.
  reg [STEP_BITS-1:0] next_step;
  reg [PASS_BITS-1:0] next_pass;
  wire [STEP_BITS-1:0] step_after = (step == LAST_STEP) ? {STEP_BITS{1'b0}} : step + 1'b1;
  always @* begin
    next_step = end_of_step ? step_after : step;
    next_pass = pass;
    if (WINDOW != 0) begin
      if (last_pass) next_step = drains ? step + 1'b1 : step + LOOK + 1'b1;
      else next_step = fills ? step + 1'b1 : step - LOOK;
      next_pass = fills ? {PASS_BITS{1'b0}} : last_pass && !drains ? {PASS_BITS{1'b0}} : LAST_PASS;
    end else if (end_of_pass) begin
      if (pass != LAST_PASS) next_pass = pass + 1'b1;
      else if (BY_STEP != 0) next_pass = {PASS_BITS{1'b0}};
    end
  end

  always @(posedge clk) begin
    if (rst) begin
      step <= {STEP_BITS{1'b0}};
      pass <= {PASS_BITS{1'b0}};
      slot <= {SLOT_BITS{1'b0}};
      draining <= 1'b0;
      sweeping <= 1'b0;
      done <= 1'b0;
      due <= 1'b0;
      waits_for_gates <= 1'b0;
      playback <= 1'b0;
    end else begin
      if (start) sweeping <= 1'b1;
      if (sweep_end) begin
        sweeping <= 1'b0;
      end
      if (sweep_end) begin
        step <= next_step;
        pass <= next_pass;
      end
      if (end_of_all) done <= 1'b1;
      if (attention_start) due <= 1'b0;
      if (gates_come) waits_for_gates <= 1'b0;
      if (program_follows) begin
        due <= 1'b1;
        waits_for_gates <= 1'b1;
        draining <= drains;
        slot <= (slot == LAST_SLOT) ? {SLOT_BITS{1'b0}} : slot + 1'b1;
      end
      if (end_of_pass) playback <= !last_pass;
    end
  end

  wire spend = start && last_pass;
  wire to_odd = (BUFFERS > 1) && credit_buffer;
  always @(posedge clk) begin
    if (rst) begin
      granted_even <= (BUFFERS == 1) ? EARLY : NEEDED;
      granted_odd <= (BUFFERS == 1) ? NEEDED : EARLY;
    end else begin
      if (spend && !parity) granted_even <= {CREDIT_BITS{1'b0}};
      else if (credit && !to_odd) granted_even <= granted_even + 1'b1;
      if (spend && parity) granted_odd <= {CREDIT_BITS{1'b0}};
      else if (credit && to_odd) granted_odd <= granted_odd + 1'b1;
    end
  end

  // Steps below `free` have left their buffers; the producers are told one a cycle.
  reg [STEP_BITS-1:0] free;
  reg [STEP_BITS-1:0] told;
  reg [PRODUCER_BITS-1:0] producer;
  wire frees;
  generate
    if (WINDOW != 0) begin : g_first_pass
      assign frees = sweep_end && first_pass;
    end else if (LAST_PASS == 0 || BY_STEP != 0) begin : g_single
      assign frees = end_of_step;
    end else if (HELD_FROM == 0) begin : g_all_held
      assign frees = 1'b0;
    end else begin : g_held
      assign frees = sweep_end && first_pass && (step < HELD_FROM);
    end
  endgenerate
  wire [PRODUCER_BITS-1:0] next_producer = producer + 1'b1;
  wire late;
  generate
    if (PRODUCERS > 1) begin : g_late
      assign late = LATE[producer];
    end else begin : g_one_late
      assign late = LATE[0];
    end
  endgenerate
  wire [STEP_BITS-1:0] delay;
  generate
    if (STEP_BITS == 1) begin : g_delay_bit
      assign delay = late;
    end else begin : g_delay_bits
      assign delay = {{(STEP_BITS-1){1'b0}}, late};
    end
  endgenerate
  assign grant = (PRODUCERS > 0) && (told != free);
  assign grant_producer = producer;
  assign grant_step = told + AHEAD - delay;
  always @(posedge clk) begin
    if (rst) begin
      free <= {STEP_BITS{1'b0}};
      told <= {STEP_BITS{1'b0}};
      producer <= {PRODUCER_BITS{1'b0}};
    end else begin
      if (frees) free <= step + 1'b1;
      if (end_of_all && (LAST_PASS != 0)) free <= ALL_STEPS;
      if (grant) begin
        producer <= (producer == LAST_PRODUCER) ? {PRODUCER_BITS{1'b0}} : next_producer;
        if (producer == LAST_PRODUCER) told <= told + 1'b1;
      end
    end
  end
endmodule
