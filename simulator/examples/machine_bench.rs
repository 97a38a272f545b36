//! Speed of the fast engine on four seeded networks (`simulator/tests/peer_nets`).
//!
//! `cargo run --release -p pulvinar-simulator --example machine_bench [NET] [steps] [lanes]`

#[path = "../tests/peer_nets/mod.rs"]
#[allow(dead_code)] // the text form is for the comparison, docs/peers.md
mod peer_nets;

use pulvinar_ir::{Activity, Arch, NodeId, Value};
use pulvinar_simulator::{Machine, SimOptions};
use std::time::Instant;

/// The chip of `arch/loihi128.toml` with another lane count.
fn chip(lanes: u32) -> Arch {
    let mut arch =
        Arch::from_toml(include_str!("../../arch/loihi128.toml")).expect("the file is a valid chip");
    (arch.core.lanes, arch.core.accumulator_banks) = (lanes, lanes);
    arch
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| args.get(i).and_then(|a| a.parse().ok());
    let name = args.first().map_or("dense1k", String::as_str);
    let Some((_, make)) = peer_nets::NETS.iter().find(|n| n.0 == name) else {
        eprintln!("no network is named {name}: give one of {}", peer_nets::NETS.map(|n| n.0).join(", "));
        std::process::exit(1);
    };
    let net = make();
    let steps = number(1).unwrap_or(net.steps);
    let program = peer_nets::program(&net, steps, chip(number(2).unwrap_or(16) as u32));
    let begin = Instant::now();
    let machine = Machine::new(&program).expect("the bench program runs");
    let ready = Instant::now();
    let input = Value::int(program.graph.node(NodeId(0)).ty.shape, vec![0; steps]);
    let run = machine.simulate(&input, &SimOptions::default()).expect("the bench program runs");
    let seconds = ready.elapsed().as_secs_f64();
    let total = |a| run.counts.total(a);
    let synapses = total(Activity::SynAdd);
    println!("prepared in {:.3} s, ran in {seconds:.3} s", (ready - begin).as_secs_f64());
    println!(
        "{} cycles ({} visited), {} spikes, {} events taken, {synapses} synaptic events: {:.2} M per second",
        run.counts.cycles,
        run.visited_cycles,
        total(Activity::Spike),
        total(Activity::EventPop),
        synapses as f64 / seconds / 1e6
    );
}
