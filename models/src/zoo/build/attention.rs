//! Attention modules with their weights. Reduction ratios that leave no hidden unit leave one.

use super::net::Net;
use pulvinar_ir::op::asa::Asa;
use pulvinar_ir::op::fsta::Fsta;
use pulvinar_ir::op::gac::Gac;
use pulvinar_ir::op::ma_attention::MaAttention;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::neuron::Neuron;
use pulvinar_ir::op::step_attention::StepAttention;
use pulvinar_ir::op::stsc::Stsc;
use pulvinar_ir::op::t_attention::TAttention;
use pulvinar_ir::op::tcja::Tcja;
use pulvinar_ir::{NodeId, Result};

/// Sizes of the gates of MA-SNN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gates {
    /// Which, a subset of `tcs` in this order.
    pub which: &'static str,
    /// Reduction of the temporal MLP.
    pub time_ratio: usize,
    /// Reduction of the channel MLP.
    pub channel_ratio: usize,
    /// Rows and columns of the spatial kernel.
    pub kernel: usize,
}

impl Gates {
    /// True if one of them is this.
    pub fn has(&self, gate: char) -> bool {
        self.which.contains(gate)
    }
}

impl Net {
    /// Both layers n → n/r → n of an MLP.
    fn mlp(&mut self, name: &str, n: usize, ratio: usize) -> (String, String) {
        let hidden = (n / ratio).max(1);
        let first = self.gate_weight(&format!("{name}0"), &[hidden, n]);
        (first, self.gate_weight(&format!("{name}1"), &[n, hidden]))
    }

    fn spatial(&mut self, name: &str, kernel: usize) -> String {
        self.gate_weight(name, &[1, 2, kernel, kernel])
    }

    /// The gates over the whole sequence and the trailing ReLU, which stays without gates.
    pub fn ma_attention(&mut self, name: &str, x: NodeId, gates: Gates) -> Result<NodeId> {
        let shape = self.shape(x);
        let t = gates.has('t').then(|| self.mlp(&format!("{name}.ta"), shape.t, gates.time_ratio)).unzip();
        let c = gates.has('c').then(|| self.mlp(&format!("{name}.ca"), shape.c, gates.channel_ratio)).unzip();
        let sa = gates.has('s').then(|| self.spatial(&format!("{name}.sa"), gates.kernel));
        let which = gates.which.to_owned();
        let op = MaAttention { gates: which, ta0: t.0, ta1: t.1, ca0: c.0, ca1: c.1, sa, relu: true };
        self.node(name, op, &[x])
    }

    /// The temporal gate alone, over the whole sequence.
    pub fn t_attention(&mut self, name: &str, x: NodeId, ratio: usize) -> Result<NodeId> {
        let (w0, w1) = self.mlp(name, self.shape(x).t, ratio);
        self.node(name, TAttention { w0, w1 }, &[x])
    }

    /// Channel and spatial gates of every step.
    fn step_gates(&mut self, name: &str, x: NodeId, gates: Gates) -> StepAttention {
        let channels = self.shape(x).c;
        let (ca0, ca1) =
            gates.has('c').then(|| self.mlp(&format!("{name}.ca"), channels, gates.channel_ratio)).unzip();
        let sa = gates.has('s').then(|| self.spatial(&format!("{name}.sa"), gates.kernel));
        StepAttention { ca0, ca1, sa, relu: true }
    }

    /// Channel and spatial gates of every step on the current, and the trailing ReLU.
    pub fn step_attention(&mut self, name: &str, x: NodeId, gates: Gates) -> Result<NodeId> {
        let op = self.step_gates(name, x, gates);
        self.node(name, op, &[x])
    }

    /// A neuron with channel and spatial gates of every step on its membrane; leak and threshold are those of `like`.
    pub fn ma_neuron(&mut self, name: &str, x: NodeId, like: &Neuron, gates: Gates) -> Result<NodeId> {
        let StepAttention { ca0, ca1, sa, .. } = self.step_gates(name, x, gates);
        let op = MaNeuron { leak: like.leak, threshold: like.threshold, reset: 0.0, ca0, ca1, sa };
        self.node(name, op, &[x])
    }

    /// Gated attention coding of an encoder's current `x` and the spikes its neuron makes of it: r 2, kernels of 4×4.
    pub fn gac(&mut self, name: &str, x: NodeId, spikes: NodeId) -> Result<NodeId> {
        let shape = self.shape(x);
        let (ta0, ta1) = self.mlp(&format!("{name}.ta"), shape.t, 2);
        let mut kernel = |part| self.weight(&format!("{name}.{part}"), &[shape.c, shape.c, 4, 4]);
        let (sca0, sca1) = (kernel("sca0"), kernel("sca1"));
        self.node(name, Gac { ta0, ta1, sca0, sca1 }, &[x, spikes])
    }

    /// Frequency-based attention with the 49 filters of the DCT; a `ratio` above 1 has two learned layers behind them.
    /// The learned scalars have their first values.
    pub fn fsta(&mut self, name: &str, x: NodeId, ratio: usize) -> Result<NodeId> {
        let t = self.shape(x).t;
        let temporal = self.weight(&format!("{name}.temporal"), &[t, t]);
        let hidden = (49 / ratio).max(1);
        let outputs = if ratio == 1 { 1 } else { hidden };
        let spatial0 = self.weight(&format!("{name}.spatial0"), &[outputs, 49, 7, 7]);
        let spatial1 = (ratio > 1).then(|| self.weight(&format!("{name}.spatial1"), &[1, hidden, 7, 7]));
        let op = Fsta { temporal, bank: None, spatial0, spatial1, alpha: 0.5, beta: 0.5, t: 0.6, s: 0.5 };
        self.node(name, op, &[x])
    }

    /// Advance spatial attention, half the features important, kernels of 3×3; a `ratio` above 1 has two layers over time.
    /// The learned scalars have their first values.
    pub fn asa(&mut self, name: &str, x: NodeId, ratio: usize) -> Result<NodeId> {
        let t = self.shape(x).t;
        let (fc0, fc1) = if ratio == 1 {
            (self.weight(&format!("{name}.fc0"), &[t, t]), None)
        } else {
            let (fc0, fc1) = self.mlp(&format!("{name}.fc"), t, ratio);
            (fc0, Some(fc1))
        };
        let important = self.spatial(&format!("{name}.important"), 3);
        let other = self.spatial(&format!("{name}.other"), 3);
        self.node(name, Asa { fc0, fc1, important, other, alpha: 0.5, beta: 0.5, share: 0.5 }, &[x])
    }

    /// Temporal-channel joint attention with kernels of this many taps.
    pub fn tcja(&mut self, name: &str, spikes: NodeId, taps: usize) -> Result<NodeId> {
        let shape = self.shape(spikes);
        let along_t = self.weight(&format!("{name}.along_t"), &[shape.c, shape.c, taps]);
        let along_c = self.weight(&format!("{name}.along_c"), &[shape.t, shape.t, taps]);
        self.node(name, Tcja { along_t, along_c }, &[spikes])
    }

    /// Spatio-temporal synaptic connection with a filter of this many taps; its gate has 3 and keeps the width.
    pub fn stsc(&mut self, name: &str, x: NodeId, taps: usize) -> Result<NodeId> {
        let c = self.shape(x).c;
        let temporal = self.weight(&format!("{name}.temporal"), &[c, 1, taps]);
        let gate0 = self.weight(&format!("{name}.gate0"), &[c, c, 3]);
        let gate0_bias = self.vector(&format!("{name}.gate0_bias"), c, 0.0);
        let gate1 = self.weight(&format!("{name}.gate1"), &[c, c]);
        self.node(name, Stsc { temporal, gate0, gate0_bias, gate1 }, &[x])
    }
}
