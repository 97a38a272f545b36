//! Proofs by induction with Yosys: queues lose and double nothing, arbiters are fair, matchings are matchings.

#![allow(clippy::unwrap_used)]

#[path = "formal/neuron.rs"]
mod neuron;

use pulvinar_hdl::{rtl, tool};
use std::path::Path;

const ARBITER: &str = include_str!("../formal/arbiter_proof.v");
const ISLIP: &str = include_str!("../formal/islip_proof.v");

/// Whether Yosys proves every assertion of `top` with these parameters, by induction from reset.
fn proven(dir: &Path, top: &str, files: &str, parameters: &str) -> bool {
    let set = if parameters.is_empty() { String::new() } else { format!("chparam {parameters} {top}; ") };
    let script = format!(
        "read_verilog -formal {files}; {set}hierarchy -top {top}; proc; flatten; opt; memory; opt; sat -tempinduct \
         -prove-asserts -set-assumes -verify -seq 1 -set-at 1 rst 1 -maxsteps 20 {top}"
    );
    match tool::run(dir, "yosys", &["-p".into(), script]) {
        Ok(text) => {
            assert!(
                text.contains("Import proof for assert") && text.contains("Induction step proven"),
                "{text}"
            );
            true
        }
        Err(e) => {
            assert!(
                e.to_string().contains("proof did fail") || e.to_string().contains("reached maximum"),
                "{e}"
            );
            false
        }
    }
}

#[test]
fn queues_lose_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    rtl::write_to(dir.path()).unwrap();
    for depth in 1..=4 {
        let parameters = format!("-set WIDTH 2 -set DEPTH {depth}");
        assert!(proven(dir.path(), "fifo", "fifo.v ram.v", &parameters), "depth {depth}");
    }
    let text = std::fs::read_to_string(dir.path().join("fifo.v")).unwrap();
    let broken = text.replacen("if (push && !pop) count", "if (push) count", 1);
    assert_ne!(text, broken);
    std::fs::write(dir.path().join("broken.v"), broken).unwrap();
    assert!(
        !proven(dir.path(), "fifo", "broken.v ram.v", "-set WIDTH 2 -set DEPTH 3"),
        "a broken queue passed"
    );
}

#[test]
fn arbiters_are_fair_and_matchings_are_matchings() {
    let dir = tempfile::tempdir().unwrap();
    rtl::write_to(dir.path()).unwrap();
    std::fs::write(dir.path().join("arbiter_proof.v"), ARBITER).unwrap();
    std::fs::write(dir.path().join("islip_proof.v"), ISLIP).unwrap();
    for n in [1, 2, 5] {
        assert!(
            proven(dir.path(), "arbiter_proof", "arbiter.v arbiter_proof.v", &format!("-set N {n}")),
            "N {n}"
        );
    }
    for (inputs, outputs) in [(1, 1), (4, 3), (5, 5)] {
        let parameters = format!("-set INPUTS {inputs} -set OUTPUTS {outputs}");
        let files = "arbiter.v islip.v islip_proof.v";
        assert!(proven(dir.path(), "islip_proof", files, &parameters), "{inputs} x {outputs}");
    }
}

/// Queues in block RAM keep the timing of those in registers.
#[test]
fn queues_in_block_ram_equal_those_in_registers() {
    let dir = tempfile::tempdir().unwrap();
    let mut sources = rtl::write_to(dir.path()).unwrap();
    sources.retain(|path| path.ends_with("fifo.v") || path.ends_with("ram.v"));
    sources.push(dir.path().join("fifo_bench.v"));
    std::fs::write(&sources[2], include_str!("fifo_bench.v")).unwrap();
    let text = tool::icarus(dir.path(), "fifo_bench", &sources, &["PULVINAR_ASSERT"]).unwrap();
    let popped = text.lines().find_map(|line| line.strip_prefix("POPPED ")).expect(&text);
    assert!(popped.parse::<u32>().unwrap() > 5_000, "{text}");
}
