//! Proven widths of accumulators and membranes.

use super::cluster::Cluster;
use super::connectivity::Connectivity;
use super::roles::refuse;
use pulvinar_ir::op::lif::{Lif, LifRanges};
use pulvinar_ir::{Graph, IntType, NodeId, Op, Result, Synapse};

/// Bits of an accumulator: every partial sum of the synapses in any order of events; the bias is added in the sweep
/// and not counted.
pub fn accumulator_bits(graph: &Graph, synapses: &[Synapse]) -> Result<u32> {
    let (mut lo, mut hi) = (0, 0);
    for (i, synapse) in synapses.iter().enumerate() {
        // The operands of a concatenation share no accumulator.
        if synapses[..i].iter().any(|s| s.node == synapse.node) {
            continue;
        }
        let (l, h) = sum_range(graph, synapse)?;
        (lo, hi) = (lo + l, hi + h);
    }
    Ok(IntType::new(lo, hi, 1.0).bits())
}

/// Smallest and largest partial sum of one synapse layer, over all its outputs.
fn sum_range(graph: &Graph, synapse: &Synapse) -> Result<(i64, i64)> {
    let node = graph.node(synapse.node);
    let concat = matches!(node.op, Op::Concat(_));
    let x = graph.ty(if concat { synapse.node } else { synapse.source })?.as_int(&node.name)?;
    let (lo, hi) = (x.lo.min(0), x.hi.max(0));
    let row = |weights: &mut dyn Iterator<Item = i64>| {
        weights.fold((0, 0), |(l, h), w| (l + (w * lo).min(w * hi), h + (w * lo).max(w * hi)))
    };
    let widest = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
    Ok(match Connectivity::of(graph, synapse) {
        Connectivity::Conv { .. } | Connectivity::Linear { .. } => {
            let weight = &graph.tensors[weight_name(&node.op).expect("conv2d and linear have weights")];
            let values = weight.as_int().expect("level flow");
            let per_output = (values.len() / weight.shape[0].max(1)).max(1);
            values
                .chunks_exact(per_output)
                .map(|r| row(&mut r.iter().map(|&w| w.into())))
                .fold((0, 0), widest)
        }
        Connectivity::Sparse { targets, outputs } => {
            let weight = graph.tensors[weight_name(&node.op).expect("sparse has weights")]
                .as_int()
                .expect("level flow");
            let mut sums = vec![(0i64, 0i64); outputs];
            for (&j, &w) in targets.iter().zip(weight) {
                let (l, h) = row(&mut std::iter::once(i64::from(w)));
                let sum = &mut sums[j as usize];
                *sum = (sum.0 + l, sum.1 + h);
            }
            sums.into_iter().fold((0, 0), widest)
        }
        Connectivity::Pool { window, max: false } if !window.transposed => {
            let n = (window.kernel[0] * window.kernel[1]) as i64;
            (lo * n, hi * n)
        }
        Connectivity::Pool { .. } | Connectivity::Identity { .. } => (lo, hi),
    })
}

/// Bits of the value that a stage holds, 0 if it holds none; it may not fire or sum beside.
fn held_bits(graph: &Graph, cluster: &Cluster) -> Result<u32> {
    let is_held = |i: &&NodeId| matches!(graph.node(**i).op, Op::Hold(_));
    let Some(&held) = cluster.full.iter().find(is_held) else { return Ok(0) };
    let other = |&id: &NodeId| {
        id != held && matches!(graph.node(id).op, Op::Hold(_) | Op::Carry(_) | Op::Lif(_) | Op::Accumulate(_))
    };
    if cluster.full.iter().any(other) {
        return Err(refuse(
            graph,
            held,
            "holds a value in a layer that has another memory an element",
            "compile without `direct`, or put a layer between",
        ));
    }
    match graph.ty(held)?.as_int(&graph.node(held).name)?.bits() {
        bits @ 0..=32 => Ok(bits),
        bits => Err(refuse(
            graph,
            held,
            format!("holds values of {bits} bits, and the memory has 32"),
            "use fewer weight bits, or compile without `direct`",
        )),
    }
}

/// Name of a synapse layer's weight tensor.
pub fn weight_name(op: &Op) -> Option<&str> {
    match op {
        Op::Sparse(a) => Some(&a.weight),
        _ => op.weights().map(|w| w.0),
    }
}

/// Bits of one membrane potential, sum over time (with a train) or held value; 0 if nothing is remembered. A stage remembers one value
/// an element.
pub fn state_bits(graph: &Graph, cluster: &Cluster) -> Result<u32> {
    let held = held_bits(graph, cluster)?;
    let carry = cluster.full.iter().find(|i| matches!(graph.node(**i).op, Op::Carry(_)));
    if let Some(&id) = carry {
        return Ok(graph.ty(id)?.as_int(&graph.node(id).name)?.bits());
    }
    let node = graph.node(cluster.output);
    if let Op::Accumulate(sum) = &node.op {
        let x = graph.ty(node.inputs[0])?.as_int(&node.name)?;
        let (lo, hi) = sum.range(x.lo, x.hi);
        return Ok(IntType::new(lo, hi, 1.0).bits());
    }
    if let Op::RadixCode(code) = &node.op {
        let x = graph.ty(node.inputs[0])?.as_int(&node.name)?;
        let (lo, hi) = code.range(x.lo, x.hi);
        return Ok(IntType::new(lo, hi, 1.0).bits() + code.window as u32);
    }
    let Op::Lif(lif) = &node.op else { return Ok(held) };
    if !lif.has_memory() {
        return Ok(0);
    }
    let (lo, hi) = ranges(graph, cluster.output, lif)?.membrane;
    Ok(IntType::new(lo, hi, 1.0).bits())
}

/// Bits that a neuron keeps beside its membrane potential: synaptic current, last emission, sum of emissions.
pub fn other_state_bits(graph: &Graph, output: NodeId) -> Result<u32> {
    let Op::Lif(lif) = &graph.node(output).op else { return Ok(0) };
    if !lif.has_memory() {
        return Ok(0);
    }
    let current = if lif.current.is_some() {
        let (lo, hi) = ranges(graph, output, lif)?.current;
        IntType::new(lo, hi, 1.0).bits()
    } else {
        0
    };
    Ok(current + lif.emission_bits())
}

fn ranges(graph: &Graph, id: NodeId, lif: &Lif) -> Result<LifRanges> {
    let node = graph.node(id);
    let int = graph.ty(node.inputs[0])?.as_int(&node.name)?;
    let table = lif.table(None, |n| &graph.tensors[n]);
    Ok(lif.state_ranges(&table, (int.lo, int.hi), graph.timesteps))
}
