//! Values of keys.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Value of one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number, finite.
    Real(f64),
    /// A word.
    Text(String),
}

/// Values by key, in the order of the keys.
pub type Settings = BTreeMap<String, Scalar>;

impl Scalar {
    /// The value as a real number; none of words.
    pub fn number(&self) -> Option<f64> {
        match self {
            Scalar::Bool(_) | Scalar::Text(_) => None,
            Scalar::Int(v) => Some(*v as f64),
            Scalar::Real(v) => Some(*v),
        }
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Scalar::Bool(v) => (*v).into(),
            Scalar::Int(v) => (*v).into(),
            Scalar::Real(v) => (*v).into(),
            Scalar::Text(v) => v.clone().into(),
        }
    }

    /// A JSON leaf; none for null, lists and objects.
    pub fn of_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Bool(v) => Some(Scalar::Bool(*v)),
            serde_json::Value::Number(n) => n.as_i64().map(Scalar::Int).or(n.as_f64().map(Scalar::Real)),
            serde_json::Value::String(v) => Some(Scalar::Text(v.clone())),
            _ => None,
        }
    }

    /// A TOML leaf; none for dates, lists, tables and numbers that are not finite.
    pub fn of_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Boolean(v) => Some(Scalar::Bool(*v)),
            toml::Value::Integer(v) => Some(Scalar::Int(*v)),
            toml::Value::Float(v) if v.is_finite() => Some(Scalar::Real(*v)),
            toml::Value::String(v) => Some(Scalar::Text(v.clone())),
            _ => None,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(v) => write!(f, "{v}"),
            Scalar::Int(v) => write!(f, "{v}"),
            Scalar::Real(v) => write!(f, "{v}"),
            Scalar::Text(v) => f.write_str(v),
        }
    }
}
