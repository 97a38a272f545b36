//! What the attention engine does in how many cycles (docs/machine.md §8).

use super::refuse;
use pulvinar_ir::{Axis, Graph, NodeId, Op, Result, Stage};

/// Cycles an operation of the attention engine takes beside its work.
const OPERATION_OVERHEAD_CYCLES: u64 = 4;

/// Elementary operations of a node: outputs times inputs of one output.
pub fn attention_work(graph: &Graph, id: NodeId) -> u64 {
    graph.node(id).ty.shape.len() as u64 * reduction(graph, id)
}

/// Elements folded into one output of a node, one a cycle and lane.
fn reduction(graph: &Graph, id: NodeId) -> u64 {
    let node = graph.node(id);
    let operand = |i: usize| graph.node(node.inputs[i]).ty.shape;
    let elements = match &node.op {
        Op::Dense(d) if d.axis == Axis::T => operand(0).t,
        Op::Dense(_) => operand(0).c,
        Op::Conv2d(c) => graph.tensors[&c.weight].shape[1..].iter().product(),
        Op::Conv1d(c) => graph.tensors[&c.weight].shape[1..].iter().product(),
        Op::Matmul(m) => m.terms(operand(0)),
        Op::Reduce(_) => operand(0).len() / node.ty.shape.len(),
        // Every value meets every other one of its line.
        Op::TopK(top) => operand(0).dims()[top.axis as usize],
        _ => 1,
    };
    elements as u64
}

/// Cycles of one operation: lanes work on neighbouring outputs, each on its own inputs.
fn operation_cycles(outputs: usize, reduction: u64, lanes: u64) -> u64 {
    OPERATION_OVERHEAD_CYCLES + (outputs as u64).div_ceil(lanes) * reduction
}

/// Cycles in which the attention engine merges a tap's own and arrived statistics into its operands.
pub fn merge_cycles(graph: &Graph, tap: NodeId, lanes: u64) -> u64 {
    operation_cycles(graph.node(tap).ty.shape.len(), 1, lanes)
}

/// Cycles of a node in the attention engine; a concatenation is one operation an operand. Outside the sequence (`outside`)
/// there is nothing to fold, and each operation writes zeros.
pub fn node_cycles(graph: &Graph, id: NodeId, lanes: u64, outside: bool) -> u64 {
    let node = graph.node(id);
    if let Op::Concat(_) = node.op {
        let copy = |i: &NodeId| operation_cycles(graph.node(*i).ty.shape.len(), 1, lanes);
        return node.inputs.iter().map(copy).sum();
    }
    operation_cycles(node.ty.shape.len(), if outside { 1 } else { reduction(graph, id) }, lanes)
}

/// Cycles in which the kept steps of a value move on by one: all but the last one made are written.
pub fn shift_cycles(graph: &Graph, id: NodeId, depth: usize, lanes: u64) -> u64 {
    operation_cycles((depth - 1) * graph.node(id).ty.shape.len(), 1, lanes)
}

/// Every operand of a small node must be a statistic or a small node made before it.
pub fn check_programs(graph: &Graph, stage: &Stage) -> Result<()> {
    let mut known: Vec<NodeId> = Vec::new();
    for pass in &stage.passes {
        known.extend(&pass.taps);
        for &id in &pass.program {
            let node = graph.node(id);
            if node.inputs.iter().any(|i| !known.contains(i)) {
                let message =
                    format!("`{}` reads a value that its attention program does not have", node.name);
                return Err(refuse(&stage.name, message, "build programs with the mapper"));
            }
            known.push(id);
        }
    }
    Ok(())
}
