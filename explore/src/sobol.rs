//! Sobol's low-discrepancy sequence with a digital shift.
//!
//! Direction numbers: S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J.
//! Sci. Comput. 30 (2008) 2635-2654, their first 21 dimensions. Points in Gray code order (Antonov and Saleev 1979).

/// Most dimensions.
pub const MAX_DIMENSIONS: usize = 21;

const BITS: usize = 32;

/// Degree s, inner coefficients a of the primitive polynomial, and initial numbers m of dimensions 2 to 21.
const DIRECTIONS: [(u32, u32, &[u32]); MAX_DIMENSIONS - 1] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
    (5, 7, &[1, 1, 7, 11, 19]),
    (5, 11, &[1, 1, 5, 1, 1]),
    (5, 13, &[1, 1, 1, 3, 11]),
    (5, 14, &[1, 3, 5, 5, 31]),
    (6, 1, &[1, 3, 3, 9, 7, 49]),
    (6, 13, &[1, 1, 1, 15, 21, 21]),
    (6, 16, &[1, 3, 1, 13, 27, 49]),
    (6, 19, &[1, 1, 1, 15, 7, 5]),
    (6, 22, &[1, 3, 1, 15, 13, 25]),
    (6, 25, &[1, 1, 5, 5, 19, 61]),
    (7, 1, &[1, 3, 7, 11, 23, 15, 103]),
    (7, 4, &[1, 3, 7, 13, 13, 15, 69]),
];

/// The sequence; every item is a point of the unit cube.
#[derive(Debug, Clone)]
pub struct Sobol {
    directions: Vec<[u32; BITS]>,
    state: Vec<u32>,
    shift: Vec<u32>,
    next: u64,
}

impl Sobol {
    /// A sequence of up to [`MAX_DIMENSIONS`] dimensions; `shift` is xored onto the bits of each.
    pub fn new(shift: Vec<u32>) -> Option<Self> {
        let dimensions = shift.len();
        let directions = (0..dimensions).map(directions).collect::<Option<Vec<_>>>()?;
        Some(Sobol { directions, state: vec![0; dimensions], shift, next: 0 })
    }
}

impl Iterator for Sobol {
    type Item = Vec<f64>;

    /// The next point; there are 2^32.
    fn next(&mut self) -> Option<Vec<f64>> {
        if self.next >= 1 << BITS {
            return None;
        }
        if self.next > 0 {
            let changed = (self.next - 1).trailing_ones() as usize;
            self.state.iter_mut().zip(&self.directions).for_each(|(s, d)| *s ^= d[changed]);
        }
        self.next += 1;
        let unit = |(s, shift): (&u32, &u32)| f64::from(s ^ shift) / (1u64 << BITS) as f64;
        Some(self.state.iter().zip(&self.shift).map(unit).collect())
    }
}

/// Direction numbers of a dimension, scaled to 32 bits.
fn directions(dimension: usize) -> Option<[u32; BITS]> {
    let mut v = [0; BITS];
    if dimension == 0 {
        (0..BITS).for_each(|i| v[i] = 1 << (BITS - 1 - i));
        return Some(v);
    }
    let (s, a, m) = DIRECTIONS.get(dimension - 1)?;
    let s = *s as usize;
    for i in 0..BITS {
        v[i] = if i < s {
            m[i] << (BITS - 1 - i)
        } else {
            let inner = (1..s).filter(|k| a >> (s - 1 - k) & 1 == 1).fold(0, |x, k| x ^ v[i - k]);
            v[i - s] ^ v[i - s] >> s ^ inner
        };
    }
    Some(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT_5: [u32; 21] =
        [112, 112, 16, 48, 112, 80, 112, 48, 48, 16, 48, 112, 112, 16, 112, 48, 112, 48, 48, 80, 80];
    const POINT_100: [u32; 21] =
        [53, 33, 99, 93, 113, 95, 3, 61, 81, 89, 59, 87, 61, 109, 41, 63, 87, 95, 107, 43, 97];

    /// `torch.quasirandom.SobolEngine(21, scramble=False)`, of PyTorch 2: its points 5 and 100, times 128.
    #[test]
    fn equal_to_pytorch() {
        let points: Vec<Vec<f64>> = Sobol::new(vec![0; 21]).unwrap().take(128).collect();
        let of = |i: usize| points[i].iter().map(|v| (v * 128.0) as u32).collect::<Vec<u32>>();
        assert_eq!(of(5), POINT_5);
        assert_eq!(of(100), POINT_100);
    }

    /// Every dimension of the first 2^k points holds one point in each of 2^k equal parts, shifted or not.
    #[test]
    fn projections_are_even() {
        let shift = (0..21u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        let points: Vec<Vec<f64>> = Sobol::new(shift).unwrap().take(64).collect();
        for d in 0..21 {
            let mut parts: Vec<usize> = points.iter().map(|p| (p[d] * 64.0) as usize).collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..64).collect::<Vec<_>>(), "dimension {d}");
        }
        assert!(Sobol::new(vec![0; 22]).is_none());
    }
}
