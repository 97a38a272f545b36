//! How sure the total is: every constant drawn around its value, and one after the other moved.
//!
//! A constant is its value times e^(σ·z), with σ the spread of its evidence (or the measured error of its rule) and z normal.
//! Constants of one family share z: the points of one table are wrong together, and so is every term that uses a constant.
//! The total is a sum of products of constants ([`EnergyReport::shares`]), so a draw evaluates it and prices nothing anew.
//! z is a function of (seed, family, draw): the same seed gives the same interval, whatever else is in the total.

use super::breakdown::EnergyReport;
use serde::Serialize;

/// Draws of the constants.
pub const DRAWS: u32 = 4000;
/// Seed of the draws.
pub const SEED: u64 = 1;

/// Totals when one family moves by one spread, over the total as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Swing {
    /// The constant, or the family it shares its error with.
    pub family: String,
    /// Largest spread in it.
    pub spread: f64,
    /// One spread down.
    pub down: f64,
    /// One spread up.
    pub up: f64,
}

/// Spread of a total, in multiples of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncertainty {
    /// Draws.
    pub draws: u32,
    /// Seed.
    pub seed: u64,
    /// 5th percentile.
    pub p5: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// What each family moves, the most first.
    pub swings: Vec<Swing>,
}

impl Uncertainty {
    /// Of a total, with [`DRAWS`] and [`SEED`].
    pub fn of(report: &EnergyReport) -> Self {
        Self::drawn(report, DRAWS, SEED)
    }

    /// Of a total, with so many draws (at least one).
    pub fn drawn(report: &EnergyReport, draws: u32, seed: u64) -> Self {
        let families = families(report);
        let mut totals: Vec<f64> = (0..draws.max(1))
            .map(|draw| {
                let mut logs = vec![0.0; report.used.len()];
                for (family, members) in &families {
                    let z = normal(seed, hash(family), u64::from(draw));
                    members.iter().for_each(|(i, spread)| logs[*i] = spread * z);
                }
                report.relative_total(&logs)
            })
            .collect();
        totals.sort_by(f64::total_cmp);
        let at =
            |share: f64| totals[((totals.len() as f64 * share).ceil() as usize).clamp(1, totals.len()) - 1];
        Uncertainty {
            draws,
            seed,
            p5: at(0.05),
            p50: at(0.5),
            p95: at(0.95),
            swings: swings(report, &families),
        }
    }
}

/// Constants of one family: (index into `used`, spread).
type Family = (String, Vec<(usize, f64)>);

/// Families of the constants that are drawn, in the order in which the total names them.
fn families(report: &EnergyReport) -> Vec<Family> {
    let mut out: Vec<Family> = Vec::new();
    for (i, used) in report.used.iter().enumerate() {
        let held = || report.shares.iter().any(|s| s.powers.iter().any(|(j, _)| *j == i));
        let origin = &used.origin;
        if origin.spread <= 0.0 || !held() {
            continue;
        }
        match out.iter_mut().find(|f| f.0 == origin.family) {
            Some(family) => family.1.push((i, origin.spread)),
            None => out.push((origin.family.clone(), vec![(i, origin.spread)])),
        }
    }
    out
}

fn swings(report: &EnergyReport, families: &[Family]) -> Vec<Swing> {
    let moved = |members: &[(usize, f64)], z: f64| {
        let mut logs = vec![0.0; report.used.len()];
        members.iter().for_each(|(i, spread)| logs[*i] = spread * z);
        report.relative_total(&logs)
    };
    let swing = |(family, members): &Family| Swing {
        family: family.clone(),
        spread: members.iter().map(|m| m.1).fold(0.0, f64::max),
        down: moved(members, -1.0),
        up: moved(members, 1.0),
    };
    let mut out: Vec<Swing> = families.iter().map(swing).collect();
    let width = |s: &Swing| (s.up - s.down).abs();
    out.sort_by(|a, b| width(b).total_cmp(&width(a)));
    out
}

/// A standard normal number (Box and Muller, 1958) of a seed, a unit and an index.
fn normal(seed: u64, unit: u64, index: u64) -> f64 {
    // 53 random bits in (0, 1].
    let uniform = |i: u64| ((random(seed, unit, i) >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
    (-2.0 * uniform(2 * index).ln()).sqrt() * (std::f64::consts::TAU * uniform(2 * index + 1)).cos()
}

/// Counter-based random number: splitmix64 (Steele, Lea and Flood, OOPSLA 2014) of the seed, a unit and an index.
fn random(seed: u64, unit: u64, index: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    mix(mix(seed.wrapping_add(unit.wrapping_mul(step))).wrapping_add(index.wrapping_mul(step)))
}

/// FNV-1a of a name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::breakdown::{Share, Used};
    use crate::energy::quantity::{Grade, Origin};
    use proptest::prelude::*;

    /// A total of two products: 3·a + 1·b/a.
    fn report(spreads: [f64; 2], families: [&str; 2]) -> EnergyReport {
        let used = |name: &str, spread: f64, family: &str| {
            let origin = Origin::new(name, 1.0, "pJ", None, &["x"], Grade::Table).of_family(family);
            Used { origin: Origin { spread, ..origin }, terms: vec!["t".to_owned()] }
        };
        EnergyReport {
            total_aj: 4,
            used: vec![used("a", spreads[0], families[0]), used("b", spreads[1], families[1])],
            shares: vec![
                Share { aj: 3.0, powers: vec![(0, 1.0)] },
                Share { aj: 1.0, powers: vec![(1, 1.0), (0, -1.0)] },
            ],
            ..EnergyReport::default()
        }
    }

    #[test]
    fn one_constant_gives_the_quantiles_of_its_distribution() {
        let mut one = report([0.0, 0.4], ["a", "b"]);
        one.shares = vec![Share { aj: 5.0, powers: vec![(1, 1.0)] }];
        let u = Uncertainty::of(&one);
        // Log-normal: e^(±1.6449·0.4).
        for (found, z) in [(u.p5, -1.6449), (u.p50, 0.0), (u.p95, 1.6449)] {
            assert!((found.ln() / 0.4 - z).abs() < 0.06, "{found}");
        }
        assert_eq!(u.swings.len(), 1, "a constant without a spread, or in no product, is not drawn");
        assert!(
            (u.swings[0].up - 0.4f64.exp()).abs() < 1e-12
                && (u.swings[0].down - (-0.4f64).exp()).abs() < 1e-12
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_families_move_together() {
        let apart = report([0.3, 0.3], ["a", "b"]);
        assert_eq!(Uncertainty::of(&apart), Uncertainty::of(&apart));
        assert_ne!(Uncertainty::drawn(&apart, 100, 1).p95, Uncertainty::drawn(&apart, 100, 2).p95);
        let together = Uncertainty::of(&report([0.3, 0.3], ["f", "f"]));
        assert_eq!(together.swings.len(), 1);
        // b/a stays 1 when both move together: (3·e^0.3 + 1) / 4.
        assert!((together.swings[0].up - (3.0 * 0.3f64.exp() + 1.0) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_numbers_are_normal() {
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|i| normal(7, hash("unit"), i)).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / n as f64;
        let within = draws.iter().filter(|z| z.abs() < 1.0).count() as f64 / n as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04 && (within - 0.6827).abs() < 0.01);
    }

    #[test]
    fn an_empty_total_is_certain() {
        let u = Uncertainty::of(&EnergyReport::default());
        assert_eq!((u.p5, u.p50, u.p95, u.swings.len()), (1.0, 1.0, 1.0, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn intervals_are_ordered_and_wider_with_the_spread(a in 0.01..0.6f64, b in 0.01..0.6f64) {
            let small = Uncertainty::drawn(&report([a, b], ["a", "b"]), 400, 3);
            let large = Uncertainty::drawn(&report([2.0 * a, 2.0 * b], ["a", "b"]), 400, 3);
            prop_assert!(0.0 < small.p5 && small.p5 <= small.p50 && small.p50 <= small.p95);
            prop_assert!(large.p95 / large.p5 > small.p95 / small.p5);
            for s in &small.swings {
                prop_assert!(s.spread > 0.0);
            }
            prop_assert!(small.swings.windows(2).all(|w| (w[0].up - w[0].down).abs() >= (w[1].up - w[1].down).abs()));
        }
    }
}
