//! Traced programs: what a framework recorded while a network ran, as `torch.export` and ONNX hold it.
//!
//! A file's operations become a [`program`]; [`cell`] finds neurons by their equations, [`roll`] rolls up loops over time,
//! and [`emit`] and [`layer`] write the network. Which axis of a tensor is which is followed in [`layout`].

#![allow(clippy::float_cmp)] // constants of a file are compared to the last bit

pub(crate) mod build;
mod cell;
mod emit;
mod fold;
pub(crate) mod half;
mod layer;
mod layout;
mod poly;
pub(crate) mod program;
mod roll;
mod spike;

use crate::import::net::Net;
use crate::import::{refuse, without, Answer, Options, Reason};
use cell::Cells;
use emit::Emit;
use layout::{part, Value};
use program::{Id, Kind, Program};
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::dense::Dense;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::{Axis, Diagnostic, Graph, Op, Result};
use roll::{Job, Roll};
use std::collections::BTreeSet;

/// The network of a program; `what` names the kind of file.
pub(crate) fn translate(
    program: &Program,
    name: &str,
    what: &str,
    options: &Options,
    reasons: &mut Vec<Reason>,
) -> Result<Graph> {
    without(&[("--dt", options.dt.is_some()), ("--reset", options.reset.is_some())], what)?;
    let cells = cell::find(program);
    let steps = steps(program, &cells, what, options)?;
    let mut first = None;
    for (i, &output) in program.outputs.iter().enumerate() {
        let mut said = Vec::new();
        match attempt(program, &cells, steps, output, (name, what, options), &mut said) {
            Ok(mut graph) => {
                *reasons = said;
                if program.outputs.len() > 1 {
                    let text =
                        format!("{what}: output {} of the network is read, the others are left out", i + 1);
                    graph.assumptions.push(text);
                }
                return Ok(graph);
            }
            Err(d) => {
                if first.is_none() {
                    *reasons = said;
                    first = Some(d);
                }
            }
        }
    }
    Err(first.unwrap_or_else(|| {
        Diagnostic::new("E0513", "file", "the network returns nothing", "return its output")
    }))
}

/// One output of a program as a network.
fn attempt(
    program: &Program,
    cells: &Cells,
    steps: usize,
    output: Id,
    (name, what, options): (&str, &str, &Options),
    said: &mut Vec<Reason>,
) -> Result<Graph> {
    let at = program.nodes.iter().position(|n| n.kind == Kind::Input);
    let input = at
        .ok_or_else(|| Diagnostic::new("E0513", "file", "the network takes no input", "trace it with one"))?;
    let length = program.nodes.iter().any(|n| matches!(n.kind, Kind::Conv { rows: false, .. }));
    let mut emit = Emit { net: Net::default(), reasons: said, length, steps };
    let node = emit.fresh(&program.nodes[input].name);
    let (value, shape) = input_value(program, input, &emit, steps, &node)?;
    let stream = value.has(Axis::T) || !program.next.is_empty();
    let mut roll = Roll::new(program, cells, steps, emit, value);
    let (value, mut read) = read(&mut roll, output)?;
    let mut assumptions = Vec::new();
    let streams = value.has(Axis::T) || !program.next.is_empty();
    if read.is_some() || !streams {
        without(&[("--readout", options.answer.is_some())], what)?;
    } else {
        if options.answer.is_none() {
            assumptions.push(format!("{what}: the answer is the sum of the output over time (`--readout`)"));
        }
        read = Some(options.answer.unwrap_or(Answer::Sum));
    }
    if options.input.is_none() {
        assumptions.push(format!("{what}: the input carries event counts (`--input-kind`)"));
    }
    if !stream {
        assumptions.push(format!("{what}: the input is one frame, seen in every step"));
    }
    let mut net = roll.emit.net;
    let answer = match read {
        Some(answer) => {
            let own = net.fresh("readout");
            net.read_out(&own, value.node, answer)
        }
        None => value.node,
    };
    layers(&mut net);
    let kind = options.input.unwrap_or(InputKind::Counts);
    let mut graph = net.assemble(name, steps, (&node, shape, kind), &answer)?;
    graph.assumptions = assumptions;
    Ok(graph)
}

/// Timesteps: those of the layers of neurons, which must agree; asked for where a step is all there is.
fn steps(program: &Program, cells: &Cells, what: &str, options: &Options) -> Result<usize> {
    if !program.next.is_empty() {
        return crate::import::timesteps(options, &format!("{what} of a single step"));
    }
    let unrolled = cells.cells.iter().flatten().map(|c| c.spikes.len());
    let whole = program.nodes.iter().filter(|n| matches!(n.kind, Kind::Fire(_))).map(|n| n.shape[0]);
    let found: BTreeSet<usize> = unrolled.chain(whole).chain(chained(program)).filter(|&n| n > 1).collect();
    let neuron = || {
        let node = program.nodes.iter().find(|n| matches!(n.kind, Kind::Fire(_) | Kind::Compare { .. }));
        node.map(|n| n.name.as_str())
    };
    let steps = match (found.len(), neuron()) {
        (1, _) => found.first().copied().unwrap_or(1),
        (0, Some(name)) => {
            return Err(cells
                .cells
                .iter()
                .find_map(|c| c.as_ref().err().cloned())
                .unwrap_or_else(|| roll::frozen(name)))
        }
        (0, None) => {
            if let Some((name, what)) = unknown(program) {
                return Err(emit::unread(name, what));
            }
            return Err(Diagnostic::new(
                "E0513",
                "file",
                "there is no spiking neuron in it",
                "Pulvinar takes spiking networks; neurons are known as torch operations of SpikingJelly 2, or by their \
                 equations in a loop over time",
            ));
        }
        (_, _) => {
            return Err(Diagnostic::new(
                "E0514",
                "file",
                format!("layers of neurons run for different numbers of steps: {found:?}"),
                "trace the network with one number of timesteps",
            ))
        }
    };
    match options.timesteps {
        Some(given) if given != steps => Err(Diagnostic::new(
            "E0516",
            "`--timesteps`",
            format!("{given} steps given, and {what} holds {steps}"),
            "leave the option out, or trace the network over as many steps",
        )),
        _ => Ok(steps),
    }
}

/// Lengths of chains of single steps: the longest that ends at every operation with neurons.
fn chained(program: &Program) -> Vec<usize> {
    let mut length = vec![0usize; program.nodes.len()];
    for (id, node) in program.nodes.iter().enumerate() {
        length[id] = match node.kind {
            Kind::Fire(_) => 1 + length[node.inputs[1]],
            Kind::Left | Kind::View => length[node.inputs[0]],
            _ => 0,
        };
    }
    let fires =
        |id: &Id| matches!(program.nodes[*id].kind, Kind::Fire(_)) && program.nodes[*id].shape[0] == 1;
    let left = |n: &program::Node| {
        let mut at = n.inputs[1];
        while program.nodes[at].kind == Kind::View {
            at = program.nodes[at].inputs[0];
        }
        (program.nodes[at].kind == Kind::Left).then(|| program.nodes[at].inputs[0])
    };
    let goes_on: BTreeSet<Id> =
        (0..program.nodes.len()).filter(fires).filter_map(|i| left(&program.nodes[i])).collect();
    (0..program.nodes.len()).filter(fires).filter(|id| !goes_on.contains(id)).map(|id| length[id]).collect()
}

/// The first operation behind the outputs that is not read.
fn unknown(program: &Program) -> Option<(&str, &str)> {
    let mut needed = vec![false; program.nodes.len()];
    program.outputs.iter().for_each(|&id| needed[id] = true);
    for id in (0..program.nodes.len()).rev() {
        if needed[id] {
            program.nodes[id].inputs.iter().for_each(|&i| needed[i] = true);
        }
    }
    program.nodes.iter().zip(needed).filter(|(_, needed)| *needed).find_map(|(n, _)| match &n.kind {
        Kind::Unknown(what) => Some((n.name.as_str(), what.as_str())),
        _ => None,
    })
}

/// The input: which of its axes is time, and the shape of a step.
fn input_value(
    program: &Program,
    id: Id,
    emit: &Emit<'_>,
    steps: usize,
    node: &str,
) -> Result<(Value, [usize; 3])> {
    let (shape, name) = (program.shape(id), &program.nodes[id].name);
    let unfit = || {
        refuse(
            "E0514",
            name,
            format!("an input of shape {shape:?} for {steps} steps"),
            "trace with [T, B, C, H, W], [T, B, C, L] or [T, B, N], or one frame [B, C, H, W] or [B, N]",
        )
    };
    let time = if program.next.is_empty() { time_axis(program, id, steps) } else { None };
    let mut frame = shape.to_vec();
    if let Some(t) = time {
        frame.remove(t);
    }
    if frame.is_empty() || frame.len() > 4 || frame.contains(&0) {
        return Err(unfit());
    }
    let mut dims = emit.guess(&frame);
    let size = |axis: Axis| dims.iter().flatten().find(|p| p.0 == Some(axis)).map_or(1, |p| p.1);
    let chw = [size(Axis::C), size(Axis::H), size(Axis::W)];
    if let Some(t) = time {
        dims.insert(t, part(Axis::T, steps));
    }
    Ok((Value { node: node.to_owned(), dims, statistic: false }, chw))
}

/// The axis of the input that is time: the one that loops run along, or the first of as many entries as there are steps.
fn time_axis(program: &Program, id: Id, steps: usize) -> Option<usize> {
    let shape = program.shape(id);
    let users = || program.nodes.iter().filter(|n| n.inputs.contains(&id));
    let looped = users().find_map(|n| match n.kind {
        Kind::Select { dim, .. } if shape[dim] == steps => Some(dim),
        _ => None,
    });
    let repeated =
        users().any(|n| n.kind == Kind::Expand || (n.kind == Kind::View && n.shape.len() > shape.len()));
    let whole = program.nodes.iter().any(|n| match n.kind {
        Kind::Fire(_) => n.shape[0] == steps,
        Kind::Select { .. } => n.inputs[0] != id && program.nodes[n.inputs[0]].shape.contains(&steps),
        _ => false,
    });
    looped.or_else(|| {
        let first = shape.first() == Some(&steps) && (shape.len() == 5 || (whole && !repeated));
        let second = shape.len() > 2 && shape[1] == steps && shape.len() != 4;
        if first {
            Some(0)
        } else {
            (whole && second).then_some(1)
        }
    })
}

/// What is returned: a value, and what is made of it over time if the program says.
fn read(roll: &mut Roll<'_>, id: Id) -> Result<(Value, Option<Answer>)> {
    let program = roll.program;
    let node = &program.nodes[id];
    match &node.kind {
        Kind::View => {
            let inner = &program.nodes[node.inputs[0]];
            if matches!(inner.kind, Kind::Reduce { .. } | Kind::Add | Kind::Mul) {
                return read(roll, node.inputs[0]);
            }
        }
        Kind::Reduce { kind, dims, .. } if *kind != ReduceKind::Max => {
            let x = roll.run(Job::Whole(node.inputs[0]))?;
            let gone: Vec<_> = dims.iter().flat_map(|&d| x.dims[d].clone()).collect();
            if gone == part(Axis::T, roll.steps) {
                let answer = if *kind == ReduceKind::Mean { Answer::Mean } else { Answer::Sum };
                return Ok((x, Some(answer)));
            }
        }
        Kind::Mul => {
            let (a, b) = (node.inputs[0], node.inputs[1]);
            let scaled = [(a, b), (b, a)].into_iter().find_map(|(x, c)| Some((x, program.uniform(c)?)));
            if let Some((x, c)) =
                scaled.filter(|(x, _)| matches!(program.nodes[*x].kind, Kind::Reduce { .. } | Kind::Add))
            {
                return scaled_read(roll, x, c);
            }
        }
        Kind::Add => {
            let mut terms = Vec::new();
            leaves(program, id, &mut terms);
            terms.sort_unstable();
            if terms.len() == roll.steps {
                return Ok((roll.run(Job::Row(terms))?, Some(Answer::Sum)));
            }
        }
        _ => {}
    }
    Ok((roll.run(Job::Whole(id))?, None))
}

/// A readout times a constant: a mean where that is one, else a factor before the readout.
fn scaled_read(roll: &mut Roll<'_>, x: Id, c: f64) -> Result<(Value, Option<Answer>)> {
    let (value, answer) = read(roll, x)?;
    let mean = (c * roll.steps as f64 - 1.0).abs() < 1e-6;
    if answer == Some(Answer::Sum) && mean {
        return Ok((value, Some(Answer::Mean)));
    }
    let node = roll.emit.add("gain", &[&value], Affine { mul: c, add: 0.0 });
    Ok((Value { node, ..value }, answer))
}

/// Terms of a sum of values; at most one more than any number of steps.
fn leaves(program: &Program, id: Id, terms: &mut Vec<Id>) {
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        let node = &program.nodes[id];
        if node.kind == Kind::Add && terms.len() + open.len() <= 1 << 16 {
            open.extend(&node.inputs);
        } else {
            terms.push(id);
        }
    }
}

/// Maps of reduced values that end in no gate, as after pooling over all pixels, are layers.
fn layers(net: &mut Net) {
    let mut gated: BTreeSet<String> = BTreeSet::new();
    for i in (0..net.entries.len()).rev() {
        let (name, inputs, op) = &net.entries[i];
        let gate = matches!(op, Op::Mul(_)) || gated.contains(name);
        if gate && !matches!(op, Op::Neuron(_)) {
            gated.extend(inputs.iter().cloned());
        }
        if let (Op::Dense(Dense { weight, bias, axis: Axis::C }), false) = (op, gated.contains(name)) {
            let linear = Linear { weight: weight.clone(), bias: bias.clone() };
            net.entries[i].2 = linear.into();
        }
    }
}
