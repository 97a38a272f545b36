//! Estimator `prosperity-lumped`: a constant power of the chip over the time it takes, and a constant energy of a bit of external
//! memory (`wei2025prosperity`), with the figures of the six accelerators of its simulator at 28 nm and 500 MHz:
//!
//! ```text
//! E = P·t + 12.45 pJ/bit · bits · ratio
//! ```
//!
//! | | Prosperity | Eyeriss | PTB | SATO | MINT | Stellar |
//! |---|---|---|---|---|---|---|
//! | P, mW | 446.5 | 1410.5 | 982 | 319.5 | 396.3 | 834 |
//! | ratio | 1 | 5.47 | 2.53 | 4.85 | 3.12 | 1.23 |
//!
//! The bits are those of Prosperity; the ratio is what another accelerator moves in their place. Time and bits come from a simulated run or
//! are given: the formula has no activity of its own, so it says as much as they do.

use super::data::Data;
use super::estimators::{lacks, Estimate, Estimator, EstimatorInput, Network};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "prosperity-lumped",
    doc: "power of an accelerator times the time, and 12.45 pJ per bit of DRAM, of a run or as given",
    network: Network::Spiking,
    sources: &["wei2025prosperity"],
    estimate,
};

const LEAVES_OUT: [&str; 2] =
    ["activity: the power is the same whatever happens", "rows, refresh and idle time of the DRAM"];

/// An accelerator of the lumped model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accelerator {
    /// Reuse of products of spikes (`wei2025prosperity`).
    #[default]
    Prosperity,
    /// Dense.
    Eyeriss,
    /// Batches of time.
    Ptb,
    /// Temporal-spatial reuse.
    Sato,
    /// Mixed precision.
    Mint,
    /// Convolutions only.
    Stellar,
}

impl Accelerator {
    /// Every accelerator.
    pub const ALL: [Accelerator; 6] = [
        Accelerator::Prosperity,
        Accelerator::Eyeriss,
        Accelerator::Ptb,
        Accelerator::Sato,
        Accelerator::Mint,
        Accelerator::Stellar,
    ];

    /// Its name in the table of chips.
    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Prosperity => "prosperity",
            Accelerator::Eyeriss => "eyeriss",
            Accelerator::Ptb => "ptb",
            Accelerator::Sato => "sato",
            Accelerator::Mint => "mint",
            Accelerator::Stellar => "stellar",
        }
    }
}

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    let given = &input.conditions;
    given.check()?;
    let help = "simulate the network first (`pulvinar run`), or give --seconds and --dram-bits";
    let took = |given: Option<f64>, of_run: Option<f64>, what: &str| {
        given.or(of_run).ok_or_else(|| lacks(ESTIMATOR.name, what, help))
    };
    let seconds = took(given.seconds, input.took.map(|t| t.seconds), "a time")?;
    let bits = took(given.dram_bits, input.took.map(|t| t.dram_bits), "an amount of DRAM traffic")?;
    let constants = &Data::embedded().constants;
    let name = given.accelerator.name();
    let (power, ratio) = (format!("{name}.onchip_power"), format!("{name}.dram_ratio"));
    let bit_pj = constants.per_term("prosperity.dram_bit")?.pj();
    // 1 mW = 1e9 pJ/s.
    let chip_pj = constants.get(&power)?.origin.value * 1e9 * seconds;
    let dram_pj = bit_pj * bits * constants.get(&ratio)?.origin.value;
    let terms = [("chip", chip_pj), ("DRAM", dram_pj)];
    let estimate =
        Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &[&power, &ratio, "prosperity.dram_bit"]);
    let other = given.accelerator != Accelerator::default();
    Ok(estimate.choosing([
        (other, format!("power and traffic of {name}"), None),
        (given.seconds.is_some(), format!("{seconds} s as given"), None),
        (given.dram_bits.is_some(), format!("{bits} bits of DRAM as given"), None),
    ]))
}
