//! Prosperity (`wei2025prosperity`) beside our machine of like resources: latency and traffic.

use super::Case;
use crate::plots::bars::{stacked, Bar};
use crate::plots::{standalone, PALETTE};
use crate::report::Report;
use crate::table::Table;
use crate::units::{bits, percent, time};

/// Adders of both.
const ADDERS: f64 = 128.0;

/// What is published about a network and data set, and what its shapes say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// Ones among the operands.
    pub density: f64,
    /// What remains to be added where rows share their ones.
    pub product_density: f64,
    /// Time, ms.
    pub time_ms: f64,
    /// Bits moved to and from DRAM.
    pub dram_bits: f64,
}

/// Bits that Prosperity's rule moves for these shapes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Weights, once for every 256 rows of operands.
    pub weight_bits: u64,
    /// Operands, once for every 128 outputs.
    pub operand_bits: u64,
    /// Spikes made, where they do not fit on the chip.
    pub spike_bits: u64,
    /// Attention.
    pub attention_bits: u64,
}

impl Traffic {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weight_bits + self.operand_bits + self.spike_bits + self.attention_bits
    }

    /// A layer of `outputs` sums over `inputs` operands, of a window of `taps` places each, for `rows` places and steps.
    pub fn layer(&mut self, [inputs, outputs, taps, rows]: [u64; 4]) {
        self.weight_bits += inputs * taps * outputs * 8 * rows.div_ceil(256);
        self.operand_bits += rows * inputs * outputs.div_ceil(128);
    }

    /// Neurons times steps; 4096 of them fit on the chip.
    pub fn neurons(&mut self, spikes: u64) {
        self.spike_bits += if spikes < 4096 { 0 } else { spikes };
    }

    /// Masks by channel of query, key and value.
    pub fn masks(&mut self, values: u64) {
        self.attention_bits += 4 * values;
    }

    /// Products of key and value and then query, for so many heads and steps, tokens and channels of a head; the larger of
    /// the two is summed over first. The product stays on the chip where its bits are fewer than the bytes of the buffer of
    /// weights; else it is written and read again.
    pub fn products(&mut self, heads: u64, tokens: u64, channels: u64) {
        let (long, short) = (tokens.max(channels), tokens.min(channels));
        let product = 8 * short * short;
        let moved = if product < 32 * 1024 { 0 } else { product * long.div_ceil(256) + long * short };
        self.attention_bits += heads * (long * short * 8 * short.div_ceil(256) + 2 * long * short + moved);
    }
}

/// A run and what stands beside it.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Our run.
    pub case: Case,
    /// The same with room for the weights of every lane.
    pub roomy: Case,
    /// Both in closed form, where both are simulated; else both are in closed form themselves.
    pub closed: Option<[Case; 2]>,
    /// What is published.
    pub published: Published,
    /// Traffic by its rule.
    pub rule: Traffic,
}

impl Compared {
    fn ms(&self) -> f64 {
        milliseconds_of(&self.case)
    }
    /// Time of all additions on all lanes, ms.
    fn adding_ms(&self) -> f64 {
        self.case.report.synaptic_events() / ADDERS / self.case.report.timing.clock_mhz / 1e3
    }
    /// The same where rows share their ones as published.
    fn sharing_ms(&self) -> f64 {
        self.adding_ms() * self.published.product_density / self.published.density
    }
}

fn milliseconds_of(case: &Case) -> f64 {
    case.report.timing.latency_us / 1e3
}

fn dram_bits(report: &Report) -> f64 {
    8.0 * (report.traffic.dram.read_bytes + report.traffic.dram.written_bytes)
}

fn busy(report: &Report) -> f64 {
    report.layers.iter().map(|l| l.synapse_busy_cycles).sum()
}

/// Share of the lanes that add in a beat.
fn lanes(report: &Report) -> f64 {
    report.synaptic_events() / ADDERS / busy(report)
}

/// Latency: ours on both chips, theirs, and where the difference lies.
#[must_use]
pub fn latency(runs: &[Compared]) -> Table {
    let heads = [
        "network",
        "by",
        ">ones",
        ">ours",
        ">lanes in use",
        ">phases",
        ">ours with room",
        ">lanes in use",
        ">phases",
        ">Prosperity",
        ">all lanes always adding",
        ">the same, rows shared",
    ];
    let mut table = Table::new("Latency of an inference at 500 MHz", &heads);
    for run in runs {
        let [tight, roomy] = [&run.case.report, &run.roomy.report];
        table.row(&[
            &run.case.name,
            if run.closed.is_some() { "cycle" } else { "closed form" },
            &percent(run.published.density),
            &milliseconds(run.ms()),
            &percent(lanes(tight)),
            &tight.model.phases.to_string(),
            &milliseconds(milliseconds_of(&run.roomy)),
            &percent(lanes(roomy)),
            &roomy.model.phases.to_string(),
            &milliseconds(run.published.time_ms),
            &milliseconds(run.adding_ms()),
            &milliseconds(run.sharing_ms()),
        ]);
    }
    table
}

/// Latency of the simulated rows in closed form, and how far that is off.
#[must_use]
pub fn closed_form(runs: &[Compared]) -> Table {
    let heads = ["network", ">ours", ">closed form", ">off", ">ours with room", ">closed form", ">off"];
    let mut table = Table::new("The closed form beside the simulation", &heads);
    for run in runs {
        let Some([closed, closed_roomy]) = &run.closed else { continue };
        let pair = |ours: &Case, closed: &Case| {
            let (ours, closed) = (milliseconds_of(ours), milliseconds_of(closed));
            [milliseconds(ours), milliseconds(closed), format!("{:+.1} %", (closed / ours - 1.0) * 100.0)]
        };
        let [tight, roomy] = [pair(&run.case, closed), pair(&run.roomy, closed_roomy)];
        let name = run.case.name.clone();
        let cells: Vec<String> = std::iter::once(name).chain(tight).chain(roomy).collect();
        table.row(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    table
}

/// Bits to and from DRAM: ours, theirs, and theirs by part.
#[must_use]
pub fn traffic(runs: &[Compared]) -> Table {
    let heads = [
        "network",
        ">ours",
        ">ours with room",
        ">Prosperity",
        ">its rule on our shapes",
        ">weights",
        ">operands",
        ">spikes made",
        ">attention",
    ];
    let mut table = Table::new("Bits to and from DRAM, an inference", &heads);
    for run in runs {
        table.row(&[
            &run.case.name,
            &bits(dram_bits(&run.case.report)),
            &bits(dram_bits(&run.roomy.report)),
            &bits(run.published.dram_bits),
            &run.rule.total().to_string(),
            &bits(run.rule.weight_bits as f64),
            &bits(run.rule.operand_bits as f64),
            &bits(run.rule.spike_bits as f64),
            &bits(run.rule.attention_bits as f64),
        ]);
    }
    table
}

/// Times with room for weights as bars, cut into what sharing would need, what it would save, idle lanes, and waiting;
/// theirs below each.
#[must_use]
pub fn figure(runs: &[Compared]) -> String {
    let mut bars = Vec::new();
    for run in runs {
        let report = &run.roomy.report;
        let (all, busy) = (milliseconds_of(&run.roomy), busy(report) / report.timing.clock_mhz / 1e3);
        let parts = [
            ("additions left if rows were shared", run.sharing_ms()),
            ("additions that sharing would save", run.adding_ms() - run.sharing_ms()),
            ("lanes without a channel", busy - run.adding_ms()),
            ("engine not adding", all - busy),
        ];
        let parts = parts.iter().zip(PALETTE).map(|((name, ms), colour)| ((*name).to_owned(), *ms, colour));
        bars.push(Bar { label: run.case.name.clone(), note: milliseconds(all), parts: parts.collect() });
        bars.push(Bar {
            label: "Prosperity".to_owned(),
            note: milliseconds(run.published.time_ms),
            parts: vec![("Prosperity, published".to_owned(), run.published.time_ms, PALETTE[7])],
        });
    }
    standalone(&stacked("Latency with room for weights, beside Prosperity", &bars, None, milliseconds))
}

fn milliseconds(ms: f64) -> String {
    time(ms * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spike-driven transformer, CIFAR, T = 4: the published traffic from its shapes, exactly.
    #[test]
    fn the_rule_gives_the_published_traffic() {
        let mut traffic = Traffic::default();
        for (side, inputs, outputs) in [(32, 64, 128), (32, 128, 256), (16, 256, 512), (8, 512, 512)] {
            traffic.layer([inputs, outputs, 9, 4 * side * side]);
            traffic.neurons(4 * side * side * outputs);
        }
        let rows = 4 * 64;
        for _ in 0..4 {
            for (inputs, outputs) in [(512, 1536), (512, 512), (512, 2048), (2048, 512)] {
                traffic.layer([inputs, outputs, 1, rows]);
                traffic.neurons(rows * outputs);
            }
            traffic.masks(rows * 512);
        }
        assert_eq!(traffic.total(), 241_565_696);
    }

    /// One block of Spikformer: two products of spikes for each of 12 heads and 4 steps.
    #[test]
    fn products_of_attention_stay_on_the_chip() {
        let mut traffic = Traffic::default();
        traffic.products(48, 64, 32);
        assert_eq!(traffic.total(), 48 * (64 * 32 * 8 + 2 * 64 * 32));
    }
}
