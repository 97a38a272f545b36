//! Tables come back as they are; between their points they interpolate.

use super::CELLS;
use crate::energy::errors;
use crate::energy::noc::{RouterFigure, RouterShape};
use crate::energy::sram::{Figure, SramTable};
use crate::energy::Data;
use pulvinar_ir::arch::SramCell;

#[test]
fn sram_points_come_back_exactly() {
    let table = SramTable::embedded();
    assert_eq!(table.points.len(), 3 * 4 * (13 * 7 - 1));
    for p in &table.points {
        let found =
            table.lookup(p.cell, p.node_nm, f64::from(p.capacity_kib), f64::from(p.width_bits)).unwrap();
        assert_eq!(found.figures, p.figures, "{}", found.name);
        assert!(!found.interpolated && found.notes.is_empty());
    }
    let anchor = table.lookup(SramCell::Lstp, 22, 64.0, 64.0).unwrap().figures;
    assert_eq!((anchor.read_pj, anchor.write_pj, anchor.access_ns), (5.66959, 4.42749, 0.982_132));
    assert_eq!((anchor.leak_mw, anchor.area_mm2), (0.009_769_56, 0.058_601_4));
}

#[test]
fn sram_stays_inside_its_table() {
    let table = SramTable::embedded();
    let small = table.lookup(SramCell::Hp, 45, 0.1, 4.0).unwrap();
    assert_eq!(small.name, "hp 1 KiB x 8 bit");
    assert_eq!(small.notes.len(), 2);
    // 1 KiB x 512 bit has no solution.
    let wide = table.lookup(SramCell::Hp, 45, 1.0, 300.0).unwrap();
    assert_eq!(wide.name, "hp 2 KiB x 300 bit");
    assert_eq!(wide.notes, ["capacity of 1 KiB is outside the table, 2 KiB used"]);
    assert_eq!(table.lookup(SramCell::Hp, 7, 1.0, 8.0), None);
}

#[test]
fn sram_lies_between_its_neighbours() {
    let table = SramTable::embedded();
    let at = |kib| table.lookup(SramCell::Lstp, 45, kib, 64.0).unwrap();
    let (a, m, b) = (at(32.0), at(48.0), at(64.0));
    assert!(m.interpolated);
    assert!(a.figures.area_mm2 < m.figures.area_mm2 && m.figures.area_mm2 < b.figures.area_mm2);
    let middle = at(32.0 * 2f64.sqrt()).figures;
    let geometric = (a.figures.read_pj * b.figures.read_pj).sqrt();
    assert!((middle.read_pj / geometric - 1.0).abs() < 1e-12);
}

/// The errors that the tool prints are those of the look-up itself with a capacity left out.
#[test]
fn leave_one_out_errors_are_those_of_the_look_up() {
    let full = SramTable::embedded();
    let (mut sums, mut n) = ([0.0; 5], 0.0);
    for kib in (1..12).map(|k| 1u32 << k) {
        let mut held = full.clone();
        held.points.retain(|p| p.capacity_kib != kib);
        // 1 KiB x 512 bit has no solution, so 2 KiB x 512 bit has only one neighbour.
        for p in full.points.iter().filter(|p| p.capacity_kib == kib && (kib, p.width_bits) != (2, 512)) {
            let guess = held.lookup(p.cell, p.node_nm, f64::from(kib), f64::from(p.width_bits)).unwrap();
            assert!(guess.interpolated && guess.notes.is_empty());
            for (sum, figure) in sums.iter_mut().zip(Figure::ALL) {
                *sum += (guess.figures.get(figure) / p.figures.get(figure) - 1.0).abs();
            }
            n += 1.0;
        }
    }
    for ((sum, figure), stated) in sums.iter().zip(Figure::ALL).zip([9.0, 6.0, 5.0, 3.0, 5.5]) {
        let rule = format!("{} between points", figure.family());
        let listed = errors::all().iter().find(|e| e.rule == rule).unwrap();
        assert_eq!(listed.points as f64, n);
        assert!((sum / n * 100.0 - listed.mean_pct).abs() < 1e-6, "{rule}");
        assert!(listed.mean_pct < stated, "{listed:?}");
    }
}

#[test]
fn sram_grows_with_the_node_and_leaks_by_cell() {
    let table = SramTable::embedded();
    let at = |cell, node| table.lookup(cell, node, 64.0, 64.0).unwrap().figures;
    for cell in CELLS {
        assert!(at(cell, 22).read_pj < at(cell, 45).read_pj);
    }
    assert!(at(SramCell::Lstp, 45).leak_mw * 1e3 < at(SramCell::Hp, 45).leak_mw);
}

fn shape(virtual_channels: u32, buffer_flits: u32) -> RouterShape {
    RouterShape { node_nm: 22, flit_bits: 64, virtual_channels, buffer_flits, ports: 5 }
}

#[test]
fn router_points_come_back_exactly() {
    let table = &Data::embedded().routers;
    assert_eq!(table.0.len(), 3 * 6 * 4);
    for p in &table.0 {
        let found = table.lookup(p.shape).unwrap();
        assert_eq!(found.figures, p.figures, "{:?}", p.shape);
        assert!(found.notes(RouterFigure::Area).is_empty());
    }
    assert_eq!(table.lookup(RouterShape { node_nm: 7, ..shape(1, 4) }), None);
}

#[test]
fn channels_cost_what_the_sweep_says() {
    let table = &Data::embedded().routers;
    let flit = |channels| {
        let f = table.lookup(shape(channels, 4)).unwrap().figures;
        f.buffer_write_pj + f.buffer_read_pj + f.crossbar_pj + f.arbitration_pj
    };
    assert!((flit(1) - 0.858).abs() < 1e-3);
    assert!((flit(2) / flit(1) - 1.27).abs() < 0.01);
    assert!((flit(4) / flit(1) - 1.75).abs() < 0.01);
    let (beyond, edge) = (table.lookup(shape(4, 8)).unwrap(), table.lookup(shape(4, 4)).unwrap());
    assert!(
        !beyond.notes(RouterFigure::BufferRead).is_empty() && beyond.notes(RouterFigure::Crossbar).is_empty()
    );
    assert!(beyond.figures.buffer_read_pj > edge.figures.buffer_read_pj);
    let wide = table.lookup(RouterShape { ports: 10, ..shape(1, 4) }).unwrap().figures;
    assert!((wide.leak_mw - 2.0 * 4.165).abs() < 1e-9);
}

#[test]
fn links_come_back_and_shrink_to_nothing() {
    let table = &Data::embedded().links;
    for p in &table.0 {
        let found = table.lookup(p.node_nm, p.bits, p.length_mm).unwrap().point;
        assert!((found.send_pj / p.send_pj - 1.0).abs() < 1e-3);
        assert!((found.leak_mw / p.leak_mw - 1.0).abs() < 1e-3);
    }
    let at = |mm| table.lookup(22, 64, mm).unwrap().point.send_pj;
    assert!((at(0.125) / at(0.25) - 0.5).abs() < 1e-9);
    assert_eq!(table.lookup(22, 64, 0.0), None);
}

#[test]
fn dram_terms_give_the_random_run_again() {
    let table = &Data::embedded().dram;
    assert_eq!(table.kinds().len(), 8);
    for run in table.0.iter().filter(|r| r.random) {
        let c = table.costs(&run.kind).unwrap();
        let request = run.bytes / (run.reads + run.writes);
        let power = (c.refresh_mw + c.background_mw) * run.channels * run.time_ns;
        let total = (run.reads + run.writes) * c.activate_pj
            + run.reads * request * c.read_pj_per_byte
            + run.writes * request * c.write_pj_per_byte
            + power;
        let own: f64 = run.total_pj().iter().sum();
        assert!((total / own - 1.0).abs() < 0.02, "{}: {total} for {own}", run.kind);
    }
}

#[test]
fn ddr4_costs_what_its_run_says() {
    let c = Data::embedded().dram.costs("DDR4_8Gb_x8_3200").unwrap();
    assert!((c.activate_pj - 13.19 * 512.0).abs() < 1.0);
    assert!((c.background_mw - 1555.0).abs() < 1.0);
    assert!((c.read_pj_per_byte * 64.0 - 5.799 * 512.0 * 82904.0 / 55263.0).abs() < 1.0);
    assert_eq!(Data::embedded().dram.costs("DDR9"), None);
    assert!(!Data::embedded().dram.costs("LPDDR4_8Gb_x16_2400").unwrap().note.is_empty());
}
