//! Scalar constants: arithmetic, process scaling, the papers' pair, published synaptic operations.

use super::csv;
use super::quantity::{AllIn, Grade, Origin, PerTerm, Scope};
use pulvinar_ir::{Diagnostic, Result};

const TABLE: &str = include_str!("../../data/constants.csv");
const HEADER: &str = "name,value,unit,node_nm,source,grade,scope";

/// One row of `constants.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The number and where it comes from.
    pub origin: Origin,
    /// What it includes, if it is an energy.
    pub scope: Scope,
}

/// Every scalar constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Constants(pub Vec<Constant>);

impl Constants {
    /// The table in the program.
    pub fn embedded() -> Self {
        Constants(csv::rows(TABLE, HEADER).iter().map(|row| parse(row)).collect())
    }

    /// A constant by name. Refuses an unknown name (`E0622`).
    pub fn get(&self, name: &str) -> Result<&Constant> {
        self.0.iter().find(|c| c.origin.name == name).ok_or_else(|| {
            Diagnostic::new(
                "E0622",
                name,
                format!("no constant is named {name}"),
                "see reports/data/constants.csv",
            )
        })
    }

    /// An energy that may be a term of a sum. Refuses an all-in value (`E0623`).
    pub fn per_term(&self, name: &str) -> Result<PerTerm> {
        let c = self.of_scope(name, Scope::PerTerm)?;
        Ok(PerTerm::new(c.origin.value, vec![c.origin.clone()]))
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

    /// Published energies of one synaptic operation (names `sop_*`), each with its scope, to show beside a result.
    pub fn synaptic_operations(&self) -> Vec<&Constant> {
        self.0.iter().filter(|c| c.origin.name.starts_with("sop_")).collect()
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
    let origin = Origin {
        name: row[0].clone(),
        value: csv::number(&row[1]),
        unit: row[2].clone(),
        node_nm: (!row[3].is_empty()).then(|| csv::number(&row[3])),
        sources: row[4].split(';').map(str::to_owned).collect(),
        grade,
    };
    Constant { origin, scope }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_kept_apart() {
        let constants = Constants::embedded();
        assert_eq!(constants.per_term("sop_truenorth").unwrap_err().code, "E0623");
        assert_eq!(constants.all_in("sop_truenorth").unwrap().pj, 26.0);
        assert_eq!(constants.all_in("paper_mac").unwrap_err().code, "E0623");
        assert_eq!(constants.per_term("logic_voltage").unwrap_err().code, "E0623");
        assert_eq!(constants.get("nothing").unwrap_err().code, "E0622");
    }

    #[test]
    fn names_are_unique() {
        let constants = Constants::embedded().0;
        for (i, c) in constants.iter().enumerate() {
            assert!(constants[..i].iter().all(|d| d.origin.name != c.origin.name), "{}", c.origin.name);
        }
    }
}
