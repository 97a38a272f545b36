//! Simulated annealing: one layer at a time takes another choice; what is dearer is taken by chance, less and less.
//! Source: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated Annealing", Science 220 (1983).

use super::{Costs, Method};
use crate::sample::Random;

/// The method.
pub const METHOD: Method =
    Method { name: "anneal", doc: "one layer at a time; dearer by chance, less and less", run };

/// Increase of the cost, as a share, that is taken with probability 1/e at first.
const HOT: f64 = 0.1;

fn run(costs: &mut Costs<'_>, random: &mut Random) {
    let choices = costs.choices();
    let free: Vec<usize> = (0..choices.len()).filter(|&i| choices[i] > 1).collect();
    let mut now = vec![0; choices.len()];
    let Some(mut cost) = costs.of(&mut now).filter(|_| !free.is_empty()) else { return };
    // Proposals that are known already cost nothing, so they are bounded too.
    let moves = 8 * costs.left();
    for i in 0..moves {
        let mut next = now.clone();
        let layer = free[random.below(free.len())];
        next[layer] = (now[layer] + 1 + random.below(choices[layer] - 1)) % choices[layer];
        let Some(then) = costs.of(&mut next) else { return };
        let temperature = HOT * (moves - i) as f64 / moves as f64;
        let chance = (random.bits() >> 11) as f64 / (1u64 << 53) as f64;
        if then <= cost || chance < (-(then / cost - 1.0) / temperature).exp() {
            (now, cost) = (next, then);
        }
    }
}
