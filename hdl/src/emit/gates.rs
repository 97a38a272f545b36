//! The gate memory of a core: who writes it, the sweep's reads, the list that a home sends.

use super::attend::{owned, AttentionSide, Engine, GateNets};
use super::control::ControlNets;
use super::core::{number, CoreBuilder};
use super::decode::Entry;
use super::format::value_bits;
use super::lanes::scaled;
use super::sweep::Stages;
use crate::attention::lists;
use crate::netlist::{index_bits, Bits};
use pulvinar_ir::Shape;
use pulvinar_simulator::prepare::sweep::Step;

impl CoreBuilder<'_> {
    /// Reads of the gate memory that each pass needs: base, shape and number of ports, in the order of its operations.
    fn gate_reads(&self, pass: usize) -> Vec<usize> {
        let operands = self.stage.passes[pass].steps.iter().flat_map(Step::gate_operands);
        operands.map(|(_, shape)| if shape.c == 1 { 1 } else { self.lanes() }).collect()
    }

    /// The gate memory with a port for every read of a pass (passes share them) and one for the list.
    pub(super) fn gate_memory(
        &mut self,
        side: &mut AttentionSide,
        control: &ControlNets,
        engine: Option<&Engine>,
        (oldest, gate): (&Entry, &Bits),
    ) {
        if self.stage.gate_len == 0 {
            return;
        }
        let made = self.stage.passes.iter().flat_map(|p| p.made.iter());
        let width = made.map(|&n| value_bits(self.graph(), n)).max().unwrap_or(1);
        let banks = engine.map_or(1, |e| e.assembled.lanes);
        let rows = self.stage.gate_len.div_ceil(banks);
        let (row_bits, bank_bits) = (index_bits(rows), banks.trailing_zeros());
        let address_bits = row_bits + bank_bits;
        let list = engine.filter(|_| self.plan.gates.is_some()).map(|e| e.ending.clone());
        let counts: Vec<usize> =
            (0..self.stage.passes.len()).map(|p| self.gate_reads(p).iter().sum()).collect();
        let ports = counts.iter().copied().max().unwrap_or(0);
        let data = self.m.wire("gate_data", ports.max(1) as u32 * width);
        let mut listed = None;
        let (enables, addresses) = self.gate_ports(side, control, &counts, (&data, width, address_bits));
        if let Some(ending) = list {
            let lists = lists::gates(self.stage);
            // The pass behind which the program ran: with a window, the first of two.
            let one = Bits::unsigned(1, control.pass.width());
            let before = self.m.sub(&control.pass, &one);
            let pass = if self.stage.ahead() > 0 { Bits::unsigned(0, control.pass.width()) } else { before };
            let nets =
                self.list(&owned(&lists.parameters()), (lists.read_bits, lists.event_bits, 1), ending, pass);
            let (ren, address, _, _, mut list) = nets;
            list.stream = self.plan.gates.unwrap_or(0);
            list.value = self.m.wire("gate_list_data", width);
            listed = Some((ren, self.m.zext(&address, address_bits), list.value.clone()));
            side.list = Some(list);
        }
        let write = self.gate_write(engine, (oldest, gate), (address_bits, width));
        let sizes = (width, rows, row_bits, banks);
        self.value_memory("gate_memory", sizes, (&enables, &addresses), &write, (data, false));
        if let Some((ren, address, data)) = listed {
            // The first word of a list may be read while it is written.
            self.value_memory("gate_list_memory", sizes, (&[ren], &[address]), &write, (data, true));
        }
    }

    /// Read ports that passes share; gives their enables and addresses.
    fn gate_ports(
        &mut self,
        side: &mut AttentionSide,
        control: &ControlNets,
        counts: &[usize],
        (data, width, address_bits): (&Bits, u32, u32),
    ) -> (Vec<Bits>, Vec<Bits>) {
        let ports = counts.iter().copied().max().unwrap_or(0);
        let (mut enables, mut addresses) = (Vec::new(), Vec::new());
        for port in 0..ports {
            let value = self.m.slice(data, port as u32 * width, width);
            let mut uses = Vec::new();
            for (p, _) in counts.iter().enumerate().filter(|(_, &n)| port < n) {
                let nets = GateNets {
                    enable: self.m.wire(&format!("gate_p{p}_{port}_ren"), 1),
                    address: self.m.wire(&format!("gate_p{p}_{port}_addr"), address_bits),
                    data: value.clone(),
                };
                uses.push((self.m.is(&control.pass, p as u64), nets.clone()));
                side.gates[p].push(nets);
            }
            let choose = |b: &mut Self, f: fn(&GateNets) -> &Bits, none: Bits| {
                let uses: Vec<(Bits, Bits)> = uses.iter().map(|(is, n)| (is.clone(), f(n).clone())).collect();
                b.m.select(&uses, &none)
            };
            enables.push(choose(self, |n| &n.enable, Bits::zero()));
            addresses.push(choose(self, |n| &n.address, Bits::unsigned(0, address_bits)));
        }
        (enables, addresses)
    }

    fn value_memory(
        &mut self,
        name: &str,
        (width, rows, row_bits, banks): (u32, usize, u32, usize),
        (enables, addresses): (&[Bits], &[Bits]),
        (wen, waddr, wdata): &(Bits, Bits, Bits),
        (data, forward): (Bits, bool),
    ) {
        if enables.is_empty() {
            return;
        }
        let parameters = [
            ("WIDTH", number(width as usize)),
            ("ROWS", number(rows)),
            ("ROW_BITS", number(row_bits as usize)),
            ("BANKS", number(banks)),
            ("BANK_BITS", number(banks.trailing_zeros() as usize)),
            ("READS", number(enables.len())),
            ("FORWARD", number(usize::from(forward))),
        ];
        let inputs = [
            ("ren", self.m.join(enables)),
            ("raddr", self.m.join(addresses)),
            ("wen", wen.clone()),
            ("waddr", waddr.clone()),
            ("wdata", wdata.clone()),
        ];
        let parameters = parameters.into_iter().map(|(n, p)| (n.to_owned(), p)).collect();
        let mut this = super::core::instance("value_memory", name, parameters, &inputs, &[("rdata", data)]);
        this.inputs.insert(0, super::core::clocking()[0].clone());
        self.m.instance(this);
    }

    /// Who writes the gate memory: the home's engine, or the events that arrive.
    fn gate_write(
        &mut self,
        engine: Option<&Engine>,
        (oldest, gate): (&Entry, &Bits),
        (address_bits, width): (u32, u32),
    ) -> (Bits, Bits, Bits) {
        if let Some(e) = engine {
            let lanes = e.assembled.lanes as u32;
            let parts: Vec<Bits> = (0..lanes)
                .map(|l| {
                    let part = self.m.slice(&e.gate_data, l * e.assembled.width, e.assembled.width);
                    self.m.sext(&part, width)
                })
                .collect();
            let address = self.m.zext(&e.gate_addr, address_bits);
            return (e.gate_wen.clone(), address, self.m.join(&parts));
        }
        let firsts: Vec<usize> = self.stage.passes.iter().map(|p| p.made_range[0]).collect();
        let address = self.based(&oldest.flat, &oldest.target, &firsts, address_bits);
        let value = self.m.sext(&oldest.value, width);
        (gate.clone(), address, value)
    }

    /// A gate as operand in `stage`; gives one value a lane and the ports used.
    pub(super) fn gate_operand(
        &mut self,
        at: &Stages,
        pass: usize,
        (port, base, shape): (usize, usize, Shape),
        stage: usize,
        attention: &AttentionSide,
    ) -> (Vec<Bits>, usize) {
        let lanes = self.lanes();
        let ports = if shape.c == 1 { 1 } else { lanes };
        let nets: Vec<GateNets> = attention.gates[pass][port..port + ports].to_vec();
        let region = self.plan.region;
        let plane = shape.h * shape.w;
        let bits = nets[0].address.width();
        let place = at.places[stage - 1].clone();
        let first_row = if shape.h == 1 { 0 } else { region.rows[0] * shape.w };
        let first_channel = if shape.c == 1 { 0 } else { region.channels[0] * plane };
        let terms = [
            (at.step.clone(), shape.t, shape.c * plane),
            (place.row.clone(), shape.h, shape.w),
            (place.column.clone(), shape.w, 1),
            (place.block.clone(), shape.c, lanes * plane),
        ];
        let mut common = Bits::unsigned((base + first_row + first_channel) as u64, bits);
        for (index, size, stride) in terms {
            if size > 1 {
                let term = scaled(&mut self.m, &index, stride as u64, bits);
                common = self.m.add(&common, &term);
            }
        }
        let enable = self.m.and(&place.valid, &at.advance);
        for (lane, net) in nets.iter().enumerate() {
            let offset = Bits::unsigned((lane * plane) as u64, bits);
            let address = self.m.add(&common, &offset);
            self.join_nets(&net.address, &address);
            self.join_nets(&net.enable, &enable);
        }
        let values = (0..lanes).map(|l| nets[if ports == 1 { 0 } else { l }].data.clone()).collect();
        (values, ports)
    }
}
