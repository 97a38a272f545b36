//! ONNX files of networks traced over all timesteps: the loop is unrolled in them, every step a copy.
//!
//! [`wire`] reads the container, [`file`] its graph; [`ops`] and [`shapes`] hold a line an operation. The rest is shared with
//! torch.export: [`crate::traced`]. A graph of one step is refused, unless its potentials come in and go out: exporters set a
//! potential that is kept elsewhere to its first value.

#![allow(clippy::float_cmp)] // constants of a file are compared to the last bit

mod file;
mod ops;
mod shapes;
mod wire;

use crate::import::{Format, Options, Reason, Written};
use crate::traced;
use pulvinar_ir::{Graph, Result};

/// ONNX among the formats that are read.
pub const FORMAT: Format = Format { name: "onnx", extension: "onnx", recognises: wire::recognises, read };

fn read(name: &str, bytes: &[u8], options: &Options, reasons: &mut Vec<Reason>) -> Result<(Graph, Written)> {
    let model = wire::model(bytes)?;
    let written = Written { version: format!("opset {}", model.opset), framework: model.producer.clone() };
    let program = file::program(&model)?;
    let graph = traced::translate(&program, name, "ONNX", options, reasons)?;
    Ok((graph, written))
}
