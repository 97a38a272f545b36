//! Reader of value change dumps (IEEE 1364-2005, 18.2) as Icarus Verilog writes them.

use pulvinar_ir::{Diagnostic, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Signals sampled once a clock cycle, just before the rising edge that ends it.
#[derive(Debug, Clone, Default)]
pub struct Waves {
    /// Per name, one text of `0`, `1`, `x`, `z` a cycle, most significant bit first.
    samples: BTreeMap<String, Vec<String>>,
    cycles: usize,
}

/// A declared variable that is wanted, and its code.
struct Signal<'a> {
    name: &'a str,
    code: &'a str,
    width: usize,
}

impl Waves {
    /// Reads the named signals, `scope.scope.name`, from a dump. `clock` is the name of the clock.
    pub fn read(dump: &str, clock: &str, names: &[&str]) -> Result<Waves> {
        let (header, changes) = dump
            .split_once("$enddefinitions")
            .ok_or_else(|| refuse("it has no $enddefinitions".to_owned()))?;
        let declared = declarations(header);
        let find = |name: &str| {
            let found = declared.get(name).copied();
            found.ok_or_else(|| refuse(format!("there is no signal {name}")))
        };
        let (tick, _) = find(clock)?;
        let names: BTreeSet<&str> = names.iter().copied().collect();
        let signal = |name| find(name).map(|(code, width)| Signal { name, code, width });
        let signals = names.into_iter().map(signal).collect::<Result<Vec<_>>>()?;
        let mut waves = Waves::default();
        let mut now: BTreeMap<&str, &str> = BTreeMap::new();
        for moment in changes.split("\n#") {
            let new: Vec<(&str, &str)> = moment.lines().filter_map(change).collect();
            if now.get(tick) == Some(&"0") && new.contains(&(tick, "1")) {
                waves.cycles += 1;
                for signal in &signals {
                    let value = extend(now.get(signal.code).copied().unwrap_or("x"), signal.width);
                    waves.samples.entry(signal.name.to_owned()).or_default().push(value);
                }
            }
            now.extend(new);
        }
        Ok(waves)
    }

    /// Clock cycles seen.
    pub fn cycles(&self) -> usize {
        self.cycles
    }

    /// Value of a signal in a cycle, most significant bit first; nothing where there is none.
    pub fn bits(&self, name: &str, cycle: usize) -> Option<&str> {
        self.samples.get(name)?.get(cycle).map(String::as_str)
    }

    /// The same as a number; nothing where a bit is unknown or there are more than 64.
    pub fn number(&self, name: &str, cycle: usize) -> Option<u64> {
        u64::from_str_radix(self.bits(name, cycle)?, 2).ok()
    }
}

fn refuse(message: String) -> Diagnostic {
    Diagnostic::new(
        "E0809",
        "waveform",
        message,
        "give a value change dump of the design, with these signals",
    )
}

/// Code and width of every variable of a header, by full name without its range.
fn declarations(header: &str) -> BTreeMap<String, (&str, usize)> {
    let mut scopes: Vec<&str> = Vec::new();
    let mut declared = BTreeMap::new();
    for line in header.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["$scope", _, name, ..] => scopes.push(name),
            ["$upscope", ..] => {
                scopes.pop();
            }
            ["$var", _, width, code, name, ..] => {
                let full = format!("{}.{name}", scopes.join("."));
                declared.insert(full, (code, width.parse().unwrap_or(1)));
            }
            _ => {}
        }
    }
    declared
}

/// Code and value of a line that changes one.
fn change(line: &str) -> Option<(&str, &str)> {
    match line.chars().next()? {
        'b' => line[1..].split_once(' ').map(|(value, code)| (code.trim(), value)),
        '0' | '1' | 'x' | 'z' => Some((line[1..].trim(), &line[..1])),
        _ => None,
    }
}

/// A value at its full width: dumps leave out leading zeros, and leading repetitions of `x` or `z`.
fn extend(value: &str, width: usize) -> String {
    let fill = value.chars().next().filter(|c| matches!(c, 'x' | 'z')).unwrap_or('0');
    let missing = width.saturating_sub(value.len());
    std::iter::repeat_n(fill, missing).chain(value.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::Waves;

    const DUMP: &str = "$timescale 1ps $end\n$scope module top $end\n$var wire 1 ! clk $end\n\
        $scope module unit $end\n$var reg 4 \" count [3:0] $end\n$upscope $end\n$upscope $end\n\
        $enddefinitions $end\n#0\n$dumpvars\n0!\nbx \"\n$end\n#5\n1!\nb0 \"\n#10\n0!\n#12\nb101 \"\n#15\n1!\nb110 \"\n\
        #20\n0!\n#25\n1!\n";

    #[test]
    fn values_are_those_before_the_edge() {
        let waves = Waves::read(DUMP, "top.clk", &["top.unit.count"; 2]).unwrap();
        assert_eq!(waves.cycles(), 3);
        let bits: Vec<_> = (0..4).map(|c| waves.bits("top.unit.count", c)).collect();
        assert_eq!(bits, [Some("xxxx"), Some("0101"), Some("0110"), None]);
        assert_eq!(waves.number("top.unit.count", 1), Some(5));
        assert_eq!(waves.number("top.unit.count", 0), None);
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for (clock, name, dump) in
            [("top.clk", "top.no", DUMP), ("top.no", "top.unit.count", DUMP), ("top.clk", "top.clk", "")]
        {
            assert_eq!(Waves::read(dump, clock, &[name]).unwrap_err().code, "E0809");
        }
    }
}
