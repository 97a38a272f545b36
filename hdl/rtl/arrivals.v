// Statistics that other slices have sent, combined at the home of their stage.
//
// Words of all taps of all passes one after the other: the address of an arriving event (its index
// in the concatenation of its pass's taps) plus the words of earlier passes.
//
// Parameters: WIDTH of a statistic (signed), DEPTH words, ADDR_BITS (1 or more), READS read ports;
//             BY_STEP 1: words start anew by `renew`.
// Ports:      add: combine value into word address, by maximum if `maximum`, else by sum. clear:
//             set word clear_address to the smallest number if clear_maximum, else to 0; not with
//             an add. renew: the next add to every word replaces it; not with an add. ren[r],
//             raddr, rdata: read port r.
// Timing:     one add a cycle; an add of cycle c is written in c + 1 and seen by reads from c + 1;
//             rdata is there in the cycle after ren and stays while ren is low.
module arrivals #(
  parameter WIDTH = 24,
  parameter DEPTH = 16,
  parameter ADDR_BITS = 4,
  parameter READS = 1,
  parameter BY_STEP = 0
) (
  input  wire                       clk,
  input  wire                       rst,
  input  wire                       add,
  input  wire [ADDR_BITS-1:0]       address,
  input  wire [WIDTH-1:0]           value,
  input  wire                       maximum,
  input  wire                       clear,
  input  wire [ADDR_BITS-1:0]       clear_address,
  input  wire                       clear_maximum,
  input  wire                       renew,
  input  wire [READS-1:0]           ren,
  input  wire [READS*ADDR_BITS-1:0] raddr,
  output wire [READS*WIDTH-1:0]     rdata
);
  localparam [WIDTH-1:0] LOWEST = {WIDTH{1'b1}} << (WIDTH - 1);

  wire anew;
  generate
    if (BY_STEP != 0) begin : marks
      reg [DEPTH-1:0] present;
      assign anew = !present[address];
      always @(posedge clk) begin
        if (rst || renew) present <= {DEPTH{1'b0}};
        else if (add) present[address] <= 1'b1;
      end
    end else begin : no_marks
      wire unused = &{1'b0, renew};
      assign anew = 1'b0;
    end
  endgenerate

  reg adding, forwarded, largest, first_add;
  reg [ADDR_BITS-1:0] at;
  reg [WIDTH-1:0] addend, fresh;
  wire [WIDTH-1:0] stored;
  wire [WIDTH-1:0] old = forwarded ? fresh : stored;
  wire [WIDTH-1:0] larger = $signed(old) < $signed(addend) ? addend : old;
  wire [WIDTH-1:0] combined = largest ? larger : old + addend;
  wire [WIDTH-1:0] updated = first_add ? addend : combined;
  wire again = adding && at == address;

  always @(posedge clk) begin
    adding <= add && !rst;
    if (add) begin
      at <= address;
      addend <= value;
      largest <= maximum;
      forwarded <= again;
      first_add <= anew;
      fresh <= updated;
    end
  end

  wire wen = clear || adding;
  wire [ADDR_BITS-1:0] waddr = clear ? clear_address : at;
  wire [WIDTH-1:0] neutral = clear_maximum ? LOWEST : {WIDTH{1'b0}};
  wire [WIDTH-1:0] wdata = clear ? neutral : updated;

  ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDR_BITS(ADDR_BITS)) words (
    .clk(clk), .ren(add && !again), .raddr(address), .rdata(stored),
    .wen(wen), .waddr(waddr), .wdata(wdata)
  );

  value_memory #(
    .WIDTH(WIDTH), .ROWS(DEPTH), .ROW_BITS(ADDR_BITS), .BANKS(1), .BANK_BITS(0), .READS(READS),
    .FORWARD(1)
  ) copies (
    .clk(clk), .ren(ren), .raddr(raddr), .rdata(rdata), .wen(wen), .waddr(waddr), .wdata(wdata)
  );
endmodule
