// Small values (operands, gates) with several independent read ports.
//
// A word address is {row, bank}; BANKS is a power of two. One copy of the memory a read port, each
// of BANKS banks, so that up to BANKS neighbouring words can be written in one cycle at any
// address.
//
// Parameters: WIDTH of a word, ROWS rows of BANKS words, ROW_BITS (1 or more, 2**ROW_BITS >= ROWS),
//             BANK_BITS = log2(BANKS), READS read ports, FORWARD 1: a read sees the write of the
//             same cycle; 0: such a read is forbidden.
// Ports:      ren[r], raddr, rdata: read port r. wen[l]: write word waddr + l with part l of wdata.
// Timing:     a read of cycle c is on rdata from c + 1 and stays while ren is low; a write of cycle
//             c is seen by reads from c + 1, with FORWARD from c.
module value_memory #(
  parameter WIDTH = 8,
  parameter ROWS = 4,
  parameter ROW_BITS = 2,
  parameter BANKS = 4,
  parameter BANK_BITS = 2,
  parameter READS = 1,
  parameter FORWARD = 0
) (
  input  wire                                  clk,
  input  wire [READS-1:0]                      ren,
  input  wire [READS*(ROW_BITS+BANK_BITS)-1:0] raddr,
  output wire [READS*WIDTH-1:0]                rdata,
  input  wire [BANKS-1:0]                      wen,
  input  wire [ROW_BITS+BANK_BITS-1:0]         waddr,
  input  wire [BANKS*WIDTH-1:0]                wdata
);
  localparam ADDR_BITS = ROW_BITS + BANK_BITS;
  localparam [31:0] LAST_BANK = BANKS - 1;
  localparam [ADDR_BITS-1:0] BANK_MASK = LAST_BANK[ADDR_BITS-1:0];

  // Lane l of the write goes to bank (waddr + l) mod BANKS: a rotation; banks before the first
  // lane's take the next row.
  wire [ADDR_BITS-1:0] first = waddr & BANK_MASK;
  reg [BANKS-1:0] bank_wen;
  reg [BANKS*WIDTH-1:0] bank_wdata;
  integer s;
  always @* begin
    bank_wen = wen;
    bank_wdata = wdata;
    for (s = 0; s < BANK_BITS; s = s + 1)
      if (first[s]) begin
        bank_wen = bank_wen << (1 << s) | bank_wen >> (BANKS - (1 << s));
        bank_wdata =
          bank_wdata << ((1 << s) * WIDTH) | bank_wdata >> ((BANKS - (1 << s)) * WIDTH);
      end
  end
  wire [BANKS*ROW_BITS-1:0] bank_row;

  genvar b, r;
  generate
    for (b = 0; b < BANKS; b = b + 1) begin : write
      localparam [31:0] NUMBER = b;
      localparam [ADDR_BITS-1:0] BANK = NUMBER[ADDR_BITS-1:0];
      wire [ROW_BITS-1:0] wrapped = {{(ROW_BITS-1){1'b0}}, first > BANK};
      assign bank_row[b*ROW_BITS +: ROW_BITS] = waddr[BANK_BITS +: ROW_BITS] + wrapped;
    end

    for (r = 0; r < READS; r = r + 1) begin : port
      wire [ADDR_BITS-1:0] at = raddr[r*ADDR_BITS +: ADDR_BITS];
      wire [BANKS*WIDTH-1:0] gated;
      for (b = 0; b < BANKS; b = b + 1) begin : bank
        localparam [31:0] NUMBER = b;
        localparam [ADDR_BITS-1:0] BANK = NUMBER[ADDR_BITS-1:0];
        (* no_rw_check *) reg [WIDTH-1:0] storage [0:ROWS-1];
        reg [WIDTH-1:0] data;
        reg here;
        wire [ROW_BITS-1:0] row = bank_row[b*ROW_BITS +: ROW_BITS];
        wire writes = bank_wen[b];
        wire [WIDTH-1:0] word = bank_wdata[b*WIDTH +: WIDTH];
        wire mine = (at & BANK_MASK) == BANK;
        wire clash = writes && row == at[BANK_BITS +: ROW_BITS];
        wire read = ren[r] && mine && !(FORWARD != 0 && clash);

        always @(posedge clk) begin
          if (writes) storage[row] <= word;
          if (read) data <= storage[at[BANK_BITS +: ROW_BITS]];
          if (ren[r]) here <= mine;
        end

        if (FORWARD != 0) begin : forwarding
          reg [WIDTH-1:0] fresh;
          reg forwarded;
          always @(posedge clk) if (ren[r] && mine) begin
            forwarded <= clash;
            if (clash) fresh <= word;
          end
          assign gated[b*WIDTH +: WIDTH] = !here ? {WIDTH{1'b0}} : forwarded ? fresh : data;
        end else begin : plain
          assign gated[b*WIDTH +: WIDTH] = here ? data : {WIDTH{1'b0}};
        end

`ifdef PULVINAR_ASSERT
        always @(posedge clk) if (FORWARD == 0 && ren[r] === 1'b1 && mine && clash === 1'b1) begin
          $display("ASSERT %m: row %0d read and written in one cycle", row);
          $finish;
        end
`endif
      end
      reg [WIDTH-1:0] either;
      integer n;
      always @* begin
        either = {WIDTH{1'b0}};
        for (n = 0; n < BANKS; n = n + 1) either = either | gated[n*WIDTH +: WIDTH];
      end
      assign rdata[r*WIDTH +: WIDTH] = either;
    end
  endgenerate
endmodule
