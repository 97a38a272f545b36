//! `.pt2` archives of `torch.export`: a zip of `models/model.json` (the traced graph) and raw weights. No Python is needed.
//!
//! [`zip`] reads the container, [`file`] its graph and weights, [`call`] an operation's arguments; [`aten`] and [`shapes`]
//! hold a line an operation, [`neuron`] those of SpikingJelly 2. The rest is shared with ONNX: [`crate::traced`].

#![allow(clippy::float_cmp)] // constants of a file are compared to the last bit

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

/// The text of an archive's graph, as [`import_graph`] takes it.
pub fn graph_text(archive: &[u8]) -> Result<Vec<u8>> {
    file::text(archive)
}

/// The network of another graph with the weights of an archive: to look at what an edit of the text does.
pub fn import_graph(archive: &[u8], text: &[u8], options: &Options) -> Result<Graph> {
    let (file, _) = file::open(archive, Some(text))?;
    traced::translate(&file.program()?, "graph", "torch.export", options, &mut Vec::new())
}

fn read(name: &str, bytes: &[u8], options: &Options, reasons: &mut Vec<Reason>) -> Result<(Graph, Written)> {
    let (file, written) = file::open(bytes, None)?;
    let program = file.program()?;
    let graph = traced::translate(&program, name, "torch.export", options, reasons)?;
    Ok((graph, written))
}
