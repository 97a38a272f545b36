//! The mapper's time scope of every attention module is what a changed frame shows on the float reference, and a layer
//! of scope `step` gives out a step before it has seen the next.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../compiler/ir/tests/attention/cases.rs"]
mod cases;
#[path = "../../compiler/ir/tests/attention/support.rs"]
mod support;

use cases::{Module, Sample, MODULES};
use pulvinar_compiler::map::{map, MapOptions, Mapped};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::counts::Memory;
use pulvinar_ir::scope::look_ahead;
use pulvinar_ir::trace::Entry;
use pulvinar_ir::{
    interpret, Arch, Endpoint, Graph, Program, Scope, Shape, Strategy, Stream, StreamKind, Value,
};
use pulvinar_simulator::{simulate, Run, SimOptions};
use std::collections::BTreeMap;

/// Integer graph and input of a module behind counts and before a neuron.
fn compiled(sample: Sample) -> (Graph, Value) {
    let (graph, mut inputs) = cases::before_a_neuron(sample, 1);
    let (shape, counts) = (graph.nodes[0].ty.shape, inputs.remove(0));
    let real = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
    let lowered = lower(&graph, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &[real]).unwrap();
    (quantise(&lowered, &Options::default(), Some(&ranges)).unwrap(), Value::int(shape, counts))
}

fn mapped(flow: &Graph, strategy: Option<Strategy>) -> Mapped {
    let strategies = strategy.map(|s| ("neuron".to_owned(), s)).into_iter().collect::<BTreeMap<_, _>>();
    map(flow, &Arch::default_chip(), &MapOptions { strategies, ..MapOptions::default() }).unwrap()
}

/// Later steps that a scope waits for, with `last` steps after the first.
fn ahead(scope: Scope, last: usize) -> usize {
    match scope {
        Scope::Step => 0,
        Scope::Window { steps } => steps as usize,
        Scope::Whole => last,
    }
}

/// Scope of a module: that of the mapper's layer that waits longest, or of the lowered graph where the machine does not
/// take it.
fn scope(module: &Module, seed: u64) -> Scope {
    if module.refusal.is_none() {
        let report = mapped(&compiled((module.make)(seed)).0, None).report;
        let scopes = report.stages.iter().map(|s| s.scope);
        return scopes.max_by_key(|&s| ahead(s, usize::MAX)).expect("a program has a layer");
    }
    let lowered = lower(&(module.make)(seed).0.graph, &Options::default()).unwrap();
    let ahead = look_ahead(&lowered, &lowered.ids().collect());
    Scope::of(ahead[lowered.output.index()], lowered.timesteps)
}

/// Steps before the last that a change of the last frame reaches, at most, in a few tries.
fn reach(module: &Module, seed: u64) -> (usize, usize) {
    let (mut case, x) = (module.make)(seed);
    let last = case.graph.timesteps - 1;
    let first = (0..6).filter_map(|_| case.touched(&x, last).first().copied()).min();
    (last - first.unwrap_or(last), last)
}

#[test]
fn scopes_are_those_that_a_changed_frame_shows() {
    for module in MODULES {
        let (mut seen, mut equal, mut longest) = (0, 0, 0);
        for seed in 0..30 {
            let (reach, last) = reach(module, seed);
            let scope = scope(module, seed);
            let ahead = ahead(scope, last);
            assert!(reach <= ahead, "{}, seed {seed}: scope {scope} and {reach} steps back", module.name);
            if last > 0 {
                seen += 1;
                equal += usize::from(reach == ahead);
            }
            longest = longest.max(ahead);
        }
        // A rectified layer, or a neuron that is silent behind the gate, may hide a frame by chance.
        assert!(seen > 10 && equal * 2 >= seen, "{}: {equal} of {seen} scopes are met", module.name);
        let looks_ahead = ["ta_snn", "fsta", "asa", "gac", "tcja", "stsc"].contains(&module.name);
        assert_eq!(longest > 0, looks_ahead, "{}", module.name);
    }
}

#[test]
fn a_causal_layer_gives_out_a_step_before_it_sees_the_next() {
    let mut steps = 0;
    for seed in 0..12 {
        let (flow, input) = compiled(cases::step_attention(seed));
        let options = SimOptions { trace: true, ..SimOptions::default() };
        let run = |strategy| simulate(&mapped(&flow, strategy).program, &input, &options).unwrap();
        let by_step = mapped(&flow, None);
        let stage = by_step.program.stages.iter().find(|s| s.is_multipass()).unwrap();
        assert_eq!(stage.strategy, Strategy::Step, "seed {seed}");
        let answer = interpret::output(&flow, &input).unwrap();
        for strategy in
            [None, Some(Strategy::SpillSram), Some(Strategy::SpillDram), Some(Strategy::Recompute)]
        {
            assert_eq!(run(strategy).output, answer, "seed {seed}, {strategy:?}");
        }
        let last = stage.passes.len() as u32 - 1;
        let mut order: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        for (_, entry) in run(None).trace.unwrap().entries {
            if let Entry::Step { core, pass, step } = entry {
                order.entry(core).or_default().push((step, pass));
            }
        }
        for sweeps in order.values().filter(|s| s.iter().any(|s| s.1 > 0)) {
            assert!(sweeps.windows(2).all(|w| w[0] < w[1]), "seed {seed}: {sweeps:?}");
            assert_eq!(sweeps.len(), flow.timesteps * (last as usize + 1), "seed {seed}");
            steps += sweeps.len();
        }
    }
    assert!(steps > 50, "{steps} sweeps");
}

/// Bits of a memory in the layer of several passes.
fn bits(mapped: &Mapped, memory: Memory) -> u64 {
    let waiting = mapped.report.stages.iter().filter(|s| s.passes > 1);
    let all = waiting.flat_map(|s| &s.slices).flat_map(|s| &s.memories);
    all.filter(|m| m.0 == memory).map(|m| m.1).sum()
}

/// Cycles in which the layer of several passes gathers each step, and leaving events: their steps and cycles.
fn streamed(program: &Program, run: Run, steps: usize) -> (Vec<u64>, Vec<(usize, u64)>) {
    let stage = program.stages.iter().find(|s| s.is_multipass()).unwrap();
    let leaves = |s: &Stream| s.node == stage.output && s.kind == StreamKind::Events;
    let streams = &program.phases[0].streams;
    let from = |core| streams.iter().any(|s| leaves(s) && s.source == Endpoint::Core(core));
    let (mut gathered, mut left) = (vec![0; steps], Vec::new());
    for (cycle, entry) in run.trace.unwrap().entries {
        match entry {
            Entry::Event { core, stream, step, .. } if from(core) && leaves(&streams[stream as usize]) => {
                left.push((step as usize, cycle));
            }
            Entry::Step { core, pass: 0, step } if from(core) => gathered[step as usize] = cycle,
            _ => {}
        }
    }
    (gathered, left)
}

/// STSC of 5 and 3 taps: step t leaves when the sweep over the statistics of step t + 2 is over and before that of t + 3 is.
#[test]
fn a_window_gives_out_a_step_two_steps_after_it_came_in() {
    let (steps, mut events) = (20, 0);
    for seed in 0..4 {
        let (flow, input) = compiled(cases::streaming_stsc(seed, Shape::new(steps, 5, 2, 3)));
        let answer = interpret::output(&flow, &input).unwrap();
        let options = SimOptions { trace: true, ..SimOptions::default() };
        let run = |mapped: &Mapped| simulate(&mapped.program, &input, &options).unwrap();
        let (window, spilled) = (mapped(&flow, None), mapped(&flow, Some(Strategy::SpillSram)));
        let stage = window.report.stages.iter().find(|s| s.passes > 1).unwrap();
        assert_eq!(
            (stage.strategy, stage.scope),
            (Strategy::Window, Scope::Window { steps: 2 }),
            "seed {seed}"
        );
        for strategy in [Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute] {
            assert_eq!(run(&mapped(&flow, Some(strategy))).output, answer, "seed {seed}, {strategy:?}");
        }
        // Frames of three steps, not of all; of the statistics five, of the gates two.
        assert_eq!(bits(&window, Memory::Frame) * steps as u64, bits(&spilled, Memory::Frame) * 3);
        assert!(bits(&window, Memory::Statistics) * 4 <= bits(&spilled, Memory::Statistics));
        assert!(bits(&window, Memory::Gate) * 4 <= bits(&spilled, Memory::Gate));

        let run = run(&window);
        assert_eq!(run.output, answer, "seed {seed}");
        let (gathered, left) = streamed(&window.program, run, steps);
        for &(step, cycle) in &left {
            let what = format!("seed {seed}: step {step} at {cycle}, {gathered:?}");
            assert!(gathered[(step + 2).min(steps - 1)] < cycle, "{what}");
            assert!(gathered.get(step + 3).is_none_or(|&c| cycle < c), "{what}");
        }
        let first = left.iter().map(|l| l.1).min().unwrap();
        println!("seed {seed}: first event in cycle {first}, last step gathered in {}", gathered[steps - 1]);
        assert!(first * 5 < gathered[steps - 1], "seed {seed}");
        events += left.len();
    }
    assert!(events > 50, "{events} events");
}
