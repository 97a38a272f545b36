//! Structures of the zoo as workloads of one rate.

use pulvinar_ir::Graph;
use pulvinar_models::zoo::build::{self, Fill, Setting};
use pulvinar_models::zoo::census::Census;
use pulvinar_reports::energy::papers::{self, PaperEnergy, Stem, Terms};
use pulvinar_reports::energy::workload::{ModuleCost, Rate};
use pulvinar_reports::energy::{estimators, Estimate, EstimatorInput, Workload};

/// A structure and its counts.
pub struct Net {
    graph: Graph,
    /// Counts.
    pub census: Census,
    modules: Vec<ModuleCost>,
}

/// Rates of a workload.
#[derive(Clone, Copy)]
pub struct Rates {
    /// Of every layer of neurons.
    pub own: f64,
    /// The same without attention.
    pub without: f64,
    /// Of the sample.
    pub input: f64,
}

impl Rates {
    /// One rate, and a sample that is all there.
    pub fn of(rate: f64) -> Self {
        Rates { own: rate, without: rate, input: 1.0 }
    }
}

impl Net {
    /// The published structure.
    pub fn of(name: &str) -> Self {
        Self::with(name, |s| s)
    }

    /// The structure with another setting.
    pub fn with(name: &str, change: fn(Setting) -> Setting) -> Self {
        let builder = build::find(name).unwrap_or_else(|| panic!("no structure `{name}`"));
        let graph = (builder.build)(&change(builder.setting), Fill::Zeros).unwrap();
        let census = Census::of(&graph).unwrap();
        let cost = |a: &pulvinar_models::zoo::census::Attention| ModuleCost {
            name: a.name.clone(),
            macs: a.macs_by_branch,
            gate_multiplies: a.gate_multiplies,
        };
        let modules = census.attention.iter().map(cost).collect();
        Net { graph, census, modules }
    }

    /// Timesteps.
    pub fn timesteps(&self) -> u64 {
        self.graph.timesteps as u64
    }

    /// The workload at these rates.
    pub fn work(&self, rates: Rates) -> Workload {
        let input = self.graph.node(self.graph.input().unwrap()).name.clone();
        let of = |name: &str| {
            if name == input {
                Rate::same(rates.input)
            } else {
                Rate { own: rates.own, without_attention: rates.without }
            }
        };
        Workload::of(&self.graph, &of, &self.modules)
    }

    /// The papers' formula at these rates.
    pub fn paper(&self, rates: Rates, terms: Terms) -> PaperEnergy {
        papers::energy(&self.work(rates), terms).unwrap()
    }

    /// The papers' formula, mJ.
    pub fn paper_mj(&self, rate: f64, terms: Terms) -> f64 {
        self.paper(Rates::of(rate), terms).total_pj * 1e-9
    }

    /// The one rate at which the papers' formula gives this energy: it is a straight line in the rate.
    pub fn implied_rate(&self, mj: f64, terms: Terms) -> f64 {
        let (silent, full) = (self.paper_mj(0.0, terms), self.paper_mj(1.0, terms));
        (mj - silent) / (full - silent)
    }

    /// The dense artificial network of the same layers, mJ.
    pub fn ann_mj(&self) -> f64 {
        self.estimate("ann-equivalent", Rates::of(0.0)).total_pj * 1e-9
    }

    /// An estimator.
    pub fn estimate(&self, name: &str, rates: Rates) -> Estimate {
        estimate(name, self.work(rates))
    }
}

/// An estimator on a workload.
pub fn estimate(name: &str, workload: Workload) -> Estimate {
    let input = EstimatorInput { workload, ..EstimatorInput::default() };
    (estimators::estimator(name).unwrap().estimate)(&input).unwrap()
}

/// Terms without attention and shortcuts.
pub fn bare(stem: Stem) -> Terms {
    Terms { stem, attention: false, ..Terms::default() }
}

/// Terms with attention.
pub fn attentive(stem: Stem) -> Terms {
    Terms { attention: true, ..bare(stem) }
}
