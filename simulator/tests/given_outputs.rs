//! Workloads by firing rate: stages that send given values.
#![allow(clippy::unwrap_used)] // tests

mod machine_common;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Rng};
use pulvinar_ir::{Program, Value};
use pulvinar_simulator::{EngineKind, Machine, Run, SimOptions};

fn case(seed: u64) -> (Program, Value, Rng) {
    let mut rng = Rng(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
    let arch = random_arch(&mut rng, 6, false);
    let delays = arch.core.accumulator_buffers == 2;
    let net = random_net(rng.next(), seed % 2 == 1, false, delays);
    let (program, mut rng) = net.program(arch, 2);
    let input = random_input(&program.graph, &mut rng);
    (program, input, rng)
}

fn run(machine: &Machine<'_>, input: &Value, engine: EngineKind) -> Run {
    let options = SimOptions { engine, trace: true, values: true, ..SimOptions::default() };
    machine.simulate(input, &options).unwrap()
}

#[test]
fn given_values_that_would_be_computed_change_nothing() {
    for seed in 0..30 {
        let (program, input, _) = case(seed);
        let mut machine = Machine::new(&program).unwrap();
        let computed = run(&machine, &input, EngineKind::Fast);
        machine.give(&computed.values.iter().cloned().map(Some).collect::<Vec<_>>()).unwrap();
        assert_eq!(run(&machine, &input, EngineKind::Fast), computed, "seed {seed}");
        machine.give(&vec![None; program.stages.len()]).unwrap();
        assert_eq!(run(&machine, &input, EngineKind::Fast), computed, "seed {seed}");
    }
}

#[test]
fn given_values_are_what_leaves_in_both_engines() {
    let mut events = 0;
    for seed in 0..30 {
        let (program, input, mut rng) = case(seed);
        let mut machine = Machine::new(&program).unwrap();
        let spikes = |rng: &mut Rng, stage: &pulvinar_ir::Stage| {
            let ty = &program.graph.node(stage.output).ty;
            let int = ty.as_int("").unwrap();
            let span = (int.hi - int.lo).min(7) as usize + 1;
            let values =
                (0..ty.shape.len()).map(|_| (int.lo + rng.below(span) as i64) * i64::from(rng.chance(50)));
            Value::int(ty.shape, values.map(|v| v.clamp(int.lo, int.hi)).collect())
        };
        let given: Vec<Value> = program.stages.iter().map(|s| spikes(&mut rng, s)).collect();
        machine.give(&given.iter().cloned().map(Some).collect::<Vec<_>>()).unwrap();
        let (fast, plain) =
            (run(&machine, &input, EngineKind::Fast), run(&machine, &input, EngineKind::Plain));
        assert_eq!(fast.values, given, "seed {seed}");
        assert_eq!(plain.values, given, "seed {seed}");
        assert_eq!(plain.counts, fast.counts, "seed {seed}");
        assert_eq!(plain.trace, fast.trace, "seed {seed}");
        events += given.iter().flat_map(Value::ints).filter(|&&v| v != 0).count();
    }
    assert!(events > 500, "{events} events");
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let (program, _, _) = case(0);
    let mut machine = Machine::new(&program).unwrap();
    assert_eq!(machine.give(&[]).unwrap_err().code, "E0705");
    let ty = &program.graph.node(program.stages[0].output).ty;
    let mut given = vec![None; program.stages.len()];
    given[0] = Some(Value::int(ty.shape, vec![1 << 40; ty.shape.len()]));
    assert_eq!(machine.give(&given).unwrap_err().code, "E0705");
    given[0] = Some(Value::real(ty.shape, vec![0.0; ty.shape.len()]));
    assert_eq!(machine.give(&given).unwrap_err().code, "E0705");
}
