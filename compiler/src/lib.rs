//! Compiler of Pulvinar: passes from a trained graph to integers.
//!
//! ```
//! use pulvinar_compiler::{lower, quantise, Calibration, Options};
//! use pulvinar_ir::{Graph, Result, Value};
//!
//! fn compile(trained: &Graph, samples: &[Value]) -> Result<Graph> {
//!     let options = Options::default();
//!     let lowered = lower(trained, &options)?;
//!     let calibration = Calibration::from_inputs(&lowered, samples)?;
//!     quantise(&lowered, &options, Some(&calibration))
//! }
//! ```

pub mod calibrate;
pub mod map;
pub mod options;
pub mod pass;

pub use calibrate::Calibration;
pub use options::{LayerOptions, Options};
pub use pass::{lower, quantise, run_pipeline, Pass, PASSES};
