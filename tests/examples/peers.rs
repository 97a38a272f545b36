//! The tables of `docs/peers.md`: four networks on our machine beside SANA-FE 2.2.9.
//!
//! `cargo run --release -p pulvinar-tests --example peers` prints them, `... -- --export FOLDER` writes the networks for
//! `tests/peers/sanafe_runs.py`.

use pulvinar_models::sha256_hex;
use pulvinar_reports::energy::sanafe::Synapses;
use pulvinar_tests::peers::{chip, nets, published, simulate, Published, Simulated};
use std::path::Path;

/// The machine of `arch/loihi128.toml`, one that adds a synaptic event in the 3.8 ns of SANA-FE's, and that with room for
/// every event: lanes, clock in MHz, events in a queue.
const MACHINES: [(u32, f64, u32); 3] = [(16, 200.0, 64), (1, 1000.0 / 3.8, 64), (1, 1000.0 / 3.8, 4096)];

const HEADS: [&str; 4] = [
    "| network | steps | synaptic events | accesses | updates | spikes | messages | hops E-W | hops N-S | SHA-256 of the spikes |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
    "| network | steps | kind | ours × their constants, mJ | SANA-FE, mJ |\n|---|--:|---|--:|--:|\n",
    "| network | steps | `simple`, ours | `simple` | `detailed` | `cycle` | 1 lane, 3.8 ns, queues of 4,096 | 1 lane, 3.8 ns | 16 lanes, 5 ns |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    "| network | steps | cycles | busiest core | busiest link | cycles, 1 lane | busiest core, 1 lane |\n|---|--:|--:|--:|--:|--:|--:|\n",
];

fn export(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    nets::NETS
        .iter()
        .try_for_each(|(name, make)| std::fs::write(folder.join(format!("{name}.net")), make().to_text()))
}

/// Networks and steps that SANA-FE ran, in its order.
fn runs(all: &[Published]) -> Vec<(&str, usize)> {
    let mut runs = Vec::new();
    for p in all {
        if !runs.contains(&(p.network.as_str(), p.steps)) {
            runs.push((p.network.as_str(), p.steps));
        }
    }
    runs
}

/// Rows of the four tables for one run.
fn rows(all: &[Published], name: &str, steps: usize) -> [String; 4] {
    let net = nets::NETS.iter().find(|n| n.0 == name).expect("SANA-FE ran networks of the list").1();
    let run = |(lanes, clock, queue)| {
        let mut arch = chip(lanes, clock);
        arch.core.queue_events = queue;
        simulate(&net, steps, arch).expect("the program runs")
    };
    let machines = MACHINES.map(run);
    let [wide, narrow, _] = &machines;
    let c = wide.tally.counts;
    let counts = [
        c.synaptic_events,
        c.accesses,
        c.updates,
        c.spikes,
        c.messages,
        c.hops_east_west,
        c.hops_north_south,
    ];
    let counts = counts.map(|n| n.to_string()).join(" | ");
    let sha = sha256_hex(&wide.packed());
    let mut energy = String::new();
    for kind in Synapses::ALL {
        let word = format!("{kind:?}").to_lowercase();
        if let Some(p) = all.iter().find(|p| p.network == name && p.steps == steps && p.synapses == word) {
            let ours = c.energy(kind).expect("the constants are there").total_pj / 1e9;
            energy +=
                &format!("| {name} | {steps} | {word} | {ours:.5} | {:.5} |\n", p.energy["total"] * 1e3);
        }
    }
    let theirs = ["simple", "detailed", "cycle"].map(|timing| {
        let run = all
            .iter()
            .find(|p| p.network == name && p.steps == steps && p.synapses == "dense" && p.timing == timing);
        run.map_or_else(|| "–".to_owned(), |p| format!("{:.4}", p.sim_time * 1e3))
    });
    let cycles = |s: &Simulated| s.run.counts.cycles;
    let ms = |i: usize| format!("{:.4}", cycles(&machines[i]) as f64 / MACHINES[i].1 / 1e3);
    let times = [ms(2), ms(1), ms(0)].join(" | ");
    let core = |s: &Simulated| s.run.busy_cycles.iter().max().copied().unwrap_or(0);
    let link = wide.run.links.iter().filter(|l| l.port < 4).map(|l| l.flits).max().unwrap_or(0);
    [
        format!("| {name} | {steps} | {counts} | {} |\n", &sha[..16]),
        energy,
        format!(
            "| {name} | {steps} | {:.4} | {} | {times} |\n",
            wide.tally.simple_ns / 1e6,
            theirs.join(" | ")
        ),
        format!(
            "| {name} | {steps} | {} | {} | {link} | {} | {} |\n",
            cycles(wide),
            core(wide),
            cycles(narrow),
            core(narrow)
        ),
    ]
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder] = args.as_slice() {
        if flag == "--export" {
            export(Path::new(folder)).expect("the folder can be written");
            return;
        }
    }
    let all = published();
    let mut tables = HEADS.map(str::to_owned);
    for (name, steps) in runs(&all) {
        tables.iter_mut().zip(rows(&all, name, steps)).for_each(|(table, rows)| *table += &rows);
    }
    for (title, table) in ["Counts", "Energy", "Time, ms", "Cycles"].iter().zip(tables) {
        println!("{title}\n\n{table}");
    }
}
