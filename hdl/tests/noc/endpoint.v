// Test bench only: an endpoint behind a local port. It sends the flits of a file in order, over and
// over until cycle LAST, and takes what arrives except in the first BUSY of every PERIOD cycles.
//
// Word of the file: {vc_mask[VCS], tail, head, cycle[32], route[DEST_BITS+1]}; a flit leaves in its
// cycle or later. Every flit carries the tag {INDEX[16], number of the flit[32]}. The first flit of a
// packet takes the next VC of its class with a credit, round robin; the others follow on this VC.
module endpoint #(
  parameter INDEX = 0,
  parameter FILE = "",
  parameter FLITS = 1,
  parameter REPEAT = 0,
  parameter LAST = 1000,
  parameter PERIOD = 1,
  parameter BUSY = 0,
  parameter VCS = 1,
  parameter VC_BITS = 1,
  parameter VC_DEPTH = 4,
  parameter EJECT_DEPTH = 4,
  parameter DEST_BITS = 4,
  parameter MULTIFLIT = 0,
  parameter WIRE_BITS = DEST_BITS + 49,
  parameter LISTING = 1
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire [31:0]          now,
  output reg                  inj_valid,
  output reg  [VC_BITS-1:0]   inj_vc,
  output reg  [WIRE_BITS-1:0] inj_flit,
  input  wire [VCS-1:0]       inj_credit,
  input  wire                 ej_valid,
  input  wire [WIRE_BITS-1:0] ej_flit,
  output reg                  ej_credit,
  output reg  [31:0]          sent,
  output reg  [31:0]          taken,
  output reg  [63:0]          hash
);
  localparam WORD_BITS = DEST_BITS + 1 + 32 + 2 + VCS;
  localparam FLIT_BITS = DEST_BITS + 49;

  reg [WORD_BITS-1:0] stimulus [0:FLITS-1];
  initial $readmemh(FILE, stimulus);

  integer credits [0:VCS-1];
  reg [VCS-1:0] returned;
  integer at;
  integer vc;
  integer v;
  integer k;
  integer found;
  reg [WORD_BITS-1:0] word;
  reg [15:0] index;

  always @(posedge clk) begin : source
    if (rst) begin
      for (v = 0; v < VCS; v = v + 1) credits[v] = VC_DEPTH;
      returned <= 0;
      inj_valid <= 0;
      sent <= 0;
      at = 0;
      vc = 0;
    end else begin
      word = stimulus[at < FLITS ? at : 0];
      index = INDEX;
      found = -1;
      if (at < FLITS && now < LAST && word[DEST_BITS + 1 +: 32] <= now) begin
        for (k = VCS; k >= 1; k = k - 1) begin
          v = word[DEST_BITS + 33] ? (vc + k) % VCS : vc;
          if (word[DEST_BITS + 35 + v] && credits[v] > 0) found = v;
        end
      end
      inj_valid <= found >= 0;
      if (found >= 0) begin
        vc = found;
        credits[vc] = credits[vc] - 1;
        at = at + 1 == FLITS && REPEAT != 0 ? 0 : at + 1;
        sent <= sent + 1;
        inj_vc <= vc;
        inj_flit[FLIT_BITS-1:0] <= {index, sent, word[DEST_BITS:0]};
        if (MULTIFLIT != 0)
          inj_flit[WIRE_BITS-1 -: VCS + 1] <= {word[DEST_BITS + 35 +: VCS], word[DEST_BITS + 34]};
      end
      for (v = 0; v < VCS; v = v + 1) if (returned[v]) credits[v] = credits[v] + 1;
      returned <= inj_credit;
    end
  end

  reg [47:0] queue [0:EJECT_DEPTH-1];
  reg [47:0] tag;
  integer head;
  integer count;

  always @(posedge clk) begin : sink
    if (rst) begin
      head = 0;
      count = 0;
      ej_credit <= 0;
      taken <= 0;
      hash <= 0;
    end else begin
      ej_credit <= 0;
      if (count > 0 && now % PERIOD >= BUSY) begin
        tag = queue[head];
        if (LISTING != 0) $display("E %0d %0d 0 0 %0d", now, INDEX, tag);
        hash <= hash * 64'd6364136223846793005 + tag + now;
        head = (head + 1) % EJECT_DEPTH;
        count = count - 1;
        ej_credit <= 1;
        taken <= taken + 1;
      end
      if (ej_valid) begin
        if (count == EJECT_DEPTH) $display("ASSERT endpoint %0d overflows", INDEX);
        queue[(head + count) % EJECT_DEPTH] = ej_flit[DEST_BITS + 1 +: 48];
        count = count + 1;
      end
    end
  end
endmodule
