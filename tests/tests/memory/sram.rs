//! What a second port costs: macros of one read and one write port beside those of one port that serves both.

use crate::holds;
use pulvinar_tests::root;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Cell, node, KiB and bits of a macro; its read, write, access time, leakage and area.
type Macros = BTreeMap<(String, u32, u32, u32), [f64; 5]>;

const FIGURES: [&str; 5] = ["read", "write", "access time", "leakage", "area"];

fn macros(path: &str) -> Macros {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let (head, rows) = text.split_once('\n').unwrap();
    assert_eq!(head, "cell,node_nm,capacity_kib,width_bits,read_pj,write_pj,access_ns,leak_mw,area_mm2");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [node, kib, bits] = [1, 2, 3].map(|i: usize| cells[i].parse().unwrap());
        ((cells[0].to_owned(), node, kib, bits), [4, 5, 6, 7, 8].map(|i: usize| cells[i].parse().unwrap()))
    };
    rows.lines().map(row).collect()
}

/// Median, smallest and largest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[values.len() / 2], values[0], values[values.len() - 1]]
}

#[test]
fn a_second_port_costs_a_third_of_the_energy_and_the_area_once_more() {
    let (one, two) = (macros("reports/data/sram.csv"), macros("reports/data/sram_ports.csv"));
    let mut table = String::from("| 1R1W : 1RW | 22 nm | 45 nm |\n|---|---|---|\n");
    for (i, figure) in FIGURES.iter().enumerate() {
        write!(table, "| {figure} |").unwrap();
        for node in [22, 45] {
            let same = two.iter().filter(|(key, _)| key.1 == node);
            let ratios: Vec<f64> = same.filter_map(|(key, f)| Some(f[i] / one.get(key)?[i])).collect();
            assert_eq!(ratios.len(), 20, "every macro has its counterpart");
            let [median, least, most] = spread(ratios);
            assert!(median > 1.0, "a port is not for nothing");
            write!(table, " {median:.2} ({least:.2} to {most:.2}) |").unwrap();
        }
        table.push('\n');
    }
    holds("sram-ports", &table);
}
