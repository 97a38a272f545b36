//! Four seeded networks that other simulators run too, and their programs.
//!
//! Every neuron adds its bias and the weights of the spikes sent to it in the step before; above the threshold it fires and
//! its membrane is 0 again. Numbers are a function of (seed, index), so the networks can be made in any language; their
//! exact reference gives spikes for comparison (`docs/peers.md`).

mod program;

pub use program::program;

/// Integer `i` of stream `seed` in `lo..=hi` (splitmix64 of a counter).
fn integer(seed: u64, i: u64, lo: i64, hi: i64) -> i32 {
    let mut x =
        seed.wrapping_mul(0xD1B5_4A32_D192_ED03).wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^= x >> 31;
    (lo + (x % (hi - lo + 1) as u64) as i64) as i32
}

fn integers(seed: u64, n: usize, lo: i64, hi: i64) -> Vec<i32> {
    (0..n as u64).map(|i| integer(seed, i, lo, hi)).collect()
}

/// Neurons on cores, and synapses in the order of their sources and targets.
#[derive(Debug, Clone)]
pub struct Net {
    /// Name.
    pub name: &'static str,
    /// Neurons of every layer, each the source of the next; a single one is its own.
    pub layers: Vec<usize>,
    /// Core of every neuron; four cores a tile.
    pub core: Vec<u32>,
    /// Bias of every neuron.
    pub bias: Vec<i32>,
    /// Threshold of every layer.
    pub thresholds: Vec<i32>,
    /// First synapse of every neuron, and the end.
    pub rows: Vec<usize>,
    /// Neuron at the end of every synapse.
    pub targets: Vec<u32>,
    /// Weight of every synapse.
    pub weights: Vec<i32>,
    /// Steps of the reference.
    pub steps: usize,
}

type Edge = (u32, u32, i32);

/// A layer: neurons, its first core, neurons of a core, threshold.
type Layer = (usize, usize, usize, i32);

impl Net {
    fn new(
        name: &'static str,
        layers: &[Layer],
        mut bias: Vec<i32>,
        mut edges: Vec<Edge>,
        steps: usize,
    ) -> Self {
        let neurons = layers.iter().map(|l| l.0).sum();
        bias.resize(neurons, 0);
        edges.sort_unstable();
        let mut rows = vec![0; neurons + 1];
        edges.iter().for_each(|e| rows[e.0 as usize + 1] += 1);
        (0..neurons).for_each(|i| rows[i + 1] += rows[i]);
        Net {
            name,
            layers: layers.iter().map(|l| l.0).collect(),
            core: layers
                .iter()
                .flat_map(|&(n, first, each, _)| (0..n).map(move |i| (first + i / each) as u32))
                .collect(),
            bias,
            thresholds: layers.iter().map(|l| l.3).collect(),
            rows,
            targets: edges.iter().map(|e| e.1).collect(),
            weights: edges.iter().map(|e| e.2).collect(),
            steps,
        }
    }

    /// First neuron of a layer, and the end.
    pub fn layer(&self, l: usize) -> std::ops::Range<usize> {
        let first = self.layers[..l].iter().sum();
        first..first + self.layers[l]
    }

    /// As text, for a simulator in another language: layers, then `core,bias,threshold` a neuron, then `source,target,weight` a synapse.
    pub fn to_text(&self) -> String {
        let mut text =
            format!("{}\n", self.layers.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
        for (l, threshold) in self.thresholds.iter().enumerate() {
            for i in self.layer(l) {
                text += &format!("{},{},{threshold}\n", self.core[i], self.bias[i]);
            }
        }
        for i in 0..self.core.len() {
            for s in self.rows[i]..self.rows[i + 1] {
                text += &format!("{i},{},{}\n", self.targets[s], self.weights[s]);
            }
        }
        text
    }
}

/// 512 self-driven neurons on four cores, fully connected to 512 on four others.
fn dense1k() -> Net {
    let n = 512;
    let edge = |k: u32| (k / n, n + k % n, integer(12, u64::from(k), -12, 13));
    let layers = [(n as usize, 0, 128, 100), (n as usize, 4, 128, 256)];
    Net::new("dense1k", &layers, integers(11, 512, 1, 40), (0..n * n).map(edge).collect(), 500)
}

/// 5,000 self-driven neurons on 40 cores, each connected to one of every ten of 5,000 on 40 others.
fn sparse10k() -> Net {
    let (n, bins) = (5000, 500);
    let edge = |k: u32| {
        let target = n + k % bins * (n / bins) + integer(22, u64::from(k), 0, i64::from(n / bins) - 1) as u32;
        (k / bins, target, integer(23, u64::from(k), -12, 13))
    };
    let layers = [(n as usize, 0, 125, 100), (n as usize, 40, 125, 256)];
    Net::new("sparse10k", &layers, integers(21, 5000, 1, 40), (0..n * bins).map(edge).collect(), 100)
}

/// Rows or columns, channels, and first neuron of a layer whose neurons are numbered by row, column, channel.
#[derive(Clone, Copy)]
struct Plane {
    side: usize,
    channels: usize,
    first: usize,
}

/// Synapses of a 3×3 convolution without padding; weights by kernel row, column, channel in and out.
fn convolution(from: Plane, to: Plane, stride: usize, weights: &[i32]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (y, x) in (0..to.side).flat_map(|y| (0..to.side).map(move |x| (y, x))) {
        for (ky, kx) in (0..3).flat_map(|ky| (0..3).map(move |kx| (ky, kx))) {
            let place = (y * stride + ky) * from.side + x * stride + kx;
            for (i, o) in (0..from.channels).flat_map(|i| (0..to.channels).map(move |o| (i, o))) {
                let source = from.first + place * from.channels + i;
                let target = to.first + (y * to.side + x) * to.channels + o;
                let weight = weights[((ky * 3 + kx) * from.channels + i) * to.channels + o];
                edges.push((source as u32, target as u32, weight));
            }
        }
    }
    edges
}

/// An image of 32×32×2 self-driven neurons, two convolutions and ten neurons that read all of the second, on 27 cores.
fn conv1m() -> Net {
    let image = Plane { side: 32, channels: 2, first: 0 };
    let wide = Plane { side: 30, channels: 16, first: 2048 };
    let deep = Plane { side: 14, channels: 32, first: 2048 + 14_400 };
    let mut edges = convolution(image, wide, 1, &integers(33, 9 * 2 * 16, -30, 40));
    edges.extend(convolution(wide, deep, 2, &integers(34, 9 * 16 * 32, -20, 21)));
    let last = deep.first + 6272;
    let edge =
        |k: usize| ((deep.first + k / 10) as u32, (last + k % 10) as u32, integer(35, k as u64, -10, 10));
    edges.extend((0..6272 * 10).map(edge));
    let drive = |i: u64| if integer(31, i, 0, 9) < 3 { integer(32, i, 10, 60) } else { 0 };
    let layers = [(2048, 0, 1024, 100), (14_400, 2, 900, 120), (6272, 18, 784, 150), (10, 26, 10, 400)];
    Net::new("conv1m", &layers, (0..2048).map(drive).collect(), edges, 100)
}

/// 8,192 self-driven neurons on 128 cores; a spike goes to 16 cores and meets two synapses at each.
fn noc128() -> Net {
    let mut edges = Vec::new();
    for (source, k) in (0..8192).flat_map(|i| (0..16).map(move |k| (i, k))) {
        let i = source * 16 + k;
        let first = 64 * (k as i32 * 8 + integer(42, i, 0, 7));
        let targets = [first + integer(43, i, 0, 31), first + 32 + integer(44, i, 0, 31)];
        let weights = [integer(45, i, -3, 3), integer(45, 8192 * 16 + i, -3, 3)];
        edges.extend(targets.iter().zip(weights).map(|(&t, w)| (source as u32, t as u32, w)));
    }
    Net::new("noc128", &[(8192, 0, 64, 64)], integers(41, 8192, 8, 23), edges, 100)
}

/// A network's name and how it is made.
type Named = (&'static str, fn() -> Net);

/// The networks by name.
pub const NETS: [Named; 4] =
    [("dense1k", dense1k), ("sparse10k", sparse10k), ("conv1m", conv1m), ("noc128", noc128)];
