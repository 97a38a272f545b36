//! Unit bench of `arrivals`: random statistics, often several of one address one after the other, against sums and maxima.

use super::machine_common::Rng;
use pulvinar_hdl::{rtl, tool};
use pulvinar_ir::Result;

/// Cycles of adds and reads after each clearing.
const CYCLES: usize = 150;

struct Case {
    rng: Rng,
    width: usize,
    address_bits: usize,
    /// What the words hold, and which of them are maxima.
    words: Vec<i64>,
    maximum: Vec<bool>,
    /// Address and data of each read port.
    ports: Vec<i64>,
    schedule: Vec<String>,
    expected: Vec<String>,
}

fn bits(value: i64, width: usize) -> String {
    (0..width).rev().map(|b| if value >> b & 1 == 1 { '1' } else { '0' }).collect()
}

impl Case {
    fn new(seed: u64) -> Case {
        let mut rng = Rng(seed);
        let depth = 1 + rng.below(6);
        Case {
            width: rng.pick(&[20, 24, 33]),
            address_bits: depth.next_power_of_two().trailing_zeros().max(1) as usize,
            words: vec![0; depth],
            maximum: (0..depth).map(|_| rng.chance(40)).collect(),
            ports: vec![0; 1 + rng.below(3)],
            schedule: Vec::new(),
            expected: Vec::new(),
            rng,
        }
    }

    /// Clears every word, a word a cycle, without reads.
    fn clear(&mut self) {
        for at in 0..self.words.len() {
            self.words[at] = if self.maximum[at] { -(1 << (self.width - 1)) } else { 0 };
            let (address, rest) = (bits(at as i64, self.address_bits), self.address_bits);
            let reads = self.ports.len() * (1 + self.address_bits);
            let line = format!(
                "01{address}0{}{}{}",
                bits(0, rest),
                u8::from(self.maximum[at]),
                bits(0, self.width + reads)
            );
            self.schedule.push(line);
        }
    }

    /// A cycle with an add perhaps and reads; the first of a round reads every port and shows nothing, the last adds nothing.
    fn cycle(&mut self, first: bool, last: bool) {
        if !first {
            let ports: String = self.ports.iter().rev().map(|&v| bits(v, self.width)).collect();
            self.expected.push(format!("{} {ports}", self.schedule.len()));
        }
        let (mut ren, mut raddr) = (String::new(), String::new());
        for port in 0..self.ports.len() {
            let (reads, at) = (first || self.rng.chance(70), self.rng.below(self.words.len()));
            if reads {
                self.ports[port] = self.words[at];
            }
            ren.insert(0, if reads { '1' } else { '0' });
            raddr.insert_str(0, &bits(at as i64, self.address_bits));
        }
        let add = !last && self.rng.chance(80);
        let (at, value) = (self.rng.below(self.words.len()), self.rng.range(-900, 900));
        if add {
            let old = self.words[at];
            self.words[at] = if self.maximum[at] { old.max(value) } else { old + value };
        }
        let [clear, at_bits] = [0, at as i64].map(|a| bits(a, self.address_bits));
        let [show, add, maximum] = [!first, add, self.maximum[at]].map(u8::from);
        let value = bits(value, self.width);
        self.schedule.push(format!("{show}0{clear}{add}{at_bits}{maximum}{value}{ren}{raddr}"));
    }
}

/// The first line in which the module's `text` differs from the case of a seed; none if they agree.
pub fn difference(seed: u64, text: &str) -> Result<Option<String>> {
    let mut case = Case::new(seed);
    for _ in 0..3 {
        case.clear();
        (0..CYCLES).for_each(|i| case.cycle(i == 0, i == CYCLES - 1));
    }
    let dir = tempfile::tempdir().unwrap();
    let needed = ["arrivals.v", "ram.v", "value_memory.v"];
    let mut sources = rtl::write_to(dir.path())?;
    sources.retain(|p| needed.iter().any(|n| p.file_name().is_some_and(|f| f == *n)));
    let constants = [
        ("WIDTH", case.width),
        ("DEPTH", case.words.len()),
        ("ADDR_BITS", case.address_bits),
        ("READS", case.ports.len()),
        ("CYCLES", case.schedule.len()),
    ];
    let header: String = constants.iter().map(|(n, v)| format!("localparam {n} = {v};\n")).collect();
    let schedule = case.schedule.join("\n");
    let bench = include_str!("arrivals.v");
    for (name, text) in
        [("arrivals.v", text), ("case.vh", &header), ("schedule.mem", &schedule), ("bench.v", bench)]
    {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    sources.push(dir.path().join("bench.v"));
    let printed = tool::icarus(dir.path(), "bench", &sources, &[])?;
    let mut lines = printed.lines().filter(|l| !l.contains("$finish"));
    for want in &case.expected {
        let line = lines.next().unwrap_or("(nothing)");
        if line != want {
            return Ok(Some(format!("cycle and data of the read ports: {line}, expected {want}")));
        }
    }
    Ok(lines.next().map(|l| format!("one line more: {l}")))
}
