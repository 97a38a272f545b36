//! Random designs for co-simulation, and changes to them.
#![allow(dead_code)] // each test binary uses a part
#![allow(clippy::unwrap_used)] // tests

#[path = "../../../simulator/tests/machine_common/mod.rs"]
mod machine_common;

pub mod arrivals;
pub mod mutation;
pub mod table;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Rng};
use pulvinar_hdl::emit::{check, Drive};
use pulvinar_ir::{Program, Value};
use pulvinar_simulator::Machine;

/// A random program that has RTL, two inputs, and how the test bench drives its streams.
pub struct Draw {
    pub program: Program,
    pub inputs: Vec<Value>,
    pub drive: Drive,
}

/// The draw of a seed; none if its program has no RTL.
pub fn draw(seed: u64) -> Option<Draw> {
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
    fits.then(|| Draw { program, inputs, drive: drive(seed) })
}

fn drive(seed: u64) -> Drive {
    let mut rng = Rng(seed ^ 0x55);
    Drive {
        output_busy: rng.chance(40).then(|| {
            let period = 2 + rng.below(30) as u64;
            (period, 1 + rng.below(period as usize - 1) as u64)
        }),
        input_gap: None,
        abort_at: rng.chance(30).then(|| rng.below(300) as u64),
    }
}
