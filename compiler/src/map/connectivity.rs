//! How a synapse layer connects events to accumulators: what partition, memory and traffic need to know.

use pulvinar_ir::op::window::Window;
use pulvinar_ir::{Graph, Op, Shape, Slice, Synapse};

/// Connection pattern of a synapse node.
#[derive(Debug, Clone, Copy)]
pub enum Connectivity<'a> {
    /// Convolution.
    Conv {
        /// Geometry.
        window: Window,
        /// Channel groups.
        groups: usize,
        /// Input channels of one group.
        group_inputs: usize,
    },
    /// All to all.
    Linear {
        /// Sources.
        inputs: usize,
    },
    /// Stored connections.
    Sparse {
        /// Targets of all synapses, by source.
        targets: &'a [i32],
        /// Number of targets.
        outputs: usize,
    },
    /// Sum or maximum over windows of one channel; an upsampling is a transposed one.
    Pool {
        /// Geometry.
        window: Window,
        /// Maximum instead of sum.
        max: bool,
    },
    /// Each event to its own accumulator.
    Identity {
        /// Channel that the source's first one reaches.
        first: usize,
    },
}

/// A box of channels and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First channel and end.
    pub channels: [usize; 2],
    /// First row and end.
    pub rows: [usize; 2],
}

impl Region {
    /// All of a shape.
    pub fn whole(shape: Shape) -> Self {
        Region { channels: [0, shape.c], rows: [0, shape.h] }
    }
    /// The box of a slice.
    pub fn of(slice: &Slice) -> Self {
        Region { channels: slice.channels.map(|v| v as usize), rows: slice.rows.map(|v| v as usize) }
    }
    /// Channels held.
    pub fn channel_count(&self) -> usize {
        self.channels[1] - self.channels[0]
    }
    /// Rows held.
    pub fn row_count(&self) -> usize {
        self.rows[1] - self.rows[0]
    }
}

impl<'a> Connectivity<'a> {
    /// The pattern of a synapse; anything that is not a synapse layer is an identity.
    pub fn of(graph: &'a Graph, synapse: &Synapse) -> Self {
        match &graph.node(synapse.node).op {
            _ if synapse.node == synapse.source => Connectivity::Identity { first: 0 },
            Op::Conv2d(a) => {
                let weight = &graph.tensors[&a.weight];
                Connectivity::Conv {
                    window: a.window(weight),
                    groups: a.groups,
                    group_inputs: weight.shape[1],
                }
            }
            Op::ConvTranspose2d(a) => {
                let weight = &graph.tensors[&a.weight];
                Connectivity::Conv {
                    window: a.window(weight),
                    groups: a.groups,
                    group_inputs: weight.shape[1],
                }
            }
            Op::Linear(a) => Connectivity::Linear { inputs: graph.tensors[&a.weight].shape[1] },
            Op::Sparse(a) => Connectivity::Sparse {
                targets: graph.tensors[&a.targets].as_int().expect("level flow"),
                outputs: a.outputs,
            },
            Op::Upsample(a) => Connectivity::Pool { window: a.window(), max: false },
            Op::AvgPool(a) => Connectivity::Pool { window: a.window(), max: false },
            Op::MaxPool(a) => Connectivity::Pool { window: a.window(), max: true },
            _ => Connectivity::Identity { first: synapse.first_channel(graph) },
        }
    }

    /// False only if no event of region `from` (of a value shaped `input`) can reach region `to` (of `output`).
    pub fn reaches(&self, input: Shape, from: Region, output: Shape, to: Region) -> bool {
        match self {
            Connectivity::Conv { window, groups, group_inputs } => {
                let group_outputs = output.c / groups;
                let first = from.channels[0] / group_inputs;
                let last = (from.channels[1] - 1) / group_inputs;
                rows_meet(window, input, from, output, to)
                    && overlap([first * group_outputs, (last + 1) * group_outputs], to.channels)
            }
            Connectivity::Pool { window, .. } => {
                rows_meet(window, input, from, output, to) && overlap(from.channels, to.channels)
            }
            Connectivity::Identity { first } => {
                overlap(from.channels.map(|c| c + first), to.channels) && overlap(from.rows, to.rows)
            }
            Connectivity::Linear { .. } | Connectivity::Sparse { .. } => true,
        }
    }
}

fn overlap(a: [usize; 2], b: [usize; 2]) -> bool {
    a[0] < b[1] && b[0] < a[1]
}

fn rows_meet(window: &Window, input: Shape, from: Region, output: Shape, to: Region) -> bool {
    debug_assert!(from.rows[1] <= input.h && to.rows[1] <= output.h);
    (from.rows[0]..from.rows[1]).any(|y| {
        (0..window.kernel[0])
            .filter_map(|k| window.out_row(y, k, output.h))
            .any(|o| to.rows[0] <= o && o < to.rows[1])
    })
}
