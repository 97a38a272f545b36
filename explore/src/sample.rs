//! Which points of a space: the whole grid, random ones, Sobol's, or those listed.

use crate::scalar::Settings;
use crate::sobol::{Sobol, MAX_DIMENSIONS};
use crate::space::Space;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeSet;

/// Most points of a plan.
pub const MAX_POINTS: u128 = 2_000_000;

/// Draws without a new point after which a random or Sobol sample ends: the space has no more, or hardly any.
pub(crate) const VAIN_DRAWS: usize = 100_000;

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// Every combination.
    Grid,
    /// Digits drawn independently and evenly.
    Random,
    /// Sobol's sequence, shifted by the seed.
    Sobol,
    /// The points of the file.
    List,
}

impl Sampler {
    /// Every sampler.
    pub const ALL: [Sampler; 4] = [Sampler::Grid, Sampler::Random, Sampler::Sobol, Sampler::List];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Sampler::Grid => "grid",
            Sampler::Random => "random",
            Sampler::Sobol => "sobol",
            Sampler::List => "list",
        }
    }
}

/// Deterministic numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`, which is above 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Settings of the points, one after the other, none twice by index, constraints met.
///
/// # Errors
/// E0903 if a grid is too large, a list is empty or Sobol's sequence has too few dimensions; E0904 if no point meets the
/// constraints.
pub fn sample(space: &Space, sampler: Sampler, count: usize, seed: u64) -> Result<Vec<Settings>> {
    let found = match sampler {
        Sampler::Grid => grid(space)?,
        Sampler::Random => drawn(space, count, random(space.sizes(), seed)),
        Sampler::Sobol => drawn(space, count, sobol(space.sizes(), seed, &space.name)?),
        Sampler::List => space.listed.iter().filter_map(|s| space.complete(s.clone())).collect(),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    if sampler == Sampler::List && space.listed.is_empty() {
        let help = "give [[point]] tables, or another --sampler";
        return Err(Diagnostic::new("E0903", "point", "the space lists no point", help));
    }
    if count == 0 {
        let help = "give --count of at least 1";
        return Err(Diagnostic::new("E0903", "--count", "no point is asked for", help));
    }
    Err(Diagnostic::new(
        "E0904",
        format!("space `{}`", space.name),
        "no point meets the constraints",
        "loosen a constraint, or widen the range of a key that it names",
    ))
}

fn grid(space: &Space) -> Result<Vec<Settings>> {
    let size = space.grid().filter(|n| *n <= MAX_POINTS).ok_or_else(|| {
        let sizes: Vec<String> = space.sizes().iter().map(usize::to_string).collect();
        Diagnostic::new(
            "E0903",
            format!("space `{}`", space.name),
            format!("a grid of {} points is more than {MAX_POINTS}", sizes.join(" x ")),
            "take a sample of it (--sampler random or sobol, with --count)",
        )
    })?;
    Ok((0..size).filter_map(|i| space.settings(&space.digits(i))).collect())
}

/// Digits drawn independently and evenly.
pub(crate) fn random(sizes: Vec<usize>, seed: u64) -> impl Iterator<Item = Vec<usize>> {
    let mut random = Random::new(seed);
    std::iter::repeat_with(move || sizes.iter().map(|&n| random.below(n)).collect())
}

/// Digits of Sobol's sequence, shifted by the seed.
pub(crate) fn sobol(sizes: Vec<usize>, seed: u64, space: &str) -> Result<impl Iterator<Item = Vec<usize>>> {
    let mut random = Random::new(seed);
    let shift = sizes.iter().map(|_| random.bits() as u32).collect();
    let sequence = Sobol::new(shift).ok_or_else(|| {
        Diagnostic::new(
            "E0903",
            format!("space `{space}`"),
            format!("Sobol's sequence has {MAX_DIMENSIONS} dimensions and the space {} axes", sizes.len()),
            "take --sampler random, or join keys that change together",
        )
    })?;
    Ok(sequence.map(move |p| p.iter().zip(&sizes).map(|(v, &n)| (v * n as f64) as usize).collect()))
}

/// The first `count` different points that meet the constraints.
fn drawn(space: &Space, count: usize, draws: impl Iterator<Item = Vec<usize>>) -> Vec<Settings> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut vain = 0;
    for digits in draws {
        if found.len() >= count || vain >= VAIN_DRAWS || space.grid().is_some_and(|n| seen.len() as u128 == n)
        {
            break;
        }
        vain += 1;
        if !seen.insert(digits.clone()) {
            continue;
        }
        if let Some(settings) = space.settings(&digits) {
            found.push(settings);
            vain = 0;
        }
    }
    found
}
