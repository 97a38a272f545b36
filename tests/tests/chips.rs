//! Every architecture under `arch/`: it loads, and a small network compiles for it and runs on it as the integer reference says.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::arch::Sync;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{interpret, Arch, Graph, Op, Value};
use pulvinar_models::zoo::build::{self, Fill, Setting};
use pulvinar_reports::energy::{PriceList, Widths};
use pulvinar_simulator::{Machine, SimOptions};
use pulvinar_tests::root;
use std::fs;

/// A narrow copy of three layers on counts.
fn network() -> Graph {
    let builder = build::find("ma-gesture").unwrap();
    let setting = Setting { timesteps: 4, input: [2, 8, 8], classes: 3, narrow: 16 };
    let mut graph = (builder.build)(&setting, Fill::Random { seed: 1 }).unwrap();
    let input = graph.input().unwrap();
    let Op::Input(op) = &mut graph.nodes[input.index()].op else { unreachable!("the input is one") };
    op.kind = InputKind::Counts;
    graph
}

/// The same with a delay before every layer, as a chip with a barrier asks for.
fn delayed(graph: &Graph) -> Graph {
    let mut late = Graph::new(&graph.name, graph.level, graph.timesteps);
    late.tensors.clone_from(&graph.tensors);
    let mut at = Vec::new();
    for node in &graph.nodes {
        let mut inputs: Vec<_> = node.inputs.iter().map(|i| at[i.index()]).collect();
        if matches!(node.op, Op::Conv2d(_) | Op::Linear(_)) {
            let name = format!("{}.late", node.name);
            inputs[0] = late.push(&name, Delay {}.into(), &[inputs[0]]).unwrap();
        }
        at.push(late.push(&node.name, node.op.clone(), &inputs).unwrap());
    }
    late.output = at[graph.output.index()];
    late
}

/// Spikes of the network on a chip, all equal to the reference's.
fn spikes(arch: &Arch) -> usize {
    let graph = if arch.noc.sync == Sync::Barrier { delayed(&network()) } else { network() };
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    let counts: Vec<i64> = (0..shape.len()).map(|i| (i * 7919 % 13 / 4) as i64).collect();
    let reals = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
    let lowered = lower(&graph, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &[reals]).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let program = map(&flow, arch, &MapOptions { spread: false, ..MapOptions::default() })
        .unwrap_or_else(|d| panic!("{}: {d}", arch.name))
        .program;
    let input = Value::int(shape, counts);
    let expected = interpret::run(&flow, &input).unwrap();
    let options = SimOptions { values: true, ..SimOptions::default() };
    let got = Machine::new(&program).unwrap().simulate(&input, &options).unwrap();
    assert_eq!(got.output, expected[flow.output.index()], "{}", arch.name);
    let mut spikes = 0;
    for (stage, value) in program.stages.iter().zip(&got.values) {
        assert_eq!(value, &expected[stage.output.index()], "{}, {}", arch.name, stage.name);
        spikes += value.ints().iter().filter(|&&v| v != 0).count();
    }
    println!("{}: {} cores, {} cycles", arch.name, arch.cores(), got.counts.cycles);
    spikes
}

/// Prices of a chip, unless it is an FPGA, whose node has none.
fn is_priced(arch: &Arch) -> bool {
    match PriceList::new(arch, &Widths::default()) {
        Ok(_) => true,
        Err(d) => {
            assert_eq!((d.code, arch.technology.node_nm), ("E0621", 40), "{}: {d}", arch.name);
            false
        }
    }
}

#[test]
fn every_architecture_runs_a_network() {
    let files = fs::read_dir(root().join("arch")).unwrap().map(|e| e.unwrap().path());
    let mut chips: Vec<Arch> =
        files.map(|f| Arch::from_toml(&fs::read_to_string(f).unwrap()).unwrap()).collect();
    chips.push(Arch::default_chip());
    assert_eq!(chips.len() - chips.iter().filter(|c| is_priced(c)).count(), 2, "two FPGAs have no prices");
    let on = |barrier: bool| {
        let of = chips.iter().filter(|c| (c.noc.sync == Sync::Barrier) == barrier);
        of.map(spikes).collect::<Vec<_>>()
    };
    for same in [on(true), on(false)] {
        assert!(same.iter().all(|&n| n == same[0] && n > 20), "{same:?}");
    }
}
