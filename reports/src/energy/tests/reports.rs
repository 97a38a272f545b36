//! Breakdowns add up, what has no price is listed, estimators and area give what their formulae say.

use super::{chip, prices, NODES_NM};
use crate::energy::estimators::Took;
use crate::energy::papers::{self, Stem, Terms};
use crate::energy::workload::{Geometry, Layer, LayerKind, ModuleCost, Operand, Population, Product, Role};
use crate::energy::{
    estimators, AreaReport, Data, EnergyReport, EstimatorInput, Widths, Workload, ESTIMATORS,
};
use proptest::prelude::*;
use pulvinar_ir::arch::{Arch, SramCell};
use pulvinar_ir::counts::{Activity, Cost, Counts, Row};

fn some_counts() -> impl Strategy<Value = Counts> {
    let entry = (0..4u32, 0..5u32, 0..Activity::ALL.len(), 0..1u64 << 40);
    (0..1u64 << 40, prop::collection::vec(entry, 0..60)).prop_map(|(cycles, entries)| {
        let mut counts = Counts { cycles, ..Counts::default() };
        for (layer, timestep, activity, n) in entries {
            counts.row(&format!("layer{layer}"), timestep).add(Activity::ALL[activity], n);
        }
        counts
    })
}

proptest! {
    #[test]
    fn every_breakdown_sums_to_the_total(counts in some_counts(), node in prop::sample::select(NODES_NM.to_vec())) {
        let list = prices(Data::embedded(), &chip(node, SramCell::Hp));
        let report = EnergyReport::new(&counts, &list);
        let counted = report.total_aj - report.static_aj;
        prop_assert_eq!(report.by_component.values().sum::<u128>(), report.total_aj);
        prop_assert_eq!(report.by_activity.values().sum::<u128>(), counted);
        prop_assert_eq!(report.by_layer.values().sum::<u128>(), counted);
        prop_assert_eq!(report.by_timestep.values().sum::<u128>(), counted);
        prop_assert_eq!(report.statics.iter().map(|s| s.aj).sum::<u128>(), report.static_aj);
        let mut totals = Row::default();
        counts.rows.values().for_each(|row| totals.merge(row));
        let total = list.total(&totals, counts.cycles);
        let of_total = (total.total_aj, total.static_aj, total.unpriced);
        prop_assert_eq!(of_total, (report.total_aj, report.static_aj, report.unpriced.len()));
        prop_assert_eq!(&total.by_component, &report.by_component);
        for (layer, parts) in &report.by_layer_component {
            prop_assert_eq!(parts.values().sum::<u128>(), report.by_layer[layer]);
        }
        for activity in Activity::ALL {
            let n = counts.total(*activity);
            let listed = report.unpriced.iter().filter(|u| u.name == activity.name()).count();
            let entered = usize::from(report.by_activity.contains_key(activity));
            prop_assert_eq!(listed + entered, usize::from(n > 0 && activity.cost() != Cost::None));
        }
    }

    #[test]
    fn energy_is_additive_over_runs(a in some_counts(), b in some_counts()) {
        // Both runs use the DRAM, so that its background is paid in both.
        let list = prices(Data::embedded(), &Arch::default_chip());
        let with_dram = |mut c: Counts| { c.row("dram", 0).add(Activity::DramRead, 1); c };
        let (a, b) = (with_dram(a), with_dram(b));
        let mut both = a.clone();
        both.merge(&b);
        let total = |c: &Counts| EnergyReport::new(c, &list).total_aj;
        prop_assert_eq!(total(&both), total(&a) + total(&b));
    }
}

#[test]
fn what_has_no_price_is_listed_with_its_count() {
    let mut arch = Arch::default_chip();
    arch.core.frame_kib = 0;
    let mut counts = Counts { cycles: 7, ..Counts::default() };
    counts.row("a", 0).add(Activity::FrameRead, 5);
    counts.row("b", 1).add(Activity::FrameRead, 6);
    let report = EnergyReport::new(&counts, &prices(Data::embedded(), &arch));
    let frame = report.unpriced.iter().find(|u| u.name == "frame_read").unwrap();
    assert_eq!((frame.count, frame.why.as_str()), (11, "the frame memory has no capacity"));
    assert!(report.by_activity.is_empty() && report.by_layer.is_empty());
    assert!(report.unpriced.iter().any(|u| u.name == "clock of cores and memories" && u.count == 7));
}

#[test]
fn an_empty_run_costs_nothing() {
    let list = prices(Data::embedded(), &Arch::default_chip());
    assert_eq!(EnergyReport::new(&Counts::default(), &list), EnergyReport::default());
}

#[test]
fn a_report_is_json_and_cites_its_sources() {
    let mut counts = Counts { cycles: 10, ..Counts::default() };
    counts.row("conv1", 3).add(Activity::SynAdd, 1 << 40);
    let list = prices(Data::embedded(), &Arch::default_chip());
    let report = EnergyReport::new(&counts, &list);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["by_activity"]["syn_add"], json["by_layer"]["conv1"]);
    assert_eq!(json["by_component"]["synapse"], json["by_timestep"]["3"]);
    let bib = report.bibtex();
    for key in ["horowitz2014", "stillmaker2017", "cacti7", "dsent2012"] {
        assert!(bib.contains(&format!("{{{key},")), "{key}");
    }
    assert!(!bib.contains("dramsim3"), "the DRAM was not used");
}

fn layer(name: &str, kind: LayerKind, macs: u64, rates: (f64, f64)) -> Layer {
    Layer {
        name: name.to_owned(),
        kind,
        role: if name == "first" { Role::Stem } else { Role::Spiking },
        operand: Operand::Binary,
        geometry: Geometry::linear(macs, 1, false),
        normed: false,
        rate: rates.0,
        rate_without_attention: rates.1,
        timesteps: 4,
    }
}

fn network() -> Workload {
    let mut shortcut = layer("shortcut", LayerKind::Conv, 7, (1.0, 1.0));
    shortcut.role = Role::Shortcut;
    Workload {
        layers: vec![
            layer("first", LayerKind::Conv, 100, (0.5, 0.5)),
            layer("conv", LayerKind::Conv, 1000, (0.1, 0.25)),
            shortcut,
            layer("fc", LayerKind::Linear, 50, (0.2, 0.4)),
        ],
        modules: vec![ModuleCost { name: "attention".to_owned(), macs: 20, gate_multiplies: 30 }],
        ..Workload::default()
    }
}

#[test]
fn the_papers_formula_by_hand() {
    let e = papers::energy(&network(), Terms::default()).unwrap();
    // E_Base = 4.6·4·100·0.5 + 0.9·4·(1000·0.25 + 50·0.4); ΔE = 4.6·50 − 0.9·4·(1000·0.15 + 50·0.2).
    assert!((e.base_pj - (920.0 + 972.0)).abs() < 1e-9);
    assert!((e.delta_pj - (230.0 - 576.0)).abs() < 1e-9);
    assert!((e.r_ee - 1892.0 / 1546.0).abs() < 1e-12);
    assert!((e.terms.iter().map(|t| t.1).sum::<f64>() - e.total_pj).abs() < 1e-9);
    assert_eq!(e.terms[2], ("linear (AC)".to_owned(), 0.9 * 200.0 * 0.2));
}

#[test]
fn what_goes_into_the_formula_is_chosen() {
    let total = |stem, attention, shortcut| {
        papers::energy(&network(), Terms { stem, attention, shortcut, ..Terms::default() }).unwrap().total_pj
    };
    let spikes = 0.9 * 4.0 * (100.0 + 10.0);
    for (stem, stem_pj) in [(Stem::Steps, 920.0), (Stem::Once, 230.0), (Stem::Excluded, 0.0)] {
        for (attention, attention_pj) in [(true, 230.0), (false, 0.0)] {
            for (shortcut, shortcut_pj) in [(true, 4.6 * 28.0), (false, 0.0)] {
                let sum = spikes + stem_pj + attention_pj + shortcut_pj;
                assert!((total(stem, attention, shortcut) - sum).abs() < 1e-9);
            }
        }
    }
}

/// Published rows: Spikingformer's 8-512, 0.347329512 G MAC and 6.51754094 G AC, is 7.4635026 mJ; 8-768 likewise.
#[test]
fn published_totals_come_back() {
    let of = |macs, acs| {
        let stem = Layer { timesteps: 1, ..layer("first", LayerKind::Conv, macs, (1.0, 1.0)) };
        let (rate, rate_without_attention) = (1.0, 1.0);
        let name = "rest".to_owned();
        let rest = Product {
            name,
            operations_per_step: acs,
            timesteps: 1,
            rate,
            rate_without_attention,
            ..Product::default()
        };
        let work = Workload { layers: vec![stem], products: vec![rest], ..Workload::default() };
        papers::energy(&work, Terms::default()).unwrap().total_pj * 1e-9
    };
    assert!((of(347_329_512, 6_517_540_940) - 7.463_502_602).abs() < 1e-6);
    assert!((of(520_993_768, 12_513_659_577) - 13.658_864_952).abs() < 1e-6);
}

#[test]
fn rates_that_are_none_are_refused() {
    for rate in [-0.1, f64::NAN, f64::INFINITY] {
        let layers = vec![layer("x", LayerKind::Conv, 1, (rate, 0.1))];
        let error = Workload { layers, ..Workload::default() }.check().unwrap_err();
        assert_eq!((error.code, error.place.as_str()), ("E0625", "x"));
    }
}

#[test]
fn estimators_stand_side_by_side() {
    let mut counts = Counts { cycles: 100, ..Counts::default() };
    counts.row("conv", 0).add(Activity::SynAdd, 400);
    counts.row("conv", 0).add(Activity::WeightRead, 25);
    let run = EnergyReport::new(&counts, &prices(Data::embedded(), &Arch::default_chip()));
    let total_aj = run.total_aj;
    let layers = vec![layer("conv", LayerKind::Conv, 1000, (0.1, 0.1))];
    let workload = Workload { layers, ..Workload::default() };
    let took = Some(Took { seconds: 1e-3, dram_bits: 1e6 });
    let input = EstimatorInput { workload, took, run: Some(run), ..EstimatorInput::default() };
    let all: Vec<_> = ESTIMATORS.iter().map(|e| (e.estimate)(&input).unwrap()).collect();
    for (estimate, entry) in all.iter().zip(ESTIMATORS) {
        assert_eq!(estimate.estimator, entry.name);
        assert!(!entry.doc.is_empty() && !estimate.leaves_out.is_empty() && !estimate.origins.is_empty());
        let sum: f64 = estimate.terms.iter().map(|t| t.1).sum();
        assert!((sum / estimate.total_pj - 1.0).abs() < 1e-12);
    }
    let total = |name: &str| all.iter().find(|e| e.estimator == name).unwrap().total_pj;
    assert!((total("paper-sop") - 0.9 * 400.0).abs() < 1e-9);
    assert_eq!(total("simulated"), total_aj as f64 / 1e6);
    let none = EstimatorInput::default();
    for name in ["simulated", "prosperity-lumped"] {
        assert_eq!((estimators::estimator(name).unwrap().estimate)(&none).unwrap_err().code, "E0624");
    }
}

/// A layer of any place and operand; convolutions keep their plane.
fn some_layer() -> impl Strategy<Value = Layer> {
    let place = prop::sample::select(vec![Role::Stem, Role::Spiking, Role::Shortcut, Role::Analog]);
    let operand = prop::sample::select(vec![Operand::Binary, Operand::Graded, Operand::Real]);
    let sizes = (1..40u64, 1..40u64, 0..3u64, 1..12u64, any::<bool>(), any::<bool>());
    (place, operand, sizes, 0.0..1.5f64, 1..9u32).prop_map(|(role, operand, sizes, rate, timesteps)| {
        let (inputs, outputs, half, side, conv, bias) = sizes;
        let k = 2 * half + 1;
        let whole = Geometry::linear(inputs, outputs, bias);
        let plane = [side, side];
        let geometry = Geometry { kernel: [k, k], padding: [half, half], plane, out_plane: plane, ..whole };
        Layer {
            kind: if conv { LayerKind::Conv } else { LayerKind::Linear },
            role,
            operand,
            geometry: if conv { geometry } else { whole },
            normed: bias,
            rate,
            rate_without_attention: rate,
            timesteps,
            name: "layer".to_owned(),
        }
    })
}

fn some_workload() -> impl Strategy<Value = Workload> {
    let neurons = (1..5000u64, 1..64u64, 1..9u32, 0.0..1.0f64, any::<bool>());
    let neurons = neurons.prop_map(|(elements, channels, timesteps, rate, leaky)| Population {
        name: "neurons".to_owned(),
        elements: elements * channels,
        channels,
        timesteps,
        rate,
        leaky,
    });
    (prop::collection::vec(some_layer(), 1..6), prop::collection::vec(neurons, 0..4))
        .prop_map(|(layers, neurons)| Workload { layers, neurons, ..Workload::default() })
}

proptest! {
    #[test]
    fn the_terms_of_every_estimator_sum_to_its_total(workload in some_workload()) {
        let mut counts = Counts { cycles: 100, ..Counts::default() };
        counts.row("conv", 0).add(Activity::SynAdd, 400);
        let run = EnergyReport::new(&counts, &prices(Data::embedded(), &Arch::default_chip()));
        let took = Some(Took { seconds: 1e-3, dram_bits: 1e6 });
        let input = EstimatorInput { workload, took, run: Some(run), ..EstimatorInput::default() };
        for entry in ESTIMATORS {
            let estimate = (entry.estimate)(&input).unwrap();
            let sum: f64 = estimate.terms.iter().map(|t| t.1).sum();
            prop_assert!((sum - estimate.total_pj).abs() <= 1e-9 * estimate.total_pj.abs(), "{}", entry.name);
            prop_assert!(estimate.terms.iter().all(|t| t.1.is_finite() && t.1 >= 0.0), "{}", entry.name);
        }
    }
}

#[test]
fn area_is_the_sum_of_its_blocks() {
    let arch = Arch::default_chip();
    let report = AreaReport::new(&arch, &Widths::default()).unwrap();
    let of = |name: &str| report.items.iter().find(|i| i.name == name).unwrap();
    assert_eq!(of("router").instances, 16);
    assert_eq!(of("link repeaters").instances, 48);
    assert_eq!(of("weight memory").instances, 16);
    assert_eq!(of("accumulator memory").instances, 16 * 32);
    // 22 nm from 40 nm: (0.21 + 2/12·0.25) / (0.46 + 8/13·0.54); 8 × 8 multiplier and 24-bit adder.
    let um2 = (6350.0 * 64.0 / 1024.0 + 278.0 * 0.75) * (0.21 + 0.25 / 6.0) / (0.46 + 0.54 * 8.0 / 13.0);
    assert!((of("lane of the synapse engine").mm2_each * 1e6 / um2 - 1.0).abs() < 1e-12);
    assert!(!report.unpriced.is_empty());
    let larger = AreaReport::new(&chip(45, SramCell::Lstp), &Widths::default()).unwrap();
    assert!(larger.total_mm2 > 2.0 * report.total_mm2);
}
