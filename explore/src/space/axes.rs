//! Axes and constraints.

use crate::scalar::Scalar;

/// Keys that take values together.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Keys; one, or several that change together.
    pub keys: Vec<String>,
    /// Rows of values, one value a key.
    pub values: Vec<Vec<Scalar>>,
}

/// How several values become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Their sum.
    Sum,
    /// Their product.
    Product,
}

/// A number, or the value of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// This number.
    Number(f64),
    /// The value of this key.
    Key(String),
}

/// A bound on the sum or product of some keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// Sum or product.
    pub fold: Fold,
    /// What is summed or multiplied.
    pub of: Vec<Term>,
    /// Least value.
    pub at_least: Option<Term>,
    /// Greatest value.
    pub at_most: Option<Term>,
}

impl Constraint {
    /// True if it holds; a key without a number breaks it.
    pub fn holds(&self, number: &impl Fn(&str) -> Option<f64>) -> bool {
        let value = |term: &Term| match term {
            Term::Number(n) => Some(*n),
            Term::Key(key) => number(key),
        };
        let parts = self.of.iter().map(value).collect::<Option<Vec<f64>>>();
        let Some(parts) = parts else { return false };
        let folded: f64 = match self.fold {
            Fold::Sum => parts.iter().sum(),
            Fold::Product => parts.iter().product(),
        };
        let bound = |term: &Option<Term>, holds: fn(f64, f64) -> bool| {
            term.as_ref().is_none_or(|t| value(t).is_some_and(|v| holds(folded, v)))
        };
        bound(&self.at_least, |a, b| a >= b) && bound(&self.at_most, |a, b| a <= b)
    }
}
