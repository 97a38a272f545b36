//! Samplers that learn nothing: evenly drawn points, Sobol's sequence. The same points as those of `explore plan`.

use super::{Digits, Gene, Sampler, Told};
use crate::sample;
use pulvinar_ir::Result;

/// Points that do not depend on what came of earlier ones.
pub struct Drawn(Box<dyn Iterator<Item = Digits>>);

fn sizes(genes: &[Gene]) -> Vec<usize> {
    genes.iter().map(|g| g.size).collect()
}

impl Drawn {
    /// Digits drawn independently and evenly.
    pub fn random(genes: &[Gene], seed: u64) -> Self {
        Drawn(Box::new(sample::random(sizes(genes), seed)))
    }

    /// Sobol's sequence, shifted by the seed.
    ///
    /// # Errors
    /// E0903 if it has too few dimensions; `place` names the space.
    pub fn sobol(genes: &[Gene], seed: u64, place: &str) -> Result<Self> {
        Ok(Drawn(Box::new(sample::sobol(sizes(genes), seed, place)?)))
    }
}

impl Sampler for Drawn {
    fn ask(&mut self, count: usize) -> Result<Vec<Digits>> {
        Ok(self.0.by_ref().take(count).collect())
    }

    fn tell(&mut self, _: &[Told]) -> Result<()> {
        Ok(())
    }
}
