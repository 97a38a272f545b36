//! One core: the instances around one slice and the logic between them.

use super::connections::Connections;
use super::control::Pulses;
use super::decode::{Arrivals, EntryFormat, Head};
use super::format::Format;
use super::synapse::Taken;
use super::Shared;
use crate::netlist::{index_bits, Bits, Instance, Module, Parameter};
use pulvinar_ir::{Graph, Result, Strategy};
use pulvinar_simulator::prepare::phase::{CorePlan, StreamPlan};
use pulvinar_simulator::prepare::sweep::StagePlan;
use pulvinar_simulator::Machine;
use std::rc::Rc;

/// A core under construction.
pub struct CoreBuilder<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) plan: &'a CorePlan,
    pub(super) stage: &'a StagePlan<'a>,
    pub(super) m: Module,
    pub(super) buffers: usize,
    /// Streams that end here.
    pub(super) incoming: Vec<u32>,
    /// Memory images: file name and text.
    pub(super) files: Vec<(String, String)>,
    pub(super) clear: Bits,
    pub(super) clear_at: Bits,
    /// Most words that any memory zeroes before cycle 0.
    pub(super) clear_words: usize,
    /// Sticky error bits.
    pub(super) errors: Vec<Bits>,
    /// Number in the chain of counters.
    pub(super) index: usize,
    tables: usize,
    /// Memories of stored connections, if the slice has such.
    pub(super) connections: Option<Rc<Connections>>,
}

/// What a core leaves for the top level.
pub struct Core {
    /// The module.
    pub module: Module,
    /// Memory images.
    pub files: Vec<(String, String)>,
    /// Words to zero before cycle 0.
    pub clear_words: usize,
}

/// Clock and reset of an instance.
pub fn clocking() -> [(String, Bits); 2] {
    ["clk", "rst"].map(|n| (n.to_owned(), Bits::Net { name: n.into(), width: 1 }))
}

/// An instance from borrowed names, without clock and reset.
pub fn instance(
    module: &str,
    name: &str,
    parameters: Vec<(String, Parameter)>,
    inputs: &[(&str, Bits)],
    outputs: &[(&str, Bits)],
) -> Instance {
    let owned = |ports: &[(&str, Bits)]| ports.iter().map(|(n, b)| ((*n).to_owned(), b.clone())).collect();
    Instance {
        module: module.to_owned(),
        name: name.to_owned(),
        parameters,
        inputs: owned(inputs),
        outputs: owned(outputs),
    }
}

/// A number as a parameter.
pub fn number(value: usize) -> Parameter {
    Parameter::Number(value as i64)
}

/// A number of a given width as a parameter.
pub fn sized(value: u64, width: u32) -> Parameter {
    Parameter::Vector(vec![Bits::unsigned(value, width)])
}

impl<'a> CoreBuilder<'a> {
    fn new(shared: &'a Shared<'a>, plan: &'a CorePlan, index: usize) -> Self {
        let name = format!("core{}", plan.core);
        let stage = &shared.machine.stages[plan.stage];
        let comment = format!(
            "Core {}: layer `{}`, channels {}..{}, rows {}..{}.",
            plan.core,
            stage.stage.name.escape_default(),
            plan.region.channels[0],
            plan.region.channels[1],
            plan.region.rows[0],
            plan.region.rows[1]
        );
        let mut m = Module::new(&name, &comment);
        let (clear, clear_at) = (m.input("clear", 1), m.input("clear_addr", shared.clear_bits));
        let here = |s: &StreamPlan| s.destinations.contains(&plan.port);
        let streams = &shared.phase.streams;
        let incoming = (0..streams.len()).filter(|&s| here(&streams[s])).map(|s| s as u32).collect();
        let mut builder = CoreBuilder {
            shared,
            plan,
            stage,
            m,
            buffers: shared.machine.buffers,
            incoming,
            files: Vec::new(),
            clear,
            clear_at,
            clear_words: plan.words,
            errors: Vec::new(),
            index,
            tables: 0,
            connections: None,
        };
        builder.connections = builder.stored_connections();
        builder
    }

    pub(super) fn machine(&self) -> &'a Machine<'a> {
        self.shared.machine
    }
    pub(super) fn graph(&self) -> &'a Graph {
        &self.shared.machine.program.graph
    }
    pub(super) fn format(&self) -> &'a Format {
        &self.shared.format
    }
    pub(super) fn lanes(&self) -> usize {
        self.shared.machine.program.arch.core.lanes as usize
    }
    pub(super) fn plan_of(&self, stream: u32) -> &'a StreamPlan {
        &self.shared.phase.streams[stream as usize]
    }
    pub(super) fn recomputes(&self) -> bool {
        self.stage.passes.len() > 1 && self.stage.stage.strategy == Strategy::Recompute
    }

    /// Adds an instance with clock and reset.
    pub(super) fn add(
        &mut self,
        module: &str,
        name: &str,
        parameters: &[(&str, Parameter)],
        inputs: &[(&str, Bits)],
        outputs: &[(&str, Bits)],
    ) {
        let parameters = parameters.iter().map(|(n, p)| ((*n).to_owned(), p.clone())).collect();
        let mut this = instance(module, name, parameters, inputs, outputs);
        this.inputs.splice(0..0, clocking());
        self.m.instance(this);
    }

    /// The address at which memories of up to 2^bits words are zeroed before cycle 0.
    pub(super) fn clear_address(&mut self, bits: u32) -> Bits {
        let at = self.clear_at.clone();
        self.m.zext(&at, bits)
    }

    /// Drives a net that was declared before.
    pub(super) fn join_nets(&mut self, net: &Bits, value: &Bits) {
        self.m.assign_net(net, value);
    }

    /// A small table of constants, in the same cycle.
    pub(super) fn lookup(&mut self, name: &str, width: u32, data: Vec<Bits>, index: Bits) -> Bits {
        self.tables += 1;
        let name = format!("{name}_{}", self.tables);
        let entry = self.m.wire(&format!("{name}_entry"), width);
        let parameters = [
            ("WIDTH", number(width as usize)),
            ("DEPTH", number(data.len())),
            ("INDEX_BITS", number(index.width() as usize)),
            ("DATA", Parameter::Vector(data)),
        ];
        let parameters = parameters.into_iter().map(|(n, p)| (n.to_owned(), p)).collect();
        let this = instance("lookup", &name, parameters, &[("index", index)], &[("entry", entry.clone())]);
        self.m.instance(this);
        entry
    }

    /// Bits of a register of a pass: 0 is the current with its bias, i + 1 the result of operation i.
    pub(super) fn register_bits(&self, pass: usize, register: usize) -> u32 {
        if register == 0 {
            return self.current_bits();
        }
        super::format::value_bits(self.graph(), self.stage.stage.passes[pass].elementwise[register - 1])
    }

    /// Keeps a memory image; gives its file name.
    pub(super) fn image(&mut self, name: &str, words: &[Vec<Bits>]) -> String {
        let file = format!("{name}.mem");
        let text = words.iter().map(|w| super::image::hexadecimal(w) + "\n").collect();
        self.files.push((file.clone(), text));
        file
    }

    /// A read-only memory with its data one cycle after the address.
    pub(super) fn rom(
        &mut self,
        name: &str,
        width: u32,
        depth: usize,
        file: String,
        address: Bits,
        enable: Bits,
    ) -> Bits {
        let data = self.m.wire(&format!("{name}_data"), width);
        let parameters = [
            ("WIDTH", number(width as usize)),
            ("DEPTH", number(depth)),
            ("ADDR_BITS", number(address.width() as usize)),
            ("FILE", Parameter::Text(file)),
        ];
        let parameters = parameters.into_iter().map(|(n, p)| (n.to_owned(), p)).collect();
        let mut this = instance(
            "rom",
            name,
            parameters,
            &[("ren", enable), ("raddr", address)],
            &[("rdata", data.clone())],
        );
        this.inputs.insert(0, clocking()[0].clone());
        self.m.instance(this);
        data
    }

    /// A memory with one read and one write port.
    pub(super) fn ram(
        &mut self,
        name: &str,
        (width, depth): (u32, usize),
        read: (Bits, Bits),
        write: (Bits, Bits, Bits),
    ) -> Bits {
        let data = self.m.wire(&format!("{name}_data"), width);
        let bits = index_bits(depth);
        let parameters = [
            ("WIDTH", number(width as usize)),
            ("DEPTH", number(depth)),
            ("ADDR_BITS", number(bits as usize)),
        ];
        let parameters = parameters.into_iter().map(|(n, p)| (n.to_owned(), p)).collect();
        let inputs =
            [("ren", read.0), ("raddr", read.1), ("wen", write.0), ("waddr", write.1), ("wdata", write.2)];
        let mut this = instance("ram", name, parameters, &inputs, &[("rdata", data.clone())]);
        this.inputs.insert(0, clocking()[0].clone());
        self.m.instance(this);
        data
    }

    fn interface(&mut self) -> (Head, Bits) {
        let format = self.format();
        let flit = format.flit();
        let (valid, link) = (self.m.input("ej_valid", 1), self.m.input("ej_flit", flit));
        let outputs = [
            ("ej_credit", 1),
            ("head_valid", 1),
            ("head_flit", flit),
            ("taken", format.count),
            ("take_event", 1),
            ("take_last", 1),
            ("take_end", 1),
            ("take_credit", 1),
        ]
        .map(|(n, width)| (n, self.m.wire(&format!("interface_{n}"), width)));
        let room = self.m.wire("queue_room", 1);
        let parameters = self.flit_parameters();
        let depth = self.machine().program.arch.noc.eject_flits as usize;
        let parameters: Vec<(&str, Parameter)> = parameters
            .into_iter()
            .chain([("TAG_BITS", number(format.tag as usize)), ("EJECT_DEPTH", number(depth))])
            .collect();
        let inputs = [
            ("ej_valid", valid),
            ("ej_flit", link),
            ("queue_room", room.clone()),
            ("output_ready", Bits::one()),
        ];
        self.add("interface_in", "inlet", &parameters, &inputs, &outputs);
        let [ej_credit, _, flit, taken, take_event, take_last, take_end, take_credit] =
            outputs.map(|(_, b)| b);
        self.m.output("ej_credit", ej_credit);
        (Head { flit, taken, take_event, take_last, take_end, take_credit }, room)
    }

    /// Builds the event queue, with the row pointers beside it.
    fn event_queue(&mut self, entry: &EntryFormat, arrivals: &Arrivals, room: Bits) -> Queue {
        let front = self.m.wire("queue_front", entry.bits());
        let (valid, pop) = (self.m.wire("queue_valid", 1), self.m.wire("queue_pop", 1));
        let depth = self.machine().program.arch.core.queue_events as usize;
        self.add(
            "event_queue",
            "queue",
            &[("WIDTH", number(entry.bits() as usize)), ("DEPTH", number(depth))],
            &[("push", arrivals.push.clone()), ("din", arrivals.entry.clone()), ("pop", pop.clone())],
            &[("room", room), ("valid", valid.clone()), ("front", front.clone())],
        );
        let item = if let Some(connections) = self.connections.clone() {
            let pointer = self.pointer_queue(&connections, entry, (&arrivals.push, &arrivals.entry), &pop);
            self.m.join(&[front.clone(), pointer])
        } else {
            front.clone()
        };
        Queue { front, item, valid, pop }
    }

    /// Widths of the flit's fields as parameters.
    pub(super) fn flit_parameters(&self) -> Vec<(&'static str, Parameter)> {
        super::flit_parameters(self.format())
    }
}

/// The oldest entry of the event queue.
struct Queue {
    front: Bits,
    /// The entry with its row pointer.
    item: Bits,
    valid: Bits,
    pop: Bits,
}

/// Builds the module of one core.
pub fn build<'a>(shared: &'a Shared<'a>, plan: &'a CorePlan, index: usize) -> Result<Core> {
    let mut b = CoreBuilder::new(shared, plan, index);
    let entry = b.entry_format();
    let (head, room) = b.interface();
    let arrivals = b.arrivals(&head, &entry);
    let Queue { front, item, valid: front_valid, pop } = b.event_queue(&entry, &arrivals, room);
    let oldest = entry.split(&mut b.m, &front);
    let control = b.control_nets();
    let free = b.m.wire("engine_can_take", 1);
    let is = |b: &mut CoreBuilder<'_>, class: u64| {
        let is = b.m.is(&oldest.class, class);
        b.m.and(&front_valid, &is)
    };
    let (synapse, statistic, gate) = (
        is(&mut b, super::decode::CLASS_SYNAPSE),
        is(&mut b, super::decode::CLASS_STATISTIC),
        is(&mut b, super::decode::CLASS_GATE),
    );
    let pop_synapse = b.m.and(&synapse, &free);
    let others = b.m.or(&statistic, &gate);
    let popped = b.m.or(&pop_synapse, &others);
    b.join_nets(&pop, &popped);
    let store = b.store(&entry, &pop_synapse, &item, &oldest.target, &free, &control);
    let taken = Taken { take: b.m.or(&pop_synapse, &store.play), entry: store.entry.clone() };
    let sweep_read = b.sweep_read();
    let side = b.synapse_side(&entry, &taken, &sweep_read)?;
    b.join_nets(&free, &side.free);
    let attention = b.attention_side(&control, &oldest, (&statistic, &gate))?;
    b.control(
        &control,
        &arrivals,
        &head,
        &side,
        (&pop_synapse, &oldest.target),
        (&statistic, &gate),
        &attention,
        &store,
    );
    let sweep = b.sweep(&control, &side, &attention, &sweep_read);
    let out = b.output_side(&control, &sweep, &attention);
    let pulses =
        Pulses { arrivals: &arrivals, head: &head, side: &side, popped: &popped, attention: &attention };
    b.counters(&pulses, &control, &out, &sweep);
    b.trace_sweeps(&control);
    let errors = b.errors.clone();
    let error = b.m.any(&errors);
    b.m.output("overflow", error);
    Ok(Core { module: b.m, files: b.files, clear_words: b.clear_words })
}
