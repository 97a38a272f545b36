//! Which keys decide a metric.
//!
//! The share of a key is the part of the variance of the metric that the key alone explains: the variance of the means of
//! points with equal value of the key over the variance of all points. On a grid this is Sobol's first-order index of the key
//! (Sobol, Math. Model. Comput. Exp. 1 (1993) 407; Saltelli et al., Global Sensitivity Analysis, Wiley 2008, ch. 1), known
//! in the analysis of variance as the correlation ratio. What k values explain of n points by chance, (k - 1) / (n - 1), is
//! taken off as Kelley's epsilon squared does (PNAS 21 (1935) 554). Metrics above zero enter as logarithms, so that
//! halving counts as much as doubling.
//!
//! The total share is the part of the variance that remains when all other keys are known: the mean variance among points
//! that differ in this key only, over the variance of all (total-effect index; Homma and Saltelli, Reliab. Eng. Syst. Saf. 52
//! (1996) 1). It needs such points: a grid has them, a random sample hardly any, and then it is not given.

use super::select::{Selected, Varying};
use crate::metrics::Metric;
use std::collections::BTreeMap;

/// Share of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// Index of the key in [`Selected::varying`].
    pub key: usize,
    /// Share of the variance that the key alone explains, 0 to 1.
    pub alone: f64,
    /// Share with all that it does together with other keys; none without points that differ in it only.
    pub total: Option<f64>,
}

/// Least points in groups that differ in one key only, as a share of all, for a total share.
const ENOUGH: f64 = 0.5;

/// Shares of all varying keys in a metric of all rows, the largest first; nothing if the metric is the same everywhere.
pub fn importance(selected: &Selected, metric: &Metric) -> Vec<Importance> {
    let raw: Vec<f64> = selected.rows.iter().map(|r| r.metrics[metric.name]).collect();
    let log = raw.iter().all(|v| *v > 0.0);
    let values: Vec<f64> = raw.iter().map(|v| if log { v.ln() } else { *v }).collect();
    let total = spread(values.iter().copied());
    if total <= 1e-12 * raw.len() as f64 {
        return Vec::new();
    }
    let of = |key: usize| Importance {
        key,
        alone: alone(&selected.varying[key], &values, total),
        total: with_others(selected, key, &values, total),
    };
    let mut found: Vec<Importance> = (0..selected.varying.len()).map(of).collect();
    let size = |i: &Importance| i.total.unwrap_or(i.alone).max(i.alone);
    found.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.key.cmp(&b.key)));
    found
}

/// Sum of squares around the mean.
fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (n, sum) = values.clone().fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v));
    let mean = sum / f64::max(n, 1.0);
    values.map(|v| (v - mean).powi(2)).sum()
}

/// Sum of squares within groups, number of groups, and of values in groups of two or more.
fn within<K: Ord>(groups: impl Iterator<Item = K>, values: &[f64]) -> (f64, usize, usize) {
    let mut by: BTreeMap<K, Vec<f64>> = BTreeMap::new();
    groups.zip(values).for_each(|(key, v)| by.entry(key).or_default().push(*v));
    let inside = by.values().map(|g| spread(g.iter().copied())).sum();
    let shared = by.values().filter(|g| g.len() > 1).map(Vec::len).sum();
    (inside, by.len(), shared)
}

fn alone(key: &Varying, values: &[f64], total: f64) -> f64 {
    let (inside, groups, _) = within(key.of_row.iter(), values);
    let n = values.len() as f64;
    if groups as f64 >= n {
        return 0.0;
    }
    (1.0 - inside / total * (n - 1.0) / (n - groups as f64)).clamp(0.0, 1.0)
}

fn with_others(selected: &Selected, key: usize, values: &[f64], total: f64) -> Option<f64> {
    let own = &selected.varying[key];
    // A key that follows from this one is no other key.
    let follows = |other: &Varying| {
        let mut to: BTreeMap<usize, usize> = BTreeMap::new();
        own.of_row.iter().zip(&other.of_row).all(|(a, b)| *to.entry(*a).or_insert(*b) == *b)
    };
    let others: Vec<&Varying> = selected
        .varying
        .iter()
        .enumerate()
        .filter(|(k, v)| *k != key && !follows(v))
        .map(|(_, v)| v)
        .collect();
    let group = |i: usize| others.iter().map(|v| v.of_row[i]).collect::<Vec<usize>>();
    let (inside, _, shared) = within((0..values.len()).map(group), values);
    if (shared as f64) < ENOUGH * values.len() as f64 {
        return None;
    }
    Some((inside / total).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;
    use crate::results::select::tests::grid;

    /// y = 4a + 2b + ab on a full grid of -1 and 1: variances 16, 4 and 1 of 21.
    #[test]
    fn shares_are_those_of_the_analysis_of_variance() {
        let selected = grid(&[-1, 1], |a, b| 100.0 * (0.01 * (4.0 * a + 2.0 * b + a * b)).exp(), 50);
        let metric = metrics::find("latency_us").unwrap();
        let found = importance(&selected, metric);
        let names: Vec<&str> = found.iter().map(|i| selected.varying[i.key].key.as_str()).collect();
        assert_eq!(names, ["core.lanes", "core.queue_events", "seed"], "{found:?}");
        for (i, (alone, total)) in found.iter().zip([(16.0, 17.0), (4.0, 5.0), (0.0, 0.0)]) {
            assert!((i.alone - alone / 21.0).abs() < 0.02, "{found:?}");
            assert!((i.total.unwrap() - total / 21.0).abs() < 0.02, "{found:?}");
        }
    }

    #[test]
    fn a_metric_that_does_not_vary_has_no_shares() {
        let selected = grid(&[-1, 1], |_, _| 5.0, 2);
        assert!(importance(&selected, metrics::find("latency_us").unwrap()).is_empty());
    }
}
