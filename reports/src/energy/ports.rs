//! What a second port costs: macros of one read and one write port (1R1W) beside those of one port that serves both
//! (1RW), as factors on the latter.
//!
//! CACTI's array organisations make single ratios jump, so a figure has one factor a node, the median over the macros.

use super::csv;
use super::errors;
use super::quantity::{Origin, Sourced};
use super::sram::{parse, Figure, Point, SramTable, HEADER};

const TABLE: &str = include_str!("../../data/sram_ports.csv");

/// Nodes of the table, nm.
pub const PORT_NODES_NM: [u32; 2] = [22, 45];

/// Ratios of 1R1W to 1RW.
#[derive(Debug, Clone, PartialEq)]
pub struct PortTable {
    /// Sorted ratios over the macros, by node of [`PORT_NODES_NM`] and figure in the order of [`Figure::ALL`], that of its variants.
    ratios: [[Vec<f64>; 5]; 2],
}

impl PortTable {
    /// The table in the program, beside the macros of one port.
    pub fn embedded(one_port: &SramTable) -> Self {
        let points: Vec<Point> = csv::rows(TABLE, HEADER).iter().map(|r| parse(r)).collect();
        let ratios =
            PORT_NODES_NM.map(|node| Figure::ALL.map(|figure| ratios(one_port, &points, node, figure)));
        PortTable { ratios }
    }

    /// Ratios of a figure at a node of the table, sorted.
    pub fn ratios(&self, node_nm: u32, figure: Figure) -> &[f64] {
        // The nearer of the two, by the ratio of the nodes.
        let node = usize::from(f64::from(node_nm) > f64::from(PORT_NODES_NM[0] * PORT_NODES_NM[1]).sqrt());
        &self.ratios[node][figure as usize]
    }

    /// What a figure of a macro is multiplied by.
    pub fn factor(&self, node_nm: u32, figure: Figure) -> f64 {
        let ratios = self.ratios(node_nm, figure);
        ratios[ratios.len() / 2]
    }

    /// The figure of a macro with a read and a write port, from that of the same macro with one port.
    pub fn second(&self, one: Sourced, figure: Figure, node_nm: u32) -> Sourced {
        let factor = self.factor(node_nm, figure);
        let family = figure.family();
        let spread = errors::spread(&format!("{family} with a second port"));
        let rule = Origin::rule(format!("rule: {family} with a second port"), &["cacti7"], spread);
        one.times(factor).rule(rule).note(format!("read and write port, {factor:.2} of one port"))
    }
}

fn ratios(one_port: &SramTable, points: &[Point], node_nm: u32, figure: Figure) -> Vec<f64> {
    let key = |p: &Point| (p.cell, p.node_nm, p.capacity_kib, p.width_bits);
    let ratio = |two: &Point| {
        let one = one_port.points.iter().find(|one| key(one) == key(two))?;
        Some(two.figures.get(figure) / one.figures.get(figure))
    };
    let mut out: Vec<f64> = points.iter().filter(|p| p.node_nm == node_nm).filter_map(ratio).collect();
    out.sort_by(f64::total_cmp);
    out
}
