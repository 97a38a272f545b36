//! Spikes by firing rate: workloads without weights and data.
//!
//! ```text
//! bernoulli    S[t,c,h,w] = [u < r], independent
//! correlated   planes are cut into patches of p x p, each with a Markov chain A[t] of two states, the same for all channels:
//!              P(A[0] = 1) = f,  P(A[t] = 1 | A[t-1] = 1) = f + rho (1 - f),  P(A[t] = 1 | A[t-1] = 0) = f (1 - rho)
//!              S = A[t, patch] and [u < r / f]
//! ```
//!
//! Either has the mean rate r. Correlated spikes come in bursts of patches: A has the share f of ones and the
//! autocorrelation rho^k at k steps; with rho = 0 they are correlated in space only.

mod plan;
mod table;

pub use plan::{of_bytes, sample_seed, Plan};
pub use table::Rates;

use crate::random::{stream, uniform};
use pulvinar_ir::{Diagnostic, Result, Shape, Value};
use std::fmt;

/// How spikes of one rate are spread over space and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Independent of each other.
    Bernoulli,
    /// In patches that are active for some time.
    Correlated {
        /// Rows and columns of a patch.
        patch: usize,
        /// Share f of patches that are active, above 0 and at most 1.
        active: f64,
        /// Autocorrelation rho of a patch from step to step, 0 to below 1.
        persistence: f64,
    },
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spread::Bernoulli => write!(f, "bernoulli"),
            Spread::Correlated { patch, active, persistence } => {
                write!(f, "correlated:{patch}:{active}:{persistence}")
            }
        }
    }
}

impl Spread {
    /// Reads `bernoulli` or `correlated:PATCH:ACTIVE:PERSISTENCE`; [`Spread::check`] says which numbers are good.
    ///
    /// # Errors
    /// E0407 for any other text.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let correlated = || {
            let mut parts = text.strip_prefix("correlated:")?.split(':');
            let patch = parts.next()?.parse().ok()?;
            let (active, persistence) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Spread::Correlated { patch, active, persistence })
        };
        let spread = if text == "bernoulli" { Some(Spread::Bernoulli) } else { correlated() };
        spread.ok_or_else(|| {
            let message = format!("`{text}` is no spread of spikes");
            let help =
                "write bernoulli, or correlated:PATCH:ACTIVE:PERSISTENCE, for example correlated:4:0.5:0.8";
            Diagnostic::new("E0407", place, message, help)
        })
    }

    /// Refuses parameters and rates that cannot be met (E0407).
    ///
    /// # Errors
    /// A rate outside 0..=1, an empty patch, a share or persistence outside its range, more spikes than active patches
    /// can hold.
    pub fn check(self, rate: f64, place: &str) -> Result<()> {
        let bad = |message: String, help: &str| Err(Diagnostic::new("E0407", place, message, help));
        if !(0.0..=1.0).contains(&rate) {
            return bad(format!("{rate} is not a firing rate"), "give spikes a neuron and step, 0 to 1");
        }
        let Spread::Correlated { patch, active, persistence } = self else { return Ok(()) };
        if patch == 0 || !(active > 0.0 && active <= 1.0) || !(0.0..1.0).contains(&persistence) {
            return bad(
                format!("patches of {patch}, {active} of them active, persistence {persistence}"),
                "give patches of 1 or more, a share above 0 and at most 1, a persistence from 0 to below 1",
            );
        }
        if rate > active {
            return bad(
                format!("a rate of {rate} does not fit into a share of {active} active patches"),
                "raise the share of active patches, or lower the rate",
            );
        }
        Ok(())
    }
}

/// Binary spikes of a mean rate; a pure function of its arguments. `unit` names what spikes, so that units of one seed are
/// independent of each other.
///
/// # Errors
/// E0407, see [`Spread::check`].
pub fn spikes(shape: Shape, rate: f64, spread: Spread, (seed, unit): (u64, &str)) -> Result<Value> {
    spread.check(rate, unit)?;
    let own = unit.bytes().fold(seed, |a, b| stream(a, b.into()));
    let bit = |k: usize, p: f64| uniform(own, k as u64) < p;
    let values = match spread {
        Spread::Bernoulli => (0..shape.len()).map(|k| i64::from(bit(k, rate))).collect(),
        Spread::Correlated { patch, active, persistence } => {
            let chains = stream(own, 1);
            let (rows, columns) = (shape.h.div_ceil(patch), shape.w.div_ceil(patch));
            let state = activity(shape.t, rows * columns, active, persistence, chains);
            let place = |(t, _, h, w): (usize, usize, usize, usize)| {
                state[t * rows * columns + h / patch * columns + w / patch]
            };
            shape.coords().enumerate().map(|(k, at)| i64::from(place(at) && bit(k, rate / active))).collect()
        }
    };
    Ok(Value::int(shape, values))
}

/// States of the patches, step by step.
fn activity(steps: usize, patches: usize, active: f64, persistence: f64, stream: u64) -> Vec<bool> {
    let mut state: Vec<bool> = Vec::with_capacity(steps * patches);
    for k in 0..steps * patches {
        let p = match k.checked_sub(patches).map(|before| state[before]) {
            None => active,
            Some(true) => active + persistence * (1.0 - active),
            Some(false) => active * (1.0 - persistence),
        };
        state.push(uniform(stream, k as u64) < p);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { t: 200, c: 4, h: 16, w: 16 };
    const BURSTS: Spread = Spread::Correlated { patch: 4, active: 0.25, persistence: 0.8 };

    fn mean(v: &[i64]) -> f64 {
        v.iter().sum::<i64>() as f64 / v.len() as f64
    }

    #[test]
    fn rates_are_met() {
        for rate in [0.0, 0.026, 0.173, 0.25] {
            let sigma = (rate * (1.0 - rate) / SHAPE.len() as f64).sqrt();
            let independent = spikes(SHAPE, rate, Spread::Bernoulli, (1, "a")).unwrap();
            assert!((mean(independent.ints()) - rate).abs() <= 5.0 * sigma, "{rate}");
            // 16 chains of 200 steps with a correlation time of 5 are worth some 350 independent patches.
            let bursts = spikes(SHAPE, rate, BURSTS, (1, "a")).unwrap();
            assert!((mean(bursts.ints()) - rate).abs() <= 5.0 * rate * (3.0f64 / 350.0).sqrt(), "{rate}");
        }
        let all = spikes(SHAPE, 1.0, Spread::Bernoulli, (1, "a")).unwrap();
        assert!(all.ints().iter().all(|&s| s == 1));
    }

    #[test]
    fn bursts_are_correlated_as_said() {
        let chains = activity(20_000, 8, 0.25, 0.8, 7);
        let (n, same) = chains.windows(9).fold((0.0, 0.0), |(n, s), w| {
            (n + 1.0, s + f64::from(u8::from(w[0])) * f64::from(u8::from(w[8])))
        });
        let share = mean(&chains.iter().map(|&a| i64::from(a)).collect::<Vec<_>>());
        assert!((share - 0.25).abs() < 0.01, "{share}");
        let correlation = (same / n - share * share) / (share * (1.0 - share));
        assert!((correlation - 0.8).abs() < 0.02, "{correlation}");
    }

    #[test]
    fn spikes_are_a_function_of_seed_and_unit() {
        let of = |seed, unit| spikes(SHAPE, 0.1, BURSTS, (seed, unit)).unwrap();
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        let patches = |patch, active, persistence| Spread::Correlated { patch, active, persistence };
        for (rate, spread) in [
            (1.5, Spread::Bernoulli),
            (f64::NAN, Spread::Bernoulli),
            (0.1, patches(0, 0.5, 0.5)),
            (0.1, patches(2, 0.0, 0.5)),
            (0.1, patches(2, 0.5, 1.0)),
            (0.6, patches(2, 0.5, 0.5)),
        ] {
            assert_eq!(spikes(SHAPE, rate, spread, (1, "a")).unwrap_err().code, "E0407", "{rate} {spread:?}");
        }
    }
}
