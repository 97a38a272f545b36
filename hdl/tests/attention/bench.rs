//! Test bench of one case: statistics, arrivals, engine, gate memory and lists of the home slice, a command a cycle.

use crate::case::{Case, Random};
use pulvinar_hdl::attention::{index_bits, lists, Assembled, TapLayout};
use pulvinar_simulator::packet::Event;
use pulvinar_simulator::prepare::sweep::{PassPlan, StagePlan, Tap};
use std::fmt::Write as _;

/// Bits of a row and of an address in a command.
const PLACE_BITS: u32 = 16;

/// Bits of a command, lowest first.
#[derive(Default)]
struct Command(Vec<bool>);

impl Command {
    fn push(&mut self, value: i64, width: u32) {
        self.0.extend((0..width).map(|i| value >> i & 1 == 1));
    }
    fn text(&self) -> String {
        let digit = |b: &[bool]| b.iter().rev().fold(0, |a, &b| 2 * a + u32::from(b));
        self.0.chunks(4).rev().map(|b| char::from_digit(digit(b), 16).unwrap()).collect()
    }
}

/// Everything a test bench is made from.
pub struct Bench<'a> {
    pub case: &'a Case,
    pub stage: &'a StagePlan<'a>,
    pub engine: &'a Assembled,
    /// Values of the accumulator node.
    pub currents: &'a [i64],
    /// Statistics of the other slices, a list a pass.
    pub arriving: Vec<Vec<Event>>,
    /// Cycle of a reset in the middle, after which everything starts again.
    pub restart: u32,
}

impl Bench<'_> {
    fn taps(&self) -> Vec<(usize, &Tap)> {
        let passes = self.stage.passes[..self.stage.last_pass()].iter().enumerate();
        passes.flat_map(|(p, pass)| pass.taps.iter().map(move |t| (p, t))).collect()
    }

    fn layout(&self, tap: &Tap) -> TapLayout {
        TapLayout::new(tap.shape, &self.case.regions[0], self.case.lanes)
    }

    /// A command: start, arrival, folds of every tap, lane mask, lane values.
    fn command(
        &self,
        start: bool,
        arrival: Option<(i64, i64, bool)>,
        fold: Option<(usize, usize, usize, usize, usize)>,
    ) -> String {
        let (mut c, width) = (Command::default(), self.engine.width);
        c.push(start.into(), 1);
        let (address, value, maximum) = arrival.unwrap_or((0, 0, false));
        c.push(arrival.is_some().into(), 1);
        c.push(maximum.into(), 1);
        c.push(address, PLACE_BITS);
        c.push(value, width);
        let region = &self.case.regions[0];
        for (p, tap) in self.taps() {
            let layout = self.layout(tap);
            let row = fold.filter(|f| f.0 == p).map(|(_, t, h, w, block)| {
                let at = |n: usize, i: usize| if n == 1 { 0 } else { i };
                let [st, _, sh, sw] = layout.strides();
                let word = at(tap.shape.t, t) * st + at(tap.shape.h, h) * sh + at(tap.shape.w, w) * sw;
                word / layout.lanes + at(tap.shape.c, block)
            });
            c.push(row.is_some().into(), 1);
            c.push(row.unwrap_or(0) as i64, PLACE_BITS);
        }
        let shape = self.stage.shape;
        for mask in [true, false] {
            for lane in 0..self.case.lanes {
                let (_, t, h, w, block) = fold.unwrap_or_default();
                let channel = region.channels[0] + block * self.case.lanes + lane;
                let there = fold.is_some() && channel < region.channels[1];
                if mask {
                    c.push(there.into(), 1);
                } else {
                    let at = shape.index(t, channel, region.rows[0] + h, w);
                    c.push(if there { self.currents[at] } else { 77 }, width);
                }
            }
        }
        c.text()
    }

    /// The sweep of a pass with arrivals mixed in, then its start.
    fn pass_commands(&self, p: usize, pass: &PassPlan<'_>, random: &mut Random, out: &mut Vec<String>) {
        let region = &self.case.regions[0];
        let rows = region.rows[1] - region.rows[0];
        let blocks = region.channel_count().div_ceil(self.case.lanes);
        let (dense, s) = (random.chance(50), self.stage.shape);
        let mut arriving = self.arriving[p].iter();
        let mut arrival = |random: &mut Random, always: bool| {
            let event = if always || random.chance(60) { arriving.next() } else { None }?;
            let tap = pass.taps.iter().rfind(|t| t.base <= event.address as usize).unwrap();
            Some((self.engine.arrived[p] as i64 + i64::from(event.address), event.value, tap.max))
        };
        for t in 0..s.t {
            for (h, w) in (0..rows).flat_map(|h| (0..s.w).map(move |w| (h, w))) {
                for block in 0..blocks {
                    while !dense && random.chance(30) {
                        out.push(self.command(false, arrival(random, false), None));
                    }
                    out.push(self.command(false, arrival(random, false), Some((p, t, h, w, block))));
                }
            }
        }
        while let Some(event) = arrival(random, true) {
            out.push(self.command(false, Some(event), None));
        }
        out.push(self.command(true, None, None));
    }

    /// The files of the test bench.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut random = Random(self.case.random.0);
        let mut commands = vec![self.command(false, None, None)];
        for (p, pass) in self.stage.passes[..self.stage.last_pass()].iter().enumerate() {
            self.pass_commands(p, pass, &mut random, &mut commands);
        }
        let bits = commands[0].len() * 4;
        let verilog = self.verilog(commands.len(), bits);
        let mut files = self.engine.files("engine");
        files.push(("commands.mem".to_owned(), commands.join("\n") + "\n"));
        files.push(("bench.v".to_owned(), verilog));
        files
    }

    fn verilog(&self, commands: usize, bits: usize) -> String {
        let taps = self.taps();
        let engine = self.engine;
        let mut text = include_str!("bench.v").to_owned();
        let arrived = (*engine.arrived.last().unwrap()).max(1);
        let (gates, own) =
            (lists::gates(self.stage), lists::statistics(self.stage, &self.case.regions[0], self.case.lanes));
        let rows = taps.iter().map(|(_, t)| self.layout(t).rows()).max().unwrap();
        let gate_rows = self.stage.gate_len.div_ceil(engine.lanes).max(1);
        let constants = [
            ("LANES", self.case.lanes as u32),
            ("A", engine.lanes as u32),
            ("A_BITS", engine.lanes.trailing_zeros()),
            ("WIDTH", engine.width),
            ("FIELD", engine.field),
            ("TAPS", taps.len() as u32),
            ("ARRIVED", arrived as u32),
            ("ARRIVED_BITS", index_bits(arrived)),
            ("GATE_ROWS", gate_rows as u32),
            ("GATE_ROW_BITS", index_bits(gate_rows)),
            ("COMMANDS", commands as u32),
            ("BITS", bits as u32),
            ("PLACE", PLACE_BITS),
            ("RESTART", self.restart),
            ("CLEAR", rows.max(arrived) as u32),
            ("OWN_READ", own.read_bits),
            ("OWN_EVENT", own.event_bits),
            ("OWN_SOURCE", index_bits(taps.len())),
            ("GATE_READ", gates.read_bits),
            ("GATE_EVENT", gates.event_bits),
        ];
        let mut declared = String::new();
        for (name, value) in constants {
            let _ = writeln!(declared, "  localparam {name} = {value};");
        }
        text = text.replace("  // CONSTANTS\n", &declared);
        text = text.replace("/*ENGINE*/", &overrides(&engine.parameters("engine")));
        text = text.replace("/*GATES*/", &overrides(&gates.parameters()));
        text = text.replace("/*OWN*/", &overrides(&own.parameters()));
        text = text.replace("  // TAPS\n", &self.statistics(&taps));
        let maximum: String = (0..arrived).rev().map(|a| u8::from(self.is_maximum(a)).to_string()).collect();
        text.replace("/*MAXIMUM*/", &format!("{arrived}'b{maximum}"))
    }

    fn is_maximum(&self, address: usize) -> bool {
        let starts = &self.engine.arrived;
        let Some(p) = starts[..starts.len() - 1].iter().rposition(|&s| s <= address) else { return false };
        self.stage.passes[p].taps.iter().rfind(|t| t.base <= address - starts[p]).is_some_and(|t| t.max)
    }

    /// An instance of `statistics` a tap; its last read port is the list's.
    fn statistics(&self, taps: &[(usize, &Tap)]) -> String {
        let mut text = String::new();
        for (i, (_, tap)) in taps.iter().enumerate() {
            let layout = self.layout(tap);
            let (row_bits, lane_bits) = (index_bits(layout.rows()), layout.lanes.trailing_zeros());
            let _ = writeln!(
                text,
                "  tap #(.NUMBER({i}), .LANES(LANES), .LANE_BITS({lane_bits}), .ROWS({}), .ROW_BITS({row_bits}), \
                 .WIDTH(WIDTH), .FIELD(FIELD), .A(A), .OWN_READ(OWN_READ), .MAXIMUM({}), .CROSS_LANES({})) tap{i} \
                 (.clk(clk), .rst(rst), .fold(folding && fold[{i}*(PLACE+1)]), .fold_row(fold[{i}*(PLACE+1)+1 +: {row_bits}]), \
                 .fold_mask(mask), .fold_values(values), .clear(clear), .clear_at(clear_at), \
                 .stat_ren(stat_ren & {{A{{stat_tap == {i}}}}}), .stat_addr(stat_addr), \
                 .stat_data(stat_each[{i}*A*WIDTH +: A*WIDTH]), .own_ren(own_ren && own_source == {i}), \
                 .own_addr(own_addr), .own_data(own_each[{i}*WIDTH +: WIDTH]));",
                layout.rows(),
                u8::from(tap.max),
                u8::from(tap.shape.c == 1),
            );
        }
        text
    }
}

fn overrides(parameters: &[(&'static str, String)]) -> String {
    parameters.iter().map(|(name, value)| format!(".{name}({value})")).collect::<Vec<_>>().join(", ")
}
