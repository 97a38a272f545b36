//! What the mapper decided, as text.

use pulvinar_compiler::map::MapReport;

/// One row a stage, then phases and notes.
pub fn text(report: &MapReport) -> String {
    let width = report.stages.iter().map(|s| s.name.len()).max().unwrap_or(0).max(5);
    let mut out = format!(
        "{:width$}  passes  scope      strategy    cores  expected cycles  fullest memory\n",
        "layer"
    );
    for stage in &report.stages {
        let memories = stage.slices.iter().flat_map(|s| &s.memories);
        let fullest = memories.max_by(|a, b| share(a).total_cmp(&share(b)));
        let fullest =
            fullest.map_or(String::new(), |m| format!("{:?} {:.0} %", m.0, 100.0 * share(m)).to_lowercase());
        out += &format!(
            "{:width$}  {:>6}  {:9}  {:10}  {:>5}  {:>15}  {fullest}\n",
            stage.name,
            stage.passes,
            stage.scope.to_string(),
            stage.strategy.name(),
            stage.slices.len(),
            stage.expected_cycles,
        );
    }
    for (i, phase) in report.phases.iter().enumerate() {
        out += &format!(
            "phase {i}: {} slices, {} streams, {:.1} flit-hops expected ({:.1} before annealing)\n",
            phase.slices,
            phase.streams,
            phase.milli_hops_after as f64 / 1e3,
            phase.milli_hops_before as f64 / 1e3,
        );
    }
    report.notes.iter().for_each(|n| out += &format!("note: {n}\n"));
    out.trim_end().to_owned()
}

fn share(memory: &(pulvinar_ir::counts::Memory, u64, u64)) -> f64 {
    memory.1 as f64 / memory.2.max(1) as f64
}
