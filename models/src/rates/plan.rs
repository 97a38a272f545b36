//! What a workload by firing rate sends: spikes of every neuron, and the input.

use super::{spikes, Rates, Spread};
use crate::random::{stream, uniform};
use crate::Frames;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::{Graph, Node, Op, Result, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Stream of an image's pixels.
const IMAGE: u64 = 0x1312;

/// Rates of a network's layers and how their spikes are spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Rates, and spreads of single layers.
    pub rates: Rates,
    /// Spread of the layers that have none of their own.
    pub spread: Spread,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.rates.text(), self.spread)
    }
}

impl Plan {
    /// Refuses a plan that does not fit a trained graph, whose layers are its neurons and an input of spikes or counts.
    ///
    /// # Errors
    /// A layer that the graph does not have or that has no rate (E0409), a rate that its spread cannot meet (E0407).
    pub fn check(&self, graph: &Graph) -> Result<()> {
        let names: Vec<&str> = layers(graph).map(|n| n.name.as_str()).collect();
        self.rates.check(&names, &[])?;
        layers(graph).try_for_each(|node| self.of(node).map(|_| ()))
    }

    /// True if the input of a trained graph is an image, which has no rate.
    #[must_use]
    pub fn reads_image(graph: &Graph) -> bool {
        graph.input().is_some_and(|id| !is_layer(graph.node(id)))
    }

    /// Rate and spread of a layer that has a rate.
    fn of(&self, layer: &Node) -> Result<(f64, Spread)> {
        let rate = self.rates.of(&layer.name).unwrap_or_default();
        let spread = self.rates.spread(&layer.name).unwrap_or(self.spread);
        spread.check(rate, &format!("layer `{}`", layer.name))?;
        Ok((rate, spread))
    }

    /// Spikes of every neuron of a graph, by name: a function of plan, shapes, names and seed.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn spikes(&self, graph: &Graph, seed: u64) -> Result<BTreeMap<String, Value>> {
        self.check(graph)?;
        let neurons = layers(graph).filter(|n| matches!(n.op, Op::Neuron(_)));
        let value = |node: &Node| {
            let (rate, spread) = self.of(node)?;
            Ok((node.name.clone(), spikes(node.ty.shape, rate, spread, (seed, &node.name))?))
        };
        neurons.map(value).collect()
    }

    /// `count` inputs, sample i by [`sample_seed`].
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn frames(&self, graph: &Graph, seed: u64, count: usize) -> Result<Frames> {
        let shape =
            graph.node(graph.input().expect("the loader has verified that there is one input")).ty.shape;
        let mut bytes = Vec::with_capacity(count * shape.len());
        for i in 0..count {
            bytes.extend(self.input(graph, sample_seed(seed, i))?);
        }
        Frames::from_u8(shape, bytes)
    }

    /// One input in bytes: spikes of its rate or, where the graph reads reals, a random image, the same in every step.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn input(&self, graph: &Graph, seed: u64) -> Result<Vec<u8>> {
        self.check(graph)?;
        let Some(input) = graph.input() else { return Ok(Vec::new()) };
        let (node, shape) = (graph.node(input), graph.node(input).ty.shape);
        if is_layer(node) {
            let (rate, spread) = self.of(node)?;
            let value = spikes(shape, rate, spread, (seed, &node.name))?;
            return Ok(value.ints().iter().map(|&v| v as u8).collect());
        }
        let own = stream(seed, IMAGE);
        let image: Vec<u8> = (0..shape.step_len() as u64).map(|k| (uniform(own, k) * 256.0) as u8).collect();
        Ok(image.repeat(shape.t))
    }
}

/// Seed of a sample's numbers.
pub fn sample_seed(seed: u64, sample: usize) -> u64 {
    seed.wrapping_add(sample as u64)
}

/// The same network on bytes where it reads reals: an image is 8 bits a value.
pub fn of_bytes(mut graph: Graph) -> Graph {
    for node in &mut graph.nodes {
        if let Op::Input(i) = &node.op {
            if i.kind == InputKind::Real {
                node.op = Input { kind: InputKind::Counts, ..i.clone() }.into();
            }
        }
    }
    graph
}

/// What has a rate.
fn layers(graph: &Graph) -> impl Iterator<Item = &Node> {
    graph.nodes.iter().filter(|n| is_layer(n))
}

fn is_layer(node: &Node) -> bool {
    match &node.op {
        Op::Input(i) => i.kind != InputKind::Real,
        op => matches!(op, Op::Neuron(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::build;

    fn plan(text: &str) -> Plan {
        Plan { rates: Rates::parse(text, "rates.csv").unwrap(), spread: Spread::Bernoulli }
    }

    #[test]
    fn every_layer_spikes_at_its_rate() {
        let graph = build::find("ma-gesture").unwrap().zeros().unwrap();
        let names = ["conv0.spikes", "conv1.spikes", "conv2.spikes", "fc0.spikes", "fc1.spikes"];
        let rows: String =
            names.iter().zip(1..).map(|(n, i)| format!("{n},{}\n", 0.05 * f64::from(i))).collect();
        let plan = plan(&format!("layer,rate\ninput,0.02\n{rows}"));
        let spikes = plan.spikes(&graph, 1).unwrap();
        assert_eq!(spikes.keys().map(String::as_str).collect::<Vec<_>>(), names);
        for (name, value) in &spikes {
            let (rate, n) = (plan.rates.of(name).unwrap(), value.ints().len() as f64);
            let mean = value.ints().iter().sum::<i64>() as f64 / n;
            assert!((mean - rate).abs() < 5.0 * (rate / n).sqrt(), "{name}: {mean} for {rate}");
        }
        let input = plan.input(&graph, 1).unwrap();
        let mean = input.iter().map(|&v| f64::from(v)).sum::<f64>() / input.len() as f64;
        assert!((mean - 0.02).abs() < 0.002, "{mean}");
        assert_ne!(spikes, plan.spikes(&graph, 2).unwrap());
    }

    #[test]
    fn an_image_is_repeated_and_has_no_rate() {
        let graph = build::find("gac-cifar10-t2").unwrap().zeros().unwrap();
        let all = Plan { rates: Rates::uniform(0.1).unwrap(), spread: Spread::Bernoulli };
        let image = all.input(&graph, 1).unwrap();
        assert_eq!(image[..image.len() / 2], image[image.len() / 2..]);
        assert!(image.iter().any(|&v| v > 200) && image.iter().any(|&v| v < 50));
        assert_eq!(plan("layer,rate\ninput,0.1").check(&graph).unwrap_err().code, "E0409");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let graph = build::find("ma-gesture").unwrap().zeros().unwrap();
        assert_eq!(plan("layer,rate\ninput,0.1").check(&graph).unwrap_err().code, "E0409");
        let bursts = Spread::Correlated { patch: 4, active: 0.2, persistence: 0.5 };
        let wide = Plan { rates: Rates::uniform(0.3).unwrap(), spread: bursts };
        assert_eq!(wide.check(&graph).unwrap_err().code, "E0407");
    }
}
