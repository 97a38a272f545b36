//! A network as estimators see it: shapes of its layers, neurons, norms and attention, and how often they spike. There are
//! no weights and no values; everything is for one sample.

mod graph;

pub use graph::spiking;

use pulvinar_ir::{Diagnostic, Result};

/// A network with its rates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Workload {
    /// Convolutions and fully connected layers, in the order of the graph.
    pub layers: Vec<Layer>,
    /// Spiking neurons.
    pub neurons: Vec<Population>,
    /// Batch norms.
    pub norms: Vec<Elements>,
    /// Pools over windows or planes.
    pub pools: Vec<Elements>,
    /// Rectifiers outside of attention modules.
    pub rectifiers: Vec<Elements>,
    /// Spiking self-attention: products of spikes with spikes.
    pub products: Vec<Product>,
    /// Other attention modules.
    pub modules: Vec<ModuleCost>,
}

/// Kind of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Convolution over rows and columns: FL = k²·h·w·c_in·c_out.
    Conv,
    /// Fully connected: FL = i·o.
    Linear,
}

/// Place of a layer in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// No neuron stands between the sample and it.
    Stem,
    /// It reads spikes, or means and sums of spikes.
    Spiking,
    /// It reads real numbers and its result is added to a branch: the shortcut of a membrane.
    Shortcut,
    /// It reads other real numbers.
    Analog,
}

/// What one element of an operand can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// 0 or 1.
    Binary,
    /// Sums, means or products of spikes: more values than two.
    Graded,
    /// A real number.
    Real,
}

/// Sizes of a layer. A fully connected one has planes and a kernel of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Channels of the operand.
    pub inputs: u64,
    /// Channels of the result.
    pub outputs: u64,
    /// Groups of channels that do not mix.
    pub groups: u64,
    /// Rows and columns of the kernel.
    pub kernel: [u64; 2],
    /// Steps of the kernel.
    pub stride: [u64; 2],
    /// Distance between taps of the kernel.
    pub dilation: [u64; 2],
    /// Rows above and columns to the left that are added.
    pub padding: [u64; 2],
    /// Rows and columns of the operand.
    pub plane: [u64; 2],
    /// Rows and columns of the result.
    pub out_plane: [u64; 2],
    /// True if the kernel spreads every place of the operand instead of gathering for every place of the result.
    pub transposed: bool,
    /// True if it has a bias of its own.
    pub bias: bool,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: LayerKind,
    /// Place.
    pub role: Role,
    /// What it reads.
    pub operand: Operand,
    /// Sizes.
    pub geometry: Geometry,
    /// True if a norm follows, which becomes its bias when it is folded.
    pub normed: bool,
    /// Φ of its operand, mean over elements and steps (spikes counted with their value), with the network's attention.
    pub rate: f64,
    /// Φ without attention; the same as `rate` if the network has none.
    pub rate_without_attention: f64,
    /// How often it is evaluated: T, or 1 behind a mean over time.
    pub timesteps: u32,
}

/// Neurons of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    /// Name.
    pub name: String,
    /// Membranes.
    pub elements: u64,
    /// Channels.
    pub channels: u64,
    /// Steps.
    pub timesteps: u32,
    /// Spikes of a neuron and step.
    pub rate: f64,
    /// True if the membrane decays.
    pub leaky: bool,
}

/// Work on every element of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Elements {
    /// Name.
    pub name: String,
    /// Elements of the operand in one step.
    pub elements: u64,
    /// Channels.
    pub channels: u64,
    /// Steps.
    pub timesteps: u32,
    /// What it reads.
    pub operand: Operand,
    /// Φ of the operand.
    pub rate: f64,
}

/// Spiking self-attention.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Product {
    /// Name.
    pub name: String,
    /// Products and sums of one step if all spiked.
    pub operations_per_step: u64,
    /// Steps.
    pub timesteps: u32,
    /// Mean Φ of query, key and value.
    pub rate: f64,
    /// The same without attention.
    pub rate_without_attention: f64,
    /// Φ of query, key and value where it is two products of them, q·(kᵀ·v); else none.
    pub query_key_value: Option<[f64; 3]>,
}

/// What one attention module costs over all steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleCost {
    /// Name of its node.
    pub name: String,
    /// ΔMAC1: multiply-accumulates that make its gates.
    pub macs: u64,
    /// ΔMAC2: multiplications by gates.
    pub gate_multiplies: u64,
}

/// Spikes of an element and step, with attention and without.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// In this network.
    pub own: f64,
    /// In the same network without attention.
    pub without_attention: f64,
}

impl Rate {
    /// A rate that attention does not change.
    pub fn same(rate: f64) -> Self {
        Rate { own: rate, without_attention: rate }
    }
}

impl Geometry {
    /// Sizes of a fully connected layer.
    pub fn linear(inputs: u64, outputs: u64, bias: bool) -> Self {
        let one = [1, 1];
        Geometry {
            inputs,
            outputs,
            groups: 1,
            kernel: one,
            stride: one,
            dilation: one,
            padding: [0, 0],
            plane: one,
            out_plane: one,
            transposed: false,
            bias,
        }
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> u64 {
        self.kernel[0] * self.kernel[1]
    }

    /// Planes that the kernel walks over, and that its taps reach.
    fn planes(&self) -> ([u64; 2], [u64; 2]) {
        if self.transposed {
            (self.plane, self.out_plane)
        } else {
            (self.out_plane, self.plane)
        }
    }

    /// FL: multiply-accumulates of one step; products with padding count.
    pub fn dense_macs(&self) -> u64 {
        let walked = self.planes().0;
        self.weights() * walked[0] * walked[1]
    }

    /// The same without products with padding: every tap of every place that lies in the plane.
    pub fn macs_inside(&self) -> u64 {
        let (walked, reached) = self.planes();
        let along = |axis: usize| {
            let inside = |place: u64, tap: u64| {
                let at = place * self.stride[axis] + tap * self.dilation[axis];
                at >= self.padding[axis] && at - self.padding[axis] < reached[axis]
            };
            let of = |place: u64| (0..self.kernel[axis]).filter(|&tap| inside(place, tap)).count() as u64;
            (0..walked[axis]).map(of).sum::<u64>()
        };
        along(0) * along(1) * self.inputs / self.groups * self.outputs
    }

    /// Elements of the operand in one step.
    pub fn input_elements(&self) -> u64 {
        self.inputs * self.plane[0] * self.plane[1]
    }

    /// Elements of the result in one step.
    pub fn output_elements(&self) -> u64 {
        self.outputs * self.out_plane[0] * self.out_plane[1]
    }

    /// Weights.
    pub fn weights(&self) -> u64 {
        self.taps() * self.inputs / self.groups * self.outputs
    }
}

impl Layer {
    /// FL of all steps.
    pub fn dense_macs(&self) -> f64 {
        self.geometry.dense_macs() as f64 * f64::from(self.timesteps)
    }

    /// Spikes times the synapses that they reach, over all steps; none lie in the padding.
    pub fn synaptic_operations(&self) -> f64 {
        self.rate * self.geometry.macs_inside() as f64 * f64::from(self.timesteps)
    }

    /// Spikes it reads over all steps.
    pub fn spikes(&self) -> f64 {
        self.rate * self.geometry.input_elements() as f64 * f64::from(self.timesteps)
    }

    /// True if it reads spikes of value 1 only, which need no multiplier.
    pub fn is_binary(&self) -> bool {
        self.operand == Operand::Binary
    }

    /// True if its result is offset, by its own bias or by that of the norm folded into it.
    pub fn is_offset(&self) -> bool {
        self.geometry.bias || self.normed
    }

    /// Elements of its result over all steps.
    pub fn results(&self) -> f64 {
        self.geometry.output_elements() as f64 * f64::from(self.timesteps)
    }
}

impl Population {
    /// Updates over all steps.
    pub fn updates(&self) -> f64 {
        self.elements as f64 * f64::from(self.timesteps)
    }

    /// Spikes over all steps.
    pub fn spikes(&self) -> f64 {
        self.rate * self.updates()
    }
}

impl Elements {
    /// Elements over all steps.
    pub fn total(&self) -> f64 {
        self.elements as f64 * f64::from(self.timesteps)
    }
}

impl Workload {
    /// Membranes.
    pub fn neuron_count(&self) -> u64 {
        self.neurons.iter().map(|n| n.elements).sum()
    }

    /// Most timesteps of its neurons.
    pub fn timesteps(&self) -> u32 {
        self.neurons.iter().map(|n| n.timesteps).max().unwrap_or(1)
    }

    /// Bits ⌈log2(T + 1)⌉ of a number that tells as many levels apart as T steps of spikes do (`yan2024`).
    pub fn level_bits(&self) -> u32 {
        (u64::from(self.timesteps()) + 1).next_power_of_two().trailing_zeros()
    }

    /// Synaptic operations of layers: spikes, or values that are not zero, times the synapses that they reach.
    pub fn synaptic_operations(&self, kind: LayerKind) -> f64 {
        self.layers.iter().filter(|l| l.kind == kind).map(Layer::synaptic_operations).sum()
    }

    /// Spikes of all neurons and steps.
    pub fn spikes(&self) -> f64 {
        self.neurons.iter().map(Population::spikes).sum()
    }

    /// Refuses rates that are no rates (`E0625`).
    pub fn check(&self) -> Result<()> {
        let layers = self.layers.iter().map(|l| (&l.name, [l.rate, l.rate_without_attention]));
        let products = self.products.iter().map(|p| (&p.name, [p.rate, p.rate_without_attention]));
        let neurons = self.neurons.iter().map(|n| (&n.name, [n.rate, n.rate]));
        for (name, rates) in layers.chain(products).chain(neurons) {
            if let Some(rate) = rates.into_iter().find(|r| !r.is_finite() || *r < 0.0) {
                return Err(Diagnostic::new(
                    "E0625",
                    name,
                    format!("{rate} is not a spiking rate"),
                    "give the mean number of spikes per neuron and step, 0 or more",
                ));
            }
        }
        Ok(())
    }
}
