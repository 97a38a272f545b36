//! The program of a network: its own places, no compiler.

use super::Net;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::lif::{Lif, LifReset};
use pulvinar_ir::op::{linear::Linear, neuron::ResetTiming, sparse::Sparse, Op};
use pulvinar_ir::{
    Arch, Endpoint, Graph, IntType, Level, NodeId, Pass, Phase, Program, Shape, Slice, Stage, StageId,
};
use pulvinar_ir::{Strategy, Stream, StreamKind, Synapse, Tensor, Type};

struct Builder<'a> {
    net: &'a Net,
    graph: Graph,
    stages: Vec<Stage>,
    phase: Phase,
}

/// The network over this many steps on this chip. Stage l is layer l, with its neurons as channels in the network's order;
/// spikes of the last layer go to the host.
pub fn program(net: &Net, steps: usize, arch: Arch) -> Program {
    let mut graph = Graph::new(net.name, Level::Flow, steps);
    let input = Input { shape: [1, 1, 1], kind: InputKind::Binary, max: 1 };
    let mut source = graph.push("input", input.into(), &[]).expect("the input is well formed");
    let mut b = Builder { net, graph, stages: Vec::new(), phase: Phase { slices: vec![], streams: vec![] } };
    if net.layers.len() > 1 {
        b.stream(source, Endpoint::Host, b.cores(0), 1, false);
    }
    for l in 0..net.layers.len() {
        source = b.layer(l, source);
    }
    Program { graph: b.graph, arch, stages: b.stages, phases: vec![b.phase] }
}

impl Builder<'_> {
    fn tensor(&mut self, name: &str, shape: Vec<usize>, values: Vec<i32>) -> String {
        self.graph.tensors.insert(name.to_owned(), Tensor::int(shape, values, 16, vec![1.0]));
        name.to_owned()
    }

    fn push(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.graph.push(name, op.into(), inputs).expect("the network is well formed")
    }

    fn cores(&self, l: usize) -> Vec<Endpoint> {
        let mut cores = self.net.core[self.net.layer(l)].to_vec();
        cores.dedup();
        cores.into_iter().map(Endpoint::Core).collect()
    }

    /// Layer l behind its source, one step late.
    fn layer(&mut self, l: usize, before: NodeId) -> NodeId {
        let (n, itself) = (self.net.layers[l], self.net.layers.len() == 1);
        let (mut source, late) = (before, format!("late{l}"));
        let late = if itself {
            source = NodeId(before.0 + 3);
            let ty = Type::int(IntType::new(0, 1, 1.0), Shape::new(self.graph.timesteps, n, 1, 1));
            self.graph.push_typed(&late, Delay {}.into(), &[source], ty)
        } else {
            self.push(&late, Delay {}, &[source])
        };
        let synapses = self.synapses(l, late);
        let neuron = self.neuron(l, synapses);
        self.stage(synapses, source, neuron);
        self.place(l, neuron);
        neuron
    }

    fn synapses(&mut self, l: usize, late: NodeId) -> NodeId {
        let (net, name) = (self.net, format!("synapses{l}"));
        let from = match (l, net.layers.len()) {
            (0, 1) => net.layer(0),
            (0, _) => return self.sparse(&name, late, (vec![0, 0], vec![], vec![]), net.layers[0]),
            _ => net.layer(l - 1),
        };
        let (outputs, to) = (net.layers[l], net.layer(l));
        let edges = net.rows[from.start]..net.rows[from.end];
        if edges.len() == from.len() * outputs {
            let weight = |k: usize| net.weights[net.rows[from.start + k % from.len()] + k / from.len()];
            let weights = (0..edges.len()).map(weight).collect();
            let weight = self.tensor("weight", vec![outputs, from.len()], weights);
            return self.push(&name, Linear { weight, bias: None }, &[late]);
        }
        let rows = net.rows[from.start..=from.end].iter().map(|r| (r - edges.start) as i32).collect();
        let targets = net.targets[edges.clone()].iter().map(|t| *t as i32 - to.start as i32).collect();
        self.sparse(&name, late, (rows, targets, net.weights[edges].to_vec()), outputs)
    }

    fn sparse(
        &mut self,
        name: &str,
        source: NodeId,
        (rows, targets, weights): (Vec<i32>, Vec<i32>, Vec<i32>),
        outputs: usize,
    ) -> NodeId {
        let rows = self.tensor(&format!("{name}.rows"), vec![rows.len()], rows);
        let n = targets.len();
        let targets = self.tensor(&format!("{name}.targets"), vec![n], targets);
        let weight = self.tensor(&format!("{name}.weight"), vec![n], weights);
        self.push(name, Sparse { targets, rows, weight, outputs }, &[source])
    }

    fn neuron(&mut self, l: usize, current: NodeId) -> NodeId {
        let (name, n) = (format!("layer{l}"), self.net.layers[l]);
        let bias = self.net.bias[self.net.layer(l)].to_vec();
        let bias = Some(self.tensor(&format!("{name}.bias"), vec![n], bias));
        let threshold = self.tensor(&format!("{name}.threshold"), vec![1], vec![self.net.thresholds[l] + 1]);
        let lif = Lif {
            leak: 1,
            leak_shift: 0,
            input_shift: 0,
            bias,
            threshold,
            reset: LifReset::Value,
            reset_value: None,
            reset_timing: ResetTiming::SameStep,
            initial: None,
            clamp_min: None,
            ..Lif::default()
        };
        self.push(&name, lif, &[current])
    }

    fn stage(&mut self, node: NodeId, source: NodeId, output: NodeId) {
        let pass = Pass { elementwise: vec![output], gates: vec![], taps: vec![], program: vec![] };
        self.stages.push(Stage {
            name: self.graph.node(output).name.clone(),
            synapses: vec![Synapse { node, source, delayed: true }],
            accumulator: node,
            accumulator_bits: 24,
            state_bits: 24,
            passes: vec![pass],
            strategy: Strategy::Direct,
            output,
        });
    }

    /// Slices of layer l on its cores, and the streams of its spikes: each to the cores that hold one of its synapses.
    fn place(&mut self, l: usize, neuron: NodeId) {
        let net = self.net;
        let (neurons, last) = (net.layer(l), l + 1 == net.layers.len());
        let mut to = if last { Vec::new() } else { self.cores(l + 1) };
        let fan_in = if last { 0 } else { net.layers[l + 1] };
        if net.layers.len() == 1 {
            to = self.cores(0);
        }
        let selective =
            !to.is_empty() && net.rows[neurons.end] - net.rows[neurons.start] != neurons.len() * fan_in;
        if last {
            to.push(Endpoint::Host);
        }
        let bits = usize::BITS - (neurons.len() - 1).leading_zeros();
        let core = &net.core[neurons.clone()];
        for first in (0..core.len()).filter(|&i| i == 0 || core[i] != core[i - 1]) {
            let end = first + core[first..].iter().take_while(|c| **c == core[first]).count();
            let channels = [first as u32, end as u32];
            self.phase.slices.push(Slice {
                stage: StageId(l as u32),
                core: core[first],
                channels,
                rows: [0, 1],
                home: first == 0,
            });
            self.stream(neuron, Endpoint::Core(core[first]), to.clone(), bits, selective);
        }
    }

    fn stream(
        &mut self,
        node: NodeId,
        source: Endpoint,
        destinations: Vec<Endpoint>,
        event_bits: u32,
        selective: bool,
    ) {
        let events_per_flit = if selective { 1 } else { 64 / event_bits };
        let kind = StreamKind::Events;
        self.phase.streams.push(Stream {
            kind,
            node,
            source,
            destinations,
            event_bits,
            events_per_flit,
            selective,
        });
    }
}
