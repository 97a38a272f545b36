//! Prices: attojoules per count of every activity, and per cycle of what is always on.

use super::data::Data;
use super::logic::{self, Widths};
use super::memories::{self, macro_set};
use super::noc::{self, LinkFigure, RouterFigure, RouterShape};
use super::process::Process;
use super::quantity::{Monomial, Origin, PerTerm, Sourced};
use super::sram::Figure;
use pulvinar_ir::arch::Arch;
use pulvinar_ir::counts::{Activity, Component, Cost, DramAction, Logic, Memory, RouterAction, Row};
use pulvinar_ir::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// Energy of one count (or one cycle), with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// Attojoules (1e-18 J) per count.
    pub aj_per_count: u64,
    /// Products that add up to it, aJ, before it is rounded.
    pub parts: Vec<Monomial>,
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

/// Energy of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Total {
    /// Everything priced, aJ.
    pub total_aj: u128,
    /// Part paid every cycle, aJ.
    pub static_aj: u128,
    /// By row of the energy table, aJ; rows without energy are left out.
    pub by_component: BTreeMap<Component, u128>,
    /// Activities and static terms that happened and have no price.
    pub unpriced: usize,
}

impl Total {
    fn add(&mut self, component: Component, entry: &Entry, count: u64) {
        let Ok(price) = entry else {
            self.unpriced += 1;
            return;
        };
        let aj = u128::from(count) * u128::from(price.aj_per_count);
        self.total_aj += aj;
        *self.by_component.entry(component).or_default() += aj;
    }
}

impl PriceList {
    /// Prices from the data in the program. Refuses a process without data (see [`Process::new`]).
    pub fn new(arch: &Arch, widths: &Widths) -> Result<Self> {
        Self::with(Data::embedded(), arch, widths)
    }

    /// Prices from given data.
    pub fn with(data: &Data, arch: &Arch, widths: &Widths) -> Result<Self> {
        let process = Process::new(&data.constants, &arch.technology)?;
        let chip = Chip { data, arch, widths, process };
        let mut activities = Vec::with_capacity(Activity::ALL.len());
        for activity in Activity::ALL {
            activities.push(chip.entry(activity.cost())?);
        }
        Ok(PriceList { activities, statics: chip.statics()? })
    }

    /// Energy of a run: the total of [`EnergyReport`](super::EnergyReport) without its parts. The DRAM's background counts
    /// only if the run used the DRAM.
    pub fn total(&self, counts: &Row, cycles: u64) -> Total {
        let mut total = Total::default();
        let mut uses_dram = false;
        for activity in Activity::ALL.iter().filter(|a| counts.get(**a) > 0) {
            uses_dram |= activity.component() == Component::Dram;
            if let Some(entry) = self.get(*activity) {
                total.add(activity.component(), entry, counts.get(*activity));
            }
        }
        let counted = total.total_aj;
        let paid = |term: &&StaticEntry| cycles > 0 && (uses_dram || term.component != Component::Dram);
        self.statics.iter().filter(paid).for_each(|term| total.add(term.component, &term.price, cycles));
        total.static_aj = total.total_aj - counted;
        total
    }

    /// Price of an activity; `None` when it is not an energy event.
    pub fn get(&self, activity: Activity) -> Option<&Entry> {
        self.activities[activity as usize].as_ref()
    }
}

/// The router of the architecture.
pub(super) fn router_shape(arch: &Arch, widths: &Widths) -> RouterShape {
    RouterShape {
        node_nm: arch.technology.node_nm,
        flit_bits: arch.noc.payload_bits + widths.flit_header,
        virtual_channels: arch.noc.virtual_channels,
        buffer_flits: arch.noc.buffer_flits,
        ports: 4 + arch.mesh.cores_per_tile,
    }
}

/// The link between two tiles of the architecture: (bits, mm).
pub(super) fn link_shape(arch: &Arch, widths: &Widths) -> (u32, f64) {
    (arch.noc.payload_bits + widths.flit_header, arch.technology.link_mm)
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
    process: Process<'a>,
}

impl Chip<'_> {
    fn entry(&self, cost: Cost) -> Result<Option<Entry>> {
        Ok(Some(match cost {
            Cost::None => return Ok(None),
            Cost::Read(memory) => self.access(memory, Figure::Read)?,
            Cost::Write(memory) => self.access(memory, Figure::Write)?,
            Cost::Logic(op) => self.logic(op)?,
            Cost::Router(action) => self.router(action)?,
            Cost::Dram(action) => self.dram(action),
        }))
    }

    fn access(&self, memory: Memory, figure: Figure) -> Result<Entry> {
        let Some(set) = macro_set(self.arch, memory) else {
            return Ok(Err(unpriced(format!("the {} has no capacity", memory.name()))));
        };
        let one = set.sourced(self.data, &self.process, figure)?;
        Ok(priced(one.map(|one| one.times(set.per_access as f64)), || {
            "there are no SRAM data for it".to_owned()
        }))
    }

    fn logic(&self, op: Logic) -> Result<Entry> {
        if let Some(term) = logic::energy(op, self.widths, &self.process)? {
            return Ok(price(&term));
        }
        let bits = f64::from(self.widths.gate);
        let kib = f64::from(self.widths.sigmoid_entries) * bits / 8192.0;
        let table = memories::sourced(&self.data.sram, &self.process, (kib, bits), Figure::Read)?;
        let table = table.map(|t| t.note("sigmoid table taken as an SRAM macro"));
        Ok(priced(table, || "there are no SRAM data for the sigmoid table".to_owned()))
    }

    fn router(&self, action: RouterAction) -> Result<Entry> {
        let figure = match action {
            RouterAction::BufferWrite => RouterFigure::BufferWrite,
            RouterAction::BufferRead => RouterFigure::BufferRead,
            RouterAction::Crossbar => RouterFigure::Crossbar,
            RouterAction::Arbitration => RouterFigure::Arbitration,
            RouterAction::Link => {
                return Ok(priced(self.link_figure(LinkFigure::Flit)?, || {
                    "technology.link_mm is 0".to_owned()
                }));
            }
        };
        Ok(priced(self.router_figure(figure)?, || "there are no router data for the node".to_owned()))
    }

    fn router_figure(&self, figure: RouterFigure) -> Result<Option<Sourced>> {
        noc::router(&self.data.routers, &self.process, router_shape(self.arch, self.widths), figure)
    }

    fn link_figure(&self, figure: LinkFigure) -> Result<Option<Sourced>> {
        noc::link(&self.data.links, &self.process, link_shape(self.arch, self.widths), figure)
    }

    fn dram(&self, action: DramAction) -> Entry {
        let dram = &self.arch.dram;
        let costs = self.data.dram.costs(&dram.kind).ok_or_else(|| self.no_dram())?;
        let t_refi_ns = f64::from(dram.t_refi_cycles) * 1e3 / self.arch.technology.clock_mhz;
        price(&PerTerm::new(costs.energy(action, dram.burst_bytes, t_refi_ns)))
    }

    fn no_dram(&self) -> Unpriced {
        let kinds = self.data.dram.kinds().join(", ");
        unpriced(format!("there are no data for dram.kind = {}; there are for {kinds}", self.arch.dram.kind))
    }

    /// Leakage, clock and background, per cycle.
    fn statics(&self) -> Result<Vec<StaticEntry>> {
        let mut out = Vec::new();
        let cores = u64::from(self.arch.cores());
        for memory in Memory::ALL {
            let Some(set) = macro_set(self.arch, memory) else { continue };
            let one = set.sourced(self.data, &self.process, Figure::Leakage)?;
            let all = one.map(|one| self.power(one, cores * set.macros));
            out.push(leakage(memory.name(), priced(all, || "there are no SRAM data for it".to_owned())));
        }
        out.extend(self.network_statics()?);
        let dram = self.data.dram.costs(&self.arch.dram.kind).ok_or_else(|| self.no_dram());
        out.push(StaticEntry {
            name: "DRAM background".to_owned(),
            component: Component::Dram,
            price: dram.and_then(|c| price(&PerTerm::new(self.power(c.background(), 1)))),
        });
        out.push(leakage("core logic", Err(unpriced("no source for the leakage of the cores' logic"))));
        out.push(StaticEntry {
            name: "clock of cores and memories".to_owned(),
            component: Component::Clock,
            price: Err(unpriced("no source for the clock tree of the cores")),
        });
        Ok(out)
    }

    fn network_statics(&self) -> Result<Vec<StaticEntry>> {
        let mut out = Vec::new();
        let tiles = u64::from(self.arch.tiles());
        if let Some(leak) = self.router_figure(RouterFigure::Leakage)? {
            out.push(leakage("routers", price(&PerTerm::new(self.power(leak, tiles)))));
        }
        if let Some(clock) = self.router_figure(RouterFigure::Clock)? {
            let all = clock.times(tiles as f64).note(format!("{tiles} instances"));
            out.push(StaticEntry {
                name: "clock of routers".to_owned(),
                component: Component::Clock,
                price: price(&PerTerm::new(all)),
            });
        }
        let links = link_count(self.arch);
        if let Some(leak) = self.link_figure(LinkFigure::Leakage)?.filter(|_| links > 0) {
            out.push(leakage("links", price(&PerTerm::new(self.power(leak, links)))));
        }
        Ok(out)
    }

    /// Energy in pJ per cycle of `instances` things of so many mW each: 1 mW / 1 MHz = 1 nJ = 1000 pJ.
    fn power(&self, mw: Sourced, instances: u64) -> Sourced {
        let per_mw = 1e3 / self.arch.technology.clock_mhz * instances as f64;
        mw.times(per_mw).note(format!("{instances} instances"))
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
    let from = term.sourced();
    let parts = from.parts.iter().map(|p| Monomial { value: p.value * 1e6, powers: p.powers.clone() });
    Ok(Price {
        aj_per_count: aj as u64,
        parts: parts.collect(),
        origins: from.origins.clone(),
        notes: from.notes.clone(),
    })
}

/// The price of an energy in pJ, or why there is none.
fn priced(pj: Option<Sourced>, why: impl FnOnce() -> String) -> Entry {
    price(&PerTerm::new(pj.ok_or_else(|| unpriced(why()))?))
}
