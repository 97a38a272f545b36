//! Synapses of a stage: geometry, and the weight image of one slice laid out source → tap → lane.

use super::refuse;
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
    /// Pooling; identity is pooling over windows of one element.
    Pool {
        /// Geometry.
        window: Window,
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

fn plan<'p>(
    graph: &'p Graph,
    stage: &Stage,
    synapse: &Synapse,
    shape: Shape,
    bias: &mut [i64],
) -> Result<SynapsePlan<'p>> {
    let node = graph.node(synapse.node);
    let operand = |i: usize| graph.node(node.inputs[i]).ty.shape;
    let mut add_bias = |name: &Option<String>| {
        if let Some(name) = name {
            bias.iter_mut().zip(ints(graph, name)).for_each(|(b, &v)| *b += i64::from(v));
        }
    };
    let dot = Window { kernel: [1, 1], stride: [1, 1], padding: [0; 4], dilation: [1, 1] };
    let (input, kind) = match &node.op {
        Op::Conv2d(conv) => {
            add_bias(&conv.bias);
            let weight = &graph.tensors[&conv.weight];
            let kind = Connect::Conv {
                window: conv.window(weight),
                weights: weight.as_int().unwrap_or(&[]),
                group_inputs: weight.shape[1],
                group_outputs: weight.shape[0] / conv.groups,
            };
            (operand(0), kind)
        }
        Op::Linear(linear) => {
            add_bias(&linear.bias);
            let weight = &graph.tensors[&linear.weight];
            let kind = Connect::Conv {
                window: dot,
                weights: weight.as_int().unwrap_or(&[]),
                group_inputs: weight.shape[1],
                group_outputs: weight.shape[0],
            };
            (operand(0), kind)
        }
        Op::AvgPool(pool) => (operand(0), Connect::Pool { window: pool.window() }),
        Op::MaxPool(pool) => (operand(0), Connect::Pool { window: pool.window() }),
        Op::Sparse(Sparse { targets, rows, weight, .. }) => {
            let [targets, rows, weights] = [targets, rows, weight].map(|n| ints(graph, n));
            (operand(0), Connect::Sparse { targets, rows, weights })
        }
        _ => (node.ty.shape, Connect::Pool { window: dot }),
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
    leaves.sort_unstable();
    synapses.sort_unstable();
    if leaves != synapses {
        return Err(refuse(
            &stage.name,
            "the accumulator is not the sum of the stage's synapses",
            "build programs with the mapper",
        ));
    }
    let max = stage.synapses.iter().find(|s| matches!(graph.node(s.node).op, Op::MaxPool(_)));
    if let Some(synapse) = max {
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

/// Rows by source, those without a synapse left out.
///
/// Sources come in groups of 64, each with one block of `data`: the offset of every row's record in the block, and
/// of the end, then the records: a head (beats, doubled, plus 1 if the targets are neighbours in ascending order) and the
/// synapses. So a look-up touches the index and one block.
#[derive(Debug, Default)]
pub struct SparseImage {
    /// Per group: which sources have a row (two halves), and the start of the block.
    index: Vec<[u32; 3]>,
    data: Vec<u32>,
    count: usize,
}

/// Synapses of one source on one slice.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// Packed synapses.
    pub synapses: &'a [u32],
    /// Beats.
    pub beats: u32,
    /// The targets are neighbours in ascending order.
    pub dense: bool,
}

/// Target of a packed synapse.
#[inline]
pub fn target(synapse: u32) -> usize {
    (synapse & 0xffff) as usize
}

/// Weight of a packed synapse.
#[inline]
pub fn weight(synapse: u32) -> i32 {
    synapse as i32 >> 16
}

impl SparseImage {
    /// The row of a source.
    #[inline]
    pub fn row(&self, source: u32) -> RowView<'_> {
        let [low, high, base] = self.index[source as usize / 64];
        let (bits, bit) = (u64::from(low) | u64::from(high) << 32, 1u64 << (source % 64));
        if bits & bit == 0 {
            return RowView { synapses: &[], beats: 0, dense: false };
        }
        let block = &self.data[base as usize..];
        let at = (bits & (bit - 1)).count_ones() as usize;
        let record = &block[block[at] as usize..block[at + 1] as usize];
        RowView { synapses: &record[1..], beats: record[0] >> 1, dense: record[0] & 1 == 1 }
    }

    /// Synapses held.
    pub fn synapse_count(&self) -> usize {
        self.count
    }

    /// Appends the block of a group of sources whose rows are given in order; an empty row is left out.
    fn push_group(&mut self, rows: &[Vec<u32>], banking: Banking) {
        let (mut bits, mut records, mut ends) = (0u64, Vec::new(), vec![0]);
        for (i, row) in rows.iter().enumerate().filter(|(_, r)| !r.is_empty()) {
            bits |= 1 << i;
            let dense = row.windows(2).all(|p| target(p[1]) == target(p[0]) + 1);
            records.push(banking.beats(row) << 1 | u32::from(dense));
            records.extend(row);
            self.count += row.len();
            ends.push(records.len() as u32);
        }
        self.index.push([bits as u32, (bits >> 32) as u32, self.data.len() as u32]);
        if bits != 0 {
            let heads = ends.len() as u32;
            self.data.extend(ends.iter().map(|e| e + heads));
            self.data.extend(records);
        }
    }
}

/// Beats of a row: up to `lanes` synapses whose banks differ.
#[derive(Debug, Clone, Copy)]
pub struct Banking {
    /// Lanes of a word.
    pub lanes: usize,
    /// Banks of the accumulator memory.
    pub banks: usize,
}

impl Banking {
    /// End of the beat that starts at `start`. Different banks imply different targets.
    pub fn beat_end(self, synapses: &[u32], start: usize) -> usize {
        let mut used = [0u64; 4];
        let mut end = start;
        while end < synapses.len() && end - start < self.lanes {
            let bank = target(synapses[end]) % self.banks;
            if used[bank / 64] >> (bank % 64) & 1 == 1 {
                break;
            }
            used[bank / 64] |= 1 << (bank % 64);
            end += 1;
        }
        end
    }

    fn beats(self, synapses: &[u32]) -> u32 {
        let (mut at, mut beats) = (0, 0);
        while at < synapses.len() {
            at = self.beat_end(synapses, at);
            beats += 1;
        }
        beats
    }
}

impl SynapsePlan<'_> {
    /// The image of one slice.
    pub fn image(&self, region: &Region, output: Shape, banking: Banking, place: &str) -> Result<Image> {
        match &self.kind {
            Connect::Conv { window, weights, group_inputs, group_outputs } => {
                let sizes = (*group_inputs, *group_outputs);
                self.conv_image(region, output, *window, weights, sizes, place).map(Image::Taps)
            }
            Connect::Pool { window } => {
                let lane = |c: usize| {
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

fn sparse_image(
    region: &Region,
    targets: &[i32],
    rows: &[i32],
    weights: &[i32],
    banking: Banking,
    place: &str,
) -> Result<SparseImage> {
    let held = region.channels[0] as i32..region.channels[1] as i32;
    if held.len() > 1 << 16 {
        return Err(refuse(
            place,
            "a slice of stored connections has more than 65536 targets",
            "cut the layer into smaller slices",
        ));
    }
    let mut image = SparseImage::default();
    for group in (0..rows.len() - 1).step_by(64) {
        let mut lists = Vec::new();
        for row in rows[group..rows.len().min(group + 65)].windows(2) {
            let kept = (row[0] as usize..row[1] as usize).filter(|&s| held.contains(&targets[s]));
            let pack = |s: usize| {
                let weight = i16::try_from(weights[s]);
                let weight = weight.map_err(|_| {
                    refuse(place, "a weight needs more than 16 bits", "quantise to 2..16 bits")
                })?;
                Ok(u32::from(weight as u16) << 16 | (targets[s] - held.start) as u32)
            };
            lists.push(kept.map(pack).collect::<Result<Vec<u32>>>()?);
        }
        image.push_group(&lists, banking);
    }
    image.data.shrink_to_fit();
    image.index.shrink_to_fit();
    Ok(image)
}
