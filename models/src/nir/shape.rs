//! Shapes of a NIR graph, without a batch or time axis: `[N]`, `[C, L]` or `[C, H, W]`.

use super::flat::Flat;
use super::neuron::{spikes, PARAMETERS};
use super::param::{refuse, Fields};
use super::window;
use pulvinar_ir::{Diagnostic, Result};

/// Shape of every node's value.
pub(super) fn infer(flat: &Flat<'_>, order: &[usize]) -> Result<Vec<Vec<usize>>> {
    let incoming = flat.incoming();
    let mut shapes: Vec<Option<Vec<usize>>> = vec![None; flat.nodes.len()];
    // Feedback makes a shape known late; every round settles at least one more node.
    for _ in 0..=flat.nodes.len() {
        let mut changed = false;
        for &i in order {
            if shapes[i].is_some() {
                continue;
            }
            let input = incoming[i].iter().find_map(|&e| shapes[flat.edges[e].0].as_deref());
            let new = output(flat.fields(i), input)?;
            changed |= new.is_some();
            shapes[i] = new;
        }
        if !changed {
            break;
        }
    }
    let unknown = shapes.iter().position(Option::is_none);
    if let Some(i) = unknown {
        return Err(mismatch(flat.fields(i), "its shape follows from nothing".to_owned()));
    }
    let shapes: Vec<Vec<usize>> = shapes.into_iter().flatten().collect();
    for &(from, to) in &flat.edges {
        let first = &shapes[flat.edges[incoming[to][0]].0];
        if chw(first) != chw(&shapes[from]) {
            let text = format!("its inputs have the shapes {first:?} and {:?}", shapes[from]);
            return Err(mismatch(flat.fields(to), text));
        }
    }
    Ok(shapes)
}

/// A refusal because of shapes.
pub(super) fn mismatch(fields: Fields<'_>, message: String) -> Diagnostic {
    refuse(
        "E0514",
        fields.name,
        message,
        "correct the layer or its neighbours; shapes have no batch and no time axis: [N], [C, L] or [C, H, W]",
    )
}

/// Sizes without those of 1.
pub(super) fn squeezed(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&n| n != 1).collect()
}

/// Channels, rows, columns.
pub(super) fn chw(shape: &[usize]) -> [usize; 3] {
    match *shape {
        [c, l] => [c, 1, l],
        [c, h, w] => [c, h, w],
        _ => [shape.iter().product(), 1, 1],
    }
}

fn declared(fields: Fields<'_>, key: &str) -> Result<Vec<usize>> {
    let shape = fields.sizes(key)?;
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if shape.len() > 3 || !count.is_some_and(|n| (1..=1 << 28).contains(&n)) {
        return Err(mismatch(
            fields,
            format!("shape {shape:?} is empty, absurdly large or of more than 3 axes"),
        ));
    }
    Ok(shape)
}

/// Shape of a node's value, if it is known yet.
fn output(fields: Fields<'_>, input: Option<&[usize]>) -> Result<Option<Vec<usize>>> {
    let kind = fields.node.kind.as_str();
    if kind == "Input" {
        return declared(fields, "shape").map(Some);
    }
    let own = match kind {
        "Affine" | "Linear" => Some(vec![fields.ranked("weight", 2)?.shape[0]]),
        _ => None,
    };
    let Some(input) = input else {
        return Ok(own.or_else(|| parameter_shape(fields)));
    };
    match kind {
        "Affine" | "Linear" => {
            let weight = &fields.ranked("weight", 2)?.shape;
            if squeezed(input) != squeezed(&weight[1..]) {
                let text = format!("weights {weight:?} do not fit an input of shape {input:?}");
                return Err(mismatch(fields, text));
            }
            Ok(own)
        }
        "Conv1d" | "Conv2d" | "AvgPool2d" | "SumPool2d" => window::output(fields, input).map(Some),
        "Flatten" => {
            let first = fields.axis("start_dim", 1.0, input.len())?;
            let last = fields.axis("end_dim", -1.0, input.len())?;
            if first > last {
                return Err(mismatch(fields, format!("axes {first} to {last} are none")));
            }
            let joined = input[first..=last].iter().product();
            Ok(Some([&input[..first], &[joined], &input[last + 1..]].concat()))
        }
        "Output" => match fields.node.params.get("shape") {
            Some(_) if squeezed(&declared(fields, "shape")?) != squeezed(input) => {
                Err(mismatch(fields, format!("it declares another shape than the {input:?} it gets")))
            }
            _ => Ok(Some(input.to_vec())),
        },
        _ => Ok(Some(input.to_vec())),
    }
}

/// Shape of the first parameter that is an array of a node that keeps shapes.
fn parameter_shape(fields: Fields<'_>) -> Option<Vec<usize>> {
    let keeps = spikes(&fields.node.kind) || matches!(fields.node.kind.as_str(), "I" | "LI" | "CubaLI");
    let arrays = PARAMETERS.iter().filter_map(|key| fields.numbers(key).ok());
    keeps.then(|| arrays.map(|a| a.shape.clone()).find(|s| (1..=3).contains(&s.len()))).flatten()
}
