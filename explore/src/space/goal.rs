//! What is looked for, as numbers to minimise.

use crate::metrics::{self, Metric, Values};
use pulvinar_ir::{Diagnostic, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Metrics, see [`metrics::METRICS`]; at least one.
    pub objectives: Vec<String>,
    /// Worst value of each objective that still counts (reference point of the hypervolume), by name.
    #[serde(default)]
    pub reference: BTreeMap<String, f64>,
    /// What a point must come to, by metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bounds: BTreeMap<String, Limit>,
}

/// Least and greatest value of a metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Goal {
    /// True if these metrics keep every bound; a metric that is not there breaks its own.
    pub fn admits(&self, values: &Values) -> bool {
        self.bounds.iter().all(|(name, limit)| {
            values.get(name).is_some_and(|v| {
                limit.at_least.is_none_or(|least| *v >= least) && limit.at_most.is_none_or(|most| *v <= most)
            })
        })
    }

    /// Metrics of the objectives.
    pub fn metrics(&self) -> Vec<&'static Metric> {
        self.objectives.iter().filter_map(|name| metrics::find(name)).collect()
    }

    /// The objectives of a point as numbers to minimise, in the order of the objectives: what is maximised is negated. None
    /// if the point lacks one or breaks a bound.
    pub fn minimised(&self, values: &Values) -> Option<Vec<f64>> {
        if !self.admits(values) {
            return None;
        }
        let one = |m: &&Metric| values.get(m.name).map(|v| if m.maximise { -v } else { *v });
        self.metrics().iter().map(one).collect()
    }

    /// The objectives of a point as numbers to minimise, each scaled so that 0 is ideal ([`Metric::ideal`]) and 1 its
    /// reference. The hypervolume of such points up to (1, .., 1) is a share of the box between reference and ideal.
    /// None if the point lacks an objective or breaks a bound, or the goal has no reference.
    pub fn unit(&self, values: &Values) -> Option<Vec<f64>> {
        if !self.admits(values) {
            return None;
        }
        let one = |m: &&Metric| {
            let (value, reference) = (values.get(m.name)?, self.reference.get(m.name)?);
            Some((value - m.ideal()) / (reference - m.ideal()))
        };
        self.metrics().iter().map(one).collect()
    }

    /// Refuses a goal without a reference point, or with one that no point can beat (E0912).
    pub fn check_reference(&self, place: &str) -> Result<()> {
        let refuse = |m: &Metric, message: String| {
            let help = format!("give the worst value that still counts, `{} = ...` in [reference]", m.name);
            Err(Diagnostic::new("E0912", format!("{place}: reference.{}", m.name), message, help))
        };
        for m in self.metrics() {
            let beatable = |r: f64| r.is_finite() && if m.maximise { r < m.ideal() } else { r > m.ideal() };
            match self.reference.get(m.name) {
                None => {
                    let message = "the reference point of the hypervolume has no value here";
                    return refuse(m, message.to_owned());
                }
                Some(r) if !beatable(*r) => {
                    return refuse(m, format!("no point is better than {r}: {} is ideal", m.ideal()));
                }
                Some(_) => (),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pareto;

    fn goal() -> Goal {
        let objectives = vec!["accuracy".to_owned(), "latency_us".to_owned()];
        let reference = [("accuracy".to_owned(), 0.5), ("latency_us".to_owned(), 200.0)].into();
        Goal { objectives, reference, ..Goal::default() }
    }

    fn values(accuracy: f64, latency_us: f64) -> Values {
        [("accuracy".to_owned(), accuracy), ("latency_us".to_owned(), latency_us)].into()
    }

    #[test]
    fn the_share_of_the_box_has_no_units() {
        let points = [values(0.75, 100.0), values(1.0, 150.0), values(0.7, 120.0), values(0.4, 10.0)];
        let minimised: Vec<Vec<f64>> = points.iter().map(|v| goal().minimised(v).unwrap()).collect();
        assert_eq!(minimised[0], [-0.75, 100.0]);
        assert_eq!(pareto::front(&minimised), [0, 1, 3]);
        let unit: Vec<Vec<f64>> = points.iter().map(|v| goal().unit(v).unwrap()).collect();
        assert_eq!(unit[0], [0.5, 0.5]);
        // The fourth is worse than the reference.
        assert_eq!(pareto::hypervolume(&unit, &[1.0, 1.0]).to_bits(), (0.5 * 0.5 + 0.5 * 0.25f64).to_bits());
        assert!(goal().minimised(&Values::new()).is_none());
        let least = Limit { at_least: Some(0.7), ..Limit::default() };
        let bound = Goal { bounds: [("accuracy".to_owned(), least)].into(), ..goal() };
        let kept: Vec<bool> = points.iter().map(|v| bound.minimised(v).is_some()).collect();
        assert_eq!(kept, [true, true, true, false]);
    }

    #[test]
    fn a_reference_must_be_there_and_beatable() {
        assert!(goal().check_reference("SPACE.toml").is_ok());
        for (name, value) in [("accuracy", Some(1.0)), ("latency_us", Some(0.0)), ("latency_us", None)] {
            let mut wrong = goal();
            wrong.reference.remove(name);
            value.map(|v| wrong.reference.insert(name.to_owned(), v));
            let refusal = wrong.check_reference("SPACE.toml").unwrap_err();
            assert!(refusal.code == "E0912" && refusal.place.contains(name), "{refusal}");
        }
    }
}
