//! Operation counters: the table of `SyOPs`, Spikingformer's counts, the profiles of `SpikingJelly`.

use crate::nets::{estimate, Net, Rates};
use crate::table::{row, table, words, Row};
use pulvinar_reports::energy::papers::{self, Terms};
use pulvinar_reports::energy::workload::{Elements, Geometry, Layer, LayerKind, Operand, Product, Role};
use pulvinar_reports::energy::{syops, Workload, ESTIMATORS};

fn layer(name: &str, kind: LayerKind, role: Role, geometry: Geometry) -> Layer {
    Layer {
        name: name.to_owned(),
        kind,
        role,
        operand: Operand::Real,
        geometry,
        normed: kind == LayerKind::Conv,
        rate: 1.0,
        rate_without_attention: 1.0,
        timesteps: 1,
    }
}

/// So many multiply-accumulates on the sample, and accumulations behind it.
fn given(macs: u64, acs: u64) -> Workload {
    let (rate, rate_without_attention) = (1.0, 1.0);
    let product = Product {
        name: "AC".to_owned(),
        operations_per_step: acs,
        timesteps: 1,
        rate,
        rate_without_attention,
        ..Product::default()
    };
    Workload {
        layers: vec![layer("MAC", LayerKind::Linear, Role::Stem, Geometry::linear(macs, 1, false))],
        products: vec![product],
        ..Workload::default()
    }
}

/// Name, accumulations and multiply-accumulates, published mJ and its digits.
const COUNTED: [(&str, u64, u64, (f64, usize)); 6] = [
    ("spiking_resnet18", 100_000_000, 140_000_000, (0.734, 3)),
    ("sew_resnet18", 500_000_000, 2_750_000_000, (13.10, 2)),
    ("DSNN18", 1_690_000_000, 200_000_000, (2.44, 2)),
    ("resnet18", 0, 1_820_000_000, (8.372, 3)),
    ("Spikingformer 8-512", 6_517_540_940, 347_329_512, (7.463_502_602, 8)),
    ("Spikingformer 8-768", 12_513_659_577, 520_993_768, (13.658_864_952, 8)),
];

fn products() -> Vec<Row> {
    let of = |(name, acs, macs, published): (&str, u64, u64, (f64, usize))| {
        let ours = papers::energy(&given(macs, acs), Terms::default()).unwrap().total_pj * 1e-9;
        let giga =
            |n: u64| format!("{:.9}", n as f64 * 1e-9).trim_end_matches('0').trim_end_matches('.').to_owned();
        let toggles = format!("{} G AC, {} G MAC as published", giga(acs), giga(macs));
        row(name, published, ours, toggles, "0.9 pJ·AC + 4.6 pJ·MAC")
    };
    COUNTED.into_iter().map(of).collect()
}

/// ResNet-18 for 224² images, as it is usually built: maximum pool behind the stem, eight blocks, ReLU.
fn resnet18() -> Workload {
    let mut work = Workload::default();
    let mut conv = |inputs: u64, outputs: u64, kernel: u64, stride: u64, plane: u64| {
        let out = plane / stride;
        let pad = kernel / 2;
        let geometry = Geometry {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [pad; 2],
            plane: [plane; 2],
            out_plane: [out; 2],
            ..Geometry::linear(inputs, outputs, false)
        };
        work.layers.push(layer("conv", LayerKind::Conv, Role::Analog, geometry));
        let of = each("norm", outputs, out);
        work.norms.push(of.clone());
        if kernel > 1 {
            work.rectifiers.push(of);
        }
    };
    conv(3, 64, 7, 2, 224);
    let mut inputs = 64;
    for (stage, outputs) in [64, 128, 256, 512].into_iter().enumerate() {
        let plane = 56 >> stage;
        for block in 0..2 {
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            if stride == 2 {
                conv(inputs, outputs, 1, 2, 2 * plane);
            }
            conv(inputs, outputs, 3, stride, plane * stride);
            conv(outputs, outputs, 3, 1, plane);
            inputs = outputs;
        }
    }
    work.layers.push(layer("fc", LayerKind::Linear, Role::Analog, Geometry::linear(512, 1000, true)));
    work.pools.extend([each("pool", 64, 112), each("mean", 512, 7)]);
    work
}

fn each(name: &str, channels: u64, plane: u64) -> Elements {
    let elements = channels * plane * plane;
    Elements { name: name.to_owned(), elements, channels, timesteps: 1, operand: Operand::Real, rate: 1.0 }
}

fn counted() -> Vec<Row> {
    let work = resnet18();
    let macs: f64 = syops::count(&work).iter().map(|o| o.mac).sum();
    let energy = estimate("syops", work).total_pj * 1e-9;
    vec![
        row(
            "resnet18, G MAC",
            (1.82, 2),
            macs * 1e-9,
            "estimator `syops`",
            "layers, norms twice, ReLU and pools once",
        ),
        row(
            "resnet18, mJ",
            (8.372, 3),
            energy,
            "estimator `syops`",
            "the published one is 4.6 pJ times 1.82 G, rounded before",
        ),
    ]
}

/// Structures and rates for the estimators side by side.
const NETS: [(&str, f64); 3] = [("ma-gesture-tcsa", 0.026), ("att-res-18", 0.148), ("sdt-8-384", 0.2176)];
/// The four that the package compares.
const PROFILES: [&str; 4] = ["step-fp32", "lemaire2022", "neuromc", "spikesim"];

fn spread() -> (Vec<Vec<String>>, Vec<String>) {
    let needs_run = |n: &&str| ["simulated", "prosperity-lumped"].contains(n);
    let names: Vec<&str> = ESTIMATORS.iter().map(|e| e.name).filter(|n| !needs_run(n)).collect();
    let mut lines: Vec<Vec<String>> = names.iter().map(|n| vec![format!("`{n}`")]).collect();
    let mut ratios = Vec::new();
    for (name, rate) in NETS {
        let net = Net::of(name);
        let of = |estimator: &str| net.estimate(estimator, Rates::of(rate)).total_pj * 1e-9;
        for (line, estimator) in lines.iter_mut().zip(&names) {
            line.push(format!("{:.3}", of(estimator)));
        }
        let four = PROFILES.map(of);
        let (least, most) =
            (four.iter().copied().fold(f64::MAX, f64::min), four.iter().copied().fold(0.0, f64::max));
        ratios.push(format!("{:.0}", most / least));
    }
    (lines, ratios)
}

pub fn section() -> String {
    let (lines, ratios) = spread();
    let heads: Vec<String> = NETS.iter().map(|(n, r)| format!("`{n}`, Φ {r}, mJ")).collect();
    let head: Vec<&str> = std::iter::once("").chain(heads.iter().map(String::as_str)).collect();
    format!(
        "## Operation counters\n\n\
        Source: README of SyOPs 0.0.5 (Chen et al.), and Table of Spikingformer (Zhou et al., arXiv 2304.11954). Energies\n\
        from the published operations:\n\n{}\n\
        Operations counted by us, for the row whose structure is known without a rate:\n\n{}\n\
        The rows of spiking networks cannot be counted without their rates, which are not published.\n\n\
        SpikingJelly 2.0.0 ships four profiles. On a network whose rates are exact by construction the estimators\n\
        `step-fp32`, `step-fp16`, `step-int8`, `lemaire2022`, `neuromc`, `spikesim` and `spikesim-sram` give what the package\n\
        gives, every term to 1e-9 (`cargo test -p pulvinar-reports --test profiles`, vectors made by the script beside them);\n\
        the two narrow ones with words of their own width, where the package takes the bytes of the tensors that run.\n\
        All estimators on three structures, one rate for all layers:\n\n{}\n\
        The package's own comparison of 28 cases finds a median of 556 between its largest and its smallest profile (218 to\n\
        753). Here the ratios of the same four are {}: a figure without its estimator's name means nothing.\n",
        table(", mJ", &products()), table("", &counted()), words(&head, &lines), ratios.join(", ")
    )
}

/// K6.
#[test]
fn published_operations_give_published_energies() {
    for r in products() {
        assert!(r.follows(), "{}: {} for {}", r.what, r.ours, r.published);
    }
    assert!(counted()[0].follows(), "{}", counted()[0].ours);
}
