//! Every refusal of this crate, word for word as in `golden/diagnostics.txt`; `UPDATE_GOLDEN=1` writes it.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../simulator/tests/machine_common/mod.rs"]
mod machine_common;

use machine_common::{random_input, Net};
use pulvinar_hdl::attention::assemble;
use pulvinar_hdl::cosim::{compare_edited, Simulator};
use pulvinar_hdl::emit::{emit, Drive, EmitOptions};
use pulvinar_hdl::{folder, rtl, tool};
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::{Arch, Axes, Axis, Diagnostic, Pass, Program, Strategy, Synapse};
use pulvinar_simulator::prepare::sweep::stage_plan;
use pulvinar_simulator::prepare::synapse::Region;
use pulvinar_simulator::Machine;
use std::path::Path;

fn chip() -> Arch {
    let mut arch = Arch::default_chip();
    arch.core.lanes = 2;
    arch.core.attention_lanes = 2;
    arch
}

/// One linear layer of neurons.
fn linear(arch: Arch) -> Program {
    let mut net = Net::new(3, 2, [2, 2, 2], 1);
    let input = net.graph.input().unwrap();
    let linear = net.linear(input, 4);
    let neuron = net.lif(linear, 2);
    net.stage(&[(linear, input, false)], linear, &[neuron], neuron);
    net.program(arch, 0).0
}

/// A linear layer on the flattened input beside a convolution of its planes.
fn two_shapes() -> Program {
    let mut net = Net::new(3, 2, [4, 2, 2], 1);
    let input = net.graph.input().unwrap();
    let linear = net.linear(input, 4);
    let weight = net.tensor("w", vec![4, 4, 2, 2], -7, 9);
    let conv = Conv2d { weight, bias: None, stride: [1; 2], padding: [0; 4], dilation: [1; 2], groups: 1 };
    let conv = net.push("conv", conv, &[input]);
    let sum = net.push("sum", pulvinar_ir::op::add::Add {}, &[linear, conv]);
    let neuron = net.lif(sum, 2);
    net.stage(&[(linear, input, false), (conv, input, false)], sum, &[neuron], neuron);
    net.program(chip(), 0).0
}

fn emitted(program: &Program) -> Diagnostic {
    let machine = Machine::new(program).unwrap();
    emit(&machine, &EmitOptions { trace: false, build: 0 }).unwrap_err()
}

/// An attention engine that would have to pool.
fn pooled_statistic() -> Diagnostic {
    let mut net = Net::new(3, 2, [2, 2, 2], 1);
    let input = net.graph.input().unwrap();
    let conv = net.conv(input, 2, 1, 1, 1);
    let reduce = Reduce { kind: ReduceKind::Sum, axes: Axes::of(&[Axis::T]) };
    let tap = net.push("sum", reduce, &[conv]);
    let pool = net.push("pool", AvgPool { kernel: [1; 2], stride: [1; 2], padding: [0; 4] }, &[tap]);
    let first = Pass { elementwise: vec![], gates: vec![], taps: vec![tap], program: vec![pool] };
    let last = Pass { elementwise: vec![], gates: vec![pool], taps: vec![], program: vec![] };
    let synapses = vec![Synapse { node: conv, source: input, delayed: false }];
    net.push_stage(synapses, conv, vec![first, last], Strategy::SpillSram, conv);
    let stage = stage_plan(&net.graph, &net.stages, 0).unwrap();
    let region = Region { channels: [0, 2], rows: [0, 2], columns: 2 };
    assemble(&net.graph, &stage, &region, 2, 2, false).unwrap_err()
}

fn three_lanes() -> Diagnostic {
    let mut arch = chip();
    arch.core.lanes = 3;
    emitted(&linear(arch))
}

fn without_inputs() -> Diagnostic {
    let program = linear(chip());
    let machine = Machine::new(&program).unwrap();
    folder::folder(&machine, &[]).unwrap_err()
}

/// A design whose encoder never tells of the last word.
fn differing() -> Diagnostic {
    let program = linear(chip());
    let machine = Machine::new(&program).unwrap();
    let mut rng = machine_common::Rng(1);
    let input = random_input(&program.graph, &mut rng);
    let dir = tempfile::tempdir().unwrap();
    let edit = |name: &str, text: String| {
        let forget = name == "encoder.v";
        if forget {
            text.replace("assign sweep_end =", "assign sweep_end = 1'b0 &&")
        } else {
            text
        }
    };
    let drive = Drive::default();
    let inputs = [&input];
    let refusal =
        compare_edited(dir.path(), &machine, &inputs, &drive, Simulator::Icarus, &edit).unwrap_err();
    // What was simulated and where the files lie is not part of the message's form.
    Diagnostic { message: refusal.message.lines().next().unwrap_or_default().to_owned(), ..refusal }
}

type Case = (&'static str, &'static str, fn() -> Diagnostic);

const CASES: &[Case] = &[
    ("E0801", "average pooling of statistics", pooled_statistic),
    ("E0802", "a folder below a file", || rtl::write_to(Path::new("/dev/null/rtl")).unwrap_err()),
    ("E0803", "a tool that is not there", || tool::run(Path::new("."), "no-such-tool", &[]).unwrap_err()),
    ("E0804", "a tool that fails", || {
        tool::run(Path::new("."), "sh", &["-c".to_owned(), "echo reason; exit 3".to_owned()]).unwrap_err()
    }),
    ("E0805", "one source in two shapes", || emitted(&two_shapes())),
    ("E0806", "a test bench without inputs", without_inputs),
    ("E0807", "three lanes", three_lanes),
    ("E0808", "an encoder that forgets the end", differing),
];

#[test]
fn refusals_read_as_in_the_golden_file() {
    let mut text = String::new();
    for (code, fault, refuse) in CASES {
        let refusal = refuse();
        assert_eq!(&refusal.code, code, "{fault}: {refusal}");
        text.push_str(&format!("# {fault}\n{refusal}\n\n"));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/diagnostics.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "{} differs; look, then UPDATE_GOLDEN=1:\n{text}", file.display());
}
