//! ASA-SNN: rates of the repository's table, and what the formula makes of them.

use crate::nets::{attentive, Net, Rates};
use crate::table::words;
use pulvinar_reports::energy::papers::{self, Stem};
use pulvinar_reports::energy::Workload;

/// Data set and network, structure, published rates without and with ASA.
const ROWS: [(&str, &str, [f64; 2]); 5] = [
    ("Gesture, three layers", "asa-a", [0.176, 0.038]),
    ("Gesture, five layers", "asa-b", [0.023, 0.018]),
    ("Gait-day, three layers", "asa-a-gait-day", [0.214, 0.045]),
    ("Gait-night, 32-32-32", "asa-d", [0.197, 0.126]),
    ("DailyAction, five layers", "asa-b-action", [0.017, 0.013]),
];

/// Products an element of the currents under attention, and the workload with one: the gate's alone.
fn one_gate(mut work: Workload) -> (f64, Workload) {
    let (mut all, mut elements) = (0, 0);
    for (module, neurons) in work.modules.iter_mut().zip(&work.neurons) {
        let gate = neurons.elements * u64::from(neurons.timesteps);
        all += std::mem::replace(&mut module.gate_multiplies, gate);
        elements += gate;
    }
    (all as f64 / elements as f64, work)
}

fn rows() -> Vec<Vec<String>> {
    let of = |(what, name, [without, own]): (&str, &str, [f64; 2])| {
        let net = Net::of(name);
        let rates = Rates { own, without, input: 1.0 };
        let spikes = |rate| net.work(Rates::of(rate)).spikes() * 1e-6;
        let excluded = net.paper(rates, attentive(Stem::Excluded));
        let whole = net.paper(rates, attentive(Stem::Steps));
        let (products, single) = one_gate(net.work(rates));
        let single = papers::energy(&single, attentive(Stem::Excluded)).unwrap();
        vec![
            format!("{what}, `{name}`"),
            format!("{without} → {own}"),
            format!("{:.3} → {:.3}", spikes(without), spikes(own)),
            format!("{:.3} → {:.3}", excluded.base_pj * 1e-9, excluded.total_pj * 1e-9),
            format!("{products:.1}"),
            format!("{:.2}", excluded.r_ee),
            format!("{:.2}", single.r_ee),
            format!("{:.2}", whole.r_ee),
        ]
    };
    ROWS.into_iter().map(of).collect()
}

pub fn section() -> String {
    let head =
        ["", "published Φ", "spikes, 10⁶", "energy, stem excluded, mJ", "r_EE", "r_EE, stem ×T, Φ⁰ = 1"];
    format!(
        "## ASA-SNN: rates\n\n\
        Source: README of BICLab/ASA-SNN (commit c68b2d0), for Yao et al., *Inherent Redundancy in Spiking Neural\n\
        Networks*, ICCV 2023. It publishes accuracies and network average rates, weighted by neurons, and no energy: there\n\
        is nothing to reproduce, and these are the energies that the rates give. The network for HAR-DVS is not in the\n\
        repository. The module masks, makes two maps and selects, each a product of every element as built; a product\n\
        with a mask needs no multiplier, so the ratio is also given with the gate's product alone. Below 1 the formula\n\
        charges more for the attention than for the spikes that it saves.\n\n{}",
        words(&head, &rows())
    )
}
