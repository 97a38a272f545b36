//! The chip's process: node, supply and temperature, and the rules that carry a number from the node of its table.
//!
//! Tables of the node itself come first. Between two nodes of a table a value is a power of the node (log-log). Beyond its
//! nodes it is scaled from the nearest one:
//!
//! | what | rule | source |
//! |---|---|---|
//! | switching energy of logic, routers, links | ratio of a·V² + b·V + c | `stillmaker2017` |
//! | area of logic, routers, links | ratio of the table of areas | `stillmaker2017` |
//! | energy and access time of SRAM below 22 nm | √(node/22) | `hwcomponents` |
//! | area of SRAM below 22 nm | node/22 | `hwcomponents` |
//! | leakage below 22 nm | 0.79·√(node/22) | `hwcomponents` |
//! | leakage of routers and links above 45 nm | √(node/45), as their table grows | `dsent2012` |
//!
//! Node steps are counted along 65, 45, 32, 22, 16, 10, 7 nm; others count as the nearest of them. More than two steps are
//! refused unless the architecture accepts them.

use super::constants::Constants;
use super::errors;
use super::quantity::{Grade, Origin, Sourced};
use pulvinar_ir::arch::{SramCell, Technology};
use pulvinar_ir::{Diagnostic, Result};

/// Process nodes that have prices, nm.
pub const NODES_NM: [u32; 8] = [65, 45, 32, 28, 22, 16, 14, 7];
/// Nodes by which steps are counted, nm.
const LADDER_NM: [u32; 7] = [65, 45, 32, 22, 16, 10, 7];
/// Nodes of the SRAM table, nm.
pub const SRAM_NM: [u32; 4] = [22, 32, 45, 65];
/// Nodes of the router and link tables, nm.
pub const NETWORK_NM: [u32; 3] = [22, 32, 45];
/// Nodes of the tables of arithmetic, nm.
pub const ARITHMETIC_NM: [u32; 2] = [45, 7];
/// Node of the standard-cell blocks, nm.
pub const BLOCKS_NM: u32 = 40;
/// Steps that need no consent.
const NEAR_STEPS: u32 = 2;
/// What a remark says of a price scaled over more.
pub const FAR: &str = "far: read with care";
/// Hottest temperature of tables at 22 nm, K: the next point is an artefact.
const HOTTEST_22_K: f64 = 360.0;
/// Nodes of the scaling law, nm.
const LAW_NM: [u32; 7] = [7, 14, 16, 20, 32, 45, 65];

/// What a number is, for the rule that scales it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Switching energy of arithmetic, comparators, registers: it follows the supply too.
    Logic,
    /// Switching energy of routers and links, at the supply of their table.
    Network,
    /// Area of logic, routers, links.
    LogicArea,
    /// Leakage of routers and links.
    NetworkLeakage,
    /// Energy or access time of an SRAM.
    Sram,
    /// Area of an SRAM.
    SramArea,
    /// Leakage of an SRAM.
    SramLeakage,
}

/// The process of one chip.
#[derive(Debug, Clone, Copy)]
pub struct Process<'a> {
    constants: &'a Constants,
    technology: &'a Technology,
}

impl<'a> Process<'a> {
    /// The process of an architecture. Refuses nodes without data (`E0621`), temperatures beyond the tables (`E0634`) and,
    /// unless accepted, scaling over more than two nodes (`E0635`).
    pub fn new(constants: &'a Constants, technology: &'a Technology) -> Result<Self> {
        let process = Process { constants, technology };
        let (node, kelvin) = (technology.node_nm, technology.temperature_k);
        if !NODES_NM.contains(&node) {
            return Err(Diagnostic::new(
                "E0621",
                "technology.node_nm",
                format!("there are no data at {node} nm"),
                format!("set node_nm to one of {}", NODES_NM.map(|n| n.to_string()).join(", ")),
            ));
        }
        if node < 32 && kelvin > HOTTEST_22_K {
            return Err(Diagnostic::new(
                "E0634",
                "technology.temperature_k",
                format!("the leakage of memories at {kelvin} K is an artefact of the table of 22 nm"),
                format!("set temperature_k to at most {HOTTEST_22_K}, or take a node of 32 nm or more"),
            ));
        }
        if technology.far_scaling {
            return Ok(process);
        }
        let from = |nodes: &[u32]| process.nearest(nodes);
        let tables = [
            ("comparators and registers", BLOCKS_NM),
            ("arithmetic", from(&ARITHMETIC_NM)),
            ("memories", from(&SRAM_NM)),
            ("routers and links", from(&NETWORK_NM)),
        ];
        match tables.into_iter().find(|(_, from)| process.steps(*from) > NEAR_STEPS) {
            None => Ok(process),
            Some((what, from)) => Err(Diagnostic::new(
                "E0635",
                "technology.node_nm",
                format!(
                    "{what} at {node} nm are scaled from {from} nm over {} node steps",
                    process.steps(from)
                ),
                "set far_scaling = true in [technology] to accept it; the report then says so",
            )),
        }
    }

    /// The node, nm.
    pub fn node_nm(&self) -> u32 {
        self.technology.node_nm
    }
    /// Cell type of the memories.
    pub fn sram_cell(&self) -> SramCell {
        self.technology.sram_cell
    }
    /// Temperature, K.
    pub fn temperature_k(&self) -> f64 {
        self.technology.temperature_k
    }
    /// The scalars behind the rules.
    pub fn constants(&self) -> &'a Constants {
        self.constants
    }

    /// Node steps from another node to this one; 0 only from the node itself.
    pub fn steps(&self, from_nm: u32) -> u32 {
        steps(from_nm, self.node_nm())
    }

    /// The node of a table that is fewest steps away, the first of equals.
    pub fn nearest(&self, nodes: &[u32]) -> u32 {
        nodes.iter().copied().min_by_key(|n| self.steps(*n)).unwrap_or(self.node_nm())
    }

    /// A quantity of a table with some nodes, at this one. `at` gives it at a node of the table.
    pub fn place(
        &self,
        nodes: &[u32],
        kind: Kind,
        at: impl Fn(u32) -> Option<Sourced>,
    ) -> Result<Option<Sourced>> {
        let node = self.node_nm();
        let below = nodes.iter().copied().filter(|n| *n <= node).max();
        let above = nodes.iter().copied().filter(|n| *n >= node).min();
        match (below, above) {
            (Some(lo), Some(hi)) if lo < hi => Ok(self.between((lo, hi), at)),
            (Some(n), Some(_)) => Ok(at(n)),
            (Some(n), None) | (None, Some(n)) => at(n).map(|value| self.scale(value, kind, n)).transpose(),
            (None, None) => Ok(None),
        }
    }

    /// Log-log between two nodes, as a derived number of this one.
    fn between(&self, (lo, hi): (u32, u32), at: impl Fn(u32) -> Option<Sourced>) -> Option<Sourced> {
        let (a, b) = (at(lo)?, at(hi)?);
        let node = self.node_nm();
        let t = (f64::from(node) / f64::from(lo)).ln() / (f64::from(hi) / f64::from(lo)).ln();
        let value = a.value() * (b.value() / a.value()).powf(t);
        let mut origin = a.origins.first()?.clone();
        origin.value = value;
        origin.node_nm = Some(node);
        origin.grade = Grade::Derived;
        let family = origin.family.clone();
        let rule = Origin::rule(
            format!("rule: {family} between {lo} and {hi} nm"),
            &[origin.sources.first()?],
            errors::spread(&format!("{family} between nodes")),
        );
        let rules = a.origins[1..].to_vec();
        let start = Sourced::of(origin).rule(rule).notes(a.notes);
        let out = rules.into_iter().fold(start, Sourced::rule);
        Some(out.note(format!("derived: between {lo} and {hi} nm")))
    }

    /// A number of another node by the rule of its kind.
    pub fn scale(&self, value: Sourced, kind: Kind, from_nm: u32) -> Result<Sourced> {
        let (from, to) = (f64::from(from_nm), f64::from(self.node_nm()));
        let (factor, origins, what) = match kind {
            Kind::Logic | Kind::Network => {
                let supply = self.technology.voltage_v.filter(|_| kind == Kind::Logic);
                let (factor, origins) = self.energy_ratio(from_nm, supply)?;
                (factor, origins, "energy of logic")
            }
            Kind::LogicArea => {
                let (factor, origins) = self.area_ratio(from_nm)?;
                (factor, origins, "area of logic")
            }
            Kind::Sram => ((to / from).sqrt(), Vec::new(), "energy of memories"),
            Kind::SramArea => (to / from, Vec::new(), "area of memories"),
            Kind::NetworkLeakage | Kind::SramLeakage if to < 22.0 => {
                let c = self.constants.get("sram_leak_factor")?;
                (c.origin.value * (to / from).sqrt(), vec![c.origin.clone()], "leakage")
            }
            Kind::NetworkLeakage | Kind::SramLeakage => ((to / from).sqrt(), Vec::new(), "leakage"),
        };
        let steps = self.steps(from_nm);
        if steps == 0 && factor.to_bits() == 1.0_f64.to_bits() {
            return Ok(value);
        }
        let volts = self.technology.voltage_v.filter(|_| kind == Kind::Logic);
        let note = match (steps, volts) {
            (0, _) => format!("scaled to {} V", volts.unwrap_or_default()),
            (1, None) => format!("scaled from {from_nm} nm over 1 step"),
            (n, None) => format!("scaled from {from_nm} nm over {n} steps"),
            (n, Some(v)) => format!("scaled from {from_nm} nm over {n} step(s), to {v} V"),
        };
        let far = if steps > NEAR_STEPS { format!("; {FAR}") } else { String::new() };
        let scaled = value.scaled(factor, origins).note(note + &far);
        if steps == 0 {
            return Ok(scaled);
        }
        let name = format!("rule: {what} from {from_nm} to {} nm", self.node_nm());
        let spread = f64::from(steps) * errors::spread(&format!("{what}, one node step"));
        let sources = if matches!(kind, Kind::Logic | Kind::Network | Kind::LogicArea) {
            "stillmaker2017"
        } else {
            "hwcomponents"
        };
        Ok(scaled.rule(Origin::rule(name, &[sources], spread).of_family(format!("rule: {what} by node"))))
    }

    /// Ratio of switching energy at a supply to that of another node at the voltage of the arithmetic data, which is also
    /// the supply if none is given: E ~ a·V² + b·V + c (`stillmaker2017`, eq. of the energy fit), linear in the node
    /// between those of the law.
    pub fn energy_ratio(&self, from_nm: u32, supply_v: Option<f64>) -> Result<(f64, Vec<Origin>)> {
        let nominal = self.constants.get("logic_voltage")?.origin.clone();
        let supply = supply_v.unwrap_or(nominal.value);
        let at = |node: u32, v: f64| -> Result<(f64, Vec<Origin>)> {
            let mut sum = 0.0;
            let mut origins = vec![nominal.clone()];
            for (letter, power) in [("a", v * v), ("b", v), ("c", 1.0)] {
                let c = self.constants.get(&format!("energy_{letter}_{node}nm"))?;
                sum += c.origin.value * power;
                origins.push(c.origin.clone());
            }
            Ok((sum, origins))
        };
        Ok(ratio(law(from_nm, |n| at(n, nominal.value))?, law(self.node_nm(), |n| at(n, supply))?))
    }

    /// Ratio of area to that of another node (`stillmaker2017`), linear in the node between those of the law.
    pub fn area_ratio(&self, from_nm: u32) -> Result<(f64, Vec<Origin>)> {
        let at = |node: u32| -> Result<(f64, Vec<Origin>)> {
            let c = self.constants.get(&format!("area_ratio_{node}nm"))?;
            Ok((c.origin.value, vec![c.origin.clone()]))
        };
        Ok(ratio(law(from_nm, at)?, law(self.node_nm(), at)?))
    }
}

/// Node steps between two nodes; 0 only between a node and itself.
pub fn steps(from_nm: u32, to_nm: u32) -> u32 {
    let rung = |node: u32| {
        let far = |n: &u32| (f64::from(*n) / f64::from(node)).ln().abs();
        let near = LADDER_NM.iter().enumerate().min_by(|a, b| far(a.1).total_cmp(&far(b.1)));
        near.map_or(0, |(i, _)| i as u32)
    };
    if from_nm == to_nm {
        return 0;
    }
    rung(from_nm).abs_diff(rung(to_nm)).max(1)
}

type Law = (f64, Vec<Origin>);

/// A figure of the scaling law at any node.
fn law(node: u32, at: impl Fn(u32) -> Result<Law>) -> Result<Law> {
    if LAW_NM.contains(&node) {
        return at(node);
    }
    let upper = LAW_NM.partition_point(|n| *n < node).clamp(1, LAW_NM.len() - 1);
    let (n0, n1) = (LAW_NM[upper - 1], LAW_NM[upper]);
    let ((f0, mut origins), (f1, more)) = (at(n0)?, at(n1)?);
    super::quantity::extend(&mut origins, more);
    let t = (f64::from(node) - f64::from(n0)) / (f64::from(n1) - f64::from(n0));
    Ok((f0 + (f1 - f0) * t, origins))
}

fn ratio((from, mut origins): Law, (to, more): Law) -> Law {
    super::quantity::extend(&mut origins, more);
    (to / from, origins)
}
