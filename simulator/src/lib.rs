//! Pulvinar.

pub mod noc;
