//! NSGA-II: K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II",
//! IEEE Trans. Evol. Comput. 6 (2002) 182-197, on digits.
//!
//! Ordered genes cross by simulated binary crossover (Deb and Agrawal, Complex Systems 9 (1995) 115-148) and mutate by
//! polynomial mutation (Deb and Goyal, Computer Science and Informatics 26 (1996) 30-45), both rounded; others swap and draw
//! anew. Nothing is proposed twice, so that every proposal can be worth its place in the budget. Points without objectives
//! rank behind all others; what the constraints refuse never enters a generation.

use super::{Digits, Gene, Sampler, Told};
use crate::pareto;
use crate::sample::Random;
use pulvinar_ir::Result;
use std::collections::BTreeSet;

/// Probability that two parents cross at all, and that they do in one gene.
const CROSSES: f64 = 0.9;
const GENE_CROSSES: f64 = 0.5;

/// Distribution indices of crossover and mutation: the larger, the closer children stay.
const CROSSOVER_INDEX: f64 = 15.0;
const MUTATION_INDEX: f64 = 20.0;

/// Draws without a new child after which a generation is filled with what there is.
const VAIN_CHILDREN: usize = 200;

#[derive(Debug, Clone)]
struct Member {
    digits: Digits,
    objectives: Option<Vec<f64>>,
    rank: usize,
    crowding: f64,
}

/// The sampler. What it proposes depends on seed and outcomes alone, not on how many points are asked for at a time.
#[derive(Debug, Clone)]
pub struct Nsga2 {
    genes: Vec<Gene>,
    random: Random,
    /// Members of a generation.
    size: usize,
    parents: Vec<Member>,
    /// Outcomes of the generation that is being looked at.
    children: Vec<Member>,
    /// Proposals of it that were not asked for yet, last first.
    waiting: Vec<Digits>,
    seen: BTreeSet<Digits>,
}

impl Nsga2 {
    /// Members of a generation for a budget: a tenth of it, from 10 to 50.
    pub fn population(budget: usize) -> usize {
        (budget / 10).clamp(10, 50)
    }

    /// A sampler with generations of `size`.
    pub fn new(genes: Vec<Gene>, size: usize, seed: u64) -> Self {
        let random = Random::new(seed);
        let (parents, children, waiting) = (Vec::new(), Vec::new(), Vec::new());
        Nsga2 { genes, random, size: size.max(2), parents, children, waiting, seen: BTreeSet::new() }
    }

    /// Proposals for the rest of a generation; a generation that is whole becomes parents first.
    fn propose(&mut self) {
        if self.children.len() >= self.size {
            let mut all = std::mem::take(&mut self.parents);
            all.append(&mut self.children);
            self.parents = survivors(all, self.size);
        }
        let wanted = self.size - self.children.len();
        let mut found = Vec::new();
        let mut vain = 0;
        while found.len() < wanted && vain < VAIN_CHILDREN {
            // A space that is nearly used up is searched at random in the end.
            let child = if self.parents.len() < 2 || vain > VAIN_CHILDREN / 2 {
                self.genes.iter().map(|g| self.random.below(g.size)).collect()
            } else {
                self.child()
            };
            vain += 1;
            if self.seen.insert(child.clone()) {
                found.push(child);
                vain = 0;
            }
        }
        found.reverse();
        self.waiting = found;
    }

    /// The better of two members, drawn.
    fn parent(&mut self) -> usize {
        let n = self.parents.len();
        let (a, b) = (self.random.below(n), self.random.below(n));
        let of = |i: usize| (self.parents[i].rank, -self.parents[i].crowding);
        if of(b) < of(a) {
            b
        } else {
            a
        }
    }

    fn child(&mut self) -> Digits {
        let (a, b) = (self.parent(), self.parent());
        let crosses = self.random.unit() < CROSSES;
        let mut child = self.parents[a].digits.clone();
        for (i, gene) in self.genes.clone().into_iter().enumerate() {
            let other = self.parents[b].digits[i];
            if crosses && self.random.unit() < GENE_CROSSES {
                child[i] = self.crossed(gene, child[i], other);
            }
            if gene.size > 1 && self.random.unit() * (self.genes.len() as f64) < 1.0 {
                child[i] = self.mutated(gene, child[i]);
            }
        }
        child
    }

    fn crossed(&mut self, gene: Gene, a: usize, b: usize) -> usize {
        if !gene.ordered {
            return if self.random.bits() & 1 == 0 { a } else { b };
        }
        let u = self.random.unit();
        let spread = if u < 0.5 { 2.0 * u } else { 1.0 / (2.0 * (1.0 - u)) };
        let spread = spread.powf(1.0 / (CROSSOVER_INDEX + 1.0));
        let side = if self.random.bits() & 1 == 0 { spread } else { -spread };
        let (a, b) = (a as f64, b as f64);
        within(gene, 0.5 * (a + b + side * (b - a)))
    }

    /// Another value than before.
    fn mutated(&mut self, gene: Gene, digit: usize) -> usize {
        if !gene.ordered {
            return (digit + 1 + self.random.below(gene.size - 1)) % gene.size;
        }
        let u = self.random.unit();
        let power = 1.0 / (MUTATION_INDEX + 1.0);
        let share = if u < 0.5 { (2.0 * u).powf(power) - 1.0 } else { 1.0 - (2.0 * (1.0 - u)).powf(power) };
        let moved = within(gene, digit as f64 + share * (gene.size - 1) as f64);
        if moved != digit {
            return moved;
        }
        match (digit, digit + 1 < gene.size) {
            (0, _) => 1,
            (_, false) => digit - 1,
            _ => digit + 1 - 2 * (self.random.bits() & 1) as usize,
        }
    }
}

fn within(gene: Gene, value: f64) -> usize {
    value.round().clamp(0.0, (gene.size - 1) as f64) as usize
}

/// The best of a generation and its parents, ranked.
fn survivors(mut all: Vec<Member>, size: usize) -> Vec<Member> {
    // The order in which they were told shall not matter.
    all.sort_by(|a, b| a.digits.cmp(&b.digits));
    let (mut left, hopeless): (Vec<Member>, Vec<Member>) =
        all.into_iter().partition(|m| m.objectives.is_some());
    let mut kept: Vec<Member> = Vec::new();
    let mut rank = 0;
    while kept.len() < size && !left.is_empty() {
        let objectives: Vec<Vec<f64>> = left.iter().filter_map(|m| m.objectives.clone()).collect();
        let chosen: BTreeSet<usize> = pareto::front(&objectives).into_iter().collect();
        let mut front: Vec<Member> = Vec::new();
        let mut rest: Vec<Member> = Vec::new();
        for (i, member) in left.into_iter().enumerate() {
            (if chosen.contains(&i) { &mut front } else { &mut rest }).push(member);
        }
        if front.is_empty() {
            // Objectives that are no numbers.
            break;
        }
        crowd(&mut front);
        front.sort_by(|a, b| b.crowding.total_cmp(&a.crowding));
        front.iter_mut().for_each(|m| m.rank = rank);
        kept.append(&mut front);
        left = rest;
        rank += 1;
    }
    kept.extend(hopeless.into_iter().map(|m| Member { rank, crowding: 0.0, ..m }));
    kept.truncate(size);
    kept
}

/// Crowding distances of a front: how far the neighbours are in every objective, ends infinitely far.
fn crowd(front: &mut [Member]) {
    let objectives: Vec<Vec<f64>> = front.iter().filter_map(|m| m.objectives.clone()).collect();
    let mut distance = vec![0.0; front.len()];
    for o in 0..objectives.first().map_or(0, Vec::len) {
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| objectives[a][o].total_cmp(&objectives[b][o]));
        let (first, last) = (order[0], order[order.len() - 1]);
        let range = objectives[last][o] - objectives[first][o];
        distance[first] = f64::INFINITY;
        distance[last] = f64::INFINITY;
        for w in order.windows(3).filter(|_| range > 0.0) {
            distance[w[1]] += (objectives[w[2]][o] - objectives[w[0]][o]) / range;
        }
    }
    front.iter_mut().zip(distance).for_each(|(m, d)| m.crowding = d);
}

impl Sampler for Nsga2 {
    fn ask(&mut self, count: usize) -> Result<Vec<Digits>> {
        if self.waiting.is_empty() {
            self.propose();
        }
        let kept = self.waiting.len().saturating_sub(count);
        let mut asked = self.waiting.split_off(kept);
        asked.reverse();
        Ok(asked)
    }

    fn tell(&mut self, told: &[Told]) -> Result<()> {
        let looked_at = told.iter().filter(|t| t.trial.is_some());
        self.children.extend(looked_at.map(|t| Member {
            digits: t.digits.to_vec(),
            objectives: t.objectives().map(<[f64]>::to_vec),
            rank: 0,
            crowding: 0.0,
        }));
        Ok(())
    }
}
