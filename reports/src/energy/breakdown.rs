//! Energy of a run: every count times its price, summed in integers, so that every breakdown adds up exactly.

use super::price::{Entry, Price, PriceList};
use super::quantity::{extend, Origin};
use pulvinar_ir::counts::{Activity, Component, Counts};
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that happened and has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnpricedTerm {
    /// Activity or static term.
    pub name: String,
    /// Row of the energy table it is missing from.
    pub component: Component,
    /// Counts, or cycles of a static term.
    pub count: u64,
    /// Why there is no price.
    pub why: String,
}

/// Energy of something paid every cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaticEnergy {
    /// Name.
    pub name: String,
    /// Row of the energy table.
    pub component: Component,
    /// Energy over the run, aJ.
    pub aj: u128,
}

/// A constant that went into the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Used {
    /// The number and its sources.
    pub origin: Origin,
    /// Activities and static terms whose price holds it.
    pub terms: Vec<String>,
}

/// Part of the total that goes as a product of constants to powers.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Energy, aJ.
    pub aj: f64,
    /// Constants, as indices into [`EnergyReport::used`], and their powers.
    pub powers: Vec<(usize, f64)>,
}

/// Energy of one run, in attojoules (1e-18 J).
///
/// `total_aj` = Σ `by_component` = Σ `by_activity` + Σ `statics` = Σ `by_layer` + Σ `statics` = Σ `by_timestep` +
/// Σ `statics`, exactly.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EnergyReport {
    /// Everything priced.
    pub total_aj: u128,
    /// Part paid every cycle.
    pub static_aj: u128,
    /// Cycles of the run.
    pub cycles: u64,
    /// By row of the energy table.
    pub by_component: BTreeMap<Component, u128>,
    /// Counted energy by layer.
    pub by_layer: BTreeMap<String, u128>,
    /// Counted energy by layer and component.
    pub by_layer_component: BTreeMap<String, BTreeMap<Component, u128>>,
    /// Counted energy by activity.
    pub by_activity: BTreeMap<Activity, u128>,
    /// Counted energy by timestep.
    pub by_timestep: BTreeMap<u32, u128>,
    /// Terms paid every cycle.
    pub statics: Vec<StaticEnergy>,
    /// What happened and has no price: the total is partial by these.
    pub unpriced: Vec<UnpricedTerm>,
    /// Constants in the total, with their sources.
    pub used: Vec<Used>,
    /// The total as a sum of products of constants; it differs from `total_aj` by the rounding of prices only.
    #[serde(skip)]
    pub shares: Vec<Share>,
    /// Remarks on prices in the total: (term, remark).
    pub notes: Vec<(String, String)>,
}

impl EnergyReport {
    /// Prices the counts of a run. The DRAM's background counts only if the run used the DRAM.
    pub fn new(counts: &Counts, prices: &PriceList) -> Self {
        let mut report = EnergyReport { cycles: counts.cycles, ..EnergyReport::default() };
        for activity in Activity::ALL.iter().filter(|a| counts.total(**a) > 0) {
            if let Some(entry) = prices.get(*activity) {
                report.add_activity(counts, *activity, entry);
            }
        }
        let dram = |a: &&Activity| a.component() == Component::Dram;
        let uses_dram = Activity::ALL.iter().filter(dram).any(|a| counts.total(*a) > 0);
        for term in &prices.statics {
            if counts.cycles > 0 && (uses_dram || term.component != Component::Dram) {
                report.add_static(&term.name, term.component, &term.price);
            }
        }
        report
    }

    /// The total over what it is, if the constants (in the order of `used`) were e^x times what they are.
    pub fn relative_total(&self, logs: &[f64]) -> f64 {
        let varied = |s: &Share| s.aj * s.powers.iter().map(|(i, power)| logs[*i] * power).sum::<f64>().exp();
        let (now, then): (f64, f64) =
            self.shares.iter().fold((0.0, 0.0), |(now, then), s| (now + s.aj, then + varied(s)));
        if now > 0.0 {
            then / now
        } else {
            1.0
        }
    }

    /// BibTeX of every source behind the total.
    pub fn bibtex(&self) -> String {
        let keys: Vec<&String> = self.used.iter().flat_map(|u| &u.origin.sources).collect();
        super::sources::bibtex(&keys)
    }

    fn add_activity(&mut self, counts: &Counts, activity: Activity, entry: &Entry) {
        let component = activity.component();
        let Some(price) = self.enter(activity.name(), component, counts.total(activity), entry) else {
            return;
        };
        for ((layer, timestep), row) in &counts.rows {
            let aj = u128::from(row.get(activity)) * u128::from(price);
            if aj == 0 {
                continue;
            }
            self.total_aj += aj;
            *self.by_component.entry(component).or_default() += aj;
            *self.by_activity.entry(activity).or_default() += aj;
            *self.by_timestep.entry(*timestep).or_default() += aj;
            *self.by_layer.entry(layer.clone()).or_default() += aj;
            let parts = self.by_layer_component.entry(layer.clone()).or_default();
            *parts.entry(component).or_default() += aj;
        }
    }

    fn add_static(&mut self, name: &str, component: Component, entry: &Entry) {
        let Some(price) = self.enter(name, component, self.cycles, entry) else { return };
        let aj = u128::from(self.cycles) * u128::from(price);
        self.total_aj += aj;
        self.static_aj += aj;
        *self.by_component.entry(component).or_default() += aj;
        self.statics.push(StaticEnergy { name: name.to_owned(), component, aj });
    }

    /// Notes the provenance of a term and gives its price, or lists it as unpriced.
    fn enter(&mut self, name: &str, component: Component, count: u64, entry: &Entry) -> Option<u64> {
        let price = match entry {
            Ok(price) => price,
            Err(unpriced) => {
                let (name, why) = (name.to_owned(), unpriced.why.clone());
                self.unpriced.push(UnpricedTerm { name, component, count, why });
                return None;
            }
        };
        for origin in &price.origins {
            match self.used.iter_mut().find(|u| u.origin == *origin) {
                Some(used) => extend(&mut used.terms, [name.to_owned()]),
                None => self.used.push(Used { origin: origin.clone(), terms: vec![name.to_owned()] }),
            }
        }
        self.notes.extend(price.notes.iter().map(|note| (name.to_owned(), note.clone())));
        self.share(price, count);
        Some(price.aj_per_count)
    }

    /// Adds the products of a price to the shares.
    fn share(&mut self, price: &Price, count: u64) {
        for part in &price.parts {
            let index = |name: &str| self.used.iter().position(|u| u.origin.name == name);
            let powers: Vec<(usize, f64)> =
                part.powers.iter().filter_map(|(name, power)| Some((index(name)?, *power))).collect();
            let aj = part.value * count as f64;
            match self.shares.iter_mut().find(|s| s.powers == powers) {
                Some(share) => share.aj += aj,
                None => self.shares.push(Share { aj, powers }),
            }
        }
    }
}
