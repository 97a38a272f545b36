//! MA-SNN, Table 1: spikes of the event networks, and the efficiency of attention.

use crate::nets::{attentive, bare, Net, Rates};
use crate::table::{row, table, whole, Row};
use pulvinar_models::zoo::build::Setting;
use pulvinar_reports::energy::papers::Stem;

/// Data set, network, NASAR, published spikes in millions, without attention and with.
type Pair = (&'static str, fn() -> (Net, u64), [(f64, f64); 2], f64);

fn three_layers(change: fn(Setting) -> Setting) -> (Net, u64) {
    let net = Net::with("ma-gesture", change);
    let neurons = net.census.neurons.total();
    (net, neurons)
}

fn five_layers() -> (Net, u64) {
    let net = Net::of("five-layer");
    let neurons = net.census.neurons.conv;
    (net, neurons)
}

fn gait(setting: Setting) -> Setting {
    Setting { classes: 20, ..setting }
}

/// The last figure is the published efficiency.
const PAIRS: [Pair; 4] = [
    ("Gesture 15 ms × 60, three layers", || three_layers(|s| s), [(0.173, 1.108), (0.026, 0.167)], 3.4),
    ("Gesture 300 ms × 20, five layers", five_layers, [(0.074, 4.134), (0.011, 0.615)], 1.8),
    ("Gait 15 ms × 60, three layers", || three_layers(gait), [(0.245, 1.570), (0.045, 0.288)], 3.2),
    ("Gait 220 ms × 20, five layers", five_layers, [(0.051, 2.849), (0.013, 0.726)], 1.7),
];

fn spikes() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, of, models, _) in PAIRS {
        let (net, neurons) = of();
        for ((nasar, published), model) in models.into_iter().zip(["vanilla", "TCSA"]) {
            let ours = nasar * neurons as f64 * net.timesteps() as f64 * 1e-6;
            let toggles = format!("Φ {nasar}, N {}, T {}", whole(neurons), net.timesteps());
            rows.push(row(format!("{name}, {model}"), (published, 3), ours, toggles, "NASAR·N·T"));
        }
    }
    rows
}

/// Networks that the table compares with; their T is not in the table.
fn others() -> Vec<Row> {
    let reason = "within the rounding of the published rate; T is the whole number that fits best";
    let of = |name: &str, neurons: u64, nasar: f64, steps: f64, published: f64| {
        let toggles = format!("Φ {nasar}, N {}, T {steps}", whole(neurons));
        let of = |rate: f64| rate * neurons as f64 * steps * 1e-6;
        assert!(of(nasar - 5e-4) < published && published < of(nasar + 5e-4), "{name}");
        row(name, (published, 3), of(nasar), toggles, reason)
    };
    vec![of("tdBN", 229_376, 0.146, 40.0, 1.337), of("SEW", 1_922_304, 0.053, 16.0, 1.636)]
}

/// Efficiency with the stem excluded and with every element of the sample in it.
pub fn bounds(net: &Net, with: bool, nasar: [f64; 2]) -> [f64; 2] {
    let rates = Rates { own: nasar[1], without: nasar[0], input: 1.0 };
    [Stem::Excluded, Stem::Steps]
        .map(|stem| net.paper(rates, if with { attentive(stem) } else { bare(stem) }).r_ee)
}

fn efficiency() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, of, models, published) in PAIRS {
        let nasar = models.map(|m| m.0);
        let three = name.contains("three");
        let [without, whole] = if three {
            let change: fn(Setting) -> Setting = if name.starts_with("Gait") { gait } else { |s| s };
            bounds(&Net::with("ma-gesture-tcsa", change), true, nasar)
        } else {
            bounds(&of().0, false, nasar)
        };
        assert!(whole < published && published < without, "{name}: {whole}, {published}, {without}");
        let attention = if three { "attention in" } else { "attention out" };
        let reason = format!("not checkable: Φ⁰ and the layers' rates are published as figures; the sum with Φ⁰ = 1 gives {whole:.2}, and the published ratio lies between");
        let toggles = format!("stem excluded, {attention}, Φ {} and {}", nasar[0], nasar[1]);
        rows.push(row(name, (published, 1), without, toggles, reason));
    }
    rows
}

pub fn section() -> String {
    format!(
        "## MA-SNN, Table 1: spikes and efficiency of event networks\n\n\
        Source: Yao et al., *Attention Spiking Neural Networks*, TPAMI 2023 (arXiv 2209.13929 v1), Table 1. Spikes are in\n\
        millions. All eight follow from the average rate, the neurons of the built graphs and T.\n\n{}\n\
        Networks compared in the same table:\n\n{}\n\
        Efficiency r_EE (Eq. 19), vanilla over TCSA:\n\n{}",
        table(", 10⁶", &spikes()),
        table(", 10⁶", &others()),
        table("", &efficiency())
    )
}

/// K4: the published spikes are NASAR·N·T, to half of the last digit.
#[test]
fn spikes_follow_from_rates() {
    let rows = spikes();
    assert_eq!(rows.len(), 8);
    for r in rows {
        assert!(r.follows(), "{}: {} for {}", r.what, r.ours, r.published);
    }
}
