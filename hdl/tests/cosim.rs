//! Random programs on random chips: the RTL leaves the same listing as the simulator, to the cycle.
//!
//! `PULVINAR_COSIM_SEED=n` runs one seed, `PULVINAR_COSIM_ROUNDS=n` that many seeds.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../simulator/tests/machine_common/mod.rs"]
mod machine_common;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Rng};
use pulvinar_hdl::cosim::{compare, Agreement, Simulator};
use pulvinar_hdl::emit::{check, Drive};
use pulvinar_ir::{Program, Value};
use pulvinar_simulator::Machine;

/// A random program that has RTL, and two inputs; none if the draw has no RTL.
fn draw(seed: u64) -> Option<(Program, Vec<Value>)> {
    let mut rng = Rng(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
    let mut arch = random_arch(&mut rng, 6, false);
    arch.core.lanes = 1 << rng.below(4);
    arch.core.attention_lanes = 1 << rng.below(3);
    let delays = arch.core.accumulator_buffers == 2;
    let net = random_net(rng.next(), seed % 2 == 1, false, delays);
    let cuts = rng.below(6);
    let (program, mut rng) = net.program(arch, cuts);
    let fits = {
        let machine = Machine::new(&program).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        check(&program, &machine).is_ok()
    };
    let inputs = (0..2).map(|_| random_input(&program.graph, &mut rng)).collect();
    fits.then_some((program, inputs))
}

fn run(seed: u64) -> Option<Agreement> {
    let (program, inputs) = draw(seed)?;
    let machine = Machine::new(&program).unwrap();
    let mut rng = Rng(seed ^ 0x55);
    let drive = Drive {
        output_busy: rng.chance(40).then(|| {
            let period = 2 + rng.below(30) as u64;
            (period, 1 + rng.below(period as usize - 1) as u64)
        }),
        input_gap: None,
        abort_at: rng.chance(30).then(|| rng.below(300) as u64),
    };
    let dir = tempfile::tempdir().unwrap();
    let inputs: Vec<&Value> = inputs.iter().collect();
    match compare(dir.path(), &machine, &inputs, &drive, Simulator::Icarus) {
        Ok(agreement) => Some(agreement),
        Err(e) => {
            let kept = dir.keep();
            panic!("PULVINAR_COSIM_SEED={seed} ({}): {e}", kept.display())
        }
    }
}

#[test]
fn random_programs_agree() {
    if let Ok(seed) = std::env::var("PULVINAR_COSIM_SEED") {
        let agreement = run(seed.parse().unwrap());
        println!("{agreement:?}");
        return;
    }
    let rounds = std::env::var("PULVINAR_COSIM_ROUNDS").map_or(40, |r| r.parse().unwrap());
    let (mut seed, mut done, mut lines) = (0, 0, 0);
    while done < rounds {
        if let Some(agreement) = run(seed) {
            done += 1;
            lines += agreement.lines;
        }
        seed += 1;
    }
    println!("{done} programs agree on {lines} lines");
    assert!(lines > 100 * rounds as usize, "the programs do too little: {lines} lines");
}
