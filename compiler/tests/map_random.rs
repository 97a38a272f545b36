//! Random networks on random chips: a program that passes the checks, or a refusal that says what to do.
#![allow(clippy::unwrap_used)]

mod map_nets;

use map_nets::Net;
use proptest::prelude::*;
use pulvinar_compiler::map::text::ProgramFile;
use pulvinar_compiler::map::{check, map, stages, MapOptions, Placement, Rates};
use pulvinar_ir::arch::{Routing, Sync};
use pulvinar_ir::{Arch, Graph, NodeId, Shape, Stage, Strategy as Keep};
use std::collections::BTreeMap;

/// Choices drawn one after another from a list of random words.
struct Choices<'a>(&'a [u32], usize);

impl Choices<'_> {
    fn below(&mut self, n: u32) -> u32 {
        self.1 += 1;
        self.0[self.1 % self.0.len()].rotate_left(self.1 as u32) % n
    }
}

fn shape(net: &Net, x: NodeId) -> Shape {
    net.graph.node(x).ty.shape
}

/// A layer on `x` that ends in a neuron or another stream.
fn layer(net: &mut Net, x: NodeId, i: usize, pick: &mut Choices<'_>) -> NodeId {
    let s = shape(net, x);
    let name = |what: &str| format!("{what}{i}");
    let flat = s.h == 1 && s.w == 1;
    let from = if pick.below(6) == 0 { net.delay(&name("late"), x) } else { x };
    let channels = 1 + pick.below(40) as usize;
    let current = match pick.below(8) {
        0 if flat => net.sparse(&name("sparse"), from, 4 + channels, 1 + pick.below(3) as usize),
        _ if flat => net.linear(&name("fc"), from, channels),
        0 if s.h >= 4 => net.avg_pool(&name("avg"), from),
        1 if s.h >= 4 => net.max_pool(&name("max"), from),
        2 => {
            let flat = net.flatten(&name("flat"), from);
            net.linear(&name("fc"), flat, channels)
        }
        4 => net.upsample(&name("up"), from),
        5 => net.transposed(&name("transposed"), from, channels),
        3 => net.conv(&name("dw"), from, s.c * 2, s.c),
        _ => net.conv(&name("conv"), from, channels, 1),
    };
    let current = match pick.below(8) {
        0 | 1 => {
            let relu = net.relu(&name("relu"), current);
            net.tcsa(&name("att"), relu)
        }
        2 => {
            let gate = net.time_channel_gate(&name("att"), current);
            net.gate(&name("gated"), current, gate)
        }
        3 => net.relu(&name("relu"), current),
        _ => current,
    };
    match pick.below(10) {
        0 => net.relu(&name("out"), current),
        _ => net.lif(&name("lif"), current),
    }
}

fn network(words: &[u32]) -> Graph {
    let mut pick = Choices(words, 0);
    let side = [1, 4, 6, 8][pick.below(4) as usize];
    let input = [1 + pick.below(4) as usize, side, side];
    let (mut net, x) = Net::new(1 + pick.below(5) as usize, input, 1 + i64::from(pick.below(3)));
    let mut streams = vec![x];
    for i in 0..=pick.below(4) as usize {
        let from = streams[streams.len() - 1 - pick.below(streams.len().min(2) as u32) as usize];
        let mut y = layer(&mut net, from, i, &mut pick);
        let same = streams.iter().copied().find(|&s| s != x && s != y && shape(&net, s) == shape(&net, y));
        if let Some(other) = same.filter(|_| pick.below(2) == 0) {
            let scales = |id: NodeId| net.graph.node(id).ty.as_int("").unwrap().scale.clone();
            if scales(other) == scales(y) {
                y = net.add(&format!("sum{i}"), other, y);
            }
        }
        streams.push(y);
    }
    let last = *streams.last().unwrap();
    let last = if last == x { net.relu("only", x) } else { last };
    net.readout(last)
}

fn chip(words: &[u32]) -> Arch {
    let mut pick = Choices(words, 7);
    let mut arch = Arch::default_chip();
    let mut of = |list: &[u32]| list[pick.below(list.len() as u32) as usize];
    (arch.mesh.width, arch.mesh.height, arch.mesh.cores_per_tile) =
        (of(&[1, 2, 3, 4]), of(&[1, 2, 4]), of(&[1, 1, 3]));
    let tiles = arch.mesh.width * arch.mesh.height;
    (arch.mesh.host_tile, arch.mesh.dram_tile) = (of(&[0, tiles - 1]), of(&[0, tiles - 1]));
    arch.noc.payload_bits = of(&[32, 64, 128]);
    arch.noc.multicast = of(&[0, 1]) == 1;
    arch.noc.routing = [Routing::Xy, Routing::Yx, Routing::WestFirst][of(&[0, 1, 2]) as usize];
    arch.noc.sync = if of(&[0, 0, 0, 0, 1]) == 1 { Sync::Barrier } else { Sync::Tokens };
    arch.core.lanes = of(&[1, 3, 8, 16]);
    arch.core.accumulator_buffers = of(&[1, 2]);
    arch.core.weight_kib = of(&[1, 2, 8, 64]);
    arch.core.accumulator_kib = of(&[1, 2, 64]);
    arch.core.state_kib = of(&[1, 32]);
    arch.core.frame_kib = of(&[0, 1, 1, 2, 64]);
    arch.core.spike_store_kib = of(&[0, 1, 32]);
    arch.core.gate_kib = of(&[1, 8]);
    arch.core.statistics_kib = of(&[1, 16]);
    arch.dram.queue_requests = of(&[2, 32]);
    arch.check().unwrap();
    arch
}

/// Currents of every layer with attention in DRAM.
fn all_in_dram(graph: &Graph, arch: &Arch) -> BTreeMap<String, Keep> {
    let stages = stages(graph, arch).unwrap_or_default();
    stages.into_iter().filter(Stage::is_multipass).map(|s| (s.name, Keep::SpillDram)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn maps_or_says_why_not(words in proptest::collection::vec(any::<u32>(), 24..25), seed in any::<u64>()) {
        let graph = network(&words);
        let arch = chip(&words);
        let mut options = MapOptions { seed, anneal_moves: 20, spread: seed % 3 != 0, ..MapOptions::default() };
        if seed % 2 == 0 {
            options.strategies = all_in_dram(&graph, &arch);
        }
        match map(&graph, &arch, &options) {
            Ok(mapped) => {
                let program = mapped.program;
                check(&program, &Rates::of(&graph, &options).unwrap()).unwrap();
                for phase in &mapped.report.phases {
                    prop_assert!(phase.milli_hops_after <= phase.milli_hops_before);
                }
                let file = ProgramFile::from_json(&ProgramFile::of(&program).to_json()).unwrap();
                prop_assert_eq!(file.into_program(graph.tensors.clone()).unwrap(), program);
            }
            Err(refusal) => {
                prop_assert!(refusal.code != "E0605", "the mapper made a program that fails its own checks: {}", refusal);
                prop_assert!(!refusal.help.is_empty() && !refusal.place.is_empty(), "{}", refusal);
            }
        }
    }
}

/// The generator would prove nothing if everything were refused, or nothing were hard.
#[test]
fn random_cases_reach_every_outcome() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut state = 1u64;
    for _ in 0..300 {
        let words: Vec<u32> = (0..24)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 32) as u32
            })
            .collect();
        let (graph, arch) = (network(&words), chip(&words));
        let mut options = MapOptions { placement: Placement::Greedy, ..MapOptions::default() };
        if words[0] % 2 == 0 {
            options.strategies = all_in_dram(&graph, &arch);
        }
        let keys: Vec<&str> = match map(&graph, &arch, &options) {
            Err(refusal) => vec![refusal.code],
            Ok(mapped) => {
                let kept = mapped.program.stages.iter().map(|s| s.strategy.name());
                let phases = if mapped.program.is_multiphase() { "phases" } else { "one phase" };
                kept.chain([phases]).collect()
            }
        };
        keys.into_iter().for_each(|k| *seen.entry(k).or_default() += 1);
    }
    for key in ["direct", "spill_sram", "spill_dram", "recompute", "phases", "one phase", "E0602", "E0603"] {
        assert!(seen.get(key).is_some_and(|&n| n >= 3), "{key} in {seen:?}");
    }
}
