//! The verbs that translate networks: `import` and `export`.

use crate::args::{Export, FormatArg, Import, InputKindArg, NirArgs, ReadoutArg, ResetArg};
use crate::verbs::show;
use crate::{output, source};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Result};
use pulvinar_models::import::{self as formats, Answer, Options, Rating, Reason, ResetRule};
use pulvinar_models::{native, nir, reference, Model};
use serde_json::json;

impl NirArgs {
    /// As the importer takes them.
    pub fn options(&self) -> Options {
        Options {
            timesteps: self.timesteps,
            dt: self.dt,
            reset: self.reset.map(|r| match r {
                ResetArg::Value => ResetRule::Value,
                ResetArg::Subtract => ResetRule::Subtract,
                ResetArg::SubtractLate => ResetRule::SubtractLate,
            }),
            input: self.input_kind.map(|k| match k {
                InputKindArg::Binary => InputKind::Binary,
                InputKindArg::Counts => InputKind::Counts,
                InputKindArg::Real => InputKind::Real,
            }),
            answer: self.readout.map(|r| match r {
                ReadoutArg::Sum => Answer::Sum,
                ReadoutArg::Mean => Answer::Mean,
                ReadoutArg::Stream => Answer::Stream,
            }),
        }
    }

    /// Refuses options that have no effect on this network.
    pub fn refuse(&self, name: &str) -> Result<()> {
        let given = [
            ("--timesteps", self.timesteps.is_some()),
            ("--dt", self.dt.is_some()),
            ("--reset", self.reset.is_some()),
            ("--input-kind", self.input_kind.is_some()),
            ("--readout", self.readout.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(Diagnostic::new(
                "E0518",
                *flag,
                format!("`{name}` says this itself, or has no such thing"),
                "leave the option out",
            )),
        }
    }
}

/// Lines of the nodes where something is to be said.
fn lines(reasons: &[Reason]) -> String {
    let said = reasons.iter().filter(|r| r.rating != Rating::Exact || !r.text.is_empty());
    said.map(|r| format!("  {}: {} ({})\n", r.node, r.rating, r.text)).collect()
}

/// `pulvinar import`.
pub fn import(args: &Import, json: bool) -> Result<()> {
    output::check_writable(&args.output)?;
    let Some(format) = formats::recognise(&args.model) else {
        args.nir.refuse(&args.model.display().to_string())?;
        return import_native(args, json);
    };
    let imported = formats::import(format, &args.model, &args.nir.options());
    let (rating, reasons) = (imported.rating, imported.reasons);
    if let (Err(_), true) = (&imported.model, json) {
        show(true, &json!({"rating": rating, "reasons": reasons}), String::new);
    }
    let model = imported.model?;
    write(args, &model)?;
    let graph = &model.graph;
    let facts = json!({"name": graph.name, "nodes": graph.nodes.len(), "rating": rating, "reasons": reasons,
        "assumptions": graph.assumptions});
    show(json, &facts, || {
        let head = format!("imported `{}`: {} nodes; {rating}\n", graph.name, graph.nodes.len());
        format!("{head}{}{}", lines(&reasons), footer(args, &model))
    });
    Ok(())
}

fn import_native(args: &Import, json: bool) -> Result<()> {
    let model = native::load(&args.model)?;
    let vectors = model.vectors.as_ref().map(|_| reference::check_vectors(&model)).transpose()?;
    write(args, &model)?;
    let verdict = match &vectors {
        Some(v) if v.flips == 0 => "exact".to_owned(),
        Some(v) => {
            format!("{} of {} neuron steps differ from the reference vectors", v.flips, v.neuron_steps)
        }
        None => "no reference vectors in the file to check against".to_owned(),
    };
    let graph = &model.graph;
    let facts = json!({"name": graph.name, "nodes": graph.nodes.len(), "verdict": verdict,
        "assumptions": graph.assumptions});
    show(json, &facts, || {
        let head = format!("imported `{}`: {} nodes; {verdict}\n", graph.name, graph.nodes.len());
        format!("{head}{}", footer(args, &model))
    });
    Ok(())
}

fn write(args: &Import, model: &Model) -> Result<()> {
    let files = native::to_bytes(model)?;
    output::folder(&args.output, |folder| {
        output::file(&folder.join("graph.json"), &files.graph_json)?;
        output::file(&folder.join("weights.safetensors"), &files.weights)?;
        files.vectors.as_ref().map_or(Ok(()), |v| output::file(&folder.join("vectors.safetensors"), v))
    })
}

fn footer(args: &Import, model: &Model) -> String {
    let assumed: String = model.graph.assumptions.iter().map(|a| format!("assumed: {a}\n")).collect();
    format!("{assumed}written to {}", args.output.display())
}

/// `pulvinar export`.
pub fn export(args: &Export, json: bool) -> Result<()> {
    output::check_writable(&args.output)?;
    // The time step is that of the file written, and of the one read where that is NIR.
    let foreign = source::foreign(&args.model);
    let dt = args.nir.dt.filter(|_| foreign.is_some_and(|f| f.name == nir::FORMAT.name));
    let reading = NirArgs { dt, ..args.nir.clone() };
    let model = source::model(&args.model, 1, &reading)?;
    let exported = match args.format {
        FormatArg::Nir => nir::export(&model.graph, args.nir.dt)?,
    };
    output::file(&args.output, &exported.bytes)?;
    let assumed: Vec<String> = match args.nir.dt {
        Some(_) => Vec::new(),
        None => vec![format!("a time step of {} s for the neurons of the file (`--dt`)", nir::DEFAULT_DT)],
    };
    let facts = json!({"name": model.graph.name, "rating": exported.rating, "reasons": exported.reasons,
        "assumptions": assumed});
    show(json, &facts, || {
        let assumed: String = assumed.iter().map(|a| format!("assumed: {a}\n")).collect();
        let (said, target) = (lines(&exported.reasons), args.output.display());
        format!("exported `{}`; {}\n{said}{assumed}written to {target}", model.graph.name, exported.rating)
    });
    Ok(())
}
