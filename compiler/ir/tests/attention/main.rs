//! Attention modules and the ops they need, against oracles written from their equations.

mod conv1d;
mod support;
