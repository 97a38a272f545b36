//! The plain reference interpreter: values only, no notion of time on a chip. Runs both levels.

use crate::diag::{Diagnostic, Result};
use crate::graph::{Graph, Level, NodeId};
use crate::op::{EvalCx, Op};
use crate::shape::Elem;
use crate::tensor::{Data, Value};
use std::collections::BTreeMap;

/// Runs one sample; returns the value of every node, by id.
pub fn run(graph: &Graph, input: &Value) -> Result<Vec<Value>> {
    check_input(graph, input)?;
    Ok(settle(graph, input, vec![None; graph.nodes.len()]))
}

/// Runs one sample with some nodes held at given values, whatever they would compute.
///
/// Refuses a given value of another shape (E0401).
pub fn run_with(graph: &Graph, input: &Value, given: &BTreeMap<NodeId, Value>) -> Result<Vec<Value>> {
    check_input(graph, input)?;
    let mut values = vec![None; graph.nodes.len()];
    for (&id, value) in given {
        let node = graph.node(id);
        if node.ty.shape != value.shape {
            let message = format!("the given value is {} and the node's {}", value.shape, node.ty.shape);
            let place = format!("node `{}`", node.name);
            return Err(Diagnostic::new("E0401", place, message, "give values of the nodes' shapes"));
        }
        values[id.index()] = Some(value.clone());
    }
    Ok(settle(graph, input, values))
}

/// Runs one sample and returns the output node's value.
pub fn output(graph: &Graph, input: &Value) -> Result<Value> {
    Ok(run(graph, input)?.swap_remove(graph.output.index()))
}

/// Value of a node of a graph whose first nodes have the given values.
pub(crate) fn value_from(graph: &Graph, given: &[&Value], wanted: NodeId) -> Value {
    let mut values: Vec<Option<Value>> = given.iter().map(|&v| Some(v.clone())).collect();
    values.resize(graph.nodes.len(), None);
    settle(graph, given[0], values).swap_remove(wanted.index())
}

/// Values of all nodes; those that are there already are kept.
///
/// A graph with feedback through `delay` is evaluated again, where operands have changed, until nothing changes. A cycle
/// whose other operands are final has one more exact step after each round, so T rounds a cycle are enough.
fn settle(graph: &Graph, input: &Value, mut values: Vec<Option<Value>>) -> Vec<Value> {
    let own: Vec<NodeId> = graph.ids().filter(|id| values[id.index()].is_none()).collect();
    let feedback: Vec<NodeId> =
        graph.ids().flat_map(|id| graph.node(id).inputs.iter().copied().filter(move |&i| i >= id)).collect();
    let mut changed = vec![false; graph.nodes.len()];
    for round in 0..=feedback.len() * graph.timesteps {
        for &id in &own {
            let stale = round == 0 || graph.node(id).inputs.iter().any(|i| changed[i.index()]);
            let new = stale.then(|| eval(graph, id, input, &values));
            changed[id.index()] = stale && new != values[id.index()];
            if stale {
                values[id.index()] = new;
            }
        }
        if !feedback.iter().any(|i| changed[i.index()]) {
            break;
        }
    }
    values.into_iter().map(|v| v.expect("the first round gives every node its value")).collect()
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
            // Feedback that has not been computed yet: zeros, corrected by the next round.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::add::Add;
    use crate::op::delay::Delay;
    use crate::op::dense::Dense;
    use crate::op::input::{Input, InputKind};
    use crate::shape::{Axis, Shape, Type};
    use crate::tensor::Tensor;

    /// Pushes `y = x + delay(y)`.
    fn running_sum(g: &mut Graph, name: &str, x: NodeId) -> NodeId {
        let (ty, id) = (g.node(x).ty.clone(), g.nodes.len() as u32);
        let back = g.push_typed(&format!("{name}.back"), Delay {}.into(), &[NodeId(id + 1)], ty.clone());
        g.push_typed(name, Add {}.into(), &[x, back], ty)
    }

    #[test]
    fn a_cycle_behind_a_map_over_time_sees_the_final_value_of_the_one_before() {
        const T: usize = 5;
        let mut g = Graph::new("sums", Level::Trained, T);
        let input = Input { shape: [1, 1, 1], kind: InputKind::Real, max: 0 };
        let x = g.push("input", input.into(), &[]).unwrap();
        let first = running_sum(&mut g, "first", x);
        let reversed = (0..T * T).map(|i| f32::from(u8::from(i / T + i % T == T - 1))).collect();
        g.tensors.insert("reversed".to_owned(), Tensor::real(vec![T, T], reversed));
        let dense = Dense { weight: "reversed".to_owned(), bias: None, axis: Axis::T };
        let turned = g.push("turned", dense.into(), &[first]).unwrap();
        running_sum(&mut g, "second", turned);
        crate::verify::verify(&g).unwrap();
        let shape = Shape::new(T, 1, 1, 1);
        assert_eq!(g.node(g.output).ty, Type::real(shape));
        let y = output(&g, &Value::real(shape, vec![1.0, 2.0, 3.0, 4.0, 5.0])).unwrap();
        // Running sums 1 3 6 10 15, turned round and summed again.
        assert_eq!(y.reals(), [15.0, 25.0, 31.0, 34.0, 35.0]);
    }
}
