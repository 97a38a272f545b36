//! The build folder as its user meets it: the same bytes every time, clean to every tool, its targets work.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../simulator/tests/machine_common/mod.rs"]
mod machine_common;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Rng};
use pulvinar_hdl::emit::check;
use pulvinar_hdl::folder::{fill, folder, primitives_of, Folder};
use pulvinar_hdl::rtl::PRIMITIVES;
use pulvinar_hdl::synth::{cells, Cells};
use pulvinar_hdl::tool::lint;
use pulvinar_ir::{Arch, Program, Stage, Value};
use pulvinar_simulator::Machine;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small chip: tools take minutes for a large one.
fn chip() -> Arch {
    let mut arch = Arch::default_chip();
    (arch.mesh.width, arch.mesh.height, arch.mesh.cores_per_tile) = (2, 1, 2);
    (arch.mesh.host_tile, arch.mesh.dram_tile) = (0, 1);
    (arch.noc.virtual_channels, arch.noc.buffer_flits, arch.noc.payload_bits) = (1, 2, 32);
    (arch.noc.eject_flits, arch.noc.inject_flits, arch.core.queue_events) = (2, 2, 4);
    (arch.core.lanes, arch.core.attention_lanes) = (2, 1);
    arch
}

/// The smallest of some random attention nets that have RTL, and two inputs; another seed is another draw.
fn program(seed: u64) -> (Program, Vec<Value>) {
    let draw = |seed| {
        let net = random_net(seed, true, false, false);
        if !net.fits(&chip()) {
            return None;
        }
        let (program, mut rng) = net.program(chip(), 0);
        let machine = Machine::new(&program).unwrap();
        let waits = program.stages.iter().any(Stage::is_multipass) && check(&program, &machine).is_ok();
        let size: usize = program.graph.nodes.len() + program.phases[0].slices.len() * 100;
        let inputs = (0..2).map(|_| random_input(&program.graph, &mut rng)).collect();
        waits.then_some((size, program, inputs))
    };
    let smallest = (seed..seed + 40).filter_map(draw).min_by_key(|(size, ..)| *size);
    let (_, program, inputs) = smallest.expect("one of forty nets waits for a gate");
    (program, inputs)
}

fn folder_of(seed: u64) -> Folder {
    let (program, inputs) = program(seed);
    folder(&Machine::new(&program).unwrap(), &inputs.iter().collect::<Vec<_>>()).unwrap()
}

fn written(folder: &Folder) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), folder).unwrap();
    dir
}

fn make(dir: &Path, target: &str) -> (bool, String) {
    let out = Command::new("make").arg(target).current_dir(dir).output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn made(dir: &Path, target: &str) -> String {
    let (done, text) = make(dir, target);
    assert!(done, "make {target}:\n{text}");
    text
}

fn is_verilog(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "v")
}

#[test]
fn the_same_program_gives_the_same_bytes_and_another_one_another_build() {
    let (one, again, other) = (folder_of(1), folder_of(1), folder_of(100));
    assert_eq!(one.files, again.files);
    assert_eq!(one.build, again.build);
    assert_ne!(one.build, other.build);
    let stamp = format!("build {:016x}", one.build);
    for (name, text) in &one.files {
        assert!(text.is_ascii() || name == "README.md", "{name} holds more than ASCII");
        assert!(!text.contains('@') || is_verilog(name) || name == "Makefile", "{name} has a gap");
        if is_verilog(name) || ["BUILD", "README.md", "Makefile", "pulvinar.core"].contains(&name.as_str()) {
            assert!(text.contains(&stamp), "{name} has no stamp");
        }
    }
    assert!(one.files["rtl/top.v"].contains(&format!(".BUILD(64'h{:x})", one.build)));
}

#[test]
fn only_what_is_used_is_there() {
    let folder = folder_of(1);
    let emitted: Vec<&str> =
        folder.files.iter().filter(|(n, _)| n.starts_with("rtl/core")).map(|(_, t)| t.as_str()).collect();
    let used = primitives_of(&emitted);
    assert!(used.contains("accumulator.v") && used.contains("fifo.v"));
    for name in used {
        assert!(folder.files.contains_key(&format!("rtl/{name}")), "{name} is missing");
    }
    let there = PRIMITIVES.iter().filter(|(n, _)| folder.files.contains_key(&format!("rtl/{n}"))).count();
    assert!(there < PRIMITIVES.len(), "a program without recompute and a store has it all the same");
}

#[test]
fn lint_and_simulations_pass_and_a_wrong_answer_fails() {
    let mut folder = folder_of(1);
    let dir = written(&folder);
    made(dir.path(), "lint");
    assert!(made(dir.path(), "sim-icarus").contains("PASS 2 inferences"));
    assert!(made(dir.path(), "sim-board").contains("PASS: address and cycles"));
    // One cycle more is expected than the design takes.
    let answers: Vec<String> = folder.files["tb/inferences.mem"].lines().map(str::to_owned).collect();
    let cycles = format!("{:x}", folder.cycles[0]);
    assert_eq!(answers[2], cycles);
    let mut wrong = answers.clone();
    wrong[2] = format!("{:x}", folder.cycles[0] + 1);
    folder.files.insert("tb/inferences.mem".to_owned(), wrong.join("\n") + "\n");
    let dir = written(&folder);
    let (done, text) = make(dir.path(), "sim-icarus");
    assert!(!done && text.contains("FAIL inference 0: cycles"), "{text}");
}

#[test]
fn random_designs_are_clean_to_verilator() {
    let rounds = std::env::var("PULVINAR_LINT_ROUNDS").map_or(6, |r| r.parse().unwrap());
    let (mut seed, mut clean) = (0, 0);
    while clean < rounds {
        seed += 1;
        let mut rng = Rng(seed);
        let mut arch = random_arch(&mut rng, 6, false);
        (arch.core.lanes, arch.core.attention_lanes) = (1 << rng.below(4), 1 << rng.below(3));
        let (program, mut rng) = random_net(rng.next(), seed % 2 == 0, false, false).program(arch, 0);
        let machine = Machine::new(&program).unwrap();
        if check(&program, &machine).is_err() {
            continue;
        }
        let input = random_input(&program.graph, &mut rng);
        let dir = written(&folder(&machine, &[&input]).unwrap());
        let sources = std::fs::read_to_string(dir.path().join("files.f")).unwrap();
        let sources: Vec<PathBuf> = sources.lines().map(PathBuf::from).collect();
        lint(dir.path(), "top", &sources).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        clean += 1;
    }
}

/// Every memory of more than 2 Kbit is a block RAM, and nothing is left that the device has not.
#[test]
fn yosys_finds_block_rams_and_multipliers() {
    // A draw without memories so small that flip-flops are better.
    let folder = folder_of(41);
    let dir = written(&folder);
    made(dir.path(), "synth-ecp5");
    let text = std::fs::read_to_string(dir.path().join("build/ecp5-stat.json")).unwrap();
    let stat: serde_json::Value = serde_json::from_str(&text).unwrap();
    let types = stat["design"]["num_cells_by_type"].as_object().unwrap();
    assert!(types.keys().all(|t| !t.starts_with('$')), "{types:?}");
    let Cells { luts, flip_flops, block_rams, dsps, .. } = cells(&stat);
    println!("{luts} LUTs, {flip_flops} flip-flops, {block_rams} block RAMs, {dsps} multipliers");
    assert!(luts > 0 && flip_flops > 0 && dsps > 0, "{types:?}");
    // Small queues may be registers, constant tables are logic; every `ram` and `rom` is a block RAM.
    let log = std::fs::read_to_string(dir.path().join("build/ecp5.log")).unwrap();
    let mapped =
        |kind: &str| log.lines().filter(|l| l.starts_with("mapping memory") && l.contains(kind)).count();
    assert!(mapped("via $__ECP5_DP16KD_") > 0);
    let spilled: Vec<&str> = log.lines().filter(|l| l.contains("using FF mapping for memory")).collect();
    assert!(
        spilled.iter().all(|l| !l.ends_with("storage") || l.ends_with("registers.storage")),
        "{spilled:?}"
    );
    assert!(block_rams as usize >= mapped("via $__ECP5_DP16KD_"));
}
