//! Co-simulation: the same inputs through simulator and RTL, listings compared line by line.

use crate::emit::{bench, emit, run_files, settings, Answer, Design, Drive, Dump, EmitOptions};
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
    /// Sums of activity counters, of the last inference, layer by layer.
    pub counters: usize,
}

/// Beats of input that the test bench holds.
const MAX_BEATS: usize = 1 << 18;

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|e| {
        Diagnostic::new(
            "E0802",
            path.display().to_string(),
            e.to_string(),
            "choose a folder that can be written",
        )
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

/// Runs inputs through both and compares; the error shows the first difference with what surrounds it, and a waveform
/// of the RTL around it is left as `difference.vcd`.
pub fn compare(
    dir: &Path,
    machine: &Machine<'_>,
    inputs: &[&Value],
    drive: &Drive,
    simulator: Simulator,
) -> Result<Agreement> {
    compare_edited(dir, machine, inputs, drive, simulator, &|_, text| text)
}

/// The same with sources that `edit` (file name, text) has changed, to show that a fault is found.
pub fn compare_edited(
    dir: &Path,
    machine: &Machine<'_>,
    inputs: &[&Value],
    drive: &Drive,
    simulator: Simulator,
    edit: &dyn Fn(&str, String) -> String,
) -> Result<Agreement> {
    let design = emit(machine, &EmitOptions { trace: true, build: 0 })?;
    let sources = write_sources(dir, machine, &design)?;
    edit_files(&sources, edit)?;
    let exact = drive.input_gap.is_none();
    let (answers, traces, cycles) = simulate(machine, &design, inputs, drive)?;
    for (name, text) in run_files(machine, &design.format, inputs, &answers, drive) {
        if text.lines().count() > MAX_BEATS {
            let message = format!("the test bench holds {MAX_BEATS} beats of input");
            return Err(Diagnostic::new("E0806", name, message, "give fewer inputs"));
        }
        write(dir, &name, &text)?;
    }
    let printed = match simulator {
        Simulator::Icarus => tool::icarus(dir, "bench", &sources, &[])?,
        Simulator::Verilator => tool::verilator(dir, "bench", &sources, &[])?,
    };
    let listing = std::fs::read_to_string(dir.join("trace.txt"))
        .map_err(|e| Diagnostic::new("E0804", "trace.txt", e.to_string(), "the test bench did not run"))?;
    let mut lines = 0;
    for (i, (section, want)) in sections(&listing).iter().zip(&traces).enumerate().filter(|_| exact) {
        let have = parse(section)?;
        let Some(at) = first_difference(&have, want) else {
            lines += have.entries.len();
            continue;
        };
        let cycle = [&have, want].iter().filter_map(|t| Some(t.entries.get(at)?.0)).min().unwrap_or(0);
        let waveform =
            dump(dir, &sources, simulator, &settings(inputs.len(), drive, Some(around(i, cycle))))?;
        let text = format!(
            "simulator and RTL differ:\n{}waveform of the RTL around cycle {cycle}: {}",
            surroundings(at, &have, want),
            waveform.display()
        );
        let place = format!("inference {i}, line {}", at + 1);
        return Err(Diagnostic::new("E0808", place, text, "one of them breaks docs/machine.md"));
    }
    if !printed.contains("PASS") {
        return Err(Diagnostic::new("E0808", "test bench", printed, "see the lines above"));
    }
    let mut counters = 0;
    if let Some(last) = inputs.last().filter(|_| exact) {
        let options = SimOptions { output_busy: drive.output_busy, ..SimOptions::default() };
        counters = crate::counters::compare(dir, machine, &machine.simulate(last, &options)?.counts)?;
    }
    Ok(Agreement { inferences: inputs.len(), lines, cycles, counters })
}

fn edit_files(sources: &[PathBuf], edit: &dyn Fn(&str, String) -> String) -> Result<()> {
    for path in sources {
        let failed = |e: std::io::Error| {
            Diagnostic::new(
                "E0802",
                path.display().to_string(),
                e.to_string(),
                "choose a folder that can be written",
            )
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let edited = edit(&name, text.clone());
        if edited != text {
            std::fs::write(path, edited).map_err(failed)?;
        }
    }
    Ok(())
}

/// Simulated answers and traces of inputs, and all their cycles.
pub fn simulate(
    machine: &Machine<'_>,
    design: &Design,
    inputs: &[&Value],
    drive: &Drive,
) -> Result<(Vec<Answer>, Vec<Trace>, u64)> {
    let options = SimOptions {
        engine: EngineKind::Fast,
        trace: true,
        output_busy: drive.output_busy,
        ..SimOptions::default()
    };
    let (mut answers, mut traces, mut cycles) = (Vec::new(), Vec::new(), 0);
    for input in inputs {
        let mut run = machine.simulate(input, &options)?;
        let trace = run.trace.take().unwrap_or_default();
        answers.push(Answer::of(machine, &design.format, &run, &trace, drive.input_gap.is_none()));
        cycles += run.counts.cycles;
        traces.push(trace);
    }
    Ok((answers, traces, cycles))
}

/// The listing of each inference.
fn sections(listing: &str) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for line in listing.split_inclusive('\n') {
        match sections.last_mut() {
            _ if line.starts_with("inference") => sections.push(String::new()),
            Some(section) => section.push_str(line),
            None => {}
        }
    }
    sections
}

fn parse(listing: &str) -> Result<Trace> {
    let mut trace = Trace::parse(listing).map_err(|line| {
        Diagnostic::new(
            "E0808",
            format!("trace.txt, line {line}"),
            "cannot be read",
            "the design gives undefined values",
        )
    })?;
    trace.sort();
    Ok(trace)
}

/// The first entry in which two listings differ.
fn first_difference(have: &Trace, want: &Trace) -> Option<usize> {
    let (have, want) = (&have.entries, &want.entries);
    let first = have.iter().zip(want).position(|(a, b)| a != b);
    first.or((have.len() != want.len()).then(|| have.len().min(want.len())))
}

/// The entries around one in both listings.
fn surroundings(at: usize, have: &Trace, want: &Trace) -> String {
    let mut text = String::new();
    for (name, trace) in [("simulator", want), ("RTL", have)] {
        let end = trace.entries.len().min(at + 4);
        let shown = Trace { entries: trace.entries[at.saturating_sub(4).min(end)..end].to_vec() };
        let _ = write!(text, "{name}:\n{shown}");
    }
    text
}

/// Cycles of a waveform on each side of the cycle it is about.
const MARGIN: u64 = 24;

fn around(inference: usize, cycle: u64) -> Dump {
    let first = cycle.saturating_sub(MARGIN);
    Dump { inference, first, cycles: cycle + MARGIN + 1 - first }
}

/// Runs the bench once more, with a waveform; gives its file.
fn dump(dir: &Path, sources: &[PathBuf], simulator: Simulator, settings: &str) -> Result<PathBuf> {
    write(dir, "run.mem", settings)?;
    match simulator {
        Simulator::Icarus => tool::icarus(dir, "bench", sources, &[])?,
        Simulator::Verilator => tool::verilator_traced(dir, "bench", sources, &[])?,
    };
    let path = dir.join("difference.vcd");
    std::fs::rename(dir.join("bench.vcd"), &path).map_err(|e| {
        Diagnostic::new("E0804", "bench.vcd", e.to_string(), "the test bench wrote no waveform")
    })?;
    Ok(path)
}
