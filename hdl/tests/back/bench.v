// Test bench of the back part: schedule, words, lists and credits from files, a trace on standard
// output. With DIRTY > 0 that many cycles run unseen and a reset cuts them off before the run that
// is traced.
`timescale 1ns / 1ns
module bench #(
`include "case.vh"
,
`include "bench.vh"
);
  reg clk = 1'b0;
  reg rst = 1'b1;
  integer cycle = 0;
  integer held = 0;
  reg dirty = DIRTY > 0;
  always #5 clk = !clk;

  // Of a cycle: {list begins, control push, sweep starts, credits}.
  reg [10:0] schedule [0:CYCLES];
  // {step, pass, silent}; {step, source, events}; {value, address}; flits without tag.
  reg [17:0] sweeps [0:SWEEPS];
  reg [33:0] lists [0:LISTS];
  reg [63:0] listed [0:LISTED];
  reg [BODY_BITS-1:0] controls [0:CONTROLS];
  reg [LANES-1:0] fired_words [0:SWEEPS*WORDS];
  reg [LANES*VALUE_BITS-1:0] value_words [0:SWEEPS*WORDS];
  initial begin
    $readmemh("schedule.hex", schedule);
    $readmemh("sweeps.hex", sweeps);
    $readmemh("lists.hex", lists);
    $readmemh("listed.hex", listed);
    $readmemh("controls.hex", controls);
    $readmemh("fired.hex", fired_words);
    $readmemh("values.hex", value_words);
  end
  wire [10:0] now = rst ? 11'b0 : schedule[cycle];

  integer sweep = -1;
  integer list = -1;
  integer next_event = 0;
  integer next_control = 0;
  reg list_on = 1'b0;
  reg [15:0] list_left;
  wire list_begins = now[10];
  wire start = now[8];
  wire [31:0] sweep_now = start ? sweep + 1 : sweep;
  wire [17:0] sweep_label = sweeps[sweep_now];
  wire [33:0] list_label = lists[list_begins ? list + 1 : list];
  wire list_active = list_begins || list_on;
  wire [15:0] left = list_begins ? list_label[15:0] : list_left;
  wire list_offer = list_active && left != 16'd0;
  wire [63:0] list_event = listed[next_event];
  wire accepted;
  wire busy;
  wire list_finish = list_active && !busy && (left == 16'd0 || (left == 16'd1 && accepted));

  wire [SOURCE_BITS-1:0] source;
  wire [ADDRESS_BITS-1:0] address;
  wire [VALUE_BITS-1:0] value;
  wire advance;
  wire refusal;
  wire sweep_end;
  wire idle;
  wire empty;
  wire sweeping;
  wire inj_valid;
  wire [VC_BITS-1:0] inj_vc;
  wire [TAG_BITS+BODY_BITS-1:0] inj_flit;
  wire pass;
  wire [STEP_BITS-1:0] step;
  wire [5:0] stage_valid;
  wire [5:0] stage_last;
  wire [6*WORD_BITS-1:0] stage_word;
  wire [6*ROW_BITS-1:0] stage_row;
  wire [6*COLUMN_BITS-1:0] stage_column;
  wire [6*BLOCK_BITS-1:0] stage_block;
  wire [31:0] word = sweep * WORDS + stage_word[5*WORD_BITS +: WORD_BITS];
  back dut (
    .clk(clk), .rst(rst), .start(start), .start_pass(sweep_label[1]),
    .start_step(sweep_label[2 +: STEP_BITS]), .silent(sweep_label[0]), .fired(fired_words[word]),
    .values(value_words[word]), .list_active(list_active), .list_offer(list_offer),
    .list_finish(list_finish), .list_source(list_label[16 +: SOURCE_BITS]),
    .list_step(list_label[18 +: STEP_BITS]),
    .list_address(list_event[ADDRESS_BITS-1:0]),
    .list_value(list_event[32 +: VALUE_BITS]), .control_push(now[9]),
    .control_flit(controls[next_control]), .inj_credit(now[VCS-1:0]), .accepted(accepted),
    .source(source), .address(address), .value(value), .advance(advance), .refusal(refusal),
    .sweep_end(sweep_end), .busy(busy), .idle(idle), .empty(empty), .sweeping(sweeping),
    .sent(), .control_room(), .inj_valid(inj_valid), .inj_vc(inj_vc), .inj_flit(inj_flit),
    .pass(pass), .step(step), .stage_valid(stage_valid), .stage_last(stage_last),
    .stage_word(stage_word), .stage_row(stage_row), .stage_column(stage_column),
    .stage_block(stage_block)
  );

  integer refusals = 0;
  reg [2:0] state = 3'b110;
  always @(posedge clk) begin
    held <= held + 1;
    if (held == 3) rst <= 1'b0;
    if (!rst) begin
      cycle <= cycle + 1;
      if (start) sweep <= sweep + 1;
      if (list_begins) list <= list + 1;
      list_on <= list_active && !list_finish;
      list_left <= list_offer && accepted ? left - 1'b1 : left;
      if (list_offer && accepted) next_event <= next_event + 1;
      if (now[9]) next_control <= next_control + 1;
      refusals <= start ? 0 : refusals + {31'b0, refusal};
      if (!dirty) print;
      if (dirty && cycle == DIRTY) restart;
      if (cycle + 1 == CYCLES) $finish;
    end
  end

  // Everything the bench counts, back at the start; the units get their reset only.
  task restart;
    begin
      rst <= 1'b1;
      dirty <= 1'b0;
      held <= 0;
      cycle <= 0;
      sweep <= -1;
      list <= -1;
      next_event <= 0;
      next_control <= 0;
      refusals <= 0;
      list_on <= 1'b0;
    end
  endtask

  task print;
    begin
      // Packer and injector at the start of the cycle, where that changes.
      state <= {idle, empty, busy};
      if (state != {idle, empty, busy}) $display("T %0d %b %b %b", cycle, idle, empty, busy);
      if (inj_valid) $display("I %0d %0d %h", cycle - 1, inj_vc, inj_flit);
      if (accepted) $display("E %0d %0d %0d %0d", cycle, source, address, value);
      show(0);
      show(5);
      if (sweep_end) $display("S %0d %0d", cycle, refusals);
      if (sweep_end && !sweeping) $display("ASSERT a sweep ends that is not under way");
    end
  endtask

  // The word that leaves a stage.
  task show(input integer stage);
    if (advance && stage_valid[stage])
      $display("P %0d %0d %0d %0d %0d %0d %0d %0d %0d", cycle, stage, stage_last[stage],
        stage_word[stage*WORD_BITS +: WORD_BITS], stage_row[stage*ROW_BITS +: ROW_BITS],
        stage_column[stage*COLUMN_BITS +: COLUMN_BITS],
        stage_block[stage*BLOCK_BITS +: BLOCK_BITS], step, pass);
  endtask
endmodule
