//! Energy and area as plain numbers.

use crate::energy::break_even::Verdict;
use crate::energy::{estimators, Estimate, Network};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Energy of one inference, pJ. `total_pj` is the sum of `by_component` and the sum of `by_layer`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Energy {
    /// Everything priced.
    pub total_pj: f64,
    /// How sure the total is, by the evidence of its constants.
    #[serde(default)]
    pub uncertainty: Option<Interval>,
    /// Part paid every cycle: leakage, clock, DRAM background.
    pub static_pj: f64,
    /// By part of the chip.
    pub by_component: Vec<ComponentEnergy>,
    /// By layer and part; `noc`, `dram`, `host` and `static` are rows beside the layers.
    pub by_layer: Vec<LayerEnergy>,
    /// By activity, counted part only.
    pub by_activity: Vec<ActivityEnergy>,
    /// What is paid every cycle: leakage, clock, DRAM background, pJ.
    pub statics_pj: Vec<Term>,
    /// By timestep, counted part only.
    pub by_timestep: Vec<StepEnergy>,
    /// What happened and has no price: the total is partial by these.
    pub unpriced: Vec<UnpricedRow>,
    /// Estimators side by side.
    pub estimates: Vec<EstimateRow>,
    /// The network against published limits below which a spiking network is said to cost less.
    #[serde(default)]
    pub break_even: Vec<BreakEvenRow>,
    /// Published energies of one synaptic operation on real chips, to compare with, never to add.
    pub published: Vec<Published>,
    /// Remarks on prices.
    pub notes: Vec<String>,
}

/// Interval of the total over draws of its constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// 5th percentile, pJ.
    pub p5_pj: f64,
    /// Median, pJ.
    pub p50_pj: f64,
    /// 95th percentile, pJ.
    pub p95_pj: f64,
    /// Draws.
    pub draws: u32,
    /// Seed of the draws.
    pub seed: u64,
    /// What one constant moves, the most first.
    pub swings: Vec<SwingRow>,
}

/// Totals when one constant, or a family that is wrong together, moves by one spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwingRow {
    /// Constant or family.
    pub constant: String,
    /// Standard deviation of the logarithm of its true value.
    pub spread: f64,
    /// Total at one spread below, pJ.
    pub down_pj: f64,
    /// Total at one spread above, pJ.
    pub up_pj: f64,
}

/// Energy of one part of the chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentEnergy {
    /// Part.
    pub component: String,
    /// Energy, pJ.
    pub energy_pj: f64,
}

/// Energy of one layer by part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerEnergy {
    /// Layer.
    pub layer: String,
    /// Sum of the parts, pJ.
    pub energy_pj: f64,
    /// Parts.
    pub parts: Vec<ComponentEnergy>,
}

/// Count and energy of one activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityEnergy {
    /// Activity.
    pub activity: String,
    /// Part of the chip.
    pub component: String,
    /// Counts per inference.
    pub count: f64,
    /// Energy, pJ.
    pub energy_pj: f64,
}

/// Counted energy of one timestep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepEnergy {
    /// Timestep.
    pub timestep: u32,
    /// Energy, pJ.
    pub energy_pj: f64,
}

/// Something that happened and has no price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnpricedRow {
    /// Activity or static term.
    pub name: String,
    /// Part of the chip it is missing from.
    pub component: String,
    /// Counts (cycles for a static term) per inference.
    pub count: f64,
    /// Why there is no price.
    pub why: String,
}

/// Energy of one inference by one estimator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EstimateRow {
    /// Estimator.
    pub estimator: String,
    /// What it is, one line.
    pub about: String,
    /// Energy, pJ.
    pub total_pj: f64,
    /// Terms, pJ; they add up to the total.
    pub terms_pj: Vec<Term>,
    /// What it does not count.
    pub leaves_out: Vec<String>,
    /// Energy efficiency of attention (ratio), where the estimator defines it.
    pub attention_efficiency: Option<f64>,
    /// Keys of its sources.
    pub sources: Vec<String>,
    /// Of these, those of the formula; the others are of constants. Empty for ours.
    #[serde(default)]
    pub formula_sources: Vec<String>,
    /// True if it prices an artificial network of the same layers.
    #[serde(default)]
    pub artificial: bool,
}

impl EstimateRow {
    /// An estimate with what the registry says of its estimator.
    pub fn of(estimate: &Estimate) -> Self {
        let known = estimators::estimator(estimate.estimator);
        let of_formula = known.map_or(&[][..], |e| e.sources).iter().chain(&estimate.choice_sources);
        let formula: Vec<String> = of_formula.map(|key| (*key).to_owned()).collect();
        let about =
            [known.map_or("", |e| e.doc)].into_iter().chain(estimate.choices.iter().map(String::as_str));
        let constants = estimate.origins.iter().flat_map(|o| o.sources.iter().cloned());
        let mut sources: Vec<String> = constants.chain(formula.iter().cloned()).collect();
        sources.sort_unstable();
        sources.dedup();
        EstimateRow {
            estimator: estimate.estimator.to_owned(),
            about: about.collect::<Vec<_>>().join("; "),
            total_pj: estimate.total_pj,
            terms_pj: estimate
                .terms
                .iter()
                .map(|(name, pj)| Term { name: name.clone(), value: *pj })
                .collect(),
            leaves_out: estimate.leaves_out.clone(),
            attention_efficiency: estimate.r_ee,
            sources,
            formula_sources: formula,
            artificial: known.is_some_and(|e| e.network == Network::Artificial),
        }
    }
}

/// A network against one published limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakEvenRow {
    /// What is compared.
    pub quantity: String,
    /// Unit of value and limits.
    pub unit: String,
    /// Of this network.
    pub value: f64,
    /// The limit; the lower of two where it depends on the hardware.
    pub low: f64,
    /// The upper of two limits, or the same as `low`.
    pub high: f64,
    /// `below`, `between` or `above`.
    pub side: String,
    /// Keys of its sources.
    pub sources: Vec<String>,
}

impl BreakEvenRow {
    /// A verdict.
    pub fn of(verdict: &Verdict) -> Self {
        let mut sources: Vec<String> =
            verdict.origins.iter().flat_map(|o| o.sources.iter().cloned()).collect();
        sources.sort_unstable();
        sources.dedup();
        BreakEvenRow {
            quantity: verdict.quantity.to_owned(),
            unit: verdict.origins.first().map_or_else(String::new, |o| o.unit.clone()),
            value: verdict.value,
            low: verdict.limits.0,
            high: verdict.limits.1,
            side: verdict.side.name().to_owned(),
            sources,
        }
    }

    /// The limit in words.
    pub fn limit(&self) -> String {
        if self.low < self.high {
            format!("{} to {}", self.low, self.high)
        } else {
            self.low.to_string()
        }
    }

    /// Which network costs less by this limit.
    pub fn cheaper(&self) -> &'static str {
        match self.side.as_str() {
            "below" => "spiking",
            "above" => "artificial",
            _ => "by hardware",
        }
    }
}

/// A named value; the unit is that of the field that holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Name.
    pub name: String,
    /// Value.
    pub value: f64,
}

/// A published energy of one synaptic operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Name of the constant.
    pub name: String,
    /// Energy of one synaptic operation, pJ.
    pub energy_pj: f64,
    /// Process node, nm.
    pub node_nm: Option<u32>,
    /// True if idle power, fetches and hops are folded in.
    pub all_in: bool,
    /// Evidence.
    pub grade: String,
    /// Keys of the bibliography.
    pub sources: Vec<String>,
}

/// Area of the chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Sum of the rows, mm².
    pub total_mm2: f64,
    /// Blocks with a source.
    pub rows: Vec<AreaRow>,
    /// Blocks without one: the total is partial by these.
    pub unpriced: Vec<String>,
}

/// Area of one kind of block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaRow {
    /// Block.
    pub block: String,
    /// Copies on the chip.
    pub instances: u64,
    /// All copies, mm².
    pub area_mm2: f64,
}
