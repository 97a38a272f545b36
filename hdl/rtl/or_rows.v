// Bitwise OR of N words of WIDTH bits, word 0 lowest. Combinational.
module or_rows #(
  parameter N = 4,
  parameter WIDTH = 8
) (
  input  wire [N*WIDTH-1:0] words,
  output wire [WIDTH-1:0]   word
);
  function [WIDTH-1:0] merge;
    input [N*WIDTH-1:0] from;
    integer n;
    begin
      merge = {WIDTH{1'b0}};
      for (n = 0; n < N; n = n + 1) merge = merge | from[n * WIDTH +: WIDTH];
    end
  endfunction

  assign word = merge(words);
endmodule
