//! Design-space exploration: from a space of chips, options and networks to a store of results.
//!
//! ```text
//! SPACE.toml ─ space ─▶ plan (points, each with its key) ─ sweep ─▶ evaluate ─▶ store (one row a key)
//! ```
//!
//! * A [`config::Config`] holds everything that determines a result; every leaf of it is a *key* such as `core.lanes`.
//! * A [`point::Key`] is a hash of the configuration and of the contents it names; equal keys mean equal results.
//! * A [`plan::Plan`] lists points with their keys; it needs no other file than the networks and data it names.
//! * [`search::search`] proposes points in place of a plan, where earlier ones were good.
//! * [`evaluate::Evaluator`] makes a row of one point; [`store::Store`] keeps rows; [`sweep::run`] does what is missing.
//!
//! Nothing here prints. See `docs/explore.md`.

pub mod chips;
pub mod cluster;
pub mod config;
pub mod evaluate;
mod files;
pub mod frame;
pub mod group;
pub mod keys;
pub mod mapping;
pub mod memories;
pub mod metrics;
pub mod network;
pub mod pareto;
pub mod parts;
pub mod plan;
pub mod point;
pub mod recent;
pub mod results;
pub mod sample;
pub mod scalar;
pub mod search;
pub mod sobol;
pub mod space;
pub mod store;
pub mod sweep;

pub use config::{Config, Fidelity};
pub use evaluate::{Evaluator, Limits};
pub use frame::Frame;
pub use plan::Plan;
pub use point::{Key, Point};
pub use scalar::{Scalar, Settings};
pub use space::Space;
pub use store::{Row, Status, Store};
