//! A small network as gates: synthesised for iCE40, its output beats come in the cycles of the RTL, whatever its
//! flip-flops start with.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../simulator/tests/machine_common/mod.rs"]
mod machine_common;

use machine_common::{nets, random_input, Net};
use pulvinar_hdl::emit::{bench, emit, run_files, Answer, Design, Drive, EmitOptions};
use pulvinar_hdl::{cosim, tool};
use pulvinar_ir::arch::Pipeline;
use pulvinar_ir::{interpret, Arch, NodeId, Program, Value};
use pulvinar_simulator::{Machine, SimOptions};
use std::path::{Path, PathBuf};

/// A layer of few neurons on a chip of one core, and its inputs.
fn program(seed: u64) -> (Program, Vec<Value>) {
    let mut arch = Arch::default_chip();
    (arch.mesh.width, arch.mesh.height, arch.mesh.cores_per_tile) = (1, 1, 1);
    (arch.mesh.host_tile, arch.mesh.dram_tile) = (0, 0);
    (arch.noc.virtual_channels, arch.noc.buffer_flits, arch.noc.payload_bits) = (1, 2, 32);
    (arch.noc.eject_flits, arch.noc.inject_flits) = (2, 2);
    arch.noc.pipeline = Pipeline::Lookahead;
    (arch.core.lanes, arch.core.attention_lanes, arch.core.queue_events) = (2, 1, 4);
    let mut net = Net::new(seed, 3, [1, 2, 3], 1);
    let _ = nets::layer(&mut net, NodeId(0), false);
    let (program, mut rng) = net.program(arch, 0);
    let inputs = (0..3).map(|_| random_input(&program.graph, &mut rng)).collect();
    (program, inputs)
}

/// True if a neuron fires at some input.
fn answers((program, inputs): &(Program, Vec<Value>)) -> bool {
    let fires = |x: &Value| interpret::output(&program.graph, x).unwrap().ints().iter().any(|&v| v != 0);
    inputs.iter().any(fires)
}

/// Runs sources under the bench; gives the beats of the output stream with their cycles.
fn beats(dir: &Path, sources: &[PathBuf]) -> String {
    let mut arguments: Vec<String> =
        ["-g2005", "-DNO_ICE40_DEFAULT_ASSIGNMENTS", "-o", "sim.vvp", "-s", "bench"]
            .map(String::from)
            .to_vec();
    arguments.extend(sources.iter().map(|s| s.display().to_string()));
    tool::run(dir, "iverilog", &arguments).unwrap();
    let printed = tool::run(dir, "vvp", &["-n".into(), "sim.vvp".into()]).unwrap();
    assert!(printed.contains("PASS"), "{printed}");
    std::fs::read_to_string(dir.join("trace.txt")).unwrap()
}

/// Writes the design, its runs, and a bench that prints the beats; gives the RTL's sources.
fn prepare(dir: &Path, machine: &Machine<'_>, design: &Design, inputs: &[&Value]) -> Vec<PathBuf> {
    let sources = cosim::write_sources(dir, machine, design).unwrap();
    let take = "if (!machine_rst && m_valid && m_ready) begin\n";
    let print = "      $fwrite(trace, \"%0d %h %b\\n\", now, m_data, m_last);\n";
    let text = bench(machine, design);
    let printing = text.replacen(take, &format!("{take}{print}"), 1);
    assert_ne!(text, printing);
    std::fs::write(dir.join("bench.v"), printing).unwrap();
    let drive = Drive { output_busy: Some((7, 3)), input_gap: None, abort_at: Some(20) };
    let options = SimOptions { trace: true, output_busy: drive.output_busy, ..SimOptions::default() };
    let answer = |input: &&Value| {
        let mut run = machine.simulate(input, &options).unwrap();
        let trace = run.trace.take().unwrap();
        Answer::of(machine, &design.format, &run, &trace, true)
    };
    let answers: Vec<Answer> = inputs.iter().map(answer).collect();
    assert!(answers.iter().any(|a| a.events > 0), "no output event: {answers:?}");
    for (name, text) in run_files(machine, &design.format, inputs, &answers, &drive) {
        std::fs::write(dir.join(name), text).unwrap();
    }
    sources
}

#[test]
fn gates_answer_as_the_rtl_does() {
    let (program, inputs) = (7..).map(program).find(answers).unwrap();
    let machine = Machine::new(&program).unwrap();
    let design = emit(&machine, &EmitOptions { trace: false, build: 0 }).unwrap();
    let inputs: Vec<&Value> = inputs.iter().collect();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let sources = prepare(dir, &machine, &design, &inputs);
    let of_rtl = beats(dir, &sources);
    let files: Vec<String> =
        sources.iter().filter(|p| !p.ends_with("bench.v")).map(|p| p.display().to_string()).collect();
    let script = format!(
        "read_verilog -defer {}; synth_ice40 -top top; select -assert-count 0 t:$*; write_verilog -noattr gates.v",
        files.join(" ")
    );
    let log = tool::run(dir, "yosys", &["-p".into(), script]).unwrap();
    // Where Yosys has the models of the cells.
    let cells =
        log.lines().filter_map(|l| l.split_once("frontend: ")).map(|(_, path)| PathBuf::from(path.trim()));
    let cells = cells.into_iter().find(|p| p.ends_with("ice40/cells_sim.v")).expect(&log);
    assert!(of_rtl.lines().count() > 3 * inputs.len(), "{of_rtl}");
    let cells = std::fs::read_to_string(cells).unwrap();
    // What a flip-flop without reset starts with must not matter.
    for start in ["0", "1"] {
        let started = cells.replace("initial Q = 0;", &format!("initial Q = {start};"));
        assert_eq!(started == cells, start == "0", "the models start flip-flops in another way");
        std::fs::write(dir.join("cells.v"), started).unwrap();
        let of_gates = beats(dir, &["gates.v", "bench.v", "cells.v"].map(|f| dir.join(f)));
        assert_eq!(of_rtl, of_gates, "flip-flops start with {start}");
    }
}
