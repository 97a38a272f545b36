//! Evolution: children of two parents, layer by layer from either, some layers changed; the best of parents and children go on.
//! A steady population as in EGRL's evolutionary part (arXiv 2007.07298, section 4), the compiler's choice in the first one.

use super::{Costs, Method};
use crate::sample::Random;

/// The method.
pub const METHOD: Method =
    Method { name: "evolve", doc: "children of two parents, some layers changed; the best go on", run };

/// Mappings that go on.
const POPULATION: usize = 12;
/// Of parents that are drawn, the best has the child.
const TOURNAMENT: usize = 2;
/// Generations without anything new after which it ends.
const PATIENCE: usize = 20;

type Member = (f64, Vec<usize>);

fn run(costs: &mut Costs<'_>, random: &mut Random) {
    let mut members: Vec<Member> = Vec::new();
    for i in 0..POPULATION {
        // The compiler's choice, then ever more layers changed.
        let mut genome = vec![0; costs.choices().len()];
        (0..i).for_each(|_| change(&mut genome, costs, random));
        let Some(cost) = costs.of(&mut genome) else { return };
        members.push((cost, genome));
    }
    let mut idle = 0;
    while idle < PATIENCE {
        let left = costs.left();
        for _ in 0..POPULATION {
            let (a, b) = (parent(&members, random), parent(&members, random));
            let either =
                |i: usize, random: &mut Random| members[if random.below(2) == 0 { a } else { b }].1[i];
            let mut child: Vec<usize> = (0..costs.choices().len()).map(|i| either(i, random)).collect();
            change(&mut child, costs, random);
            let Some(cost) = costs.of(&mut child) else { return };
            members.push((cost, child));
        }
        members.sort_by(|x, y| x.0.total_cmp(&y.0).then_with(|| x.1.cmp(&y.1)));
        members.dedup();
        members.truncate(POPULATION);
        idle = if costs.left() == left { idle + 1 } else { 0 };
    }
}

/// Gives one layer another choice, if any has one.
fn change(genome: &mut [usize], costs: &Costs<'_>, random: &mut Random) {
    let choices = costs.choices();
    let free: Vec<usize> = (0..choices.len()).filter(|&i| choices[i] > 1).collect();
    if free.is_empty() {
        return;
    }
    let layer = free[random.below(free.len())];
    genome[layer] = random.below(choices[layer]);
}

fn parent(members: &[Member], random: &mut Random) -> usize {
    let drawn = (0..TOURNAMENT).map(|_| random.below(members.len()));
    drawn.min_by(|&a, &b| members[a].0.total_cmp(&members[b].0)).unwrap_or(0)
}
