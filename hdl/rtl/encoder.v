// Encoder: offers the events of a word to the packer, lanes ascending, one a cycle.
//
// Parameters: LANES; VALUE_BITS of an event's value (1 for spikes); ADDRESS_BITS; PLANE, the
//             distance of the addresses of neighbouring lanes (height * width of the value).
// Ports:      word_*     stage 5 of the update engine: valid, last word of the sweep, silent
//                        (nobody takes the values of this sweep), lanes with an event, values,
//                        address of lane 0. Taken with advance.
//             advance    the encoder is empty or its word leaves in this cycle.
//             blocked    the packer was busy, or a list on, at the start of the cycle.
//             accepted   answer of the packer to the offer of this cycle.
//             offer_*    the event on offer; valid only while not blocked.
//             refusal    this cycle is lost.
//             sweep_end  the last word leaves in this cycle.
//             finish     the same, of a sweep that is not silent: goes to the packer.
//             busy       a word is there.
// Timing:     a word taken in c is there from c + 1, for as many cycles as it has accepted events
//             and refusals, at least one. A last word without an event does not leave while
//             blocked, unless it is silent.
module encoder #(
  parameter LANES = 4,
  parameter VALUE_BITS = 1,
  parameter ADDRESS_BITS = 8,
  parameter PLANE = 4
) (
  input  wire                        clk,
  input  wire                        rst,
  input  wire                        word_valid,
  input  wire                        word_last,
  input  wire                        word_silent,
  input  wire [LANES-1:0]            word_fired,
  input  wire [LANES*VALUE_BITS-1:0] word_values,
  input  wire [ADDRESS_BITS-1:0]     word_address,
  output wire                        advance,
  input  wire                        blocked,
  input  wire                        accepted,
  output wire                        offer_valid,
  output wire [ADDRESS_BITS-1:0]     offer_address,
  output wire [VALUE_BITS-1:0]       offer_value,
  output wire                        refusal,
  output wire                        sweep_end,
  output wire                        finish,
  output wire                        busy
);
  reg valid;
  reg last;
  reg silent;
  reg [LANES-1:0] pending;
  reg [LANES*VALUE_BITS-1:0] values;
  reg [ADDRESS_BITS-1:0] address;

  wire [LANES-1:0] rest = pending & (pending - 1'b1);
  wire [LANES-1:0] lane = pending & ~rest;
  wire has_event = |pending;

  assign offer_valid = valid && has_event && !blocked;
  assign refusal = valid && (has_event ? !(offer_valid && accepted) : last && blocked && !silent);
  wire leaves = valid && !refusal && rest == {LANES{1'b0}};
  assign advance = !valid || leaves;
  assign sweep_end = leaves && last;
  assign finish = sweep_end && !silent;
  assign busy = valid;

  reg [ADDRESS_BITS-1:0] distance;
  reg [VALUE_BITS-1:0] value;
  reg [ADDRESS_BITS-1:0] planes;
  integer i;
  always @* begin
    distance = {ADDRESS_BITS{1'b0}};
    planes = {ADDRESS_BITS{1'b0}};
    value = {VALUE_BITS{1'b0}};
    for (i = 0; i < LANES; i = i + 1) begin
      distance = distance | ({ADDRESS_BITS{lane[i]}} & planes);
      planes = planes + PLANE[ADDRESS_BITS-1:0];
      value = value | ({VALUE_BITS{lane[i]}} & values[i*VALUE_BITS +: VALUE_BITS]);
    end
  end
  assign offer_address = address + distance;
  assign offer_value = value;

  always @(posedge clk) begin
    if (rst) valid <= 1'b0;
    else if (advance) valid <= word_valid;
    if (advance) begin
      last <= word_last;
      silent <= word_silent;
      pending <= word_silent ? {LANES{1'b0}} : word_fired;
      values <= word_values;
      address <= word_address;
    end else if (!refusal) begin
      pending <= rest;
    end
  end
endmodule
