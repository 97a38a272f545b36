//! From a flat NIR graph to a network: operands, sums, delays, and one function a kind of node.

use super::cycle::Order;
use super::flat::Flat;
use super::param::{refuse, Fields};
use super::per::Per;
use super::shape::chw;
use super::{layer, neuron, Answer, Rating, Reason, ResetRule};
pub(super) use crate::import::net::Net;

use crate::import::net::clean;
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Graph, Result};
use std::collections::BTreeMap;

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

/// Names of the network: letters, digits, `_` and `.`, unique.
fn names(net: &mut Net, flat: &Flat<'_>) -> Vec<String> {
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
    let mut delayed = BTreeMap::new();
    let names = names(&mut net, flat);
    let incoming = flat.incoming();
    let mut refused: Vec<Diagnostic> = Vec::new();
    let mut answer = names[flat.input].clone();
    for &i in order.nodes.iter().filter(|&&i| i != flat.input) {
        let operand = operand(&mut net, &mut delayed, flat, order, &names, &incoming[i], &names[i]);
        let before = flat.edges[incoming[i][0]].0;
        let site = Site {
            fields: flat.fields(i),
            ir: &names[i],
            input: &shapes[before],
            output: &shapes[i],
            settings,
        };
        if i == flat.output {
            answer = net.read_out(site.ir, operand, settings.answer);
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
    let input = (names[flat.input].as_str(), chw(&shapes[flat.input]), settings.input);
    net.assemble(name, settings.timesteps, input, &answer)
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
    delayed: &mut BTreeMap<usize, String>,
    flat: &Flat<'_>,
    order: &Order,
    names: &[String],
    edges: &[usize],
    ir: &str,
) -> String {
    let mut sum: Option<String> = None;
    for &e in edges {
        let from = flat.edges[e].0;
        let value = if order.late[e] { late(net, delayed, from, &names[from]) } else { names[from].clone() };
        sum = Some(match sum {
            None => value,
            Some(sum) => net.helper(&format!("{ir}.sum"), vec![sum, value], Add {}),
        });
    }
    sum.expect("invariant: every node but the input has an edge")
}

/// The value of a node, one step later.
fn late(net: &mut Net, delayed: &mut BTreeMap<usize, String>, node: usize, name: &str) -> String {
    if let Some(late) = delayed.get(&node) {
        return late.clone();
    }
    let late = net.helper(&format!("{name}.last"), vec![name.to_owned()], Delay {});
    delayed.insert(node, late.clone());
    late
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
