// Harness for boards: plays one stored inference into the top level and shows the answer on pins.
//
// It starts an inference through the registers, sends the stored beats, adds up the values of the
// output events by address, and sends one line on a serial line: the address with the largest sum
// (the lowest of several) and the cycles of the inference, as 4 and 8 hexadecimal digits. The
// output stream is always taken at once, so the cycles are those of the machine.
//
// Parameters: ADDR_BITS of an AXI4-Lite address; S_DATA_BITS, M_DATA_BITS of the streams; the input
//             is BEATS words of FILE, each {tlast, tdata[BEAT_BITS]}; of an output beat the address
//             is the lowest OUT_ADDRESS_BITS bits, then comes the value in OUT_VALUE_BITS (two's
//             complement if more than 1); bit END_BIT marks ends of steps; CLASSES addresses;
//             SCORE_BITS of a sum; CLOCKS_PER_BIT of the serial line (8 bits, no parity).
// Ports:      again: a high level, at least two cycles long, runs the inference once more;
//             m_axi_*: AXI4-Lite towards the registers, with the fixed address map of registers.rs;
//             m_axis_*, s_axis_*: towards and from the machine; led: {done, address[3:0]}; serial:
//             idles high.
// Timing:     every output except the stream's data and the read address is a register or one gate
//             behind it.
module fpga_harness #(
  parameter ADDR_BITS = 10,
  parameter S_DATA_BITS = 16,
  parameter M_DATA_BITS = 32,
  parameter BEAT_BITS = 10,
  parameter BEATS = 16,
  parameter FILE = "",
  parameter OUT_ADDRESS_BITS = 4,
  parameter OUT_VALUE_BITS = 1,
  parameter END_BIT = 16,
  parameter CLASSES = 10,
  parameter SCORE_BITS = 24,
  parameter CLOCKS_PER_BIT = 217
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   again,
  output wire [ADDR_BITS-1:0]   m_axi_awaddr,
  output wire                   m_axi_awvalid,
  input  wire                   m_axi_awready,
  output wire [31:0]            m_axi_wdata,
  output wire                   m_axi_wvalid,
  input  wire                   m_axi_wready,
  output wire [ADDR_BITS-1:0]   m_axi_araddr,
  output wire                   m_axi_arvalid,
  input  wire                   m_axi_arready,
  input  wire [31:0]            m_axi_rdata,
  input  wire                   m_axi_rvalid,
  output wire [S_DATA_BITS-1:0] m_axis_tdata,
  output wire                   m_axis_tvalid,
  output wire                   m_axis_tlast,
  input  wire                   m_axis_tready,
  input  wire [M_DATA_BITS-1:0] s_axis_tdata,
  input  wire                   s_axis_tvalid,
  input  wire                   s_axis_tlast,
  output wire                   s_axis_tready,
  output wire [4:0]             led,
  output wire                   serial
);
  localparam [ADDR_BITS-1:0] CONTROL = 'h18;
  localparam [ADDR_BITS-1:0] CYCLES_LOW = 'h28;
  localparam [31:0] START = 32'd1;
  localparam BEAT_ADDR_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam LAST_BEAT = BEATS - 1;
  localparam LAST_CLASS = CLASSES - 1;
  localparam [2:0] CLEAR = 3'd0;
  localparam [2:0] LAUNCH = 3'd1;
  localparam [2:0] RUN = 3'd2;
  localparam [2:0] FETCH = 3'd3;
  localparam [2:0] FIND = 3'd4;
  localparam [2:0] SEND = 3'd5;
  localparam [2:0] SHOW = 3'd6;

  reg [2:0] state;
  reg [OUT_ADDRESS_BITS-1:0] index;
  wire last_index = index == LAST_CLASS[OUT_ADDRESS_BITS-1:0];

  // Sums of values by address: read, added to and written in one cycle.
  reg [SCORE_BITS-1:0] scores [0:CLASSES-1];
  wire item = state == RUN && s_axis_tvalid;
  wire [OUT_ADDRESS_BITS-1:0] at = item ? s_axis_tdata[OUT_ADDRESS_BITS-1:0] : index;
  wire [OUT_VALUE_BITS-1:0] value = s_axis_tdata[OUT_ADDRESS_BITS +: OUT_VALUE_BITS];
  wire fill = OUT_VALUE_BITS > 1 && value[OUT_VALUE_BITS-1];
  wire [SCORE_BITS-1:0] wide = {{SCORE_BITS - OUT_VALUE_BITS{fill}}, value};
  wire [SCORE_BITS-1:0] score = scores[at];
  assign s_axis_tready = state == RUN;
  always @(posedge clk) begin
    if (state == CLEAR) scores[at] <= {SCORE_BITS{1'b0}};
    else if (item && !s_axis_tdata[END_BIT]) scores[at] <= score + wide;
  end

  // Input: one beat a cycle from the stored inference.
  reg [BEAT_ADDR_BITS-1:0] next;
  reg all_read;
  reg have_beat;
  wire [BEAT_BITS:0] beat;
  wire taken = have_beat && m_axis_tready;
  wire fetch = state == RUN && !all_read && (!have_beat || taken);
  assign m_axis_tdata[BEAT_BITS-1:0] = beat[BEAT_BITS-1:0];
  generate
    if (BEAT_BITS < S_DATA_BITS) begin : padding
      assign m_axis_tdata[S_DATA_BITS-1:BEAT_BITS] = {S_DATA_BITS - BEAT_BITS{1'b0}};
    end
  endgenerate
  assign m_axis_tlast = beat[BEAT_BITS];
  assign m_axis_tvalid = have_beat;
  rom #(
    .WIDTH(BEAT_BITS + 1), .DEPTH(BEATS), .ADDR_BITS(BEAT_ADDR_BITS), .FILE(FILE)
  ) inference (
    .clk(clk), .ren(fetch), .raddr(next), .rdata(beat)
  );

  // Registers: one write starts, one read gives the length.
  reg write_address;
  reg write_data;
  reg read_address;
  reg [31:0] cycles;
  assign m_axi_awaddr = CONTROL;
  assign m_axi_awvalid = write_address;
  assign m_axi_wdata = START;
  assign m_axi_wvalid = write_data;
  assign m_axi_araddr = CYCLES_LOW;
  assign m_axi_arvalid = read_address;

  // Answer: the largest sum.
  reg [SCORE_BITS-1:0] best;
  reg [OUT_ADDRESS_BITS-1:0] winner;
  wire better = index == {OUT_ADDRESS_BITS{1'b0}} || $signed(score) > $signed(best);
  wire [31:0] winner_word = {{32 - OUT_ADDRESS_BITS{1'b0}}, winner};
  wire unused = &{1'b0, s_axis_tdata, winner_word};
  assign led = {state == SEND || state == SHOW, winner_word[3:0]};

  // Serial line: 15 characters of 10 bits.
  localparam [15:0] LAST_CLOCK = CLOCKS_PER_BIT - 1;
  reg [15:0] clocks;
  reg [3:0] bit_at;
  reg [3:0] character_at;
  reg [9:0] shift;
  reg [3:0] digit;
  wire [7:0] letter = digit < 4'd10 ? {4'h3, digit} : {4'h4, digit - 4'd9};
  reg [7:0] character;
  wire bit_ends = clocks == LAST_CLOCK;
  wire sent = bit_ends && bit_at == 4'd9;
  assign serial = shift[0];
  always @* begin
    case (character_at)
      4'd0: digit = winner_word[15:12];
      4'd1: digit = winner_word[11:8];
      4'd2: digit = winner_word[7:4];
      4'd3: digit = winner_word[3:0];
      4'd5: digit = cycles[31:28];
      4'd6: digit = cycles[27:24];
      4'd7: digit = cycles[23:20];
      4'd8: digit = cycles[19:16];
      4'd9: digit = cycles[15:12];
      4'd10: digit = cycles[11:8];
      4'd11: digit = cycles[7:4];
      default: digit = cycles[3:0];
    endcase
    case (character_at)
      4'd4: character = 8'h20;
      4'd13: character = 8'h0d;
      4'd14: character = 8'h0a;
      default: character = letter;
    endcase
  end
  always @(posedge clk) begin
    if (rst || state != SEND) begin
      clocks <= 16'd0;
      bit_at <= 4'd9;
      shift <= 10'h3ff;
      character_at <= 4'd0;
    end else begin
      clocks <= bit_ends ? 16'd0 : clocks + 16'd1;
      if (bit_ends) begin
        bit_at <= sent ? 4'd0 : bit_at + 4'd1;
        shift <= sent ? {1'b1, character, 1'b0} : {1'b1, shift[9:1]};
        if (sent) character_at <= character_at + 4'd1;
      end
    end
  end
  wire all_sent = sent && character_at == 4'd15;

  // Order of events.
  reg [1:0] pressed;
  always @(posedge clk) begin
    pressed <= {pressed[0], again};
    if (state == FETCH && m_axi_rvalid) cycles <= m_axi_rdata;
    if (state == FIND && better) {winner, best} <= {index, score};
    if (state == CLEAR) {next, all_read} <= {BEAT_ADDR_BITS + 1{1'b0}};
    else if (fetch) {next, all_read} <= {next + 1'b1, next == LAST_BEAT[BEAT_ADDR_BITS-1:0]};
    if (rst) begin
      state <= CLEAR;
      index <= {OUT_ADDRESS_BITS{1'b0}};
      have_beat <= 1'b0;
      write_address <= 1'b0;
      write_data <= 1'b0;
      read_address <= 1'b0;
    end else begin
      have_beat <= fetch || (have_beat && !taken);
      index <= (state == CLEAR || state == FIND) && !last_index ? index + 1'b1
        : {OUT_ADDRESS_BITS{1'b0}};
      write_address <= state == CLEAR ? last_index : write_address && !m_axi_awready;
      write_data <= state == CLEAR ? last_index : write_data && !m_axi_wready;
      read_address <= state == RUN ? item && s_axis_tlast : read_address && !m_axi_arready;
      case (state)
        CLEAR: if (last_index) state <= LAUNCH;
        LAUNCH: if (!write_address && !write_data) state <= RUN;
        RUN: if (item && s_axis_tlast) state <= FETCH;
        FETCH: if (m_axi_rvalid) state <= FIND;
        FIND: if (last_index) state <= SEND;
        SEND: if (all_sent) state <= SHOW;
        default: if (pressed[1]) state <= CLEAR;
      endcase
    end
  end
endmodule
