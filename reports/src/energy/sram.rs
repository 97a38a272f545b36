//! SRAM macros: CACTI 7 sweep (one read-write port, one bank, 300 K), log-log interpolation; leakage at other
//! temperatures by its ratio to 300 K, log-linear in the temperature.
//!
//! CACTI's read energy jumps between array organisations, so single points can be off by more than the mean error that
//! [`super::errors`] measures by leaving points out.

use super::csv;
use super::errors;
use super::quantity::{Grade, Origin, Sourced};
use pulvinar_ir::arch::{SramCell, ROOM_TEMPERATURE_K};

const TABLE: &str = include_str!("../../data/sram.csv");
pub(super) const HEADER: &str =
    "cell,node_nm,capacity_kib,width_bits,read_pj,write_pj,access_ns,leak_mw,area_mm2";

const TEMPERATURES: &str = include_str!("../../data/sram_temperature.csv");
const TEMPERATURE_HEADER: &str = "cell,node_nm,capacity_kib,temperature_k,leak_mw";

/// A quantity of a macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Energy of one read, pJ.
    Read,
    /// Energy of one write, pJ.
    Write,
    /// Access time, ns.
    Access,
    /// Leakage, mW.
    Leakage,
    /// Area, mm².
    Area,
}

impl Figure {
    /// Every quantity.
    pub const ALL: [Figure; 5] = [Self::Read, Self::Write, Self::Access, Self::Leakage, Self::Area];

    /// Name of the family of its numbers.
    pub fn family(self) -> &'static str {
        match self {
            Self::Read => "SRAM read",
            Self::Write => "SRAM write",
            Self::Access => "SRAM access",
            Self::Leakage => "SRAM leakage",
            Self::Area => "SRAM area",
        }
    }

    /// Unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Read | Self::Write => "pJ",
            Self::Access => "ns",
            Self::Leakage => "mW",
            Self::Area => "mm2",
        }
    }
}

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

impl Figures {
    /// One of them.
    pub fn get(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Read => self.read_pj,
            Figure::Write => self.write_pj,
            Figure::Access => self.access_ns,
            Figure::Leakage => self.leak_mw,
            Figure::Area => self.area_mm2,
        }
    }
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

/// Leakage at one temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakPoint {
    /// Cell type.
    pub cell: SramCell,
    /// Process node, nm.
    pub node_nm: u32,
    /// Capacity, KiB; words of 64 bits.
    pub capacity_kib: u32,
    /// Temperature, K.
    pub temperature_k: f64,
    /// Leakage, mW.
    pub leak_mw: f64,
}

/// The sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SramTable {
    /// Macros at 300 K.
    pub points: Vec<Point>,
    /// Leakage at other temperatures.
    pub leaks: Vec<LeakPoint>,
}

/// One macro looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Macro {
    /// What the table gives for it, at 300 K.
    pub figures: Figures,
    /// Name of the point in reports, e.g. `lstp 64 KiB x 128 bit`.
    pub name: String,
    /// Node, nm.
    pub node_nm: u32,
    /// False when it is a point of the table itself.
    pub interpolated: bool,
    /// Capacity asked for over capacity used, where the table ends before it; else 1.
    pub beyond: f64,
    /// Remarks, e.g. that the table's edge was used.
    pub notes: Vec<String>,
}

impl Macro {
    /// One figure of the macro with its provenance, at 300 K.
    pub fn sourced(&self, figure: Figure) -> Sourced {
        let (family, name) = (figure.family(), &self.name);
        let grade = if self.interpolated { Grade::Derived } else { Grade::Simulated };
        let value = self.figures.get(figure);
        let node = Some(self.node_nm);
        let origin = Origin::new(format!("{family}, {name}"), value, figure.unit(), node, &["cacti7"], grade);
        let mut out = Sourced::of(origin.of_family(family)).notes(self.notes.clone());
        if self.interpolated {
            let spread = errors::spread(&format!("{family} between points"));
            out =
                out.rule(Origin::rule(format!("rule: {family} between points, {name}"), &["cacti7"], spread));
        }
        if self.beyond.to_bits() != 1.0_f64.to_bits() {
            // Energy grows as about the root of the capacity (exponents 0.53 to 0.56).
            let spread = self.beyond.ln().abs() / 2.0;
            out = out.rule(Origin::rule(
                format!("rule: {family} beyond the table, {name}"),
                &["cacti7"],
                spread,
            ));
        }
        out
    }
}

impl SramTable {
    /// The table in the program.
    pub fn embedded() -> Self {
        SramTable {
            points: csv::rows(TABLE, HEADER).iter().map(|r| parse(r)).collect(),
            leaks: csv::rows(TEMPERATURES, TEMPERATURE_HEADER).iter().map(|r| parse_leak(r)).collect(),
        }
    }

    /// Leakage at a temperature over that at 300 K: log-linear in the temperature, log-log in the capacity; the table's
    /// edge beyond it. `None` without data for the cell and node.
    pub fn leak_ratio(
        &self,
        cell: SramCell,
        node_nm: u32,
        capacity_kib: f64,
        temperature_k: f64,
    ) -> Option<f64> {
        let of: Vec<&LeakPoint> =
            self.leaks.iter().filter(|p| p.cell == cell && p.node_nm == node_nm).collect();
        let capacities = axis(of.iter().map(|p| p.capacity_kib));
        let (c0, c1, ct) =
            bracket(&capacities, capacity_kib.clamp(*capacities.first()?, *capacities.last()?));
        let at = |capacity: f64| {
            let mut row: Vec<(f64, f64)> = of
                .iter()
                .filter(|p| f64::from(p.capacity_kib) == capacity)
                .map(|p| (p.temperature_k, p.leak_mw.ln()))
                .collect();
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            let cold = row.iter().find(|p| p.0 == ROOM_TEMPERATURE_K)?.1;
            let t = temperature_k.clamp(row.first()?.0, row.last()?.0);
            let upper = row.partition_point(|p| p.0 < t);
            if row[upper].0 == t {
                return Some(row[upper].1 - cold);
            }
            let (a, b) = (row[upper - 1], row[upper]);
            Some(a.1 + (b.1 - a.1) * (t - a.0) / (b.0 - a.0) - cold)
        };
        let (low, high) = (at(c0)?, at(c1)?);
        Some((low + (high - low) * ct).exp())
    }

    /// A macro of a capacity and a word width; outside the table its edge is used and said so.
    /// `None` when there is no data for the cell and node.
    pub fn lookup(&self, cell: SramCell, node_nm: u32, capacity_kib: f64, width_bits: f64) -> Option<Macro> {
        let points: Vec<&Point> =
            self.points.iter().filter(|p| p.cell == cell && p.node_nm == node_nm).collect();
        let mut notes = Vec::new();
        let widths = axis(points.iter().map(|p| p.width_bits));
        let width = clamp(&widths, width_bits, "word of", "bit", &mut notes)?;
        let (w0, w1, wt) = bracket(&widths, width);
        let of = |w: f64| -> Vec<&Point> {
            points.iter().copied().filter(|p| f64::from(p.width_bits) == w).collect()
        };
        let (narrow, wide) = (of(w0), of(w1));
        // The narrowest macros of some widths have no solution: only capacities that both widths have are used.
        let both = |c: &u32| wide.iter().any(|p| p.capacity_kib == *c);
        let capacities = axis(narrow.iter().map(|p| p.capacity_kib).filter(both));
        let capacity = clamp(&capacities, capacity_kib, "capacity of", "KiB", &mut notes)?;
        let (c0, c1, ct) = bracket(&capacities, capacity);
        let at =
            |row: &[&Point], c: f64| row.iter().find(|p| f64::from(p.capacity_kib) == c).map(|p| p.figures);
        let low = mix(&at(&narrow, c0)?, &at(&narrow, c1)?, ct);
        let high = mix(&at(&wide, c0)?, &at(&wide, c1)?, ct);
        Some(Macro {
            figures: mix(&low, &high, wt),
            name: format!("{} {} KiB x {} bit", cell_name(cell), tidy(capacity), tidy(width)),
            node_nm,
            interpolated: ct > 0.0 || wt > 0.0,
            beyond: capacity_kib / capacity,
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

/// Every cell type.
pub const CELLS: [SramCell; 3] = [SramCell::Lstp, SramCell::Lop, SramCell::Hp];

/// A cell type by its name in tables.
pub fn cell(name: &str) -> Option<SramCell> {
    CELLS.into_iter().find(|c| cell_name(*c) == name)
}

/// A cell type in an embedded table.
pub(super) fn known_cell(name: &str) -> SramCell {
    cell(name).expect("invariant: cell types of the tables are known (held by a test)")
}

fn parse_leak(row: &[String]) -> LeakPoint {
    LeakPoint {
        cell: known_cell(&row[0]),
        node_nm: csv::number(&row[1]),
        capacity_kib: csv::number(&row[2]),
        temperature_k: csv::number(&row[3]),
        leak_mw: csv::number(&row[4]),
    }
}

pub(super) fn parse(row: &[String]) -> Point {
    Point {
        cell: known_cell(&row[0]),
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

/// Sorted distinct values; few are distinct.
fn axis(values: impl Iterator<Item = u32>) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::new();
    for value in values.map(f64::from) {
        let at = out.partition_point(|v| *v < value);
        if out.get(at) != Some(&value) {
            out.insert(at, value);
        }
    }
    out
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
