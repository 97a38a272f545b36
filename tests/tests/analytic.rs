//! The closed form against the simulated machine on a fixed suite of networks and chips: what is counted is equal, time and
//! energy are close. The errors are kept in `simulator/src/analytic/suite.csv`, which reports read; `UPDATE_GOLDEN=1` writes it.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::arch::{Hazard, Pipeline, Sync};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{interpret, Activity, Arch, Counts, Graph, Level, Op, Strategy, Value};
use pulvinar_models::zoo::{self, build};
use pulvinar_reports::energy::{EnergyReport, PriceList, Widths};
use pulvinar_simulator::{analytic, Machine, SimOptions};
use std::collections::BTreeMap;

/// The default network and its first inputs.
fn default_network() -> (Graph, Vec<Value>) {
    let model = (zoo::ZOO[0].load)().unwrap();
    let frames = zoo::calibration().unwrap().frames;
    let lowered = lower(&model.graph, &Options::default()).unwrap();
    let reals: Vec<_> = (0..8).map(|i| frames.value(i, Level::Trained).unwrap()).collect();
    let ranges = Calibration::from_inputs(&lowered, &reals).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let inputs = zoo::test_inputs().unwrap().frames;
    (flow, (0..2).map(|i| inputs.value(i, Level::Flow).unwrap()).collect())
}

/// A narrow copy of a structure and one input of zeros and ones.
fn copy(name: &str, timesteps: usize, input: [usize; 3], narrow: usize) -> (Graph, Vec<Value>) {
    let setting = build::Setting { timesteps, input, classes: 4, narrow };
    let mut graph = (build::find(name).unwrap().build)(&setting, build::Fill::Random { seed: 1 }).unwrap();
    let at = graph.input().unwrap();
    let Op::Input(op) = &mut graph.nodes[at.index()].op else { unreachable!("the input is one") };
    op.kind = InputKind::Counts;
    let shape = graph.node(at).ty.shape;
    let bits: Vec<i64> = (0..shape.len()).map(|i| i64::from(i * i * 31 % 97 + i * 7 % 13 < 24)).collect();
    let reals = Value::real(shape, bits.iter().map(|&v| v as f64).collect());
    let lowered = lower(&graph, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &[reals]).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    (flow, vec![Value::int(shape, bits)])
}

fn networks() -> Vec<(&'static str, (Graph, Vec<Value>))> {
    vec![
        ("default", default_network()),
        ("ma-gesture-tcsa", copy("ma-gesture-tcsa", 6, [2, 16, 16], 8)),
        ("fsta-resnet20", copy("fsta-resnet20", 4, [3, 12, 12], 16)),
        ("gac-cifar10-t4", copy("gac-cifar10-t4", 4, [3, 16, 16], 16)),
        ("radix-lenet-5", copy("radix-lenet-5", 20, [1, 28, 28], 1)),
        ("yoso-mlp", copy("yoso-mlp", 10, [1, 28, 28], 1)),
        ("tcja-dvs128", copy("tcja-dvs128", 4, [2, 64, 64], 32)),
        ("stsc-shd", copy("stsc-shd", 12, [70, 1, 1], 4)),
        ("mlf-14", copy("mlf-14", 4, [3, 12, 12], 8)),
        ("five-layer", copy("five-layer", 6, [2, 32, 32], 16)),
        ("spikformer-8-384", copy("spikformer-8-384", 2, [3, 16, 16], 24)),
        ("sdt-8-384", copy("sdt-8-384", 2, [3, 16, 16], 24)),
    ]
}

fn chips() -> Vec<(&'static str, Arch)> {
    let with = |change: &dyn Fn(&mut Arch)| {
        let mut arch = Arch::default_chip();
        change(&mut arch);
        arch
    };
    vec![
        ("default", Arch::default_chip()),
        ("study", Arch::from_toml(include_str!("../../arch/study.toml")).unwrap()),
        ("lanes 8", with(&|a| a.core.lanes = 8)),
        ("lanes 32", with(&|a| a.core.lanes = 32)),
        ("no multicast", with(&|a| a.noc.multicast = false)),
        ("speculative routers", with(&|a| a.noc.pipeline = Pipeline::Speculative)),
        ("one accumulator buffer", with(&|a| a.core.accumulator_buffers = 1)),
        ("hazards stall", with(&|a| a.core.hazard = Hazard::Stall)),
        ("flits of 128 bits", with(&|a| a.noc.payload_bits = 128)),
        ("barrier", with(&|a| (a.noc.sync, a.noc.barrier_cycles) = (Sync::Barrier, 20))),
    ]
}

const EXACT: &[Activity] = &[
    Activity::EventPop,
    Activity::EventPush,
    Activity::EventPack,
    Activity::WeightRead,
    Activity::WeightWrite,
    Activity::PointerRead,
    Activity::AccRead,
    Activity::AccWrite,
    Activity::SynAdd,
    Activity::SynMac,
    Activity::StateRead,
    Activity::StateWrite,
    Activity::NeuronAdd,
    Activity::NeuronCompare,
    Activity::NeuronLeak,
    Activity::GateMul,
    Activity::GateProduct,
    Activity::StatAdd,
    Activity::StatCompare,
    Activity::DenseMac,
    Activity::TableLookup,
    Activity::AttentionOp,
    Activity::StatRead,
    Activity::StatWrite,
    Activity::GateRead,
    Activity::GateWrite,
    Activity::FrameRead,
    Activity::FrameWrite,
    Activity::SpikeStoreRead,
    Activity::SpikeStoreWrite,
    Activity::BufferWrite,
    Activity::BufferRead,
    Activity::Crossbar,
    Activity::LinkFlit,
    Activity::FlitInject,
    Activity::FlitEject,
    Activity::DramRead,
    Activity::DramWrite,
    Activity::Spike,
];

/// One point of the suite.
struct Point {
    network: String,
    chip: String,
    phases: usize,
    cycles: [u64; 2],
    energy: [f64; 2],
}

/// Both fidelities of one input; none if the network does not fit the chip.
fn point(
    network: &str,
    chip: &str,
    flow: &Graph,
    input: &Value,
    (arch, options): (&Arch, &MapOptions),
) -> Option<Point> {
    let program = map(flow, arch, options).ok()?.program;
    let machine = Machine::new(&program).unwrap();
    let run = machine.simulate(input, &SimOptions::default()).unwrap().counts;
    let form = analytic::estimate(&machine, &interpret::run(&program.graph, input).unwrap()).unwrap();
    for &activity in EXACT {
        let name = activity.name();
        assert_eq!(form.total(activity), run.total(activity), "{name}, {network} on {chip}");
    }
    let prices = PriceList::new(arch, &Widths::default()).unwrap();
    let energy = |c: &Counts| EnergyReport::new(c, &prices).total_aj as f64;
    Some(Point {
        network: network.to_owned(),
        chip: chip.to_owned(),
        phases: program.phases.len(),
        cycles: [run.cycles, form.cycles],
        energy: [energy(&run), energy(&form)],
    })
}

fn suite() -> Vec<Point> {
    let mut points = Vec::new();
    for (name, (flow, inputs)) in networks() {
        for (chip, arch) in chips() {
            points.extend(point(name, chip, &flow, &inputs[0], (&arch, &MapOptions::default())));
        }
    }
    let (flow, inputs) = default_network();
    let arch = Arch::default_chip();
    let program = map(&flow, &arch, &MapOptions::default()).unwrap().program;
    for (name, strategy) in [("spills to DRAM", Strategy::SpillDram), ("recomputes", Strategy::Recompute)] {
        let stages = program.stages.iter().filter(|s| s.is_multipass()).map(|s| (s.name.clone(), strategy));
        let options = MapOptions { strategies: stages.collect::<BTreeMap<_, _>>(), ..MapOptions::default() };
        points.extend(point("default", &format!("default, {name}"), &flow, &inputs[1], (&arch, &options)));
    }
    points
}

#[test]
fn the_closed_form_is_close() {
    let mut text = String::from(
        "network,chip,phases,cycles,cycles_analytic,latency_error_percent,energy_error_percent\n",
    );
    for Point { network, chip, phases, cycles, energy } in suite() {
        let percent = |[run, form]: [f64; 2]| 100.0 * (form - run) / run;
        let (time, energy) = (percent(cycles.map(|c| c as f64)), percent(energy));
        let [run, form] = cycles;
        text.push_str(&format!("{network},\"{chip}\",{phases},{run},{form},{time:.2},{energy:.2}\n"));
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulator/src/analytic/suite.csv");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "the suite differs; look at it, then run with UPDATE_GOLDEN=1:\n{text}");
    let measured = analytic::measured_error();
    println!("{measured}");
    assert!(measured.points > 60, "{measured}");
    assert!(measured.latency.median <= 5.0 && measured.latency.percentile_95 <= 15.0, "{measured}");
    assert!(measured.energy.median <= 2.0 && measured.energy.percentile_95 <= 5.0, "{measured}");
}

#[test]
fn values_of_another_graph_are_refused() {
    let (flow, inputs) = copy("yoso-mlp", 4, [1, 8, 8], 8);
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    let machine = Machine::new(&program).unwrap();
    assert_eq!(analytic::estimate(&machine, &inputs).unwrap_err().code, "E0706");
}
