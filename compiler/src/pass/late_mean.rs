//! The mean over time in front of the last layers moves behind them, to the readout:
//!
//! ```text
//! readout(W·mean_{t,h,w}(x) + b) = mean_t(W·mean_{h,w}(x[t]) + b)
//! ```
//!
//! A chip sums a plane step by step as a layer; a mean over time would be a statistic, which never leaves its layer.

use super::edit::tidy;
use super::Context;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::{Axes, Axis, Graph, NodeId, Op, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    if let Some(mean) = graph.ids().find(|&id| is_last_mean(&graph, id)) {
        let output = graph.output.index();
        let axes = Axes::of(&[Axis::H, Axis::W]);
        graph.nodes[mean.index()].op = Reduce { kind: ReduceKind::Mean, axes }.into();
        graph.nodes[output].op = Readout { kind: ReadoutKind::Mean }.into();
    }
    tidy(&graph)
}

/// True for a mean over time and the plane that leads to the readout through linear layers only.
fn is_last_mean(graph: &Graph, id: NodeId) -> bool {
    let Op::Reduce(reduce) = &graph.node(id).op else { return false };
    if reduce.kind != ReduceKind::Mean || reduce.axes != Axes::of(&[Axis::T, Axis::H, Axis::W]) {
        return false;
    }
    let mut at = id;
    while at != graph.output {
        let mut readers = graph.ids().filter(|&r| graph.node(r).inputs.contains(&at));
        let Some(reader) = readers.next().filter(|_| readers.next().is_none()) else { return false };
        if !matches!(graph.node(reader).op, Op::Linear(_) | Op::Conv2d(_) | Op::Flatten(_) | Op::Readout(_)) {
            return false;
        }
        at = reader;
    }
    matches!(graph.node(at).op, Op::Readout(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use pulvinar_ir::op::input::{Input, InputKind};
    use pulvinar_ir::op::linear::Linear;
    use pulvinar_ir::{interpret, Level, Shape, Tensor, Value};

    fn net(axes: &[Axis]) -> Graph {
        let mut g = Graph::new("head", Level::Trained, 3);
        let input = Input { shape: [2, 4, 5], kind: InputKind::Counts, max: 0 };
        let x = g.push("input", input.into(), &[]).unwrap();
        let reduce = Reduce { kind: ReduceKind::Mean, axes: Axes::of(axes) };
        let x = g.push("mean", reduce.into(), &[x]).unwrap();
        let channels = g.node(x).ty.shape.c;
        let weights = [1.0, -2.0, 0.5, 3.0][..2 * channels].to_vec();
        let weight = g.insert_tensor("w", Tensor::real(vec![2, channels], weights));
        let bias = Some(g.insert_tensor("b", Tensor::real(vec![2], vec![0.25, -1.0])));
        let x = g.push("fc", Linear { weight, bias }.into(), &[x]).unwrap();
        g.push("output", Readout { kind: ReadoutKind::Sum }.into(), &[x]).unwrap();
        g
    }

    #[test]
    fn the_answer_stays() {
        let options = Options::default();
        let cx = Context { options: &options, calibration: None };
        let shape = Shape::new(3, 2, 4, 5);
        let input = Value::real(shape, (0..shape.len()).map(|k| (k * k % 7) as f64).collect());
        let before = net(&[Axis::T, Axis::H, Axis::W]);
        let after = run(&before, &cx).unwrap();
        assert_eq!(after.node(after.find("mean").unwrap()).ty.shape, Shape::new(3, 2, 1, 1));
        let (a, b) =
            (interpret::output(&before, &input).unwrap(), interpret::output(&after, &input).unwrap());
        assert_eq!(a.shape, b.shape);
        for (x, y) in a.reals().iter().zip(b.reals()) {
            assert!((x - y).abs() < 1e-12, "{x} {y}");
        }
        let statistic = net(&[Axis::T, Axis::C, Axis::H, Axis::W]);
        assert_eq!(run(&statistic, &cx).unwrap(), tidy(&statistic).unwrap());
    }
}
