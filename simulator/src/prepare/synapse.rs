//! Synapses of a stage: geometry, and the weight image of one slice laid out source → tap → lane.

use super::refuse;
use super::sparse::{sparse_image, Banking, SparseImage};
use pulvinar_ir::op::sparse::Sparse;
use pulvinar_ir::op::window::Window;
use pulvinar_ir::{Graph, NodeId, Op, Result, Shape, Stage, Synapse, Tensor};

/// One connection of a stage.
#[derive(Debug)]
pub struct SynapsePlan<'p> {
    /// Shape of the operand in which addresses count.
    pub input: Shape,
    /// Connectivity.
    pub kind: Connect<'p>,
}

/// Connectivity of a synapse node.
#[derive(Debug)]
pub enum Connect<'p> {
    /// Convolution; a linear layer is one on a single position.
    Conv {
        /// Geometry.
        window: Window,
        /// Weights `[out, in / groups, kh, kw]`, row-major.
        weights: &'p [i32],
        /// Input channels of a group.
        group_inputs: usize,
        /// Output channels of a group.
        group_outputs: usize,
    },
    /// Pooling and upsampling; identity is pooling over windows of one element.
    Pool {
        /// Geometry.
        window: Window,
        /// Output channel of the first input channel: 0, but in a concatenation.
        first: usize,
    },
    /// Stored connections.
    Sparse {
        /// Targets.
        targets: &'p [i32],
        /// First synapse of every source, and the end.
        rows: &'p [i32],
        /// Weights.
        weights: &'p [i32],
    },
}

/// Synapses of a stage that one source feeds.
#[derive(Debug)]
pub struct Group<'p> {
    /// The source.
    pub source: NodeId,
    /// Events of step t act at step t + 1.
    pub delayed: bool,
    /// Values are 0 or 1.
    pub binary: bool,
    /// In the order of the stage.
    pub synapses: Vec<SynapsePlan<'p>>,
}

/// Synapses of a stage by source, and the bias per channel they bring.
pub fn groups<'p>(graph: &'p Graph, stage: &Stage, shape: Shape) -> Result<(Vec<Group<'p>>, Vec<i64>)> {
    let mut groups: Vec<Group<'p>> = Vec::new();
    let mut bias = vec![0; shape.c];
    for synapse in &stage.synapses {
        let plan = plan(graph, stage, synapse, shape, &mut bias)?;
        match groups.iter_mut().find(|g| g.source == synapse.source) {
            Some(group) if group.delayed != synapse.delayed => {
                return Err(refuse(
                    &stage.name,
                    "one source acts both in its own step and one step late",
                    "delay both connections, or neither",
                ))
            }
            Some(group) => group.synapses.push(plan),
            None => groups.push(Group {
                source: synapse.source,
                delayed: synapse.delayed,
                binary: graph.ty(synapse.source)?.as_int(&stage.name)?.is_binary(),
                synapses: vec![plan],
            }),
        }
    }
    check_leaves(graph, stage)?;
    let sparse = |s: &SynapsePlan| matches!(s.kind, Connect::Sparse { .. });
    let all: Vec<&SynapsePlan> = groups.iter().flat_map(|g| &g.synapses).collect();
    if all.iter().any(|s| sparse(s)) && !all.iter().all(|s| sparse(s)) {
        return Err(refuse(
            &stage.name,
            "stored connections and other synapses share an accumulator",
            "write all connections as sparse",
        ));
    }
    Ok((groups, bias))
}

fn ints<'p>(graph: &'p Graph, name: &str) -> &'p [i32] {
    graph.tensors.get(name).and_then(Tensor::as_int).unwrap_or(&[])
}

fn add_bias(graph: &Graph, bias: &mut [i64], name: Option<&str>) {
    if let Some(name) = name {
        bias.iter_mut().zip(ints(graph, name)).for_each(|(b, &v)| *b += i64::from(v));
    }
}

fn convolution(weight: &Tensor, window: Window, groups: usize) -> Connect<'_> {
    Connect::Conv {
        window,
        weights: weight.as_int().unwrap_or(&[]),
        group_inputs: weight.shape[1],
        group_outputs: weight.shape[0] / groups,
    }
}

fn plan<'p>(
    graph: &'p Graph,
    stage: &Stage,
    synapse: &Synapse,
    shape: Shape,
    bias: &mut [i64],
) -> Result<SynapsePlan<'p>> {
    let node = graph.node(synapse.node);
    let operand = |i: usize| graph.node(node.inputs[i]).ty.shape;
    let first = synapse.first_channel(graph);
    let dot = Window { kernel: [1, 1], stride: [1, 1], padding: [0; 4], dilation: [1, 1], transposed: false };
    let (input, kind) = match &node.op {
        // The source's own value, whatever made it.
        _ if synapse.node == synapse.source => (node.ty.shape, Connect::Pool { window: dot, first }),
        Op::Conv2d(conv) => {
            add_bias(graph, bias, conv.bias.as_deref());
            let weight = &graph.tensors[&conv.weight];
            (operand(0), convolution(weight, conv.window(weight), conv.groups))
        }
        Op::ConvTranspose2d(conv) => {
            add_bias(graph, bias, conv.bias.as_deref());
            let weight = &graph.tensors[&conv.weight];
            (operand(0), convolution(weight, conv.window(weight), conv.groups))
        }
        Op::Linear(linear) => {
            add_bias(graph, bias, linear.bias.as_deref());
            (operand(0), convolution(&graph.tensors[&linear.weight], dot, 1))
        }
        Op::AvgPool(pool) => (operand(0), Connect::Pool { window: pool.window(), first }),
        Op::Upsample(up) => (operand(0), Connect::Pool { window: up.window(), first }),
        Op::Concat(_) => (graph.node(synapse.operand(graph)).ty.shape, Connect::Pool { window: dot, first }),
        Op::MaxPool(pool) => (operand(0), Connect::Pool { window: pool.window(), first }),
        Op::Sparse(Sparse { targets, rows, weight, .. }) => {
            let [targets, rows, weights] = [targets, rows, weight].map(|n| ints(graph, n));
            (operand(0), Connect::Sparse { targets, rows, weights })
        }
        _ => (node.ty.shape, Connect::Pool { window: dot, first }),
    };
    let source = graph.node(synapse.source).ty.shape;
    if node.ty.shape != shape || source.step_len() != input.step_len() {
        return Err(refuse(
            &stage.name,
            format!(
                "synapse `{}` has shape {} from {source} and the accumulator {shape}",
                node.name, node.ty.shape
            ),
            "only values of one shape are summed in an accumulator",
        ));
    }
    Ok(SynapsePlan { input, kind })
}

/// True if a synapse takes maxima.
pub fn is_max(graph: &Graph, synapse: &Synapse) -> bool {
    synapse.node != synapse.source && matches!(graph.node(synapse.node).op, Op::MaxPool(_))
}

/// The accumulator must be the sum of exactly the synapses; a maximum shares with nobody and needs values from 0.
fn check_leaves(graph: &Graph, stage: &Stage) -> Result<()> {
    let mut leaves = Vec::new();
    let mut open = vec![stage.accumulator];
    let named = |id: NodeId| stage.synapses.iter().any(|s| s.node == id);
    while let Some(id) = open.pop() {
        let node = graph.node(id);
        if !named(id) && matches!(node.op, Op::Add(_)) && leaves.len() + open.len() <= stage.synapses.len() {
            open.extend(&node.inputs);
        } else {
            leaves.push(id);
        }
    }
    let mut synapses: Vec<NodeId> = stage.synapses.iter().map(|s| s.node).collect();
    // A concatenation is one leaf and has a synapse an operand.
    let operands = |id: &NodeId| match graph.node(*id).op {
        Op::Concat(_) if !stage.synapses.iter().any(|s| s.source == *id) => graph.node(*id).inputs.len(),
        _ => 1,
    };
    let mut leaves: Vec<NodeId> =
        leaves.iter().flat_map(|id| std::iter::repeat_n(*id, operands(id))).collect();
    leaves.sort_unstable();
    synapses.sort_unstable();
    if leaves != synapses {
        return Err(refuse(
            &stage.name,
            "the accumulator is not the sum of the stage's synapses",
            "build programs with the mapper",
        ));
    }
    if let Some(synapse) = stage.synapses.iter().find(|s| is_max(graph, s)) {
        let low = graph.node(synapse.node).ty.as_int(&stage.name)?.lo;
        if stage.synapses.len() > 1 || low < 0 {
            return Err(refuse(
                &stage.name,
                "max_pool shares its accumulator or takes negative values",
                "put a neuron or a relu before it and nothing beside it",
            ));
        }
    }
    Ok(())
}

/// Weights in their narrowest form.
#[derive(Debug)]
pub enum Weights {
    /// Eight bits.
    Byte(Vec<i8>),
    /// Sixteen bits.
    Half(Vec<i16>),
}

impl Weights {
    fn pack(values: Vec<i32>, place: &str) -> Result<Self> {
        if let Ok(bytes) = values.iter().map(|&v| i8::try_from(v)).collect() {
            return Ok(Weights::Byte(bytes));
        }
        let halves: std::result::Result<_, _> = values.iter().map(|&v| i16::try_from(v)).collect();
        halves
            .map(Weights::Half)
            .map_err(|_| refuse(place, "a weight needs more than 16 bits", "quantise to 2..16 bits"))
    }

    /// Number of weights.
    pub fn len(&self) -> usize {
        match self {
            Weights::Byte(w) => w.len(),
            Weights::Half(w) => w.len(),
        }
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A box of the accumulator on one core.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    /// First channel and end.
    pub channels: [usize; 2],
    /// First row and end.
    pub rows: [usize; 2],
    /// Columns.
    pub columns: usize,
}

impl Region {
    /// Channels held.
    pub fn channel_count(&self) -> usize {
        self.channels[1] - self.channels[0]
    }
    /// Positions held.
    pub fn positions(&self) -> usize {
        (self.rows[1] - self.rows[0]) * self.columns
    }
    /// Accumulators held.
    pub fn len(&self) -> usize {
        self.positions() * self.channel_count()
    }
    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A synapse as one slice needs it.
#[derive(Debug)]
pub enum Image {
    /// Convolution, linear, pooling, identity.
    Taps(TapImage),
    /// Stored connections.
    Sparse(SparseImage),
}

/// Taps by input row and column, weights `[in][ky][kx][lane]`.
#[derive(Debug)]
pub struct TapImage {
    /// Input rows and columns.
    pub plane: [usize; 2],
    /// First entry of `row_taps` per input row, and the end.
    pub row_start: Vec<u32>,
    /// (kernel row, local output row).
    pub row_taps: Vec<(u32, u32)>,
    /// First entry of `col_taps` per input column, and the end.
    pub col_start: Vec<u32>,
    /// (kernel column, output column).
    pub col_taps: Vec<(u32, u32)>,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// First local channel and channels that an input channel reaches.
    pub lanes: Vec<(u32, u32)>,
    /// First weight of an input channel.
    pub first_weight: Vec<u32>,
    /// Weights; none for pooling.
    pub weights: Option<Weights>,
}

impl SynapsePlan<'_> {
    /// The image of one slice.
    pub fn image(&self, region: &Region, output: Shape, banking: Banking, place: &str) -> Result<Image> {
        match &self.kind {
            Connect::Conv { window, weights, group_inputs, group_outputs } => {
                let sizes = (*group_inputs, *group_outputs);
                self.conv_image(region, output, *window, weights, sizes, place).map(Image::Taps)
            }
            Connect::Pool { window, first } => {
                let lane = |c: usize| {
                    let c = c + first;
                    let held = (region.channels[0]..region.channels[1]).contains(&c);
                    (c.saturating_sub(region.channels[0]) as u32, u32::from(held))
                };
                let mut image = self.taps(region, output, *window);
                image.lanes = (0..self.input.c).map(lane).collect();
                Ok(Image::Taps(image))
            }
            Connect::Sparse { targets, rows, weights } => {
                sparse_image(region, targets, rows, weights, banking, place).map(Image::Sparse)
            }
        }
    }

    fn taps(&self, region: &Region, output: Shape, window: Window) -> TapImage {
        let (mut row_start, mut row_taps) = (vec![0], Vec::new());
        for y in 0..self.input.h {
            for k in 0..window.kernel[0] {
                let held = |o: &usize| (region.rows[0]..region.rows[1]).contains(o);
                if let Some(o) = window.out_row(y, k, output.h).filter(held) {
                    row_taps.push((k as u32, (o - region.rows[0]) as u32));
                }
            }
            row_start.push(row_taps.len() as u32);
        }
        let (mut col_start, mut col_taps) = (vec![0], Vec::new());
        for x in 0..self.input.w {
            for k in 0..window.kernel[1] {
                if let Some(o) = window.out_col(x, k, output.w) {
                    col_taps.push((k as u32, o as u32));
                }
            }
            col_start.push(col_taps.len() as u32);
        }
        TapImage {
            plane: [self.input.h, self.input.w],
            row_start,
            row_taps,
            col_start,
            col_taps,
            kernel: window.kernel,
            lanes: Vec::new(),
            first_weight: vec![0; self.input.c],
            weights: None,
        }
    }

    fn conv_image(
        &self,
        region: &Region,
        output: Shape,
        window: Window,
        weights: &[i32],
        (group_inputs, group_outputs): (usize, usize),
        place: &str,
    ) -> Result<TapImage> {
        let mut image = self.taps(region, output, window);
        let taps = window.kernel[0] * window.kernel[1];
        let mut values = Vec::new();
        for i in 0..self.input.c {
            let group = i / group_inputs;
            let first = (group * group_outputs).max(region.channels[0]);
            let end = ((group + 1) * group_outputs).min(region.channels[1]).max(first);
            image.lanes.push((first.saturating_sub(region.channels[0]) as u32, (end - first) as u32));
            image.first_weight[i] = values.len() as u32;
            for k in 0..taps {
                values
                    .extend((first..end).map(|o| weights[(o * group_inputs + i % group_inputs) * taps + k]));
            }
        }
        image.weights = Some(Weights::pack(values, place)?);
        Ok(image)
    }
}
