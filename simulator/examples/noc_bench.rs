//! Speed of the network engines: uniform random traffic on an 8x8 mesh, four VCs of eight flits, 4-stage XY routers.
//!
//! Usage: `cargo run --release -p pulvinar-simulator --example noc_bench [rate [cycles [cycles of the plain engine]]]`

use pulvinar_simulator::noc::traffic::{run, Traffic};
use pulvinar_simulator::noc::{Config, Fabric, Fast, NoObserver, Plain};
use std::time::Instant;

fn measure<F: Fabric>(name: &str, rate: f64, cycles: u64) {
    let config = Config::uniform(8, 8, 1, 4, 8);
    let traffic = Traffic {
        seed: 1,
        rate,
        packet_flits: 1,
        warmup_cycles: 0,
        measure_cycles: cycles,
        drain_cycles: 10_000,
    };
    let mut fabric = match F::new(&config, &[]) {
        Ok(fabric) => fabric,
        Err(error) => return eprintln!("{error}"),
    };
    let start = Instant::now();
    let found = run(&mut fabric, &config, &traffic, &mut NoObserver);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{name}: rate {rate}, {} cycles, {} flit-hops, latency {:.2} cycles, {seconds:.3} s, {:.2} M flit-hops/s, {:.0} cycles/s",
        found.cycles,
        found.flit_hops,
        found.latency_cycles,
        found.flit_hops as f64 / seconds / 1e6,
        found.cycles as f64 / seconds
    );
}

fn main() {
    let arguments: Vec<f64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let rate = arguments.first().copied().unwrap_or(0.3);
    let cycles = arguments.get(1).copied().unwrap_or(200_000.0) as u64;
    measure::<Fast>("fast", rate, cycles);
    measure::<Plain>("plain", rate, arguments.get(2).copied().unwrap_or(4_000.0) as u64);
}
