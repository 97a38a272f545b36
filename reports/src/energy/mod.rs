//! Energy and area: counts × constants, every constant with its source.
//!
//! [`Data`] holds the published tables, [`PriceList`] turns them into integer attojoules (1 aJ = 1e-18 J) for one
//! architecture, [`EnergyReport`] multiplies them with the counts of a run. What has no source is listed as
//! unpriced and is never zero. [`ESTIMATORS`] sets other published formulae beside the simulated total.

// Points of the tables and published digits come back exactly, so they are compared exactly.
#![allow(clippy::float_cmp)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ann;
pub mod area;
pub mod break_even;
pub mod breakdown;
pub mod constants;
pub mod counted;
pub mod counting;
mod csv;
pub mod data;
pub mod devices;
pub mod dram;
pub mod errors;
pub mod estimators;
pub mod lemaire;
pub mod library;
pub mod logic;
pub mod lumped;
pub mod memories;
pub mod neuromc;
pub mod noc;
pub mod papers;
pub mod ports;
pub mod price;
pub mod process;
pub mod quantity;
pub mod sanafe;
pub mod simulated;
pub mod small;
pub mod sources;
pub mod spikesim;
pub mod sram;
pub mod step;
pub mod syops;
#[cfg(test)]
mod tests;
pub mod uncertainty;
pub mod workload;
pub mod yan;

pub use area::AreaReport;
pub use breakdown::EnergyReport;
pub use data::Data;
pub use estimators::{Estimate, Estimator, EstimatorInput, Network, ESTIMATORS};
pub use logic::Widths;
pub use price::{Price, PriceList, Unpriced};
pub use quantity::{AllIn, Grade, Origin, PerTerm, Scope};
pub use sources::bibtex;
pub use uncertainty::Uncertainty;
pub use workload::Workload;
