//! Hardware units, one a file, with the names the RTL uses.

pub mod accesses;
pub mod accumulator;
pub mod attention_engine;
pub mod control;
pub mod core;
pub mod dram;
pub mod encoder;
pub mod event_queue;
pub mod frame_buffer;
pub mod frame_dma;
pub mod gate_memory;
pub mod host_port;
pub mod injector;
pub mod interface_in;
pub mod loader;
pub mod memory_controller;
pub mod offers;
pub mod packer;
pub mod reader;
pub mod spike_store;
pub mod statistics;
pub mod sweep_counts;
pub mod synapse_engine;
pub mod update_engine;
