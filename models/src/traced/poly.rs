//! Expressions of membranes and spikes as polynomials over nodes: sums of products with one factor each.

use super::program::{Id, Kind, Program};
use std::collections::{BTreeMap, BTreeSet};

/// Most terms of a polynomial.
const MAX_TERMS: usize = 64;
/// Deepest expression that is expanded.
const MAX_DEPTH: usize = 64;

/// A product of nodes, ascending; empty for 1.
pub(super) type Monomial = Vec<Id>;

/// A polynomial.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Poly(pub BTreeMap<Monomial, f64>);

impl Poly {
    fn constant(value: f64) -> Self {
        Poly(BTreeMap::from([(Vec::new(), value)]))
    }

    fn atom(id: Id) -> Self {
        Poly(BTreeMap::from([(vec![id], 1.0)]))
    }

    /// `self + factor · other`.
    pub fn plus(mut self, factor: f64, other: &Self) -> Self {
        for (m, c) in &other.0 {
            *self.0.entry(m.clone()).or_default() += factor * c;
        }
        self.0.retain(|_, c| *c != 0.0);
        self
    }

    /// The product; spikes are 0 or 1, so that their squares are themselves.
    pub fn times(&self, other: &Self, spikes: &BTreeSet<Id>) -> Self {
        let mut product = Poly::default();
        for (a, x) in &self.0 {
            for (b, y) in &other.0 {
                let mut m = [a.as_slice(), b].concat();
                m.sort_unstable();
                let mut last = None;
                m.retain(|&id| {
                    let again = last == Some(id) && spikes.contains(&id);
                    last = Some(id);
                    !again
                });
                *product.0.entry(m).or_default() += x * y;
            }
        }
        product.0.retain(|_, c| *c != 0.0);
        product
    }
}

/// Where expansion stops.
pub(super) struct Atoms {
    /// Potentials: what a comparison tests.
    pub membranes: BTreeSet<Id>,
    /// Comparisons.
    pub spikes: BTreeSet<Id>,
}

/// The polynomial of a node; the node itself is expanded, whatever it is.
pub(super) fn expand(program: &Program, atoms: &Atoms, id: Id) -> Poly {
    Expansion { program, atoms, known: BTreeMap::new() }.inside(id, 0)
}

struct Expansion<'a> {
    program: &'a Program,
    atoms: &'a Atoms,
    known: BTreeMap<Id, Poly>,
}

impl Expansion<'_> {
    fn at(&mut self, id: Id, depth: usize) -> Poly {
        if self.atoms.membranes.contains(&id) || self.atoms.spikes.contains(&id) || depth > MAX_DEPTH {
            return Poly::atom(id);
        }
        if let Some(poly) = self.known.get(&id) {
            return poly.clone();
        }
        let poly = self.inside(id, depth);
        self.known.insert(id, poly.clone());
        poly
    }

    fn inside(&mut self, id: Id, depth: usize) -> Poly {
        let node = &self.program.nodes[id];
        if let Some(value) = self.program.uniform(id) {
            return Poly::constant(value);
        }
        if !matches!(node.kind, Kind::Add | Kind::Sub | Kind::Mul) {
            return Poly::atom(id);
        }
        let (a, b) = (self.at(node.inputs[0], depth + 1), self.at(node.inputs[1], depth + 1));
        let poly = match node.kind {
            Kind::Add => a.plus(1.0, &b),
            Kind::Sub => a.plus(-1.0, &b),
            // The product of two currents is a gate, and stays one.
            _ if self.is_state(&a) || self.is_state(&b) => a.times(&b, &self.atoms.spikes),
            _ => return Poly::atom(id),
        };
        if poly.0.len() > MAX_TERMS {
            return Poly::atom(id);
        }
        poly
    }

    /// True for what is made of constants and spikes.
    fn is_state(&self, poly: &Poly) -> bool {
        poly.0.keys().flatten().all(|id| self.atoms.spikes.contains(id))
    }
}
