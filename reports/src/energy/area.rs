//! Area of the chip: SRAM macros and routers from the tables, arithmetic lanes from standard-cell blocks.

use super::constants::Constants;
use super::data::{check_node, Data};
use super::logic::{area_scale, Widths};
use super::memories::macro_set;
use super::noc::RouterFigure;
use super::price::{link, link_count, router};
use super::quantity::{extend, Origin};
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
    /// Area of all instances, mm².
    pub fn mm2(&self) -> f64 {
        self.mm2_each * self.instances as f64
    }
}

impl AreaReport {
    /// Area from the data in the program. Refuses a node without data (`E0621`).
    pub fn new(arch: &Arch, widths: &Widths) -> Result<Self> {
        Self::with(Data::embedded(), arch, widths)
    }

    /// Area from given data.
    pub fn with(data: &Data, arch: &Arch, widths: &Widths) -> Result<Self> {
        check_node(arch.technology.node_nm)?;
        let mut items = memories(data, arch);
        items.extend(network(data, arch, widths));
        items.extend(lanes(&data.constants, arch, widths)?);
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

fn memories(data: &Data, arch: &Arch) -> Vec<AreaItem> {
    let item = |memory| {
        let set = macro_set(&data.sram, arch, memory)?;
        let mm2 = set.unit.figures.area_mm2;
        Some(AreaItem {
            name: memory.name().to_owned(),
            instances: u64::from(arch.cores()) * set.macros,
            mm2_each: mm2,
            origins: vec![set.unit.origin("area", mm2, "mm2")],
            notes: set.unit.notes,
        })
    };
    Memory::ALL.into_iter().filter_map(item).collect()
}

fn network(data: &Data, arch: &Arch, widths: &Widths) -> Vec<AreaItem> {
    let router = router(data, arch, widths).map(|r| AreaItem {
        name: "router".to_owned(),
        instances: u64::from(arch.tiles()),
        mm2_each: r.value(RouterFigure::Area),
        origins: vec![r.origin(RouterFigure::Area)],
        notes: r.notes(RouterFigure::Area),
    });
    let link = link(data, arch, widths).map(|l| AreaItem {
        name: "link repeaters".to_owned(),
        instances: link_count(arch),
        mm2_each: l.point.area_mm2,
        origins: vec![l.origin("area", l.point.area_mm2, "mm2")],
        notes: Vec::new(),
    });
    router.into_iter().chain(link).collect()
}

/// Lanes of the three engines. Adders and comparators are linear in their width, multipliers in their partial
/// products.
fn lanes(constants: &Constants, arch: &Arch, widths: &Widths) -> Result<Vec<AreaItem>> {
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
        lane(constants, name, instances, blocks, arch.technology.node_nm)
    })
    .collect()
}

fn lane(
    constants: &Constants,
    name: &str,
    instances: u64,
    blocks: &[(&str, f64)],
    node_nm: u32,
) -> Result<AreaItem> {
    let (factor, scaling) = area_scale(constants, 40, node_nm)?;
    let (mut um2, mut origins) = (0.0, Vec::new());
    for (block, times) in blocks {
        let constant = constants.get(block)?;
        um2 += constant.origin.value * times;
        origins.push(constant.origin.clone());
    }
    extend(&mut origins, scaling);
    let notes = vec!["scaled from 40 nm and 32-bit blocks".to_owned()];
    Ok(AreaItem { name: name.to_owned(), instances, mm2_each: um2 * factor * 1e-6, origins, notes })
}
