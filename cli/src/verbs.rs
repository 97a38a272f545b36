//! The short verbs.

use crate::args::{ArchArgs, Bits, Check, Cli, CompareArgs, Compile, Global, ReportArgs};
use crate::compile::{compile as compile_all, options, quantised};
use crate::{output, progress, source, verdict};
use clap::CommandFactory;
use pulvinar_compiler::{run_pipeline, Calibration, Options, PASSES};
use pulvinar_ir::{Arch, Diagnostic, Graph, Level, Result};
use pulvinar_models::encode::{Encoder, ENCODERS};
use pulvinar_models::{reference, zoo as networks};
use pulvinar_reports::compare::{Comparison, Entry};
use pulvinar_reports::energy::estimators::ESTIMATORS;
use serde_json::json;

/// Prints JSON, or lines made from it.
pub fn show(json: bool, value: &serde_json::Value, text: impl FnOnce() -> String) {
    if json {
        println!("{}", serde_json::to_string_pretty(value).expect("plain JSON"));
    } else {
        println!("{}", text().trim_end());
    }
}

/// `name  one line` rows, aligned.
fn rows<'a>(items: impl Iterator<Item = (&'a str, String)>) -> String {
    let items: Vec<_> = items.collect();
    let width = items.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
    items.into_iter().map(|(n, doc)| format!("{n:width$}  {doc}\n")).collect()
}

/// `pulvinar zoo`: the trained networks, then the structures that have no trained weights.
pub fn zoo(json: bool) -> Result<()> {
    let mut facts = Vec::new();
    for e in networks::ZOO {
        facts.push(network(e.name, e.doc, e.source, true, &(e.load)()?.graph, &[])?);
    }
    for b in networks::build::all() {
        facts.push(network(b.name, b.doc, b.source, false, &b.zeros()?, b.beside)?);
    }
    let texts = |trained: bool| {
        let of = |key: &str, f: &serde_json::Value| f[key].as_str().unwrap_or_default().to_owned();
        let group: Vec<_> = facts.iter().filter(|f| f["trained"] == trained).collect();
        let names: Vec<String> = group.iter().map(|f| of("name", f)).collect();
        let lines = group.iter().map(|f| {
            let beside = f["parameters_beside"].as_array().into_iter().flatten();
            let beside: String =
                beside.map(|b| format!(" (and {}: {})", b["parameters"], of("what", b))).collect();
            format!(
                "{}\n    {} parameters{beside}, {} + {} MACs, {} neurons, T = {}; {}",
                of("doc", f),
                f["parameters"],
                f["macs"],
                f["attention_macs"],
                f["neurons"],
                f["timesteps"],
                of("source", f)
            )
        });
        rows(names.iter().map(String::as_str).zip(lines))
    };
    show(json, &json!(facts), || {
        format!(
            "{}\nStructures, built with random weights:\n\n{}\nMACs are dense, for one input and all timesteps: layers + attention.",
            texts(true),
            texts(false)
        )
    });
    Ok(())
}

/// Facts of one network; published totals count the parameters `beside` those of the graph too.
fn network(
    name: &str,
    doc: &str,
    source: &str,
    trained: bool,
    graph: &Graph,
    beside: &[(u64, &str)],
) -> Result<serde_json::Value> {
    let census = networks::census::Census::of(graph)?;
    Ok(json!({
        "name": name,
        "doc": doc,
        "source": source,
        "trained": trained,
        "parameters": census.parameters,
        "parameters_beside": beside.iter().map(|(n, what)| json!({"parameters": n, "what": what})).collect::<Vec<_>>(),
        "macs": census.layer_macs(),
        "attention_macs": census.attention_macs(),
        "neurons": census.neurons.total(),
        "timesteps": graph.timesteps,
    }))
}

/// `pulvinar passes`.
pub fn passes(json: bool) {
    let facts: Vec<_> = PASSES
        .iter()
        .map(|p| json!({"name": p.name, "doc": p.doc, "level": p.level_in.to_string()}))
        .collect();
    show(json, &json!(facts), || {
        rows(PASSES.iter().map(|p| (p.name, format!("[{}] {}", p.level_in, p.doc))))
    });
}

/// `pulvinar encoders`.
pub fn encoders(json: bool) {
    let takes = |e: &Encoder| if e.takes_recordings() { "recordings" } else { "still images" };
    let facts: Vec<_> = ENCODERS
        .iter()
        .map(|e| json!({"name": e.name, "takes": takes(e), "planes": e.planes, "equation": e.equation, "source": e.source}))
        .collect();
    let line = |e: &Encoder| {
        let planes = if e.planes > 1 { format!(", {} planes", e.planes) } else { String::new() };
        format!("[{}{planes}] {}\n    {}", takes(e), e.equation, e.source)
    };
    show(json, &json!(facts), || rows(ENCODERS.iter().map(|e| (e.name, line(e)))));
}

/// `pulvinar estimators`.
pub fn estimators(json: bool) {
    let facts: Vec<_> = ESTIMATORS
        .iter()
        .map(|e| json!({"name": e.name, "doc": e.doc, "network": e.network, "sources": e.sources}))
        .collect();
    show(json, &json!(facts), || rows(ESTIMATORS.iter().map(|e| (e.name, e.doc.to_owned()))));
}

/// `pulvinar completions`.
pub fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "pulvinar", &mut std::io::stdout());
}

/// `pulvinar arch`.
pub fn arch(args: &ArchArgs, json: bool) -> Result<()> {
    if args.schema {
        println!("{}", Arch::schema());
        return Ok(());
    }
    let arch = source::arch(args.file.as_deref())?;
    if args.toml {
        let name = args.file.as_deref().map_or("default".into(), |f| f.to_string_lossy());
        let is_file = args.file.as_ref().is_some_and(|f| f.exists());
        match pulvinar_explore::chips::preset(&name).filter(|_| !is_file) {
            Some(text) => print!("{text}"),
            None => print!("{}", arch.to_toml()),
        }
        return Ok(());
    }
    show(json, &json!(arch), || {
        let core = &arch.core;
        format!(
            "chip `{}`: {} x {} tiles, {} core(s) a tile, {} nm, {} MHz\ncore: {} lanes, weights {} KiB, accumulators {} KiB, membranes {} KiB, frames {} KiB, spike store {} KiB\nnetwork: {} virtual channels x {} flits of {} bits, {:?} routing, {:?} pipeline\nDRAM: {}\nThe architecture is valid; `--toml` prints it whole.",
            arch.name, arch.mesh.width, arch.mesh.height, arch.mesh.cores_per_tile, arch.technology.node_nm, arch.technology.clock_mhz,
            core.lanes, core.weight_kib, core.accumulator_kib, core.state_kib, core.frame_kib, core.spike_store_kib,
            arch.noc.virtual_channels, arch.noc.buffer_flits, arch.noc.payload_bits, arch.noc.routing, arch.noc.pipeline, arch.dram.kind,
        )
    });
    Ok(())
}

/// `pulvinar check`.
pub fn check(args: &Check, json: bool) -> Result<()> {
    let loaded = source::load(&args.source)?;
    let compiled = compile_all(&loaded, &args.choices, args.source.seed)?;
    let report = &compiled.mapped.report;
    let new = compiled.flow.assumptions.iter().filter(|a| !loaded.assumptions.contains(a));
    let assumptions: Vec<&String> = loaded.assumptions.iter().chain(new).collect();
    let facts = json!({"fits": true, "report": report, "assumptions": assumptions});
    show(json, &facts, || {
        let assumed: String = assumptions.iter().map(|a| format!("assumed: {a}\n")).collect();
        format!(
            "`{}` fits on `{}`.\n{}\n{assumed}",
            loaded.model.graph.name,
            loaded.arch.name,
            verdict::text(report)
        )
    });
    Ok(())
}

/// `pulvinar compile`.
pub fn compile(args: &Compile, json: bool) -> Result<()> {
    let loaded = source::load(&args.source)?;
    if let Some(target) = &args.output {
        output::check_writable(target)?;
    }
    if let Some(stage) = args.emit.as_deref().filter(|s| *s != "program") {
        return emit(&loaded, &options(&args.choices, loaded.direct)?, stage);
    }
    let compiled = compile_all(&loaded, &args.choices, args.source.seed)?;
    if args.emit.is_some() {
        print!("{}", pulvinar_compiler::map::text::print(&compiled.mapped.program));
    }
    if let Some(target) = &args.output {
        crate::simulate::write_program(&compiled.mapped.program, target)?;
    }
    let report = &compiled.mapped.report;
    show(json, &json!({"report": report}), || {
        let written =
            args.output.as_ref().map(|t| format!("\nwritten to {}", t.display())).unwrap_or_default();
        format!("{}{written}", verdict::text(report))
    });
    Ok(())
}

/// Prints the graph after one pass.
fn emit(loaded: &source::Loaded, options: &Options, stage: &str) -> Result<()> {
    if !PASSES.iter().any(|p| p.name == stage) {
        let names: Vec<&str> = PASSES.iter().map(|p| p.name).collect();
        return Err(Diagnostic::new(
            "E0504",
            format!("--emit {stage}"),
            "there is no such pass",
            format!("use one of {}, program", names.join(", ")),
        ));
    }
    let lowered = pulvinar_compiler::lower(&loaded.model.graph, options)?;
    let calibration =
        Calibration::from_inputs(&lowered, &source::values(&loaded.calibration, Level::Trained)?)?;
    run_pipeline(&loaded.model.graph, options, Some(&calibration), |name, graph| {
        if name == stage {
            print!("{}", pulvinar_ir::text::print(graph));
        }
    })?;
    Ok(())
}

/// `pulvinar report`: one run or one table of estimates, written or shown again.
pub fn report(args: &ReportArgs, json: bool) -> Result<()> {
    let entry = crate::facts::read_entry(&args.run)?;
    if let Some(target) = &args.output {
        let files = match &entry {
            Entry::Run(report) => pulvinar_reports::write::files(report),
            Entry::Sheet(sheet) => pulvinar_reports::sheet::files(sheet),
        };
        return write_files(target, &files);
    }
    let style = crate::facts::style(output::colours());
    match (&entry, json) {
        (Entry::Run(report), true) => print!("{}", pulvinar_reports::json::to_json(report)),
        (Entry::Run(report), false) => print!("{}", pulvinar_reports::text::summary(report, style)),
        (Entry::Sheet(sheet), true) => print!("{}", sheet.to_json()),
        (Entry::Sheet(sheet), false) => print!("{}", pulvinar_reports::sheet::render::text(sheet, style)),
    }
    Ok(())
}

/// `pulvinar compare`.
pub fn compare(args: &CompareArgs, json: bool) -> Result<()> {
    let entries = crate::facts::read_entries(&args.runs)?;
    let all = Comparison::new(&entries)?;
    if let Some(target) = &args.output {
        write_files(target, &pulvinar_reports::compare::files(&entries)?)?;
    }
    if json {
        print!("{}", all.to_json());
    } else {
        print!("{}", all.text(crate::facts::style(output::colours())));
    }
    Ok(())
}

/// Writes a folder of files whole.
fn write_files(target: &std::path::Path, files: &[(String, String)]) -> Result<()> {
    output::check_writable(target)?;
    output::folder(target, |folder| {
        files.iter().try_for_each(|(name, text)| {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), output::directory)?;
            output::file(&path, text.as_bytes())
        })
    })?;
    eprintln!("written to {}", target.display());
    Ok(())
}

/// `pulvinar bits`: accuracy of the integer reference for every pair of weight and gate bits.
pub fn bits(args: &Bits, global: &Global) -> Result<()> {
    let loaded = source::load(&args.source)?;
    let labels = loaded.inputs.labels.as_ref().ok_or_else(|| {
        Diagnostic::new(
            "E0406",
            "inputs",
            "accuracy needs labels and the data set has none",
            "give a data set with labels",
        )
    })?;
    let float = reference::outputs(&loaded.model.graph, &loaded.inputs.frames)?;
    let float_accuracy = reference::accuracy(&float, labels);
    let grid: Vec<(u32, u32)> =
        args.weights.iter().flat_map(|&w| args.gates.iter().map(move |&g| (w, g))).collect();
    let bar = progress::bar(global, grid.len(), "quantising");
    let mut table = Vec::new();
    for &(weight_bits, gate_bits) in &grid {
        let options = Options { weight_bits, gate_bits, ..Options::default() };
        let flow = quantised(&loaded.model.graph, &loaded.calibration, &options)?;
        let outputs = reference::outputs(&flow, &loaded.inputs.frames)?;
        let agree =
            outputs.iter().zip(&float).filter(|(a, b)| reference::argmax(a) == reference::argmax(b)).count();
        table.push((
            weight_bits,
            gate_bits,
            reference::accuracy(&outputs, labels),
            agree as f64 / outputs.len() as f64,
        ));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let facts: Vec<_> = table
        .iter()
        .map(|(w, g, a, f)| json!({"weight_bits": w, "gate_bits": g, "accuracy": a, "agreement": f}))
        .collect();
    show(
        global.json,
        &json!({"inputs": labels.len(), "float_accuracy": float_accuracy, "rows": facts}),
        || {
            let mut text = format!(
                "{} inputs, float accuracy {:.2} %\nweights  gates  accuracy  agreement\n",
                labels.len(),
                100.0 * float_accuracy
            );
            for (w, g, a, f) in &table {
                text += &format!("{w:>7}  {g:>5}  {:>7.2}%  {:>8.2}%\n", 100.0 * a, 100.0 * f);
            }
            text
        },
    );
    Ok(())
}
