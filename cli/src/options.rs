//! Choices of single estimators, from arguments to what they read; and operations that somebody else has counted.

use crate::args::{AcceleratorArg, CountArg, MemoryArg, Options, ReadingArg, ResidualArg};
use crate::verbs::show;
use pulvinar_ir::{Diagnostic, Result};
use pulvinar_reports::energy::counting::Counting;
use pulvinar_reports::energy::estimators::Conditions;
use pulvinar_reports::energy::lemaire::{MemoryForm, Variant};
use pulvinar_reports::energy::lumped::Accelerator;
use pulvinar_reports::energy::papers::{self, Residual};
use pulvinar_reports::energy::{counted, EstimatorInput};
use serde_json::json;
use std::path::Path;

impl Options {
    /// The same input with these choices.
    pub fn of(&self, mut input: EstimatorInput) -> EstimatorInput {
        input.terms.counting = match self.count {
            CountArg::Papers => None,
            CountArg::Spikingformer => Some(Counting::Spikingformer),
            CountArg::Syops => Some(Counting::Syops),
            CountArg::Neurobench => Some(Counting::Neurobench),
        };
        input.terms.residual = match self.residual {
            ResidualArg::Ac => Residual::Accumulate,
            ResidualArg::Mac => Residual::Multiply,
        };
        let reads = |reading| self.lemaire_reading.contains(&reading);
        input.lemaire = Variant {
            memory: match self.lemaire_memory {
                MemoryArg::Size => MemoryForm::BySize,
                MemoryArg::Qualia => MemoryForm::Qualia,
                MemoryArg::QualiaFlat => MemoryForm::QualiaFlat,
            },
            address_without_outputs: reads(ReadingArg::ConvAddress),
            address_by_rate: reads(ReadingArg::LinearAddress),
            additions_of_eq_2_4: reads(ReadingArg::Equation24),
        };
        input.conditions = Conditions {
            seconds: self.seconds,
            tick_seconds: self.tick,
            clock_mhz: self.device_mhz,
            dram_bits: self.dram_bits,
            accelerator: match self.accelerator {
                AcceleratorArg::Prosperity => Accelerator::Prosperity,
                AcceleratorArg::Eyeriss => Accelerator::Eyeriss,
                AcceleratorArg::Ptb => Accelerator::Ptb,
                AcceleratorArg::Sato => Accelerator::Sato,
                AcceleratorArg::Mint => Accelerator::Mint,
                AcceleratorArg::Stellar => Accelerator::Stellar,
            },
        };
        input
    }
}

/// Prices a table of operations.
pub fn operations(file: &Path, json: bool) -> Result<()> {
    let place = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|e| {
        let message = format!("cannot read the table of operations: {e}");
        Diagnostic::new("E0111", &place, message, "check the path and its permissions")
    })?;
    let input = EstimatorInput { counted: counted::parse(&text, &place)?, ..EstimatorInput::default() };
    let estimate = (papers::ESTIMATOR.estimate)(&input).map_err(|d| d.within(&place))?;
    show(json, &json!(estimate), || {
        let row = |name: &str, pj: f64| format!("{name:<34}{:>16.9} mJ\n", pj * 1e-9);
        let terms: String = estimate.terms.iter().map(|(name, pj)| row(&format!("  {name}"), *pj)).collect();
        row(estimate.estimator, estimate.total_pj) + &terms
    });
    Ok(())
}
