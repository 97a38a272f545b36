//! Numbers as people read them: three digits and a unit that fits.

/// Shown where there is no number.
pub const ABSENT: &str = "–";

const PREFIXES: [(&str, f64); 9] = [
    ("a", 1e-18),
    ("f", 1e-15),
    ("p", 1e-12),
    ("n", 1e-9),
    ("µ", 1e-6),
    ("m", 1e-3),
    ("", 1.0),
    ("k", 1e3),
    ("M", 1e6),
];
const LARGE: [(&str, f64); 3] = [("G", 1e9), ("T", 1e12), ("P", 1e15)];

/// Three significant digits, no exponent; integers up to 999 without a point.
pub fn digits(value: f64) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-3 {
        return format!("{value:.1e}");
    }
    // Rounding may carry into the next decade (9.996 -> 10.0); the decimals are those of the rounded number.
    let decade = |v: f64| v.log10().floor() as i32;
    let first = (2 - decade(size)).max(0) as usize;
    let rounded: f64 = format!("{size:.first$}").parse().unwrap_or(size);
    let decimals = (2 - decade(rounded.max(1e-3))).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if value.fract() == 0.0 && size < 1e3 {
        format!("{value:.0}")
    } else {
        text
    }
}

/// A value in base units with an SI prefix: `si(1.5e-9, "J")` is `1.50 nJ`.
pub fn si(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return format!("0 {unit}");
    }
    let fits = |(_, scale): &&(&str, f64)| size / scale >= 0.9995;
    let (prefix, scale) = PREFIXES.iter().chain(&LARGE).rev().find(fits).unwrap_or(&PREFIXES[0]);
    format!("{} {prefix}{unit}", digits(value / scale))
}

/// Energy from pJ.
pub fn energy(pj: f64) -> String {
    si(pj * 1e-12, "J")
}

/// Time from µs.
pub fn time(us: f64) -> String {
    si(us * 1e-6, "s")
}

/// Bits.
pub fn bits(bits: f64) -> String {
    whole(bits, "bit")
}

/// Bytes, decimal prefixes.
pub fn bytes(bytes: f64) -> String {
    whole(bytes, "B")
}

/// Like `si`, without prefixes below one.
fn whole(value: f64, unit: &str) -> String {
    if value.abs() < 1.0 {
        format!("{} {unit}", digits(value))
    } else {
        si(value, unit)
    }
}

/// A count: all digits in groups of three up to six digits, else with an SI prefix.
pub fn count(value: f64) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    if value.abs() >= 999_999.5 {
        return si(value, "").trim_end().to_owned();
    }
    if value.abs() < 1000.0 {
        return digits(value);
    }
    let text = format!("{:.0}", value.abs());
    let (head, tail) = text.split_at(text.len() - 3);
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{head}\u{202f}{tail}")
}

/// A fraction as per cent.
pub fn percent(fraction: f64) -> String {
    if !fraction.is_finite() {
        return ABSENT.to_owned();
    }
    let p = fraction * 100.0;
    if p == 0.0 || (p - 100.0).abs() < 1e-9 {
        format!("{p:.0} %")
    } else if p.abs() < 0.005 {
        "< 0.01 %".to_owned()
    } else if p.abs() < 0.1 {
        format!("{p:.2} %")
    } else {
        format!("{p:.1} %")
    }
}

/// An optional number through one of the above.
pub fn maybe(value: Option<f64>, show: fn(f64) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), show)
}

/// `one` or `many` by a count.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n as f64), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(energy(1234.5), "1.23 nJ");
        assert_eq!(energy(999.9), "1.00 nJ");
        assert_eq!(energy(0.0), "0 J");
        assert_eq!(time(1500.0), "1.50 ms");
        assert_eq!(bits(0.25), "0.250 bit");
        assert_eq!(bits(2048.0), "2.05 kbit");
        assert_eq!(count(12_345.6), "12\u{202f}346");
        assert_eq!(count(1_234_567.0), "1.23 M");
        assert_eq!(count(-12_345.0), "−12\u{202f}345");
        assert_eq!(percent(0.93456), "93.5 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!((percent(2.42e-4), percent(1e-6)), ("0.02 %".to_owned(), "< 0.01 %".to_owned()));
        assert_eq!(digits(9.996), "10.0");
        assert_eq!(digits(0.0123), "0.0123");
        assert_eq!(digits(f64::NAN), ABSENT);
        assert_eq!(si(f64::INFINITY, "J"), ABSENT);
        assert_eq!(count(999.999), "1000");
    }
}
