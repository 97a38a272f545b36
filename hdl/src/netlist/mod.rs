//! A small typed netlist: bit vectors of known width, one operator a wire, registers, instances.
//!
//! Every operator's result has a width fixed by the builder and its operands are extended beforehand, so nothing
//! depends on Verilog's rules of context, precedence or signedness. Constants fold, unread wires vanish.

mod bits;
mod module;
mod print;

pub use bits::{index_bits, Bits};
pub use module::{Instance, Module, Parameter};
pub use print::print;
