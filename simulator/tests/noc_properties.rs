//! Properties of the network on random meshes and traffic: both engines agree flit by flit and cycle by cycle, every
//! flit arrives where it should, in order where the rule promises it, credits come back, and overload drains.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use pulvinar_simulator::noc::traffic::random;
use pulvinar_simulator::noc::{
    build_tree, Config, Fabric, Fast, Flit, Observer, Pipeline, Plain, PortId, Route, RouterActivity,
    Routing, Topology, Tree,
};

/// One packet: creation cycle, source, destination, flits, class.
#[derive(Clone, Copy, Debug)]
struct Packet {
    cycle: u64,
    src: PortId,
    route: Route,
    flits: u32,
    vc_mask: u8,
}

#[derive(Clone, Debug)]
struct Case {
    config: Config,
    trees: Vec<Tree>,
    destinations: Vec<Vec<PortId>>,
    packets: Vec<Packet>,
    /// An endpoint takes a flit in a cycle with probability `1 / pop_every`.
    pop_every: u64,
    seed: u64,
}

#[derive(Debug, Default, PartialEq)]
struct Log {
    left: Vec<(u64, usize, usize, usize, Flit)>,
    ejected: Vec<(u64, PortId, Flit)>,
    injected: Vec<(u64, PortId, usize, Flit)>,
    activity: Vec<RouterActivity>,
    end: u64,
}

impl Observer for Log {
    fn flit_leaves(&mut self, cycle: u64, router: usize, out_port: usize, out_vc: usize, flit: &Flit) {
        self.left.push((cycle, router, out_port, out_vc, *flit));
    }
}

/// A source endpoint: packets in order, one flit per cycle, round-robin over the VCs of the class.
#[derive(Default)]
struct Source {
    queue: VecDeque<(u32, Packet)>,
    sent: u32,
    vc: usize,
}

impl Source {
    fn step<F: Fabric>(&mut self, fabric: &mut F, vcs: usize, log: &mut Log) {
        let Some(&(number, packet)) = self.queue.front() else { return };
        if packet.cycle > fabric.now() {
            return;
        }
        let free =
            |v: usize, fabric: &F| packet.vc_mask >> v & 1 == 1 && fabric.inject_credits(packet.src, v) > 0;
        let vc = if self.sent == 0 {
            (1..=vcs).map(|k| (self.vc + k) % vcs).find(|&v| free(v, fabric))
        } else {
            Some(self.vc).filter(|&v| free(v, fabric))
        };
        let Some(vc) = vc else { return };
        let (head, tail) = (self.sent == 0, self.sent + 1 == packet.flits);
        let payload = u64::from(number) << 8 | u64::from(self.sent);
        let flit = Flit { packet: number, payload, route: packet.route, head, tail, vc_mask: packet.vc_mask };
        fabric.inject(packet.src, vc, flit);
        log.injected.push((fabric.now(), packet.src, vc, flit));
        (self.vc, self.sent) = (vc, if tail { 0 } else { self.sent + 1 });
        if tail {
            self.queue.pop_front();
        }
    }
}

fn pop_all<F: Fabric>(fabric: &mut F, case: &Case, log: &mut Log) {
    let mut from = PortId(0);
    while let Some(port) = fabric.next_ejectable(from) {
        if random(case.seed, u64::from(port.0), fabric.now()) % case.pop_every == 0 {
            assert!(fabric.ejected(port).is_some());
            let flit = fabric.eject_pop(port).unwrap();
            log.ejected.push((fabric.now(), port, flit));
        }
        from = PortId(port.0 + 1);
    }
}

/// Runs a case until everything has arrived; `skip` jumps over idle cycles.
fn play<F: Fabric>(case: &Case, skip: bool) -> Log {
    let mut fabric = F::new(&case.config, &case.trees).unwrap();
    let vcs = usize::from(case.config.vcs);
    let mut sources: BTreeMap<PortId, Source> = BTreeMap::new();
    for (number, packet) in case.packets.iter().enumerate() {
        sources.entry(packet.src).or_default().queue.push_back((number as u32, *packet));
    }
    let mut log = Log::default();
    loop {
        pop_all(&mut fabric, case, &mut log);
        sources.values_mut().for_each(|s| s.step(&mut fabric, vcs, &mut log));
        let waiting = sources.values().filter_map(|s| s.queue.front()).map(|(_, p)| p.cycle).min();
        if waiting.is_none() && fabric.is_empty() {
            break;
        }
        assert!(fabric.now() < 200_000, "no progress: {} of {} flits", log.ejected.len(), log.injected.len());
        let next = [fabric.next_event(), waiting].into_iter().flatten().min();
        match next {
            Some(next) if skip && next > fabric.now() && fabric.next_ejectable(PortId(0)).is_none() => {
                fabric.skip_to(next);
            }
            _ => fabric.step(&mut log),
        }
    }
    log.end = fabric.now();
    log.activity = fabric.activity();
    while let Some(next) = fabric.next_event() {
        fabric.skip_to(next);
        if fabric.now() == next {
            fabric.step(&mut log);
        }
    }
    for port in 0..case.config.eject_depth.len() as u32 {
        for vc in 0..vcs {
            assert_eq!(
                fabric.inject_credits(PortId(port), vc),
                u32::from(case.config.vc_depth),
                "credits come back"
            );
        }
    }
    log
}

/// A case out of a few drawn numbers; everything else is a function of `seed`.
fn case(
    size: (u16, u16),
    pipeline: Pipeline,
    routing: Routing,
    vcs: u8,
    depth: u16,
    load: u64,
    seed: u64,
) -> Case {
    let pick = |unit: u64, index: u64, n: u64| random(seed, unit, index) % n;
    let routers = usize::from(size.0) * usize::from(size.1);
    let most = if vcs > 4 { 4 } else { 8 };
    let locals: Vec<u8> =
        (0..routers as u64).map(|r| 1 + pick(1, r, [1, 2, most][pick(2, 0, 3) as usize]) as u8).collect();
    let endpoints: u64 = locals.iter().map(|&l| u64::from(l)).sum();
    let eject_depth = (0..endpoints).map(|e| 1 + pick(3, e, 9) as u16).collect();
    let config = Config {
        width: size.0,
        height: size.1,
        locals,
        vcs,
        vc_depth: depth,
        pipeline,
        routing,
        eject_depth,
    };
    let endpoint = |unit: u64, index: u64| PortId(pick(unit, index, endpoints) as u32);
    let (mut trees, mut destinations, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for tree in 0..6 {
        let src = endpoint(4, tree);
        let mut to: Vec<PortId> = (0..=pick(5, tree, 9)).map(|k| endpoint(6, tree * 16 + k)).collect();
        to.sort_unstable();
        to.dedup();
        trees.push(build_tree(&config, src, &to));
        destinations.push(to);
        starts.push(src);
    }
    let classes = 1 + pick(7, 0, u64::from(vcs)) as u8;
    let packet = |k: u64| {
        let class = pick(8, k, u64::from(classes)) as u8;
        let vc_mask = (0..vcs).filter(|v| v % classes == class).fold(0, |mask, v| mask | 1 << v);
        let cycle = k * 16 / load;
        if pick(9, k, 4) == 0 {
            let tree = pick(10, k, 6);
            return Packet {
                cycle,
                src: starts[tree as usize],
                route: Route::Tree(tree as u32),
                flits: 1,
                vc_mask,
            };
        }
        let flits = 1 + pick(13, k, 5) as u32;
        Packet { cycle, src: endpoint(11, k), route: Route::Unicast(endpoint(12, k)), flits, vc_mask }
    };
    let packets = (0..300).map(packet).collect();
    Case { config, trees, destinations, packets, pop_every: 1 + pick(14, 0, 3), seed }
}

fn cases() -> impl Strategy<Value = Case> {
    let pipeline = prop_oneof![Just(Pipeline::Four), Just(Pipeline::LookAhead), Just(Pipeline::Speculative)];
    let routing = prop_oneof![Just(Routing::Xy), Just(Routing::Yx), Just(Routing::WestFirst)];
    let load = prop_oneof![Just(1u64), Just(16), Just(100), Just(100_000)];
    ((1u16..6, 1u16..6), pipeline, routing, 1u8..=8, 1u16..9, load, any::<u64>())
        .prop_map(|(size, p, r, vcs, depth, load, seed)| case(size, p, r, vcs, depth, load, seed))
}

/// Every flit arrives exactly once at each of its destinations.
fn check_delivery(case: &Case, log: &Log) {
    let mut expected: BTreeMap<(PortId, u64), u32> = BTreeMap::new();
    for (_, _, _, flit) in &log.injected {
        let to = match flit.route {
            Route::Unicast(dst) => vec![dst],
            Route::Tree(tree) => case.destinations[tree as usize].clone(),
        };
        to.into_iter().for_each(|dst| *expected.entry((dst, flit.payload)).or_default() += 1);
    }
    let mut found: BTreeMap<(PortId, u64), u32> = BTreeMap::new();
    log.ejected.iter().for_each(|(_, port, flit)| *found.entry((*port, flit.payload)).or_default() += 1);
    assert_eq!(found, expected);
    let flits: u32 = case.packets.iter().map(|p| p.flits).sum();
    assert_eq!(log.injected.len(), flits as usize);
}

/// Flits of a packet stay in order; so do packets of a pair that one VC class of one VC carries on one path.
fn check_order(case: &Case, log: &Log) {
    let mut last_flit: BTreeMap<(PortId, u32), u64> = BTreeMap::new();
    let mut last_packet: BTreeMap<(PortId, PortId, u8), u32> = BTreeMap::new();
    for (_, port, flit) in &log.ejected {
        let last = last_flit.insert((*port, flit.packet), flit.payload);
        assert!(last.is_none_or(|l| l < flit.payload), "flit order of packet {}", flit.packet);
        let src = case.packets[flit.packet as usize].src;
        let deterministic = case.config.routing != Routing::WestFirst || matches!(flit.route, Route::Tree(_));
        let unicast = matches!(flit.route, Route::Unicast(_));
        if flit.vc_mask.is_power_of_two() && deterministic && unicast {
            let last = last_packet.insert((src, *port, flit.vc_mask), flit.packet);
            assert!(last.is_none_or(|l| l <= flit.packet), "packet order from {src:?} to {port:?}");
        }
    }
}

/// The counts follow from the listing.
fn check_activity(case: &Case, log: &Log) {
    let topology = Topology::new(&case.config);
    for (router, activity) in log.activity.iter().enumerate() {
        let left: Vec<_> = log.left.iter().filter(|l| l.1 == router).collect();
        assert_eq!(activity.crossbar_traversals, left.len() as u64);
        assert_eq!(activity.buffer_reads, left.len() as u64);
        assert_eq!(activity.link_flits.iter().sum::<u64>(), left.len() as u64);
        assert_eq!(activity.vc_allocations, left.iter().filter(|l| l.4.head).count() as u64);
        assert!(activity.switch_arbitrations >= left.len() as u64);
        let here = |port: &PortId| topology.place(*port).0 == router;
        assert_eq!(activity.ejections, log.ejected.iter().filter(|e| here(&e.1)).count() as u64);
        assert_eq!(activity.injections, log.injected.iter().filter(|i| here(&i.1)).count() as u64);
        let ahead = |l: &&(u64, usize, usize, usize, Flit)| topology.neighbour(l.1, l.2) == Some(router);
        let arrived = log.left.iter().filter(ahead).count() as u64;
        assert_eq!(activity.buffer_writes, activity.injections + arrived);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engines_agree_and_deliver(case in cases()) {
        let fast = play::<Fast>(&case, false);
        check_delivery(&case, &fast);
        check_order(&case, &fast);
        check_activity(&case, &fast);
        let plain = play::<Plain>(&case, false);
        prop_assert_eq!(&plain.left, &fast.left);
        prop_assert!(plain == fast, "ejections, activity and end");
        prop_assert!(play::<Fast>(&case, true) == fast, "jumping over idle cycles changes nothing");
        prop_assert!(play::<Plain>(&case, true) == fast, "jumping over idle cycles changes nothing");
    }
}

/// All sources overdriven, shallow buffers, slow endpoints: everything still arrives.
#[test]
fn overload_drains() {
    for routing in [Routing::Xy, Routing::Yx, Routing::WestFirst] {
        for pipeline in [Pipeline::Four, Pipeline::LookAhead, Pipeline::Speculative] {
            for seed in 0..4 {
                let vcs = 1 + seed as u8 % 3;
                let mut case = case((6, 6), pipeline, routing, vcs, 1 + seed as u16, 1_000_000, seed);
                case.pop_every = 2;
                case.config.eject_depth.fill(1);
                let more: Vec<Packet> = (0..8).flat_map(|_| case.packets.clone()).collect();
                case.packets = more;
                let log = play::<Fast>(&case, false);
                check_delivery(&case, &log);
            }
        }
    }
}
