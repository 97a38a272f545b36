//! Options of the estimators: every switch against the rule by hand.

use crate::energy::counting::Counting;
use crate::energy::estimators::{self, Conditions, EstimatorInput, Took};
use crate::energy::lemaire::{MemoryForm, Variant};
use crate::energy::lumped::Accelerator;
use crate::energy::papers::{Residual, Terms};
use crate::energy::workload::{Elements, Geometry, Layer, LayerKind, Operand, Population, Product, Role};
use crate::energy::{Estimate, Workload};

const STEPS: u32 = 4;

fn layer(name: &str, kind: LayerKind, operand: Operand, geometry: Geometry, rate: f64) -> Layer {
    Layer {
        name: name.to_owned(),
        kind,
        role: if name == "stem" { Role::Stem } else { Role::Spiking },
        operand,
        geometry,
        normed: false,
        rate,
        rate_without_attention: rate,
        timesteps: STEPS,
    }
}

/// Kernel 3 x 3 with padding on a plane of 8 x 8: 64·9 taps, 22·22 inside.
fn conv(inputs: u64, outputs: u64) -> Geometry {
    let plane = [8, 8];
    let taps = Geometry {
        kernel: [3, 3],
        padding: [1, 1],
        plane,
        out_plane: plane,
        ..Geometry::linear(1, 1, false)
    };
    Geometry { inputs, outputs, ..taps }
}

fn neurons(name: &str, channels: u64, plane: u64, rate: f64) -> Population {
    let elements = channels * plane;
    Population { name: name.to_owned(), elements, channels, timesteps: STEPS, rate, leaky: false }
}

fn network() -> Workload {
    Workload {
        layers: vec![
            layer("stem", LayerKind::Conv, Operand::Real, conv(3, 16), 0.5),
            layer("conv", LayerKind::Conv, Operand::Binary, conv(16, 16), 0.25),
            layer("sum", LayerKind::Conv, Operand::Graded, conv(16, 8), 0.5),
            layer("fc", LayerKind::Linear, Operand::Binary, Geometry::linear(512, 10, true), 0.125),
        ],
        neurons: vec![neurons("a", 16, 64, 0.25), neurons("b", 8, 64, 0.125), neurons("c", 10, 1, 0.5)],
        norms: vec![Elements {
            name: "norm".to_owned(),
            elements: 1024,
            channels: 16,
            timesteps: STEPS,
            operand: Operand::Real,
            rate: 1.0,
        }],
        products: vec![Product {
            name: "ssa".to_owned(),
            operations_per_step: 2000,
            timesteps: STEPS,
            rate: 0.2,
            rate_without_attention: 0.2,
            query_key_value: Some([0.1, 0.2, 0.3]),
        }],
        ..Workload::default()
    }
}

fn estimate(name: &str, input: &EstimatorInput) -> Estimate {
    (estimators::estimator(name).unwrap().estimate)(input).unwrap()
}

fn total(name: &str, input: &EstimatorInput) -> f64 {
    let e = estimate(name, input);
    assert!((e.terms.iter().map(|t| t.1).sum::<f64>() / e.total_pj - 1.0).abs() < 1e-12);
    e.total_pj
}

fn near(ours: f64, by_hand: f64) {
    assert!((ours / by_hand - 1.0).abs() < 1e-12, "{ours}, by hand {by_hand}");
}

fn counted(counting: Counting) -> f64 {
    let terms = Terms { counting: Some(counting), ..Terms::default() };
    total("paper-sop", &EstimatorInput { workload: network(), terms, ..EstimatorInput::default() })
}

const DENSE: [f64; 4] =
    [4.0 * 64.0 * 27.0 * 16.0, 4.0 * 64.0 * 144.0 * 16.0, 4.0 * 64.0 * 144.0 * 8.0, 4.0 * 5120.0];
const INSIDE: f64 = 484.0 / 576.0;

#[test]
fn counters_by_hand() {
    let bias = 4.0 * 10.0;
    let ac = 0.25 * DENSE[1] + 0.125 * (DENSE[3] + bias);
    let mac = DENSE[0] + DENSE[2];
    near(counted(Counting::Spikingformer), 4.6 * mac + 0.9 * (ac + 4.0 * 1000.0 * (0.2 + 0.1)));
    let neurons = 4.0 * (1024.0 + 512.0 + 10.0);
    near(counted(Counting::Syops), 4.6 * (mac + 2.0 * 4096.0) + 0.9 * (ac + neurons));
    let (ac, mac) = (0.25 * DENSE[1] * INSIDE + 0.125 * DENSE[3], (0.5 * DENSE[0] + DENSE[2]) * INSIDE);
    near(counted(Counting::Neurobench), 4.6 * mac + 0.9 * ac);
    let syops = EstimatorInput { workload: network(), ..EstimatorInput::default() };
    near(counted(Counting::Syops), total("syops", &syops));
}

/// A binary operand that is all ones is multiplied by the rule of 100 %.
#[test]
fn a_rate_of_all_is_multiplied() {
    let mut work = network();
    work.layers[1].rate = 1.0;
    let terms = Terms { counting: Some(Counting::Spikingformer), ..Terms::default() };
    let full = total("paper-sop", &EstimatorInput { workload: work, terms, ..EstimatorInput::default() });
    near(full - counted(Counting::Spikingformer), (4.6 - 0.9 * 0.25) * DENSE[1]);
}

#[test]
fn sums_of_spikes_are_added_or_multiplied() {
    let of = |residual| {
        let terms = Terms { residual, ..Terms::default() };
        estimate("paper-sop", &EstimatorInput { workload: network(), terms, ..EstimatorInput::default() })
    };
    let (added, multiplied) = (of(Residual::Accumulate), of(Residual::Multiply));
    near(multiplied.total_pj - added.total_pj, (4.6 - 0.9) * 0.5 * DENSE[2]);
    assert_eq!(multiplied.terms.last().unwrap(), &("sums of spikes (MAC)".to_owned(), 4.6 * 0.5 * DENSE[2]));
}

fn lemaire(variant: Variant) -> Estimate {
    estimate(
        "lemaire2022",
        &EstimatorInput { workload: network(), lemaire: variant, ..EstimatorInput::default() },
    )
}

fn change(of: &str, variant: Variant) -> f64 {
    let pj = |v: Variant| lemaire(v).terms.iter().find(|t| t.0 == of).unwrap().1;
    let (changed, usual) = (pj(variant), pj(Variant::default()));
    let others = |v: Variant| lemaire(v).terms.into_iter().filter(|t| t.0 != of).collect::<Vec<_>>();
    assert_eq!(others(variant), others(Variant::default()), "only {of} changes");
    changed - usual
}

/// Spikes of the convolution: 0.25·4·1024; of the linear layer 0.125·4·512.
#[test]
fn disagreements_about_lemaire_by_hand() {
    let variant = Variant { address_without_outputs: true, ..Variant::default() };
    near(change("addressing", variant), -0.1 * 1024.0 * 9.0 * 15.0);
    let variant = Variant { address_by_rate: true, ..Variant::default() };
    near(change("addressing", variant), -0.1 * (256.0 * 10.0 - 0.125 * 4.0 * 10.0));
    let variant = Variant { additions_of_eq_2_4: true, ..Variant::default() };
    near(change("operations", variant), 0.1 * (256.0 * 10.0 * 511.0 - 0.5 * 40.0));
}

/// The weights of the linear layer are 5130 words with the offsets; each is used 256 times, each offset 4 times.
#[test]
fn memories_of_lemaire_by_hand() {
    let work = || Workload { layers: network().layers.split_off(3), ..Workload::default() };
    let weights = |memory| {
        let lemaire = Variant { memory, ..Variant::default() };
        let input = EstimatorInput { workload: work(), lemaire, ..EstimatorInput::default() };
        let found = estimate("lemaire2022", &input);
        assert!(found.origins.iter().all(|o| o.name.starts_with("int_") || o.name.contains("sram")));
        found.terms.iter().find(|t| t.0 == "weights and offsets").unwrap().1
    };
    let reads = 256.0 * 10.0 + 40.0;
    near(weights(MemoryForm::Qualia), reads * (13.2 + 1.09e-5 * 5130.0 * 32.0));
    near(weights(MemoryForm::QualiaFlat), reads * 5.0);
    near(weights(MemoryForm::BySize), reads * (10.0 + 10.0 * (20_520.0 - 8192.0) / 24_576.0));
}

fn operations() -> [f64; 2] {
    let conv = INSIDE * (0.5 * DENSE[0] + 0.25 * DENSE[1] + 0.5 * DENSE[2]);
    [conv, 0.125 * DENSE[3]]
}

#[test]
fn devices_by_hand() {
    let input = EstimatorInput { workload: network(), ..EstimatorInput::default() };
    let of = |name: &str| total(name, &input);
    let ([conv, linear], updates) = (operations(), 4.0 * 1546.0);
    let fired = 4.0 * (256.0 + 64.0 + 5.0);
    near(of("device-loihi"), 23.6 * (conv + linear) + 81.0 * fired + 52.0 * (updates - fired));
    near(of("device-loihi-sanafe"), 24.0 * conv + 35.5 * linear + 72.8 * updates + 180.3 * fired);
    near(of("device-loihi-keras"), 27.1 * (conv + linear) + 81.0 * updates);
    near(of("device-spinnaker"), 13_300.0 * (conv + linear) + 26_000.0 * updates);
    near(of("device-spinnaker2"), 450.0 * (conv + linear) + 2190.0 * updates);
    near(of("device-truenorth"), 64.43e9 * 4e-3 + 2.297 * (conv + linear));
    // At two cycles of 75 MHz an operation the all-in energy is 12.7 pJ.
    near(of("device-odin"), (8.43 + (27.3 + 1.78 * 75.0) * 2.0 / 75.0) * (conv + linear));
    assert!((of("device-odin") / (conv + linear) - 12.7).abs() < 0.05);
}

#[test]
fn conditions_are_those_given() {
    let at = |name: &str, conditions| {
        total(name, &EstimatorInput { workload: network(), conditions, ..EstimatorInput::default() })
    };
    let sop = operations().iter().sum::<f64>();
    let tick = Conditions { tick_seconds: Some(1e-4), ..Conditions::default() };
    near(at("device-truenorth", tick), 64.43e9 * 4e-4 + 2.297 * sop);
    near(at("device-odin", tick), (27.3e6 + 1.78e6 * 75.0) * 4e-4 + 8.43 * sop);
    let seconds = Conditions { seconds: Some(2.0), clock_mhz: Some(1.3), ..tick };
    near(at("device-truenorth", seconds), 64.43e9 * 2.0 + 2.297 * sop);
    near(at("device-odin", seconds), (27.3e6 + 1.78e6 * 1.3) * 2.0 + 8.43 * sop);
    let mut two = network();
    two.neurons[0].elements = 1 << 20;
    let input = EstimatorInput { workload: two, ..EstimatorInput::default() };
    near(total("device-truenorth", &input), 2.0 * 64.43e9 * 4e-3 + 2.297 * sop);
    let error = |c: Conditions| c.check().unwrap_err().code;
    assert_eq!(error(Conditions { seconds: Some(-1.0), ..tick }), "E0628");
    assert_eq!(error(Conditions { clock_mhz: Some(0.0), ..tick }), "E0628");
    assert_eq!(error(Conditions { dram_bits: Some(f64::NAN), ..tick }), "E0628");
}

#[test]
fn the_lumped_model_takes_a_run_or_what_is_given() {
    let took = Some(Took { seconds: 1e-3, dram_bits: 1e6 });
    let of_run = EstimatorInput { took, ..EstimatorInput::default() };
    near(total("prosperity-lumped", &of_run), 446.5e6 + 12.45e6);
    let conditions =
        Conditions { seconds: Some(2e-3), accelerator: Accelerator::Ptb, ..Conditions::default() };
    near(total("prosperity-lumped", &EstimatorInput { conditions, ..of_run }), 982e6 * 2.0 + 12.45e6 * 2.53);
}

/// Four steps tell five levels apart: three bits. An accumulator of 3 + 3 bits and ⌈log2⌉ of 27, 144, 144 and 512 inputs.
#[test]
fn the_quantised_network_by_hand() {
    let work = network();
    assert_eq!((work.timesteps(), work.level_bits()), (4, 3));
    let add = |bits: f64| {
        if bits > 16.0 {
            0.05 * 2f64.powf((bits / 16.0).log2())
        } else {
            0.03 * (0.05f64 / 0.03).powf((bits / 8.0).log2())
        }
    };
    let mul = 0.2 * 15.5f64.powf((3.0f64 / 8.0).ln() / 4f64.ln());
    let bits = [11.0, 14.0, 14.0, 15.0];
    let by_hand: f64 = DENSE.iter().zip(bits).map(|(n, b)| n / 4.0 * (mul + add(b))).sum();
    near(
        total("ann-equivalent-int", &EstimatorInput { workload: work, ..EstimatorInput::default() }),
        by_hand,
    );
}

/// A figure says which choices made it, and whose they are; by default there is nothing to say.
#[test]
fn choices_are_said_and_cited() {
    let usual = EstimatorInput { workload: network(), ..EstimatorInput::default() };
    for estimate in estimators::possible(&usual).unwrap() {
        assert!(estimate.choices.is_empty(), "{}: {:?}", estimate.estimator, estimate.choices);
    }
    let terms = Terms { counting: Some(Counting::Neurobench), ..Terms::default() };
    let lemaire = Variant { memory: MemoryForm::Qualia, address_by_rate: true, ..Variant::default() };
    let conditions = Conditions { seconds: Some(0.5), clock_mhz: Some(1.3), ..Conditions::default() };
    let input = EstimatorInput { terms, lemaire, conditions, ..usual };
    let of = |name: &str| estimate(name, &input);
    assert_eq!(of("paper-sop").choices, ["operations counted as neurobench does"]);
    assert_eq!(of("paper-sop").choice_sources, ["yik2025neurobench"]);
    assert_eq!(of("lemaire2022").choices.len(), 2);
    assert_eq!(of("lemaire2022").choice_sources, ["qualia"]);
    assert_eq!(of("device-odin").choices, ["0.5 s as given", "a clock of 1.3 MHz"]);
    assert!(of("syops").choices.is_empty());
}
