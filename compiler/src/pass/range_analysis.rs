//! Infers every type anew: the proven range of every integer stream, hence the width of every accumulator.

use super::edit::tidy;
use super::Context;
use pulvinar_ir::{Graph, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    tidy(graph)
}
