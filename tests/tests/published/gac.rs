//! GAC: power of the repository's table.

use crate::nets::{attentive, bare, Net, Rates};
use crate::table::{row, table, words, Row};
use pulvinar_models::zoo::build::Setting;
use pulvinar_reports::energy::papers::Stem;

/// Structure, T, published mJ, and the rate that gives it with the stem once.
const ROWS: [(&str, u32, f64, f64); 4] = [
    ("gac-imagenet-18", 4, 1.49, 0.157),
    ("gac-imagenet-18", 6, 2.34, 0.199),
    ("gac-imagenet-34", 4, 2.20, 0.131),
    ("gac-imagenet-34", 6, 3.38, 0.149),
];

fn of(name: &str, steps: u32) -> Net {
    if steps == 6 {
        Net::with(name, |s| Setting { timesteps: 6, ..s })
    } else {
        Net::of(name)
    }
}

/// Energy of the gate's own work, of one step and of all, mJ.
fn gate_mj(net: &Net) -> [f64; 2] {
    let terms = net.paper(Rates::of(0.0), attentive(Stem::Excluded)).terms;
    let of = |name: &str| terms.iter().find(|t| t.0 == name).unwrap().1 * 1e-9;
    let all = of("attention generation (MAC)");
    [all / net.timesteps() as f64, all]
}

fn rows() -> (Vec<Row>, Vec<Vec<String>>) {
    let (mut rows, mut charges) = (Vec::new(), Vec::new());
    for (name, steps, published, _) in ROWS {
        let net = of(name, steps);
        let rate = net.implied_rate(published, bare(Stem::Once));
        let ours = net.paper_mj(rate, bare(Stem::Once));
        let what = format!("`{name}`, T {steps}");
        rows.push(row(
            &what,
            (published, 2),
            ours,
            format!("stem once, attention out, Φ {rate:.3}"),
            "by inversion: no rate is published; this is the one that gives the figure",
        ));
        let stem = net.paper_mj(0.0, bare(Stem::Steps));
        let [once, all] = gate_mj(&net);
        let honest = net.paper_mj(rate, attentive(Stem::Once)) - all + once;
        let left = net.implied_rate(published, bare(Stem::Steps));
        let verdict = if stem > published {
            "more than published: impossible".to_owned()
        } else {
            format!("leaves Φ {left:.3}")
        };
        charges.push(vec![
            what,
            format!("{published:.2}"),
            format!("{stem:.4}, {verdict}"),
            format!("{once:.3}"),
            format!("{all:.2}"),
            format!("{honest:.2}"),
            format!("{:.1}×", honest / published),
        ]);
    }
    (rows, charges)
}

pub fn section() -> String {
    let (rows, charges) = rows();
    let head = [
        "",
        "published, mJ",
        "stem ×T alone, mJ",
        "gate's convolutions once, mJ",
        "every step, mJ",
        "stem and gate once, same Φ, mJ",
        "over published",
    ];
    format!(
        "## GAC: power on ImageNet\n\n\
        Source: README of bollossom/GAC (commit ed8130a), for Qiu et al., *Gated Attention Coding*, AAAI 2024\n\
        (arXiv 2308.06582). The formula is that of MA-SNN with the mean rate of each layer, which is not published.\n\n{}\n\
        What the figure cannot hold. The stem of every step alone is more than the published total, or leaves it to rates\n\
        that nothing supports. The two 4×4 convolutions of the gate alone are more than the total even if they are computed\n\
        once, as constant images allow: the encoder's own work is not in the published power.\n\n{}",
        table(", mJ", &rows),
        words(&head, &charges)
    )
}

/// K8: the published power gives a rate; the formula at that rate gives the power back.
#[test]
fn published_power_comes_back_from_its_rate() {
    for (name, steps, published, expected) in ROWS {
        let net = of(name, steps);
        let rate = net.implied_rate(published, bare(Stem::Once));
        assert!((rate - expected).abs() <= 5e-4, "{name}, T {steps}: {rate}");
        assert!((net.paper_mj(rate, bare(Stem::Once)) / published - 1.0).abs() < 1e-12);
        assert!(gate_mj(&net)[0] > 2.0 * published, "the gate alone is more than what is published");
    }
    let net = of("gac-imagenet-18", 4);
    assert!((net.paper_mj(0.0, bare(Stem::Steps)) - 2.1715).abs() < 5e-4);
    let [once, all] = gate_mj(&net);
    assert!((once - 7.563).abs() < 5e-3 && (all - 30.25).abs() < 5e-3, "{once}, {all}");
}
