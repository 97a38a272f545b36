//! The attention side of a core: statistics, gates, lists, and at the home the attention engine.

use super::control::ControlNets;
use super::core::{number, CoreBuilder};
use super::decode::Entry;
use super::format::value_bits;
use crate::attention::{assemble, lists, Assembled, TapLayout};
use crate::netlist::{index_bits, Bits, Parameter};
use pulvinar_ir::Result;

/// Nets that a sweep folds one tap by.
pub struct TapNets {
    /// A word is folded.
    pub fold: Bits,
    /// It replaces what the row holds.
    pub first: Bits,
    /// Row of the memory.
    pub row: Bits,
    /// Lanes that hold a channel.
    pub mask: Bits,
    /// Values of all lanes.
    pub values: Bits,
}

/// A list on its way to the packer.
pub struct ListNets {
    /// Its stream.
    pub stream: u32,
    /// A list is under way.
    pub active: Bits,
    /// An event is on offer.
    pub offer: Bits,
    /// Its address.
    pub address: Bits,
    /// Its value.
    pub value: Bits,
    /// Pass of the list.
    pub pass: Bits,
    /// The list's last cycle.
    pub close: Bits,
    /// The packer takes the event (to be joined).
    pub accepted: Bits,
    /// The packer was free at the start of the cycle (to be joined).
    pub idle_exit: Bits,
}

/// Nets between the attention side and the rest of the core.
pub struct AttentionSide {
    /// The engine has finished a program (home).
    pub finish: Bits,
    /// The engine runs.
    pub running: Bits,
    /// Taps by pass.
    pub taps: Vec<Vec<TapNets>>,
    /// Statistics or gates that are sent.
    pub list: Option<ListNets>,
    /// Reads of the gate memory, by pass and in the order of its operations.
    pub gates: Vec<Vec<GateNets>>,
}

/// A read of the gate memory by one pass.
#[derive(Clone)]
pub struct GateNets {
    /// Read (to be joined).
    pub enable: Bits,
    /// Word (to be joined).
    pub address: Bits,
    /// Value, one cycle later.
    pub data: Bits,
}

/// Home's engine and its ports.
pub(super) struct Engine {
    pub(super) assembled: Assembled,
    stat_ren: Bits,
    stat_addr: Bits,
    stat_tap: Bits,
    stat_data: Bits,
    pub(super) gate_wen: Bits,
    pub(super) gate_addr: Bits,
    pub(super) gate_data: Bits,
    pub(super) ending: Bits,
}

/// Reading side of the own statistics.
enum Reader<'a> {
    Engine(&'a Engine),
    List { ren: Bits, address: Bits, source: Bits, offered: Bits },
}

pub(super) fn owned(parameters: &[(&'static str, String)]) -> Vec<(&'static str, Parameter)> {
    parameters.iter().map(|(n, v)| (*n, Parameter::Verbatim(v.clone()))).collect()
}

impl CoreBuilder<'_> {
    /// Builds statistics, gate memory, lists and the engine; a core of one pass has none of them.
    pub(super) fn attention_side(
        &mut self,
        control: &ControlNets,
        oldest: &Entry,
        (statistic, gate): (&Bits, &Bits),
    ) -> Result<AttentionSide> {
        let mut side = AttentionSide {
            finish: Bits::zero(),
            running: Bits::zero(),
            taps: Vec::new(),
            list: None,
            gates: vec![Vec::new(); self.stage.passes.len()],
        };
        if self.stage.passes.len() < 2 {
            side.taps = self.stage.passes.iter().map(|_| Vec::new()).collect();
            return Ok(side);
        }
        if self.plan.home {
            let engine = self.engine_of_home(control, (oldest, statistic), &mut side)?;
            side.taps = self.statistics_memories(&Reader::Engine(&engine), &engine.stat_data.clone());
            self.gate_memory(&mut side, control, Some(&engine), (oldest, gate));
        } else if self.stage.passes.iter().all(|p| p.taps.is_empty()) {
            // Its gates are borrowed.
            side.taps = self.stage.passes.iter().map(|_| Vec::new()).collect();
            self.gate_memory(&mut side, control, None, (oldest, gate));
        } else {
            let value = self.m.wire("list_value", self.statistic_bits());
            let reader = self.statistics_list(control, &mut side, &value);
            side.taps = self.statistics_memories(&reader, &value);
            self.gate_memory(&mut side, control, None, (oldest, gate));
        }
        Ok(side)
    }

    /// Bits of a statistic, the widest of the stage.
    fn statistic_bits(&self) -> u32 {
        let taps = self.stage.passes.iter().flat_map(|p| &p.taps);
        taps.map(|t| value_bits(self.graph(), t.node)).max().unwrap_or(1)
    }

    fn engine_of_home(
        &mut self,
        control: &ControlNets,
        (oldest, statistic): (&Entry, &Bits),
        side: &mut AttentionSide,
    ) -> Result<Engine> {
        let lanes = self.machine().program.arch.core.attention_lanes as usize;
        let remote = self.plan.statistics_inputs > 0;
        let graph = self.machine().small_graph(self.plan.stage);
        let assembled = assemble(graph, self.stage, &self.plan.region, self.lanes(), lanes, remote)?;
        let prefix = format!("core{}_attention", self.plan.core);
        self.files.extend(assembled.files(&prefix));
        let (l, field, width) = (lanes as u32, assembled.field, assembled.width);
        let mut net = |name: &str, bits: u32| self.m.wire(&format!("attention_{name}"), bits);
        let engine = Engine {
            stat_ren: net("stat_ren", l),
            stat_addr: net("stat_addr", l * field),
            stat_tap: net("stat_tap", 5),
            stat_data: net("stat_data", l * width),
            gate_wen: net("gate_wen", l),
            gate_addr: net("gate_addr", field),
            gate_data: net("gate_data", l * width),
            ending: net("ending", 1),
            assembled,
        };
        (side.finish, side.running) = (net("finish", 1), net("running", 1));
        let (arrived_ren, arrived_addr) = (net("arrived_ren", l), net("arrived_addr", l * field));
        let arrived = if remote {
            let start = &control.attention_start;
            self.arrivals_memory(&engine.assembled, (oldest, statistic), (&arrived_ren, &arrived_addr), start)
        } else {
            Bits::Const { value: 0, width: l * width }
        };
        let inputs = [
            ("start", control.attention_start.clone()),
            ("stat_data", engine.stat_data.clone()),
            ("arrived_data", arrived),
        ];
        let outputs = [
            ("running", &side.running),
            ("ending", &engine.ending),
            ("finish", &side.finish),
            ("stat_ren", &engine.stat_ren),
            ("stat_addr", &engine.stat_addr),
            ("stat_tap", &engine.stat_tap),
            ("arrived_ren", &arrived_ren),
            ("arrived_addr", &arrived_addr),
            ("gate_wen", &engine.gate_wen),
            ("gate_addr", &engine.gate_addr),
            ("gate_data", &engine.gate_data),
        ]
        .map(|(n, b)| (n, b.clone()));
        let parameters = owned(&engine.assembled.parameters(&prefix));
        self.add("attention_engine", "attention", &parameters, &inputs, &outputs);
        Ok(engine)
    }

    /// True for the addresses of maxima, counted over all passes.
    fn is_maximum(&mut self, address: &Bits, arrived: &[usize]) -> Bits {
        let mut terms = Vec::new();
        let width = address.width() + 1;
        let wide = self.m.zext(address, width);
        for (pass, &base) in self.stage.passes.iter().zip(arrived) {
            for tap in pass.taps.iter().filter(|t| t.max) {
                let (first, end) = ((base + tap.base) as u64, (base + tap.base + tap.shape.len()) as u64);
                let below = self.m.below(&wide, &Bits::unsigned(first, width));
                let from = self.m.not(&below);
                let before = self.m.below(&wide, &Bits::unsigned(end, width));
                terms.push(self.m.and(&from, &before));
            }
        }
        self.m.any(&terms)
    }

    fn arrivals_memory(
        &mut self,
        assembled: &Assembled,
        (oldest, statistic): (&Entry, &Bits),
        (ren, addr): (&Bits, &Bits),
        start: &Bits,
    ) -> Bits {
        let lanes = assembled.lanes as u32;
        let depth = *assembled.arrived.last().unwrap_or(&1);
        let bits = index_bits(depth);
        let width = self.statistic_bits();
        self.clear_words = self.clear_words.max(depth);
        let address = self.based(&oldest.flat, &oldest.target, &assembled.arrived, bits);
        let clear_address = self.clear_address(bits);
        let maximum = self.is_maximum(&address, &assembled.arrived);
        let clear_maximum = self.is_maximum(&clear_address, &assembled.arrived);
        let reads: Vec<Bits> = (0..lanes)
            .map(|l| {
                let lane = self.m.slice(addr, l * assembled.field, assembled.field);
                self.m.zext(&lane, bits)
            })
            .collect();
        let value = self.m.sext(&oldest.value, width);
        let data = self.m.wire("arrivals_data", lanes * width);
        let parameters = [
            ("WIDTH", number(width as usize)),
            ("DEPTH", number(depth)),
            ("ADDR_BITS", number(bits as usize)),
            ("READS", number(lanes as usize)),
            ("BY_STEP", number(usize::from(self.stage.by_step()))),
        ];
        let inputs = [
            ("add", statistic.clone()),
            ("address", address),
            ("value", value),
            ("maximum", maximum),
            ("clear", self.clear.clone()),
            ("clear_address", clear_address),
            ("clear_maximum", clear_maximum),
            ("renew", start.clone()),
            ("ren", ren.clone()),
            ("raddr", self.m.join(&reads)),
        ];
        self.add("arrivals", "arrivals", &parameters, &inputs, &[("rdata", data.clone())]);
        self.widen(&data, lanes, width, assembled.width)
    }

    /// Sign-extends every part of a vector.
    pub(super) fn widen(&mut self, data: &Bits, parts: u32, from: u32, to: u32) -> Bits {
        let wide: Vec<Bits> = (0..parts)
            .map(|l| {
                let part = self.m.slice(data, l * from, from);
                self.m.sext(&part, to)
            })
            .collect();
        self.m.join(&wide)
    }

    /// An address within a pass plus the first word of that pass.
    pub(super) fn based(&mut self, address: &Bits, pass: &Bits, bases: &[usize], bits: u32) -> Bits {
        let uses: Vec<(Bits, Bits)> = bases
            .iter()
            .enumerate()
            .map(|(p, &base)| (self.m.is(pass, p as u64), Bits::unsigned(base as u64, bits)))
            .collect();
        let base = self.m.select(&uses, &Bits::unsigned(0, bits));
        let offset = self.m.zext(address, bits);
        self.m.add(&offset, &base)
    }

    fn statistics_list(
        &mut self,
        control: &ControlNets,
        side: &mut AttentionSide,
        value: &Bits,
    ) -> Reader<'static> {
        let lists = lists::statistics(self.stage, &self.plan.region, self.lanes());
        let sources = index_bits(self.stage.passes.iter().map(|p| p.taps.len()).sum());
        let pass = control.pass.clone();
        let nets = self.list(
            &owned(&lists.parameters()),
            (lists.read_bits, lists.event_bits, sources),
            control.list_begin.clone(),
            pass,
        );
        let (ren, address, source, offered, mut list) = nets;
        list.stream = self.plan.statistics.unwrap_or(0);
        list.value = value.clone();
        if self.plan.statistics.is_some() {
            side.list = Some(list);
        }
        Reader::List { ren, address, source, offered }
    }

    /// A list source; gives read enable, address, source, source of the value on offer, and its other nets.
    pub(super) fn list(
        &mut self,
        parameters: &[(&'static str, Parameter)],
        (read_bits, event_bits, source_bits): (u32, u32, u32),
        open: Bits,
        pass: Bits,
    ) -> (Bits, Bits, Bits, Bits, ListNets) {
        let mut net = |name: &str, bits: u32| self.m.wire(&format!("list_{name}"), bits);
        let (ren, address, source, offered) = (
            net("ren", 1),
            net("raddr", read_bits),
            net("source", source_bits),
            net("offer_source", source_bits),
        );
        let list = ListNets {
            stream: 0,
            active: net("active", 1),
            offer: net("offer", 1),
            address: net("address", event_bits),
            value: Bits::zero(),
            pass: Bits::zero(),
            close: net("close", 1),
            accepted: net("accepted", 1),
            idle_exit: net("idle_exit", 1),
        };
        let inputs = [
            ("open", open.clone()),
            ("accepted", list.accepted.clone()),
            ("idle_exit", list.idle_exit.clone()),
        ];
        let outputs = [
            ("ren", &ren),
            ("raddr", &address),
            ("source", &source),
            ("active", &list.active),
            ("offer_valid", &list.offer),
            ("offer_address", &list.address),
            ("offer_source", &offered),
            ("close", &list.close),
        ]
        .map(|(n, b)| (n, b.clone()));
        self.add("list_source", "list", parameters, &inputs, &outputs);
        let pass = self.m.zext(&pass, self.shared.format.step);
        let held = self.m.delayed("list_pass", pass, Some(open));
        (ren, address, source, offered, ListNets { pass: held, ..list })
    }

    /// One memory a tap; `out` gets what the reader asks for.
    fn statistics_memories(&mut self, reader: &Reader<'_>, out: &Bits) -> Vec<Vec<TapNets>> {
        let (mut all, mut datas) = (Vec::new(), Vec::new());
        let mut number_of_tap = 0;
        for p in 0..self.stage.passes.len() {
            let mut nets = Vec::new();
            for i in 0..self.stage.passes[p].taps.len() {
                let (tap, data) = self.statistics_memory((p, i, number_of_tap), reader);
                nets.push(tap);
                datas.push(data);
                number_of_tap += 1;
            }
            all.push(nets);
        }
        let reads = match reader {
            Reader::Engine(e) => e.assembled.lanes as u32,
            Reader::List { .. } => 1,
        };
        let each = out.width() / reads;
        let chosen = match reader {
            Reader::Engine(e) => {
                let tap = e.stat_tap.clone();
                self.m.delayed("attention_tap_read", tap, None)
            }
            Reader::List { offered, .. } => offered.clone(),
        };
        let uses: Vec<(Bits, Bits)> = datas
            .iter()
            .enumerate()
            .map(|(k, data)| {
                let wide = self.widen(data, reads, data.width() / reads, each);
                (self.m.is(&chosen, k as u64), wide)
            })
            .collect();
        let none = Bits::Const { value: 0, width: out.width() };
        let data = self.m.select(&uses, &none);
        self.join_nets(out, &data);
        all
    }

    fn statistics_memory(
        &mut self,
        (p, i, k): (usize, usize, usize),
        reader: &Reader<'_>,
    ) -> (TapNets, Bits) {
        let tap = &self.stage.passes[p].taps[i];
        let layout = TapLayout::new(tap.shape, &self.plan.region, self.lanes());
        let cross = tap.shape.c == 1;
        let stat_bits = value_bits(self.graph(), tap.node).max(self.register_bits(p, tap.register));
        let value = self.register_bits(p, tap.register);
        let (row_bits, lane_bits) =
            (index_bits(layout.rows()), if cross { 0 } else { self.lanes().trailing_zeros() });
        let address_bits = row_bits + lane_bits;
        self.clear_words = self.clear_words.max(layout.rows());
        let lanes = self.lanes() as u32;
        let mut net = |name: &str, bits: u32| self.m.wire(&format!("tap{k}_{name}"), bits);
        let nets = TapNets {
            fold: net("fold", 1),
            first: net("first", 1),
            row: net("row", row_bits),
            mask: net("mask", lanes),
            values: net("values", lanes * value),
        };
        let (reads, ren, addr) = self.tap_reads(k, reader, address_bits);
        let data = self.m.wire(&format!("tap{k}_data"), reads * stat_bits);
        let parameters = [
            ("LANES", number(lanes as usize)),
            ("LANE_BITS", number(lane_bits as usize)),
            ("ROWS", number(layout.rows())),
            ("ROW_BITS", number(row_bits as usize)),
            ("VALUE_BITS", number(value as usize)),
            ("STAT_BITS", number(stat_bits as usize)),
            ("MAXIMUM", number(usize::from(tap.max))),
            ("CROSS_LANES", number(usize::from(cross))),
            ("READS", number(reads as usize)),
        ];
        let inputs = [
            ("fold", nets.fold.clone()),
            ("fold_first", nets.first.clone()),
            ("fold_row", nets.row.clone()),
            ("fold_mask", nets.mask.clone()),
            ("fold_values", nets.values.clone()),
            ("clear", self.clear.clone()),
            ("clear_row", self.clear_address(row_bits)),
            ("ren", ren),
            ("raddr", addr),
        ];
        self.add("statistics", &format!("tap{k}"), &parameters, &inputs, &[("rdata", data.clone())]);
        (nets, data)
    }

    /// Read ports of a tap's memory: number, enables, addresses.
    fn tap_reads(&mut self, k: usize, reader: &Reader<'_>, address_bits: u32) -> (u32, Bits, Bits) {
        match reader {
            Reader::Engine(e) => {
                let field = e.assembled.field;
                let n = e.assembled.lanes as u32;
                let here = self.m.is(&e.stat_tap, k as u64);
                let here = self.m.repeat(&here, n);
                let ren = self.m.and(&e.stat_ren, &here);
                let lanes: Vec<Bits> = (0..n)
                    .map(|l| {
                        let lane = self.m.slice(&e.stat_addr, l * field, field);
                        self.m.zext(&lane, address_bits)
                    })
                    .collect();
                (n, ren, self.m.join(&lanes))
            }
            Reader::List { ren, address, source, .. } => {
                let here = self.m.is(source, k as u64);
                (1, self.m.and(ren, &here), self.m.zext(address, address_bits))
            }
        }
    }
}
