//! Rules of the machine held one by one: hand-counted cycles, conservation, bounds, the watchdog.
#![allow(clippy::unwrap_used)] // tests

mod machine_common;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Net, Rng};
use pulvinar_ir::op::lif::{Lif, LifReset};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::neuron::ResetTiming;
use pulvinar_ir::trace::Entry;
use pulvinar_ir::{Activity, Arch, Endpoint, NodeId, Program, Tensor, Value};
use pulvinar_simulator::{simulate, simulate_many, EngineKind, Machine, Run, SimOptions};

fn options(engine: EngineKind) -> SimOptions {
    SimOptions {
        engine,
        trace: true,
        values: true,
        timeline: true,
        accesses: false,
        cycle_limit: 1_000_000,
        output_busy: None,
    }
}

/// Two inputs, one neuron, one core: weights 3 and 4, threshold 7.
fn tiny(steps: usize) -> Program {
    let mut net = Net::new(1, steps, [2, 1, 1], 1);
    net.graph.tensors.insert("w".into(), Tensor::int(vec![1, 2], vec![3, 4], 4, vec![1.0]));
    let linear = net.push("linear", Linear { weight: "w".into(), bias: None }, &[NodeId(0)]);
    let threshold = net.constant("threshold", vec![7]);
    let lif = Lif {
        leak: 1,
        leak_shift: 0,
        input_shift: 0,
        bias: None,
        threshold,
        reset: LifReset::Value,
        reset_value: None,
        reset_timing: ResetTiming::SameStep,
        initial: None,
        clamp_min: None,
        ..Lif::default()
    };
    let lif = net.push("lif", lif, &[linear]);
    net.stage(&[(linear, NodeId(0), false)], linear, &[lif], lif);
    let mut arch = Arch::default_chip();
    (arch.mesh.width, arch.mesh.height, arch.mesh.host_tile, arch.mesh.dram_tile) = (1, 1, 0, 0);
    (arch.noc.virtual_channels, arch.noc.buffer_flits) = (4, 8);
    net.program(arch, 0).0
}

fn input(program: &Program, values: &[i64]) -> Value {
    Value::int(program.graph.node(NodeId(0)).ty.shape, values.to_vec())
}

#[test]
fn cycles_are_as_counted_by_hand() {
    let program = tiny(1);
    for engine in [EngineKind::Plain, EngineKind::Fast] {
        let run = simulate(&program, &input(&program, &[1, 1]), &options(engine)).unwrap();
        // Offered at 0 and 1, pushed at 2 (token 3), injected at 3 (token 4); a one-router network takes 7 cycles:
        // events taken at 10 and 11, token at 12. Popped at 11 and 12, beats at 12 and 13, landed at 16 = sweep start.
        // The word is in the encoder at 16 + 6 and its event accepted there.
        let trace = run.trace.unwrap().entries;
        let event = Entry::Event { core: 0, stream: 1, step: 0, address: 0, value: 1 };
        assert!(trace.contains(&(22, event)), "{engine:?}: {trace:?}");
        assert!(trace.contains(&(22, Entry::Step { core: 0, pass: 0, step: 0 })));
        // At 23 the credit for the host and the flit are pushed, at 24 the token; injected in this order at 24, 25 and
        // 26, the token is taken at 33.
        assert_eq!(run.counts.cycles, 34);
        assert_eq!(run.output.ints(), [1]);
    }
}

#[test]
fn silence_costs_no_synapse() {
    let program = tiny(4);
    let run = simulate(&program, &input(&program, &[0; 8]), &options(EngineKind::Fast)).unwrap();
    for activity in [
        Activity::SynAdd,
        Activity::SynMac,
        Activity::WeightRead,
        Activity::EventPop,
        Activity::SynapseBusyCycles,
    ] {
        assert_eq!(run.counts.total(activity), 0, "{}", activity.name());
    }
    assert_eq!(run.counts.total(Activity::NeuronAdd), 4);
    let busy =
        simulate(&program, &input(&program, &[1, 0, 0, 1, 1, 1, 0, 0]), &options(EngineKind::Fast)).unwrap();
    assert_eq!(busy.counts.total(Activity::SynAdd), 4);
}

#[test]
fn a_missing_token_is_named() {
    let mut program = tiny(2);
    // A second input stream from a core that has no slice: its tokens can never come.
    program.arch.mesh.cores_per_tile = 2;
    let mut ghost = program.phases[0].streams[0].clone();
    ghost.source = Endpoint::Core(1);
    program.phases[0].streams.push(ghost);
    for engine in [EngineKind::Plain, EngineKind::Fast] {
        let error = simulate(&program, &input(&program, &[0; 4]), &options(engine)).unwrap_err();
        assert_eq!(error.code, "E0702");
        assert!(error.message.contains("core 0") && error.message.contains("1 of 2 end tokens"), "{error}");
    }
}

#[test]
fn the_cycle_limit_stops_a_run() {
    let program = tiny(2);
    let limited = SimOptions { cycle_limit: 20, ..options(EngineKind::Plain) };
    assert_eq!(simulate(&program, &input(&program, &[1; 4]), &limited).unwrap_err().code, "E0703");
}

#[test]
fn a_reader_that_is_never_ready_is_refused() {
    let program = tiny(1);
    let stuck = SimOptions { output_busy: Some((4, 4)), ..options(EngineKind::Fast) };
    let error = simulate(&program, &input(&program, &[1, 1]), &stuck).unwrap_err();
    assert_eq!(error.place, "output_busy");
}

#[test]
fn impossible_programs_are_refused() {
    let mut program = tiny(1);
    program.phases[0].slices[0].core = 9;
    assert_eq!(Machine::new(&program).unwrap_err().code, "E0701");
    let mut program = tiny(1);
    program.phases[0].streams.retain(|s| !s.destinations.contains(&Endpoint::Host));
    assert_eq!(Machine::new(&program).unwrap_err().code, "E0701");
    let mut program = tiny(1);
    program.stages[0].accumulator = NodeId(99);
    assert_eq!(Machine::new(&program).unwrap_err().code, "E0701");
}

fn random_program(seed: u64) -> (Program, Rng) {
    let mut rng = Rng(seed);
    let arch = random_arch(&mut rng, 6, false);
    let delays = arch.core.accumulator_buffers == 2;
    let net = random_net(rng.next(), rng.chance(50), false, delays);
    let cuts = rng.below(6);
    net.program(arch, cuts)
}

fn total(run: &Run, activity: Activity) -> u64 {
    run.counts.total(activity)
}

#[test]
fn nothing_is_lost_and_bounds_hold() {
    for seed in 0..60 {
        let (program, mut rng) = random_program(seed);
        let input = random_input(&program.graph, &mut rng);
        let run = simulate(&program, &input, &options(EngineKind::Fast)).unwrap();
        let n = |a| total(&run, a);
        assert_eq!(n(Activity::FlitInject), run.injected_flits, "seed {seed}");
        assert_eq!(n(Activity::FlitEject), run.ejected_flits, "seed {seed}");
        if !program.arch.noc.multicast {
            assert_eq!(run.injected_flits, run.ejected_flits, "seed {seed}");
        }
        assert_eq!(n(Activity::EventPush), n(Activity::EventPop), "seed {seed}");
        assert!(n(Activity::WeightRead) <= n(Activity::SynapseBusyCycles), "seed {seed}");
        let adds = n(Activity::SynAdd) + n(Activity::SynMac);
        assert!(adds <= n(Activity::SynapseBusyCycles) * u64::from(program.arch.core.lanes), "seed {seed}");
        let cycles = run.trace.as_ref().unwrap().entries.last().map_or(0, |e| e.0) + 2;
        assert!(run.links.iter().all(|l| l.flits <= cycles), "seed {seed}: a link is too fast");
        assert!(run.busy_cycles.iter().all(|&b| b <= 2 * cycles), "seed {seed}: a core is too fast");
        let bytes =
            (n(Activity::DramRead) + n(Activity::DramWrite)) * u64::from(program.arch.dram.burst_cycles);
        assert!(bytes <= cycles + 1000, "seed {seed}: the memory channel is too fast");
    }
}

#[test]
fn many_runs_do_not_depend_on_threads() {
    let (program, mut rng) = random_program(77);
    let machine = Machine::new(&program).unwrap();
    let inputs: Vec<Value> = (0..6).map(|_| random_input(&program.graph, &mut rng)).collect();
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let progress = |n: usize| {
        seen.fetch_max(n, std::sync::atomic::Ordering::Relaxed);
    };
    let many = simulate_many(&machine, &inputs, &options(EngineKind::Fast), &progress).unwrap();
    assert_eq!(seen.into_inner(), inputs.len());
    for (run, input) in many.iter().zip(&inputs) {
        assert_eq!(run, &machine.simulate(input, &options(EngineKind::Fast)).unwrap());
    }
}
