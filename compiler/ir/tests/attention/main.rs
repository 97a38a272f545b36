//! Attention modules and the ops they need, against oracles written from their equations.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; gates of 0 or 1 are exact

mod asa;
mod cases;
mod conv1d;
mod fsta;
mod gac;
mod ma_neuron;
mod spiking_attention;
mod squeeze_excite;
mod step_attention;
mod stsc;
mod support;
mod ta_snn;
mod tcja;
mod top_k;
