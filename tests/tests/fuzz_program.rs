//! Mutated program files and traces: refused or run, never a panic.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::text::ProgramFile;
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::{Arch, Level, Program, Trace, Value};
use pulvinar_models::zoo;
use pulvinar_simulator::{Machine, SimOptions};
use std::collections::BTreeMap;

/// Integer `i` of stream `seed` below `n` (splitmix64 of a counter).
fn below(seed: u64, i: u64, n: usize) -> usize {
    let mut x =
        seed.wrapping_mul(0xD1B5_4A32_D192_ED03).wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ x >> 31) % n as u64) as usize
}

/// One to three edits: a byte, a number, a cut or a copied piece.
fn mutate(text: &str, seed: u64) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for edit in 0..=below(seed, 0, 3) as u64 {
        let draw = |k: u64, n: usize| below(seed, 1 + edit * 8 + k, n.max(1));
        let at = draw(0, bytes.len());
        match draw(1, 8) {
            0 => bytes[at] = draw(2, 128) as u8,
            1 => bytes.truncate(at.max(1)),
            2 => {
                let end = (at + draw(2, 40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = draw(3, bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let digits: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
                if let Some(&i) = digits.get(draw(2, digits.len())) {
                    bytes[i] = b'0' + draw(3, 10) as u8;
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn program() -> Program {
    let model = (zoo::find("ma-snn-tcsa").unwrap().load)().unwrap();
    let options = Options::default();
    let lowered = lower(&model.graph, &options).unwrap();
    let frames = zoo::calibration().unwrap().frames;
    let samples: Vec<Value> = (0..4).map(|i| frames.value(i, Level::Trained).unwrap()).collect();
    let ranges = Calibration::from_inputs(&lowered, &samples).unwrap();
    let flow = quantise(&lowered, &options, Some(&ranges)).unwrap();
    map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program
}

#[test]
fn mutated_programs_never_panic() {
    let program = program();
    let json = ProgramFile::of(&program).to_json();
    let tensors: BTreeMap<_, _> = program.graph.tensors.clone();
    let input = zoo::test_inputs().unwrap().frames.value(0, Level::Flow).unwrap();
    let options = SimOptions { cycle_limit: 50_000, ..SimOptions::default() };
    let mut outcomes = [0; 3];
    let rounds = std::env::var("PULVINAR_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    for seed in 0..rounds {
        let Ok(file) = ProgramFile::from_json(&mutate(&json, seed)) else {
            outcomes[0] += 1;
            continue;
        };
        let Ok(mutant) = file.into_program(tensors.clone()) else {
            outcomes[1] += 1;
            continue;
        };
        outcomes[2] += 1;
        if let Ok(machine) = Machine::new(&mutant) {
            // Answers of a broken program mean nothing; it must only end.
            let _ = machine.simulate(&input, &options);
        }
    }
    assert!(outcomes.iter().all(|&n| n > 0), "{outcomes:?}");
}

#[test]
fn mutated_traces_never_panic() {
    let text = "12 event core=1 stream=2 step=3 address=4 value=-5\n13 flit router=0 port=4 vc=1 packet=99\n14 step core=0 pass=1 step=7\n";
    assert_eq!(Trace::parse(text).unwrap().to_string(), text);
    let refused = (0..5000).filter(|&seed| Trace::parse(&mutate(text, seed)).is_err()).count();
    assert!(refused > 1000);
}
