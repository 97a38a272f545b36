//! Register files and content-addressable memories: CACTI 7, one read and one write port, 300 K. Points only; between
//! nodes and below 22 nm the rules of [`super::process`] hold.

use super::csv;
use super::logic;
use super::process::{Kind, Process, SRAM_NM};
use super::quantity::{Grade, Origin, PerTerm, Sourced};
use super::sram::{cell_name, known_cell};
use pulvinar_ir::arch::SramCell;
use pulvinar_ir::Result;

const TABLE: &str = include_str!("../../data/small_memories.csv");
const HEADER: &str = "kind,cell,node_nm,bytes,width_bits,search_pj,read_pj,write_pj,leak_mw,area_mm2";

/// What a small memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallKind {
    /// Register file.
    RegisterFile,
    /// Content-addressable memory.
    Cam,
}

impl SmallKind {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::RegisterFile => "register file",
            Self::Cam => "CAM",
        }
    }
}

/// A quantity of a small memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallFigure {
    /// Search of all entries, pJ; of a CAM only.
    Search,
    /// Read of a word, pJ.
    Read,
    /// Write of a word, pJ.
    Write,
    /// Leakage, mW.
    Leakage,
    /// Area, mm².
    Area,
}

impl SmallFigure {
    /// Every quantity.
    pub const ALL: [SmallFigure; 5] = [Self::Search, Self::Read, Self::Write, Self::Leakage, Self::Area];

    fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Read => "read",
            Self::Write => "write",
            Self::Leakage => "leakage",
            Self::Area => "area",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Search | Self::Read | Self::Write => "pJ",
            Self::Leakage => "mW",
            Self::Area => "mm2",
        }
    }
}

/// One memory of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallPoint {
    /// What it is.
    pub kind: SmallKind,
    /// Cell type.
    pub cell: SramCell,
    /// Process node, nm.
    pub node_nm: u32,
    /// Capacity.
    pub bytes: u32,
    /// Word width, bits.
    pub width_bits: u32,
    /// By [`SmallFigure::ALL`]; a register file has no search.
    pub figures: [Option<f64>; 5],
}

/// The table.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallTable(pub Vec<SmallPoint>);

impl SmallTable {
    /// The table in the program.
    pub fn embedded() -> Self {
        let parse = |row: &Vec<String>| SmallPoint {
            kind: if row[0] == "cam" { SmallKind::Cam } else { SmallKind::RegisterFile },
            cell: known_cell(&row[1]),
            node_nm: csv::number(&row[2]),
            bytes: csv::number(&row[3]),
            width_bits: csv::number(&row[4]),
            figures: [5, 6, 7, 8, 9].map(|i: usize| (!row[i].is_empty()).then(|| csv::number(&row[i]))),
        };
        SmallTable(csv::rows(TABLE, HEADER).iter().map(parse).collect())
    }

    /// The same memory at another node.
    pub fn at(&self, like: &SmallPoint, node_nm: u32) -> Option<&SmallPoint> {
        let key = |p: &SmallPoint| (p.kind, p.cell, p.bytes, p.width_bits);
        self.0.iter().find(|p| p.node_nm == node_nm && key(p) == key(like))
    }

    /// A figure of a memory of the table in the chip's process; `None` where it has none.
    pub fn sourced(
        &self,
        like: &SmallPoint,
        process: &Process,
        figure: SmallFigure,
    ) -> Result<Option<Sourced>> {
        let kind = match figure {
            SmallFigure::Leakage => Kind::SramLeakage,
            SmallFigure::Area => Kind::SramArea,
            _ => Kind::Sram,
        };
        process.place(&SRAM_NM, kind, |node| self.at(like, node).and_then(|p| p.sourced(figure)))
    }
}

impl SmallPoint {
    /// Family of a figure's numbers.
    pub fn family(&self, figure: SmallFigure) -> String {
        format!("{} {}", self.kind.name(), figure.name())
    }

    /// A figure with its provenance, at 300 K.
    pub fn sourced(&self, figure: SmallFigure) -> Option<Sourced> {
        let value =
            SmallFigure::ALL.iter().zip(&self.figures).find(|(f, _)| **f == figure).and_then(|(_, v)| *v)?;
        let family = self.family(figure);
        let name = format!("{family}, {} {} B x {} bit", cell_name(self.cell), self.bytes, self.width_bits);
        let node = Some(self.node_nm);
        let origin = Origin::new(name, value, figure.unit(), node, &["cacti7"], Grade::Simulated);
        Some(Sourced::of(origin.of_family(family)))
    }
}

/// One element through a queue in a register file: a write, a read, and a step of two counters.
pub fn queue_element(table: &SmallTable, file: &SmallPoint, process: &Process) -> Result<Option<PerTerm>> {
    let (read, write) =
        (table.sourced(file, process, SmallFigure::Read)?, table.sourced(file, process, SmallFigure::Write)?);
    let (Some(read), Some(write)) = (read, write) else { return Ok(None) };
    let counters = logic::blocks("counter_32", 2.0, process)?;
    Ok(Some((PerTerm::new(read) + PerTerm::new(write) + counters).note("read, write and two counters")))
}
