//! The front part of a core, unit by unit and cycle by cycle, against the simulator's plain units.

mod incoming;
mod sparse;
mod store;
mod synapse;

use pulvinar_hdl::{rtl, tool};
use pulvinar_simulator::noc::traffic::random;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Numbers that depend on the seed and the order of the calls.
pub struct Rng {
    seed: u64,
    index: u64,
}

impl Rng {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Rng {
        Rng { seed, index: 0 }
    }
    /// In `lo..=hi`.
    pub fn within(&mut self, lo: usize, hi: usize) -> usize {
        self.index += 1;
        lo + (random(self.seed, 0, self.index) % (hi - lo + 1) as u64) as usize
    }
    /// In `lo..=hi`.
    pub fn signed(&mut self, lo: i64, hi: i64) -> i64 {
        lo + self.within(0, (hi - lo) as usize) as i64
    }
    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.within(0, 99) < percent
    }
    /// One of several.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.within(0, of.len() - 1)]
    }
}

/// Fields, highest first, as a hexadecimal word; negative values in two's complement.
pub fn hex(fields: &[(i64, u32)]) -> String {
    let mut bits = String::new();
    for &(value, width) in fields {
        (0..width).rev().for_each(|b| bits.push(if value >> b.min(63) & 1 == 1 { '1' } else { '0' }));
    }
    let padded = format!("{}{bits}", "0".repeat((4 - bits.len() % 4) % 4));
    let digit = |i: usize| u8::from_str_radix(&padded[i..i + 4], 2).expect("four binary digits");
    (0..padded.len()).step_by(4).fold(String::new(), |mut s, i| {
        let _ = write!(s, "{:x}", digit(i));
        s
    })
}

/// A bench in a folder of its own.
pub struct Bench {
    dir: tempfile::TempDir,
    sources: Vec<PathBuf>,
}

impl Bench {
    /// The bench's text, its constants, and the front part's primitives.
    pub fn new(text: &str, constants: &[(&str, usize)]) -> Bench {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let names = [
            "accumulator.v",
            "address_generator.v",
            "banked_accumulator.v",
            "event_queue.v",
            "fifo.v",
            "interface_in.v",
            "lookup.v",
            "pointer_queue.v",
            "ram.v",
            "rom.v",
            "sparse_source.v",
            "spike_store.v",
            "synapse_engine.v",
        ];
        let all = rtl::write_to(dir.path()).expect("the folder can be written");
        let named = |p: &Path| names.iter().any(|n| p.file_name().is_some_and(|f| f == *n));
        let mut bench = Bench { dir, sources: all.into_iter().filter(|p| named(p)).collect() };
        let header = constants.iter().map(|(n, v)| format!("localparam {n} = {v};\n")).collect::<String>();
        bench.write("case.vh", &header);
        bench.source("bench.v", text);
        bench
    }

    /// A file that the bench reads. Its last line ends: Verilator leaves out one of a memory that does not.
    pub fn write(&self, name: &str, text: &str) {
        let text = format!("{}\n", text.trim_end());
        std::fs::write(self.dir.path().join(name), text).expect("the folder can be written");
    }

    /// One more source file.
    pub fn source(&mut self, name: &str, text: &str) {
        self.write(name, text);
        self.sources.push(self.dir.path().join(name));
    }

    /// `-Wall` of Verilator over a module and what it instantiates.
    pub fn lint(&self, top: &str) {
        let own = |p: &&PathBuf| p.file_name().is_some_and(|f| f != "bench.v");
        let sources: Vec<PathBuf> = self.sources.iter().filter(own).cloned().collect();
        tool::lint(self.dir.path(), top, &sources).unwrap_or_else(|e| panic!("{e}"));
    }

    /// Runs the bench and compares its trace line by line.
    pub fn check(&self, seed: u64, expected: &[String], verilator: bool) {
        let run = if verilator { tool::verilator } else { tool::icarus };
        let got = run(self.dir.path(), "bench", &self.sources, &["PULVINAR_ASSERT"])
            .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let lines: Vec<&str> = got.lines().filter(|l| !l.contains("$finish")).collect();
        for (i, want) in expected.iter().enumerate() {
            let from = i.saturating_sub(6);
            let before = lines[from.min(lines.len())..i.min(lines.len())].join("\n");
            let line = lines.get(i).copied().unwrap_or("(nothing)");
            assert_eq!(line, want, "seed {seed}, line {i}, after\n{before}");
        }
        assert_eq!(lines.len(), expected.len(), "seed {seed}: more lines than expected");
    }
}
