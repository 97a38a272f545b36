//! Windows of convolutions and pools: what a node says, in rows and columns.

use super::param::{refuse, Fields};
use super::shape::{chw, mismatch};
use pulvinar_ir::op::window::same_padding;
use pulvinar_ir::Result;

/// Geometry; padding is top, bottom, left, right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 4],
    pub dilation: [usize; 2],
}

/// Geometry of a convolution or pool.
pub(super) fn geometry(fields: Fields<'_>) -> Result<Geometry> {
    let kind = fields.node.kind.as_str();
    let row = |n: usize| [1, n];
    let (kernel, stride, dilation) = match kind {
        "Conv1d" => {
            let weight = &fields.ranked("weight", 3)?.shape;
            (row(weight[2]), row(fields.size("stride")?), row(fields.size("dilation")?))
        }
        "Conv2d" => {
            let weight = &fields.ranked("weight", 4)?.shape;
            ([weight[2], weight[3]], fields.pair("stride")?, fields.pair("dilation")?)
        }
        _ => (fields.pair("kernel_size")?, fields.pair("stride")?, [1, 1]),
    };
    if [kernel, stride, dilation].concat().iter().any(|&n| n == 0 || n > 1 << 16) {
        return Err(mismatch(fields, "kernel, stride or dilation is 0 or absurdly large".to_owned()));
    }
    let padding = match fields.text("padding") {
        Some("valid") => [0; 4],
        Some("same") => same(fields, kernel, stride, dilation)?,
        Some(other) => {
            return Err(refuse(
                "E0511",
                fields.name,
                format!("padding `{other}` is not known"),
                "use numbers, `same` or `valid`",
            ))
        }
        None if kind == "Conv1d" => [0, 0, fields.size("padding")?, fields.size("padding")?],
        None => {
            let [rows, columns] = fields.pair("padding")?;
            [rows, rows, columns, columns]
        }
    };
    Ok(Geometry { kernel, stride, padding, dilation })
}

fn same(
    fields: Fields<'_>,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
) -> Result<[usize; 4]> {
    if stride != [1, 1] {
        return Err(refuse(
            "E0515",
            fields.name,
            format!("padding `same` with stride {stride:?} has no fixed meaning"),
            "write the padding as numbers",
        ));
    }
    let axis = |i: usize| same_padding(dilation[i] * (kernel[i] - 1) + 1);
    let ((top, bottom), (left, right)) = (axis(0), axis(1));
    Ok([top, bottom, left, right])
}

/// Shape of the result.
pub(super) fn output(fields: Fields<'_>, input: &[usize]) -> Result<Vec<usize>> {
    let kind = fields.node.kind.as_str();
    let one = kind == "Conv1d";
    if input.len() != if one { 2 } else { 3 } {
        return Err(mismatch(fields, format!("a {kind} does not take an input of shape {input:?}")));
    }
    let g = geometry(fields)?;
    let [c, h, w] = chw(input);
    let size = |n: usize, before: usize, after: usize, i: usize| {
        let span = g.dilation[i] * (g.kernel[i] - 1) + 1;
        (n + before + after).checked_sub(span).map(|rest| rest / g.stride[i] + 1)
    };
    let (rows, columns) = (size(h, g.padding[0], g.padding[1], 0), size(w, g.padding[2], g.padding[3], 1));
    let (Some(rows), Some(columns)) = (rows, columns) else {
        return Err(mismatch(
            fields,
            format!("its window is larger than the padded input of shape {input:?}"),
        ));
    };
    if !kind.starts_with("Conv") {
        return Ok(vec![c, rows, columns]);
    }
    let (weight, groups) = (&fields.numbers("weight")?.shape, fields.size("groups")?);
    if weight[1].checked_mul(groups) != Some(c) || weight[0] == 0 || weight[0] % groups.max(1) != 0 {
        return Err(mismatch(
            fields,
            format!("weights {weight:?} in {groups} group(s) do not fit an input of shape {input:?}"),
        ));
    }
    Ok(if one { vec![weight[0], columns] } else { vec![weight[0], rows, columns] })
}
