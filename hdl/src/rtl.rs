//! The hand-written primitives, embedded so that a build folder is complete without the sources of this crate.

use pulvinar_ir::{Diagnostic, Result};
use std::path::{Path, PathBuf};

/// File name and text of every primitive, by name.
pub const PRIMITIVES: &[(&str, &str)] = &[
    ("accumulator.v", include_str!("../rtl/accumulator.v")),
    ("address_generator.v", include_str!("../rtl/address_generator.v")),
    ("arbiter.v", include_str!("../rtl/arbiter.v")),
    ("arrivals.v", include_str!("../rtl/arrivals.v")),
    ("attention_engine.v", include_str!("../rtl/attention_engine.v")),
    ("attention_lane.v", include_str!("../rtl/attention_lane.v")),
    ("axi_lite.v", include_str!("../rtl/axi_lite.v")),
    ("control.v", include_str!("../rtl/control.v")),
    ("counters.v", include_str!("../rtl/counters.v")),
    ("banked_accumulator.v", include_str!("../rtl/banked_accumulator.v")),
    ("encoder.v", include_str!("../rtl/encoder.v")),
    ("event_queue.v", include_str!("../rtl/event_queue.v")),
    ("fifo.v", include_str!("../rtl/fifo.v")),
    ("fpga_harness.v", include_str!("../rtl/fpga_harness.v")),
    ("host_port.v", include_str!("../rtl/host_port.v")),
    ("inbox.v", include_str!("../rtl/inbox.v")),
    ("injector.v", include_str!("../rtl/injector.v")),
    ("input_vc.v", include_str!("../rtl/input_vc.v")),
    ("interface_in.v", include_str!("../rtl/interface_in.v")),
    ("islip.v", include_str!("../rtl/islip.v")),
    ("list_source.v", include_str!("../rtl/list_source.v")),
    ("lookup.v", include_str!("../rtl/lookup.v")),
    ("one_hot_mux.v", include_str!("../rtl/one_hot_mux.v")),
    ("or_rows.v", include_str!("../rtl/or_rows.v")),
    ("output_port.v", include_str!("../rtl/output_port.v")),
    ("packer.v", include_str!("../rtl/packer.v")),
    ("pointer_queue.v", include_str!("../rtl/pointer_queue.v")),
    ("ram.v", include_str!("../rtl/ram.v")),
    ("rom.v", include_str!("../rtl/rom.v")),
    ("router.v", include_str!("../rtl/router.v")),
    ("sequencer.v", include_str!("../rtl/sequencer.v")),
    ("shell.v", include_str!("../rtl/shell.v")),
    ("sparse_source.v", include_str!("../rtl/sparse_source.v")),
    ("spike_store.v", include_str!("../rtl/spike_store.v")),
    ("statistics.v", include_str!("../rtl/statistics.v")),
    ("switch_allocator.v", include_str!("../rtl/switch_allocator.v")),
    ("synapse_engine.v", include_str!("../rtl/synapse_engine.v")),
    ("update_engine.v", include_str!("../rtl/update_engine.v")),
    ("value_memory.v", include_str!("../rtl/value_memory.v")),
];

/// Writes every primitive into a folder; gives their paths.
pub fn write_to(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |path: &Path, e: std::io::Error| {
        Diagnostic::new(
            "E0802",
            path.display().to_string(),
            e.to_string(),
            "choose a folder that can be written",
        )
    };
    std::fs::create_dir_all(dir).map_err(|e| failed(dir, e))?;
    let write = |(name, text): &(&str, &str)| {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|e| failed(&path, e))?;
        Ok(path)
    };
    PRIMITIVES.iter().map(write).collect()
}
