//! Attention modules of the compiler in RTL: the listing of the simulator, to the cycle.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../compiler/ir/tests/attention/cases.rs"]
mod cases;
#[path = "../../compiler/ir/tests/attention/support.rs"]
mod support;

use cases::{Module, MODULES};
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_hdl::cosim::{compare, Simulator};
use pulvinar_hdl::emit::Drive;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::spiking_attention::Form;
use pulvinar_ir::{Arch, Op, Value};
use pulvinar_simulator::Machine;

/// Modules whose every op has RTL, and small samples of them.
const WITH_RTL: &[(&str, &[u64])] = &[
    ("asa", &[1]),
    ("tcja", &[1, 2]),
    ("stsc", &[1, 2]),
    ("ssa", &[1, 2]),
    ("gac", &[1, 2]),
    ("sdsa", &[2]),
    ("qk_token", &[2]),
    ("qk_channel", &[2]),
];

/// Lines compared of one sample of a module with a neuron behind it.
fn agree(module: &Module, seed: u64, options: &Options) -> usize {
    let (mut case, _) = (module.make)(seed);
    let Op::Input(input) = &mut case.graph.nodes[0].op else { panic!("the first node is the input") };
    input.kind = InputKind::Counts;
    let neuron = cases::spiking(Form::Ssa, 1, 1.0).neuron;
    let last = case.graph.push("neuron", neuron.into(), &[case.graph.output]).unwrap();
    case.graph.push("readout", Readout { kind: ReadoutKind::Mean }.into(), &[last]).unwrap();
    let shape = case.graph.nodes[0].ty.shape;
    let inputs: Vec<Vec<i64>> =
        (0..2).map(|_| (0..shape.len()).map(|_| case.rng.size(0, 3) as i64).collect()).collect();
    let reals: Vec<Value> =
        inputs.iter().map(|v| Value::real(shape, v.iter().map(|&v| v as f64).collect())).collect();
    let lowered = lower(&case.graph, options).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &reals).unwrap();
    let flow = quantise(&lowered, options, Some(&ranges)).unwrap();
    let mut chip = Arch::default_chip();
    (chip.core.lanes, chip.core.attention_lanes) = (2, 2);
    // Few routers, which the simulation spends most of its time on.
    (chip.mesh.width, chip.mesh.height, chip.mesh.cores_per_tile) = (2, 2, 3);
    (chip.mesh.host_tile, chip.mesh.dram_tile) = (0, 3);
    let program = map(&flow, &chip, &MapOptions::default()).unwrap().program;
    let machine = Machine::new(&program).unwrap();
    let values: Vec<Value> = inputs.into_iter().map(|v| Value::int(shape, v)).collect();
    let inputs: Vec<&Value> = values.iter().collect();
    let dir = tempfile::tempdir().unwrap();
    let agreement = compare(dir.path(), &machine, &inputs, &Drive::default(), Simulator::Icarus)
        .unwrap_or_else(|e| panic!("{}, seed {seed} in {}: {e}", module.name, dir.keep().display()));
    assert_eq!(agreement.inferences, 2);
    println!("{}, seed {seed}, {shape}: {agreement:?}", module.name);
    agreement.lines
}

#[test]
fn modules_agree() {
    let mut lines = 0;
    for (name, seeds) in WITH_RTL {
        let module = MODULES.iter().find(|m| m.name == *name).unwrap();
        lines += seeds.iter().map(|&seed| agree(module, seed, &Options::default())).sum::<usize>();
    }
    assert!(lines > 2000, "the modules do too little: {lines} lines");
}

/// The convolutions of the gate work in the first step; the rest of the machine goes on.
#[test]
fn a_gate_made_once_agrees() {
    let module = MODULES.iter().find(|m| m.name == "gac").unwrap();
    let direct = Options { direct: true, ..Options::default() };
    assert!(agree(module, 1, &direct) > 200);
}
