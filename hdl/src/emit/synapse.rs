//! The synapse side of a core: address generators, weights, engine, accumulator.

use super::core::{number, CoreBuilder};
use super::decode::{Entry, EntryFormat};
use super::format::{signed_bits, value_bits};
use crate::generator::{Generator, Widths};
use crate::netlist::{index_bits, Bits, Module, Parameter};
use pulvinar_ir::{Diagnostic, Result};
use pulvinar_simulator::prepare::synapse::{Group, Image, TapImage, Weights};

/// Nets between the synapse side and the rest of the core.
pub struct SynapseSide {
    /// An event may be taken.
    pub free: Bits,
    /// The engine works on an event.
    pub busy: Bits,
    /// Buffer of the event.
    pub busy_buffer: Bits,
    /// Per buffer: an issue in the last two cycles.
    pub recent: Bits,
    /// A hazard holds the beat, or it is one that a bank conflict costs.
    pub stalled: Bits,
    /// A beat issues.
    pub beat: Bits,
    /// Its lanes.
    pub beat_mask: Bits,
    /// Accumulator word read for the sweep, one cycle after the request.
    pub sweep_data: Bits,
    /// Bits of one accumulator.
    pub acc_bits: u32,
}

/// An event for the engine.
pub struct Taken {
    /// An event is taken.
    pub take: Bits,
    /// The event that may be taken, whether it is or not.
    pub entry: Bits,
}

/// The sweep's read port of the accumulator.
pub struct SweepRead {
    /// Read.
    pub enable: Bits,
    /// Leave the word as it is.
    pub keep: Bits,
    /// Buffer.
    pub buffer: Bits,
    /// Word.
    pub word: Bits,
}

/// A beat at its issue.
struct Beat {
    valid: Bits,
    buffer: Bits,
    address: Bits,
    weight_address: Bits,
    mask: Bits,
    value: Bits,
    weighted: Bits,
}

/// Widths of the synapse side.
struct Sizes {
    lanes: u32,
    acc_addr: u32,
    weight_addr: u32,
    value: u32,
}

impl CoreBuilder<'_> {
    /// Generators of the slice's synapses with their groups, in the order of the stage.
    fn generators(&self) -> Result<Vec<(usize, Generator)>> {
        let mut generators = Vec::new();
        for (group, images) in self.plan.images.iter().enumerate() {
            let inputs = &self.stage.groups[group].synapses;
            if inputs.iter().any(|s| s.input != inputs[0].input) {
                return Err(Diagnostic::new(
                    "E0805",
                    self.stage.stage.name.clone(),
                    "synapses of one source see it in different shapes",
                    "put a flatten in front of both, or of neither",
                ));
            }
            for image in images {
                if let Image::Taps(taps) = image {
                    generators.push((group, Generator::new(taps, &self.plan.region, self.lanes())));
                }
            }
        }
        Ok(generators)
    }

    /// Bits of the current: accumulator with bias.
    pub(super) fn current_bits(&self) -> u32 {
        value_bits(self.graph(), self.stage.stage.accumulator).max(self.acc_bits())
    }

    /// Bits of an accumulator, two's complement: the proven bits have a sign only where negative sums occur.
    pub(super) fn acc_bits(&self) -> u32 {
        let source = |g: &Group<'_>| self.graph().node(g.source).ty.as_int("").is_ok_and(|t| t.lo < 0);
        let mates = self.shared.phase.cores.iter().filter(|c| c.stage == self.plan.stage);
        let image = |i: &Image| match i {
            Image::Taps(TapImage { weights: Some(Weights::Byte(w)), .. }) => w.iter().any(|&v| v < 0),
            Image::Taps(TapImage { weights: Some(Weights::Half(w)), .. }) => w.iter().any(|&v| v < 0),
            Image::Taps(TapImage { weights: None, .. }) => false,
            Image::Sparse(sparse) => sparse.has_negative_weight(),
        };
        let negative =
            self.stage.groups.iter().any(source) || mates.flat_map(|c| c.images.iter().flatten()).any(image);
        self.stage.stage.accumulator_bits + u32::from(!negative)
    }

    /// Builds the synapse side.
    pub(super) fn synapse_side(
        &mut self,
        entry: &EntryFormat,
        taken: &Taken,
        sweep: &SweepRead,
    ) -> Result<SynapseSide> {
        if let Some(connections) = self.connections.clone() {
            return Ok(self.sparse_side(&connections, entry, taken, sweep));
        }
        let generators = self.generators()?;
        let words: Vec<Vec<i32>> = generators.iter().flat_map(|(_, g)| g.weights.iter().cloned()).collect();
        let sizes = Sizes {
            lanes: self.lanes() as u32,
            acc_addr: index_bits(self.plan.words),
            weight_addr: index_bits(words.len()),
            value: entry.value,
        };
        let acc_bits = self.acc_bits();
        let split = entry.split(&mut self.m, &taken.entry);
        let weighted: Vec<bool> = generators.iter().map(|(_, g)| g.is_weighted()).collect();
        let (beat, mut side) = self.engine(&generators, (taken, &split), (&sizes, entry));
        let data: Vec<Vec<Bits>> = {
            let bits = words.iter().flatten().map(|&w| signed_bits(w.into(), w.into())).max().unwrap_or(1);
            words.iter().map(|w| w.iter().map(|&v| Bits::signed(v.into(), bits)).collect()).collect()
        };
        let weights = self.weight_memory(&data, &sizes, &beat);
        side.acc_bits = acc_bits;
        side.sweep_data = self.accumulator(&weighted, (&sizes, acc_bits), &beat, weights, sweep);
        Ok(side)
    }

    fn engine(
        &mut self,
        generators: &[(usize, Generator)],
        (taken, split): (&Taken, &Entry),
        (sizes, entry): (&Sizes, &EntryFormat),
    ) -> (Beat, SynapseSide) {
        let count = generators.len() as u32;
        let groups: Vec<Bits> = generators.iter().map(|(g, _)| self.m.is(&split.group, *g as u64)).collect();
        let take_generators = self.m.join(&groups);
        let [start, advance] = ["generator_start", "generator_advance"].map(|n| self.m.wire(n, count));
        let collected = self.generator_instances(generators, split, (&start, &advance), (sizes, entry));
        let [pending, last, acc, weights, masks] = collected.map(|list| self.m.join(&list));
        let buffer = target_buffer(&mut self.m, &split.target, self.buffers);
        let (beat, side) = self.engine_nets(sizes);
        let outputs = [
            ("free", &side.free),
            ("start", &start),
            ("advance", &advance),
            ("beat_valid", &beat.valid),
            ("beat_buffer", &beat.buffer),
            ("beat_addr", &beat.address),
            ("beat_weight_addr", &beat.weight_address),
            ("beat_mask", &beat.mask),
            ("beat_value", &beat.value),
            ("beat_weighted", &beat.weighted),
            ("busy", &side.busy),
            ("busy_buffer", &side.busy_buffer),
            ("recent", &side.recent),
            ("stalled", &side.stalled),
        ]
        .map(|(n, b)| (n, b.clone()));
        let inputs = [
            ("take", taken.take.clone()),
            ("take_generators", take_generators),
            ("take_buffer", buffer),
            ("take_value", split.value.clone()),
            ("pending", pending),
            ("last", last),
            ("acc_addr", acc),
            ("weight_addr", weights),
            ("lane_mask", masks),
        ];
        let parameters = self.engine_parameters(generators, sizes);
        self.add("synapse_engine", "engine", &parameters, &inputs, &outputs);
        (beat, side)
    }

    /// Nets that the engine drives.
    fn engine_nets(&mut self, sizes: &Sizes) -> (Beat, SynapseSide) {
        let mut net = |name: &str, width: u32| self.m.wire(&format!("engine_{name}"), width);
        let beat = Beat {
            valid: net("beat_valid", 1),
            buffer: net("beat_buffer", 1),
            address: net("beat_addr", sizes.acc_addr),
            weight_address: net("beat_weight_addr", sizes.weight_addr),
            mask: net("beat_mask", sizes.lanes),
            value: net("beat_value", sizes.value),
            weighted: net("beat_weighted", 1),
        };
        let side = SynapseSide {
            free: net("free", 1),
            busy: net("busy", 1),
            busy_buffer: net("busy_buffer", 1),
            recent: net("recent", self.buffers as u32),
            stalled: net("stalled", 1),
            beat: beat.valid.clone(),
            beat_mask: beat.mask.clone(),
            sweep_data: Bits::zero(),
            acc_bits: 0,
        };
        (beat, side)
    }

    fn engine_parameters(
        &self,
        generators: &[(usize, Generator)],
        sizes: &Sizes,
    ) -> [(&'static str, Parameter); 8] {
        let reads: Vec<Bits> =
            generators.iter().map(|(_, g)| Bits::unsigned(u64::from(g.is_weighted()), 1)).collect();
        [
            ("GENERATORS", number(generators.len())),
            ("LANES", number(sizes.lanes as usize)),
            ("ACC_ADDR_BITS", number(sizes.acc_addr as usize)),
            ("WEIGHT_ADDR_BITS", number(sizes.weight_addr as usize)),
            ("VALUE_BITS", number(sizes.value as usize)),
            ("BUFFERS", number(self.buffers)),
            ("HAZARD_STALL", number(usize::from(self.machine().stall))),
            ("WEIGHTED", Parameter::Vector(reads)),
        ]
    }

    /// One address generator a synapse; gives pending, last, addresses and masks of all.
    fn generator_instances(
        &mut self,
        generators: &[(usize, Generator)],
        split: &Entry,
        (start, advance): (&Bits, &Bits),
        (sizes, entry): (&Sizes, &EntryFormat),
    ) -> [Vec<Bits>; 5] {
        let widths = Widths {
            lanes: sizes.lanes as usize,
            acc_addr: sizes.acc_addr,
            weight_addr: sizes.weight_addr,
            coordinates: [entry.channel, entry.row, entry.column],
        };
        let mut collected: [Vec<Bits>; 5] = Default::default();
        let mut base = 0;
        for (i, (_, generator)) in generators.iter().enumerate() {
            let outputs = [
                ("pending", 1),
                ("beat_last", 1),
                ("acc_addr", sizes.acc_addr),
                ("weight_addr", sizes.weight_addr),
                ("lane_mask", sizes.lanes),
            ]
            .map(|(port, width)| (port, self.m.wire(&format!("generator{i}_{port}"), width)));
            for (list, (_, net)) in collected.iter_mut().zip(&outputs) {
                list.push(net.clone());
            }
            let inputs = [
                ("probe_i", split.place[2].clone()),
                ("probe_y", split.place[1].clone()),
                ("probe_x", split.place[0].clone()),
                ("start", self.m.bit(start, i as u32)),
                ("advance", self.m.bit(advance, i as u32)),
            ];
            let parameters = generator.parameters(&widths, base);
            let parameters: Vec<(&str, Parameter)> =
                parameters.iter().map(|(n, p)| (n.as_str(), p.clone())).collect();
            self.add("address_generator", &format!("generator{i}"), &parameters, &inputs, &outputs);
            base += generator.weights.len();
        }
        collected
    }

    fn weight_memory(&mut self, data: &[Vec<Bits>], sizes: &Sizes, beat: &Beat) -> Bits {
        let Some(first) = data.first() else { return Bits::Const { value: 0, width: sizes.lanes } };
        let width = first.iter().map(Bits::width).sum();
        let name = format!("core{}_weights", self.plan.core);
        let file = self.image(&name, data);
        let reads = self.m.and(&beat.valid, &beat.weighted);
        self.rom("weights", width, data.len(), file, beat.weight_address.clone(), reads)
    }

    fn accumulator(
        &mut self,
        weighted: &[bool],
        (sizes, acc_bits): (&Sizes, u32),
        beat: &Beat,
        weights: Bits,
        sweep: &SweepRead,
    ) -> Bits {
        let data = self.m.wire("accumulator_data", sizes.lanes * acc_bits);
        let graded = self.stage.groups.iter().any(|g| !g.binary);
        let flag = |on: bool| number(usize::from(on));
        let parameters = [
            ("LANES", number(sizes.lanes as usize)),
            ("ACC_BITS", number(acc_bits as usize)),
            ("WEIGHT_BITS", number((weights.width() / sizes.lanes) as usize)),
            ("VALUE_BITS", number(sizes.value as usize)),
            ("WORDS", number(self.plan.words)),
            ("ADDR_BITS", number(sizes.acc_addr as usize)),
            ("BUFFERS", number(self.buffers)),
            ("GRADED", flag(graded)),
            ("MAXIMUM", flag(self.stage.max)),
            ("WEIGHTED", flag(weighted.contains(&true))),
            ("UNWEIGHTED", flag(weighted.contains(&false))),
            ("FORWARD", flag(!self.machine().stall)),
        ];
        let inputs = [
            ("beat_valid", beat.valid.clone()),
            ("beat_buffer", beat.buffer.clone()),
            ("beat_addr", beat.address.clone()),
            ("beat_mask", beat.mask.clone()),
            ("beat_value", beat.value.clone()),
            ("beat_weighted", beat.weighted.clone()),
            ("weights", weights),
            ("sweep_ren", sweep.enable.clone()),
            ("sweep_keep", sweep.keep.clone()),
            ("sweep_buffer", sweep.buffer.clone()),
            ("sweep_addr", sweep.word.clone()),
            ("clear", self.clear.clone()),
            ("clear_addr", self.clear_address(sizes.acc_addr)),
        ];
        self.add("accumulator", "accumulator", &parameters, &inputs, &[("sweep_data", data.clone())]);
        data
    }
}

/// Accumulator buffer of a step.
pub fn target_buffer(m: &mut Module, step: &Bits, buffers: usize) -> Bits {
    if buffers == 1 {
        Bits::zero()
    } else {
        m.bit(step, 0)
    }
}
