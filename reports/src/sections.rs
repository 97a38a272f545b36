//! The questions a report answers, in order, each with sentences, tables and plots. Text and page both show these.

use crate::energy::process::FAR;
use crate::report::{ClosedForm, ErrorSpread, Report, Summary, UnpricedRow};
use crate::table::Table;
use crate::tables;
use crate::units::{bits, bytes, count, digits, energy, percent, plural, time};

/// One question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Anchor on the page.
    pub id: &'static str,
    /// Title.
    pub title: &'static str,
    /// The answer in sentences.
    pub lines: Vec<String>,
    /// A reason to trust no figure of the report.
    pub alarm: Option<String>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Names of plots in [`crate::plots::PLOTS`].
    pub plots: Vec<&'static str>,
}

/// The six answers of the first screen, in order.
pub fn answers(report: &Report) -> Vec<Section> {
    vec![
        correctness(report),
        speed(report),
        energy_section(report),
        traffic(report),
        attention(report),
        bottleneck(report),
    ]
}

/// What follows them on the page: activity, widths, area.
pub fn details(report: &Report) -> Vec<Section> {
    let mut out = vec![activity(report)];
    if !report.bits.is_empty() {
        out.push(Section {
            id: "widths",
            title: "Operand widths",
            lines: vec!["Accuracy measured at other widths of weights and gates.".to_owned()],
            alarm: None,
            tables: vec![tables::widths(report)],
            plots: vec!["widths"],
        });
    }
    if let (Some(table), Some(area)) = (tables::area(report), &report.area) {
        let total = digits(area.total_mm2);
        let lines = vec![format!(
            "{total} mm² at {} nm, without {}.",
            report.model.node_nm,
            area.unpriced.join(", ")
        )];
        out.push(Section {
            id: "area",
            title: "Area",
            lines,
            alarm: None,
            tables: vec![table],
            plots: vec!["area"],
        });
    }
    out
}

fn correctness(report: &Report) -> Section {
    let (p, m, c) = (&report.provenance, &report.model, &report.correctness);
    let mut lines = vec![format!(
        "{} on {}: {} parameters, {} neurons in {} over {}; {} of {} cores at {} nm, {}.",
        p.model,
        p.arch,
        count(m.parameters as f64),
        count(m.neurons as f64),
        plural(u64::from(m.layers), "layer", "layers"),
        plural(u64::from(m.timesteps), "timestep", "timesteps"),
        m.cores_used,
        m.cores,
        m.node_nm,
        plural(u64::from(m.phases), "phase", "phases"),
    )];
    let inputs = plural(c.inputs, "input", "inputs");
    let accuracy = match (c.accuracy, c.float_accuracy) {
        (Some(a), Some(f)) => format!("accuracy {} (float model {})", percent(a), percent(f)),
        (Some(a), None) => format!("accuracy {}", percent(a)),
        (None, _) => "no labels, so no accuracy".to_owned(),
    };
    let agreement = match c.agreement_with_float {
        Some(a) => format!("predicts as the float model does on {} of them", percent(a)),
        None => "not compared with the float model".to_owned(),
    };
    match &c.workload {
        None => lines.push(format!("{inputs}: {accuracy}; {agreement}.")),
        Some(rates) => lines.push(format!(
            "{inputs}, a workload by firing rate: {rates}. The layers send generated spikes whatever their weights; \
             counts, cycles and energy are measured, and there is no accuracy."
        )),
    }
    let events = plural(c.compared_events, "event", "events");
    let mut alarm = None;
    match c.spikes_equal_to_reference {
        Some(true) => lines
            .push(format!("Every event of every layer equals the integer reference ({events} compared).")),
        Some(false) => {
            let text = "Events differ from the integer reference: trust no figure below";
            alarm = Some(format!("{text} ({events} compared)."));
        }
        None if report.closed_form.is_some() => {}
        None => lines.push("Events were not compared with the integer reference.".to_owned()),
    }
    lines.extend(report.closed_form.as_ref().map(closed_form));
    let title = "What ran, and was it right";
    Section { id: "right", title, lines, alarm, tables: Vec::new(), plots: Vec::new() }
}

/// How far the closed form may be off.
fn closed_form(c: &ClosedForm) -> String {
    let within = |e: &ErrorSpread| {
        format!(
            "median {} %, 95th percentile {} %, largest {} %",
            digits(e.median_percent),
            digits(e.percentile_95_percent),
            digits(e.largest_percent)
        )
    };
    format!(
        "Nothing was simulated: the spikes are those of the integer reference, counts and cycles come from the closed form. \
         Its error against the simulated machine, on the {} networks and chips of the suite: latency {}; energy {}. \
         Timeline, stalls, and the load of single cores and links need a simulation.",
        c.points,
        within(&c.latency),
        within(&c.energy)
    )
}

fn speed(report: &Report) -> Section {
    let t = &report.timing;
    let cycles = count(t.latency_cycles);
    let (min, max) = (t.latency_min_cycles as f64, t.latency_max_cycles as f64);
    let range = if min < max {
        format!(" (fastest {}, slowest {})", time(min / t.clock_mhz), time(max / t.clock_mhz))
    } else {
        String::new()
    };
    let clock = digits(t.clock_mhz);
    let mut lines = vec![
        format!("Latency {}{range}: {cycles} cycles at {clock} MHz.", time(t.latency_us)),
        format!("Throughput {} inferences per second, one after another.", count(t.throughput_per_s)),
    ];
    if t.load_cycles > 0 {
        let load = time(t.load_cycles as f64 / t.clock_mhz);
        lines.push(format!("Loading the weights once takes {load} before the first inference."));
    }
    let plots = vec!["latency", "timeline"];
    Section {
        id: "speed",
        title: "Latency and throughput",
        lines,
        alarm: None,
        tables: vec![tables::cycles(report)],
        plots,
    }
}

fn energy_section(report: &Report) -> Section {
    let e = &report.energy;
    let share = |pj: f64| if e.total_pj > 0.0 { percent(pj / e.total_pj) } else { percent(0.0) };
    let fixed = share(e.static_pj);
    let most = e.statics_pj.iter().max_by(|a, b| a.value.total_cmp(&b.value));
    let most = most.map_or_else(String::new, |s| format!(", most of that for {}", s.name));
    let mut lines = vec![format!(
        "{} per inference, {} mean power; {fixed} of it is paid every cycle whatever happens{most}.",
        energy(e.total_pj),
        crate::units::si(report.power_mw() * 1e-3, "W"),
    )];
    lines.extend(sureness(report));
    let largest = e.by_component.iter().max_by(|a, b| a.energy_pj.total_cmp(&b.energy_pj));
    if let Some(c) = largest {
        lines.push(format!("The largest part is {} with {}.", c.component, share(c.energy_pj)));
    }
    if let Some(pj) = report.pj_per_synaptic_event() {
        lines.push(format!("That is {} for each synaptic event, with everything priced in it.", energy(pj)));
    }
    if !e.unpriced.is_empty() {
        lines.push(format!("Without a sourced price, so not in the total: {}.", names(&e.unpriced)));
    }
    let mut list = vec![tables::energy_parts(report), tables::energy_layers(report)];
    if !e.statics_pj.is_empty() {
        list.push(tables::statics(report));
    }
    if !e.unpriced.is_empty() {
        list.push(tables::unpriced(report));
    }
    if !e.estimates.is_empty() {
        list.push(tables::estimates(report));
        list.extend(e.estimates.iter().map(tables::estimate_terms));
    }
    list.extend(tables::swings(report));
    list.push(tables::published(report));
    let plots = vec!["energy", "energy_steps", "estimators", "tornado"];
    Section { id: "energy", title: "Energy per inference", lines, alarm: None, tables: list, plots }
}

/// The interval of the total, and prices from far nodes.
fn sureness(report: &Report) -> Vec<String> {
    let e = &report.energy;
    let mut lines = Vec::new();
    if let Some(u) = &e.uncertainty {
        let most = u.swings.first().map_or_else(String::new, |s| format!("; {} moves it most", s.constant));
        lines.push(format!(
            "As sure as its constants: {} to {} (5th to 95th percentile), median {}{most}.",
            energy(u.p5_pj),
            energy(u.p95_pj),
            energy(u.p50_pj),
        ));
    }
    let far = e.notes.iter().filter(|n| n.contains(FAR)).count();
    if far > 0 {
        lines.push(format!(
            "Scaled over more than two process nodes, so to be read with care: {} (remarks on prices).",
            plural(far as u64, "kind of price", "kinds of prices")
        ));
    }
    lines
}

fn names(unpriced: &[UnpricedRow]) -> String {
    unpriced.iter().map(|u| u.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn traffic(report: &Report) -> Section {
    let (noc, dram) = (&report.traffic.noc, &report.traffic.dram);
    let moved: f64 = report.traffic.memories.iter().map(|m| m.read_bits + m.written_bits).sum();
    let largest = report
        .traffic
        .memories
        .iter()
        .max_by(|a, b| (a.read_bits + a.written_bits).total_cmp(&(b.read_bits + b.written_bits)));
    let most = largest.map_or(String::new(), |m| {
        format!(", most of it ({}) by the {}", percent((m.read_bits + m.written_bits) / moved), m.memory)
    });
    let peak = noc.peak_link_flits_per_cycle.map_or_else(String::new, |peak| {
        format!("; the busiest link carries {} flits per cycle", digits(peak))
    });
    let lines = vec![
        format!("{} moved in the cores' memories{most}.", bits(moved)),
        format!(
            "{} flits injected, {} link traversals, {} over links{peak}.",
            count(noc.injected_flits),
            count(noc.flit_hops),
            bits(noc.link_bits),
        ),
        if dram.read_bytes + dram.written_bytes > 0.0 {
            format!(
                "External memory: {} read, {} written.",
                bytes(dram.read_bytes),
                bytes(dram.written_bytes)
            )
        } else {
            "External memory is not used during an inference.".to_owned()
        },
    ];
    Section {
        id: "traffic",
        title: "Memory and network traffic",
        lines,
        alarm: None,
        tables: vec![tables::traffic(report)],
        plots: vec!["mesh"],
    }
}

fn attention(report: &Report) -> Section {
    let mut lines = Vec::new();
    let mut list = Vec::new();
    let total = report.energy.total_pj;
    if report.attention.is_empty() {
        lines.push("The network has no attention.".to_owned());
    } else {
        let pj: f64 = report.attention.iter().map(|a| a.energy_pj).sum();
        let buffer: f64 = report.attention.iter().map(|a| a.buffer_bytes).sum();
        let share = if total > 0.0 { percent(pj / total) } else { percent(0.0) };
        lines.push(format!(
            "Attention on {} costs {} ({share} of the total) in arithmetic and its own memories, and {} of buffers.",
            plural(report.attention.len() as u64, "layer", "layers"),
            energy(pj),
            bytes(buffer),
        ));
        list.push(tables::attention(report));
        if report.attention.iter().any(|a| !a.alternatives.is_empty()) {
            list.push(tables::strategies(report));
        }
    }
    match &report.twin {
        Some(twin) => {
            let own = report.summary();
            lines.push(twin_line(&own, twin));
            let named = |name: &str, s: &Summary| Summary { name: name.to_owned(), ..s.clone() };
            let caption = format!("This run and its twin, {}; in brackets the ratio", twin.name);
            list.push(tables::comparison(&caption, &[named("twin", twin), named("this run", &own)]));
        }
        None if !report.attention.is_empty() => {
            lines.push("No twin run without attention was given, so what it saves is not known.".to_owned());
        }
        None => {}
    }
    let title = "What attention cost and what it saved";
    Section { id: "attention", title, lines, alarm: None, tables: list, plots: Vec::new() }
}

fn twin_line(own: &Summary, twin: &Summary) -> String {
    let change = |now: f64, before: f64| {
        if before <= 0.0 {
            return "unknown".to_owned();
        }
        let change = now / before - 1.0;
        if change >= 1.0 {
            return format!("{} times as much", digits(now / before));
        }
        let sign = if change > 0.0 { "+" } else { "−" };
        format!("{sign}{}", percent(change.abs()))
    };
    let accuracy = match (own.accuracy, twin.accuracy) {
        (Some(a), Some(b)) if (a - b).abs() < 5e-4 => ", accuracy unchanged".to_owned(),
        (Some(a), Some(b)) => format!(", accuracy {:+.1} points", (a - b) * 100.0).replace('-', "−"),
        _ => String::new(),
    };
    format!(
        "Against the twin ({}): spikes {}, synaptic events {}, energy {}, latency {}{accuracy}.",
        twin.name,
        change(own.spikes, twin.spikes),
        change(own.synaptic_events, twin.synaptic_events),
        change(own.energy_nj, twin.energy_nj),
        change(own.latency_us, twin.latency_us),
    )
}

fn bottleneck(report: &Report) -> Section {
    let lines = match report.bottlenecks.first() {
        None => vec!["No unit was at work.".to_owned()],
        Some(b) => {
            let busy = percent(b.busy_fraction);
            let mut lines = vec![format!(
                "Busiest: {} of {}, {busy} of the time. To move it: {}.",
                b.unit, b.place, b.remedy
            )];
            if b.busy_fraction < 0.5 {
                lines.push(waiting(report));
            }
            lines
        }
    };
    let tables = vec![tables::bottlenecks(report)];
    Section {
        id: "bottleneck",
        title: "Where the bottleneck is",
        lines,
        alarm: None,
        tables,
        plots: Vec::new(),
    }
}

/// Why a run in which no unit is busy takes as long as it does.
fn waiting(report: &Report) -> String {
    let passes = report.attention.iter().map(|a| a.passes).max().unwrap_or(1);
    let sequence = if passes > 1 {
        format!(" and a layer whose gates need the whole sequence sweeps it {passes} times")
    } else {
        String::new()
    };
    format!(
        "No unit is busy half of the time: layers wait for one another; {} follow one another{sequence}.",
        plural(u64::from(report.model.timesteps), "timestep", "timesteps")
    )
}

fn activity(report: &Report) -> Section {
    let rate = percent(report.firing_rate());
    let mut lines = vec![format!(
        "{} spikes per inference: {rate} of neurons fire in a timestep; {} synaptic events.",
        count(report.spikes()),
        count(report.synaptic_events()),
    )];
    let (shown, total) = (report.raster.spikes.len() as u64, report.raster.total);
    if shown < total {
        lines.push(format!("The raster shows {} of {} spikes.", count(shown as f64), count(total as f64)));
    }
    let plots = vec!["rates", "raster"];
    Section {
        id: "activity",
        title: "Layers and activity",
        lines,
        alarm: None,
        tables: vec![tables::layers(report)],
        plots,
    }
}
