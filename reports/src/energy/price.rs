//! Prices: attojoules per count of every activity, and per cycle of what is always on.

use super::data::{check_node, Data};
use super::logic::{self, Widths};
use super::memories::macro_set;
use super::noc::{Link, Router, RouterFigure, RouterShape};
use super::quantity::{Origin, PerTerm};
use pulvinar_ir::arch::Arch;
use pulvinar_ir::counts::{Activity, Component, Cost, DramAction, Logic, Memory, RouterAction};
use pulvinar_ir::Result;
use serde::Serialize;

/// Energy of one count (or one cycle), with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// Attojoules (1e-18 J) per count.
    pub aj_per_count: u64,
    /// Numbers it was made from.
    pub origins: Vec<Origin>,
    /// How it was derived from them.
    pub notes: Vec<String>,
}

/// Why something has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpriced {
    /// The reason.
    pub why: String,
}

/// A price or the reason why there is none.
pub type Entry = std::result::Result<Price, Unpriced>;

/// A cost per cycle of the whole chip.
#[derive(Debug, Clone, PartialEq)]
pub struct StaticEntry {
    /// Name in reports.
    pub name: String,
    /// Row of the energy table.
    pub component: Component,
    /// Attojoules per cycle, all instances together.
    pub price: Entry,
}

/// Prices of one architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceList {
    /// By `Activity as usize`; `None` for activities that are not energy events.
    activities: Vec<Option<Entry>>,
    /// What is paid every cycle. DRAM terms apply only to runs that use the DRAM.
    pub statics: Vec<StaticEntry>,
}

impl PriceList {
    /// Prices from the data in the program. Refuses a node without data (`E0621`).
    pub fn new(arch: &Arch, widths: &Widths) -> Result<Self> {
        Self::with(Data::embedded(), arch, widths)
    }

    /// Prices from given data.
    pub fn with(data: &Data, arch: &Arch, widths: &Widths) -> Result<Self> {
        check_node(arch.technology.node_nm)?;
        let chip =
            Chip { data, arch, widths, router: router(data, arch, widths), link: link(data, arch, widths) };
        let mut activities = Vec::with_capacity(Activity::ALL.len());
        for activity in Activity::ALL {
            activities.push(chip.entry(activity.cost())?);
        }
        Ok(PriceList { activities, statics: chip.statics() })
    }

    /// Price of an activity; `None` when it is not an energy event.
    pub fn get(&self, activity: Activity) -> Option<&Entry> {
        self.activities[activity as usize].as_ref()
    }
}

/// The router of the architecture.
pub(super) fn router(data: &Data, arch: &Arch, widths: &Widths) -> Option<Router> {
    data.routers.lookup(RouterShape {
        node_nm: arch.technology.node_nm,
        flit_bits: arch.noc.payload_bits + widths.flit_header,
        virtual_channels: arch.noc.virtual_channels,
        buffer_flits: arch.noc.buffer_flits,
        ports: 4 + arch.mesh.cores_per_tile,
    })
}

/// The link between two tiles of the architecture.
pub(super) fn link(data: &Data, arch: &Arch, widths: &Widths) -> Option<Link> {
    let bits = arch.noc.payload_bits + widths.flit_header;
    data.links.lookup(arch.technology.node_nm, bits, arch.technology.link_mm)
}

/// Links of the mesh, each direction counted.
pub(super) fn link_count(arch: &Arch) -> u64 {
    let (w, h) = (u64::from(arch.mesh.width), u64::from(arch.mesh.height));
    2 * ((w - 1) * h + w * (h - 1))
}

struct Chip<'a> {
    data: &'a Data,
    arch: &'a Arch,
    widths: &'a Widths,
    router: Option<Router>,
    link: Option<Link>,
}

impl Chip<'_> {
    fn entry(&self, cost: Cost) -> Result<Option<Entry>> {
        Ok(Some(match cost {
            Cost::None => return Ok(None),
            Cost::Read(memory) => self.access(memory, true),
            Cost::Write(memory) => self.access(memory, false),
            Cost::Logic(op) => self.logic(op)?,
            Cost::Router(action) => self.router(action),
            Cost::Dram(action) => self.dram(action),
        }))
    }

    fn access(&self, memory: Memory, read: bool) -> Entry {
        let set = macro_set(&self.data.sram, self.arch, memory)
            .ok_or_else(|| unpriced(format!("the {} has no capacity", memory.name())))?;
        let figures = &set.unit.figures;
        let (name, pj) = if read { ("read", figures.read_pj) } else { ("write", figures.write_pj) };
        let origin = set.unit.origin(name, pj, "pJ");
        price(&PerTerm::new(pj, vec![origin]).times(set.per_access as f64).notes(set.unit.notes.clone()))
    }

    fn logic(&self, op: Logic) -> Result<Entry> {
        let node = self.arch.technology.node_nm;
        if let Some(term) = logic::energy(&self.data.constants, op, self.widths, node)? {
            return Ok(price(&term));
        }
        let bits = f64::from(self.widths.gate);
        let kib = f64::from(self.widths.sigmoid_entries) * bits / 8192.0;
        let Some(table) = self.data.sram.lookup(self.arch.technology.sram_cell, node, kib, bits) else {
            return Ok(Err(unpriced("there are no SRAM data for the sigmoid table")));
        };
        let pj = table.figures.read_pj;
        let term = PerTerm::new(pj, vec![table.origin("read", pj, "pJ")]).notes(table.notes.clone());
        Ok(price(&term.note("sigmoid table taken as an SRAM macro")))
    }

    fn router(&self, action: RouterAction) -> Entry {
        let figure = match action {
            RouterAction::BufferWrite => RouterFigure::BufferWrite,
            RouterAction::BufferRead => RouterFigure::BufferRead,
            RouterAction::Crossbar => RouterFigure::Crossbar,
            RouterAction::Arbitration => RouterFigure::Arbitration,
            RouterAction::Link => {
                let link = self.link.as_ref().ok_or_else(|| unpriced("technology.link_mm is 0"))?;
                return price(&link.energy());
            }
        };
        let router = self.router.as_ref().ok_or_else(|| unpriced("there are no router data for the node"))?;
        price(&router.energy(figure))
    }

    fn dram(&self, action: DramAction) -> Entry {
        let dram = &self.arch.dram;
        let costs = self.data.dram.costs(&dram.kind).ok_or_else(|| self.no_dram())?;
        let t_refi_ns = f64::from(dram.t_refi_cycles) * 1e3 / self.arch.technology.clock_mhz;
        price(&costs.energy(action, dram.burst_bytes, t_refi_ns))
    }

    fn no_dram(&self) -> Unpriced {
        let kinds = self.data.dram.kinds().join(", ");
        unpriced(format!("there are no data for dram.kind = {}; there are for {kinds}", self.arch.dram.kind))
    }

    /// Leakage, clock and background, per cycle.
    fn statics(&self) -> Vec<StaticEntry> {
        let mut out = Vec::new();
        let cores = u64::from(self.arch.cores());
        for memory in Memory::ALL {
            if let Some(set) = macro_set(&self.data.sram, self.arch, memory) {
                let mw = set.unit.figures.leak_mw;
                let term = self.power(mw, set.unit.origin("leakage", mw, "mW"), cores * set.macros);
                out.push(leakage(memory.name(), price(&term.notes(set.unit.notes.clone()))));
            }
        }
        out.extend(self.network_statics());
        out.push(StaticEntry {
            name: "DRAM background".to_owned(),
            component: Component::Dram,
            price: self.data.dram.costs(&self.arch.dram.kind).ok_or_else(|| self.no_dram()).and_then(|c| {
                let term = self.power(c.background_mw, c.origin("background", c.background_mw, "mW"), 1);
                price(&if c.note.is_empty() { term } else { term.note(c.note.clone()) })
            }),
        });
        out.push(leakage("core logic", Err(unpriced("no source for the leakage of the cores' logic"))));
        out.push(StaticEntry {
            name: "clock of cores and memories".to_owned(),
            component: Component::Clock,
            price: Err(unpriced("no source for the clock tree of the cores")),
        });
        out
    }

    fn network_statics(&self) -> Vec<StaticEntry> {
        let mut out = Vec::new();
        let tiles = u64::from(self.arch.tiles());
        if let Some(router) = &self.router {
            let figure = RouterFigure::Leakage;
            let term = self.power(router.value(figure), router.origin(figure), tiles);
            out.push(leakage("routers", price(&term.notes(router.notes(figure)))));
            let clock = router.energy(RouterFigure::Clock).times(tiles as f64);
            out.push(StaticEntry {
                name: "clock of routers".to_owned(),
                component: Component::Clock,
                price: price(&clock.note(format!("{tiles} instances"))),
            });
        }
        if let Some(link) = self.link.as_ref().filter(|_| link_count(self.arch) > 0) {
            let mw = link.point.leak_mw;
            let term = self.power(mw, link.origin("leakage", mw, "mW"), link_count(self.arch));
            out.push(leakage("links", price(&term)));
        }
        out
    }

    /// Energy per cycle of `instances` things of `mw` each: 1 mW / 1 MHz = 1 nJ = 1000 pJ.
    fn power(&self, mw: f64, origin: Origin, instances: u64) -> PerTerm {
        let pj = mw * 1e3 / self.arch.technology.clock_mhz * instances as f64;
        PerTerm::new(pj, vec![origin]).note(format!("{instances} instances"))
    }
}

fn leakage(what: &str, price: Entry) -> StaticEntry {
    StaticEntry { name: format!("leakage of {what}"), component: Component::Leakage, price }
}

fn unpriced(why: impl Into<String>) -> Unpriced {
    Unpriced { why: why.into() }
}

/// Rounds to whole attojoules, half away from zero. An energy that is not positive is no price.
fn price(term: &PerTerm) -> Entry {
    let aj = (term.pj() * 1e6).round();
    if !(1.0..1e18).contains(&aj) {
        return Err(unpriced(format!("{} pJ is not an energy", term.pj())));
    }
    Ok(Price { aj_per_count: aj as u64, origins: term.origins.clone(), notes: term.notes.clone() })
}
