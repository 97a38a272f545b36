//! From a flat NIR graph to a network: operands, sums, delays, and one function a kind of node.

use super::cycle::Order;
use super::flat::Flat;
use super::param::{refuse, Fields};
use super::per::Per;
use super::shape::chw;
use super::{layer, neuron, Answer, Rating, Reason, ResetRule};
use crate::native::order::{append, Entry};
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::verify::verify;
use pulvinar_ir::{Diagnostic, Graph, Level, Op, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// What the file does not say, settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub timesteps: usize,
    pub dt: f64,
    pub reset: ResetRule,
    pub input: InputKind,
    pub answer: Answer,
}

/// A node on its way into the network.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    /// Its parameters.
    pub fields: Fields<'a>,
    /// Its name in the network.
    pub ir: &'a str,
    /// Shape of its operand.
    pub input: &'a [usize],
    /// Shape of its value.
    pub output: &'a [usize],
    /// Settings.
    pub settings: &'a Settings,
}

impl Site<'_> {
    /// A parameter, one value or one per channel.
    pub fn per(&self, key: &str) -> Result<Per> {
        Per::of(self.fields, key, self.fields.numbers(key)?, self.output)
    }
    /// The same with a default where the file has none.
    pub fn per_or(&self, key: &str, default: f64) -> Result<Per> {
        Per::of(self.fields, key, &self.fields.numbers_or(key, default)?, self.output)
    }
}

/// A network in the making.
#[derive(Default)]
pub(super) struct Net {
    entries: Vec<(String, Vec<String>, Op)>,
    tensors: BTreeMap<String, Tensor>,
    taken: BTreeSet<String>,
    counters: BTreeMap<String, usize>,
    late: BTreeMap<usize, String>,
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
}

/// Names of the network: letters, digits, `_` and `.`, unique.
fn names(net: &mut Net, flat: &Flat<'_>) -> Vec<String> {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' };
    let clean = |name: &str| name.chars().map(good).take(200).collect::<String>();
    flat.nodes.iter().map(|(name, _)| net.fresh(&clean(name))).collect()
}

/// The network of a flat graph; a reason for every node. The first refusal is the error, and it names the others.
pub(super) fn build(
    name: &str,
    flat: &Flat<'_>,
    order: &Order,
    shapes: &[Vec<usize>],
    settings: &Settings,
    reasons: &mut Vec<Reason>,
) -> Result<Graph> {
    let mut net = Net::default();
    let names = names(&mut net, flat);
    let incoming = flat.incoming();
    let mut refused: Vec<Diagnostic> = Vec::new();
    let mut answer = names[flat.input].clone();
    for &i in order.nodes.iter().filter(|&&i| i != flat.input) {
        let operand = operand(&mut net, flat, order, &names, &incoming[i], &names[i]);
        let before = flat.edges[incoming[i][0]].0;
        let site = Site {
            fields: flat.fields(i),
            ir: &names[i],
            input: &shapes[before],
            output: &shapes[i],
            settings,
        };
        if i == flat.output {
            answer = read_out(&mut net, site, operand);
            continue;
        }
        let (rating, text) = match lower(&mut net, site, operand) {
            Ok(text) => (Rating::Exact, text),
            Err(d) => {
                let text = d.message.clone();
                refused.push(d);
                (Rating::Refused, text)
            }
        };
        reasons.push(Reason { node: site.fields.name.to_owned(), rating, text });
    }
    all_refused(refused)?;
    assemble(name, flat, &names, &shapes[flat.input], settings, net, &answer)
}

/// One diagnostic for all refused nodes.
fn all_refused(mut refused: Vec<Diagnostic>) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let mut first = refused.remove(0);
    for other in refused.iter().take(8) {
        first.message += &format!("; also {}: {}", other.place, other.message);
    }
    Err(first)
}

/// Name of the sum of what the edges bring.
fn operand(
    net: &mut Net,
    flat: &Flat<'_>,
    order: &Order,
    names: &[String],
    edges: &[usize],
    ir: &str,
) -> String {
    let mut sum: Option<String> = None;
    for &e in edges {
        let from = flat.edges[e].0;
        let value = if order.late[e] { late(net, from, &names[from]) } else { names[from].clone() };
        sum = Some(match sum {
            None => value,
            Some(sum) => net.helper(&format!("{ir}.sum"), vec![sum, value], Add {}),
        });
    }
    sum.expect("invariant: every node but the input has an edge")
}

/// The value of a node, one step later.
fn late(net: &mut Net, node: usize, name: &str) -> String {
    if let Some(late) = net.late.get(&node) {
        return late.clone();
    }
    let late = net.helper(&format!("{name}.last"), vec![name.to_owned()], Delay {});
    net.late.insert(node, late.clone());
    late
}

fn read_out(net: &mut Net, site: Site<'_>, operand: String) -> String {
    let kind = match site.settings.answer {
        Answer::Stream => return operand,
        Answer::Mean => ReadoutKind::Mean,
        Answer::Sum => ReadoutKind::Sum,
    };
    net.node(site.ir, vec![operand], Readout { kind });
    site.ir.to_owned()
}

fn lower(net: &mut Net, site: Site<'_>, x: String) -> Result<String> {
    match site.fields.node.kind.as_str() {
        "Affine" | "Linear" => layer::linear(net, site, x),
        "Conv1d" | "Conv2d" => layer::conv(net, site, x),
        "AvgPool2d" | "SumPool2d" => layer::pool(net, site, x),
        "Flatten" => layer::flatten(net, site, x),
        "Scale" => layer::scale(net, site, x),
        "Delay" => layer::delay(net, site, x),
        "Threshold" | "IF" | "LIF" | "CubaLIF" | "I" | "LI" | "CubaLI" => neuron::lower(net, site, x),
        other => Err(refuse(
            "E0512",
            site.fields.name,
            format!("type `{other}` is not read here"),
            "types read here: Affine, Linear, Scale, Conv1d, Conv2d, Flatten, AvgPool2d, SumPool2d, Delay, Threshold, \
             I, IF, LI, LIF, CubaLI, CubaLIF, Input, Output, NIRGraph",
        )),
    }
}

fn assemble(
    name: &str,
    flat: &Flat<'_>,
    names: &[String],
    input: &[usize],
    settings: &Settings,
    net: Net,
    answer: &str,
) -> Result<Graph> {
    let mut graph = Graph::new(name, Level::Trained, settings.timesteps);
    graph.tensors = net.tensors;
    let op = Op::Input(Input { shape: chw(input), kind: settings.input, max: 0 });
    graph.push(&names[flat.input], op, &[])?;
    let entries = net.entries.iter().map(|(name, inputs, op)| Entry { name, inputs, op: op.clone() });
    append(&mut graph, entries.collect())?;
    graph.output = graph.find(answer).expect("invariant: the answer is the input or an entry");
    verify(&graph)?;
    Ok(graph)
}
