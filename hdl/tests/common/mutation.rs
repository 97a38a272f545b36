//! A change to a design, and whether the comparison with the simulator notices it.

use super::draw;
use pulvinar_hdl::cosim::{compare_edited, Simulator};
use pulvinar_ir::{Diagnostic, Result, Value};
use pulvinar_simulator::Machine;
use std::collections::BTreeSet;
use std::path::Path;

/// What a mutation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The cycle in which something happens, or for how long.
    Timing,
    /// What is computed.
    Logic,
}

/// Where a mutation applies.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// A primitive, by module name; the text occurs in it exactly once.
    Primitive(&'static str),
    /// The first emitted core that has the text, at its first place.
    Core,
}

/// One change of a design.
#[derive(Debug, Clone, Copy)]
pub struct Mutation {
    pub place: Place,
    pub kind: Kind,
    /// What becomes wrong.
    pub what: &'static str,
    pub text: &'static str,
    pub replacement: &'static str,
}

/// What the comparison says of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The design of this seed does not have what is changed.
    Absent,
    /// Nothing differs.
    Survived,
    /// Simulator and RTL differ, or the test bench fails.
    Caught,
}

/// Seeds that are tried.
pub const SEEDS: u64 = 60;

const ABSENT: &str = "absent";

impl Mutation {
    /// The name of what is changed.
    pub fn place(&self) -> &'static str {
        match self.place {
            Place::Primitive(name) => name,
            Place::Core => "(emitted core)",
        }
    }

    /// Runs the changed design of a seed; a change that cannot be made or does not compile is an error.
    pub fn run(&self, seed: u64) -> Result<Verdict> {
        let Some(draw) = draw(seed) else { return Ok(Verdict::Absent) };
        let machine = Machine::new(&draw.program)?;
        let dir = tempfile::tempdir().unwrap();
        let inputs: Vec<&Value> = draw.inputs.iter().collect();
        let edit = |dir: &Path| self.edit(dir);
        match compare_edited(dir.path(), &machine, &inputs, &draw.drive, Simulator::Icarus, &edit) {
            Ok(_) => Ok(Verdict::Survived),
            Err(e) if e.code == ABSENT => Ok(Verdict::Absent),
            Err(e) if e.code == "E0808" => Ok(Verdict::Caught),
            Err(e) => Err(e),
        }
    }

    /// The first seed of `seeds` that catches the mutation.
    pub fn caught_by(&self, seeds: std::ops::Range<u64>) -> Result<Option<u64>> {
        for seed in seeds {
            if self.run(seed)? == Verdict::Caught {
                return Ok(Some(seed));
            }
        }
        Ok(None)
    }

    fn edit(&self, dir: &Path) -> Result<()> {
        let modules = instantiated(dir);
        let absent = || Diagnostic::new(ABSENT, self.place(), "not in this design", "try another seed");
        match self.place {
            Place::Primitive(name) if !modules.contains(name) => Err(absent()),
            Place::Primitive(name) => {
                let path = dir.join(format!("{name}.v"));
                let text = std::fs::read_to_string(&path).unwrap();
                let count = text.matches(self.text).count();
                if count != 1 {
                    let message = format!("`{}` occurs {count} times", self.text);
                    return Err(Diagnostic::new("mutation", name, message, "give a text that occurs once"));
                }
                std::fs::write(path, text.replace(self.text, self.replacement)).unwrap();
                Ok(())
            }
            Place::Core => {
                let read = |name: &String| std::fs::read_to_string(dir.join(format!("{name}.v"))).unwrap();
                let is_core =
                    |name: &&String| name.strip_prefix("core").is_some_and(|n| n.parse::<u32>().is_ok());
                let core = modules.iter().filter(is_core).find(|name| read(name).contains(self.text));
                let core = core.ok_or_else(absent)?;
                let changed = read(core).replacen(self.text, self.replacement, 1);
                std::fs::write(dir.join(format!("{core}.v")), changed).unwrap();
                Ok(())
            }
        }
    }
}

/// Modules in a folder of sources that the top level instantiates, directly or not.
fn instantiated(dir: &Path) -> BTreeSet<String> {
    let names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .filter_map(|f| f.unwrap().file_name().to_str()?.strip_suffix(".v").map(str::to_owned))
        .collect();
    let mut found = BTreeSet::new();
    let mut open = vec!["top".to_owned()];
    while let Some(module) = open.pop() {
        let text = std::fs::read_to_string(dir.join(format!("{module}.v"))).unwrap();
        let words: BTreeSet<&str> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
        open.extend(names.iter().filter(|n| words.contains(n.as_str()) && !found.contains(*n)).cloned());
        found.insert(module);
    }
    found
}
