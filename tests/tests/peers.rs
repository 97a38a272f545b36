//! SANA-FE's energies from our simulation of its networks: spikes of the exact reference, its counts, its digits.

#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_ir::Activity;
use pulvinar_models::sha256_hex;
use pulvinar_reports::energy::sanafe::Synapses;
use pulvinar_tests::peers::{chip, nets, published, simulate, Published, Simulated};

/// Network, SHA-256 of its packed spikes over all steps by the exact reference, and SANA-FE's energy in mJ, five digits.
const REFERENCE: [(&str, &str, &str); 3] = [
    ("dense1k", "7f60eb9df3ca5206a37321114a855d9c767625c9289d14ad67715e316f3cbd64", "0.95584"),
    ("conv1m", "afb1711a2acbc520e582f019f98e91ba2c77e1c33d2aaef9e22b3de5320ed863", "0.50306"),
    ("noc128", "e607593097f87c2806c9e0195c171deb447dcc240cacd5be3cfccf445a95c0f8", "0.59969"),
];

fn run(name: &str, steps: Option<usize>) -> Simulated {
    let (_, make) = nets::NETS.iter().find(|n| n.0 == name).unwrap();
    let net = make();
    simulate(&net, steps.unwrap_or(net.steps), chip(16, 200.0)).unwrap()
}

/// What the machine counted itself: events added, updates, spikes, and events taken by cores.
fn counted_by_the_machine(ours: &Simulated) {
    let (counts, machine) = (ours.tally.counts, &ours.run.counts);
    assert_eq!(machine.total(Activity::SynAdd), counts.synaptic_events);
    assert_eq!(machine.total(Activity::NeuronAdd), counts.accesses);
    assert_eq!(machine.total(Activity::Spike), counts.spikes);
    assert_eq!(machine.total(Activity::EventPop), counts.messages);
}

fn counted_by_sanafe(ours: &Simulated, theirs: &Published) {
    let c = ours.tally.counts;
    let what = format!("{}, {} steps, {}", theirs.network, theirs.steps, theirs.timing);
    let reported = [theirs.spikes, theirs.packets_sent, theirs.neurons_updated, theirs.neurons_fired];
    assert_eq!([c.synaptic_events, c.messages, c.updates, c.spikes], reported, "{what}");
    let synapses =
        Synapses::ALL.into_iter().find(|s| format!("{s:?}").to_lowercase() == theirs.synapses).unwrap();
    let estimate = c.energy(synapses).unwrap();
    let near =
        |pj: f64, joule: f64| assert!((pj / 1e12 / joule - 1.0).abs() < 1e-9, "{what}: {pj} and {joule}");
    near(estimate.total_pj, theirs.energy["total"]);
    let part = |names: &[&str]| {
        estimate.terms.iter().filter(|t| names.contains(&t.0.as_str())).map(|t| t.1).sum::<f64>()
    };
    near(part(&["synaptic events"]), theirs.energy["synapse"]);
    near(part(&["neurons looked at", "neurons updated", "spikes"]), theirs.energy["soma"]);
    near(part(&["messages", "hops"]), theirs.energy["network"]);
    if theirs.timing == "simple" {
        near(ours.tally.simple_ns * 1e3, theirs.sim_time);
    }
}

#[test]
fn energies_of_sanafe_come_out_to_the_last_digit() {
    for (name, sha, energy_mj) in REFERENCE {
        let ours = run(name, None);
        assert_eq!(sha256_hex(&ours.packed()), sha, "{name}");
        counted_by_the_machine(&ours);
        let total = ours.tally.counts.energy(Synapses::Dense).unwrap().total_pj;
        assert_eq!(format!("{:.5}", total / 1e9), energy_mj, "{name}");
        let steps = ours.spikes.len();
        let runs: Vec<Published> =
            published().into_iter().filter(|p| p.network == name && p.steps == steps).collect();
        assert!(runs.len() >= 2, "{name}");
        runs.iter().for_each(|theirs| counted_by_sanafe(&ours, theirs));
    }
}

/// The largest network, over the steps of SANA-FE's shortest run.
#[test]
fn counts_of_the_sparse_network_are_those_of_sanafe() {
    let ours = run("sparse10k", Some(5));
    counted_by_the_machine(&ours);
    let runs: Vec<Published> =
        published().into_iter().filter(|p| p.network == "sparse10k" && p.steps == 5).collect();
    assert!(runs.len() >= 2 && runs[0].neurons_fired > 1000);
    runs.iter().for_each(|theirs| counted_by_sanafe(&ours, theirs));
}
