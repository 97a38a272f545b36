//! A network in the making, by names.

use crate::native::order::{append, Entry};
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::verify::verify;
use pulvinar_ir::{Graph, Level, Op, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet};

use super::Answer;

/// A network in the making.
#[derive(Default)]
pub(crate) struct Net {
    /// Names, names of inputs, ops.
    pub entries: Vec<(String, Vec<String>, Op)>,
    tensors: BTreeMap<String, Tensor>,
    taken: BTreeSet<String>,
    counters: BTreeMap<String, usize>,
}

/// A name of letters, digits, `_` and `.`, of at most 200.
pub(crate) fn clean(name: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' };
    name.chars().map(good).take(200).collect()
}

impl Net {
    /// A name not taken yet: `base`, or `base.1`, `base.2` ...
    pub fn fresh(&mut self, base: &str) -> String {
        let next = self.counters.entry(base.to_owned()).or_default();
        let mut name = if *next == 0 { base.to_owned() } else { format!("{base}.{next}") };
        while !self.taken.insert(name.clone()) {
            *next += 1;
            name = format!("{base}.{next}");
        }
        name
    }
    /// Adds a node under a name that is its own.
    pub fn node(&mut self, name: &str, inputs: Vec<String>, op: impl Into<Op>) {
        self.entries.push((name.to_owned(), inputs, op.into()));
    }
    /// Adds a node under a fresh name and gives it.
    pub fn helper(&mut self, base: &str, inputs: Vec<String>, op: impl Into<Op>) -> String {
        let name = self.fresh(base);
        self.node(&name, inputs, op);
        name
    }
    /// Adds a tensor and gives its name.
    pub fn tensor(&mut self, name: &str, shape: Vec<usize>, values: Vec<f32>) -> String {
        self.tensors.insert(name.to_owned(), Tensor::real(shape, values));
        name.to_owned()
    }
    /// Adds what is made of an output, under a name that is its own.
    pub fn read_out(&mut self, name: &str, output: String, answer: Answer) -> String {
        let kind = match answer {
            Answer::Stream => return output,
            Answer::Mean => ReadoutKind::Mean,
            Answer::Sum => ReadoutKind::Sum,
        };
        self.node(name, vec![output], Readout { kind });
        name.to_owned()
    }
    /// The graph, verified: `input` takes `[C, H, W]` a step, `answer` is the output.
    pub fn assemble(
        self,
        name: &str,
        timesteps: usize,
        input: (&str, [usize; 3], InputKind),
        answer: &str,
    ) -> Result<Graph> {
        let mut graph = Graph::new(name, Level::Trained, timesteps);
        graph.tensors = self.tensors;
        let op = Op::Input(Input { shape: input.1, kind: input.2, max: 0 });
        graph.push(input.0, op, &[])?;
        let entries = self.entries.iter().map(|(name, inputs, op)| Entry { name, inputs, op: op.clone() });
        append(&mut graph, entries.collect())?;
        graph.output = graph.find(answer).expect("invariant: the answer is the input or an entry");
        verify(&graph)?;
        Ok(graph)
    }
}
