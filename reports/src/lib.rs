//! Pulvinar.

pub mod energy;
