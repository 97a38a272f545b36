//! Cycle-accurate simulation of a compiled network on its chip: when everything happens, and what it moves.
//!
//! [`Machine::new`] lays a program out once; [`Machine::simulate`] runs one input on it. The machine computes its own
//! values; the timing rule is `docs/machine.md`. Two engines share the control rules: `Plain` visits every unit every
//! cycle, `Fast` only the cycles at which something can happen. Their listings, counts and cycles are identical.

pub mod accesses;
pub mod analytic;
pub mod context;
mod engine;
mod machine;
pub mod noc;
pub mod packet;
pub mod prepare;
mod run;
pub mod unit;

pub use machine::{simulate, simulate_many};
pub use prepare::Machine;
pub use run::{EngineKind, LinkLoad, Log, Run, SimOptions, Span, SpanKind};
