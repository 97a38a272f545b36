//! `.pt2` archives of `torch.export`: a zip of `models/model.json` (the traced graph) and raw weights. No Python is needed.
//!
//! [`zip`] reads the container, [`file`] its graph and weights, [`call`] an operation's arguments; [`aten`] and [`shapes`]
//! hold a line an operation, [`neuron`] those of SpikingJelly 2. The rest is shared with ONNX: [`crate::traced`].

mod aten;
mod call;
mod file;
mod neuron;
mod shapes;
mod zip;

use crate::import::{Format, Options, Reason, Written};
use crate::traced;
use pulvinar_ir::{Graph, Result};

/// torch.export among the formats that are read.
pub const FORMAT: Format = Format { name: "pt2", extension: "pt2", recognises: zip::recognises, read };

fn read(name: &str, bytes: &[u8], options: &Options, reasons: &mut Vec<Reason>) -> Result<(Graph, Written)> {
    let (file, written) = file::open(bytes)?;
    let program = file.program()?;
    let graph = traced::translate(&program, name, "torch.export", options, reasons)?;
    Ok((graph, written))
}
