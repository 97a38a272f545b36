//! The study of docs/study-cheapest-chip.md: the cheapest chip for the default network.

use super::explored::{Explored, Found};
use pulvinar_explore::evaluate::Outcome;
use pulvinar_explore::results::page::Wanted;
use pulvinar_explore::results::{text, Front, Selected};
use pulvinar_explore::{Evaluator, Limits, Space};
use pulvinar_ir::Result;
use pulvinar_models::{reference, zoo};
use pulvinar_reports::units::{digits, percent};

/// The study.
pub const STUDY: Explored = Explored {
    title: "The cheapest chip for the default network",
    space: ("cheapest.toml", include_str!("../../../explore/examples/cheapest.toml")),
    beside: &[],
    chip: None,
    wanted: Wanted::default,
    further: |_| Vec::new(),
    found,
};

fn found(space: &Space, selected: &Selected, front: &Front) -> Result<Found> {
    let evaluator = Evaluator::new(&space.folder, 1);
    let network = evaluator.network(&space.base)?;
    let inputs = zoo::test_inputs()?;
    let outputs = reference::outputs(&network.model.graph, &inputs.frames)?;
    let float = inputs.labels.as_ref().map(|labels| reference::accuracy(&outputs, labels));
    let mut lead = Vec::new();
    if let (Some(float), Some(limit)) = (float, space.goal.bounds.get("accuracy")) {
        let least = limit.at_least.unwrap_or(0.0);
        lead.push(format!(
            "Accuracy of the float network on {} embedded inputs: {}; a chip must come to at least {}.",
            inputs.frames.len(),
            percent(float),
            percent(least)
        ));
    }
    let base = evaluator.evaluate(&space.base, &Limits::default())?.outcome;
    let Outcome::Ok(base) = base else { return Ok(Found { lead, figures: Vec::new() }) };
    let shown: Vec<String> = front.objectives.iter().map(|m| text(m.name, base[m.name])).collect();
    lead.push(format!("The chip that the space starts from: {}.", shown.join(", ")));
    for (d, metric) in front.objectives.iter().enumerate() {
        let Some(i) = front.best(selected, d) else { continue };
        let row = &selected.rows[i];
        let each = front.objectives.iter().map(|m| {
            let value = row.metrics[m.name];
            format!("{} ({} of it)", text(m.name, value), digits(value / base[m.name]))
        });
        let short = &row.key.to_string()[..8];
        lead.push(format!("Least {}: {short} with {}.", metric.name, each.collect::<Vec<_>>().join(", ")));
    }
    Ok(Found { lead, figures: Vec::new() })
}
