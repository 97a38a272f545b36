//! Uniform random traffic for measuring a network on its own: Bernoulli sources with unbounded queues at every endpoint,
//! destinations uniform over all endpoints, the source included.

use std::collections::VecDeque;

use super::{Config, Fabric, Flit, Observer, PortId, Route};

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Seed of the sources.
    pub seed: u64,
    /// Packets each endpoint creates per cycle, `0.0..=1.0`.
    pub rate: f64,
    /// Flits per packet.
    pub packet_flits: u32,
    /// Cycles before the measured window.
    pub warmup_cycles: u64,
    /// Cycles of the measured window.
    pub measure_cycles: u64,
    /// Most cycles spent after the window, sources still running, until the window's packets have arrived.
    pub drain_cycles: u64,
}

/// What a measurement found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Packets created in the window that arrived.
    pub packets: u64,
    /// Every packet created in the window arrived in time.
    pub complete: bool,
    /// Mean cycles from creation (source queue included) to ejection of the tail, over `packets`.
    pub latency_cycles: f64,
    /// Flits ejected per endpoint and cycle of the window.
    pub accepted: f64,
    /// Mean routers visited by the flits of the whole run.
    pub hops: f64,
    /// Flits through switches in the whole run.
    pub flit_hops: u64,
    /// Cycles simulated.
    pub cycles: u64,
}

/// Counter-based random number: splitmix64 (Steele, Lea and Flood, OOPSLA 2014) of the seed, a unit and an index.
pub fn random(seed: u64, unit: u64, index: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    mix(mix(seed.wrapping_add(unit.wrapping_mul(step))).wrapping_add(index.wrapping_mul(step)))
}

/// One source: packets waiting, as creation cycle and destination, and the flit and VC it is at.
#[derive(Clone, Default)]
struct Source {
    queue: VecDeque<(u64, PortId)>,
    sent_flits: u32,
    vc: usize,
}

/// Sources at every endpoint.
struct Generator {
    traffic: Traffic,
    vcs: usize,
    /// A draw of 32 bits below this creates a packet.
    threshold: u64,
    sources: Vec<Source>,
    /// Packets created so far.
    created: u64,
}

impl Generator {
    fn new(config: &Config, traffic: &Traffic) -> Self {
        let threshold = (traffic.rate.clamp(0.0, 1.0) * (1u64 << 32) as f64) as u64;
        let sources = vec![Source::default(); config.eject_depth.len()];
        Self { traffic: *traffic, vcs: usize::from(config.vcs), threshold, sources, created: 0 }
    }

    fn step(&mut self, fabric: &mut impl Fabric) {
        let now = fabric.now();
        let endpoints = self.sources.len() as u64;
        for (index, source) in self.sources.iter_mut().enumerate() {
            let draw = random(self.traffic.seed, index as u64, now);
            if draw >> 32 < self.threshold {
                self.created += 1;
                source.queue.push_back((now, PortId((((draw & 0xffff_ffff) * endpoints) >> 32) as u32)));
            }
            let Some(&(created, dst)) = source.queue.front() else { continue };
            let port = PortId(index as u32);
            if source.sent_flits == 0 {
                let vcs = self.vcs;
                let free =
                    (1..=vcs).map(|k| (source.vc + k) % vcs).find(|&v| fabric.inject_credits(port, v) > 0);
                let Some(vc) = free else { continue };
                source.vc = vc;
            } else if fabric.inject_credits(port, source.vc) == 0 {
                continue;
            }
            let head = source.sent_flits == 0;
            source.sent_flits += 1;
            let tail = source.sent_flits == self.traffic.packet_flits;
            if tail {
                source.sent_flits = 0;
                source.queue.pop_front();
            }
            let route = Route::Unicast(dst);
            let flit = Flit { packet: index as u32, payload: created, route, head, tail, vc_mask: u8::MAX };
            fabric.inject(port, source.vc, flit);
        }
    }
}

/// Runs `traffic` on an empty `fabric` built from `config`. Endpoints take every flit in the cycle it shows up.
pub fn run(
    fabric: &mut impl Fabric,
    config: &Config,
    traffic: &Traffic,
    observer: &mut impl Observer,
) -> Measured {
    let mut sources = Generator::new(config, traffic);
    let window = traffic.warmup_cycles..traffic.warmup_cycles + traffic.measure_cycles;
    let end = window.end + traffic.drain_cycles;
    let (mut packets, mut latency, mut accepted, mut arrived) = (0, 0, 0, 0);
    let (mut created_before, mut created_in) = (0, 0);
    loop {
        let now = fabric.now();
        let mut from = PortId(0);
        while let Some(port) = fabric.next_ejectable(from) {
            let flit = fabric.eject_pop(port).expect("invariant: the port was listed as ejectable");
            accepted += u64::from(window.contains(&now));
            if flit.tail && flit.payload < window.end {
                arrived += 1;
                if flit.payload >= window.start {
                    packets += 1;
                    latency += now - flit.payload;
                }
            }
            from = PortId(port.0 + 1);
        }
        if now == window.start {
            created_before = sources.created;
        }
        if now == window.end {
            created_in = sources.created - created_before;
        }
        if now >= window.end && (arrived == created_before + created_in || now >= end) {
            break;
        }
        sources.step(fabric);
        fabric.step(observer);
    }
    let flit_hops: u64 = fabric.activity().iter().map(|a| a.crossbar_traversals).sum();
    let injections: u64 = fabric.activity().iter().map(|a| a.injections).sum();
    Measured {
        packets,
        complete: packets == created_in,
        latency_cycles: latency as f64 / packets.max(1) as f64,
        accepted: accepted as f64 / (config.eject_depth.len() as u64 * traffic.measure_cycles.max(1)) as f64,
        hops: flit_hops as f64 / injections.max(1) as f64,
        flit_hops,
        cycles: fabric.now(),
    }
}
