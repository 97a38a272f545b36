//! Area of the chip: SRAM macros and routers from the tables, arithmetic lanes from standard-cell blocks.

use super::data::Data;
use super::logic::Widths;
use super::memories::macro_set;
use super::noc::{self, LinkFigure, RouterFigure};
use super::price::{link_count, link_shape, router_shape};
use super::process::{Kind, Process, BLOCKS_NM};
use super::quantity::{extend, Origin, Sourced};
use super::sram::Figure;
use pulvinar_ir::arch::Arch;
use pulvinar_ir::counts::Memory;
use pulvinar_ir::Result;
use serde::Serialize;

/// One kind of block on the chip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AreaItem {
    /// Name.
    pub name: String,
    /// Copies on the chip.
    pub instances: u64,
    /// Area of one, mm².
    pub mm2_each: f64,
    /// Numbers it was made from.
    pub origins: Vec<Origin>,
    /// How it was derived from them.
    pub notes: Vec<String>,
}

/// Area of a chip. Wiring between blocks and empty space are not in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AreaReport {
    /// Sum of the items, mm².
    pub total_mm2: f64,
    /// Blocks with a source.
    pub items: Vec<AreaItem>,
    /// Blocks without one: the total is partial by these.
    pub unpriced: Vec<String>,
}

impl AreaItem {
    fn new(name: &str, instances: u64, mm2: Sourced) -> Self {
        let mm2_each = mm2.value();
        AreaItem { name: name.to_owned(), instances, mm2_each, origins: mm2.origins, notes: mm2.notes }
    }

    /// Area of all instances, mm².
    pub fn mm2(&self) -> f64 {
        self.mm2_each * self.instances as f64
    }
}

impl AreaReport {
    /// Area from the data in the program. Refuses a process without data (see [`Process::new`]).
    pub fn new(arch: &Arch, widths: &Widths) -> Result<Self> {
        Self::with(Data::embedded(), arch, widths)
    }

    /// Area from given data.
    pub fn with(data: &Data, arch: &Arch, widths: &Widths) -> Result<Self> {
        let process = Process::new(&data.constants, &arch.technology)?;
        let mut items = memories(data, arch, &process)?;
        items.extend(network(data, arch, widths, &process)?);
        items.extend(lanes(arch, widths, &process)?);
        let unpriced = [
            "control and pipeline registers of the cores",
            "network interfaces",
            "memory controller",
            "host port",
        ];
        Ok(AreaReport {
            total_mm2: items.iter().map(AreaItem::mm2).sum(),
            items,
            unpriced: unpriced.map(str::to_owned).to_vec(),
        })
    }
}

fn memories(data: &Data, arch: &Arch, process: &Process) -> Result<Vec<AreaItem>> {
    let mut items = Vec::new();
    for memory in Memory::ALL {
        let Some(set) = macro_set(arch, memory) else { continue };
        if let Some(mm2) = set.sourced(data, process, Figure::Area)? {
            items.push(AreaItem::new(memory.name(), u64::from(arch.cores()) * set.macros, mm2));
        }
    }
    Ok(items)
}

fn network(data: &Data, arch: &Arch, widths: &Widths, process: &Process) -> Result<Vec<AreaItem>> {
    let router = noc::router(&data.routers, process, router_shape(arch, widths), RouterFigure::Area)?;
    let link = noc::link(&data.links, process, link_shape(arch, widths), LinkFigure::Area)?;
    let router = router.map(|mm2| AreaItem::new("router", u64::from(arch.tiles()), mm2));
    let link = link.map(|mm2| AreaItem::new("link repeaters", link_count(arch), mm2));
    Ok(router.into_iter().chain(link).collect())
}

/// Lanes of the three engines. Adders and comparators are linear in their width, multipliers in their partial
/// products.
fn lanes(arch: &Arch, widths: &Widths, process: &Process) -> Result<Vec<AreaItem>> {
    let w = widths;
    let linear = |bits: u32| f64::from(bits) / 32.0;
    let product = |a: u32, b: u32| f64::from(a) * f64::from(b) / 1024.0;
    let (add, mul, cmp) = ("adder_32_area", "multiplier_32_area", "comparator_32_area");
    let synapse = [(mul, product(w.event_value, w.weight)), (add, linear(w.accumulator))];
    let update = [
        (mul, product(w.state, w.leak) + product(w.gate, w.accumulator)),
        (add, linear(w.state)),
        (cmp, linear(w.state)),
    ];
    let attention =
        [(mul, product(w.statistic, w.weight)), (add, linear(w.statistic)), (cmp, linear(w.statistic))];
    let core = &arch.core;
    [
        ("lane of the synapse engine", core.lanes, &synapse[..]),
        ("lane of the update engine", core.lanes, &update[..]),
        ("lane of the attention engine", core.attention_lanes, &attention[..]),
    ]
    .into_iter()
    .map(|(name, lanes, blocks)| {
        let instances = u64::from(arch.cores()) * u64::from(lanes);
        lane(name, instances, blocks, process)
    })
    .collect()
}

fn lane(name: &str, instances: u64, blocks: &[(&str, f64)], process: &Process) -> Result<AreaItem> {
    let (mut um2, mut origins) = (0.0, Vec::<Origin>::new());
    for (block, times) in blocks {
        let constant = process.constants().get(block)?;
        um2 += constant.origin.value * times;
        extend(&mut origins, [constant.origin.clone()]);
    }
    let first = Sourced::of(origins[0].clone()).times(um2 / origins[0].value);
    let all = first.scaled(1.0, origins);
    let scaled = process.scale(all, Kind::LogicArea, BLOCKS_NM)?.note("from blocks of 32 bits");
    Ok(AreaItem::new(name, instances, scaled.times(1e-6)))
}
