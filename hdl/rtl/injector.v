// Injector: control queue before data queue, one single-flit packet a cycle, virtual channels round
// robin.
//
// Parameters: BODY_BITS of a flit without its tag; TAG_BITS: 48 for a tag {ENDPOINT[16], packet
//             number[32]} above the body, 1 for a constant 0; VCS, VC_BITS = max(1, clog2(VCS)),
//             VC_DEPTH of the router's local input port; INJECT_DEPTH flits of the data queue,
//             CONTROL_DEPTH of the control queue (0: there is none; it must hold every credit that
//             can wait).
// Ports:      data_*, control_*  queues; room as at the start of the cycle, a push needs room.
//             sent       a flit leaves in this cycle.
//             empty      nothing waits in the queues.
//             inj_*      wires to the router; inj_credit[v] is a pulse for each slot freed in VC v.
// Timing:     a flit pushed in c may leave in c + 1; one that leaves in t is on the wire in t + 1,
//             in the router's buffer in t + 2. A credit pulse on the wire in t + 1 may be used in
//             t + 3. VC 0 is tried first at the start, later the VC after the last one used.
module injector #(
  parameter BODY_BITS = 80,
  parameter TAG_BITS = 1,
  parameter ENDPOINT = 0,
  parameter VCS = 2,
  parameter VC_BITS = 1,
  parameter VC_DEPTH = 4,
  parameter INJECT_DEPTH = 8,
  parameter CONTROL_DEPTH = 4
) (
  input  wire                          clk,
  input  wire                          rst,
  input  wire                          data_push,
  input  wire [BODY_BITS-1:0]          data_flit,
  output wire                          data_room,
  input  wire                          control_push,
  input  wire [BODY_BITS-1:0]          control_flit,
  output wire                          control_room,
  output wire                          sent,
  output wire                          empty,
  output reg                           inj_valid,
  output reg  [VC_BITS-1:0]            inj_vc,
  output reg  [TAG_BITS+BODY_BITS-1:0] inj_flit,
  input  wire [VCS-1:0]                inj_credit
);
  localparam CREDIT_BITS = $clog2(VC_DEPTH + 1);

  wire data_valid;
  wire control_valid;
  wire [BODY_BITS-1:0] data_head;
  wire [BODY_BITS-1:0] control_head;

  fifo #(.WIDTH(BODY_BITS), .DEPTH(INJECT_DEPTH)) data (
    .clk(clk), .rst(rst), .push(data_push), .din(data_flit), .pop(sent && !control_valid),
    .dout(data_head), .valid(data_valid), .room(data_room)
  );

  generate
    if (CONTROL_DEPTH > 0) begin : with_control
      fifo #(.WIDTH(BODY_BITS), .DEPTH(CONTROL_DEPTH)) control (
        .clk(clk), .rst(rst), .push(control_push), .din(control_flit), .pop(sent && control_valid),
        .dout(control_head), .valid(control_valid), .room(control_room)
      );
    end else begin : without_control
      assign control_head = {BODY_BITS{1'b0}};
      assign control_valid = 1'b0;
      assign control_room = 1'b0;
      wire unused = &{1'b0, control_push, control_flit};
    end
  endgenerate

  // Round robin: the lowest usable VC above the last one used, else the lowest usable.
  reg [VCS-1:0] above;
  wire [VCS-1:0] usable;
  wire [VCS-1:0] ahead = usable & above;
  wire [VCS-1:0] choice = ahead != {VCS{1'b0}} ? ahead : usable;
  wire [VCS-1:0] pick = choice & (~choice + 1'b1);
  assign empty = !data_valid && !control_valid;
  assign sent = !empty && usable != {VCS{1'b0}};

  // Credits: what the wire brings is held for a cycle, then counted.
  reg [VCS-1:0] returned;
  genvar v;
  generate
    for (v = 0; v < VCS; v = v + 1) begin : channels
      reg [CREDIT_BITS-1:0] credits;
      assign usable[v] = credits != {CREDIT_BITS{1'b0}};
      always @(posedge clk) begin
        if (rst) credits <= VC_DEPTH[CREDIT_BITS-1:0];
        else if (returned[v] && !(sent && pick[v])) credits <= credits + 1'b1;
        else if (!returned[v] && sent && pick[v]) credits <= credits - 1'b1;
      end
    end
  endgenerate

  reg [VC_BITS-1:0] number;
  integer i;
  always @* begin
    number = {VC_BITS{1'b0}};
    for (i = 0; i < VCS; i = i + 1) if (pick[i]) number = number | i[VC_BITS-1:0];
  end

  wire [TAG_BITS-1:0] tag;
  generate
    if (TAG_BITS == 48) begin : with_tag
      reg [31:0] packets;
      always @(posedge clk) begin
        if (rst) packets <= 32'd0;
        else if (sent) packets <= packets + 1'b1;
      end
      assign tag = {ENDPOINT[15:0], packets};
    end else begin : without_tag
      assign tag = {TAG_BITS{1'b0}};
    end
  endgenerate

  always @(posedge clk) begin
    inj_vc <= number;
    inj_flit <= {tag, control_valid ? control_head : data_head};
    if (rst) begin
      inj_valid <= 1'b0;
      returned <= {VCS{1'b0}};
      above <= {VCS{1'b0}};
    end else begin
      inj_valid <= sent;
      returned <= inj_credit;
      if (sent) above <= (~pick + 1'b1) << 1;
    end
  end
endmodule
