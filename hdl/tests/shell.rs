//! The shell in Verilog: register map, transfers, runs that are stopped, restarted and repeated, counters.
#![allow(clippy::unwrap_used)] // tests

use pulvinar_hdl::registers::{self, BITS, COUNTERS, REGISTERS, WINDOW_BYTES};
use pulvinar_hdl::{rtl, tool};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const CORES: usize = 2;
const LANES: usize = 4;
const EACH: usize = 11 + LANES;
const PULSE_CYCLES: usize = 60;
const ADDR_BITS: u32 = 11;

/// Counter-based random numbers.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x ^ x >> 31
    }
}

/// A list of transfers with the words its reads must give.
struct Script {
    ops: String,
    count: usize,
    want: Vec<String>,
    rng: Rng,
}

fn address(name: &str) -> u32 {
    REGISTERS.iter().find(|r| r.name == name).unwrap().offset
}

fn bit(register: &str, name: &str) -> u32 {
    1 << BITS.iter().find(|b| b.register == register && b.name == name).unwrap().bit
}

impl Script {
    fn op(&mut self, kind: u64, address: u32, data: u32, strobes: u64) {
        let delays = self.rng.next() & 0xFF;
        let word = kind << 60 | u64::from(address) << 44 | u64::from(data) << 12 | strobes << 8 | delays;
        let _ = writeln!(self.ops, "{word:016x}");
        self.count += 1;
    }
    fn write(&mut self, name: &str, data: u32, strobes: u64) {
        self.op(0, address(name), data, strobes);
    }
    fn control(&mut self, bits: &[&str]) {
        self.write("CONTROL", bits.iter().map(|b| bit("CONTROL", b)).sum(), 0xF);
    }
    fn read_at(&mut self, address: u32, want: u32) {
        self.op(1, address, 0, 0);
        self.want.push(format!("read {address:04x} {want:08x}"));
    }
    fn read(&mut self, name: &str, want: u32) {
        self.read_at(address(name), want);
    }
    fn status(&mut self, bits: &[&str]) {
        self.read("STATUS", bits.iter().map(|b| bit("STATUS", b)).sum());
    }
    fn pass(&mut self, cycles: u32) {
        self.op(2, 0, cycles, 0);
    }
    fn until_done(&mut self) {
        self.op(3, 0, 0, 0);
    }
    fn begun(&mut self, run: u32, started: u32) {
        self.want.push(format!("begin {run} 0"));
        self.read("STARTED", started);
    }
}

/// Pulses by cycle and link; errors in the two highest bits.
fn random_pulses(rng: &mut Rng) -> Vec<u64> {
    let mask = (1u64 << (EACH * (CORES + 1))) - 1;
    (0..PULSE_CYCLES)
        .map(|c| (rng.next() & rng.next() & mask) | u64::from(c == 7) << (EACH * (CORES + 1) + 1))
        .collect()
}

fn counted(pulses: &[u64], link: usize, counter: usize) -> u32 {
    let sum = |shift: usize, width: usize| -> u32 {
        pulses.iter().map(|p| (p >> (link * EACH + shift) & ((1 << width) - 1)).count_ones()).sum()
    };
    match counter {
        0..=4 => sum(counter, 1),
        5 => sum(11, LANES),
        _ => sum(counter - 1, 1),
    }
}

fn read_constants(s: &mut Script) {
    let words = [
        ("ID", registers::ID),
        ("VERSION", 0x0001_0203),
        ("BUILD_LOW", 0x89AB_CDEF),
        ("BUILD_HIGH", 0x0123_4567),
        ("CORE_COUNT", CORES as u32),
        ("STEP_COUNT", 9),
        ("CONTROL", 0),
        ("STARTED", 0),
        ("COMPLETED", 0),
        ("CYCLES_HIGH", 0),
    ];
    for (name, want) in words {
        s.read(name, want);
    }
    s.status(&[]);
    s.read_at(0x24, 0);
    s.read_at(0x80, 0);
    s.read_at(0x118, 0);
}

/// One whole run with its counters and errors; the machine finishes in its cycle 40.
fn whole_run(s: &mut Script, pulses: &[u64]) {
    s.write("CONTROL", bit("CONTROL", "START"), 0xE); // no strobe for the byte
    s.pass(30);
    s.read("STARTED", 0);
    s.control(&["START", "INTERRUPT"]);
    s.status(&["BUSY"]);
    s.until_done();
    s.want.push("begin 0 0".into());
    s.status(&["DONE", "ERROR"]);
    s.read("CONTROL", bit("CONTROL", "INTERRUPT"));
    s.read("CYCLES_LOW", 41);
    s.read("CYCLES_HIGH", 0);
    s.read("COMPLETED", 1);
    s.read("ERROR_BITS", 2);
    s.write("ERROR_BITS", 2, 0xE);
    s.read("ERROR_BITS", 2);
    s.write("ERROR_BITS", 1, 0xF);
    s.read("ERROR_BITS", 2);
    s.write("ERROR_BITS", 3, 0xF);
    s.read("ERROR_BITS", 0);
    s.status(&["DONE"]);
    s.pass(PULSE_CYCLES as u32);
    for link in 0..=CORES {
        for counter in 0..16 {
            let at = (1 << (ADDR_BITS - 1)) + WINDOW_BYTES * link as u32 + 8 * counter as u32;
            s.read_at(at, if counter < COUNTERS.len() { counted(pulses, link, counter) } else { 0 });
            s.read_at(at + 4, 0);
        }
    }
}

/// A run that is stopped, one that is restarted, and two that follow each other.
fn broken_runs(s: &mut Script) {
    s.control(&["START"]);
    s.pass(40);
    s.begun(1, 2);
    s.status(&["BUSY", "ERROR"]);
    s.control(&["STOP"]);
    s.status(&["ERROR"]);
    s.read("COMPLETED", 1);
    s.read("CYCLES_LOW", 41);
    s.control(&["STOP", "START"]);
    s.pass(30);
    s.read("STARTED", 2);
    s.control(&["START"]);
    s.pass(20);
    s.begun(2, 3);
    s.control(&["START", "INTERRUPT"]);
    s.until_done();
    s.begun(3, 4);
    s.read("COMPLETED", 2);
    s.read("CYCLES_LOW", 1); // the machine finishes in its first cycle
    s.control(&["START", "AGAIN"]);
    s.pass(20);
    s.begun(4, 5);
    s.op(4, 0, 6, 0); // until the run after the next one ends
    s.want.push("begin 5 0".into());
    s.control(&[]);
    s.pass(150);
    s.want.push("begin 6 0".into());
    s.status(&["DONE", "ERROR"]);
    s.read("STARTED", 7);
    s.read("COMPLETED", 5);
    s.read("CYCLES_LOW", 71);
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    rtl::write_to(dir).unwrap();
    ["shell", "axi_lite", "sequencer", "counters"].map(|n| dir.join(format!("{n}.v"))).into()
}

#[test]
fn runs_are_controlled_and_counted() {
    for seed in 0..10 {
        let mut rng = Rng(seed);
        let pulses = random_pulses(&mut rng);
        let mut s = Script { ops: String::new(), count: 0, want: Vec::new(), rng };
        read_constants(&mut s);
        whole_run(&mut s, &pulses);
        broken_runs(&mut s);
        let dir = tempfile::tempdir().unwrap();
        let mut sources = sources(dir.path());
        // Last cycle of every run; those that are stopped have none.
        let lasts = ["28", "ffffffff", "ffffffff", "0", "32", "3c", "46", "0"].join("\n");
        let pulse_lines: String = pulses.iter().map(|p| format!("{p:x}\n")).collect();
        let bench = include_str!("shell/bench.v");
        let size =
            |name: &str, n: usize| (format!("parameter {name} = 1,"), format!("parameter {name} = {n},"));
        let sizes = [size("OPS", s.count), size("RUNS", 7), size("PULSE_CYCLES", PULSE_CYCLES)];
        let bench = sizes.iter().fold(bench.to_string(), |b, (from, to)| b.replace(from, to));
        for (name, text) in
            [("ops.hex", &s.ops), ("lasts.hex", &lasts), ("pulses.hex", &pulse_lines), ("bench.v", &bench)]
        {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        sources.push(dir.path().join("bench.v"));
        let got = tool::icarus(dir.path(), "bench", &sources, &[]).unwrap();
        let got: Vec<&str> = got.lines().filter(|l| !l.contains("$finish")).collect();
        s.want.push("end".into());
        for (i, (a, b)) in got.iter().zip(&s.want).enumerate() {
            assert_eq!(a, b, "seed {seed}, line {i}");
        }
        assert_eq!(got.len(), s.want.len(), "seed {seed}");
    }
}

#[test]
fn modules_are_clean() {
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(dir.path());
    tool::lint(dir.path(), "shell", &sources[..3]).unwrap();
    tool::lint(dir.path(), "counters", &sources[3..]).unwrap();
}

#[test]
fn the_map_is_the_same_everywhere() {
    let verilog = registers::verilog();
    let module = rtl::PRIMITIVES.iter().find(|(name, _)| *name == "axi_lite.v").unwrap().1;
    assert!(module.contains(&verilog), "put these lines into axi_lite.v:\n{verilog}");
    let table = registers::markdown();
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "put these lines into hdl/README.md:\n{table}");
    let mut addresses: Vec<u32> = REGISTERS.iter().map(|r| r.offset).collect();
    addresses.dedup();
    assert!(
        addresses.len() == REGISTERS.len() && addresses.is_sorted() && addresses.iter().all(|a| a % 4 == 0)
    );
    let header = registers::c_header(16);
    assert!(header.is_ascii() && header.contains("#define PULVINAR_CONTROL 0x18u"));
    assert!(header.contains("#define PULVINAR_COUNTER(core, counter) (0x8000u + (core) * 128u"), "{header}");
    assert_eq!(registers::version() >> 24, 0);
}
