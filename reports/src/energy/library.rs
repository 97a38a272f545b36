//! The library as one list: every number with unit, node, sources, grade and scope; and its figures in one process.

use super::constants::Constant;
use super::data::Data;
use super::logic;
use super::memories;
use super::noc::{self, LinkFigure, RouterFigure, RouterShape};
use super::process::Process;
use super::quantity::{Origin, PerTerm, Scope, Sourced};
use super::small::{queue_element, SmallFigure, SmallKind, SmallPoint};
pub use super::sram::{cell, cell_name};
use super::sram::{Figure, CELLS};
use pulvinar_ir::arch::{SramCell, Technology};
use pulvinar_ir::counts::DramAction;
use pulvinar_ir::Result;
use serde::Serialize;

/// One number of the library.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The table it stands in.
    pub table: &'static str,
    /// The number.
    #[serde(flatten)]
    pub origin: Origin,
    /// What it includes, if it is an energy.
    pub scope: Scope,
}

/// Every number of every table.
pub fn entries() -> Vec<Entry> {
    let data = Data::embedded();
    let entry = |table, sourced: Sourced, scope| {
        sourced.origins.into_iter().next().map(|origin| Entry { table, origin, scope })
    };
    let scope = |unit: &str| if unit.starts_with("pJ") { Scope::PerTerm } else { Scope::None };
    let mut out: Vec<Entry> = data
        .constants
        .0
        .iter()
        .map(|c| {
            let table = if c.chip().is_some() { "chips" } else { "constants" };
            Entry { table, origin: c.origin.clone(), scope: c.scope }
        })
        .collect();
    let mut push = |table, sourced: Sourced| {
        let scope = sourced.origins.first().map_or(Scope::None, |o| scope(&o.unit));
        out.extend(entry(table, sourced, scope));
    };
    for p in &data.sram.points {
        let found = data.sram.lookup(p.cell, p.node_nm, f64::from(p.capacity_kib), f64::from(p.width_bits));
        for figure in Figure::ALL {
            found.iter().for_each(|m| push("SRAM", m.sourced(figure)));
        }
    }
    for p in &data.small.0 {
        SmallFigure::ALL.iter().filter_map(|f| p.sourced(*f)).for_each(|s| push(p.kind.name(), s));
    }
    for r in data.routers.0.iter().filter_map(|p| data.routers.lookup(p.shape)) {
        RouterFigure::ALL.iter().for_each(|f| push("router", r.sourced(*f)));
    }
    for p in &data.links.0 {
        let found = data.links.lookup(p.node_nm, p.bits, p.length_mm);
        for figure in [LinkFigure::Flit, LinkFigure::Leakage, LinkFigure::Area] {
            found.iter().for_each(|l| push("link", l.sourced(figure)));
        }
    }
    for kind in data.dram.kinds() {
        dram(data, kind).into_iter().for_each(|s| push("DRAM", s));
    }
    out
}

/// The five terms of one kind of DRAM: activate, byte read, byte written, refresh interval, background.
fn dram(data: &Data, kind: &str) -> Vec<Sourced> {
    let Some(costs) = data.dram.costs(kind) else { return Vec::new() };
    // The refresh of 3.9 us, the interval of most kinds above 85 degrees.
    let of = |action| costs.energy(action, 1, 3900.0);
    let actions = [DramAction::Activate, DramAction::ReadBurst, DramAction::WriteBurst, DramAction::Refresh];
    actions.into_iter().map(of).chain([costs.background()]).collect()
}

/// One figure in a process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureRow {
    /// Name.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Unit.
    pub unit: String,
    /// Standard deviation of its logarithm, from the constants behind it.
    pub spread: f64,
    /// Keys of its sources.
    pub sources: Vec<String>,
    /// How it was derived, where it is not a number of the library itself.
    pub notes: Vec<String>,
}

impl FigureRow {
    fn new(name: impl Into<String>, unit: &str, from: &Sourced) -> Self {
        let mut sources: Vec<String> = from.origins.iter().flat_map(|o| o.sources.iter().cloned()).collect();
        sources.sort_unstable();
        sources.dedup();
        FigureRow {
            name: name.into(),
            value: from.value(),
            unit: unit.to_owned(),
            spread: from.spread(),
            sources,
            notes: from.notes.clone(),
        }
    }
}

/// What the library gives in a process: arithmetic, memories of 64-bit words, small memories, routers and links, DRAM.
/// Refuses a process without data (see [`Process::new`]).
pub fn figures(technology: &Technology) -> Result<Vec<FigureRow>> {
    let data = Data::embedded();
    let process = Process::new(&data.constants, technology)?;
    let mut out = arithmetic(&process)?;
    out.extend(macros(data, &process)?);
    out.extend(small(data, &process)?);
    out.extend(network(data, &process)?);
    for kind in data.dram.kinds() {
        let units = ["pJ", "pJ/byte", "pJ/byte", "pJ per 3.9 us", "mW"];
        let rows = dram(data, kind).into_iter().zip(units);
        out.extend(
            rows.map(|(s, unit)| FigureRow::new(s.origins[0].name.replace(" of 1 bytes", ""), unit, &s)),
        );
    }
    Ok(out)
}

fn arithmetic(process: &Process) -> Result<Vec<FigureRow>> {
    let row = |name: String, e: PerTerm| FigureRow::new(name, "pJ", e.sourced());
    let mut out = Vec::new();
    for bits in [8, 16, 24, 32] {
        out.push(row(format!("add, {bits} bit"), logic::add(bits, process)?));
    }
    for bits in [8, 16, 32] {
        out.push(row(format!("multiply, {bits} x {bits} bit"), logic::multiply(bits, bits, process)?));
    }
    out.push(row("compare, 32 bit".to_owned(), logic::blocks("comparator_32", 1.0, process)?));
    out.push(row("count, 32 bit".to_owned(), logic::blocks("counter_32", 1.0, process)?));
    out.push(row("register write, 1 bit".to_owned(), logic::blocks("register_bit", 1.0, process)?));
    Ok(out)
}

fn macros(data: &Data, process: &Process) -> Result<Vec<FigureRow>> {
    let mut out = Vec::new();
    for kib in [8.0, 32.0, 64.0, 256.0, 1024.0] {
        for figure in Figure::ALL {
            if let Some(found) = memories::sourced(&data.sram, process, (kib, 64.0), figure)? {
                out.push(FigureRow::new(
                    format!("{}, {kib} KiB x 64 bit", figure.family()),
                    figure.unit(),
                    &found,
                ));
            }
        }
    }
    Ok(out)
}

/// Register files, searches, and an element through a queue.
fn small(data: &Data, process: &Process) -> Result<Vec<FigureRow>> {
    let mut out = Vec::new();
    let of = |kind, cell, bytes, width_bits| SmallPoint {
        kind,
        cell,
        node_nm: process.node_nm(),
        bytes,
        width_bits,
        figures: [None; 5],
    };
    for (bytes, width) in [(64, 8), (128, 16), (512, 32)] {
        let file = of(SmallKind::RegisterFile, SramCell::Hp, bytes, width);
        for figure in [SmallFigure::Read, SmallFigure::Write] {
            let name = format!("{}, hp {bytes} B x {width} bit", file.family(figure));
            let found = data.small.sourced(&file, process, figure)?;
            out.extend(found.map(|s| FigureRow::new(name, "pJ", &s)));
        }
        let name = format!("queue element, hp {bytes} B x {width} bit");
        let found = queue_element(&data.small, &file, process)?;
        out.extend(found.map(|e| FigureRow::new(name, "pJ", e.sourced())));
    }
    for bytes in [64, 256, 1024] {
        let cam = of(SmallKind::Cam, SramCell::Lstp, bytes, 32);
        let name = format!("CAM search, lstp {} entries x 32 bit", bytes / 4);
        let found = data.small.sourced(&cam, process, SmallFigure::Search)?;
        out.extend(found.map(|s| FigureRow::new(name, "pJ", &s)));
    }
    Ok(out)
}

/// Routers and links, and beside them what chips publish for a hop.
fn network(data: &Data, process: &Process) -> Result<Vec<FigureRow>> {
    let mut out = Vec::new();
    for flit_bits in [32, 64, 128] {
        let shape = RouterShape {
            node_nm: process.node_nm(),
            flit_bits,
            virtual_channels: 1,
            buffer_flits: 4,
            ports: 5,
        };
        for figure in RouterFigure::ALL {
            let found = noc::router(&data.routers, process, shape, figure)?;
            let name = format!("router {}, {flit_bits} bit, 1 channel x 4 flits, 5 ports", figure.name());
            out.extend(found.map(|s| FigureRow::new(name, figure.unit(), &s)));
        }
    }
    for (figure, unit) in [(LinkFigure::Flit, "pJ"), (LinkFigure::Leakage, "mW"), (LinkFigure::Area, "mm2")] {
        if let Some(found) = noc::link(&data.links, process, (32, 1.0), figure)? {
            let name = found.origins[0].name.clone();
            out.push(FigureRow::new(name, unit, &found));
        }
    }
    let is_hop = |c: &&Constant| c.scope == Scope::PerTerm && c.origin.name.contains(".hop");
    for hop in data.constants.0.iter().filter(is_hop) {
        let node = hop.origin.node_nm.map_or_else(String::new, |n| format!(" at {n} nm"));
        let beside = Sourced::of(hop.origin.clone()).note(format!("published{node}, to compare with"));
        out.push(FigureRow::new(hop.origin.name.clone(), &hop.origin.unit, &beside));
    }
    Ok(out)
}

/// What a table covers, in words: (table, numbers, nodes, source).
pub fn coverage() -> Vec<(&'static str, usize, Vec<u32>, Vec<String>)> {
    let mut out: Vec<(&'static str, usize, Vec<u32>, Vec<String>)> = Vec::new();
    for e in entries() {
        if !out.iter().any(|row| row.0 == e.table) {
            out.push((e.table, 0, Vec::new(), Vec::new()));
        }
        let Some(row) = out.iter_mut().find(|row| row.0 == e.table) else { continue };
        row.1 += 1;
        super::quantity::extend(&mut row.2, e.origin.node_nm);
        super::quantity::extend(&mut row.3, e.origin.sources);
    }
    for row in &mut out {
        row.2.sort_unstable();
        row.3.sort_unstable();
    }
    out
}

/// Names of the cell types.
pub fn cells() -> Vec<&'static str> {
    CELLS.map(cell_name).to_vec()
}
