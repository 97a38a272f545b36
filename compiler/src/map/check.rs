//! Static checks of a program: what the machine takes for granted (docs/machine.md).

use super::connectivity::Region;
use super::memory::StageMemory;
use super::work::Rates;
use pulvinar_ir::program::{gate_maker, gates_made};
use pulvinar_ir::{
    Diagnostic, Endpoint, NodeId, Op, Pass, Phase, Program, Result, Schedule, Stage, StageId, Strategy,
    StreamKind,
};
use std::collections::{BTreeMap, BTreeSet};

fn fault(place: impl Into<String>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(
        "E0605",
        place,
        message,
        "map the network again; a program edited by hand must keep the machine's rules",
    )
}

/// Refuses a program that a chip cannot run. `rates` size the spike stores.
pub fn check(program: &Program, rates: &Rates) -> Result<()> {
    check_structure(program)?;
    check_memories(program, rates)
}

/// Refuses a program whose parts do not fit together, whatever the memories hold.
pub fn check_structure(program: &Program) -> Result<()> {
    for i in 0..program.stages.len() {
        check_stage(program, i)?;
    }
    for (p, phase) in program.phases.iter().enumerate() {
        let place = format!("phase {p}");
        check_cores(program, phase).map_err(|d| d.within(&place))?;
        check_streams(program, phase).map_err(|d| d.within(&place))?;
        check_inputs(program, p).map_err(|d| d.within(&place))?;
    }
    check_cover(program)?;
    check_dram(program)
}

/// Passes in order: gates come from earlier programs, only the last pass lacks taps (all do where gates are borrowed), and
/// it ends in the output.
fn check_stage(program: &Program, index: usize) -> Result<()> {
    let stage = &program.stages[index];
    let maker = gate_maker(&program.stages, index);
    let place = format!("layer `{}`", stage.name);
    let Some(last) = stage.passes.last() else { return Err(fault(place, "has no pass")) };
    let mut made: BTreeSet<NodeId> = BTreeSet::new();
    for (i, pass) in stage.passes.iter().enumerate() {
        if pass.gates.iter().any(|g| !made.contains(g)) {
            return Err(fault(place, format!("pass {i} reads a gate that no earlier pass has made")));
        }
        let silent = maker != index || i + 1 == stage.passes.len();
        if pass.taps.is_empty() != silent {
            return Err(fault(
                place,
                format!("pass {i} of {} has {} taps", stage.passes.len(), pass.taps.len()),
            ));
        }
        check_taps(program, stage, pass).map_err(|d| d.within(&place))?;
        made.extend(program.stages[maker].passes.get(i).iter().flat_map(|p| &p.program));
    }
    if last.elementwise.last().copied().unwrap_or(stage.accumulator) != stage.output {
        return Err(fault(place, "the last pass does not end in the output"));
    }
    let along = match stage.strategy {
        kind @ (Strategy::Step | Strategy::Window) => {
            let schedule = Schedule::of(&program.graph, stage);
            schedule.is_some_and(|s| s.strategy() == kind) && !stage.lends(program.stages.iter())
        }
        _ => true,
    };
    let in_time = stage.carry(&program.graph).is_none() || !stage.is_multipass();
    let in_time = in_time || stage.strategy == Strategy::Step;
    if (stage.strategy == Strategy::Direct) == stage.is_multipass() || !along || !in_time {
        return Err(fault(place, format!("{} passes and strategy {:?}", stage.passes.len(), stage.strategy)));
    }
    let mut sources = BTreeSet::new();
    if let Some(twice) = stage.synapses.iter().find(|s| !sources.insert(s.source)) {
        return Err(fault(place, format!("two synapses read {}", twice.source)));
    }
    let shape = program.graph.ty(stage.accumulator)?.shape;
    let ends = stage.synapses.iter().map(|s| s.node).chain([stage.output]);
    if ends.map(|id| program.graph.ty(id)).collect::<Result<Vec<_>>>()?.iter().any(|ty| ty.shape != shape) {
        return Err(fault(place, "synapses, accumulator and output differ in shape"));
    }
    Ok(())
}

/// Taps reduce a full-size value of their own pass.
fn check_taps(program: &Program, stage: &Stage, pass: &Pass) -> Result<()> {
    let full = |id: &NodeId| *id == stage.accumulator || pass.elementwise.contains(id);
    for tap in &pass.taps {
        let node = program.graph.node(*tap);
        if !matches!(node.op, Op::Reduce(_)) || !node.inputs.iter().all(full) {
            return Err(fault(format!("tap `{}`", node.name), "is no reduction of a value of its pass"));
        }
    }
    Ok(())
}

/// At most one slice a core, and one home a stage.
fn check_cores(program: &Program, phase: &Phase) -> Result<()> {
    let mut taken = BTreeSet::new();
    let mut homes: BTreeMap<StageId, u32> = BTreeMap::new();
    for slice in &phase.slices {
        if slice.core >= program.arch.cores() || !taken.insert(slice.core) {
            return Err(fault(format!("core {}", slice.core), "does not exist or holds two slices"));
        }
        if slice.stage.0 as usize >= program.stages.len() {
            return Err(fault(
                format!("core {}", slice.core),
                "holds a slice of a stage that does not exist",
            ));
        }
        *homes.entry(slice.stage).or_default() += u32::from(slice.home);
    }
    let wanted = |id: &StageId| u32::from(program.stage(*id).borrowed().is_empty());
    match homes.into_iter().find(|(id, n)| *n != wanted(id)) {
        Some((stage, n)) => Err(fault(
            format!("layer `{}`", program.stage(stage).name),
            format!("has {n} homes and needs {}", wanted(&stage)),
        )),
        None => Ok(()),
    }
}

/// Ends exist, destinations ascend, events have a width.
fn check_streams(program: &Program, phase: &Phase) -> Result<()> {
    let held: BTreeSet<u32> = phase.slices.iter().map(|s| s.core).collect();
    for (i, stream) in phase.streams.iter().enumerate() {
        let place = format!("stream {i}");
        let exists = |e: &Endpoint| !matches!(e, Endpoint::Core(c) if !held.contains(c));
        if !exists(&stream.source) || !stream.destinations.iter().all(exists) {
            return Err(fault(place, "ends on a core without a slice"));
        }
        if stream.destinations.is_empty() || stream.destinations.windows(2).any(|d| d[0] >= d[1]) {
            return Err(fault(place, "its destinations are missing or not ascending"));
        }
        let flit = if stream.selective {
            1
        } else {
            (program.arch.noc.payload_bits / stream.event_bits.max(1)).max(1)
        };
        if stream.event_bits == 0 || stream.events_per_flit != flit {
            return Err(fault(
                place,
                format!("{} events of {} bits in a flit", stream.events_per_flit, stream.event_bits),
            ));
        }
    }
    Ok(())
}

/// Every synapse of every slice gets its source; statistics and gates flow between a home and its slices.
fn check_inputs(program: &Program, p: usize) -> Result<()> {
    let phase = &program.phases[p];
    for slice in &phase.slices {
        let (stage, core) = (program.stage(slice.stage), Endpoint::Core(slice.core));
        let into = |kind: StreamKind, node: NodeId| {
            phase
                .streams
                .iter()
                .filter(move |s| s.kind == kind && s.node == node && s.destinations.contains(&core))
                .count()
        };
        for synapse in &stage.synapses {
            let Some(producer) = program.producer(synapse.source) else {
                if into(StreamKind::Events, synapse.source) != 1 {
                    return Err(fault(format!("core {}", slice.core), "does not get the network input"));
                }
                continue;
            };
            let earlier = program.phases[..p].iter().flat_map(|q| &q.slices).any(|s| s.stage == producer);
            let from_dram = phase.streams.iter().any(|s| {
                s.source == Endpoint::Dram && s.node == synapse.source && s.destinations.contains(&core)
            });
            if earlier != from_dram {
                return Err(fault(
                    format!("core {}", slice.core),
                    format!("its source {} crosses phases without DRAM, or the reverse", synapse.source),
                ));
            }
        }
        let mates = phase.slices.iter().filter(|s| s.stage == slice.stage).count() - 1;
        let maker = gate_maker(&program.stages, slice.stage.0 as usize);
        let multipass = usize::from(stage.is_multipass());
        let want = if slice.home { (mates * multipass, 0) } else { (0, multipass) };
        let makes = gates_made(&program.stages, maker).iter().any(|g| !g.is_empty());
        let gates = into(StreamKind::Gates, program.stages[maker].output);
        if (into(StreamKind::Statistics, stage.output), gates) != want || (multipass == 1 && !makes) {
            return Err(fault(
                format!("core {}", slice.core),
                "statistics or gates do not flow between home and slices",
            ));
        }
    }
    Ok(())
}

/// Every element of every stage lies in exactly one slice of one phase.
fn check_cover(program: &Program) -> Result<()> {
    for (i, stage) in program.stages.iter().enumerate() {
        let shape = program.graph.ty(stage.accumulator)?.shape;
        let mut covered = vec![0u32; shape.c * shape.h];
        for slice in program.phases.iter().flat_map(|p| &p.slices).filter(|s| s.stage.0 as usize == i) {
            let r = Region::of(slice);
            if r.channels[0] >= r.channels[1]
                || r.rows[0] >= r.rows[1]
                || r.channels[1] > shape.c
                || r.rows[1] > shape.h
            {
                return Err(fault(format!("layer `{}`", stage.name), "a slice is empty or leaves the layer"));
            }
            (r.channels[0]..r.channels[1])
                .for_each(|c| (r.rows[0]..r.rows[1]).for_each(|h| covered[c * shape.h + h] += 1));
        }
        if covered.iter().any(|&n| n != 1) {
            return Err(fault(
                format!("layer `{}`", stage.name),
                "an output element lies in no slice or in several",
            ));
        }
    }
    Ok(())
}

fn check_memories(program: &Program, rates: &Rates) -> Result<()> {
    for (i, stage) in program.stages.iter().enumerate() {
        let made = gates_made(&program.stages, i).concat();
        let memory = StageMemory::new(&program.graph, &program.arch, stage, &made, rates);
        for slice in program.phases.iter().flat_map(|p| &p.slices).filter(|s| s.stage.0 as usize == i) {
            if let Some((memory, bits)) =
                memory.footprint(Region::of(slice), stage.strategy).overflow(&program.arch)
            {
                let have = program.arch.capacity_bits(memory);
                return Err(fault(
                    format!("core {}", slice.core),
                    format!("needs {bits} bits of {} and has {have}", memory.name()),
                ));
            }
        }
    }
    Ok(())
}

/// The controller keeps a queue slot for each core that reads DRAM.
fn check_dram(program: &Program) -> Result<()> {
    let slots = program.arch.dram.queue_requests as usize;
    for phase in &program.phases {
        let reads = |s: &&pulvinar_ir::Slice| {
            program.is_multiphase() || program.stage(s.stage).strategy == Strategy::SpillDram
        };
        let readers = phase.slices.iter().filter(reads).count();
        if readers > slots {
            return Err(Diagnostic::new(
                "E0607",
                "dram.queue_requests",
                format!(
                    "{readers} cores may ask for DRAM data at once and the controller holds {slots} requests"
                ),
                "enlarge dram.queue_requests, or keep fewer layers in DRAM",
            ));
        }
    }
    Ok(())
}
