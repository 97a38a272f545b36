//! Verilog of a compiled network: the same spikes in the same cycles as the simulator.
//!
//! The hand-written primitives of `rtl/` carry the names of the simulator's units. The emitter turns a program into a
//! flat netlist of their instances and prints it as Verilog-2005.

pub mod attention;
pub mod cosim;
pub mod counters;
pub mod emit;
pub mod folder;
pub mod generator;
pub mod netlist;
pub mod registers;
pub mod rtl;
pub mod synth;
pub mod tool;
pub mod waveform;
