//! The process: every node has prices, rules are marked, far ones need consent, supply and temperature move what they should.

use super::{at, chip, prices, CELLS, NODES_NM};
use crate::energy::process::{steps, Process};
use crate::energy::sram::{Figure, SramTable};
use crate::energy::{errors, logic, memories, AreaReport, Data, PriceList, Widths};
use pulvinar_ir::arch::{Arch, SramCell};
use pulvinar_ir::counts::{Activity, Logic};

fn add_pj(arch: &Arch, bits: u32) -> f64 {
    at(arch, |p| logic::add(bits, p).unwrap().pj())
}

/// Figure of a macro of 64 KiB and 64 bits, with its remarks.
fn macro_64(arch: &Arch, figure: Figure) -> (f64, Vec<String>) {
    let found =
        at(arch, |p| memories::sourced(&Data::embedded().sram, p, (64.0, 64.0), figure).unwrap().unwrap());
    (found.value(), found.notes)
}

#[test]
fn steps_are_counted_along_the_ladder() {
    assert_eq!([steps(45, 22), steps(40, 22), steps(45, 28), steps(22, 28)], [2, 2, 1, 1]);
    assert_eq!([steps(45, 45), steps(40, 45), steps(45, 65), steps(22, 16), steps(22, 14)], [0, 1, 1, 1, 1]);
    assert_eq!([steps(45, 16), steps(7, 16), steps(7, 14), steps(22, 7), steps(45, 7)], [3, 2, 2, 3, 5]);
}

#[test]
fn far_nodes_need_consent_and_say_so() {
    for node in NODES_NM {
        let mut arch = chip(node, SramCell::Lstp);
        let with = PriceList::new(&arch, &Widths::default()).unwrap();
        AreaReport::new(&arch, &Widths::default()).unwrap();
        let compare = with.get(Activity::NeuronCompare).unwrap().as_ref().unwrap();
        let far = compare.notes.iter().any(|n| n.contains("far: read with care"));
        assert_eq!(far, node < 22, "{node}: {:?}", compare.notes);
        arch.technology.far_scaling = false;
        let without = PriceList::new(&arch, &Widths::default());
        if node < 22 {
            let error = without.unwrap_err();
            assert_eq!((error.code, error.place.as_str()), ("E0635", "technology.node_nm"));
            assert!(error.message.starts_with("comparators and registers"), "{}", error.message);
        } else {
            assert_eq!(without.unwrap(), with, "{node}");
        }
    }
}

#[test]
fn node_7_is_the_table_and_its_neighbours_are_scaled_from_it() {
    let seven = chip(7, SramCell::Hp);
    assert_eq!([add_pj(&seven, 8), add_pj(&seven, 32)], [0.007, 0.03]);
    at(&seven, |p| {
        assert_eq!(logic::multiply(8, 8, p).unwrap().pj(), 0.07);
        assert_eq!(logic::multiply(32, 32, p).unwrap().pj(), 1.48);
        let compare = logic::energy(Logic::Compare, &Widths::default(), p).unwrap().unwrap();
        assert!(compare
            .sourced()
            .notes
            .contains(&"scaled from 40 nm over 5 steps; far: read with care".to_owned()));
    });
    // 7 to 16 nm at 0.9 V: (0.2958·0.81 − 0.1241·0.9 + 0.03024) / (0.1776·0.81 − 0.09097·0.9 + 0.02447).
    let ratio = (0.2958 * 0.81 - 0.1241 * 0.9 + 0.03024) / (0.1776 * 0.81 - 0.09097 * 0.9 + 0.02447);
    assert!((add_pj(&chip(16, SramCell::Hp), 32) / (0.03 * ratio) - 1.0).abs() < 1e-12);
}

/// Ratios to 45 nm that the research notes derive from the same law.
#[test]
fn the_scaling_law_gives_its_ratios() {
    for (node, at_0_9, at_0_8) in
        [(65, 1.254, 1.241), (32, 0.641, 0.659), (16, 0.187, 0.174), (14, 0.150, 0.139), (7, 0.102, 0.094)]
    {
        let mut arch = chip(node, SramCell::Hp);
        let ratio = |arch: &Arch| at(arch, |p| p.energy_ratio(45, arch.technology.voltage_v).unwrap().0);
        assert!((ratio(&arch) - at_0_9).abs() < 6e-4, "{node}: {}", ratio(&arch));
        // Equal voltage of 0.8 V on both nodes: the law's ratio at 0.8 V times that of 45 nm from 0.9 to 0.8 V.
        arch.technology.voltage_v = Some(0.8);
        let mut old = chip(45, SramCell::Hp);
        old.technology.voltage_v = Some(0.8);
        assert!((ratio(&arch) / ratio(&old) - at_0_8).abs() < 6e-4, "{node}");
    }
}

#[test]
fn the_supply_moves_logic_alone() {
    let mut arch = chip(45, SramCell::Lop);
    let base = prices(Data::embedded(), &arch);
    let aj = |list: &PriceList, a: Activity| list.get(a).unwrap().as_ref().unwrap().aj_per_count;
    arch.technology.voltage_v = Some(0.9);
    let same = prices(Data::embedded(), &arch);
    assert_eq!(aj(&same, Activity::SynMac), aj(&base, Activity::SynMac), "0.9 V is the voltage of the data");
    arch.technology.voltage_v = Some(0.7);
    let low = prices(Data::embedded(), &arch);
    let law = |v: f64| 1.103 * v * v - 0.362 * v + 0.2767;
    let ratio = aj(&low, Activity::SynAdd) as f64 / aj(&base, Activity::SynAdd) as f64;
    assert!((ratio - law(0.7) / law(0.9)).abs() < 1e-4);
    let add = low.get(Activity::SynAdd).unwrap().as_ref().unwrap();
    assert!(add.notes.contains(&"scaled to 0.7 V".to_owned()), "{:?}", add.notes);
    assert_eq!(aj(&low, Activity::WeightRead), aj(&base, Activity::WeightRead));
    assert_eq!(aj(&low, Activity::LinkFlit), aj(&base, Activity::LinkFlit));
}

#[test]
fn leakage_follows_the_temperature_and_nothing_else_does() {
    for (node, cell, points) in [
        (45, SramCell::Lstp, [(330.0, 0.005_191_6), (360.0, 0.015_513_2), (400.0, 0.047_840_2)]),
        (45, SramCell::Hp, [(330.0, 47.7614), (360.0, 69.0543), (400.0, 104.927)]),
        (65, SramCell::Lop, [(330.0, 1.85079), (360.0, 3.07762), (400.0, 4.69314)]),
    ] {
        let mut arch = chip(node, cell);
        let reads = macro_64(&arch, Figure::Read);
        let mut last = macro_64(&arch, Figure::Leakage).0;
        for (kelvin, mw) in points {
            arch.technology.temperature_k = kelvin;
            let (leak, notes) = macro_64(&arch, Figure::Leakage);
            assert!((leak / mw - 1.0).abs() < 2e-4, "{leak} {mw}");
            assert!(notes.contains(&format!("leakage at {kelvin} K")));
            assert_eq!(macro_64(&arch, Figure::Read), reads);
            arch.technology.temperature_k = kelvin - 5.0;
            let between = macro_64(&arch, Figure::Leakage).0;
            assert!(last < between && between < leak);
            last = leak;
        }
    }
}

#[test]
fn hot_22_nm_is_refused() {
    for node in [28, 22, 16, 7] {
        let mut arch = chip(node, SramCell::Hp);
        arch.technology.temperature_k = 360.0;
        assert!(PriceList::new(&arch, &Widths::default()).is_ok());
        arch.technology.temperature_k = 361.0;
        let error = PriceList::new(&arch, &Widths::default()).unwrap_err();
        assert_eq!((error.code, error.place.as_str()), ("E0634", "technology.temperature_k"));
    }
}

#[test]
fn memories_between_and_below_the_nodes_are_derived() {
    let table = SramTable::embedded();
    for cell in CELLS {
        let own = |node| table.lookup(cell, node, 64.0, 64.0).unwrap().figures;
        for figure in Figure::ALL {
            let (f22, f32) = (own(22).get(figure), own(32).get(figure));
            let t = (28.0_f64 / 22.0).ln() / (32.0_f64 / 22.0).ln();
            let (value, notes) = macro_64(&chip(28, cell), figure);
            assert!((value / (f22 * (f32 / f22).powf(t)) - 1.0).abs() < 1e-12);
            assert!(notes.contains(&"derived: between 22 and 32 nm".to_owned()));
            let (value, notes) = macro_64(&chip(14, cell), figure);
            let factor = match figure {
                Figure::Read | Figure::Write | Figure::Access => (14.0_f64 / 22.0).sqrt(),
                Figure::Leakage => 0.79 * (14.0_f64 / 22.0).sqrt(),
                Figure::Area => 14.0 / 22.0,
            };
            assert!((value / (f22 * factor) - 1.0).abs() < 1e-12);
            assert!(notes.contains(&"scaled from 22 nm over 1 step".to_owned()), "{notes:?}");
        }
    }
}

#[test]
fn every_rule_has_an_error() {
    for error in errors::all() {
        // The leakage of CAMs between nodes is the worst: CACTI's cells change with the node.
        assert!(error.spread > 0.0 && error.spread < 1.1, "{error:?}");
        assert!(error.p90_pct <= error.max_pct && error.spread.is_finite());
    }
    let spread = |rule: &str| errors::spread(rule);
    assert_eq!(spread("no such rule"), 0.0);
    // Every rule that a price uses is one of them.
    for node in NODES_NM {
        let mut arch = chip(node, SramCell::Lop);
        arch.technology.temperature_k = 345.0;
        let list = prices(Data::embedded(), &arch);
        let counted = Activity::ALL.iter().filter_map(|a| list.get(*a));
        let all = counted.chain(list.statics.iter().map(|s| &s.price)).flatten().flat_map(|p| &p.origins);
        for origin in all.filter(|o| o.name.starts_with("rule: ")) {
            assert!(origin.spread > 0.0, "{node} nm: {}", origin.name);
        }
    }
    for compared in errors::between_sources() {
        assert!(compared.points > 0 && compared.spread.is_finite(), "{compared:?}");
    }
}

#[test]
fn a_process_is_what_its_chip_says() {
    let arch = chip(28, SramCell::Lop);
    let process = Process::new(&Data::embedded().constants, &arch.technology).unwrap();
    assert_eq!((process.node_nm(), process.sram_cell(), process.temperature_k()), (28, SramCell::Lop, 300.0));
    assert_eq!((process.nearest(&[45, 7]), process.steps(45)), (45, 1));
}
