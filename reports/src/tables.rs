//! The tables of a report, one function each; text, page and LaTeX show the same ones.

use crate::report::{component_name, EstimateRow, Report, Summary, COMPONENTS};
use crate::table::Table;
use crate::units::{bits, bytes, count, digits, energy, maybe, percent, plural, si, time};

/// Layers and what they did.
pub fn layers(report: &Report) -> Table {
    let heads = ["layer", "kind", "c×h×w", ">cores", ">spikes", ">rate", ">syn. events", ">busy", ">energy"];
    let mut t = Table::new("Layers, per inference", &heads).in_brief();
    for l in &report.layers {
        let shape = format!("{}×{}×{}", l.shape[0], l.shape[1], l.shape[2]);
        t.row(&[
            &l.name,
            &l.kind,
            &shape,
            &l.cores.to_string(),
            &count(l.spikes),
            &digits(l.firing_rate),
            &count(l.synaptic_events),
            &percent(l.busy_fraction),
            &energy(l.energy_pj),
        ]);
    }
    let (spikes, rate, events) = (report.spikes(), report.firing_rate(), report.synaptic_events());
    let pj = report.layers.iter().map(|l| l.energy_pj).sum();
    t.sum(&["total", "", "", "", &count(spikes), &digits(rate), &count(events), "", &energy(pj)]);
    t
}

/// Core-cycles of each layer by what they were spent on.
pub fn cycles(report: &Report) -> Table {
    let heads = ["layer", ">cores", ">synapse", ">sweep", ">attention", ">stalled", ">busy"];
    let mut t = Table::new("Core-cycles per inference by layer", &heads);
    for l in &report.layers {
        t.row(&[
            &l.name,
            &l.cores.to_string(),
            &count(l.synapse_busy_cycles),
            &count(l.sweep_busy_cycles),
            &count(l.attention_busy_cycles),
            &maybe(l.stall_cycles, count),
            &percent(l.busy_fraction),
        ]);
    }
    t
}

/// Energy by part of the chip.
pub fn energy_parts(report: &Report) -> Table {
    let mut t = Table::new("Energy per inference by part", &["part", ">energy", ">share"]).in_brief();
    let total = report.energy.total_pj;
    let share = |pj: f64| if total > 0.0 { percent(pj / total) } else { percent(0.0) };
    for c in &report.energy.by_component {
        t.row(&[&c.component, &energy(c.energy_pj), &share(c.energy_pj)]);
    }
    t.sum(&["total", &energy(total), &share(total)]);
    t
}

/// Energy by layer and part; parts that no layer has are left out.
pub fn energy_layers(report: &Report) -> Table {
    let e = &report.energy;
    let parts: Vec<&str> = COMPONENTS
        .iter()
        .map(|c| component_name(*c))
        .filter(|name| e.by_component.iter().any(|c| c.component == *name))
        .collect();
    let mut heads = vec!["layer".to_owned()];
    heads.extend(parts.iter().map(|p| format!(">{p}")));
    heads.push(">total".to_owned());
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut t = Table::new("Energy per inference by layer and part", &heads);
    for l in &e.by_layer {
        let part = |name: &str| l.parts.iter().find(|p| p.component == name).map(|p| p.energy_pj);
        let mut cells = vec![l.layer.clone()];
        cells.extend(parts.iter().map(|p| maybe(part(p), energy)));
        cells.push(energy(l.energy_pj));
        t.rows.push(cells);
    }
    t
}

/// What is paid every cycle.
pub fn statics(report: &Report) -> Table {
    let mut t = Table::new("Paid every cycle, whatever happens: energy per inference", &["what", ">energy"]);
    for s in &report.energy.statics_pj {
        t.row(&[&s.name, &energy(s.value)]);
    }
    t.sum(&["total", &energy(report.energy.static_pj)]);
    t
}

/// What happened and has no price.
pub fn unpriced(report: &Report) -> Table {
    let mut t = Table::new("Not priced: the total is partial by these", &["what", "part", ">count", "why"])
        .in_brief();
    for u in &report.energy.unpriced {
        t.row(&[&u.name, &u.component, &count(u.count), &u.why]);
    }
    t
}

/// Estimators side by side.
pub fn estimates(report: &Report) -> Table {
    let heads = ["estimator", ">energy", ">attention efficiency", "leaves out"];
    let mut t = Table::new("Energy per inference by different estimators", &heads);
    for e in &report.energy.estimates {
        t.row(&[
            &e.estimator,
            &energy(e.total_pj),
            &maybe(e.attention_efficiency, |r| format!("{r:.3}")),
            &e.leaves_out.join("; "),
        ]);
    }
    t
}

/// Terms of one estimator.
pub fn estimate_terms(estimate: &EstimateRow) -> Table {
    let mut t = Table::new(&format!("{}: {}", estimate.estimator, estimate.about), &["term", ">energy"]);
    for term in &estimate.terms_pj {
        t.row(&[&term.name, &energy(term.value)]);
    }
    t.sum(&["total", &energy(estimate.total_pj)]);
    t
}

/// Rows of the table of constants that move the total.
const SWINGS: usize = 12;

/// Constants that move the total most.
pub fn swings(report: &Report) -> Option<Table> {
    let u = report.energy.uncertainty.as_ref()?;
    let heads = ["constant", ">spread", ">total one spread below", ">above"];
    let mut t = Table::new("Constants that move the total most", &heads);
    for s in u.swings.iter().take(SWINGS) {
        let spread = format!("×/÷ {}", digits(s.spread.exp()));
        t.row(&[&s.constant, &spread, &energy(s.down_pj), &energy(s.up_pj)]);
    }
    Some(t)
}

/// Published energies of a synaptic operation beside ours.
pub fn published(report: &Report) -> Table {
    let heads = ["chip", ">node", ">energy", "includes", "evidence", "source"];
    let mut t = Table::new("Energy of one synaptic event, to compare with", &heads);
    if let Some(pj) = report.pj_per_synaptic_event() {
        let node = format!("{} nm", report.model.node_nm);
        let chip = format!("this run on {}", report.provenance.arch);
        let how = if report.closed_form.is_some() { "closed form" } else { "simulated" };
        t.row(&[&chip, &node, &energy(pj), "everything priced", how, "this report"]);
    }
    for p in &report.energy.published {
        let node = p.node_nm.map_or_else(String::new, |n| format!("{n} nm"));
        let scope = if p.all_in { "everything" } else { "the operation alone" };
        t.row(&[&p.name, &node, &energy(p.energy_pj), scope, &p.grade, &p.sources.join(", ")]);
    }
    t
}

/// Memories, network, external memory.
pub fn traffic(report: &Report) -> Table {
    let mut t =
        Table::new("Traffic per inference", &["where", ">read", ">written", ">word", ">energy"]).in_brief();
    for m in &report.traffic.memories {
        let word = format!("{} bit", m.word_bits);
        t.row(&[&m.memory, &bits(m.read_bits), &bits(m.written_bits), &word, &maybe(m.energy_pj, energy)]);
    }
    let part =
        |name: &str| report.energy.by_component.iter().find(|c| c.component == name).map(|c| c.energy_pj);
    let (noc, dram) = (&report.traffic.noc, &report.traffic.dram);
    let flits = |n: f64| format!("{} flits", count(n));
    let sent = format!("{} in", flits(noc.injected_flits));
    t.row(&["network", &flits(noc.ejected_flits), &sent, "", &maybe(part("network"), energy)]);
    let dram_energy = maybe(part("DRAM"), energy);
    t.row(&["external memory", &bytes(dram.read_bytes), &bytes(dram.written_bytes), "", &dram_energy]);
    t
}

/// What attention cost, by layer.
pub fn attention(report: &Report) -> Table {
    let heads = [
        "layer",
        "strategy",
        ">passes",
        ">gate mul",
        ">gate MAC",
        ">look-ups",
        ">buffer",
        ">moved",
        ">cycles",
        ">energy",
        ">spikes saved",
    ];
    let mut t = Table::new("Attention, per inference", &heads).in_brief();
    for a in &report.attention {
        t.row(&[
            &a.layer,
            &a.strategy,
            &a.passes.to_string(),
            &count(a.gate_multiplies + a.gate_products),
            &count(a.dense_macs),
            &count(a.table_lookups),
            &bytes(a.buffer_bytes),
            &bits(a.memory_bits),
            &count(a.engine_cycles),
            &energy(a.energy_pj),
            &maybe(a.saved_spikes, count),
        ]);
    }
    t
}

/// Both strategies of each layer that had a choice.
pub fn strategies(report: &Report) -> Table {
    let heads = ["layer", "strategy", "", ">cycles", ">moved", ">energy", "figures"];
    let mut t = Table::new("Strategies weighed for gates that need every timestep", &heads).in_brief();
    for a in &report.attention {
        for s in &a.alternatives {
            let chosen = if s.strategy == a.strategy { "chosen" } else { "" };
            t.row(&[
                &a.layer,
                &s.strategy,
                chosen,
                &maybe(s.cycles, count),
                &maybe(s.traffic_bits, bits),
                &maybe(s.energy_pj, energy),
                &s.basis,
            ]);
        }
    }
    t
}

/// The busiest units.
pub fn bottlenecks(report: &Report) -> Table {
    let mut t = Table::new("Busiest units", &["unit", "where", ">busy", "what would move it"]).in_brief();
    for b in &report.bottlenecks {
        t.row(&[&b.unit, &b.place, &percent(b.busy_fraction), &b.remedy]);
    }
    t
}

/// Accuracy by operand width.
pub fn widths(report: &Report) -> Table {
    let heads = [">weight bits", ">gate bits", ">accuracy", ">agreement with float"];
    let mut t = Table::new("Accuracy by operand width", &heads);
    for b in &report.bits {
        let (w, g) = (b.weight_bits.to_string(), b.gate_bits.to_string());
        t.row(&[&w, &g, &percent(b.accuracy), &maybe(b.agreement_with_float, percent)]);
    }
    t
}

/// Area of the chip.
pub fn area(report: &Report) -> Option<Table> {
    let area = report.area.as_ref()?;
    let mm2 = |v: f64| format!("{} mm²", digits(v));
    let mut t = Table::new("Area of the chip", &["block", ">copies", ">area"]);
    for row in &area.rows {
        t.row(&[&row.block, &count(row.instances as f64), &mm2(row.area_mm2)]);
    }
    t.sum(&["total", "", &mm2(area.total_mm2)]);
    Some(t)
}

/// Constants in the energy total.
pub fn constants(report: &Report) -> Table {
    let heads = ["constant", ">value", "unit", ">node", "evidence", ">spread", "source", "prices"];
    let mut t = Table::new("Constants in the energy total", &heads);
    for c in &report.provenance.constants {
        let node = c.node_nm.map_or_else(String::new, |n| format!("{n} nm"));
        let value = format!("{}", c.value);
        let (sources, terms) = (c.sources.join(", "), c.terms.join(", "));
        let spread = if c.spread > 0.0 { format!("×/÷ {}", digits(c.spread.exp())) } else { String::new() };
        t.row(&[&c.name, &value, &c.unit, &node, &c.grade, &spread, &sources, &terms]);
    }
    t
}

/// What ran, exactly.
pub fn provenance(report: &Report) -> Table {
    let p = &report.provenance;
    let mut t = Table::new("What ran", &["what", "value"]);
    t.row(&["version", &p.version]);
    t.row(&["command", &p.command]);
    t.row(&["model", &format!("{} (sha256 {})", p.model, p.model_hash)]);
    t.row(&["input", &format!("{} (sha256 {})", p.input, p.input_hash)]);
    t.row(&["chip", &format!("{} (sha256 {})", p.arch, p.arch_hash)]);
    t.row(&["seed", &p.seed.to_string()]);
    t.row(&["inputs", &plural(report.correctness.inputs, "inference", "inferences")]);
    t
}

/// A row of a comparison: what, its unit, the number, how it is shown.
pub(crate) type Metric = (&'static str, &'static str, fn(&Summary) -> Option<f64>, fn(f64) -> String);

pub(crate) const METRICS: [Metric; 13] = [
    ("inputs", "", |s| Some(s.inputs as f64), count),
    ("accuracy", "", |s| s.accuracy, percent),
    ("agreement with float", "", |s| s.agreement_with_float, percent),
    ("latency", "us", |s| Some(s.latency_us), time),
    ("throughput per s", "1/s", |s| Some(s.throughput_per_s), count),
    ("energy", "nJ", |s| Some(s.energy_nj), |nj| energy(nj * 1e3)),
    ("energy × latency", "nJ us", |s| Some(s.energy_nj * s.latency_us), |x| si(x * 1e-15, "J·s")),
    ("spikes", "", |s| Some(s.spikes), count),
    ("firing rate", "", |s| Some(s.firing_rate), digits),
    ("synaptic events", "", |s| Some(s.synaptic_events), count),
    ("core memory traffic", "bit", |s| Some(s.memory_bits), bits),
    ("flit hops", "", |s| Some(s.flit_hops), count),
    ("external memory traffic", "B", |s| Some(s.dram_bytes), bytes),
];

/// Metrics whose ratio says nothing.
pub(crate) const NO_RATIO: [&str; 3] = ["inputs", "accuracy", "agreement with float"];

/// Runs side by side; from the second on with the ratio to the first.
pub fn comparison(caption: &str, runs: &[Summary]) -> Table {
    let mut heads = vec!["per inference".to_owned()];
    heads.extend(runs.iter().map(|r| format!(">{}", r.name)));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut t = Table::new(caption, &heads).in_brief();
    for (name, _, get, show) in METRICS {
        let values: Vec<Option<f64>> = runs.iter().map(get).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let first = values.first().copied().flatten();
        let cell = |(i, v): (usize, &Option<f64>)| match (v, first) {
            (Some(v), Some(f)) if i > 0 && f > 0.0 && !NO_RATIO.contains(&name) => {
                format!("{} ({}×)", show(*v), digits(v / f))
            }
            _ => maybe(*v, show),
        };
        let mut cells = vec![name.to_owned()];
        cells.extend(values.iter().enumerate().map(cell));
        t.rows.push(cells);
    }
    t
}
