//! Attention modules of the compiler in RTL: the listing of the simulator, to the cycle.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../compiler/ir/tests/attention/cases.rs"]
mod cases;
#[path = "../../compiler/ir/tests/attention/support.rs"]
mod support;

use cases::{Sample, MODULES};
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_hdl::cosim::{compare, Simulator};
use pulvinar_hdl::emit::Drive;
use pulvinar_ir::{Arch, Program, Shape, Strategy, Value};
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
    ("conv1d", &[1, 2]),
    ("step_attention", &[1]),
    ("ma_neuron", &[1]),
    ("squeeze_excite", &[1]),
];

/// A sample of a module with a neuron behind it on a small chip, and two inputs.
fn compiled(sample: Sample, options: &Options) -> (Program, Vec<Value>) {
    let (graph, inputs) = cases::before_a_neuron(sample, 2);
    let shape = graph.nodes[0].ty.shape;
    let reals: Vec<Value> =
        inputs.iter().map(|v| Value::real(shape, v.iter().map(|&v| v as f64).collect())).collect();
    let lowered = lower(&graph, options).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &reals).unwrap();
    let flow = quantise(&lowered, options, Some(&ranges)).unwrap();
    let mut chip = Arch::default_chip();
    (chip.core.lanes, chip.core.attention_lanes) = (2, 2);
    // Few routers, which the simulation spends most of its time on.
    (chip.mesh.width, chip.mesh.height, chip.mesh.cores_per_tile) = (2, 2, 3);
    (chip.mesh.host_tile, chip.mesh.dram_tile) = (0, 3);
    let program = map(&flow, &chip, &MapOptions::default()).unwrap().program;
    (program, inputs.into_iter().map(|v| Value::int(shape, v)).collect())
}

/// Lines compared of one program.
fn agree(name: &str, (program, values): &(Program, Vec<Value>)) -> usize {
    let machine = Machine::new(program).unwrap();
    let inputs: Vec<&Value> = values.iter().collect();
    let dir = tempfile::tempdir().unwrap();
    let agreement = compare(dir.path(), &machine, &inputs, &Drive::default(), Simulator::Icarus)
        .unwrap_or_else(|e| panic!("{name} in {}: {e}", dir.keep().display()));
    assert_eq!(agreement.inferences, 2);
    println!("{name}, {}: {agreement:?}", values[0].shape);
    agreement.lines
}

/// The sample of a seed.
fn sample(name: &str, seed: u64) -> Sample {
    (MODULES.iter().find(|m| m.name == name).unwrap().make)(seed)
}

#[test]
fn modules_agree() {
    let mut lines = 0;
    for (name, seeds) in WITH_RTL {
        for &seed in *seeds {
            let program = compiled(sample(name, seed), &Options::default());
            lines += agree(&format!("{name}, seed {seed}"), &program);
        }
    }
    assert!(lines > 2000, "the modules do too little: {lines} lines");
}

/// Statistics, gates and frames of a few steps only, in slices on several cores.
#[test]
fn a_window_agrees() {
    let mut lines = 0;
    for (seed, shape) in
        [(0, Shape::new(7, 3, 2, 2)), (1, Shape::new(4, 5, 1, 1)), (2, Shape::new(9, 4, 3, 1))]
    {
        let program = compiled(cases::streaming_stsc(seed, shape), &Options::default());
        let window = program.0.stages.iter().filter(|s| s.strategy == Strategy::Window).count();
        assert_eq!(window, 1, "seed {seed}");
        lines += agree(&format!("stsc, seed {seed}"), &program);
    }
    assert!(lines > 300, "the windows do too little: {lines} lines");
}

/// The convolutions of the gate work in the first step; the rest of the machine goes on.
#[test]
fn a_gate_made_once_agrees() {
    let direct = Options { direct: true, ..Options::default() };
    assert!(agree("gac, made once", &compiled(sample("gac", 1), &direct)) > 200);
}
