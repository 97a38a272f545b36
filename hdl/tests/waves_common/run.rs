//! The runs: one small network on three chips, through the RTL.

use super::machine_common::{streams, Net};
use pulvinar_hdl::cosim::{simulate, write_sources};
use pulvinar_hdl::emit::{emit, run_files, settings, Drive, Dump, EmitOptions, Format};
use pulvinar_hdl::tool;
use pulvinar_ir::arch::{Hazard, Pipeline, Routing};
use pulvinar_ir::op::{dense, gate, reduce, requantise, table};
use pulvinar_ir::{Arch, Axes, Axis, Pass, Phase, Program, Result, Slice, StageId, Strategy, Synapse, Value};
use pulvinar_simulator::Machine;
use std::path::Path;

/// The clock.
pub const CLOCK: &str = "bench.aclk";
/// Reset of all units.
pub const RESET: &str = "bench.machine_rst";

/// A run.
pub struct Recording {
    /// Value change dump of everything, from cycle 0 of the first inference to the end of the second.
    pub dump: String,
    /// Layout of the flits.
    pub format: Format,
}

/// What differs between the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chip {
    /// Stages of a router.
    pub pipeline: Pipeline,
    /// Rule for a word that is still being written.
    pub hazard: Hazard,
}

/// The runs' chips.
pub const CHIPS: [Chip; 3] = [
    Chip { pipeline: Pipeline::Four, hazard: Hazard::Stall },
    Chip { pipeline: Pipeline::Lookahead, hazard: Hazard::Forward },
    Chip { pipeline: Pipeline::Speculative, hazard: Hazard::Forward },
];

/// A 2 x 2 mesh with a core a tile, unicast copies and short queues, so that everything waits now and then.
fn arch(chip: Chip) -> Arch {
    let mut arch = Arch::default_chip();
    arch.mesh.width = 2;
    arch.mesh.height = 2;
    arch.mesh.cores_per_tile = 1;
    arch.mesh.host_tile = 0;
    arch.mesh.dram_tile = 0;
    arch.noc.virtual_channels = 1;
    arch.noc.buffer_flits = 2;
    arch.noc.pipeline = chip.pipeline;
    arch.noc.routing = Routing::Xy;
    arch.noc.payload_bits = 32;
    arch.noc.eject_flits = 2;
    arch.noc.inject_flits = 2;
    arch.noc.multicast = false;
    arch.core.lanes = 4;
    arch.core.attention_lanes = 2;
    arch.core.accumulator_buffers = 2;
    arch.core.hazard = chip.hazard;
    arch.core.queue_events = 2;
    arch
}

/// Convolution with a gate a channel on two cores (the gates need all steps, so its events are kept and replayed),
/// then a linear layer on two more.
fn network(chip: Chip) -> Program {
    let arch = arch(chip);
    let mut net = Net::new(7, 3, [1, 3, 3], 1);
    let input = net.graph.input().expect("the net has an input");
    let conv = net.conv(input, 8, 3, 1, 1);
    let axes = Axes::of(&[Axis::T, Axis::H, Axis::W]);
    let tap = net.push("tap", reduce::Reduce { kind: reduce::ReduceKind::Sum, axes }, &[conv]);
    let weight = net.tensor("dense", vec![8, 8], -5, 6);
    let mixed = net.push("dense", dense::Dense { weight, bias: None, axis: Axis::C }, &[tap]);
    let squash = requantise::Requantise { mul: 3, shift: 6, lo: -128, hi: 127, scale: 0.1 };
    let small = net.push("squash", squash, &[mixed]);
    let ramp = net.constant("table", (0..256).map(|i: i32| i.clamp(20, 255)).collect());
    let weights =
        net.push("table", table::Table { table: ramp, lo: -128, function: "ramp".into() }, &[small]);
    let gated = net.push("gated", gate::Gate { shift: 8 }, &[conv, weights]);
    let spikes = net.lif(gated, 6);
    let first =
        Pass { elementwise: vec![], gates: vec![], taps: vec![tap], program: vec![mixed, small, weights] };
    let second =
        Pass { elementwise: vec![gated, spikes], gates: vec![weights], taps: vec![], program: vec![] };
    let synapse = Synapse { node: conv, source: input, delayed: false };
    net.push_stage(vec![synapse], conv, vec![first, second], Strategy::Recompute, spikes);
    let linear = net.linear(spikes, 8);
    let out = net.lif(linear, 300);
    net.stage(&[(linear, spikes, false)], linear, &[out], out);
    place(net, arch)
}

/// A convolution on a chip of one core.
pub fn one_core() -> Program {
    let mut arch = arch(CHIPS[0]);
    (arch.mesh.width, arch.mesh.height) = (1, 1);
    let mut net = Net::new(7, 2, [1, 2, 2], 1);
    let input = net.graph.input().expect("the net has an input");
    let conv = net.conv(input, 4, 3, 1, 1);
    let spikes = net.lif(conv, 3);
    net.stage(&[(conv, input, false)], conv, &[spikes], spikes);
    net.program(arch, 0).0
}

/// Stage 0 on cores 0 and 1, stage 1 on cores 2 and 3, by halves of the channels.
fn place(mut net: Net, arch: Arch) -> Program {
    let answer = net.stages[1].output;
    let kind = pulvinar_ir::op::readout::ReadoutKind::Sum;
    net.push("answer", pulvinar_ir::op::readout::Readout { kind }, &[answer]);
    let half = |core: u32| {
        let shape = net.graph.node(net.stages[core as usize / 2].accumulator).ty.shape;
        let (channels, low) = (shape.c as u32, core % 2);
        Slice {
            stage: StageId(core / 2),
            core,
            channels: [low * channels / 2, (low + 1) * channels / 2],
            rows: [0, shape.h as u32],
            home: low == 0,
        }
    };
    let slices: Vec<Slice> = (0..4).map(half).collect();
    let streams = streams(&net.graph, &arch, &net.stages, std::slice::from_ref(&slices), 0);
    Program { graph: net.graph, arch, stages: net.stages, phases: vec![Phase { slices, streams }] }
}

/// A steady pattern of spikes.
pub fn input(program: &Program) -> Value {
    let ty = &program.graph.node(program.graph.input().expect("the net has an input")).ty;
    Value::int(ty.shape, (0..ty.shape.len()).map(|i| i64::from(i * 5 % 7 < 4)).collect())
}

/// Runs two inferences on a chip in Icarus Verilog; gives what happened.
pub fn record(dir: &Path, chip: Chip) -> Result<Recording> {
    let program = network(chip);
    let machine = Machine::new(&program)?;
    let input = input(&program);
    let inputs = [&input, &input];
    let design = emit(&machine, &EmitOptions { trace: true, build: 0 })?;
    let sources = write_sources(dir, &machine, &design)?;
    let drive = Drive { output_busy: Some((8, 3)), ..Drive::default() };
    let (answers, ..) = simulate(&machine, &design, &inputs, &drive)?;
    let dump = Dump { inference: 0, first: 0, cycles: u64::from(u32::MAX) };
    let mut files = run_files(&machine, &design.format, &inputs, &answers, &drive);
    files.push(("run.mem".to_owned(), settings(inputs.len(), &drive, Some(dump))));
    for (name, text) in files {
        std::fs::write(dir.join(name), text).expect("the folder can be written");
    }
    let printed = tool::icarus(dir, "bench", &sources, &[])?;
    assert!(printed.contains("PASS"), "{printed}");
    let dump = std::fs::read_to_string(dir.join("bench.vcd")).expect("the bench wrote a waveform");
    Ok(Recording { dump, format: design.format })
}
