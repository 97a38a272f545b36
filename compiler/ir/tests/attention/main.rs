//! Attention modules and the ops they need, against oracles written from their equations.

mod cases;
mod conv1d;
mod ma_neuron;
mod spiking_attention;
mod step_attention;
mod stsc;
mod support;
mod ta_snn;
