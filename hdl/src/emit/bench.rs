//! The test bench of a design: runs inferences through the top level, checks their answers, writes the trace.
//!
//! It reads `run.mem` (settings), `stimulus.mem` (beats of the input stream), `inferences.mem` (one line an inference:
//! first beat, end, cycles, output events, checksum, cycle to run to; cycles of 0 are not checked) and writes
//! `trace.txt`, one line an event, flit or sweep end, after a line `inference <n>`, and where wanted `bench.vcd`.

use super::{Design, Format};
use pulvinar_ir::trace::{Entry, Trace};
use pulvinar_ir::{StreamKind, Value};
use pulvinar_simulator::noc::Topology;
use pulvinar_simulator::{Machine, Run};
use std::fmt::Write;

/// How a test bench drives the streams.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drive {
    /// The output is not ready in cycles with `now mod period < busy`: period, busy.
    pub output_busy: Option<(u64, u64)>,
    /// The input offers nothing in such cycles.
    pub input_gap: Option<(u64, u64)>,
    /// An inference that is begun, and given up in this cycle, before each one.
    pub abort_at: Option<u64>,
}

/// The part of a run whose waveform the bench writes to `bench.vcd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dump {
    /// Inference in which it begins, from 0 on.
    pub inference: usize,
    /// Cycle of that inference in which it begins.
    pub first: u64,
    /// Length in cycles.
    pub cycles: u64,
}

/// What one inference must answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Latency; 0 if it is not checked.
    pub cycles: u64,
    /// Events on the output stream.
    pub events: u64,
    /// Sum of the events' words, modulo 2^32.
    pub checksum: u32,
    /// Cycle to run to.
    pub until: u64,
}

impl Answer {
    /// The answer of a simulated inference.
    pub fn of(machine: &Machine<'_>, format: &Format, run: &Run, trace: &Trace, exact: bool) -> Answer {
        let phase = &machine.phases[0];
        let host = |s: u32| phase.streams[s as usize].destinations.contains(&phase.host);
        let ends: Vec<u32> = (0..phase.streams.len() as u32)
            .filter(|&s| phase.streams[s as usize].kind == StreamKind::Events && host(s))
            .collect();
        let address_bits = ends.iter().map(|&s| format.slots[s as usize].address).max().unwrap_or(1);
        let value_bits = ends.iter().map(|&s| format.slots[s as usize].value).max().unwrap_or(1).max(1);
        let content = (address_bits + value_bits).max(format.packets);
        let (mut events, mut checksum) = (0, 0u128);
        for (_, entry) in &trace.entries {
            if let Entry::Event { stream, step, address, value, .. } = *entry {
                if ends.contains(&stream) {
                    events += 1;
                    let value = value as u128 & ((1 << value_bits) - 1);
                    let word = u128::from(address) | value << address_bits;
                    checksum +=
                        word | u128::from(step) << content | u128::from(stream) << (content + format.step);
                }
            }
        }
        let last = trace.entries.iter().map(|(c, _)| *c).max().unwrap_or(0);
        let cycles = run.counts.cycles;
        Answer {
            cycles: if exact { cycles } else { 0 },
            events,
            checksum: checksum as u32,
            // Events that nobody sweeps any more are still popped, and counted.
            until: last.max(cycles) + 256,
        }
    }
}

/// Files that a run of the bench reads.
pub fn run_files(
    machine: &Machine<'_>,
    format: &Format,
    inputs: &[&Value],
    answers: &[Answer],
    drive: &Drive,
) -> Vec<(String, String)> {
    let slot = format.slots[machine.phases[0].host_stream.unwrap_or(0) as usize];
    let value_bits = slot.value.max(1);
    let (mut stimulus, mut inferences, mut first) = (String::new(), String::new(), 0);
    for (input, answer) in inputs.iter().zip(answers) {
        let beats = beats(input, slot.address, value_bits);
        let end = first + beats.len();
        for (last, word) in beats {
            let _ = writeln!(stimulus, "{:x}", word | u128::from(last) << (slot.address + value_bits + 1));
        }
        let Answer { cycles, events, checksum, until } = answer;
        for word in [first as u64, end as u64, *cycles, *events, u64::from(*checksum), *until] {
            let _ = writeln!(inferences, "{word:x}");
        }
        first = end;
    }
    vec![
        ("stimulus.mem".to_owned(), stimulus),
        ("inferences.mem".to_owned(), inferences),
        ("run.mem".to_owned(), settings(inputs.len(), drive, None)),
    ]
}

/// `run.mem`: what the bench does with the inferences of `inferences.mem`.
pub fn settings(inferences: usize, drive: &Drive, dump: Option<Dump>) -> String {
    let pair = |p: Option<(u64, u64)>| p.unwrap_or((0, 0));
    let (output, gap) = (pair(drive.output_busy), pair(drive.input_gap));
    let abort = drive.abort_at.map_or(0, |c| c + 1);
    let dump = dump.map_or([0; 3], |d| [d.inference as u64, d.first, d.cycles]);
    let words = [inferences as u64, output.0, output.1, gap.0, gap.1, abort];
    words.iter().chain(&dump).map(|word| format!("{word:x}\n")).collect()
}

/// Beats of an input: the last of a step or not, and {empty, value, address}.
fn beats(input: &Value, address_bits: u32, value_bits: u32) -> Vec<(bool, u128)> {
    let n = input.shape.step_len();
    let mut beats = Vec::new();
    for step in input.ints().chunks(n) {
        let first = beats.len();
        let events = step.iter().enumerate().filter(|(_, &v)| v != 0);
        beats.extend(
            events.map(|(a, &v)| (false, a as u128 | (v as u128 & ((1 << value_bits) - 1)) << address_bits)),
        );
        if beats.len() == first {
            beats.push((true, 1 << (address_bits + value_bits)));
        } else if let Some(last) = beats.last_mut() {
            last.0 = true;
        }
    }
    beats
}

/// Verilog of the test bench.
pub fn bench(machine: &Machine<'_>, design: &Design) -> String {
    let phase = &machine.phases[0];
    let mut prints = String::new();
    let traced = design.format.tag > 1;
    for core in phase.cores.iter().filter(|_| traced) {
        let c = core.core;
        let net = |n: &str| format!("dut.machine.core{c}_{n}");
        if core.events.is_some() || core.gates.is_some() || core.statistics.is_some() {
            let _ = writeln!(
                prints,
                "      if ({})\n        $fwrite(trace, \"%0d event core={c} stream=%0d step=%0d address=%0d value=%0d\\n\",\n          now, {}, {}, {}, $signed({}));",
                net("trace_event"), net("trace_stream"), net("trace_step"), net("trace_address"), net("trace_value")
            );
        }
        let _ =
            writeln!(
            prints,
            "      if ({})\n        $fwrite(trace, \"%0d step core={c} pass=%0d step=%0d\\n\", now, {}, {});",
            net("trace_sweep_end"), net("trace_sweep_pass"), net("trace_sweep_step")
        );
    }
    if traced {
        prints.push_str(&flit_prints(machine, design));
    }
    let slot = design.format.slots[phase.host_stream.unwrap_or(0) as usize];
    let beat_bits = slot.address + slot.value.max(1) + 1;
    let content = content_bits(machine, &design.format);
    TEMPLATE
        .replace("@CORES@", &phase.cores.len().to_string())
        .replace("@STIMULUS@", &(beat_bits + 1).to_string())
        .replace("@BEAT@", &beat_bits.to_string())
        .replace("@S_BITS@", &design.s_axis_bits.to_string())
        .replace("@M_BITS@", &design.m_axis_bits.to_string())
        .replace("@A_BITS@", &design.address_bits.to_string())
        .replace("@WORD@", &(content + design.format.step + design.format.stream).to_string())
        .replace("@TRACE@", &prints)
}

fn content_bits(machine: &Machine<'_>, format: &Format) -> u32 {
    let phase = &machine.phases[0];
    let ends = phase.streams.iter().enumerate().filter(|(_, s)| s.destinations.contains(&phase.host));
    let slots: Vec<_> = ends.map(|(i, _)| format.slots[i]).collect();
    let address = slots.iter().map(|s| s.address).max().unwrap_or(1);
    let value = slots.iter().map(|s| s.value).max().unwrap_or(1).max(1);
    (address + value).max(format.packets)
}

/// Prints of the flits that cross the switches of the routers that are there.
fn flit_prints(machine: &Machine<'_>, design: &Design) -> String {
    let phase = &machine.phases[0];
    let topology = Topology::new(&phase.noc);
    let format = &design.format;
    let (vc_bits, flit) = (crate::netlist::index_bits(usize::from(phase.noc.vcs)), format.flit());
    let mut out = String::new();
    for r in design.routers.iter().copied() {
        for p in 0..topology.ports(r) {
            let (vc, tag) = (p as u32 * vc_bits, p as u32 * flit + format.body());
            let _ = writeln!(
                out,
                "      if (dut.machine.r{r}_st_valid[{p}])\n        $fwrite(trace, \"%0d flit router={r} port={p} vc=%0d packet=%0d\\n\", now,\n          dut.machine.r{r}_st_vc[{vc} +: {vc_bits}],\n          {{dut.machine.r{r}_st_flit[{} +: 16], dut.machine.r{r}_st_flit[{tag} +: 32]}});",
                tag + 32
            );
        }
    }
    out
}

const TEMPLATE: &str = include_str!("bench.v.in");
