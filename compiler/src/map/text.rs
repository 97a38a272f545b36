//! Text of a program: a listing for people, and a file that can be read back.

use super::place::tree_links;
use pulvinar_ir::arch::Routing;
use pulvinar_ir::scope::stage_scope;
use pulvinar_ir::{
    text, Arch, Diagnostic, Endpoint, Graph, NodeId, Phase, Program, Result, Slice, Stage, Stream, Tensor,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Version of [`ProgramFile`]; another version is refused.
pub const FORMAT_VERSION: u32 = 1;

/// A program as one JSON file; the graph's tensors are kept beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramFile {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The chip.
    pub arch: Arch,
    /// Stages.
    pub stages: Vec<Stage>,
    /// Phases.
    pub phases: Vec<Phase>,
    /// The flow graph in its text form.
    pub graph: String,
}

impl ProgramFile {
    /// The file of a program.
    pub fn of(program: &Program) -> Self {
        ProgramFile {
            format_version: FORMAT_VERSION,
            arch: program.arch.clone(),
            stages: program.stages.clone(),
            phases: program.phases.clone(),
            graph: text::print(&program.graph),
        }
    }

    /// The file as JSON, indented, with a final newline.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data always serialises") + "\n"
    }

    /// Reads a file; E0608 if it is not one of this version.
    pub fn from_json(json: &str) -> Result<Self> {
        let bad = |place: String, message: String| {
            Diagnostic::new(
                "E0608",
                place,
                message,
                "compile the network again with this version of pulvinar",
            )
        };
        let file: ProgramFile = serde_json::from_str(json)
            .map_err(|e| bad(format!("line {}", e.line()), format!("program does not parse: {e}")))?;
        if file.format_version != FORMAT_VERSION {
            let found = file.format_version;
            return Err(bad("format_version".to_owned(), format!("version {found} is not {FORMAT_VERSION}")));
        }
        Ok(file)
    }

    /// The program, with the tensors its graph names. Its parts fit together; whether it fits the memories, [`super::check`] says.
    pub fn into_program(self, tensors: BTreeMap<String, Tensor>) -> Result<Program> {
        self.arch.check()?;
        let graph = text::parse(&self.graph, tensors)?;
        check_ids(&graph, &self.stages, &self.phases)?;
        let program = Program { graph, arch: self.arch, stages: self.stages, phases: self.phases };
        super::check::check_structure(&program)?;
        Ok(program)
    }
}

/// Refuses stages and streams that name nodes or stages which do not exist.
fn check_ids(graph: &Graph, stages: &[Stage], phases: &[Phase]) -> Result<()> {
    let of_pass = |p: &pulvinar_ir::Pass| [&p.elementwise[..], &p.gates, &p.taps, &p.program].concat();
    let of_stage = |s: &Stage| {
        let synapses = s.synapses.iter().flat_map(|s| [s.node, s.source]);
        synapses
            .chain(s.passes.iter().flat_map(of_pass))
            .chain([s.accumulator, s.output])
            .collect::<Vec<NodeId>>()
    };
    let streams = phases.iter().flat_map(|p| &p.streams).map(|s| s.node);
    let dangling = stages.iter().flat_map(of_stage).chain(streams).find(|id| id.index() >= graph.nodes.len());
    let slices = phases.iter().flat_map(|p| &p.slices);
    let lost = slices.map(|s| s.stage).find(|s| s.0 as usize >= stages.len());
    let what = dangling.map(|id| format!("node {id}")).or(lost.map(|s| format!("stage {}", s.0)));
    let Some(what) = what else { return Ok(()) };
    Err(Diagnostic::new(
        "E0608",
        what,
        "the program names it and it does not exist",
        "compile the network again",
    ))
}

/// A listing of stages, slices, streams and routes.
pub fn print(program: &Program) -> String {
    let (graph, arch) = (&program.graph, &program.arch);
    let mut out = format!(
        "program \"{}\" on \"{}\": {} x {} tiles of {} core(s), {} stage(s), {} phase(s)\n",
        graph.name,
        arch.name,
        arch.mesh.width,
        arch.mesh.height,
        arch.mesh.cores_per_tile,
        program.stages.len(),
        program.phases.len()
    );
    for (i, stage) in program.stages.iter().enumerate() {
        print_stage(&mut out, graph, i, stage);
    }
    for (i, phase) in program.phases.iter().enumerate() {
        line(&mut out, 0, &format!("phase {i} {{"));
        phase.slices.iter().for_each(|s| print_slice(&mut out, program, s));
        phase.streams.iter().enumerate().for_each(|(k, s)| print_stream(&mut out, program, k, s));
        line(&mut out, 0, "}");
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    writeln!(out, "{:1$}{text}", "", depth * 2).expect("a string takes any text");
}

fn list(graph: &Graph, ids: &[NodeId]) -> String {
    ids.iter().map(|&i| format!("{i} {}", graph.node(i).name)).collect::<Vec<_>>().join(", ")
}

fn print_stage(out: &mut String, graph: &Graph, index: usize, stage: &Stage) {
    let shape = graph.node(stage.accumulator).ty.shape;
    let scope =
        if stage.is_multipass() { format!(", scope {}", stage_scope(graph, stage)) } else { String::new() };
    line(out, 0, &format!("stage {index} \"{}\" {} {:?}{scope} {{", stage.name, shape, stage.strategy));
    for synapse in &stage.synapses {
        let node = graph.node(synapse.node);
        let delayed = if synapse.delayed { " delayed" } else { "" };
        let what = if synapse.node == synapse.source { "identity" } else { node.op.name() };
        line(
            out,
            1,
            &format!(
                "synapse {} {} {what} from {}{delayed}",
                synapse.node,
                node.name,
                list(graph, &[synapse.source])
            ),
        );
    }
    line(
        out,
        1,
        &format!(
            "accumulator {} of {} bits, state of {} bits",
            list(graph, &[stage.accumulator]),
            stage.accumulator_bits,
            stage.state_bits
        ),
    );
    for (p, pass) in stage.passes.iter().enumerate() {
        line(out, 1, &format!("pass {p} sweep [{}]", list(graph, &pass.elementwise)));
        let parts = [("gates", &pass.gates), ("taps", &pass.taps), ("program", &pass.program)];
        parts
            .iter()
            .filter(|(_, ids)| !ids.is_empty())
            .for_each(|(name, ids)| line(out, 2, &format!("{name} [{}]", list(graph, ids))));
    }
    line(out, 1, &format!("output {}", list(graph, &[stage.output])));
    line(out, 0, "}");
}

fn print_slice(out: &mut String, program: &Program, slice: &Slice) {
    let mesh = &program.arch.mesh;
    let tile = slice.core / mesh.cores_per_tile;
    let text = format!(
        "core {} at ({},{}): stage {} \"{}\" channels {}..{} rows {}..{}{}",
        slice.core,
        tile % mesh.width,
        tile / mesh.width,
        slice.stage.0,
        program.stage(slice.stage).name,
        slice.channels[0],
        slice.channels[1],
        slice.rows[0],
        slice.rows[1],
        if slice.home { " home" } else { "" }
    );
    line(out, 1, &text);
}

fn print_stream(out: &mut String, program: &Program, index: usize, stream: &Stream) {
    let end = |e: &Endpoint| match e {
        Endpoint::Core(c) => format!("core {c}"),
        Endpoint::Host => "host".to_owned(),
        Endpoint::Dram => "dram".to_owned(),
    };
    let to: Vec<String> = stream.destinations.iter().map(end).collect();
    let kind = format!("{:?}", stream.kind).to_lowercase();
    let text = format!(
        "stream {index} {kind} of {}: {} -> {}; {} bits, {} a flit{}; {}",
        list(&program.graph, &[stream.node]),
        end(&stream.source),
        to.join(", "),
        stream.event_bits,
        stream.events_per_flit,
        if stream.selective { ", selective" } else { "" },
        route(program, stream)
    );
    line(out, 1, &text);
}

/// The tree of a stream as a trunk and its branches, or the number of unicast copies.
fn route(program: &Program, stream: &Stream) -> String {
    let (arch, mesh) = (&program.arch, &program.arch.mesh);
    let tile = |e: &Endpoint| match e {
        Endpoint::Core(c) => c / mesh.cores_per_tile,
        Endpoint::Host => mesh.host_tile,
        Endpoint::Dram => mesh.dram_tile,
    };
    let source = tile(&stream.source);
    let mut tiles: Vec<u32> = stream.destinations.iter().map(tile).collect();
    tiles.sort_unstable();
    tiles.dedup();
    if !arch.noc.multicast || stream.selective {
        return format!("{} unicast copies", stream.destinations.len());
    }
    let yx = arch.noc.routing == Routing::Yx;
    let branch = |t: &u32| if yx { t / mesh.width } else { t % mesh.width };
    let mut branches: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    tiles.iter().for_each(|t| branches.entry(branch(t)).or_default().push(*t));
    let name = if yx { "row" } else { "column" };
    let each = branches.iter().map(|(b, tiles)| format!("{name} {b}: tiles {tiles:?}"));
    format!(
        "tree of {} links from tile {source}: {}",
        tree_links(arch, source, tiles.iter().copied()),
        each.collect::<Vec<_>>().join("; ")
    )
}
