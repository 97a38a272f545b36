//! SRAM macros: CACTI 7 sweep (one read-write port, one bank, 300 K), log-log interpolation.
//!
//! Leave-one-out over a 4× gap in capacity: mean error 8.7 % read, 5.4 % write, 4.5 % access, 2.8 % leakage, 5.0 % area
//! (held by a test). CACTI's read energy jumps between array organisations, so single points can be off by more.

use super::csv;
use super::quantity::{Grade, Origin};
use pulvinar_ir::arch::SramCell;

const TABLE: &str = include_str!("../../data/sram.csv");
const HEADER: &str = "cell,node_nm,capacity_kib,width_bits,read_pj,write_pj,access_ns,leak_mw,area_mm2";

/// Quantities of one macro.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Energy of one read, pJ.
    pub read_pj: f64,
    /// Energy of one write, pJ.
    pub write_pj: f64,
    /// Access time, ns.
    pub access_ns: f64,
    /// Leakage, mW.
    pub leak_mw: f64,
    /// Area, mm².
    pub area_mm2: f64,
}

/// One point of the sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Cell type.
    pub cell: SramCell,
    /// Process node, nm.
    pub node_nm: u32,
    /// Capacity, KiB.
    pub capacity_kib: u32,
    /// Word width, bits.
    pub width_bits: u32,
    /// What CACTI gives.
    pub figures: Figures,
}

/// The sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SramTable(pub Vec<Point>);

/// One macro looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Macro {
    /// What the table gives for it.
    pub figures: Figures,
    /// Name of the point in reports, e.g. `lstp 64 KiB x 128 bit`.
    pub name: String,
    /// Node, nm.
    pub node_nm: u32,
    /// False when it is a point of the table itself.
    pub interpolated: bool,
    /// Remarks, e.g. that the table's edge was used.
    pub notes: Vec<String>,
}

impl Macro {
    /// One figure of the macro as an origin.
    pub fn origin(&self, quantity: &str, value: f64, unit: &str) -> Origin {
        Origin {
            name: format!("SRAM {quantity}, {}", self.name),
            value,
            unit: unit.to_owned(),
            node_nm: Some(self.node_nm),
            sources: vec!["cacti7".to_owned()],
            grade: if self.interpolated { Grade::Derived } else { Grade::Simulated },
        }
    }
}

impl SramTable {
    /// The table in the program.
    pub fn embedded() -> Self {
        SramTable(csv::rows(TABLE, HEADER).iter().map(|r| parse(r)).collect())
    }

    /// A macro of a capacity and a word width; outside the table its edge is used and said so.
    /// `None` when there is no data for the cell and node.
    pub fn lookup(&self, cell: SramCell, node_nm: u32, capacity_kib: f64, width_bits: f64) -> Option<Macro> {
        let points: Vec<&Point> = self.0.iter().filter(|p| p.cell == cell && p.node_nm == node_nm).collect();
        let mut notes = Vec::new();
        let widths = axis(points.iter().map(|p| p.width_bits));
        let width = clamp(&widths, width_bits, "word of", "bit", &mut notes)?;
        let (w0, w1, wt) = bracket(&widths, width);
        // The narrowest macros of some widths have no solution: only capacities that both widths have are used.
        let has = |c: u32, w: f64| points.iter().any(|p| p.capacity_kib == c && f64::from(p.width_bits) == w);
        let capacities = axis(points.iter().map(|p| p.capacity_kib).filter(|c| has(*c, w0) && has(*c, w1)));
        let capacity = clamp(&capacities, capacity_kib, "capacity of", "KiB", &mut notes)?;
        let (c0, c1, ct) = bracket(&capacities, capacity);
        let at = |c: f64, w: f64| {
            let here = |p: &&&Point| f64::from(p.capacity_kib) == c && f64::from(p.width_bits) == w;
            points.iter().find(here).map(|p| p.figures)
        };
        let low = mix(&at(c0, w0)?, &at(c1, w0)?, ct);
        let high = mix(&at(c0, w1)?, &at(c1, w1)?, ct);
        Some(Macro {
            figures: mix(&low, &high, wt),
            name: format!("{} {} KiB x {} bit", cell_name(cell), tidy(capacity), tidy(width)),
            node_nm,
            interpolated: ct > 0.0 || wt > 0.0,
            notes,
        })
    }
}

/// Name of a cell type in tables.
pub fn cell_name(cell: SramCell) -> &'static str {
    match cell {
        SramCell::Lstp => "lstp",
        SramCell::Lop => "lop",
        SramCell::Hp => "hp",
    }
}

fn parse(row: &[String]) -> Point {
    let cells = [SramCell::Lstp, SramCell::Lop, SramCell::Hp];
    let cell = cells.into_iter().find(|c| cell_name(*c) == row[0]);
    Point {
        cell: cell.expect("invariant: cell types of the table are known (held by a test)"),
        node_nm: csv::number(&row[1]),
        capacity_kib: csv::number(&row[2]),
        width_bits: csv::number(&row[3]),
        figures: Figures {
            read_pj: csv::number(&row[4]),
            write_pj: csv::number(&row[5]),
            access_ns: csv::number(&row[6]),
            leak_mw: csv::number(&row[7]),
            area_mm2: csv::number(&row[8]),
        },
    }
}

/// Sorted distinct values.
fn axis(values: impl Iterator<Item = u32>) -> Vec<f64> {
    let mut out: Vec<u32> = values.collect();
    out.sort_unstable();
    out.dedup();
    out.into_iter().map(f64::from).collect()
}

fn clamp(axis: &[f64], x: f64, what: &str, unit: &str, notes: &mut Vec<String>) -> Option<f64> {
    let (first, last) = (*axis.first()?, *axis.last()?);
    let y = x.clamp(first, last);
    if y != x {
        notes.push(format!("{what} {} {unit} is outside the table, {} {unit} used", tidy(x), tidy(y)));
    }
    Some(y)
}

/// Neighbours of `x` on the axis and its place between them, 0..1 in log space; both the same on a point.
fn bracket(axis: &[f64], x: f64) -> (f64, f64, f64) {
    let upper = axis.partition_point(|a| *a < x).min(axis.len() - 1);
    if axis[upper] == x || upper == 0 {
        return (axis[upper], axis[upper], 0.0);
    }
    let (lo, hi) = (axis[upper - 1], axis[upper]);
    (lo, hi, (x / lo).ln() / (hi / lo).ln())
}

fn mix(a: &Figures, b: &Figures, t: f64) -> Figures {
    let log = |a: f64, b: f64| if t == 0.0 { a } else { a * (b / a).powf(t) };
    Figures {
        read_pj: log(a.read_pj, b.read_pj),
        write_pj: log(a.write_pj, b.write_pj),
        access_ns: log(a.access_ns, b.access_ns),
        leak_mw: log(a.leak_mw, b.leak_mw),
        area_mm2: log(a.area_mm2, b.area_mm2),
    }
}

/// At most two decimals, none where there are none.
pub(super) fn tidy(x: f64) -> String {
    let text = format!("{x:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
