//! Scalar constants: arithmetic, process scaling, the papers' pair, and published figures of chips.
//!
//! A figure of a chip (`chips.csv`) is the constant `chip.name`, such as `loihi.sop`.

use super::csv;
use super::quantity::{AllIn, Grade, Origin, PerTerm, Scope, Sourced};
use pulvinar_ir::{Diagnostic, Result};

const TABLE: &str = include_str!("../../data/constants.csv");
const HEADER: &str = "name,value,unit,node_nm,source,grade,scope";
const CHIPS: &str = include_str!("../../data/chips.csv");
const CHIPS_HEADER: &str = "chip,name,value,unit,node_nm,scope,grade,source";

/// One row of `constants.csv` or `chips.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The number and where it comes from.
    pub origin: Origin,
    /// What it includes, if it is an energy.
    pub scope: Scope,
}

impl Constant {
    /// The chip that the figure is of.
    pub fn chip(&self) -> Option<&str> {
        self.origin.name.split_once('.').map(|(chip, _)| chip)
    }
}

/// Every scalar constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Constants(pub Vec<Constant>);

impl Constants {
    /// The table in the program.
    pub fn embedded() -> Self {
        let scalars = csv::rows(TABLE, HEADER);
        let chips = csv::rows(CHIPS, CHIPS_HEADER).into_iter().map(|row| {
            let [chip, name, value, unit, node, scope, grade, source]: [String; 8] =
                row.try_into().expect("invariant: the table is rectangular");
            vec![format!("{chip}.{name}"), value, unit, node, source, grade, scope]
        });
        Constants(scalars.into_iter().chain(chips).map(|row| parse(&row)).collect())
    }

    /// A constant by name. Refuses an unknown name (`E0622`).
    pub fn get(&self, name: &str) -> Result<&Constant> {
        self.0.iter().find(|c| c.origin.name == name).ok_or_else(|| {
            Diagnostic::new(
                "E0622",
                name,
                format!("no constant is named {name}"),
                "see reports/data/constants.csv and chips.csv",
            )
        })
    }

    /// An energy that may be a term of a sum. Refuses an all-in value (`E0623`).
    pub fn per_term(&self, name: &str) -> Result<PerTerm> {
        let c = self.of_scope(name, Scope::PerTerm)?;
        Ok(PerTerm::new(Sourced::of(c.origin.clone())))
    }

    /// An energy to compare with. Refuses a value that is not all-in (`E0623`).
    pub fn all_in(&self, name: &str) -> Result<AllIn> {
        let c = self.of_scope(name, Scope::AllIn)?;
        Ok(AllIn { pj: c.origin.value, origin: c.origin.clone() })
    }

    /// The named constants as a report lists them; unknown names are left out.
    pub fn origins(&self, names: &[&str]) -> Vec<Origin> {
        names.iter().filter_map(|name| self.get(name).ok()).map(|c| c.origin.clone()).collect()
    }

    /// Published energies of one synaptic operation (`chip.sop*`), each with its scope, to show beside a result.
    pub fn synaptic_operations(&self) -> Vec<&Constant> {
        let is_sop = |c: &&Constant| c.origin.unit == "pJ/SOP" && c.chip().is_some();
        self.0.iter().filter(is_sop).collect()
    }

    /// Names of the chips with published figures, in the order of the table.
    pub fn chips(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().filter_map(Constant::chip).collect();
        names.dedup();
        names
    }

    /// The published figures of a chip; empty if nobody knows it.
    pub fn of_chip(&self, chip: &str) -> Vec<&Constant> {
        self.0.iter().filter(|c| c.chip() == Some(chip)).collect()
    }

    fn of_scope(&self, name: &str, wanted: Scope) -> Result<&Constant> {
        let constant = self.get(name)?;
        if constant.scope == wanted {
            return Ok(constant);
        }
        Err(Diagnostic::new(
            "E0623",
            name,
            format!("{name} is of scope {:?}, not {wanted:?}", constant.scope),
            "an all-in energy already holds memory, hops and idle power: compare with it, do not add it",
        ))
    }
}

fn parse(row: &[String]) -> Constant {
    let grade = match row[5].as_str() {
        "measured" => Grade::Measured,
        "published" => Grade::Published,
        "simulated" => Grade::Simulated,
        "derived" => Grade::Derived,
        "table" => Grade::Table,
        other => {
            assert_eq!(other, "recalled", "invariant: grades are known (held by a test)");
            Grade::Recalled
        }
    };
    let scope = match row[6].as_str() {
        "per_term" => Scope::PerTerm,
        "all_in" => Scope::AllIn,
        other => {
            assert_eq!(other, "none", "invariant: scopes are known (held by a test)");
            Scope::None
        }
    };
    let sources: Vec<&str> = row[4].split(';').collect();
    let node_nm = (!row[3].is_empty()).then(|| csv::number(&row[3]));
    let mut origin = Origin::new(row[0].clone(), csv::number(&row[1]), &row[2], node_nm, &sources, grade);
    if scope == Scope::None {
        // Coefficients and limits are not drawn; the rule that uses them has the spread.
        origin.spread = 0.0;
    }
    Constant { origin, scope }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_kept_apart() {
        let constants = Constants::embedded();
        assert_eq!(constants.per_term("truenorth.sop_all_in").unwrap_err().code, "E0623");
        assert_eq!(constants.all_in("truenorth.sop_all_in").unwrap().pj, 26.0);
        assert_eq!(constants.all_in("paper_mac").unwrap_err().code, "E0623");
        assert_eq!(constants.per_term("logic_voltage").unwrap_err().code, "E0623");
        assert_eq!(constants.get("nothing").unwrap_err().code, "E0622");
    }

    /// No published all-in figure of any chip can become a term of a sum.
    #[test]
    fn all_in_figures_of_chips_are_never_terms() {
        let constants = Constants::embedded();
        let all: Vec<&Constant> = constants.chips().into_iter().flat_map(|c| constants.of_chip(c)).collect();
        let all_in = all.iter().filter(|c| c.scope == Scope::AllIn);
        assert!(all_in.clone().count() >= 8);
        for constant in all {
            let is_term = constants.per_term(&constant.origin.name).is_ok();
            assert_eq!(is_term, constant.scope == Scope::PerTerm, "{}", constant.origin.name);
            let energy = constant.origin.unit.starts_with("pJ");
            assert_eq!(energy, constant.scope != Scope::None, "{} has no scope", constant.origin.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let constants = Constants::embedded().0;
        for (i, c) in constants.iter().enumerate() {
            assert!(constants[..i].iter().all(|d| d.origin.name != c.origin.name), "{}", c.origin.name);
        }
    }
}
