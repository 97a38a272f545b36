//! What the sources of the estimators publish about themselves.

use crate::table::words;
use crate::targets::{fully_connected, held};
use pulvinar_reports::energy::counting::{count, Counting};
use pulvinar_reports::energy::workload::{Geometry, Layer, LayerKind, Operand, Population, Role};
use pulvinar_reports::energy::{estimators, EstimatorInput, Workload};

/// Stem and head of Spikingformer on 224 x 224 images: a convolution of every step, and 1000 classes from a mean over time.
fn spikingformer(channels: u64) -> Workload {
    let layer = |kind, operand, geometry, timesteps| Layer {
        kind,
        operand,
        geometry,
        timesteps,
        role: Role::Stem,
        ..fully_connected(1, 1.0, 1)
    };
    let plane = [224, 224];
    let stem = Geometry {
        kernel: [3, 3],
        padding: [1, 1],
        plane,
        out_plane: plane,
        ..Geometry::linear(3, channels / 8, false)
    };
    let head = Geometry::linear(channels, 1000, true);
    Workload {
        layers: vec![
            layer(LayerKind::Conv, Operand::Real, stem, 4),
            layer(LayerKind::Linear, Operand::Graded, head, 1),
        ],
        ..Workload::default()
    }
}

/// The network whose energies Spyx publishes: 256 inputs, 128 neurons, 10 membranes that are read out.
fn classifier(steps: u32, rate: f64) -> Workload {
    let layer = |inputs, outputs| Layer { timesteps: steps, ..fully_connected(inputs, rate, outputs) };
    let neurons = |elements, rate| Population {
        name: String::new(),
        elements,
        channels: elements,
        timesteps: steps,
        rate,
        leaky: true,
    };
    Workload {
        layers: vec![layer(256, 128), layer(128, 10)],
        neurons: vec![neurons(128, rate), neurons(10, 0.0)],
        ..Workload::default()
    }
}

/// A check value.
struct Check {
    what: String,
    published: f64,
    digits: usize,
    ours: f64,
}

fn macs() -> Vec<Check> {
    [(512, 0.347_329_512), (768, 0.520_993_768)]
        .into_iter()
        .map(|(channels, published)| {
            let mac: f64 =
                count(&spikingformer(channels), Counting::Spikingformer).iter().map(|c| c.1.mac).sum();
            let what = format!(
                "`paper-sop --count spikingformer`: MAC of Spikingformer 8-{channels}, G, from its layers"
            );
            Check { what, published, digits: 9, ours: mac * 1e-9 }
        })
        .collect()
}

/// The rate, in percent, at which both networks of Spyx cost the same.
fn crossovers() -> Vec<Check> {
    let pj = |name: &str, workload| {
        let input = EstimatorInput { workload, ..EstimatorInput::default() };
        (estimators::estimator(name).unwrap().estimate)(&input).unwrap().total_pj
    };
    [(5, 7.50), (6, 6.25), (7, 5.36), (8, 6.25), (9, 5.56), (10, 5.00)]
        .into_iter()
        .map(|(steps, published)| {
            let snn = |rate| pj("yan2024-spyx", classifier(steps, rate));
            let qnn = pj("yan2024-spyx-qnn", classifier(steps, 0.0));
            let ours = 100.0 * (qnn - snn(0.0)) / (snn(1.0) - snn(0.0));
            let what = format!("`yan2024-spyx` = `yan2024-spyx-qnn` at T = {steps}, rate in percent");
            Check { what, published, digits: 2, ours }
        })
        .collect()
}

fn all() -> Vec<Check> {
    macs().into_iter().chain(crossovers()).collect()
}

pub fn section() -> String {
    let rows: Vec<Vec<String>> = all()
        .into_iter()
        .map(|c| {
            let Check { what, published, digits, ours } = c;
            vec![
                what,
                format!("{published:.digits$}"),
                format!("{ours:.digits$}"),
                held::percent(ours / published - 1.0),
            ]
        })
        .collect();
    format!(
        "## Check values of the estimators\n\n\
        The energies from published operations are the `papercount` rows above. Counts and limits that the sources publish of themselves:\n\n{}\n\
        `lemaire2022`, `step-*`, `neuromc`, `spikesim` and `spikesim-sram` agree with SpikingJelly 2.0.0 to 1e-9 in every term\n\
        (`cargo test -p pulvinar-reports --test profiles`); the other readings of `lemaire2022` and every other switch are held by hand\n\
        (`cargo test -p pulvinar-reports --lib variants`).\n",
        words(&["what", "published", "ours", "difference"], &rows)
    )
}

#[test]
fn check_values_of_the_estimators_come_back() {
    for check in macs() {
        assert!((check.ours - check.published).abs() < 1e-12, "{}: {}", check.what, check.ours);
    }
    for check in crossovers() {
        assert!((check.ours - check.published).abs() <= 5e-3, "{}: {}", check.what, check.ours);
    }
}
