//! Programs: strategies, partitions, phases, streams, checks and text on small networks.
#![allow(clippy::unwrap_used)]

mod map_nets;

use map_nets::{attention_net, attention_net_over, causal_net, plain_net, Net};
use pulvinar_compiler::map::text::{print, ProgramFile};
use pulvinar_compiler::map::{check, map, MapOptions, Mapped, Placement, Rates};
use pulvinar_ir::counts::Memory;
use pulvinar_ir::{Arch, Endpoint, Graph, Program, Scope, Strategy, StreamKind};
use std::collections::BTreeMap;

fn mapped(graph: &Graph, arch: &Arch, options: &MapOptions) -> Mapped {
    map(graph, arch, options).unwrap_or_else(|d| panic!("{d}"))
}

fn on_default(graph: &Graph) -> Mapped {
    mapped(graph, &Arch::default_chip(), &MapOptions::default())
}

fn strategy_of(m: &Mapped, name: &str) -> Strategy {
    m.report.stages.iter().find(|s| s.name == name).unwrap().strategy
}

#[test]
fn small_nets_map_in_one_phase_and_use_free_cores() {
    for graph in [plain_net(), attention_net()] {
        let spread = on_default(&graph);
        let packed =
            mapped(&graph, &Arch::default_chip(), &MapOptions { spread: false, ..MapOptions::default() });
        assert_eq!(spread.program.phases.len(), 1);
        let slices = |m: &Mapped| m.program.phases[0].slices.len();
        // 3072 inputs of 8 bits and 16 lanes fill 48 of 64 KiB, so 40 outputs need three cores; all else fits one.
        let wide = if graph.find("conv1").is_some() { 2 } else { 0 };
        assert_eq!(slices(&packed), packed.program.stages.len() + wide);
        assert!(slices(&spread) > slices(&packed) && slices(&spread) <= 16);
        let slowest = |m: &Mapped| m.report.stages.iter().map(|s| s.expected_cycles).max();
        assert!(slowest(&spread) < slowest(&packed));
    }
}

#[test]
fn same_inputs_same_program() {
    let (a, b) = (on_default(&attention_net()), on_default(&attention_net()));
    assert_eq!(a, b);
}

#[test]
fn memory_costs_choose_the_strategy() {
    let graph = attention_net();
    let arch = Arch::default_chip();
    let mut options =
        MapOptions { expected_events: BTreeMap::from([("input".to_owned(), 2.0)]), ..MapOptions::default() };
    options.costs.sram_bit_fj = 1000;
    let costly_sram = mapped(&graph, &arch, &options);
    assert_eq!(
        strategy_of(&costly_sram, "lif0"),
        Strategy::Recompute,
        "{:?}",
        costly_sram.report.stages[0].alternatives
    );
    options.costs.sram_bit_fj = 0;
    assert_eq!(strategy_of(&mapped(&graph, &arch, &options), "lif0"), Strategy::SpillSram);
    options.costs.dram_bit_fj = 0;
    options.costs.cycle_fj = 0;
    let mut small = arch.clone();
    // 4 frames of 64 x 32 values do not fit three cores, 2 frames do.
    small.core.frame_kib = 3;
    (small.mesh.width, small.mesh.height, small.mesh.dram_tile) = (3, 1, 2);
    options.costs.add_fj = 10_000;
    assert_eq!(strategy_of(&mapped(&graph, &small, &options), "lif0"), Strategy::SpillDram);
    let report = &costly_sram.report.stages[0];
    assert_eq!(report.alternatives.len(), 3, "the report keeps what was not chosen");
    assert!(report.alternatives.iter().all(|a| a.cost_fj > 0));
}

#[test]
fn one_phase_is_given_up_where_it_moves_more_through_dram() {
    let graph = attention_net_over(16);
    let mut arch = Arch::default_chip();
    // 16 frames of 64 x 32 values need both cores, and then the second layer has to wait; 2 frames need one.
    (arch.core.frame_kib, arch.core.spike_store_kib) = (24, 0);
    (arch.mesh.width, arch.mesh.height, arch.mesh.dram_tile) = (2, 1, 1);
    let at = |default_rate: f64| {
        let m = mapped(&graph, &arch, &MapOptions { default_rate, ..MapOptions::default() });
        (m.program.phases.len(), strategy_of(&m, "lif0"))
    };
    // Two phases move 200 kbit of weights, and few spikes or 1.4 Mbit of them; the currents are 0.7 Mbit.
    assert_eq!(at(0.1), (2, Strategy::SpillSram));
    assert_eq!(at(0.9), (1, Strategy::SpillDram));
}

#[test]
fn a_strategy_can_be_told() {
    let graph = attention_net();
    for strategy in [Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute] {
        let options = MapOptions {
            strategies: BTreeMap::from([("lif0".to_owned(), strategy)]),
            ..MapOptions::default()
        };
        assert_eq!(strategy_of(&mapped(&graph, &Arch::default_chip(), &options), "lif0"), strategy);
    }
    for (name, strategy) in
        [("lif0", Strategy::Direct), ("lif1", Strategy::Recompute), ("nobody", Strategy::SpillSram)]
    {
        let options =
            MapOptions { strategies: BTreeMap::from([(name.to_owned(), strategy)]), ..MapOptions::default() };
        let refusal = map(&graph, &Arch::default_chip(), &options).unwrap_err();
        assert_eq!(refusal.code, "E0606");
        assert!(refusal.to_string().contains(name));
    }
}

#[test]
fn causal_attention_goes_step_by_step() {
    let graph = causal_net();
    let told = |strategy: Option<Strategy>| {
        let strategies = strategy.map(|s| ("lif0".to_owned(), s)).into_iter().collect();
        mapped(&graph, &Arch::default_chip(), &MapOptions { strategies, ..MapOptions::default() })
    };
    let bits = |m: &Mapped, memory: Memory| {
        let all = m.report.stages[0].slices.iter().flat_map(|s| &s.memories);
        all.filter(|(kind, ..)| *kind == memory).map(|(_, bits, _)| *bits).max().unwrap_or(0)
    };
    let step = told(None);
    let stage = &step.report.stages[0];
    assert_eq!((stage.strategy, stage.scope, stage.passes), (Strategy::Step, Scope::Step, 3));
    assert!(print(&step.program).contains("Step, scope step"), "{}", print(&step.program));
    assert_eq!((bits(&step, Memory::Frame), bits(&step, Memory::SpikeStore)), (0, 0));
    let spill = told(Some(Strategy::SpillSram));
    assert_eq!(strategy_of(&spill, "lif0"), Strategy::SpillSram);
    assert_eq!(bits(&step, Memory::Statistics) * 4, bits(&spill, Memory::Statistics));
    assert_eq!(bits(&step, Memory::Gate) * 4, bits(&spill, Memory::Gate));
    assert!(bits(&spill, Memory::Frame) > 0);

    let waiting = on_default(&attention_net());
    assert_eq!(waiting.report.stages[0].scope, Scope::Whole);
    let options = MapOptions {
        strategies: BTreeMap::from([("lif0".to_owned(), Strategy::Step)]),
        ..MapOptions::default()
    };
    let refusal = map(&attention_net(), &Arch::default_chip(), &options).unwrap_err();
    assert_eq!(refusal.code, "E0606", "{refusal}");
    let mut edited = waiting.program;
    edited.stages[0].strategy = Strategy::Step;
    let rates = Rates::of(&edited.graph, &MapOptions::default()).unwrap();
    assert_eq!(check(&edited, &rates).unwrap_err().code, "E0605");
}

#[test]
fn max_channels_and_memories_bound_slices() {
    let graph = plain_net();
    for limit in [1u32, 5, 16, 20, 48] {
        let options = MapOptions {
            max_channels: BTreeMap::from([("lif2".to_owned(), limit.max(5))]),
            spread: false,
            ..MapOptions::default()
        };
        let m = mapped(&graph, &Arch::default_chip(), &options);
        let widest = m.report.stages[2].slices.iter().map(|s| s.channels[1] - s.channels[0]).max().unwrap();
        assert!(widest <= limit.max(5), "{widest} > {limit}");
    }
    let mut arch = Arch::default_chip();
    arch.core.accumulator_kib = 1;
    arch.core.state_kib = 1;
    let m = mapped(&graph, &arch, &MapOptions::default());
    for slice in m.report.stages.iter().flat_map(|s| &s.slices) {
        assert!(slice.memories.iter().all(|(_, need, have)| need <= have));
    }
    assert!(m.report.stages[1].slices.len() > 3, "48 channels of 64 positions do not fit one KiB");
}

#[test]
fn footprints_follow_the_word_layout() {
    // 20 channels are two words of 16 lanes; 8-bit weights; one core, nothing split.
    let (mut net, x) = Net::new(4, [2, 8, 8], 1);
    let conv = net.conv("conv0", x, 20, 1);
    let out = net.lif("lif0", conv);
    let graph = net.readout(out);
    let m = mapped(&graph, &Arch::default_chip(), &MapOptions { spread: false, ..MapOptions::default() });
    let stage = &m.program.stages[0];
    let bits = |memory: Memory| {
        let slice = &m.report.stages[0].slices[0];
        slice.memories.iter().find(|u| u.0 == memory).map_or(0, |u| u.1)
    };
    assert_eq!(bits(Memory::Weight), 2 * 9 * 32 * 8);
    assert_eq!(bits(Memory::Accumulator), 64 * 32 * u64::from(stage.accumulator_bits) * 2);
    assert_eq!(bits(Memory::State), 64 * 32 * u64::from(stage.state_bits));
    assert_eq!(
        bits(Memory::Frame) + bits(Memory::Statistics) + bits(Memory::Gate) + bits(Memory::SpikeStore),
        0
    );
}

#[test]
fn a_layer_that_fits_nowhere_is_refused() {
    let mut arch = Arch::default_chip();
    arch.core.statistics_kib = 0;
    let refusal = map(&attention_net(), &arch, &MapOptions::default()).unwrap_err();
    assert_eq!(refusal.code, "E0603");
    let text = refusal.to_string();
    assert!(text.contains("lif0") && text.contains("statistics") && text.contains("bytes"), "{text}");
}

/// Eight cores' worth of layers on two cores.
fn multiphase() -> Mapped {
    let mut arch = Arch::default_chip();
    (arch.mesh.width, arch.mesh.height, arch.mesh.dram_tile) = (2, 1, 1);
    arch.core.weight_kib = 4;
    arch.core.accumulator_kib = 4;
    arch.core.state_kib = 2;
    mapped(&plain_net(), &arch, &MapOptions::default())
}

#[test]
fn a_large_net_runs_in_phases() {
    let m = multiphase();
    let program = &m.program;
    assert!(program.is_multiphase());
    assert!(program.phases.iter().all(|p| p.slices.len() <= 2));
    let from_dram = |p: usize| program.phases[p].streams.iter().any(|s| s.source == Endpoint::Dram);
    assert!(!from_dram(0) && from_dram(program.phases.len() - 1));
    let to_dram = program.phases[0].streams.iter().any(|s| s.destinations.contains(&Endpoint::Dram));
    assert!(to_dram, "values that cross phases are written to DRAM");
    assert!(m.report.notes.iter().any(|n| n.contains("phases")));
}

#[test]
fn an_answer_reaches_the_host_from_every_slice() {
    for m in [on_default(&plain_net()), on_default(&attention_net()), multiphase()] {
        let last = m.program.stages.last().unwrap().output;
        let slices = m.report.stages.last().unwrap().slices.len();
        let streams = m.program.phases.iter().flat_map(|p| &p.streams);
        let to_host = streams.filter(|s| s.destinations.contains(&Endpoint::Host));
        assert_eq!(to_host.map(|s| assert_eq!(s.node, last)).count(), slices);
    }
}

#[test]
fn statistics_go_home_and_gates_come_back() {
    let m = on_default(&attention_net());
    let phase = &m.program.phases[0];
    let home = phase.slices.iter().find(|s| s.stage.0 == 0 && s.home).unwrap().core;
    let mates = phase.slices.iter().filter(|s| s.stage.0 == 0).count() - 1;
    assert!(mates > 0);
    let statistics: Vec<_> = phase.streams.iter().filter(|s| s.kind == StreamKind::Statistics).collect();
    assert_eq!(statistics.len(), mates);
    assert!(statistics.iter().all(|s| s.destinations == [Endpoint::Core(home)]));
    let gates: Vec<_> = phase.streams.iter().filter(|s| s.kind == StreamKind::Gates).collect();
    assert_eq!(gates.len(), 1);
    assert_eq!((gates[0].source, gates[0].destinations.len()), (Endpoint::Core(home), mates));
}

#[test]
fn event_widths_follow_address_and_value() {
    let graph = attention_net();
    let m = on_default(&graph);
    for stream in m.program.phases[0].streams.iter().filter(|s| s.kind == StreamKind::Events) {
        let ty = &graph.node(stream.node).ty;
        let address = (ty.shape.step_len() as f64).log2().ceil() as u32;
        let hi = ty.as_int("").unwrap().hi;
        let value = if hi == 1 { 0 } else { ((hi + 1) as f64).log2().ceil() as u32 };
        assert_eq!(stream.event_bits, address + value);
        assert_eq!(stream.events_per_flit, 64 / stream.event_bits);
    }
}

#[test]
fn rows_only_get_the_events_they_need() {
    let (mut net, x) = Net::new(2, [1, 32, 8], 1);
    let conv = net.conv("conv0", x, 16, 1);
    let a = net.lif("lif0", conv);
    let conv = net.conv("conv1", a, 16, 1);
    let b = net.lif("lif1", conv);
    let graph = net.readout(b);
    let events = [("input", 250.0), ("lif0", 30.0)].map(|(n, e)| (n.to_owned(), e));
    let options = MapOptions { expected_events: BTreeMap::from(events), ..MapOptions::default() };
    let m = mapped(&graph, &Arch::default_chip(), &options);
    let phase = &m.program.phases[0];
    let of = |stage: u32| phase.slices.iter().filter(move |s| s.stage.0 == stage);
    assert!(of(0).count() > 2 && of(1).count() > 2, "one word of channels: cut along rows");
    for from in of(0) {
        let stream = phase.streams.iter().find(|s| s.source == Endpoint::Core(from.core)).unwrap();
        for to in of(1) {
            let near = from.rows[0] < to.rows[1] + 1 && to.rows[0] < from.rows[1] + 1;
            assert_eq!(stream.destinations.contains(&Endpoint::Core(to.core)), near, "{from:?} {to:?}");
        }
    }
}

#[test]
fn scattered_synapses_make_selective_streams() {
    let selective = |per_source: usize| {
        let (mut net, x) = Net::new(2, [512, 1, 1], 1);
        let a = net.sparse("sparse0", x, 512, 4);
        let a = net.lif("lif0", a);
        let b = net.sparse("sparse1", a, 512, per_source);
        let b = net.lif("lif1", b);
        let graph = net.readout(b);
        let options = MapOptions {
            max_channels: BTreeMap::from([("lif1".to_owned(), 48)]),
            spread: false,
            ..MapOptions::default()
        };
        let m = mapped(&graph, &Arch::default_chip(), &options);
        let stream = m.program.phases[0].streams.iter().find(|s| s.node == a).unwrap().clone();
        assert_eq!(stream.events_per_flit == 1, stream.selective);
        stream.selective
    };
    assert!(selective(1), "one synapse a source: one destination of 11 instead of all");
    assert!(!selective(64), "every source meets every slice: pack the events");
}

#[test]
fn placement_options_differ_and_never_get_worse() {
    let at = |placement| {
        mapped(&plain_net(), &Arch::default_chip(), &MapOptions { placement, ..MapOptions::default() })
    };
    let hops = |m: &Mapped| m.report.phases[0].milli_hops_after;
    let (sequential, greedy, annealed) =
        (at(Placement::Sequential), at(Placement::Greedy), at(Placement::Annealed));
    assert!(hops(&annealed) <= hops(&greedy) && hops(&annealed) <= hops(&sequential));
    let cores: Vec<u32> = sequential.program.phases[0].slices.iter().map(|s| s.core).collect();
    assert_eq!(cores, (0..cores.len() as u32).collect::<Vec<_>>());
}

type Damage = fn(&mut Program);

#[test]
fn checks_catch_broken_programs() {
    let good = on_default(&attention_net()).program;
    let rates = Rates::of(&good.graph, &MapOptions::default()).unwrap();
    check(&good, &rates).unwrap();
    let breaks: [(&str, Damage); 9] = [
        ("two slices", |p| p.phases[0].slices[1].core = p.phases[0].slices[0].core),
        ("homes", |p| p.phases[0].slices.iter_mut().for_each(|s| s.home = false)),
        ("no slice or in several", |p| p.phases[0].slices[0].channels[1] -= 1),
        ("leaves the layer", |p| p.phases[0].slices[0].rows[1] += 100),
        ("network input", |p| p.phases[0].streams.retain(|s| s.source != Endpoint::Host)),
        ("ascending", |p| p.phases[0].streams.iter_mut().for_each(|s| s.destinations.reverse())),
        ("statistics or gates", |p| p.phases[0].streams.retain(|s| s.kind != StreamKind::Gates)),
        ("memory", |p| p.arch.core.weight_kib = 0),
        ("gate", |p| p.stages[0].passes[0].program.clear()),
    ];
    for (word, damage) in breaks {
        let mut bad = good.clone();
        damage(&mut bad);
        let refusal = check(&bad, &rates).expect_err(word).to_string();
        assert!(refusal.contains(word), "{word}: {refusal}");
    }
}

#[test]
fn dram_needs_a_queue_slot_a_core() {
    let mut arch = Arch::default_chip();
    arch.dram.queue_requests = 1;
    let options = MapOptions {
        strategies: BTreeMap::from([("lif0".to_owned(), Strategy::SpillDram)]),
        ..MapOptions::default()
    };
    assert_eq!(map(&attention_net(), &arch, &options).unwrap_err().code, "E0607");
}

#[test]
fn a_program_file_reads_back() {
    for m in [on_default(&plain_net()), on_default(&attention_net()), multiphase()] {
        let json = ProgramFile::of(&m.program).to_json();
        let back =
            ProgramFile::from_json(&json).unwrap().into_program(m.program.graph.tensors.clone()).unwrap();
        assert_eq!(back, m.program);
    }
    let json = ProgramFile::of(&on_default(&plain_net()).program).to_json();
    for (from, to) in
        [("\"format_version\": 1", "\"format_version\": 9"), ("\"stages\"", "\"stage\""), ("{", "")]
    {
        assert_eq!(ProgramFile::from_json(&json.replacen(from, to, 1)).unwrap_err().code, "E0608");
    }
    let mut file = ProgramFile::from_json(&json).unwrap();
    file.phases[0].slices[0].stage.0 = 77;
    assert_eq!(file.into_program(plain_net().tensors).unwrap_err().code, "E0608");
}

#[test]
fn a_listing_names_everything() {
    let m = on_default(&attention_net());
    let text = print(&m.program);
    for word in
        ["stage 0 \"lif0\"", "pass 2", "taps [", "gates [", "home", "statistics", "tree of", "synapse"]
    {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    let lines = m.program.phases[0].slices.len() + m.program.phases[0].streams.len();
    assert!(text.lines().count() > lines);
}

#[test]
fn spike_stores_hold_the_expected_events_with_a_margin() {
    let stored = |rate: f64, margin: u32| {
        let options = MapOptions {
            strategies: BTreeMap::from([("lif0".to_owned(), Strategy::Recompute)]),
            default_rate: rate,
            spike_store_margin_percent: margin,
            ..MapOptions::default()
        };
        let m = mapped(&attention_net(), &Arch::default_chip(), &options);
        let slice = &m.report.stages[0].slices[0];
        let bits = slice.memories.iter().find(|u| u.0 == Memory::SpikeStore).unwrap().1;
        (bits, m.report.notes.iter().any(|n| n.contains("spike store")))
    };
    let elements = 4 * 2 * 8 * 8;
    assert_eq!(stored(0.25, 50), (elements * 3 / 8 * 32, true));
    assert_eq!(stored(1.0, 50), (elements * 32, false), "one event an element and step is the worst case");
}
