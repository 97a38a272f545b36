//! Puts the expansion of every module in its place: attention as reductions, small dense layers, sigmoids and products.

use super::edit::{replace, tidy};
use super::Context;
use pulvinar_ir::op::expand::expand;
use pulvinar_ir::{Graph, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    // An expansion may hold modules in turn.
    loop {
        let mut changed = false;
        for id in graph.ids() {
            let node = graph.node(id).clone();
            if let Some(new) = expand(&mut graph, &node) {
                replace(&mut graph, id, new?);
                changed = true;
            }
        }
        graph = tidy(&graph)?;
        if !changed {
            return Ok(graph);
        }
    }
}
