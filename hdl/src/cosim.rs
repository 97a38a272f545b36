//! Co-simulation: the same inputs through simulator and RTL, listings compared line by line.

use crate::emit::{bench, emit, run_files, Answer, Design, Drive, EmitOptions};
use crate::{rtl, tool};
use pulvinar_ir::trace::Trace;
use pulvinar_ir::{Diagnostic, Result, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The Verilog simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulator {
    /// Icarus Verilog: no build time, slow.
    Icarus,
    /// Verilator: some seconds to build, fast.
    Verilator,
}

/// What was compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreement {
    /// Inferences.
    pub inferences: usize,
    /// Lines of the listings.
    pub lines: usize,
    /// Cycles simulated.
    pub cycles: u64,
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|e| {
        Diagnostic::new("E0802", path.display().to_string(), e.to_string(), "choose a folder that can be written")
    })?;
    Ok(path)
}

/// Writes a design, the primitives and the test bench into a folder; gives the sources.
pub fn write_sources(dir: &Path, machine: &Machine<'_>, design: &Design) -> Result<Vec<PathBuf>> {
    let mut sources = rtl::write_to(dir)?;
    for (name, text) in &design.modules {
        sources.push(write(dir, name, text)?);
    }
    for (name, text) in &design.images {
        write(dir, name, text)?;
    }
    sources.push(write(dir, "bench.v", &bench(machine, design))?);
    Ok(sources)
}

/// Runs inputs through both and compares; the error shows the first difference with what surrounds it.
pub fn compare(
    dir: &Path,
    machine: &Machine<'_>,
    inputs: &[&Value],
    drive: &Drive,
    simulator: Simulator,
) -> Result<Agreement> {
    compare_edited(dir, machine, inputs, drive, simulator, &|_| Ok(()))
}

/// The same with a design that `edit` has changed, in the folder of its sources, before the run.
pub fn compare_edited(
    dir: &Path,
    machine: &Machine<'_>,
    inputs: &[&Value],
    drive: &Drive,
    simulator: Simulator,
    edit: &dyn Fn(&Path) -> Result<()>,
) -> Result<Agreement> {
    let design = emit(machine, &EmitOptions { trace: true, build: 0 })?;
    let sources = write_sources(dir, machine, &design)?;
    edit(dir)?;
    let options = SimOptions {
        engine: EngineKind::Fast,
        trace: true,
        output_busy: drive.output_busy,
        ..SimOptions::default()
    };
    let exact = drive.input_gap.is_none();
    let (mut answers, mut traces, mut cycles) = (Vec::new(), Vec::new(), 0);
    for input in inputs {
        let mut run = machine.simulate(input, &options)?;
        let trace = run.trace.take().unwrap_or_default();
        answers.push(Answer::of(machine, &design.format, &run, &trace, exact));
        cycles += run.counts.cycles;
        traces.push(trace);
    }
    for (name, text) in run_files(machine, &design.format, inputs, &answers, drive) {
        write(dir, &name, &text)?;
    }
    let printed = match simulator {
        Simulator::Icarus => tool::icarus(dir, "bench", &sources, &[])?,
        Simulator::Verilator => tool::verilator(dir, "bench", &sources, &[])?,
    };
    let listing = std::fs::read_to_string(dir.join("trace.txt")).map_err(|e| {
        Diagnostic::new("E0804", "trace.txt", e.to_string(), "the test bench did not run")
    })?;
    let mut lines = 0;
    if exact {
        let parts: Vec<&str> = listing.split_inclusive('\n').collect();
        let mut sections: Vec<String> = Vec::new();
        for line in parts {
            match sections.last_mut() {
                _ if line.starts_with("inference") => sections.push(String::new()),
                Some(section) => section.push_str(line),
                None => {}
            }
        }
        for (i, (section, want)) in sections.iter().zip(&traces).enumerate() {
            lines += same(i, section, want)?;
        }
    }
    if !printed.contains("PASS") {
        return Err(Diagnostic::new("E0808", "test bench", printed, "see the lines above"));
    }
    Ok(Agreement { inferences: inputs.len(), lines, cycles })
}

/// Lines of two listings that agree; the error shows the first that do not.
fn same(inference: usize, have: &str, want: &Trace) -> Result<usize> {
    let mut have = Trace::parse(have).map_err(|line| {
        Diagnostic::new("E0808", format!("trace.txt, line {line}"), "cannot be read", "the design gives undefined values")
    })?;
    have.sort();
    let first = have.entries.iter().zip(&want.entries).position(|(a, b)| a != b);
    let first = first.or((have.entries.len() != want.entries.len()).then(|| have.entries.len().min(want.entries.len())));
    let Some(at) = first else { return Ok(have.entries.len()) };
    let mut text = String::new();
    for (name, trace) in [("simulator", want), ("RTL", &have)] {
        let end = trace.entries.len().min(at + 4);
        let shown = Trace { entries: trace.entries[at.saturating_sub(4).min(end)..end].to_vec() };
        let _ = write!(text, "{name}:\n{shown}");
    }
    Err(Diagnostic::new(
        "E0808",
        format!("inference {inference}, line {}", at + 1),
        format!("simulator and RTL differ:\n{text}"),
        "one of them breaks docs/machine.md",
    ))
}
