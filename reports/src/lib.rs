//! Reports of Pulvinar: energy, tables, plots and pages.
//!
//! [`Report::build`] gathers one run into plain numbers with units; the JSON of it, and everything printed or
//! drawn, comes from these numbers alone: [`text`], [`html`], [`latex`], [`csv`], [`plots`], [`compare`].
//! [`energy`] prices activity counts.

pub mod compare;
pub mod csv;
pub mod energy;
pub mod html;
pub mod json;
pub mod latex;
pub mod plots;
pub mod report;
pub mod sections;
pub mod sheet;
pub mod study;
pub mod table;
pub mod tables;
pub mod text;
pub mod units;
pub mod write;

pub use report::{InputFacts, Report, RunFacts};
pub use write::write_all;
