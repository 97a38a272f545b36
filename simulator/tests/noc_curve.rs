//! The router against a published simulator: BookSim 2 (commit 28f43299, unmodified), 8x8 mesh, XY routing, uniform
//! destinations over all 64 nodes, 1-flit packets, Bernoulli sources, 8 flits per VC, 1-cycle links, credit delay 1,
//! iSLIP allocators with one iteration, pipeline RC, VA, SA, ST of one cycle each; mean of three seeds.

#![allow(clippy::unwrap_used)]

use pulvinar_simulator::noc::traffic::{run, Measured, Traffic};
use pulvinar_simulator::noc::{Config, Fabric, Fast, Flit, NoObserver, Pipeline, Plain, PortId, Route};

/// Rate in packets per node and cycle, mean packet latency in cycles.
const FOUR_VCS: [(f64, f64); 5] =
    [(0.05, 33.452), (0.1, 33.810), (0.2, 35.102), (0.3, 38.017), (0.36, 42.792)];
const ONE_VC: [(f64, f64); 3] = [(0.05, 34.628), (0.1, 38.572), (0.13, 48.577)];
/// Accepted flits per node and cycle: with sources just past saturation, and overdriven at one packet per cycle.
const FOUR_VCS_SATURATED: [(f64, f64); 3] = [(0.5, 0.41384), (0.7, 0.38481), (1.0, 0.38399)];
const ONE_VC_SATURATED: [(f64, f64); 2] = [(0.4, 0.14159), (1.0, 0.14116)];

fn measure(vcs: u8, rate: f64, measure_cycles: u64) -> Measured {
    let config = Config::uniform(8, 8, 1, vcs, 8);
    let traffic =
        Traffic { seed: 3, rate, packet_flits: 1, warmup_cycles: 6000, measure_cycles, drain_cycles: 4000 };
    let mut fabric = Fast::new(&config, &[]).unwrap();
    run(&mut fabric, &config, &traffic, &mut NoObserver)
}

fn check_latency(vcs: u8, reference: &[(f64, f64)]) {
    for &(rate, latency) in reference {
        let found = measure(vcs, rate, 20_000);
        println!("{vcs} VCs, rate {rate}: latency {:.3} cycles, BookSim {latency}", found.latency_cycles);
        assert!(found.complete, "{vcs} VCs are stable at {rate}");
        assert!(
            (found.latency_cycles / latency - 1.0).abs() < 0.02,
            "rate {rate}: {found:?}, BookSim {latency}"
        );
        assert!((found.accepted - rate).abs() < 0.002, "rate {rate}: {found:?}");
        assert!((found.hops - 6.25).abs() < 0.02, "rate {rate}: {found:?}");
    }
}

#[test]
fn latency_of_four_vcs() {
    check_latency(4, &FOUR_VCS);
}

#[test]
fn latency_of_one_vc() {
    check_latency(1, &ONE_VC);
}

#[test]
fn saturation_throughput() {
    let cases = FOUR_VCS_SATURATED.iter().map(|c| (4, c)).chain(ONE_VC_SATURATED.iter().map(|c| (1, c)));
    for (vcs, &(rate, accepted)) in cases {
        let found = measure(vcs, rate, 12_000);
        println!("{vcs} VCs, rate {rate}: accepted {:.4}, BookSim {accepted}", found.accepted);
        assert!((found.accepted - accepted).abs() < 0.01, "{vcs} VCs: {found:?}, BookSim {accepted}");
    }
}

#[test]
fn latency_diverges_where_the_reference_does() {
    assert!(measure(4, 0.41, 20_000).complete, "BookSim is stable at 0.41");
    assert!(measure(4, 0.41, 20_000).latency_cycles < 80.0);
    let beyond = measure(4, 0.44, 60_000);
    assert!(beyond.latency_cycles > 500.0, "BookSim is unstable at 0.44: {beyond:?}");
    assert!(measure(1, 0.15, 60_000).latency_cycles > 500.0, "BookSim is unstable at 0.15 with one VC");
}

/// Creation to ejection of one packet alone: `2 + H * (p + 1)`.
fn zero_load<F: Fabric>() {
    for pipeline in [Pipeline::Four, Pipeline::LookAhead, Pipeline::Speculative] {
        for dst in 0..8u32 {
            let mut config = Config::uniform(8, 1, 1, 2, 4);
            config.pipeline = pipeline;
            let mut fabric = F::new(&config, &[]).unwrap();
            fabric.skip_to(10);
            let route = Route::Unicast(PortId(dst));
            let flit = Flit { packet: 7, payload: 9, route, head: true, tail: true, vc_mask: 3 };
            fabric.inject(PortId(0), 1, flit);
            while fabric.ejected(PortId(dst)).is_none() {
                fabric.step(&mut NoObserver);
                assert!(fabric.now() < 100, "the packet arrives");
            }
            let routers = u64::from(dst) + 1;
            assert_eq!(
                fabric.now() - 10,
                2 + routers * (u64::from(pipeline.stages()) + 1),
                "{pipeline:?} to {dst}"
            );
            assert_eq!(fabric.eject_pop(PortId(dst)), Some(flit));
            assert!(fabric.is_empty());
        }
    }
}

#[test]
fn zero_load_latency() {
    zero_load::<Plain>();
    zero_load::<Fast>();
}
