//! Emitter: a program becomes modules of instances, memory images and a test bench.

mod accumulate;
mod attend;
mod bench;
pub mod connections;
mod control;
mod core;
mod decode;
mod folds;
mod format;
mod gates;
mod image;
mod lanes;
mod machine;
mod neuron;
mod out;
mod sparse;
mod sweep;
mod synapse;
mod top;

pub use bench::{bench, run_files, settings, Answer, Drive, Dump};
pub use format::Format;
pub use neuron::neuron_module;
pub use out::selective;

use self::core::number;
use crate::netlist::{print, Parameter};
use pulvinar_ir::arch::Sync;
use pulvinar_ir::{Diagnostic, Program, Result};
use pulvinar_simulator::prepare::phase::PhasePlan;
use pulvinar_simulator::Machine;

/// What to emit.
#[derive(Debug, Clone)]
pub struct EmitOptions {
    /// Tag every packet and bring out what the trace shows; for simulation only.
    pub trace: bool,
    /// Hash of everything the design was made from, for the register `BUILD`.
    pub build: u64,
}

/// The Verilog of a program.
#[derive(Debug, Clone)]
pub struct Design {
    /// Emitted modules: file name and text.
    pub modules: Vec<(String, String)>,
    /// Memory images: file name and text.
    pub images: Vec<(String, String)>,
    /// Bits of the input stream's data.
    pub s_axis_bits: u32,
    /// Bits of the output stream's data.
    pub m_axis_bits: u32,
    /// Bits of an AXI4-Lite byte address.
    pub address_bits: u32,
    /// Cycles in which memories are zeroed before an inference.
    pub clear_cycles: usize,
    /// Widths of the flits.
    pub format: Format,
    /// Routers that are there.
    pub routers: Vec<usize>,
}

/// What every part of the emitter reads.
pub struct Shared<'a> {
    pub(crate) machine: &'a Machine<'a>,
    pub(crate) phase: &'a PhasePlan,
    pub(crate) format: Format,
    pub(crate) clear_bits: u32,
    pub(crate) core_bits: u32,
    pub(crate) options: &'a EmitOptions,
}

/// Widths of the flit's fields as parameters of the units that know them.
fn flit_parameters(format: &Format) -> Vec<(&'static str, Parameter)> {
    vec![
        ("DEST_BITS", number(format.dest as usize)),
        ("STREAM_BITS", number(format.stream as usize)),
        ("STEP_BITS", number(format.step as usize)),
        ("COUNT_BITS", number(format.count as usize)),
        ("PAYLOAD_BITS", number(format.payload as usize)),
    ]
}

/// Refuses programs that have no RTL.
pub fn check(program: &Program, machine: &Machine<'_>) -> Result<()> {
    let refuse =
        |place: &str, message: String, help: &str| Err(Diagnostic::new("E0807", place, message, help));
    if program.phases.len() != 1 || machine.dram {
        let message = "the program uses external memory during an inference".to_owned();
        return refuse(
            "program",
            message,
            "choose a larger chip, so that everything fits in one phase, and spill_sram or recompute",
        );
    }
    if program.arch.noc.sync == Sync::Barrier {
        return refuse("noc.sync", "a barrier has no RTL".to_owned(), "use sync = \"tokens\"");
    }
    for (key, value) in
        [("core.lanes", program.arch.core.lanes), ("core.attention_lanes", program.arch.core.attention_lanes)]
    {
        if !value.is_power_of_two() || value > 128 {
            return refuse(key, format!("{value} lanes have no RTL"), "give a power of two up to 128");
        }
    }
    let banks = program.arch.core.accumulator_banks;
    let sparse = |s: &pulvinar_ir::Stage| {
        s.synapses.iter().any(|y| matches!(program.graph.node(y.node).op, pulvinar_ir::Op::Sparse(_)))
    };
    if !banks.is_power_of_two() && program.stages.iter().any(sparse) {
        let message = format!("stored connections on {banks} banks have no RTL");
        return refuse("core.accumulator_banks", message, "give a power of two");
    }
    Ok(())
}

/// Emits the design of a program.
pub fn emit(machine: &Machine<'_>, options: &EmitOptions) -> Result<Design> {
    check(machine.program, machine)?;
    let phase = &machine.phases[0];
    let mut shared = Shared {
        machine,
        phase,
        format: Format::of(machine, phase, options.trace),
        clear_bits: 32,
        core_bits: crate::netlist::index_bits(phase.cores.len() + 1).max(1),
        options,
    };
    // The widths of addresses to be zeroed are known only when all cores are: build twice.
    let words = build_cores(&shared)?.iter().map(|c| c.clear_words).max().unwrap_or(1);
    shared.clear_bits = crate::netlist::index_bits(words);
    let cores = build_cores(&shared)?;
    let mut images: Vec<(String, String)> = Vec::new();
    let mut modules = Vec::new();
    for core in cores {
        modules.push((format!("{}.v", core.module.name), print(&core.module)));
        images.extend(core.files);
    }
    let (machine_module, host) = machine::build(&shared);
    modules.push(("machine.v".to_owned(), print(&machine_module)));
    let address_bits = shared.core_bits + 8;
    let top = top::build(&shared, &host, words.max(2), address_bits);
    modules.push(("top.v".to_owned(), print(&top)));
    Ok(Design {
        modules,
        images,
        s_axis_bits: host.s_bits,
        m_axis_bits: host.m_bits,
        address_bits: address_bits.max(10),
        clear_cycles: words.max(2),
        routers: host.routers,
        format: shared.format,
    })
}

fn build_cores(shared: &Shared<'_>) -> Result<Vec<core::Core>> {
    shared.phase.cores.iter().enumerate().map(|(i, plan)| core::build(shared, plan, i)).collect()
}
