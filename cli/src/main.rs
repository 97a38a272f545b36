//! Pulvinar.
fn main() {}
