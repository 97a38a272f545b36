//! `pulvinar technology`: the library of energies, and its figures in one process.

use crate::args::Technology;
use crate::source;
use crate::verbs::show;
use pulvinar_ir::Result;
use pulvinar_reports::energy::errors::{self, FitError};
use pulvinar_reports::energy::library::{self, FigureRow};
use pulvinar_reports::energy::{Data, Grade, Scope};
use pulvinar_reports::table::{Style, Table};
use pulvinar_reports::units::digits;
use serde_json::json;

/// Runs the verb.
pub fn technology(args: &Technology, json: bool) -> Result<()> {
    if args.is_process() {
        return process(args, json);
    }
    let (rules, sources) = (errors::all(), errors::between_sources());
    // Every point of every table is thousands of rows: JSON has them, the text their extent.
    let facts = || {
        let spreads: Vec<_> =
            GRADES.iter().map(|g| json!({"grade": g.name(), "spread": g.spread()})).collect();
        json!({"entries": library::entries(), "rules": rules, "between_sources": sources, "spreads": spreads})
    };
    let value = if json { facts() } else { serde_json::Value::Null };
    show(json, &value, || {
        let all =
            [constants(), tables(), rule_errors("Rules", rules), rule_errors("Sources", &sources), grades()];
        all.iter().map(titled).collect()
    });
    Ok(())
}

const GRADES: [Grade; 6] =
    [Grade::Measured, Grade::Published, Grade::Simulated, Grade::Derived, Grade::Table, Grade::Recalled];

fn titled(table: &Table) -> String {
    format!("{}\n{}\n", table.caption, table.to_text("  ", Style::default()))
}

/// A factor of one standard deviation.
fn factor(spread: f64) -> String {
    if spread > 0.0 {
        format!("×/÷ {}", digits(spread.exp()))
    } else {
        String::new()
    }
}

fn constants() -> Table {
    let heads = ["constant", ">value", "unit", ">node", "evidence", "scope", ">spread", "source"];
    let mut t = Table::new("Constants", &heads);
    for c in Data::embedded().constants.0.iter().filter(|c| c.chip().is_none()) {
        let o = &c.origin;
        let node = o.node_nm.map_or_else(String::new, |n| format!("{n} nm"));
        let scope = match c.scope {
            Scope::PerTerm => "per term",
            Scope::AllIn => "all in",
            Scope::None => "",
        };
        let (value, sources) = (o.value.to_string(), o.sources.join(", "));
        t.row(&[&o.name, &value, &o.unit, &node, o.grade.name(), scope, &factor(o.spread), &sources]);
    }
    t
}

fn tables() -> Table {
    let mut t = Table::new("Tables (--json prints every number)", &["table", ">numbers", "nodes", "source"]);
    for (table, numbers, nodes, sources) in library::coverage() {
        let nodes: Vec<String> = nodes.iter().map(u32::to_string).collect();
        t.row(&[table, &numbers.to_string(), &nodes.join(", "), &sources.join(", ")]);
    }
    t.rows.retain(|row| row[0] != "constants");
    t
}

fn rule_errors(what: &str, list: &[FitError]) -> Table {
    let caption = match what {
        "Rules" => "Rules, by points left out or sources at another node",
        _ => "Sources of the same quantity",
    };
    let heads = [what, ">points", ">mean", ">p90", ">max", ">spread", "how"];
    let mut t = Table::new(caption, &heads);
    let percent = |e: &FitError, x: f64| if e.points > 0 { format!("{x:.1} %") } else { String::new() };
    for e in list {
        let [mean, p90, max] = [e.mean_pct, e.p90_pct, e.max_pct].map(|x| percent(e, x));
        t.row(&[&e.rule, &e.points.to_string(), &mean, &p90, &max, &factor(e.spread), &e.how]);
    }
    t
}

fn grades() -> Table {
    let mut t = Table::new("Spread by evidence", &["evidence", ">spread"]);
    for g in GRADES {
        t.row(&[g.name(), &factor(g.spread())]);
    }
    t
}

/// Figures in the process of a chip with some keys replaced.
fn process(args: &Technology, json: bool) -> Result<()> {
    let mut arch = source::arch(args.arch.as_deref())?;
    let t = &mut arch.technology;
    t.node_nm = args.node.unwrap_or(t.node_nm);
    t.temperature_k = args.temperature.unwrap_or(t.temperature_k);
    t.voltage_v = args.voltage.or(t.voltage_v);
    t.far_scaling |= args.far_scaling;
    t.sram_cell = args.cell.as_deref().and_then(library::cell).unwrap_or(t.sram_cell);
    arch.check()?;
    let technology = &arch.technology;
    let rows = library::figures(technology)?;
    show(json, &json!({"technology": technology, "figures": rows}), || {
        let volts =
            technology.voltage_v.map_or_else(|| "voltage of the data".to_owned(), |v| format!("{v} V"));
        let caption = format!(
            "Figures at {} nm, {} memories at {} K, logic at {volts}",
            technology.node_nm,
            library::cell_name(technology.sram_cell),
            technology.temperature_k
        );
        let mut t = Table::new(&caption, &["figure", ">value", "unit", ">spread", "source", "how"]);
        let row = |r: &FigureRow| {
            [
                r.name.clone(),
                digits(r.value),
                r.unit.clone(),
                factor(r.spread),
                r.sources.join(", "),
                r.notes.join("; "),
            ]
        };
        rows.iter().for_each(|r| t.rows.push(row(r).to_vec()));
        titled(&t)
    });
    Ok(())
}
