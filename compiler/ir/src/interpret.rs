//! The plain reference interpreter: values only, no notion of time on a chip. Runs both levels.

use crate::diag::{Diagnostic, Result};
use crate::graph::{Graph, Level, NodeId};
use crate::op::{EvalCx, Op};
use crate::shape::Elem;
use crate::tensor::{Data, Value};

/// Runs one sample; returns the value of every node, by id.
///
/// A graph with feedback through `delay` is iterated once a timestep: iteration k makes steps 0..k exact.
pub fn run(graph: &Graph, input: &Value) -> Result<Vec<Value>> {
    check_input(graph, input)?;
    let feedback = graph.ids().any(|id| graph.node(id).inputs.iter().any(|&i| i >= id));
    let mut values: Vec<Option<Value>> = vec![None; graph.nodes.len()];
    for _ in 0..if feedback { graph.timesteps } else { 1 } {
        for id in graph.ids() {
            values[id.index()] = Some(eval(graph, id, input, &values));
        }
    }
    Ok(values.into_iter().flatten().collect())
}

/// Runs one sample and returns the output node's value.
pub fn output(graph: &Graph, input: &Value) -> Result<Value> {
    Ok(run(graph, input)?.swap_remove(graph.output.index()))
}

/// Value of a node of a graph without feedback, whose first nodes have the given values.
pub(crate) fn value_from(graph: &Graph, given: &[&Value], wanted: NodeId) -> Value {
    let mut values: Vec<Option<Value>> = given.iter().map(|&v| Some(v.clone())).collect();
    for id in graph.ids().skip(given.len()) {
        let value = eval(graph, id, given[0], &values);
        values.push(Some(value));
    }
    values.swap_remove(wanted.index()).expect("every node has its value")
}

fn eval(graph: &Graph, id: NodeId, input: &Value, values: &[Option<Value>]) -> Value {
    let node = graph.node(id);
    let zero;
    let mut operands: Vec<&Value> = Vec::with_capacity(node.inputs.len());
    let types: Vec<_> = node.inputs.iter().map(|i| &graph.node(*i).ty).collect();
    if matches!(node.op, Op::Input(_)) {
        operands.push(input);
    } else if let [source] = node.inputs[..] {
        if let Some(v) = &values[source.index()] {
            operands.push(v);
        } else {
            // Feedback that has not been computed yet: zeros, corrected by the next iteration.
            let shape = graph.node(source).ty.shape;
            zero = match graph.node(source).ty.elem {
                Elem::Real => Value::real(shape, vec![0.0; shape.len()]),
                Elem::Int(_) => Value::int(shape, vec![0; shape.len()]),
            };
            operands.push(&zero);
        }
    } else {
        operands.extend(
            node.inputs
                .iter()
                .map(|i| values[i.index()].as_ref().expect("the verifier proves topological order")),
        );
    }
    node.op.rule().eval(&EvalCx { inputs: &operands, types: &types, ty: &node.ty, tensors: &graph.tensors })
}

/// Refuses an input of another shape, level or range.
pub fn check_input(graph: &Graph, input: &Value) -> Result<()> {
    let place = "network input";
    let node = graph.input().ok_or_else(|| {
        Diagnostic::new("E0106", &graph.name, "the graph has no input", "add an input node")
    })?;
    let ty = &graph.node(node).ty;
    if ty.shape != input.shape {
        return Err(Diagnostic::new(
            "E0401",
            place,
            format!(
                "input is {} and the network takes {} (timesteps, channels, rows, columns)",
                input.shape, ty.shape
            ),
            "give frames of the network's shape",
        ));
    }
    match (&input.data, &ty.elem, graph.level) {
        (Data::Real(v), Elem::Real, Level::Trained) => {
            if let Some(i) = v.iter().position(|x| !x.is_finite()) {
                return Err(Diagnostic::new(
                    "E0402",
                    place,
                    format!("element {i} is not finite"),
                    "clean the data",
                ));
            }
        }
        (Data::Int(v), Elem::Int(t), Level::Flow) => {
            if let Some(i) = v.iter().position(|&x| x < t.lo || x > t.hi) {
                return Err(Diagnostic::new(
                    "E0402",
                    place,
                    format!("element {i} is {} and the input stream carries {}..{}", v[i], t.lo, t.hi),
                    "calibrate the quantiser on inputs with the full range, or clip the data",
                ));
            }
        }
        _ => {
            return Err(Diagnostic::new(
                "E0401",
                place,
                "reals and integers are mixed",
                "give integers to a flow graph and reals to a trained one",
            ))
        }
    }
    Ok(())
}
