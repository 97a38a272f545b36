// Host port: sends the input step by step as credits come, hands the output on.
//
// Input, s_axis: one event a beat, tdata = {padding, empty[1], value[VALUE_BITS],
//   address[ADDRESS_BITS]}, in address order; tlast with the last event of a step. A step without
//   events is one beat with empty = 1 and tlast. Beats beyond the last step wait for the next
//   inference.
// Output, m_axis: one item a beat, tdata = {padding, end[1], packet_last[1], stream[STREAM_BITS],
//   step[STEP_BITS], content[CONTENT_BITS]}; content = {value[OUT_VALUE_BITS],
//   address[OUT_ADDRESS_BITS]} of an event, the number of packets announced of an end of step.
//   packet_last: the event is its packet's last. Packets may overtake ends of steps, so a step is
//   complete when the ends of all its producers and the packets they announce are there; tlast
//   marks the beat that completes the inference. tvalid never depends on tready.
//
// Parameters: the flit's fields as in interface_in and packer; STEPS; STREAM of the input with
//   ADDRESS_BITS, VALUE_BITS (1 or more on s_axis; VALUE_WIDTH of them are sent, 0 for binary
//   events), PER_FLIT, TARGETS_ALL entries TARGETS {dest, tree}, SELECTIVE, SELECT_* and CONSUMERS
//   (see packer); NEEDED consumers that grant
//   credits, LATE of them one step late, BUFFERS (1 or 2) accumulator buffers; injector: ENDPOINT,
//   TAG_BITS, VCS, VC_BITS, VC_DEPTH, INJECT_DEPTH; EJECT_DEPTH; OUTPUTS streams that end here,
//   vectors of one 32-bit word a stream: OUT_STREAMS (number), OUT_PER_FLIT, OUT_ADDRESS_WIDTHS,
//   OUT_VALUE_WIDTHS (0: binary), OUT_SIGNED; TOKENS ends of steps of all streams and steps.
//   S_DATA_BITS, M_DATA_BITS: whole bytes.
// Ports: inj_*, ej_* router wires (see injector, interface_in); finished: the last item needed is
//   taken in this cycle; event_pack, flit_inject, flit_eject: counted activities.
// Timing: step t is offered from the first cycle in which it is granted and the step before has
//   ended, one event a cycle the packer takes; it ends with its last beat. s_axis_tready is
//   combinational from the beat.
module host_port #(
  parameter DEST_BITS = 4,
  parameter STREAM_BITS = 4,
  parameter STEP_BITS = 4,
  parameter COUNT_BITS = 4,
  parameter PAYLOAD_BITS = 64,
  parameter TAG_BITS = 1,
  parameter STEPS = 4,
  parameter STREAM = 0,
  parameter ADDRESS_BITS = 8,
  parameter VALUE_BITS = 1,
  parameter VALUE_WIDTH = 0,
  parameter PER_FLIT = 8,
  parameter TARGETS_ALL = 1,
  parameter [TARGETS_ALL*(DEST_BITS+1)-1:0] TARGETS = {TARGETS_ALL*(DEST_BITS+1){1'b0}},
  parameter SELECTIVE = 0,
  parameter SELECT_ROWS = 1,
  parameter SELECT_WIDTH = 1,
  parameter [SELECT_ROWS*SELECT_WIDTH-1:0] CONSUMERS = {SELECT_ROWS*SELECT_WIDTH{1'b0}},
  parameter PACKET_BITS = 16,
  parameter NEEDED = 1,
  parameter LATE = 0,
  parameter BUFFERS = 2,
  parameter ENDPOINT = 0,
  parameter VCS = 2,
  parameter VC_BITS = 1,
  parameter VC_DEPTH = 4,
  parameter INJECT_DEPTH = 8,
  parameter EJECT_DEPTH = 4,
  parameter OUTPUTS = 1,
  parameter [OUTPUTS*32-1:0] OUT_STREAMS = {OUTPUTS{32'd0}},
  parameter [OUTPUTS*32-1:0] OUT_PER_FLIT = {OUTPUTS{32'd8}},
  parameter [OUTPUTS*32-1:0] OUT_ADDRESS_WIDTHS = {OUTPUTS{32'd8}},
  parameter [OUTPUTS*32-1:0] OUT_VALUE_WIDTHS = {OUTPUTS{32'd0}},
  parameter [OUTPUTS*32-1:0] OUT_SIGNED = {OUTPUTS{32'd0}},
  parameter OUT_ADDRESS_BITS = 8,
  parameter OUT_VALUE_BITS = 1,
  parameter TOKENS = 4,
  parameter CONTENT_BITS = OUT_ADDRESS_BITS + OUT_VALUE_BITS > PACKET_BITS
    ? OUT_ADDRESS_BITS + OUT_VALUE_BITS : PACKET_BITS,
  parameter S_DATA_BITS = (ADDRESS_BITS + VALUE_BITS + 8) / 8 * 8,
  parameter M_DATA_BITS = (CONTENT_BITS + STEP_BITS + STREAM_BITS + 9) / 8 * 8,
  parameter FLIT_BITS = 3 + DEST_BITS + STREAM_BITS + STEP_BITS + COUNT_BITS + PAYLOAD_BITS
    + TAG_BITS
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire [S_DATA_BITS-1:0] s_axis_tdata,
  input  wire                   s_axis_tvalid,
  input  wire                   s_axis_tlast,
  output wire                   s_axis_tready,
  output wire [M_DATA_BITS-1:0] m_axis_tdata,
  output wire                   m_axis_tvalid,
  output wire                   m_axis_tlast,
  input  wire                   m_axis_tready,
  output wire                   inj_valid,
  output wire [VC_BITS-1:0]     inj_vc,
  output wire [FLIT_BITS-1:0]   inj_flit,
  input  wire [VCS-1:0]         inj_credit,
  input  wire                   ej_valid,
  input  wire [FLIT_BITS-1:0]   ej_flit,
  output wire                   ej_credit,
  output wire                   finished,
  output wire                   event_pack,
  output wire                   flit_inject,
  output wire                   flit_eject
);
  localparam BODY_BITS = FLIT_BITS - TAG_BITS;
  localparam KIND = 1 + DEST_BITS;
  localparam LAST_STEP = STEPS - 1;
  localparam GRANT_BITS = NEEDED > 0 ? $clog2(NEEDED + 1) : 1;
  localparam TOKEN_BITS = $clog2(TOKENS + 1);
  localparam OWED_BITS = PACKET_BITS + TOKEN_BITS;

  wire head_valid;
  wire [FLIT_BITS-1:0] head;
  wire [COUNT_BITS-1:0] taken;
  wire take_event;
  wire take_last;
  wire take_end;
  wire take_credit;
  wire [1:0] kind = head[KIND +: 2];
  wire [STREAM_BITS-1:0] stream = head[KIND + 2 +: STREAM_BITS];
  wire [STEP_BITS-1:0] step_in = head[KIND + 2 + STREAM_BITS +: STEP_BITS];
  wire [COUNT_BITS-1:0] count = head[KIND + 2 + STREAM_BITS + STEP_BITS +: COUNT_BITS];
  wire [PAYLOAD_BITS-1:0] payload = head[BODY_BITS - PAYLOAD_BITS +: PAYLOAD_BITS];

  // Credits: one counter a buffer; step t needs a grant of every consumer.
  reg [STEP_BITS-1:0] step;
  reg all_sent;
  reg active;
  wire [BUFFERS-1:0] granted;
  wire slot;
  wire slot_in;
  generate
    if (BUFFERS == 1) begin : one_buffer
      assign slot = 1'b0;
      assign slot_in = 1'b0;
    end else begin : two_buffers
      assign slot = step[0];
      assign slot_in = step_in[0];
    end
  endgenerate
  wire starts = !active && !all_sent && granted[slot];
  wire under_way = active || starts;

  genvar b;
  generate
    for (b = 0; b < BUFFERS; b = b + 1) begin : credits
      localparam [31:0] FIRST = b == BUFFERS - 1 ? NEEDED - LATE : NEEDED;
      localparam [31:0] INDEX = b;
      reg [GRANT_BITS-1:0] grants;
      assign granted[b] = grants == NEEDED[GRANT_BITS-1:0];
      wire spend = starts && slot == INDEX[0];
      wire grant = take_credit && slot_in == INDEX[0];
      wire [GRANT_BITS-1:0] kept = spend ? {GRANT_BITS{1'b0}} : grants;
      always @(posedge clk) begin
        if (rst) grants <= FIRST[GRANT_BITS-1:0];
        else if (grant) grants <= kept + 1'b1;
        else grants <= kept;
      end
    end
  endgenerate

  // Input: beats to the packer.
  wire busy;
  wire idle;
  wire accepted;
  wire room;
  wire push;
  wire [BODY_BITS-1:0] push_flit;
  wire empty = s_axis_tdata[ADDRESS_BITS + VALUE_BITS];
  wire offer = under_way && s_axis_tvalid && !empty;
  wire beat = under_way && s_axis_tvalid && (empty ? !busy : accepted);
  wire finish = beat && s_axis_tlast;
  assign s_axis_tready = !rst && under_way && (empty ? !busy : accepted);
  assign event_pack = accepted;
  wire unused = &{1'b0, s_axis_tdata, head, idle};

  always @(posedge clk) begin
    if (rst) begin
      step <= {STEP_BITS{1'b0}};
      all_sent <= 1'b0;
      active <= 1'b0;
    end else begin
      active <= under_way && !finish;
      if (finish) step <= step + 1'b1;
      if (finish && step == LAST_STEP[STEP_BITS-1:0]) all_sent <= 1'b1;
    end
  end

  packer #(
    .SOURCES(1), .SOURCE_BITS(1), .PAYLOAD_BITS(PAYLOAD_BITS), .COUNT_BITS(COUNT_BITS),
    .STEP_BITS(STEP_BITS), .STREAM_BITS(STREAM_BITS), .DEST_BITS(DEST_BITS),
    .ADDRESS_BITS(ADDRESS_BITS), .VALUE_BITS(VALUE_BITS), .PACKET_BITS(PACKET_BITS),
    .TARGETS_ALL(TARGETS_ALL), .STREAMS(STREAM), .PER_FLIT(PER_FLIT),
    .ADDRESS_WIDTHS(ADDRESS_BITS), .VALUE_WIDTHS(VALUE_WIDTH), .FIRST_TARGETS(32'd0),
    .TARGET_COUNTS(TARGETS_ALL), .TARGETS(TARGETS), .SELECTIVE(SELECTIVE), .SELECT_BASE(0),
    .SELECT_ROWS(SELECT_ROWS), .SELECT_WIDTH(SELECT_WIDTH), .CONSUMERS(CONSUMERS)
  ) input_packer (
    .clk(clk), .rst(rst), .job_source(1'b0), .job_step(step), .offer_valid(offer),
    .offer_address(s_axis_tdata[ADDRESS_BITS-1:0]),
    .offer_value(s_axis_tdata[ADDRESS_BITS +: VALUE_BITS]), .accepted(accepted), .finish(finish),
    .room(room), .push_valid(push), .push_flit(push_flit), .busy(busy), .idle(idle)
  );

  wire control_room;
  wire nothing_waits;
  wire unused_queue = &{1'b0, control_room, nothing_waits};
  injector #(
    .BODY_BITS(BODY_BITS), .TAG_BITS(TAG_BITS), .ENDPOINT(ENDPOINT), .VCS(VCS), .VC_BITS(VC_BITS),
    .VC_DEPTH(VC_DEPTH), .INJECT_DEPTH(INJECT_DEPTH), .CONTROL_DEPTH(0)
  ) input_injector (
    .clk(clk), .rst(rst), .data_push(push), .data_flit(push_flit), .data_room(room),
    .control_push(1'b0), .control_flit({BODY_BITS{1'b0}}), .control_room(control_room),
    .sent(flit_inject), .empty(nothing_waits), .inj_valid(inj_valid), .inj_vc(inj_vc),
    .inj_flit(inj_flit), .inj_credit(inj_credit)
  );

  interface_in #(
    .DEST_BITS(DEST_BITS), .STREAM_BITS(STREAM_BITS), .STEP_BITS(STEP_BITS),
    .COUNT_BITS(COUNT_BITS), .PAYLOAD_BITS(PAYLOAD_BITS), .TAG_BITS(TAG_BITS),
    .EJECT_DEPTH(EJECT_DEPTH), .FLIT_BITS(FLIT_BITS)
  ) output_interface (
    .clk(clk), .rst(rst), .ej_valid(ej_valid), .ej_flit(ej_flit), .ej_credit(ej_credit),
    .queue_room(1'b1), .output_ready(m_axis_tready), .head_valid(head_valid), .head_flit(head),
    .taken(taken), .take_event(take_event), .take_last(take_last), .take_end(take_end),
    .take_credit(take_credit)
  );
  assign flit_eject = take_last || take_end || take_credit;

  // Output: the event in slot `taken` of the head, by stream.
  wire [OUTPUTS*OUT_ADDRESS_BITS-1:0] addresses;
  wire [OUTPUTS*OUT_VALUE_BITS-1:0] values;
  genvar g;
  generate
    for (g = 0; g < OUTPUTS; g = g + 1) begin : layouts
      localparam ADDRESS = OUT_ADDRESS_WIDTHS[g*32 +: 32];
      localparam VALUE = OUT_VALUE_WIDTHS[g*32 +: 32];
      localparam SLOT = ADDRESS + VALUE;
      localparam EACH = OUT_PER_FLIT[g*32 +: 32];
      localparam SIGNED = OUT_SIGNED[g*32];
      reg [SLOT-1:0] event_bits;
      integer k;
      always @* begin
        event_bits = {SLOT{1'b0}};
        for (k = 0; k < EACH; k = k + 1)
          if (taken == k[COUNT_BITS-1:0]) event_bits = payload[k*SLOT +: SLOT];
      end
      assign addresses[g*OUT_ADDRESS_BITS +: ADDRESS] = event_bits[ADDRESS-1:0];
      if (ADDRESS < OUT_ADDRESS_BITS) begin : short_address
        assign addresses[g*OUT_ADDRESS_BITS + ADDRESS +: OUT_ADDRESS_BITS - ADDRESS] =
          {OUT_ADDRESS_BITS - ADDRESS{1'b0}};
      end
      if (VALUE == 0) begin : binary
        localparam [OUT_VALUE_BITS-1:0] ONE = 1;
        assign values[g*OUT_VALUE_BITS +: OUT_VALUE_BITS] = ONE;
      end else begin : graded
        assign values[g*OUT_VALUE_BITS +: VALUE] = event_bits[ADDRESS +: VALUE];
        if (VALUE < OUT_VALUE_BITS) begin : short_value
          assign values[g*OUT_VALUE_BITS + VALUE +: OUT_VALUE_BITS - VALUE] =
            {OUT_VALUE_BITS - VALUE{SIGNED && event_bits[SLOT-1]}};
        end
      end
    end
  endgenerate

  reg [OUT_ADDRESS_BITS-1:0] address;
  reg [OUT_VALUE_BITS-1:0] value;
  integer o;
  always @* begin
    address = {OUT_ADDRESS_BITS{1'b0}};
    value = {OUT_VALUE_BITS{1'b0}};
    for (o = 0; o < OUTPUTS; o = o + 1) begin
      if (stream == OUT_STREAMS[o*32 +: STREAM_BITS]) begin
        address = addresses[o*OUT_ADDRESS_BITS +: OUT_ADDRESS_BITS];
        value = values[o*OUT_VALUE_BITS +: OUT_VALUE_BITS];
      end
    end
  end

  localparam EVENT_BITS = OUT_ADDRESS_BITS + OUT_VALUE_BITS;
  localparam ITEM_BITS = CONTENT_BITS + STEP_BITS + STREAM_BITS + 2;
  wire is_end = kind == 2'd1;
  wire packet_last = !is_end && taken + 1'b1 == count;
  wire [CONTENT_BITS-1:0] event_content;
  wire [CONTENT_BITS-1:0] end_content;
  wire [PACKET_BITS-1:0] announced = payload[PACKET_BITS-1:0];
  assign event_content[EVENT_BITS-1:0] = {value, address};
  assign end_content[PACKET_BITS-1:0] = announced;
  assign m_axis_tdata[ITEM_BITS-1:0] =
    {is_end, packet_last, stream, step_in, is_end ? end_content : event_content};
  generate
    if (EVENT_BITS < CONTENT_BITS) begin : event_padding
      assign event_content[CONTENT_BITS-1:EVENT_BITS] = {CONTENT_BITS - EVENT_BITS{1'b0}};
    end
    if (PACKET_BITS < CONTENT_BITS) begin : end_padding
      assign end_content[CONTENT_BITS-1:PACKET_BITS] = {CONTENT_BITS - PACKET_BITS{1'b0}};
    end
    if (ITEM_BITS < M_DATA_BITS) begin : padding
      assign m_axis_tdata[M_DATA_BITS-1:ITEM_BITS] = {M_DATA_BITS - ITEM_BITS{1'b0}};
    end
  endgenerate
  assign m_axis_tvalid = head_valid && kind != 2'd2;

  // Completion: ends of steps still to come; packets announced less packets taken.
  reg [TOKEN_BITS-1:0] tokens_left;
  reg [OWED_BITS-1:0] owed;
  wire [TOKEN_BITS-1:0] tokens_then = is_end ? tokens_left - 1'b1 : tokens_left;
  wire [OWED_BITS-1:0] owed_then = is_end ? owed + {{TOKEN_BITS{1'b0}}, announced}
    : packet_last ? owed - 1'b1 : owed;
  assign m_axis_tlast = (is_end || packet_last) && tokens_then == {TOKEN_BITS{1'b0}}
    && owed_then == {OWED_BITS{1'b0}};
  assign finished = m_axis_tlast && (take_event || take_end);

  always @(posedge clk) begin
    if (rst) begin
      tokens_left <= TOKENS[TOKEN_BITS-1:0];
      owed <= {OWED_BITS{1'b0}};
    end else if (take_event || take_end) begin
      tokens_left <= tokens_then;
      owed <= owed_then;
    end
  end

`ifdef FORMAL
  // A beat of m_axis stays as it is until it is taken. Every beat of s_axis that is taken is packed
  // once, and none after the end of the last step.
  reg kept_waiting;
  reg [M_DATA_BITS:0] waiting;
  reg [STEP_BITS:0] ends;
  localparam [STEP_BITS:0] ALL = STEPS;
  wire take = s_axis_tvalid && s_axis_tready;
  always @(posedge clk) begin
    kept_waiting <= !rst && m_axis_tvalid && !m_axis_tready;
    waiting <= {m_axis_tlast, m_axis_tdata};
    if (rst) ends <= {STEP_BITS + 1{1'b0}};
    else if (take && s_axis_tlast) ends <= ends + 1'b1;
  end

  always @* begin
    if (kept_waiting) assert (m_axis_tvalid && {m_axis_tlast, m_axis_tdata} == waiting);
    if (!rst) assert (event_pack == (take && !empty));
    assert (all_sent ? ends == ALL && !active : ends == {1'b0, step} && ends < ALL);
    if (ends == ALL) assert (!s_axis_tready);
  end
`endif
endmodule
