//! Closed form of a run: what it does and how long it takes, from the compiled program and the values, without simulating.
//!
//! What depends on contents alone is counted, not estimated: events, synaptic operations, accesses, flits and the routers
//! they pass. Time follows from a recurrence over slices, passes and steps ([`time`]) with the terms of `docs/machine.md`:
//! events come as a fluid, the network takes its latency without contention, and a queue holds up its producer when it is full.

mod book;
mod error;
mod network;
mod sending;
mod time;

pub use error::{measured_error, MeasuredError, Spread};

use crate::packet::PACKET_FLITS;
use crate::prepare::phase::PhasePlan;
use crate::prepare::Machine;
use crate::run::{Log, SimOptions};
use crate::unit::memory_controller::{load_bound, weight_flits, ExternalMemory};
use network::Network;
use pulvinar_ir::{Counts, Diagnostic, Result, Value};
use sending::Spikes;

/// Counts of one inference, `cycles` among them, whose nodes have these values (`interpret::run` of the program's graph).
///
/// # Errors
/// E0706 if the values are not those of the program's graph, or if the program waits for something that never comes.
pub fn estimate(machine: &Machine<'_>, values: &[Value]) -> Result<Counts> {
    let graph = &machine.program.graph;
    let fit = values.len() == graph.nodes.len()
        && values.iter().zip(&graph.nodes).all(|(v, n)| v.shape == n.ty.shape);
    if !fit {
        return Err(refuse("values", "these are not the values of the program's graph"));
    }
    let cores = machine.program.arch.cores() as usize;
    let mut log = Log::new(machine.stages.len(), machine.steps, cores, &SimOptions::default());
    let spikes = Spikes::of(machine, values);
    let mut memory = ExternalMemory::new(machine);
    let (mut start, mut finished) = (0, 0);
    for phase in &machine.phases {
        let network = Network::new(phase);
        if machine.phases.len() > 1 {
            book::load(machine, phase, &network, start, &mut memory, &mut log);
            start += load_cycles(machine, phase, &network);
        }
        let sent = sending::Traffic::of(machine, phase, &network, &spikes);
        book::phase(machine, phase, &network, &sent, &spikes, &mut log);
        let end = time::run(machine, phase, &network, &sent, (start, &mut memory), &mut log)?;
        (start, finished) = (end.quiet, finished.max(end.host));
    }
    machine.book_memory(&mut memory, start, &mut log);
    Ok(log.into_counts(&machine.layer_names(), finished + 1))
}

/// Cycles in which the weights of a phase come: the channel's time, or that of their packets on the data channel.
fn load_cycles(machine: &Machine<'_>, phase: &PhasePlan, network: &Network) -> u64 {
    let cycles = |to, flits: u64| {
        let routers = network.routers(phase.memory, to);
        let (full, rest) = (flits / PACKET_FLITS, flits % PACKET_FLITS);
        let last = if rest > 0 { network.packet_cycles(rest + 1, routers) } else { 0.0 };
        full as f64 * network.packet_cycles(PACKET_FLITS + 1, routers) + last
    };
    let packets: f64 = weight_flits(machine, phase).iter().map(|&(to, flits, _)| cycles(to, flits)).sum();
    let first = u64::from(machine.program.arch.dram.t_rcd_cycles + machine.program.arch.dram.t_cl_cycles);
    load_bound(machine, phase).max(first + packets as u64) + network.farthest(phase)
}

fn refuse(place: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(
        "E0706",
        place,
        message,
        "evaluate the program's own graph; build programs with the mapper",
    )
}
