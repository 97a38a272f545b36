//! Neurons found in an unrolled loop, by their equations and not by their names.
//!
//! A comparison with a constant is a spike `S`, what it tests is a potential `H`. The expression of a potential, expanded
//! down to earlier potentials and spikes, is
//!
//! ```text
//! H[t] = λ H[t−1] + μ S[t−1] H[t−1] + ν S[t−1] + b + Σ c X[t]
//! ```
//!
//! and says what a spike does: nothing (μ = ν = 0), a subtraction of −ν / λ (μ = 0), or a reset to ν / λ (μ = −λ). That holds
//! for a reset in the step of the spike and, the potential being read at the comparison, for one at the start of the next.

use super::poly::{expand, Atoms, Monomial, Poly};
use super::program::{Id, Kind, Program};
use crate::import::refuse;
use pulvinar_ir::op::neuron::{Compare, Current, Neuron, Reset};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::{BTreeMap, BTreeSet};

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Test {
    membrane: Id,
    threshold: f64,
    strict: bool,
}

/// Nodes times factors.
pub(super) type Terms = Vec<(Id, f64)>;

/// A layer of neurons.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Its constants.
    pub neuron: Neuron,
    /// Its spikes, step by step; one where the steps are not unrolled.
    pub spikes: Vec<Id>,
    /// What drives it in every step: the same number of terms, the first step may have fewer.
    pub drive: Vec<Terms>,
    /// True if its potential enters and leaves a single step.
    pub carried: bool,
}

/// The neurons of a program.
pub(super) struct Cells {
    /// Layers, or why one is none; by the first of its spikes.
    pub cells: Vec<Result<Cell>>,
    /// Cell and step of every spike.
    pub of_spike: BTreeMap<Id, (usize, usize)>,
}

impl Cells {
    /// Steps of the layer that a spike belongs to.
    pub fn length(&self, spike: Id) -> usize {
        let cell = self.of_spike.get(&spike).and_then(|p| self.cells[p.0].as_ref().ok());
        cell.map_or(0, |c| c.spikes.len())
    }
}

/// One potential, expanded.
#[derive(Debug, Clone, Default, PartialEq)]
struct Form {
    previous: Option<Id>,
    keep: f64,
    cut: f64,
    jump: f64,
    bias: f64,
    drive: Terms,
}

/// Finds the neurons.
pub(super) fn find(program: &Program) -> Cells {
    let tests = tests(program);
    let atoms = Atoms {
        membranes: tests.values().map(|t| t.membrane).collect(),
        spikes: tests.keys().copied().collect(),
    };
    let finder = Finder { program, tests: &tests, atoms: &atoms };
    let mut forms = BTreeMap::new();
    let mut follows: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for &m in atoms.membranes.iter().filter(|&&m| program.nodes[m].kind != Kind::State) {
        let form = finder.form(m);
        if let Ok(Form { previous: Some(p), .. }) = &form {
            follows.entry(*p).or_default().push(m);
        }
        forms.insert(m, form);
    }
    let mut found = Cells { cells: Vec::new(), of_spike: BTreeMap::new() };
    for (&m, form) in &forms {
        let first = match form {
            Ok(f) => f.previous.is_none_or(|p| program.nodes[p].kind == Kind::State),
            Err(_) => true,
        };
        if !first {
            continue;
        }
        let mut chain = vec![m];
        while let Some([next]) = follows.get(&chain[chain.len() - 1]).map(Vec::as_slice) {
            chain.push(*next);
        }
        let index = found.cells.len();
        for (step, m) in chain.iter().enumerate() {
            let spikes = tests.iter().filter(|(_, t)| t.membrane == *m).map(|(s, _)| *s);
            found.of_spike.extend(spikes.map(|s| (s, (index, step))));
        }
        found.cells.push(finder.cell(&chain, &forms));
    }
    found
}

/// Comparisons with one threshold for all their neurons, that depend on the input.
fn tests(program: &Program) -> BTreeMap<Id, Test> {
    let mut tests = BTreeMap::new();
    for (id, node) in program.nodes.iter().enumerate() {
        let Kind::Compare { strict } = node.kind else { continue };
        let (a, b) = (node.inputs[0], node.inputs[1]);
        let Some(bound) = program.uniform(b) else { continue };
        let inner = &program.nodes[a];
        let subtracted = match inner.kind {
            Kind::Sub => program.uniform(inner.inputs[1]),
            _ => None,
        };
        let test = match subtracted {
            Some(c) => Test { membrane: inner.inputs[0], threshold: bound + c, strict },
            None => Test { membrane: a, threshold: bound, strict },
        };
        tests.insert(id, test);
    }
    tests
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-3)
}

/// Takes a current out of what a potential keeps, where one node is both.
fn separate(form: &mut Form, id: Id, factor: f64) {
    if form.previous == Some(id) && !form.drive.iter().any(|t| t.0 == id) {
        form.keep -= factor;
        form.drive.push((id, factor));
    }
}

struct Finder<'a> {
    program: &'a Program,
    tests: &'a BTreeMap<Id, Test>,
    atoms: &'a Atoms,
}

impl Finder<'_> {
    fn refuse(&self, id: Id, what: &str) -> Diagnostic {
        refuse(
            "E0515",
            &self.program.nodes[id].name,
            format!("it compares like a neuron, but {what}"),
            "neurons here keep a share of one potential, add a current, and reset to a value or by a subtraction; export \
             the network with the Python exporter, or use such a neuron",
        )
    }

    /// What a membrane is made of.
    fn form(&self, membrane: Id) -> Result<Form> {
        let poly = self.carry(expand(self.program, self.atoms, membrane));
        // A potential that is a current alone is its own term.
        let is_membrane = |id: &Id| *id != membrane && self.is_potential(*id);
        let mut held: BTreeSet<Id> = poly.0.keys().flatten().copied().filter(is_membrane).collect();
        // The first potential of a loop may be the current itself; beside another, it is that current.
        if held.len() > 1 {
            held.retain(|&id| {
                matches!(self.program.nodes[id].kind, Kind::Add | Kind::Sub | Kind::Mul | Kind::State)
            });
        }
        let previous = match held.iter().copied().collect::<Vec<_>>()[..] {
            [] => None,
            [p] => Some(p),
            _ => return Err(self.refuse(membrane, "its potential depends on several others")),
        };
        // A spike of state that entered is that of the step before, read from what left it.
        let carried = previous.is_some_and(|p| self.program.nodes[p].kind == Kind::State);
        let of = |t: &Test| Some(t.membrane) == previous || (carried && t.membrane == membrane);
        let own: Vec<Id> = self.tests.iter().filter(|(_, t)| of(t)).map(|(s, _)| *s).collect();
        let mut form = Form { previous, ..Form::default() };
        for (monomial, &factor) in &poly.0 {
            self.place(&mut form, membrane, monomial, factor, &own)?;
        }
        Ok(form)
    }

    fn place(&self, form: &mut Form, at: Id, monomial: &Monomial, factor: f64, own: &[Id]) -> Result<()> {
        let previous = form.previous;
        match monomial[..] {
            [] => form.bias = factor,
            [a] if Some(a) == previous => form.keep = factor,
            [a] if own.contains(&a) => form.jump = factor,
            [a] => form.drive.push((a, factor)),
            [a, b]
                if previous.is_some_and(|p| (p == a && own.contains(&b)) || (p == b && own.contains(&a))) =>
            {
                form.cut = factor;
            }
            _ if monomial.iter().any(|a| own.contains(a)) => {
                return Err(self.refuse(at, "a spike also acts on the current of the step after it"));
            }
            _ => return Err(self.refuse(at, "its current is multiplied by spikes")),
        }
        Ok(())
    }

    /// True for potentials: what is compared, and state that enters the program.
    fn is_potential(&self, id: Id) -> bool {
        self.atoms.membranes.contains(&id) || self.program.nodes[id].kind == Kind::State
    }

    /// State that enters a step is what left the step before: potential after reset in terms of that before.
    fn carry(&self, poly: Poly) -> Poly {
        let state = poly.0.keys().flatten().copied().find(|&id| self.program.nodes[id].kind == Kind::State);
        let Some((state, &next)) = state.and_then(|s| Some((s, self.program.next.get(&s)?))) else {
            return poly;
        };
        let left = if self.atoms.membranes.contains(&next) {
            return poly;
        } else {
            expand(self.program, self.atoms, next)
        };
        // The potential of this step, read a step later, plays the part of the state.
        let now = left.0.keys().flatten().copied().find(|id| self.atoms.membranes.contains(id));
        let spikes: BTreeSet<Id> = self.atoms.spikes.clone();
        let Some(now) = now else { return poly };
        let renamed = left.0.iter().map(|(m, c)| {
            let mut m: Monomial = m.iter().map(|&id| if id == now { state } else { id }).collect();
            m.sort_unstable();
            (m, *c)
        });
        let left = Poly(renamed.collect());
        let mut all = Poly::default();
        for (m, c) in &poly.0 {
            let rest: Monomial = m.iter().copied().filter(|id| *id != state).collect();
            let factor = Poly(BTreeMap::from([(rest, *c)]));
            all = all.plus(1.0, &if m.contains(&state) { factor.times(&left, &spikes) } else { factor });
        }
        all
    }

    /// The layer of a chain of membranes.
    fn cell(&self, chain: &[Id], forms: &BTreeMap<Id, Result<Form>>) -> Result<Cell> {
        let mut parts = chain.iter().map(|m| forms[m].clone()).collect::<Result<Vec<Form>>>()?;
        let mut spikes = Vec::with_capacity(chain.len());
        let mut test = None;
        for &m in chain {
            let here: Vec<(&Id, &Test)> = self.tests.iter().filter(|(_, t)| t.membrane == m).collect();
            let [(&spike, t)] = here[..] else {
                return Err(self.refuse(m, "one potential is compared with several thresholds"));
            };
            let same = test.is_none_or(|u: Test| u.strict == t.strict && close(u.threshold, t.threshold));
            if !same {
                return Err(self.refuse(m, "its threshold changes from step to step"));
            }
            test = Some(*t);
            spikes.push(spike);
        }
        let test = test.expect("invariant: a chain holds at least one membrane");
        let current = Self::current(&mut parts);
        let rule = parts.last().cloned().unwrap_or_default();
        // One current in every step: in the second, the first potential stands for itself and for the current.
        if let ([first, _, _, ..], None) = (chain, current) {
            let own = rule.drive.iter().find(|t| t.0 == *first).copied();
            own.into_iter().for_each(|(id, factor)| separate(&mut parts[1], id, factor));
        }
        let entered = self.tests.values().filter(|t| rule.previous == Some(t.membrane));
        if entered.clone().any(|t| t.strict != test.strict || !close(t.threshold, test.threshold)) {
            return Err(self.refuse(chain[0], "it resets at another threshold than it fires at"));
        }
        self.steady(chain, &parts, &rule)?;
        let neuron = Neuron { current, ..self.neuron(chain, &parts, &rule, test)? };
        let mut drive: Vec<Terms> = parts.into_iter().map(|p| p.drive).collect();
        if neuron.input_gain != 1.0 {
            drive.iter_mut().flatten().for_each(|term| term.1 = 1.0);
        }
        let carried = rule.previous.is_some_and(|p| self.program.nodes[p].kind == Kind::State);
        Ok(Cell { neuron, spikes, drive, carried })
    }

    /// A current that decays: the terms of a step are those of the step before times one factor, and a new one. Leaves the
    /// newest term of every step.
    fn current(parts: &mut [Form]) -> Option<Current> {
        let last = parts.len().checked_sub(1).filter(|n| *n >= 2)?;
        let newest_first = |f: &Form| {
            let mut terms = f.drive.clone();
            terms.sort_unstable_by_key(|t| std::cmp::Reverse(t.0));
            terms
        };
        let rule = newest_first(&parts[last]);
        let [(_, gain), (_, before), ..] = rule[..] else { return None };
        let leak = before / gain;
        let decays = rule.windows(2).all(|w| close(w[1].1 / w[0].1, leak));
        if rule.len() != last + 1 || !decays || !(0.0..1.0).contains(&leak) {
            return None;
        }
        // The first potential may be the first current itself: in the second step it stands for both.
        let (first, _) = *rule.last()?;
        let mut second = parts[1].clone();
        if second.drive.len() == 1 {
            separate(&mut second, first, gain * leak);
        }
        let same = |t: usize, f: &Form| {
            let terms = newest_first(f);
            terms.len() == t + 1 && terms.iter().zip(&rule).all(|(a, b)| close(a.1, b.1))
        };
        let steps = (0..=last).map(|t| if t == 1 { &second } else { &parts[t] }).enumerate();
        if !steps.into_iter().all(|(t, f)| same(t, f)) {
            return None;
        }
        parts[1] = second;
        for part in parts.iter_mut() {
            part.drive = newest_first(part).into_iter().take(1).collect();
        }
        Some(Current { leak, delayed: false, reset: false })
    }

    /// All steps but the first have the same constants; the first has the same currents.
    fn steady(&self, chain: &[Id], parts: &[Form], rule: &Form) -> Result<()> {
        for (i, part) in parts.iter().enumerate() {
            let constants = |f: &Form| [f.keep, f.cut, f.jump, f.bias];
            let same = constants(part).iter().zip(constants(rule)).all(|(a, b)| close(*a, b));
            let terms =
                part.drive.len() == rule.drive.len() || (i == 0 && part.drive.len() < rule.drive.len());
            if (i > 0 && !same) || !terms {
                return Err(self.refuse(chain[i], "its equation changes from step to step"));
            }
        }
        Ok(())
    }

    fn neuron(&self, chain: &[Id], parts: &[Form], rule: &Form, test: Test) -> Result<Neuron> {
        let at = chain[0];
        let Form { keep, cut, jump, bias, .. } = *rule;
        let zero = |v: f64| v.abs() <= 1e-9;
        let reset = if zero(cut) && zero(jump) {
            Reset::None
        } else if zero(cut) && keep > 0.0 {
            Reset::Subtract { value: -jump / keep }
        } else if close(cut, -keep) && keep > 0.0 {
            Reset::Value { value: jump / keep }
        } else {
            return Err(
                self.refuse(at, "what a spike leaves of the potential is neither a value nor a difference")
            );
        };
        // The sign of a negative zero would be printed.
        let reset = match reset {
            Reset::Subtract { value: 0.0 } => Reset::None,
            Reset::Value { value: 0.0 } => Reset::Value { value: 0.0 },
            other => other,
        };
        let unrolled = chain.len() > 1;
        let start = if unrolled && keep > 0.0 { (parts[0].bias - bias) / keep } else { 0.0 };
        let initial = if start.abs() <= 1e-7 { 0.0 } else { start };
        let input_gain = match rule.drive[..] {
            [(_, c)] if c > 0.0 && parts.iter().all(|p| p.drive.iter().all(|t| close(t.1, c))) => c,
            _ => 1.0,
        };
        Ok(Neuron {
            leak: keep,
            input_gain,
            input_bias: bias,
            threshold: test.threshold,
            compare: if test.strict { Compare::Above } else { Compare::AtLeast },
            reset,
            initial,
            ..Neuron::default()
        })
    }
}
