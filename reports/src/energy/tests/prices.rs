//! Prices: the sources' digits, a source for every number, and each constant moves its own terms.

use super::{at, chip, prices, CELLS, NODES_NM};
use crate::energy::breakdown::Used;
use crate::energy::counting::Counting;
use crate::energy::estimators::Conditions;
use crate::energy::lemaire::{MemoryForm, Variant};
use crate::energy::quantity::Origin;
use crate::energy::sram::Figure;
use crate::energy::workload::{Population, Workload};
use crate::energy::{
    break_even, logic, price, sources, AreaReport, Data, EnergyReport, EstimatorInput, Price, PriceList,
    Widths, ESTIMATORS,
};
use pulvinar_ir::arch::{Arch, SramCell};
use pulvinar_ir::counts::{Activity, Component, Cost, Counts, Logic};
use std::collections::BTreeSet;

/// Terms of a price list: (name, price entry).
fn terms(list: &PriceList) -> Vec<(String, &price::Entry)> {
    let counted = Activity::ALL.iter().filter_map(|a| Some((a.name().to_owned(), list.get(*a)?)));
    counted.chain(list.statics.iter().map(|s| (s.name.clone(), &s.price))).collect()
}

fn priced(list: &PriceList, activity: Activity) -> &Price {
    list.get(activity).unwrap().as_ref().unwrap()
}

#[test]
fn node_45_gives_the_published_digits() {
    let arch = chip(45, SramCell::Hp);
    let add = |bits| at(&arch, |p| logic::add(bits, p).unwrap().pj());
    let mul = |bits| at(&arch, |p| logic::multiply(bits, bits, p).unwrap().pj());
    assert_eq!([add(8), add(16), add(32)], [0.03, 0.05, 0.1]);
    assert_eq!([mul(8), mul(32)], [0.2, 3.1]);
    assert!(add(24) > 0.05 && add(24) < 0.1 && add(40) > 0.1 && add(4) < 0.03);
    let mut widths = Widths { accumulator: 32, state: 8, ..Widths::default() };
    let list = PriceList::new(&chip(45, SramCell::Hp), &widths).unwrap();
    assert_eq!(priced(&list, Activity::SynAdd).aj_per_count, 100_000);
    assert_eq!(priced(&list, Activity::SynMac).aj_per_count, 300_000);
    assert_eq!(priced(&list, Activity::NeuronAdd).aj_per_count, 30_000);
    assert_eq!(priced(&list, Activity::GateProduct).aj_per_count, 200_000);
    widths.gate = 32;
    let list = PriceList::new(&chip(45, SramCell::Hp), &widths).unwrap();
    assert_eq!(priced(&list, Activity::GateProduct).aj_per_count, 3_100_000);
}

#[test]
fn node_22_is_scaled_and_says_so() {
    at(&chip(22, SramCell::Lstp), |p| {
        let term = logic::add(32, p).unwrap();
        assert!((term.pj() - 0.0305).abs() < 5e-5);
        assert_eq!(term.sourced().notes, ["scaled from 45 nm over 2 steps"]);
        assert!((logic::multiply(8, 8, p).unwrap().pj() - 0.0610).abs() < 5e-5);
        assert!((p.area_ratio(45).unwrap().0 - 0.252).abs() < 5e-4);
    });
    at(&chip(45, SramCell::Lstp), |p| {
        assert_eq!(p.energy_ratio(45, None).unwrap().0, 1.0);
        let compare = logic::energy(Logic::Compare, &Widths::default(), p).unwrap().unwrap();
        assert!(compare.sourced().notes.contains(&"scaled from 40 nm over 1 step".to_owned()));
    });
}

#[test]
fn memories_and_routers_cost_what_the_tables_say() {
    let list = prices(Data::embedded(), &chip(22, SramCell::Lstp));
    // 64 KiB, 16 lanes x 8 bit.
    let weight = priced(&list, Activity::WeightRead);
    assert_eq!(weight.origins[0].name, "SRAM read, lstp 64 KiB x 128 bit");
    assert_eq!(weight.aj_per_count, (weight.origins[0].value * 1e6).round() as u64);
    // 16 banks in one access, each with a read and a write port.
    let acc = priced(&list, Activity::AccWrite);
    let port = Data::embedded().ports.factor(22, Figure::Write);
    assert!((1.3..1.4).contains(&port));
    assert_eq!(acc.aj_per_count, (acc.origins[0].value * port * 16e6).round() as u64);
    // 88 wires over 1 mm at 22 nm.
    assert_eq!(
        priced(&list, Activity::LinkFlit).aj_per_count,
        (0.7546 * 88.0 / 32.0 * 1e6_f64).round() as u64
    );
    // Sixteen routers at 200 MHz: 1 mW is 5 pJ a cycle.
    let routers = list.statics.iter().find(|s| s.name == "leakage of routers").unwrap();
    let routers = routers.price.as_ref().unwrap();
    assert_eq!(routers.aj_per_count, (routers.origins[0].value * 5.0 * 16.0 * 1e6).round() as u64);
}

#[test]
fn every_cost_has_a_price_or_a_reason() {
    for node in NODES_NM {
        for cell in CELLS {
            let list = prices(Data::embedded(), &chip(node, cell));
            for activity in Activity::ALL {
                match (activity.cost(), list.get(*activity)) {
                    (Cost::None, None) => {}
                    (Cost::None, Some(_)) | (_, None) => panic!("{}", activity.name()),
                    (_, Some(Ok(price))) => assert!(price.aj_per_count > 0 && !price.origins.is_empty()),
                    (_, Some(Err(unpriced))) => assert!(!unpriced.why.is_empty()),
                }
            }
            assert!(list.statics.iter().any(|s| s.price.is_err()));
        }
    }
}

#[test]
fn missing_hardware_is_unpriced() {
    let mut arch = Arch::default_chip();
    arch.core.pointer_kib = 0;
    arch.technology.link_mm = 0.0;
    arch.dram.kind = "DDR9".to_owned();
    let list = prices(Data::embedded(), &arch);
    let why = |a: Activity| list.get(a).unwrap().as_ref().unwrap_err().why.clone();
    assert_eq!(why(Activity::PointerRead), "the pointer memory has no capacity");
    assert_eq!(why(Activity::LinkFlit), "technology.link_mm is 0");
    assert!(why(Activity::DramRead).contains("DDR9") && why(Activity::DramRead).contains("HBM2_8Gb_x128"));
}

#[test]
fn other_nodes_are_refused() {
    for node in [0, 10, 90, 180] {
        let error = PriceList::new(&chip(node, SramCell::Lstp), &Widths::default()).unwrap_err();
        assert_eq!((error.code, error.place.as_str()), ("E0621", "technology.node_nm"));
        assert!(AreaReport::new(&chip(node, SramCell::Lstp), &Widths::default()).is_err());
    }
}

#[test]
fn every_number_has_a_known_source() {
    let keys: Vec<String> = sources::all().into_iter().map(|s| s.key).collect();
    let mut cited = BTreeSet::new();
    let mut cite = |sources: &[String]| {
        assert!(!sources.is_empty());
        for source in sources {
            assert!(keys.contains(source), "{source} is not in sources.csv");
            cited.insert(source.clone());
        }
    };
    for constant in &Data::embedded().constants.0 {
        cite(&constant.origin.sources);
    }
    for (_, entry) in terms(&prices(Data::embedded(), &chip(22, SramCell::Lstp))) {
        entry.iter().flat_map(|p| &p.origins).for_each(|o| cite(&o.sources));
    }
    Counting::ALL.iter().for_each(|rule| cite(&[rule.source().to_owned()]));
    assert_eq!(cited.len(), keys.len(), "sources.csv holds only what is cited");
}

/// Constants of the estimators, of all their variants, and of the published limits.
fn of_estimators() -> Vec<Origin> {
    let given = EstimatorInput {
        conditions: Conditions { seconds: Some(1.0), dram_bits: Some(1.0), ..Conditions::default() },
        ..EstimatorInput::default()
    };
    let forms = [MemoryForm::BySize, MemoryForm::Qualia, MemoryForm::QualiaFlat];
    let inputs = forms
        .map(|memory| EstimatorInput { lemaire: Variant { memory, ..Variant::default() }, ..given.clone() });
    let estimate = |input: &EstimatorInput| -> Vec<Origin> {
        ESTIMATORS.iter().filter_map(|e| (e.estimate)(input).ok()).flat_map(|e| e.origins).collect()
    };
    let steps = [1, 5, 6, 20].map(|timesteps| {
        let name = String::new();
        let of = Population { name, elements: 1, channels: 1, timesteps, rate: 0.1, leaky: false };
        Workload { neurons: vec![of], ..Workload::default() }
    });
    let limits = steps.iter().flat_map(|w| break_even::verdicts(w).unwrap()).flat_map(|v| v.origins);
    inputs.iter().flat_map(estimate).chain(limits).collect()
}

#[test]
fn every_constant_is_used() {
    let mut used = BTreeSet::new();
    for node in NODES_NM {
        let arch = chip(node, SramCell::Lstp);
        let narrow = Widths { statistic: 12, ..Widths::default() };
        let list = PriceList::new(&arch, &narrow).unwrap();
        for (_, entry) in terms(&list) {
            used.extend(entry.iter().flat_map(|p| &p.origins).map(|o| o.name.clone()));
        }
        for item in AreaReport::new(&arch, &Widths::default()).unwrap().items {
            used.extend(item.origins.into_iter().map(|o| o.name));
        }
    }
    used.extend(of_estimators().into_iter().map(|o| o.name));
    let shown = ["sata_", "noxim_", "sram_read_", "adder_32", "multiplier_32", "counter_32"];
    // The catalogue of chips is there to be shown.
    for constant in Data::embedded().constants.0.iter().filter(|c| c.chip().is_none()) {
        let name = &constant.origin.name;
        assert!(used.contains(name) || shown.iter().any(|s| name.starts_with(s)), "{name} is not used");
    }
}

/// A run in which everything happens.
fn everything() -> Counts {
    let mut counts = Counts { cycles: 1000, ..Counts::default() };
    for activity in Activity::ALL {
        counts.row("layer", 0).add(*activity, 1000 + *activity as u64);
    }
    counts
}

/// Names of the terms that differ between two reports.
fn moved(a: &EnergyReport, b: &EnergyReport) -> BTreeSet<String> {
    let list = |r: &EnergyReport| -> BTreeSet<(String, u128)> {
        let counted = r.by_activity.iter().map(|(k, v)| (k.name().to_owned(), *v));
        counted.chain(r.statics.iter().map(|s| (s.name.clone(), s.aj))).collect()
    };
    list(a).symmetric_difference(&list(b)).map(|(name, _)| name.clone()).collect()
}

/// For every scalar, in every node and away from the defaults.
#[test]
fn doubling_a_constant_moves_exactly_the_terms_that_use_it() {
    for node in NODES_NM {
        let mut arch = chip(node, SramCell::Lop);
        arch.technology.voltage_v = (node < 45).then_some(0.8);
        arch.technology.temperature_k = 340.0;
        let base = EnergyReport::new(&everything(), &prices(Data::embedded(), &arch));
        // Figures of chips price nothing; one node is enough to see it.
        let all = Data::embedded().constants.0.iter().enumerate();
        for (i, _) in all.filter(|(_, c)| node == 22 || c.chip().is_none()) {
            let mut data = Data::embedded().clone();
            let origin = &mut data.constants.0[i].origin;
            origin.value *= 2.0;
            let name = origin.name.clone();
            let report = EnergyReport::new(&everything(), &prices(&data, &arch));
            let users = base.used.iter().filter(|u| u.origin.name == name).flat_map(|u| u.terms.clone());
            assert_eq!(moved(&base, &report), users.collect(), "{name} at {node} nm");
            let double = |u: &Used| if u.origin.name == name { 2f64.ln() } else { 0.0 };
            let factors: Vec<f64> = base.used.iter().map(double).collect();
            let drawn = base.shares.iter().flat_map(|s| &s.powers).any(|(j, _)| factors[*j] > 0.0);
            if drawn {
                // The total as a polynomial of its constants says the same as pricing anew.
                let anew = report.total_aj as f64 / base.total_aj as f64;
                assert!((base.relative_total(&factors) / anew - 1.0).abs() < 1e-4, "{name} at {node} nm");
            }
        }
    }
}

/// The same for every number in the total, scalars and points of tables, by the products of each price.
#[test]
fn every_number_in_a_price_is_listed_with_it() {
    for node in NODES_NM {
        let list = prices(Data::embedded(), &chip(node, SramCell::Hp));
        let report = EnergyReport::new(&everything(), &list);
        for used in &report.used {
            let name = &used.origin.name;
            let holds =
                |p: &Price| p.parts.iter().any(|m| m.powers.iter().any(|(n, k)| n == name && *k != 0.0));
            let law = used.origin.spread == 0.0;
            for (term, entry) in terms(&list) {
                let Ok(price) = entry else { continue };
                let listed = used.terms.contains(&term);
                assert_eq!(price.origins.iter().any(|o| o.name == *name), listed, "{name}, {term}");
                assert!(holds(price) == listed || law && !holds(price), "{name}, {term}");
            }
        }
        let sum: f64 = report.shares.iter().map(|s| s.aj).sum();
        assert!((sum / report.total_aj as f64 - 1.0).abs() < 1e-4);
    }
}

#[test]
fn doubling_a_column_moves_exactly_its_terms() {
    let arch = chip(22, SramCell::Lstp);
    let base = EnergyReport::new(&everything(), &prices(Data::embedded(), &arch));
    let check = |alter: &dyn Fn(&mut Data), belongs: &dyn Fn(&str, Option<Cost>) -> bool| {
        let mut data = Data::embedded().clone();
        alter(&mut data);
        let report = EnergyReport::new(&everything(), &prices(&data, &arch));
        let counted = Activity::ALL.iter().map(|a| (a.name().to_owned(), Some(a.cost())));
        let statics = base.statics.iter().map(|s| (s.name.clone(), None));
        let expected =
            counted.chain(statics).filter(|(name, cost)| belongs(name, *cost)).map(|(name, _)| name);
        assert_eq!(moved(&base, &report), expected.collect());
        assert!(report.total_aj > base.total_aj);
    };
    check(&|d| d.sram.points.iter_mut().for_each(|p| p.figures.read_pj *= 2.0), &|_, cost| {
        matches!(cost, Some(Cost::Read(_) | Cost::Logic(Logic::TableLookup)))
    });
    check(&|d| d.sram.points.iter_mut().for_each(|p| p.figures.write_pj *= 2.0), &|_, cost| {
        matches!(cost, Some(Cost::Write(_)))
    });
    check(&|d| d.sram.points.iter_mut().for_each(|p| p.figures.leak_mw *= 2.0), &|name, cost| {
        cost.is_none()
            && name.starts_with("leakage of")
            && !["routers", "links"].iter().any(|n| name.ends_with(n))
    });
    check(&|d| d.routers.0.iter_mut().for_each(|p| p.figures.crossbar_pj *= 2.0), &|name, _| {
        name == "crossbar"
    });
    check(&|d| d.links.0.iter_mut().for_each(|p| p.send_pj *= 2.0), &|name, _| name == "link_flit");
    check(&|d| d.dram.0.iter_mut().for_each(|r| r.pj_per_bit[4] *= 2.0), &|name, _| {
        name == "DRAM background"
    });
}

#[test]
fn components_follow_the_activity() {
    let report = EnergyReport::new(&everything(), &prices(Data::embedded(), &Arch::default_chip()));
    assert!(report.by_component.contains_key(&Component::Dram));
    let mut idle = everything();
    for row in idle.rows.values_mut() {
        for a in Activity::ALL.iter().filter(|a| a.component() == Component::Dram) {
            row.0[*a as usize] = 0;
        }
    }
    let report = EnergyReport::new(&idle, &prices(Data::embedded(), &Arch::default_chip()));
    assert!(!report.by_component.contains_key(&Component::Dram), "an unused DRAM is not paid for");
}
