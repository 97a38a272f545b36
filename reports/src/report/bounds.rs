//! How busy each kind of unit is, and what would help.

use super::build::Pieces;
use super::{Bottleneck, Layer, LinkLoad, Mesh};
use pulvinar_ir::counts::Activity;

/// Most entries a report lists.
const MAX_ENTRIES: usize = 8;

/// Units by how busy they are, the busiest first.
pub(super) fn bottlenecks(p: &Pieces, layers: &[Layer], mesh: &Mesh) -> Vec<Bottleneck> {
    let mut all: Vec<Bottleneck> = layers.iter().flat_map(|l| engines(p, l)).collect();
    all.extend(links(p, mesh));
    all.extend(dram(p));
    all.retain(|b| b.busy_fraction > 0.0);
    all.sort_by(|a, b| b.busy_fraction.total_cmp(&a.busy_fraction));
    all.truncate(MAX_ENTRIES);
    all
}

fn engines(p: &Pieces, layer: &Layer) -> Vec<Bottleneck> {
    let core = &p.program.arch.core;
    let cycles = p.cycles / p.n;
    let cores = f64::from(layer.cores.max(1));
    let entry = |unit: &str, busy: f64, remedy: String| Bottleneck {
        unit: unit.to_owned(),
        place: layer.name.clone(),
        busy_fraction: busy / cycles,
        remedy,
    };
    let spread = format!("more cores (now {}) or lanes (now {})", layer.cores, core.lanes);
    vec![
        entry(
            "synapse engine",
            layer.synapse_busy_cycles / cores,
            format!("{spread}, or fewer spikes into it"),
        ),
        entry("update engine", layer.sweep_busy_cycles / cores, format!("{spread}; spikes do not matter")),
        entry(
            "attention engine",
            layer.attention_busy_cycles,
            format!("more attention lanes (now {})", core.attention_lanes),
        ),
    ]
}

/// The busiest link between tiles and the busiest local port.
fn links(p: &Pieces, mesh: &Mesh) -> Vec<Bottleneck> {
    let noc = &p.program.arch.noc;
    let busiest = |local: bool| {
        let some = mesh.links.iter().filter(|l| (l.port >= 4) == local);
        some.max_by(|a, b| a.flits_per_cycle.total_cmp(&b.flits_per_cycle).then(b.router.cmp(&a.router)))
    };
    let multicast = if noc.multicast { "" } else { ", noc.multicast = true" };
    let wider = format!("wider flits (now {} bits){multicast}", noc.payload_bits);
    let entry = |unit: &str, l: &LinkLoad, else_try: &str| Bottleneck {
        unit: unit.to_owned(),
        place: format!("tile {} {}", l.router, port_name(l.port)),
        busy_fraction: l.flits_per_cycle,
        remedy: format!("{wider}, or {else_try}"),
    };
    let link = busiest(false).map(|l| entry("link", l, "a placement with fewer shared links"));
    let port = busiest(true).map(|l| entry("local port", l, "the layer spread over more tiles"));
    link.into_iter().chain(port).collect()
}

fn dram(p: &Pieces) -> Option<Bottleneck> {
    let dram = &p.program.arch.dram;
    let bursts = p.counts.total(Activity::DramRead) + p.counts.total(Activity::DramWrite);
    (bursts > 0).then(|| Bottleneck {
        unit: "DRAM data bus".to_owned(),
        place: dram.kind.clone(),
        busy_fraction: bursts as f64 * f64::from(dram.burst_cycles) / p.cycles,
        remedy: "larger frame and weight memories so that less is moved, or a faster channel".to_owned(),
    })
}

/// Name of a router output.
pub(crate) fn port_name(port: u32) -> String {
    match port {
        0 => "north".to_owned(),
        1 => "east".to_owned(),
        2 => "south".to_owned(),
        3 => "west".to_owned(),
        local => format!("local {}", local - 4),
    }
}
