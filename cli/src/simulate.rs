//! `pulvinar simulate`, and the folder of a compiled program.

use crate::args::{EngineArg, Global, Simulate};
use crate::{output, progress};
use pulvinar_compiler::map::text::ProgramFile;
use pulvinar_ir::{Diagnostic, Level, Program, Result, Tensor, TensorData, Value};
use pulvinar_models::safetensors::{self, Owned};
use pulvinar_models::{dataset, reference, zoo};
use pulvinar_simulator::{simulate_many, EngineKind, Machine, SimOptions, Span, SpanKind};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Suffix of the tensor that holds a tensor's scale, and of the one that holds its bits.
const SCALE: &str = ":scale";
const BITS: &str = ":bits";

/// Writes a program folder: `program.json` and `tensors.safetensors`.
pub fn write_program(program: &Program, target: &Path) -> Result<()> {
    let json = ProgramFile::of(program).to_json();
    let mut tensors = BTreeMap::new();
    for (name, tensor) in &program.graph.tensors {
        let TensorData::Int { values, bits, scale } = &tensor.data else { continue };
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors.insert(
            name.clone(),
            Owned { dtype: safetensors::Dtype::I32, shape: tensor.shape.clone(), data },
        );
        let data = scale.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors.insert(
            format!("{name}{SCALE}"),
            Owned { dtype: safetensors::Dtype::F64, shape: vec![scale.len()], data },
        );
        let data = i32::try_from(*bits).unwrap_or(i32::MAX).to_le_bytes().to_vec();
        tensors
            .insert(format!("{name}{BITS}"), Owned { dtype: safetensors::Dtype::I32, shape: vec![1], data });
    }
    let tensors = safetensors::write(&tensors);
    output::folder(target, |folder| {
        output::file(&folder.join("program.json"), json.as_bytes())?;
        output::file(&folder.join("tensors.safetensors"), &tensors)
    })
}

/// Reads a program folder.
pub fn read_program(folder: &Path) -> Result<Program> {
    let place = |file: &str| folder.join(file).display().to_string();
    let read = |file: &str| {
        std::fs::read(folder.join(file)).map_err(|e| {
            Diagnostic::new(
                "E0111",
                place(file),
                format!("cannot read the program: {e}"),
                "give a folder written by `pulvinar compile -o`",
            )
        })
    };
    let bad = |file: &str, message: String| {
        Diagnostic::new("E0505", place(file), message, "compile the network again")
    };
    let json = String::from_utf8(read("program.json")?)
        .map_err(|_| bad("program.json", "this is not UTF-8 text".to_owned()))?;
    let file = ProgramFile::from_json(&json).map_err(|d| d.within(&place("program.json")))?;
    let bytes = read("tensors.safetensors")?;
    let views = safetensors::parse(&bytes).map_err(|d| d.within(&place("tensors.safetensors")))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in views.iter().filter(|(n, _)| !n.ends_with(SCALE) && !n.ends_with(BITS)) {
        let missing = || bad("tensors.safetensors", format!("tensor `{name}` is not whole"));
        let ints = view.to_i64().ok_or_else(missing)?;
        let values = ints
            .into_iter()
            .map(i32::try_from)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|_| missing())?;
        let scale = views.get(&format!("{name}{SCALE}")).map(|s| &s.data).ok_or_else(missing)?;
        let scale: Vec<f64> = scale
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().expect("chunks of eight")))
            .collect();
        let bits =
            views.get(&format!("{name}{BITS}")).and_then(safetensors::View::to_i64).ok_or_else(missing)?;
        let bits = bits
            .first()
            .and_then(|&b| u32::try_from(b).ok())
            .filter(|b| (1..=32).contains(b))
            .ok_or_else(missing)?;
        if view.shape.iter().product::<usize>() != values.len() {
            return Err(missing());
        }
        tensors.insert(name.clone(), Tensor::int(view.shape.clone(), values, bits, scale));
    }
    file.into_program(tensors).map_err(|d| d.within(&place("program.json")))
}

/// The verb.
pub fn simulate(args: &Simulate, global: &Global) -> Result<()> {
    for target in args.trace.iter().chain(&args.timeline) {
        output::check_writable(target)?;
    }
    let program = read_program(&args.program)?;
    let data = args.input.as_deref().map_or_else(zoo::test_inputs, dataset::load)?;
    let frames = data.frames.slice(0..args.inputs);
    frames.check(&program.graph)?;
    let inputs: Vec<Value> = crate::source::values(&frames, Level::Flow)?;
    if inputs.is_empty() {
        return Err(Diagnostic::new("E0404", "--inputs", "no inputs to run on", "give at least 1"));
    }
    let machine = Machine::new(&program)?;
    let engine = if args.engine == EngineArg::Plain { EngineKind::Plain } else { EngineKind::Fast };
    let options = SimOptions { engine, ..SimOptions::default() };
    let bar = progress::bar(global, inputs.len(), "simulating");
    let runs = simulate_many(&machine, &inputs, &options, &|_| bar.inc(1))?;
    bar.finish_and_clear();
    if args.engine == EngineArg::Both {
        crate::run::compare_engines(&machine, &inputs, global)?;
    }
    if args.trace.is_some() || args.timeline.is_some() {
        let first = machine.simulate(&inputs[0], &SimOptions { trace: true, timeline: true, ..options })?;
        if let (Some(path), Some(trace)) = (&args.trace, &first.trace) {
            output::file(path, trace.to_string().as_bytes())?;
        }
        if let Some(path) = &args.timeline {
            output::file(path, chrome_trace(&program, &first.timeline).as_bytes())?;
        }
    }
    let ty = &program.graph.node(program.graph.output).ty;
    let facts: Vec<_> = runs
        .iter()
        .map(|r| json!({"cycles": r.counts.cycles, "class": reference::argmax(&reference::scores(&r.output, ty)), "injected_flits": r.injected_flits}))
        .collect();
    if global.json {
        println!("{}", serde_json::to_string_pretty(&json!({"runs": facts})).expect("plain JSON"));
    } else {
        println!("input  class  cycles");
        for (i, fact) in facts.iter().enumerate() {
            println!("{i:>5}  {:>5}  {:>6}", fact["class"], fact["cycles"]);
        }
    }
    Ok(())
}

/// The timeline in the trace event format that Perfetto and Chrome open; one cycle is shown as one microsecond.
fn chrome_trace(program: &Program, timeline: &[Span]) -> String {
    let events: Vec<_> = timeline
        .iter()
        .map(|s| {
            let (name, lane) = match s.kind {
                SpanKind::Load => ("load".to_owned(), 0),
                SpanKind::Accumulate { pass, step } => (format!("accumulate {pass}.{step}"), 0),
                SpanKind::Sweep { pass, step } => (format!("sweep {pass}.{step}"), 1),
                SpanKind::Attention { pass } => (format!("attention {pass}"), 2),
                SpanKind::Dma { step } => (format!("dma {step}"), 3),
            };
            let layer = program.stages.get(s.stage as usize).map_or("", |s| s.name.as_str());
            json!({"name": format!("{layer} {name}"), "ph": "X", "ts": s.start, "dur": s.end - s.start, "pid": s.core, "tid": lane})
        })
        .collect();
    json!({"traceEvents": events, "displayTimeUnit": "ns"}).to_string()
}
