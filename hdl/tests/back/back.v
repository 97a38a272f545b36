// Back part of a core under test: update engine, encoder, packer and injector, joined as in a core.
// Constants come from case.vh; the values of a word are given in the cycle in which it is in
// stage 5.
module back #(
`include "case.vh"
) (
  input  wire                         clk,
  input  wire                         rst,
  input  wire                         start,
  input  wire                         start_pass,
  input  wire [STEP_BITS-1:0]         start_step,
  input  wire                         silent,
  input  wire [LANES-1:0]             fired,
  input  wire [LANES*VALUE_BITS-1:0]  values,
  input  wire                         list_active,
  input  wire                         list_offer,
  input  wire                         list_finish,
  input  wire [SOURCE_BITS-1:0]       list_source,
  input  wire [STEP_BITS-1:0]         list_step,
  input  wire [ADDRESS_BITS-1:0]      list_address,
  input  wire [VALUE_BITS-1:0]        list_value,
  input  wire                         control_push,
  input  wire [BODY_BITS-1:0]         control_flit,
  input  wire [VCS-1:0]               inj_credit,
  output wire                         accepted,
  output wire [SOURCE_BITS-1:0]       source,
  output wire [ADDRESS_BITS-1:0]      address,
  output wire [VALUE_BITS-1:0]        value,
  output wire                         advance,
  output wire                         refusal,
  output wire                         sweep_end,
  output wire                         busy,
  output wire                         idle,
  output wire                         empty,
  output wire                         sweeping,
  output wire                         sent,
  output wire                         control_room,
  output wire                         inj_valid,
  output wire [VC_BITS-1:0]           inj_vc,
  output wire [TAG_BITS+BODY_BITS-1:0] inj_flit,
  output wire                         pass,
  output wire [STEP_BITS-1:0]         step,
  output wire [5:0]                   stage_valid,
  output wire [5:0]                   stage_last,
  output wire [6*WORD_BITS-1:0]       stage_word,
  output wire [6*ROW_BITS-1:0]        stage_row,
  output wire [6*COLUMN_BITS-1:0]     stage_column,
  output wire [6*BLOCK_BITS-1:0]      stage_block
);
  wire [ADDRESS_BITS-1:0] word_address;
  wire active;
  update_engine #(
    .ROWS(ROWS), .COLUMNS(COLUMNS), .BLOCKS(BLOCKS), .WORD_BITS(WORD_BITS), .ROW_BITS(ROW_BITS),
    .COLUMN_BITS(COLUMN_BITS), .BLOCK_BITS(BLOCK_BITS), .STEP_BITS(STEP_BITS), .PASS_BITS(1),
    .ADDRESS_BITS(ADDRESS_BITS), .ADDRESS_FIRST(ADDRESS_FIRST), .BLOCK_STRIDE(LANES * PLANE)
  ) engine (
    .clk(clk), .rst(rst), .start(start), .start_pass(start_pass),
    .start_step(start_step), .advance(advance), .pass(pass), .step(step),
    .active(active), .stage_valid(stage_valid), .stage_last(stage_last), .stage_word(stage_word),
    .stage_row(stage_row), .stage_column(stage_column), .stage_block(stage_block),
    .encode_address(word_address)
  );
  wire offer_valid;
  wire [ADDRESS_BITS-1:0] offer_address;
  wire [VALUE_BITS-1:0] offer_value;
  wire finish;
  wire encoding;
  assign sweeping = active || encoding;
  encoder #(
    .LANES(LANES), .VALUE_BITS(VALUE_BITS), .ADDRESS_BITS(ADDRESS_BITS), .PLANE(PLANE)
  ) encode (
    .clk(clk), .rst(rst), .word_valid(stage_valid[5]), .word_last(stage_last[5]),
    .word_silent(silent), .word_fired(fired), .word_values(values),
    .word_address(word_address), .advance(advance), .blocked(busy || list_active),
    .accepted(accepted), .offer_valid(offer_valid), .offer_address(offer_address),
    .offer_value(offer_value), .refusal(refusal), .sweep_end(sweep_end), .finish(finish),
    .busy(encoding)
  );

  wire [ADDRESS_BITS-1:0] any_address = list_active ? list_address : offer_address;
  wire [VALUE_BITS-1:0] any_value = list_active ? list_value : offer_value;
  wire room;
  wire push;
  wire [BODY_BITS-1:0] body;
  assign source = list_active ? list_source : {SOURCE_BITS{1'b0}};
  assign address = any_address;
  assign value = any_value;
  packer #(
    .SOURCES(SOURCES), .SOURCE_BITS(SOURCE_BITS), .PAYLOAD_BITS(PAYLOAD_BITS),
    .COUNT_BITS(COUNT_BITS), .STEP_BITS(STEP_BITS), .STREAM_BITS(STREAM_BITS),
    .DEST_BITS(DEST_BITS), .ADDRESS_BITS(ADDRESS_BITS), .VALUE_BITS(VALUE_BITS),
    .PACKET_BITS(PACKET_BITS), .TARGETS_ALL(TARGETS_ALL), .STREAMS(STREAMS), .PER_FLIT(PER_FLIT),
    .ADDRESS_WIDTHS(ADDRESS_WIDTHS), .VALUE_WIDTHS(VALUE_WIDTHS), .FIRST_TARGETS(FIRST_TARGETS),
    .TARGET_COUNTS(TARGET_COUNTS), .TARGETS(TARGETS), .SELECTIVE(SELECTIVE),
    .SELECT_BASE(SELECT_BASE), .SELECT_ROWS(SELECT_ROWS), .SELECT_WIDTH(SELECT_WIDTH),
    .CONSUMERS(CONSUMERS)
  ) pack (
    .clk(clk), .rst(rst), .job_source(source),
    .job_step(list_active ? list_step : step),
    .offer_valid(list_active ? list_offer : offer_valid), .offer_address(any_address),
    .offer_value(any_value), .accepted(accepted), .finish(list_finish || finish), .room(room),
    .push_valid(push), .push_flit(body), .busy(busy), .idle(idle)
  );

  injector #(
    .BODY_BITS(BODY_BITS), .TAG_BITS(TAG_BITS), .ENDPOINT(ENDPOINT), .VCS(VCS), .VC_BITS(VC_BITS),
    .VC_DEPTH(VC_DEPTH), .INJECT_DEPTH(INJECT_DEPTH), .CONTROL_DEPTH(CONTROL_DEPTH)
  ) inject (
    .clk(clk), .rst(rst), .data_push(push), .data_flit(body), .data_room(room),
    .control_push(control_push), .control_flit(control_flit),
    .control_room(control_room), .sent(sent), .empty(empty), .inj_valid(inj_valid), .inj_vc(inj_vc),
    .inj_flit(inj_flit), .inj_credit(inj_credit)
  );
endmodule
