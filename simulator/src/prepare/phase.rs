//! A phase on the chip: who sits at which network port, what each core holds, where each stream goes.

use super::refuse;
use super::sparse::Banking;
use super::sweep::StagePlan;
use super::synapse::{Connect, Image, Region, Weights};
use crate::noc::{self, build_tree, Config, Fabric, PortId, Route, Topology, Tree};
use crate::packet::MAX_STREAMS;
use pulvinar_ir::arch::{Pipeline, Routing};
use pulvinar_ir::counts::Memory;
use pulvinar_ir::{Arch, Endpoint, NodeId, Phase, Program, Result, Slice, Stream, StreamKind};
use std::ops::Range;

/// What sits at a network port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// A core that has a slice, by its index in [`PhasePlan::cores`].
    Core(u32),
    /// The host port.
    Host,
    /// The memory controller.
    Memory,
    /// A core without work.
    Empty,
}

/// A producer that waits for credits of this core.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// Stream.
    pub stream: u32,
    /// Port of the producer.
    pub port: PortId,
    /// Steps of the source act one step late.
    pub delayed: bool,
}

/// A core and its slice.
#[derive(Debug)]
pub struct CorePlan {
    /// Core number on the chip.
    pub core: u32,
    /// Network port.
    pub port: PortId,
    /// Stage index.
    pub stage: usize,
    /// Box held.
    pub region: Region,
    /// True for the home slice.
    pub home: bool,
    /// Accumulator words of one position.
    pub blocks: usize,
    /// Accumulator words.
    pub words: usize,
    /// Synapse images by group of the stage.
    pub images: Vec<Vec<Image>>,
    /// Incoming event streams without delay.
    pub direct_inputs: u32,
    /// Incoming event streams one step late.
    pub delayed_inputs: u32,
    /// Producers, by ascending stream.
    pub grants: Vec<Grant>,
    /// Outgoing events.
    pub events: Option<u32>,
    /// Outgoing statistics.
    pub statistics: Option<u32>,
    /// Outgoing gates.
    pub gates: Option<u32>,
    /// Incoming statistics streams.
    pub statistics_inputs: u32,
}

impl CorePlan {
    /// Words of the weight memory in use.
    pub fn weight_words(&self, lanes: usize) -> u64 {
        let words = |image: &Image| match image {
            Image::Taps(taps) => taps.weights.as_ref().map_or(0, Weights::len),
            Image::Sparse(sparse) => sparse.synapse_count(),
        };
        self.images.iter().flatten().map(|i| words(i).div_ceil(lanes) as u64).sum()
    }

    /// Flits of one frame of spilled currents.
    pub fn frame_flits(&self, arch: &Arch) -> u64 {
        let word = u64::from(arch.word_bits(Memory::Frame));
        (self.words as u64 * word).div_ceil(u64::from(arch.noc.payload_bits))
    }

    /// First byte of its frames in external memory; every core has frames of its own.
    pub fn first_frame(&self) -> u64 {
        (1 + u64::from(self.core)) << 32
    }
}

/// Consumers of every event of a stream.
#[derive(Debug)]
pub struct Selective {
    /// Address of the first row.
    pub base: u32,
    /// First consumer of every address from `base` on, and the end.
    pub rows: Vec<u32>,
    /// Indices into the destinations, ascending per row.
    pub consumers: Vec<u16>,
}

impl Selective {
    /// Range of an event's consumers.
    pub fn range(&self, address: u32) -> Range<u32> {
        let row = (address - self.base) as usize;
        self.rows[row]..self.rows[row + 1]
    }
    /// Consumers of an event.
    pub fn of(&self, address: u32) -> &[u16] {
        let Range { start, end } = self.range(address);
        &self.consumers[start as usize..end as usize]
    }
}

/// A stream on the network.
#[derive(Debug)]
pub struct StreamPlan {
    /// What it carries.
    pub kind: StreamKind,
    /// Node whose values travel.
    pub node: NodeId,
    /// Port of the producer.
    pub source: PortId,
    /// Ports of the consumers, in the order of the program.
    pub destinations: Vec<PortId>,
    /// Consumers that grant credits.
    pub granting: u32,
    /// Those of them that take the events one step late.
    pub granting_late: u32,
    /// One multicast tree instead of copies.
    pub tree: Option<u32>,
    /// Events in a flit.
    pub per_flit: u16,
    /// Every event has its own consumers.
    pub selective: Option<Selective>,
}

impl StreamPlan {
    /// Copies of a packet that goes to all destinations.
    pub fn copies(&self) -> usize {
        if self.tree.is_some() {
            1
        } else {
            self.destinations.len()
        }
    }
    /// Route of copy `i`.
    pub fn route(&self, i: usize) -> Route {
        self.tree.map_or_else(|| Route::Unicast(self.destinations[i]), Route::Tree)
    }
}

/// A phase, prepared.
#[derive(Debug)]
pub struct PhasePlan {
    /// Network.
    pub noc: Config,
    /// Multicast trees.
    pub trees: Vec<Tree>,
    /// Seat of every port.
    pub seats: Vec<Seat>,
    /// Cores with work, by port.
    pub cores: Vec<CorePlan>,
    /// Streams.
    pub streams: Vec<StreamPlan>,
    /// Group of a stream at a stage: `stage * streams + stream`; `u16::MAX` for none.
    pub group_of: Vec<u16>,
    /// Port of the host.
    pub host: PortId,
    /// Port of the memory controller.
    pub memory: PortId,
    /// The host's stream.
    pub host_stream: Option<u32>,
    /// Streams that end at the host.
    pub host_inputs: u32,
    /// Largest packet, events.
    pub stride: usize,
    /// Virtual channels of ordinary packets.
    pub vc_mask: u8,
}

impl PhasePlan {
    /// An empty network.
    pub fn fabric<F: Fabric>(&self) -> Result<F> {
        F::new(&self.noc, &self.trees)
            .map_err(|e| refuse("noc", e.to_string(), "change the architecture file"))
    }
}

/// The network of a chip.
pub fn network(arch: &Arch) -> Config {
    let mut locals = vec![arch.mesh.cores_per_tile as u8; arch.tiles() as usize];
    locals[arch.mesh.host_tile as usize] += 1;
    locals[arch.mesh.dram_tile as usize] += 1;
    let ports = locals.iter().map(|&l| usize::from(l)).sum();
    Config {
        width: arch.mesh.width as u16,
        height: arch.mesh.height as u16,
        locals,
        vcs: arch.noc.virtual_channels as u8,
        vc_depth: arch.noc.buffer_flits as u16,
        pipeline: match arch.noc.pipeline {
            Pipeline::Four => noc::Pipeline::Four,
            Pipeline::Lookahead => noc::Pipeline::LookAhead,
            Pipeline::Speculative => noc::Pipeline::Speculative,
        },
        routing: match arch.noc.routing {
            Routing::Xy => noc::Routing::Xy,
            Routing::Yx => noc::Routing::Yx,
            Routing::WestFirst => noc::Routing::WestFirst,
        },
        eject_depth: vec![arch.noc.eject_flits as u16; ports],
    }
}

/// Ports of the endpoints of a chip.
pub struct Ports<'a> {
    arch: &'a Arch,
    topology: Topology,
}

impl<'a> Ports<'a> {
    /// Port numbers of a chip whose network is `config`.
    pub fn new(arch: &'a Arch, config: &Config) -> Self {
        Ports { arch, topology: Topology::new(config) }
    }
    /// Port of an endpoint.
    pub fn of(&self, endpoint: Endpoint) -> PortId {
        let mesh = &self.arch.mesh;
        let cores = mesh.cores_per_tile;
        let (tile, local) = match endpoint {
            Endpoint::Core(core) => (core / cores, core % cores),
            Endpoint::Host => (mesh.host_tile, cores),
            Endpoint::Dram => (mesh.dram_tile, cores + u32::from(mesh.dram_tile == mesh.host_tile)),
        };
        self.topology.endpoint(tile as usize, local as usize)
    }
}

/// Prepares one phase.
pub fn phase_plan(
    program: &Program,
    stages: &[StagePlan<'_>],
    phase: &Phase,
    dram: bool,
) -> Result<PhasePlan> {
    let arch = &program.arch;
    let noc = network(arch);
    noc.validate().map_err(|e| refuse("noc", e.to_string(), "change the architecture file"))?;
    if phase.streams.len() >= MAX_STREAMS {
        return Err(refuse("streams", "more streams than the packet header can number", "use larger slices"));
    }
    let ports = Ports::new(arch, &noc);
    let mut seats = vec![Seat::Empty; noc.eject_depth.len()];
    let (host, memory) = (ports.of(Endpoint::Host), ports.of(Endpoint::Dram));
    seats[host.0 as usize] = Seat::Host;
    seats[memory.0 as usize] = Seat::Memory;
    let mut slices: Vec<&Slice> = phase.slices.iter().collect();
    slices.sort_by_key(|s| s.core);
    let mut trees = Vec::new();
    let builder = Streams { program, stages, slices: &slices, ports: &ports, noc: &noc };
    let streams: Vec<StreamPlan> =
        phase.streams.iter().map(|s| builder.plan(s, &mut trees)).collect::<Result<_>>()?;
    let mut cores = Vec::new();
    for slice in &slices {
        let core = core_plan(program, stages, phase, slice, &ports)?;
        let seat = &mut seats[core.port.0 as usize];
        if *seat != Seat::Empty {
            return Err(refuse(
                format!("core {}", core.core),
                "two slices on one core",
                "build programs with the mapper",
            ));
        }
        *seat = Seat::Core(cores.len() as u32);
        cores.push(core);
    }
    let from_host = |s: &Stream| s.source == Endpoint::Host && s.kind == StreamKind::Events;
    let vcs = arch.noc.virtual_channels;
    Ok(PhasePlan {
        trees,
        seats,
        cores,
        group_of: group_table(stages, &streams),
        host,
        memory,
        host_stream: phase.streams.iter().position(from_host).map(|i| i as u32),
        host_inputs: phase.streams.iter().filter(|s| s.destinations.contains(&Endpoint::Host)).count() as u32,
        stride: streams.iter().map(|s| usize::from(s.per_flit)).max().unwrap_or(1),
        vc_mask: if dram && vcs > 1 { (1u32 << (vcs - 1)) - 1 } else { (1u32 << vcs) - 1 } as u8,
        streams,
        noc,
    })
}

fn group_table(stages: &[StagePlan<'_>], streams: &[StreamPlan]) -> Vec<u16> {
    let group = |stage: &StagePlan<'_>, stream: &StreamPlan| {
        let found = stage.groups.iter().position(|g| g.source == stream.node);
        if stream.kind == StreamKind::Events {
            found.map_or(u16::MAX, |i| i as u16)
        } else {
            u16::MAX
        }
    };
    stages.iter().flat_map(|stage| streams.iter().map(move |s| group(stage, s))).collect()
}

fn core_plan(
    program: &Program,
    stages: &[StagePlan<'_>],
    phase: &Phase,
    slice: &Slice,
    ports: &Ports<'_>,
) -> Result<CorePlan> {
    let place = format!("slice on core {}", slice.core);
    let stage = stages.get(slice.stage.0 as usize);
    let stage = stage.ok_or_else(|| {
        refuse(&place, "it names a stage that does not exist", "build programs with the mapper")
    })?;
    let range = |r: [u32; 2], n: usize| r[0] < r[1] && r[1] as usize <= n;
    let fits = range(slice.channels, stage.shape.c) && range(slice.rows, stage.shape.h);
    if slice.core >= program.arch.cores() || !fits {
        return Err(refuse(&place, "core, channels or rows do not exist", "build programs with the mapper"));
    }
    let region = Region {
        channels: slice.channels.map(|c| c as usize),
        rows: slice.rows.map(|r| r as usize),
        columns: stage.shape.w,
    };
    let core = &program.arch.core;
    let banking = Banking { lanes: core.lanes as usize, banks: core.accumulator_banks as usize };
    let mut images = Vec::new();
    for group in &stage.groups {
        let image = |s: &super::synapse::SynapsePlan<'_>| s.image(&region, stage.shape, banking, &place);
        images.push(group.synapses.iter().map(image).collect::<Result<Vec<_>>>()?);
    }
    let me = Endpoint::Core(slice.core);
    let mut plan = CorePlan {
        core: slice.core,
        port: ports.of(me),
        stage: slice.stage.0 as usize,
        home: slice.home,
        blocks: region.channel_count().div_ceil(banking.lanes),
        words: region.positions() * region.channel_count().div_ceil(banking.lanes),
        region,
        images,
        direct_inputs: 0,
        delayed_inputs: 0,
        grants: Vec::new(),
        events: None,
        statistics: None,
        gates: None,
        statistics_inputs: 0,
    };
    for (id, stream) in phase.streams.iter().enumerate() {
        connect(&mut plan, stage, id as u32, stream, me, ports)?;
    }
    Ok(plan)
}

fn connect(
    plan: &mut CorePlan,
    stage: &StagePlan<'_>,
    id: u32,
    stream: &Stream,
    me: Endpoint,
    ports: &Ports<'_>,
) -> Result<()> {
    let place = || format!("stream {id} at core {}", plan.core);
    if stream.source == me {
        let out = match stream.kind {
            StreamKind::Events => &mut plan.events,
            StreamKind::Statistics => &mut plan.statistics,
            StreamKind::Gates => &mut plan.gates,
        };
        if out.replace(id).is_some() || stream.node != stage.stage.output {
            return Err(refuse(
                place(),
                "a core sends one stream of a kind, of its own stage",
                "build programs with the mapper",
            ));
        }
    }
    if stream.destinations.contains(&me) {
        match stream.kind {
            StreamKind::Events => {
                let group = stage.groups.iter().find(|g| g.source == stream.node);
                let group = group.ok_or_else(|| {
                    refuse(place(), "no synapse takes this stream", "build programs with the mapper")
                })?;
                *(if group.delayed { &mut plan.delayed_inputs } else { &mut plan.direct_inputs }) += 1;
                plan.grants.push(Grant { stream: id, port: ports.of(stream.source), delayed: group.delayed });
            }
            StreamKind::Statistics => plan.statistics_inputs += 1,
            StreamKind::Gates => {}
        }
    }
    Ok(())
}

struct Streams<'a, 'p> {
    program: &'p Program,
    stages: &'a [StagePlan<'p>],
    slices: &'a [&'p Slice],
    ports: &'a Ports<'a>,
    noc: &'a Config,
}

impl Streams<'_, '_> {
    fn plan(&self, stream: &Stream, trees: &mut Vec<Tree>) -> Result<StreamPlan> {
        let place = format!("stream of `{}`", self.program.graph.node(stream.node).name);
        let known = |e: &Endpoint| !matches!(e, Endpoint::Core(c) if *c >= self.program.arch.cores());
        if stream.destinations.is_empty() || !stream.destinations.iter().chain([&stream.source]).all(known) {
            return Err(refuse(
                place,
                "an end of this stream does not exist",
                "build programs with the mapper",
            ));
        }
        let destinations: Vec<PortId> = stream.destinations.iter().map(|&d| self.ports.of(d)).collect();
        let source = self.ports.of(stream.source);
        let events = stream.kind == StreamKind::Events;
        let selective = (events && stream.selective).then(|| self.selective(stream));
        let multicast = self.program.arch.noc.multicast && destinations.len() > 1 && selective.is_none();
        let tree = multicast.then(|| {
            trees.push(build_tree(self.noc, source, &destinations));
            trees.len() as u32 - 1
        });
        let core = |d: &&Endpoint| matches!(d, Endpoint::Core(_));
        let delays: Vec<bool> =
            stream.destinations.iter().filter(core).filter_map(|&d| self.delay(d, stream.node)).collect();
        Ok(StreamPlan {
            kind: stream.kind,
            node: stream.node,
            source,
            granting: if events { delays.len() as u32 } else { 0 },
            granting_late: delays.iter().filter(|&&d| d).count() as u32,
            destinations,
            tree,
            per_flit: if selective.is_some() { 1 } else { stream.events_per_flit.clamp(1, 1 << 10) as u16 },
            selective,
        })
    }

    fn delay(&self, consumer: Endpoint, node: NodeId) -> Option<bool> {
        let slice = self.slices.iter().find(|s| Endpoint::Core(s.core) == consumer)?;
        let groups = &self.stages.get(slice.stage.0 as usize)?.groups;
        groups.iter().find(|g| g.source == node).map(|g| g.delayed)
    }

    /// Consumers by address: cores whose slice holds a synapse of the source; everyone else takes all events.
    fn selective(&self, stream: &Stream) -> Selective {
        let shape = self.program.graph.node(stream.node).ty.shape;
        let plane = shape.h * shape.w;
        let held = self.slices.iter().find(|s| Endpoint::Core(s.core) == stream.source);
        let [first, end] = held.map_or([0, shape.c], |s| s.channels.map(|c| c as usize));
        let base = first * plane;
        let reach: Vec<Option<Vec<bool>>> =
            stream.destinations.iter().map(|&d| self.reach(d, stream.node, base, end * plane)).collect();
        let (mut rows, mut consumers) = (vec![0], Vec::new());
        for i in 0..end * plane - base {
            let takes = |r: &Option<Vec<bool>>| r.as_ref().is_none_or(|r| r[i]);
            consumers.extend(reach.iter().enumerate().filter(|(_, r)| takes(r)).map(|(d, _)| d as u16));
            rows.push(consumers.len() as u32);
        }
        Selective { base: base as u32, rows, consumers }
    }

    /// Addresses `base..end` of the node that a consumer has synapses for; none means all.
    fn reach(&self, consumer: Endpoint, node: NodeId, base: usize, end: usize) -> Option<Vec<bool>> {
        let slice = self.slices.iter().find(|s| Endpoint::Core(s.core) == consumer)?;
        let group = self.stages.get(slice.stage.0 as usize)?.groups.iter().find(|g| g.source == node)?;
        let held = slice.channels[0] as i32..slice.channels[1] as i32;
        let mut reached = vec![false; end - base];
        for synapse in &group.synapses {
            let Connect::Sparse { targets, rows, .. } = &synapse.kind else { return None };
            for (i, reached) in reached.iter_mut().enumerate() {
                let row = rows[base + i] as usize..rows[base + i + 1] as usize;
                *reached |= targets[row].iter().any(|t| held.contains(t));
            }
        }
        Some(reached)
    }
}
