//! Numbers that look random and are a pure function of (seed, unit, index).

/// The stream of a unit.
pub(crate) fn stream(seed: u64, unit: u64) -> u64 {
    mix(mix(seed) ^ unit)
}

/// Number `k` of a stream: uniform in [0, 1), 53 bits.
pub(crate) fn uniform(stream: u64, k: u64) -> f64 {
    (mix(stream.wrapping_add(mix(k))) >> 11) as f64 / (1u64 << 53) as f64
}

/// Finaliser of SplitMix64 after one step (Steele, Lea, Flood, OOPSLA 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
