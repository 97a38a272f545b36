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
use pulvinar_ir::{Program, Value};
use pulvinar_simulator::Machine;
use std::path::Path;
use std::process::Command;

/// A random attention net with RTL on a small chip.
fn program(seed: u64) -> (Program, Vec<Value>) {
    for seed in seed.. {
        let mut rng = Rng(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
        let mut arch = random_arch(&mut rng, 6, false);
        arch.core.lanes = 2;
        arch.core.attention_lanes = 1;
        let delays = arch.core.accumulator_buffers == 2;
        let (program, mut rng) = random_net(rng.next(), true, false, delays).program(arch, 0);
        let fits = check(&program, &Machine::new(&program).unwrap()).is_ok();
        let inputs = (0..2).map(|_| random_input(&program.graph, &mut rng)).collect();
        if fits && program.stages.iter().any(pulvinar_ir::Stage::is_multipass) {
            return (program, inputs);
        }
    }
    unreachable!("some seed gives a program with RTL")
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

#[test]
fn the_same_program_gives_the_same_bytes_and_another_one_another_build() {
    let (one, again, other) = (folder_of(1), folder_of(1), folder_of(20));
    assert_eq!(one.files, again.files);
    assert_eq!(one.build, again.build);
    assert_ne!(one.build, other.build);
    let stamp = format!("build {:016x}", one.build);
    for (name, text) in &one.files {
        assert!(text.is_ascii() || name == "README.md", "{name} holds more than ASCII");
        assert!(!text.contains('@') || name.ends_with(".v") || name == "Makefile", "{name} has a gap");
        if name.ends_with(".v")
            || ["BUILD", "README.md", "Makefile", "pulvinar.core"].contains(&name.as_str())
        {
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

/// Every memory of more than 2 Kbit is a block RAM, and nothing is left that the device has not.
#[test]
fn yosys_finds_block_rams_and_multipliers() {
    let folder = folder_of(1);
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
