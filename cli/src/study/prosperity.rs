//! `pulvinar study prosperity`: the shapes that Prosperity publishes times for, at its densities, on a chip of its
//! resources (docs/study-prosperity.md).

use super::{measure_at, Run};
use crate::args::Fidelity::{Analytic, Cycle};
use crate::args::{Global, StudyArgs};
use crate::facts;
use crate::{output, source};
use pulvinar_ir::op::spiking_attention::Form;
use pulvinar_ir::{Arch, Graph, Op, Result};
use pulvinar_models::rates::{Plan, Rates, Spread};
use pulvinar_models::zoo::build;
use pulvinar_reports::study::prosperity::{
    closed_form, figure, latency, traffic, Compared, Published, Traffic,
};
use rayon::prelude::*;

const CHIP: &str = include_str!("../../../arch/prosperity-study.toml");

/// Weight memory in which 128 outputs of the widest layer, of 9 · 512 inputs, find room.
const ROOM_KIB: u32 = 640;

/// Memory for sums, membranes, frames, statistics and gates where attention looks at all words at once: its 256 words of 768
/// channels are on the chip together.
const WORDS_KIB: u32 = 2048;

/// A row of its reference: name, network, densities of ones and of what is added, time in ms, bits to and from
/// DRAM, and whether it is simulated here.
type Row = (&'static str, &'static str, [f64; 2], f64, f64, bool);

/// Reference outputs of its simulator (commit 6ee1c6f1), and whether ours simulates the row; the closed form gives the
/// others, which are larger by one or two orders of magnitude.
const ROWS: [Row; 16] = [
    ("VGG-16, CIFAR-10", "prosperity-vgg16", [0.0896, 0.0248], 21.504, 2_306_605_056.0, false),
    ("VGG-16, CIFAR-100", "prosperity-vgg16", [0.342, 0.0279], 33.577, 2_306_605_056.0, false),
    ("ResNet-18, CIFAR-10", "prosperity-resnet18", [0.0909, 0.0251], 11.764, 730_988_544.0, true),
    ("ResNet-18, CIFAR-100", "prosperity-resnet18", [0.0863, 0.0263], 11.631, 730_988_544.0, true),
    ("Spikformer, CIFAR-10", "prosperity-spikformer", [0.149, 0.0483], 3.7434, 140_574_720.0, true),
    ("Spikformer, CIFAR-100", "prosperity-spikformer", [0.147, 0.0441], 3.5394, 140_574_720.0, true),
    ("Spikformer, CIFAR10-DVS", "prosperity-spikformer-dvs", [0.136, 0.0354], 5.257, 217_841_664.0, true),
    ("SDT, CIFAR-10", "prosperity-sdt", [0.146, 0.0508], 6.0588, 241_565_696.0, true),
    ("SDT, CIFAR-100", "prosperity-sdt", [0.152, 0.0548], 6.3652, 241_565_696.0, true),
    ("SDT, CIFAR10-DVS", "prosperity-sdt-dvs", [0.115, 0.0263], 8.9775, 549_388_288.0, true),
    ("SpikeBERT, SST-2", "prosperity-spikebert", [0.132, 0.0123], 31.686, 2_505_572_352.0, false),
    ("SpikeBERT, MR", "prosperity-spikebert-mr", [0.306, 0.0504], 117.06, 4_982_833_152.0, false),
    ("SpikeBERT, SST-5", "prosperity-spikebert", [0.479, 0.0243], 45.213, 2_505_572_352.0, false),
    ("SpikingBERT, SST-2", "prosperity-spikingbert", [0.205, 0.0298], 56.517, 2_585_788_416.0, false),
    ("SpikingBERT, QQP", "prosperity-spikingbert", [0.222, 0.041], 61.479, 2_585_788_416.0, false),
    ("SpikingBERT, MNLI", "prosperity-spikingbert", [0.213, 0.0389], 60.086, 2_585_788_416.0, false),
];

/// The study.
pub fn study(args: &StudyArgs, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    let arch = match &args.arch {
        Some(file) => source::arch(Some(file))?,
        None => Arch::from_toml(CHIP).map_err(|d| d.within("arch/prosperity-study.toml"))?,
    };
    let runs =
        ROWS.par_iter().map(|row| compared(row, &arch, args.seed, global)).collect::<Result<Vec<_>>>()?;
    let tables = [latency(&runs), closed_form(&runs), traffic(&runs)];
    let (simulated, others): (Vec<_>, Vec<_>) = runs.iter().cloned().partition(|r| r.closed.is_some());
    let markdown: String =
        tables.iter().map(|t| format!("## {}\n\n{}\n", t.caption, t.to_markdown())).collect();
    output::folder(&args.output, |folder| {
        let text = format!("# Tables of `pulvinar study prosperity`\n\n{markdown}");
        output::file(&folder.join("tables.md"), text.as_bytes())?;
        output::file(&folder.join("prosperity.svg"), figure(&simulated).as_bytes())?;
        output::file(&folder.join("prosperity-large.svg"), figure(&others).as_bytes())
    })?;
    let reports: Vec<_> = runs.iter().flat_map(|r| [&r.case.report, &r.roomy.report]).collect();
    crate::verbs::show(global.json, &serde_json::json!(reports), || {
        tables.iter().map(|t| format!("{}\n{}\n", t.caption, t.to_text("  ", facts::style(false)))).collect()
    });
    Ok(())
}

fn compared(row: &Row, arch: &Arch, seed: u64, global: &Global) -> Result<Compared> {
    let &(name, network, [density, product_density], time_ms, dram_bits, simulated) = row;
    let graph = build::find(network).expect("the study names networks of the zoo").zeros()?;
    let plan = Plan { rates: rates(&graph, density)?, spread: Spread::Bernoulli };
    let run = Run { name, network, plan };
    let arch = &roomy_for_words(arch, &graph);
    let mut room = arch.clone();
    room.core.weight_kib = ROOM_KIB;
    let (tight, room) = (arch, &room);
    let (case, roomy, closed) = if simulated {
        let [case, closed, roomy, closed_roomy] = measure_at(
            &run,
            [(tight, Cycle), (tight, Analytic), (room, Cycle), (room, Analytic)],
            seed,
            global,
        )?;
        (case, roomy, Some([closed, closed_roomy]))
    } else {
        let [case, roomy] = measure_at(&run, [(tight, Analytic), (room, Analytic)], seed, global)?;
        (case, roomy, None)
    };
    let published = Published { density, product_density, time_ms, dram_bits };
    Ok(Compared { case, roomy, closed, published, rule: rule(&graph) })
}

/// The chip, with [`WORDS_KIB`] where the input is a row of words.
fn roomy_for_words(arch: &Arch, graph: &Graph) -> Arch {
    let mut arch = arch.clone();
    if graph.input().is_some_and(|input| graph.node(input).ty.shape.h == 1) {
        let core = &mut arch.core;
        for kib in [&mut core.accumulator_kib, &mut core.state_kib, &mut core.frame_kib] {
            *kib = WORDS_KIB;
        }
        (core.statistics_kib, core.gate_kib) = (WORDS_KIB, WORDS_KIB);
    }
    arch
}

/// Rates with which every layer reads this share of ones: neurons before a maximum pool are so rare that a window of it
/// holds one as often.
fn rates(graph: &Graph, density: f64) -> Result<Rates> {
    let mut rates = Rates::uniform(density)?;
    for node in &graph.nodes {
        if let Op::MaxPool(pool) = &node.op {
            let places = (pool.kernel[0] * pool.kernel[1]) as f64;
            let before = &graph.node(node.inputs[0]).name;
            rates.set(before, 1.0 - (1.0 - density).powf(1.0 / places), None);
        }
    }
    Ok(rates)
}

/// Traffic of the layers by its rule; the classes behind the last spikes are ours.
fn rule(graph: &Graph) -> Traffic {
    let mut traffic = Traffic::default();
    for node in graph.nodes.iter().filter(|n| n.name != "classes") {
        let shape = node.ty.shape;
        let (steps, places) = (shape.t as u64, (shape.h * shape.w) as u64);
        match &node.op {
            Op::Conv2d(conv) => {
                let weight = &graph.tensors[&conv.weight].shape;
                let taps = (weight[2] * weight[3]) as u64;
                traffic.layer([weight[1] as u64, weight[0] as u64, taps, steps * places]);
            }
            Op::Linear(linear) => {
                let weight = &graph.tensors[&linear.weight].shape;
                traffic.layer([weight[1] as u64, weight[0] as u64, 1, steps]);
            }
            Op::Neuron(_) => traffic.neurons(shape.len() as u64),
            Op::SpikingAttention(a) if a.form == Form::Sdsa => traffic.masks(shape.len() as u64),
            Op::SpikingAttention(a) => {
                traffic.products(steps * a.heads as u64, places, (shape.c / a.heads) as u64);
                traffic.neurons(shape.len() as u64);
            }
            _ => {}
        }
    }
    traffic
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shapes are those that Prosperity ran: its rule for DRAM gives its published bits.
    #[test]
    fn its_rule_gives_its_traffic_on_our_shapes() {
        for (name, network, _, _, published, _) in ROWS {
            let mut found = rule(&build::find(network).unwrap().zeros().unwrap());
            listed_besides(network, &mut found);
            assert_eq!(found.total(), published as u64, "{name}");
        }
    }

    /// What its lists hold that the shapes do not.
    fn listed_besides(network: &str, found: &mut Traffic) {
        // Values of 8 bits, written and read again by a norm.
        let norm = |values: u64| 2 * 8 * values;
        let bert = |tokens: u64| 768 * tokens * 4;
        match network {
            // The third and fourth layer of neurons twice as wide as the convolutions before them.
            "prosperity-resnet18" => found.neurons(2 * 64 * 64 * 32),
            // A norm behind each of the layers, of 3, 1, 4 and 1 times the width.
            "prosperity-spikebert" => found.spike_bits += 12 * norm(9 * bert(128)),
            "prosperity-spikebert-mr" => found.spike_bits += 12 * norm(9 * bert(256)),
            // Two norms a block, a query of 8 bits that no neuron makes, and a softmax: query, key and value are read once.
            "prosperity-spikingbert" => {
                let values = 16 * 128 * 768;
                found.spike_bits += 4 * (norm(2 * values) - values);
                found.attention_bits = 4 * (8 + 1 + 1) * values;
            }
            _ => {}
        }
    }

    #[test]
    fn pools_are_made_up_for() {
        let graph = build::find("prosperity-sdt").unwrap().zeros().unwrap();
        let rates = rates(&graph, 0.146).unwrap();
        let mut expected = Rates::uniform(0.146).unwrap();
        for name in ["conv2.spikes", "conv3.spikes"] {
            expected.set(name, 1.0 - 0.854f64.powf(1.0 / 9.0), None);
        }
        assert_eq!(rates, expected);
    }
}
