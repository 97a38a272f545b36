//! The build folder: everything a user of the Verilog needs, as texts by path.
//!
//! Nothing depends on the time or the machine: the same program, network and inputs give the same bytes. Tools run in
//! `build/`, where the Makefile copies the memory images to, so that `$readmemh` finds them by name in every tool.

mod core_file;
mod readme;

use crate::emit::{emit, run_files, Answer, Design, Drive, EmitOptions};
use crate::netlist::index_bits;
use crate::{registers, rtl};
use pulvinar_ir::trace::{Entry, Trace};
use pulvinar_ir::{Diagnostic, Result, StreamKind, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A build folder in memory.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Texts by path, `/` between folders.
    pub files: BTreeMap<String, String>,
    /// Hash of everything the design was made from: the registers `BUILD_LOW`, `BUILD_HIGH` and the file `BUILD`.
    pub build: u64,
    /// Simulated cycles of each input.
    pub cycles: Vec<u64>,
    /// Cycles between the start of an inference and its cycle 0, in which memories are zeroed.
    pub clear_cycles: u64,
}

/// Bits of a beat of the output stream, lowest first: address, value, filling up to `content`, step, stream, last, end.
#[derive(Debug, Clone, Copy)]
struct Output {
    address: u32,
    value: u32,
    content: u32,
    end_bit: u32,
}

/// What the templates are filled with.
struct Facts<'a> {
    machine: &'a Machine<'a>,
    design: &'a Design,
    output: Output,
    /// Bits of address, value and empty mark of an input beat.
    beat: u32,
    build: u64,
    /// Files of the design, then those of the board, in the order of their names.
    sources: Vec<String>,
    board: Vec<String>,
    cycles: &'a [u64],
}

impl Facts<'_> {
    fn name(&self) -> String {
        let raw = self.machine.program.graph.name.chars();
        raw.map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
    }

    fn stamp(&self) -> String {
        format!("Pulvinar {}, build {:016x}", env!("CARGO_PKG_VERSION"), self.build)
    }
}

/// Streams whose events end at the host.
fn host_streams(machine: &Machine<'_>) -> Vec<u32> {
    let phase = &machine.phases[0];
    let ends = |s: &u32| {
        let stream = &phase.streams[*s as usize];
        stream.kind == StreamKind::Events && stream.destinations.contains(&phase.host)
    };
    (0..phase.streams.len() as u32).filter(ends).collect()
}

fn output(machine: &Machine<'_>, design: &Design) -> Output {
    let format = &design.format;
    let slots = host_streams(machine).into_iter().map(|s| format.slots[s as usize]);
    let (address, value) = slots.fold((1, 1), |(a, v), s| (s.address.max(a), s.value.max(v)));
    let content = (address + value).max(format.packets);
    Output { address, value, content, end_bit: content + format.step + format.stream + 1 }
}

/// First 64 bits of the hash of all that the design is made from.
fn build_hash(machine: &Machine<'_>, design: &Design) -> u64 {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(machine.program.arch.to_toml());
    for (name, text) in design.modules.iter().chain(&design.images) {
        hash.update(name);
        hash.update(text);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Names of the primitives that some modules use, themselves or through others.
pub fn primitives_of(texts: &[&str]) -> BTreeSet<&'static str> {
    let mut used = BTreeSet::new();
    let mut open: Vec<&str> = texts.to_vec();
    while let Some(text) = open.pop() {
        let words: BTreeSet<&str> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
        for (file, inner) in rtl::PRIMITIVES {
            if words.contains(file.trim_end_matches(".v")) && used.insert(*file) {
                open.push(inner);
            }
        }
    }
    used
}

/// Sum of the values of every output address over an inference.
fn sums(machine: &Machine<'_>, trace: &Trace) -> Vec<i64> {
    let phase = &machine.phases[0];
    let ends = host_streams(machine);
    let len = |s: &u32| machine.program.graph.node(phase.streams[*s as usize].node).ty.shape.step_len();
    let mut sums = vec![0; ends.iter().map(len).max().unwrap_or(1)];
    for (_, entry) in &trace.entries {
        if let Entry::Event { stream, address, value, .. } = entry {
            if ends.contains(stream) {
                sums[*address as usize] += value;
            }
        }
    }
    sums
}

/// Expected answers of the inputs, and the sums of the first one's output.
fn answers(machine: &Machine<'_>, design: &Design, inputs: &[&Value]) -> Result<(Vec<Answer>, Vec<i64>)> {
    let options = SimOptions { engine: EngineKind::Fast, trace: true, ..SimOptions::default() };
    let (mut answers, mut first) = (Vec::new(), Vec::new());
    for input in inputs {
        let mut run = machine.simulate(input, &options)?;
        let trace = run.trace.take().unwrap_or_default();
        if answers.is_empty() {
            first = sums(machine, &trace);
        }
        answers.push(Answer::of(machine, &design.format, &run, &trace, true));
    }
    Ok((answers, first))
}

/// Makes the folder of a program, with a test bench that runs `inputs` and a board that plays the first of them.
pub fn folder(machine: &Machine<'_>, inputs: &[&Value]) -> Result<Folder> {
    if inputs.is_empty() {
        return Err(Diagnostic::new("E0806", "inputs", "there is no input to play", "give at least 1"));
    }
    let draft = emit(machine, &EmitOptions { trace: false, build: 0 })?;
    let build = build_hash(machine, &draft);
    let design = emit(machine, &EmitOptions { trace: false, build })?;
    let (answers, sums) = answers(machine, &design, inputs)?;
    let cycles: Vec<u64> = answers.iter().map(|a| a.cycles).collect();
    let slot = design.format.slots[machine.phases[0].host_stream.unwrap_or(0) as usize];
    let texts: Vec<&str> = design.modules.iter().map(|(_, text)| text.as_str()).collect();
    let mut sources: Vec<String> = primitives_of(&texts).into_iter().map(|n| format!("rtl/{n}")).collect();
    sources.extend(design.modules.iter().map(|(name, _)| format!("rtl/{name}")));
    let facts = Facts {
        machine,
        design: &design,
        output: output(machine, &design),
        beat: slot.address + slot.value.max(1) + 1,
        build,
        sources,
        board: vec!["rtl/fpga_harness.v".to_owned(), "rtl/board.v".to_owned()],
        cycles: &cycles,
    };
    let mut files = sources_of(&facts);
    for (name, text) in &design.images {
        files.insert(format!("mem/{name}"), text.clone());
    }
    for (name, text) in run_files(machine, &design.format, inputs, &answers, &Drive::default()) {
        files.insert(format!("tb/{name}"), text);
    }
    board_files(&facts, inputs[0], &answers[0], &sums, &mut files);
    tool_files(&facts, &mut files);
    let clear_cycles = design.clear_cycles as u64 + 1;
    Ok(Folder { files, build, cycles, clear_cycles })
}

/// Modules and test bench.
fn sources_of(facts: &Facts<'_>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut put = |path: String, text: &str| {
        files.insert(path, format!("// {}.\n{text}", facts.stamp()));
    };
    for (name, text) in rtl::PRIMITIVES {
        let path = format!("rtl/{name}");
        if facts.sources.contains(&path) || facts.board.contains(&path) {
            put(path, text);
        }
    }
    for (name, text) in &facts.design.modules {
        put(format!("rtl/{name}"), text);
    }
    put("tb/bench.v".to_owned(), &crate::emit::bench(facts.machine, facts.design));
    files
}

/// The board, its stored inference and its test bench.
fn board_files(
    facts: &Facts<'_>,
    input: &Value,
    answer: &Answer,
    sums: &[i64],
    files: &mut BTreeMap<String, String>,
) {
    let (design, output) = (facts.design, facts.output);
    let one = run_files(facts.machine, &design.format, &[input], &[*answer], &Drive::default());
    let stimulus =
        one.into_iter().find(|(n, _)| n == "stimulus.mem").map(|(_, text)| text).unwrap_or_default();
    let winner = (1..sums.len()).fold(0, |best, i| if sums[i] > sums[best] { i } else { best });
    let line = format!("{winner:04X} {:08X}", answer.cycles);
    let score = output.value + index_bits(facts.machine.steps) + 1;
    let numbers = [
        ("A_BITS", design.address_bits as usize),
        ("S_BITS", design.s_axis_bits as usize),
        ("M_BITS", design.m_axis_bits as usize),
        ("BEATS", stimulus.lines().count()),
        ("BEAT", facts.beat as usize),
        ("ADDRESS", output.address as usize),
        ("VALUE", output.value as usize),
        ("END", output.end_bit as usize),
        ("CLASSES", sums.len()),
        ("SCORE", score as usize),
    ];
    let mut board = include_str!("../templates/board.v.in").to_owned();
    for (key, value) in numbers {
        board = board.replace(&format!("@{key}@"), &value.to_string());
    }
    let bench = include_str!("../templates/bench_board.v.in")
        .replace("@LINE@", &line)
        .replace("@DIGIT@", &format!("{:x}", winner % 16));
    let stamp = facts.stamp();
    files.insert("rtl/board.v".to_owned(), format!("// {stamp}.\n{board}"));
    files.insert("tb/bench_board.v".to_owned(), format!("// {stamp}.\n{bench}"));
    files.insert("mem/board.mem".to_owned(), stimulus);
}

/// Scripts, constraints, lists and documents.
fn tool_files(facts: &Facts<'_>, files: &mut BTreeMap<String, String>) {
    let stamp = format!("# {}.\n", facts.stamp());
    let above = |names: &[String]| names.iter().map(|n| format!("../{n}")).collect::<Vec<_>>().join(" ");
    let design = above(&facts.sources);
    let all = format!("{design} {}", above(&facts.board));
    for (path, template, sources) in [
        ("Makefile", include_str!("../templates/Makefile.in"), ""),
        ("scripts/ecp5.ys", include_str!("../templates/ecp5.ys.in"), all.as_str()),
        ("scripts/ice40.ys", include_str!("../templates/ice40.ys.in"), &all),
        ("scripts/xilinx.ys", include_str!("../templates/xilinx.ys.in"), &design),
        ("scripts/vivado.tcl", include_str!("../templates/vivado.tcl.in"), &design),
        ("constraints/clock.xdc", include_str!("../templates/clock.xdc"), ""),
        ("constraints/ulx3s.lpf", include_str!("../templates/ulx3s.lpf"), ""),
        ("constraints/icebreaker.pcf", include_str!("../templates/icebreaker.pcf"), ""),
    ] {
        files.insert(path.to_owned(), stamp.clone() + &template.replace("@SOURCES@", sources));
    }
    files.insert("files.f".to_owned(), facts.sources.join("\n") + "\n");
    files.insert("board.f".to_owned(), facts.board.join("\n") + "\n");
    files.insert("registers.h".to_owned(), registers::c_header(facts.design.address_bits));
    files.insert("BUILD".to_owned(), facts.stamp() + "\n");
    files.insert("pulvinar.core".to_owned(), core_file::core_file(facts, files));
    files.insert("README.md".to_owned(), readme::readme(facts));
}

/// Writes a folder's files into an existing folder.
pub fn fill(dir: &Path, folder: &Folder) -> Result<()> {
    let failed = |path: &Path, e: std::io::Error| {
        let place = path.display().to_string();
        Diagnostic::new("E0802", place, e.to_string(), "choose a folder that can be written")
    };
    for (name, text) in &folder.files {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| failed(parent, e))?;
        }
        std::fs::write(&path, text).map_err(|e| failed(&path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::primitives_of;

    #[test]
    fn primitives_are_found_through_each_other() {
        let text = "// ram in a comment\n  wire rom;\n  host_port #(\n    .X(1)\n  ) host (\n";
        let found = primitives_of(&[text]);
        assert!(
            ["host_port.v", "packer.v", "injector.v", "fifo.v"].iter().all(|n| found.contains(n)),
            "{found:?}"
        );
        assert!(!found.contains("router.v") && !found.contains("rom.v"), "{found:?}");
    }
}
