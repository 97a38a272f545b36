//! The front of the points selected.

use super::least;
use super::select::Selected;
use crate::metrics::{self, Metric};
use crate::pareto;
use crate::space::Goal;
use pulvinar_ir::{Diagnostic, Result};
use std::cmp::Ordering;

/// Points that none of the others beats in every objective.
#[derive(Debug, Clone)]
pub struct Front {
    /// Objectives.
    pub objectives: Vec<&'static Metric>,
    /// Objectives with the worst value that counts of each, and bounds.
    pub goal: Goal,
    /// Rows of the front by their index, sorted by the objectives; of rows with equal objectives the first.
    pub members: Vec<usize>,
    /// Further rows with the objectives of a member, in the order of the members.
    pub equals: Vec<usize>,
    /// Rows within the reference and the bounds.
    pub within: Vec<usize>,
    /// Volume of what the front beats, up to the reference, in the product of the units of the objectives.
    pub hypervolume: f64,
    /// The same as a share of the box between the ideal values ([`Metric::ideal`]) and the reference.
    pub share: f64,
}

/// The front for a goal. A reference that is not given is the worst value of the points that keep the bounds.
///
/// # Errors
/// E0902 for an objective that is no metric, E0932 if a point lacks one, E0934 if no point is within bounds and reference.
pub fn front(selected: &Selected, goal: &Goal) -> Result<Front> {
    let find = |name: &String| {
        let known = || metrics::METRICS.iter().map(|m| m.name);
        metrics::find(name).ok_or_else(|| crate::keys::unknown("metric", name, known(), "--objectives"))
    };
    let objectives = goal.objectives.iter().map(find).collect::<Result<Vec<_>>>()?;
    selected.check(&objectives)?;
    one_fidelity(selected)?;
    let rows = &selected.rows;
    let points: Vec<(usize, Vec<f64>)> =
        rows.iter().enumerate().filter_map(|(i, r)| Some((i, goal.minimised(&r.metrics)?))).collect();
    let goal = with_reference(goal, &objectives, &points);
    let reference: Vec<f64> = objectives.iter().map(|m| least(m, goal.reference[m.name])).collect();
    let inside = |p: &[f64]| p.iter().zip(&reference).all(|(v, r)| v <= r);
    let (within, counted): (Vec<usize>, Vec<Vec<f64>>) =
        points.iter().filter(|(_, p)| inside(p)).cloned().unzip();
    if within.is_empty() {
        return Err(empty(&objectives, &goal, points.len(), rows.len()));
    }
    let mut order = pareto::front(&counted);
    let compare = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne());
    order.sort_by(|&a, &b| compare(&counted[a], &counted[b]).unwrap_or(Ordering::Equal));
    let kept: Vec<Vec<f64>> = order.iter().map(|&i| counted[i].clone()).collect();
    let equals = kept.iter().map(|p| counted.iter().filter(|q| *q == p).count() - 1).collect();
    let members: Vec<usize> = order.iter().map(|&i| within[i]).collect();
    let unit: Vec<Vec<f64>> = members.iter().filter_map(|&i| goal.unit(&rows[i].metrics)).collect();
    let hypervolume = pareto::hypervolume(&kept, &reference);
    let share = pareto::hypervolume(&unit, &vec![1.0; objectives.len()]);
    Ok(Front { objectives, goal, members, equals, within, hypervolume, share })
}

/// Refuses points of two fidelities (E0936): the same point would beat itself.
fn one_fidelity(selected: &Selected) -> Result<()> {
    let is = |name: &String| name == "fidelity";
    let both = selected.varying.iter().find(|v| is(&v.key) || v.along.iter().any(is));
    let Some(both) = both else { return Ok(()) };
    let count = |value: usize| both.of_row.iter().filter(|v| **v == value).count();
    let counts: Vec<String> =
        both.values.iter().enumerate().map(|(i, name)| format!("{} by {name}", count(i))).collect();
    Err(Diagnostic::new(
        "E0936",
        "front",
        format!("the points selected are of several fidelities: {}", counts.join(", ")),
        "give --fidelity cycle, or --fidelity analytic: then what was simulated too is marked as confirmed",
    ))
}

/// The goal with a reference for every objective.
fn with_reference(goal: &Goal, objectives: &[&Metric], points: &[(usize, Vec<f64>)]) -> Goal {
    let mut goal = goal.clone();
    for (d, m) in objectives.iter().enumerate() {
        let worst = points.iter().map(|(_, p)| p[d]).fold(f64::NEG_INFINITY, f64::max);
        goal.reference.entry(m.name.to_owned()).or_insert(least(m, worst));
    }
    goal
}

fn empty(objectives: &[&Metric], goal: &Goal, admitted: usize, all: usize) -> Diagnostic {
    let names: Vec<&str> = objectives.iter().map(|m| m.name).collect();
    let place = format!("front of {}", names.join(", "));
    if admitted == 0 {
        let bounds: Vec<&str> = goal.bounds.keys().map(String::as_str).collect();
        let message = format!("none of the {all} points keeps the bounds of {}", bounds.join(", "));
        return Diagnostic::new("E0934", place, message, "loosen a bound, or run further points");
    }
    let given: Vec<String> = goal.reference.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let message = format!("none of the {admitted} points is within the reference {}", given.join(", "));
    Diagnostic::new("E0934", place, message, "give a worse reference, or none: then the worst point is it")
}

impl Front {
    /// Whether a row is a member.
    pub fn holds(&self, row: usize) -> bool {
        self.members.contains(&row)
    }

    /// The member that is best in an objective; of several the first.
    pub fn best(&self, selected: &Selected, objective: usize) -> Option<usize> {
        let metric = self.objectives.get(objective)?;
        let value = |i: usize| least(metric, selected.rows[i].metrics[metric.name]);
        self.members.iter().copied().min_by(|&a, &b| value(a).total_cmp(&value(b)))
    }

    /// The member that is nearest to the best values of all objectives, each as a share of its range on the front.
    pub fn knee(&self, selected: &Selected) -> Option<usize> {
        let points: Vec<Vec<f64>> =
            self.members.iter().filter_map(|&i| self.goal.minimised(&selected.rows[i].metrics)).collect();
        let ends = |d: usize| {
            let of = || points.iter().map(|p| p[d]);
            (of().fold(f64::INFINITY, f64::min), of().fold(f64::NEG_INFINITY, f64::max))
        };
        let ends: Vec<(f64, f64)> = (0..self.objectives.len()).map(ends).collect();
        let far = |p: &Vec<f64>| -> f64 {
            p.iter()
                .zip(&ends)
                .map(|(v, (lo, hi))| ((v - lo) / (hi - lo).max(f64::MIN_POSITIVE)).powi(2))
                .sum()
        };
        let at = (0..points.len()).min_by(|&a, &b| far(&points[a]).total_cmp(&far(&points[b])))?;
        self.members.get(at).copied()
    }

    /// Members that were confirmed by simulation.
    pub fn confirmed(&self, selected: &Selected) -> usize {
        self.members.iter().filter(|&&i| selected.confirmed.contains_key(&selected.rows[i].key)).count()
    }
}
