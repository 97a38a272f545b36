//! `pulvinar explore map`.

use crate::args::{Global, MapArgs};
use crate::verbs::show;
use crate::{output, progress};
use pulvinar_explore::memories::{find, search, Choice, Found};
use pulvinar_explore::{Evaluator, Space};
use pulvinar_ir::Result;
use serde_json::json;

/// The verb.
pub fn map(args: &MapArgs, global: &Global) -> Result<()> {
    args.output.as_deref().map_or(Ok(()), output::check_writable)?;
    let space = Space::read(&args.space)?;
    let method = find(&args.method)?;
    let evaluator = Evaluator::new(&space.folder, 1);
    progress::note(global, &format!("trying up to {} mappings", args.budget));
    let found = search(&evaluator, &space.base, (method, args.budget, args.seed), &args.objective)?;
    if let Some(path) = &args.output {
        let head = format!(
            "# {} of {}: {} with the mapper's own choices, {} with these\n# {}\n",
            args.objective,
            space.base.model,
            found.greedy,
            found.cost,
            crate::facts::command()
        );
        output::file(path, (head + &found.to_toml()).as_bytes())?;
    }
    let changed: Vec<_> = found.chosen.iter().filter(|(_, c)| *c != Choice::default()).collect();
    let layers: Vec<_> = changed
        .iter()
        .map(|(name, c)| {
            let strategy = c.strategy.map(pulvinar_ir::Strategy::name);
            json!({"layer": name, "strategy": strategy, "max_channels": c.max_channels})
        })
        .collect();
    let facts = json!({
        "method": method.name, "objective": args.objective, "greedy": found.greedy, "cost": found.cost,
        "tried": found.tried, "infeasible": found.infeasible, "mappings": found.size.to_string(), "layers": layers,
    });
    show(global.json, &facts, || words(&found, &changed, args));
    Ok(())
}

fn words(found: &Found, changed: &[&(String, Choice)], args: &MapArgs) -> String {
    let less = (1.0 - found.cost / found.greedy) * 100.0;
    let mut text = format!(
        "{}: {} with the mapper's own choices, {} found ({less:.1} % less)\n{} of {} mappings tried, {} of them do not fit\n",
        args.objective, found.greedy, found.cost, found.tried, found.size, found.infeasible
    );
    for (name, choice) in changed {
        let strategy = choice.strategy.map_or("the mapper's strategy", pulvinar_ir::Strategy::name);
        let width = choice.max_channels.map_or(String::new(), |n| format!(", at most {n} channels a core"));
        text.push_str(&format!("  {name}: {strategy}{width}\n"));
    }
    text
}
