//! Half precision.

/// The value of an IEEE 754 binary16 number.
pub(crate) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 => return if fraction == 0.0 { f64::INFINITY } else { f64::NAN },
        e => (1024.0 + fraction) * 2f64.powi(e - 25),
    };
    if bits >> 15 == 1 {
        -size
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_right() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_953_125), (1, 2f64.powi(-24))]
        {
            assert!((super::half(bits) - value).abs() < 1e-12);
        }
        assert!(super::half(0x7e00).is_nan());
    }
}
