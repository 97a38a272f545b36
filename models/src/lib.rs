//! Pulvinar.
