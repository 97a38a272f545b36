//! Proofs by induction with Yosys: queues lose and double nothing, arbiters are fair, matchings are matchings.

#![allow(clippy::unwrap_used)]

#[path = "formal/neuron.rs"]
mod neuron;
#[path = "formal/streams.rs"]
mod streams;

use pulvinar_hdl::{rtl, tool};
use std::path::Path;

const ARBITER: &str = include_str!("../formal/arbiter_proof.v");
const ISLIP: &str = include_str!("../formal/islip_proof.v");

/// What Yosys is asked to prove.
struct Proof<'a> {
    /// Module with the assertions.
    top: &'a str,
    /// Files with assertions, and without.
    files: (&'a str, &'a str),
    /// Arguments of `chparam`.
    parameters: &'a str,
    /// Instances whose assumptions are proven too.
    discharge: &'a str,
    /// Steps from reset, or none for a proof by induction.
    steps: Option<u32>,
}

impl Proof<'_> {
    /// Whether Yosys proves every assertion from reset on.
    fn holds(&self, dir: &Path) -> bool {
        let Proof { top, files, parameters, discharge, steps } = *self;
        let set = if parameters.is_empty() { String::new() } else { format!("chparam {parameters} {top}; ") };
        let plain = if files.1.is_empty() { String::new() } else { format!("read_verilog {}; ", files.1) };
        let turn = if discharge.is_empty() {
            String::new()
        } else {
            format!("chformal -assume2assert {top}/*{discharge}*; ")
        };
        let (how, most) = steps.map_or(("", 20), |n| ("-tempinduct-baseonly", n));
        let script = format!(
            "read_verilog -formal {}; {plain}{set}hierarchy -top {top}; proc; flatten; opt; memory; opt; {turn}sat \
             -tempinduct {how} -prove-asserts -set-assumes -verify -seq 1 -set-at 1 rst 1 -maxsteps {most} {top}",
            files.0
        );
        let proof = match steps {
            Some(n) => format!("Base case for induction length {n} proven"),
            None => "Induction step proven".to_owned(),
        };
        match tool::run(dir, "yosys", &["-p".into(), script]) {
            Ok(text) => {
                assert!(text.contains("Import proof for assert") && text.contains(&proof), "{text}");
                true
            }
            Err(e) => {
                let told = e.to_string();
                assert!(told.contains("proof did fail") || told.contains("reached maximum"), "{told}");
                false
            }
        }
    }
}

/// Whether Yosys proves every assertion of `top` with these parameters, by induction from reset.
fn proven(dir: &Path, top: &str, files: &str, parameters: &str) -> bool {
    Proof { top, files: (files, ""), parameters, discharge: "", steps: None }.holds(dir)
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
