//! The contract of Pulvinar: graph, architecture, program, trace and counts, with verifiers and text forms.
//!
//! No I/O, no clock, no randomness. Every other crate depends on this one and on no sibling.

pub mod arch;
pub mod counts;
pub mod diag;
pub mod graph;
pub mod interpret;
pub mod op;
pub mod program;
pub mod schedule;
pub mod scope;
pub mod shape;
pub mod tensor;
pub mod text;
pub mod trace;
pub mod verify;

pub use arch::Arch;
pub use counts::{Activity, Counts};
pub use diag::{Diagnostic, Result};
pub use graph::{Graph, Level, Node, NodeId};
pub use op::Op;
pub use program::{
    Endpoint, Pass, Phase, Program, Slice, Stage, StageId, Strategy, Stream, StreamKind, Synapse,
};
pub use schedule::Schedule;
pub use scope::Scope;
pub use shape::{Axes, Axis, Elem, IntType, Shape, Type};
pub use tensor::{Data, Tensor, TensorData, Value};
pub use trace::Trace;
