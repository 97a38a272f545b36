//! A change to a design, and whether the comparison with the simulator notices it.

use super::draw;
use pulvinar_hdl::cosim::{compare_edited, Simulator};
use pulvinar_hdl::emit::{emit, EmitOptions};
use pulvinar_hdl::rtl::PRIMITIVES;
use pulvinar_ir::{Result, Value};
use pulvinar_simulator::Machine;
use std::collections::{BTreeMap, BTreeSet};

/// Seeds that are tried.
pub const SEEDS: u64 = 300;

/// What a mutation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The cycle in which something happens, or for how long.
    Timing,
    /// What is computed.
    Logic,
}

/// Runs a primitive with this text on the random case of a seed: the first difference from what it must do.
pub type UnitBench = fn(u64, &str) -> Result<Option<String>>;

/// Where a mutation applies.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// A primitive, by module name; the text occurs in it exactly once.
    Primitive(&'static str),
    /// A primitive, the same, in its unit bench: for what the random programs hardly reach.
    Unit(&'static str, UnitBench),
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
    /// Simulator and RTL differ, or the test bench fails: the first difference.
    Caught(String),
}

impl Mutation {
    /// The name of what is changed.
    pub fn place(&self) -> &'static str {
        match self.place {
            Place::Primitive(name) | Place::Unit(name, _) => name,
            Place::Core => "(emitted core)",
        }
    }

    /// Runs the changed design of a seed; a change that does not compile is an error.
    pub fn run(&self, seed: u64) -> Result<Verdict> {
        if let Place::Unit(name, bench) = self.place {
            let changed = text_of(name).replacen(self.text, self.replacement, 1);
            return Ok(bench(seed, &changed)?.map_or(Verdict::Survived, Verdict::Caught));
        }
        let Some(draw) = draw(seed) else { return Ok(Verdict::Absent) };
        let machine = Machine::new(&draw.program)?;
        let design = emit(&machine, &EmitOptions { trace: true, build: 0 })?;
        let Some(file) = self.file(&design.modules) else { return Ok(Verdict::Absent) };
        let edit = |name: &str, text: String| {
            if name == file {
                assert!(text.contains(self.text), "{name} does not have `{}`", self.text);
                return text.replacen(self.text, self.replacement, 1);
            }
            text
        };
        let dir = tempfile::tempdir().unwrap();
        let inputs: Vec<&Value> = draw.inputs.iter().collect();
        match compare_edited(dir.path(), &machine, &inputs, &draw.drive, Simulator::Icarus, &edit) {
            Ok(_) => Ok(Verdict::Survived),
            Err(e) if e.code == "E0808" => Ok(Verdict::Caught(e.to_string())),
            Err(e) => Err(e),
        }
    }

    /// The first seed of `seeds` that catches the mutation, and how many runs of a changed design that took.
    pub fn caught_by(&self, seeds: std::ops::Range<u64>) -> Result<Option<(u64, usize)>> {
        let mut runs = 0;
        for seed in seeds {
            match self.run(seed)? {
                Verdict::Absent => {}
                Verdict::Survived => runs += 1,
                Verdict::Caught(_) => return Ok(Some((seed, runs + 1))),
            }
        }
        Ok(None)
    }

    /// The file to be changed, if the top level reaches it.
    fn file(&self, emitted: &[(String, String)]) -> Option<String> {
        let reached = reached(emitted);
        match self.place {
            Place::Primitive(name) | Place::Unit(name, _) => {
                reached.contains(name).then(|| format!("{name}.v"))
            }
            Place::Core => {
                let is_core = |name: &str| {
                    let module = name.strip_suffix(".v").unwrap_or(name);
                    reached.contains(module) && module.starts_with("core")
                };
                emitted
                    .iter()
                    .find(|(n, text)| is_core(n) && text.contains(self.text))
                    .map(|(n, _)| n.clone())
            }
        }
    }
}

/// The text of a primitive.
pub fn text_of(name: &str) -> &'static str {
    PRIMITIVES.iter().find(|(n, _)| n.strip_suffix(".v") == Some(name)).unwrap().1
}

/// Modules that the top level instantiates, directly or not.
fn reached(emitted: &[(String, String)]) -> BTreeSet<String> {
    let own = emitted.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let modules: BTreeMap<&str, &str> =
        PRIMITIVES.iter().copied().chain(own).filter_map(|(n, t)| Some((n.strip_suffix(".v")?, t))).collect();
    let (mut found, mut open) = (BTreeSet::new(), vec!["top"]);
    while let Some(module) = open.pop() {
        if found.insert(module.to_owned()) {
            let words = modules[module].lines().filter_map(|line| line.split_whitespace().next());
            open.extend(words.filter_map(|word| modules.get_key_value(word)).map(|(name, _)| *name));
        }
    }
    found
}
