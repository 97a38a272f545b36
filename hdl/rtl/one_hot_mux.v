// AND-OR multiplexer: the word that select names, 0 without one.
//
// Parameters: N words of WIDTH bits.
// Ports:      select: at most one bit; words: word 0 lowest.
// Timing:     combinational.
module one_hot_mux #(
  parameter N = 4,
  parameter WIDTH = 8
) (
  input  wire [N-1:0]       select,
  input  wire [N*WIDTH-1:0] words,
  output wire [WIDTH-1:0]   word
);
  function [WIDTH-1:0] pick;
    input [N-1:0] one_hot;
    input [N*WIDTH-1:0] from;
    integer n;
    begin
      pick = {WIDTH{1'b0}};
      for (n = 0; n < N; n = n + 1)
        pick = pick | (from[n * WIDTH +: WIDTH] & {WIDTH{one_hot[n]}});
    end
  endfunction

  assign word = pick(select, words);
endmodule
