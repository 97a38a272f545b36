//! `pulvinar energy`: the estimators on a network and its rates, with what a paper needs of them.

use crate::args::{Energy, Global, InOut, NirArgs, Source, StemArg};
use crate::rates::{Inputs, Workload as Generated};
use crate::source::{self, Loaded};
use crate::workload::{self, Measured};
use crate::{compile, facts, options, output, progress, rates, run};
use pulvinar_ir::{Diagnostic, Graph, Result};
use pulvinar_models::rates::{Plan, Rates};
use pulvinar_models::zoo::{self, build};
use pulvinar_reports::energy::estimators::Took;
use pulvinar_reports::energy::papers::{Stem, Terms};
use pulvinar_reports::energy::workload::{spiking, Rate};
use pulvinar_reports::energy::{estimators, simulated, Estimator, EstimatorInput, Workload, ESTIMATORS};
use pulvinar_reports::sheet::{self, render, Sheet};
use pulvinar_reports::Report;

/// Name of the input in files of rates.
const INPUT: &str = "input";

/// A network with its rates.
struct Case {
    graph: Graph,
    hash: Option<String>,
    basis: sheet::Basis,
    base: Option<String>,
    rates: Vec<sheet::LayerRate>,
    input: f64,
    workload: Workload,
    run: Option<Report>,
}

/// Runs the verb.
pub fn energy(args: &Energy, global: &Global) -> Result<()> {
    if let Some(file) = &args.options.operations {
        return options::operations(file, global.json);
    }
    if let Some(target) = &args.output {
        output::check_writable(target)?;
    }
    let sheet = sheet(args, global)?;
    if let Some(target) = &args.output {
        let files = render::files(&sheet);
        output::folder(target, |folder| {
            files.iter().try_for_each(|(name, text)| output::file(&folder.join(name), text.as_bytes()))
        })?;
    }
    if global.json {
        print!("{}", sheet.to_json());
        return Ok(());
    }
    print!("{}", render::text(&sheet, facts::style(output::colours())));
    if let Some(target) = &args.output {
        println!("tables, figure, methods and bibliography: {}", target.join("paper.tex").display());
    }
    Ok(())
}

/// Everything the verb finds.
fn sheet(args: &Energy, global: &Global) -> Result<Sheet> {
    let (wanted, simulate) = wanted(args)?;
    let case = match args.rates.plan()? {
        Some(plan) => given(args, &plan, simulate, global)?,
        None => measured(args, simulate, global)?,
    };
    let timesteps = case.graph.timesteps as u32;
    let took = case.run.as_ref().map(|run| Took {
        seconds: run.timing.latency_us * 1e-6,
        dram_bits: 8.0 * (run.traffic.dram.read_bytes + run.traffic.dram.written_bytes),
    });
    let input =
        EstimatorInput { workload: case.workload, terms: terms(args), took, ..EstimatorInput::default() };
    let input = args.options.of(input);
    let estimates = match args.estimators.as_slice() {
        [] => estimators::possible(&input)?,
        _ => wanted.into_iter().map(|e| (e.estimate)(&input)).collect::<Result<Vec<_>>>()?,
    };
    let facts = sheet::Facts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: facts::command(),
        network: name(&args.source.model, &case.graph),
        network_hash: case.hash,
        timesteps,
        rates: sheet::Rates {
            basis: case.basis,
            input: case.input,
            layers: case.rates,
            without_attention: case.base,
        },
        assumptions: case.graph.assumptions.clone(),
    };
    Sheet::new(&input.workload, &estimates, facts, case.run.as_ref())
}

/// What the network is called: as on the command line, or as the file says.
fn name(argument: &str, graph: &Graph) -> String {
    let file = std::path::Path::new(argument).exists() && !graph.name.is_empty();
    if file {
        graph.name.clone()
    } else {
        argument.to_owned()
    }
}

/// The estimators that are named, without `simulated`; and whether to simulate.
fn wanted(args: &Energy) -> Result<(Vec<&'static Estimator>, bool)> {
    let find = |name: &String| {
        estimators::estimator(name).ok_or_else(|| {
            let known: Vec<&str> = ESTIMATORS.iter().map(|e| e.name).collect();
            Diagnostic::new(
                "E0506",
                format!("--estimator {name}"),
                "there is no such estimator",
                format!("use one of {}", known.join(", ")),
            )
        })
    };
    let mut wanted = args.estimators.iter().map(find).collect::<Result<Vec<_>>>()?;
    let named = args.estimators.iter().any(|name| name == simulated::ESTIMATOR.name);
    wanted.retain(|e| e.name != simulated::ESTIMATOR.name);
    Ok((wanted, args.simulate || named))
}

/// A network at given rates.
fn given(args: &Energy, plan: &Plan, simulate: bool, global: &Global) -> Result<Case> {
    let name = &args.source.model;
    let (graph, hash) = graph(&args.source)?;
    let names = spiking(&graph);
    plan.rates.check(&names, &[INPUT])?;
    let base = rates::read(args.base_rates.as_deref(), args.base_rate)?;
    let based = base.is_some().then(|| "given rates".to_owned());
    let base = base.unwrap_or_else(|| plan.rates.clone());
    base.check(&names, &[INPUT])?;
    // Without a row of its own every value of the sample counts, as in a still image.
    let input_of = |rates: &Rates| rates.named(INPUT).unwrap_or(1.0);
    let rate_of = |layer: &str| match (plan.rates.of(layer), base.of(layer)) {
        (Some(own), Some(without_attention)) if names.contains(&layer) => Rate { own, without_attention },
        _ => Rate { own: input_of(&plan.rates), without_attention: input_of(&base) },
    };
    let run = if simulate {
        progress::note(global, &format!("simulating {name}"));
        Some(generated(args, plan, input_of(&plan.rates), global)?)
    } else {
        None
    };
    Ok(Case {
        workload: Workload::of(&graph, &rate_of, &workload::modules(&graph)?),
        rates: layers(&graph, &rate_of),
        input: input_of(&plan.rates),
        basis: sheet::Basis::Given,
        base: based,
        hash,
        run,
        graph,
    })
}

/// The simulated run of a network whose layers send spikes of given rates.
fn generated(args: &Energy, plan: &Plan, input: f64, global: &Global) -> Result<Report> {
    let source = &args.source;
    let model = source::model(&source.model, source.seed, &source.nir)?;
    let mut plan = plan.clone();
    plan.rates.remove(INPUT);
    if let Some(id) = model.graph.input().filter(|_| !Plan::reads_image(&model.graph)) {
        plan.rates.set(&model.graph.node(id).name, input, None);
    }
    let inputs = Inputs::Generated(source.inputs.unwrap_or(1));
    let arch = source::arch(source.arch.as_deref())?;
    let work = Generated::new((model, arch), inputs, source.seed, &args.choices, &plan)?;
    let compiled = work.compile(&args.choices, source.seed)?;
    let simulated = work.simulate(&compiled.mapped.program, crate::args::EngineArg::Fast, global)?;
    facts::report(&work.loaded, &compiled, &simulated, source.seed, None, Vec::new())
}

/// A network at the rates that it has on its inputs: on the simulated chip if it is simulated, else in floating point.
fn measured(args: &Energy, simulate: bool, global: &Global) -> Result<Case> {
    let source = &args.source;
    if source.input.is_none() && zoo::ZOO.iter().all(|e| e.name != source.model) {
        // Nothing to measure on: the refusal names the layers that want a rate.
        let graph = graph(source)?.0;
        Rates::default().check(&spiking(&graph), &[INPUT])?;
    }
    let loaded = source::load(source)?;
    let inputs = loaded.inputs.frames.len() as u64;
    let base = match &args.twin {
        Some(name) => Some(twin(name, args, &loaded)?),
        None => None,
    };
    let given = rates::read(args.base_rates.as_deref(), args.base_rate)?;
    if let Some(rates) = &given {
        rates.check(&spiking(&loaded.model.graph), &[INPUT])?;
    }
    let (own, run) = if simulate { on_chip(args, &loaded, global)? } else { (in_float(&loaded)?, None) };
    let on = if run.is_some() { "the simulated chip" } else { "the trained network in floating point" };
    let without = |layer: &str, own: f64| {
        base.as_ref().and_then(|b| b.layer(layer)).or_else(|| given.as_ref()?.of(layer)).unwrap_or(own)
    };
    let names = spiking(&loaded.model.graph);
    let rate_of = |layer: &str| {
        let rate = own.layer(layer).filter(|_| names.contains(&layer));
        rate.map_or(Rate::same(own.input), |r| Rate { own: r, without_attention: without(layer, r) })
    };
    let based = args.twin.clone().map(|name| format!("{name} on the same inputs"));
    Ok(Case {
        workload: Workload::of(&loaded.model.graph, &rate_of, &workload::modules(&loaded.model.graph)?),
        rates: layers(&loaded.model.graph, &rate_of),
        input: own.input,
        basis: sheet::Basis::Measured { on: on.to_owned(), inputs, inputs_hash: loaded.inputs_hash.clone() },
        base: based.or_else(|| given.is_some().then(|| "given rates".to_owned())),
        hash: Some(loaded.model.hash.clone()),
        run,
        graph: loaded.model.graph,
    })
}

fn in_float(loaded: &Loaded) -> Result<Measured> {
    Measured::in_float(&loaded.model.graph, &loaded.inputs.frames)
}

/// Rates and report of a simulated run.
fn on_chip(args: &Energy, loaded: &Loaded, global: &Global) -> Result<(Measured, Option<Report>)> {
    progress::note(global, &format!("simulating {}", loaded.model.graph.name));
    let compiled = compile::compile(loaded, &args.choices, args.source.seed)?;
    let program = &compiled.mapped.program;
    let simulated = run::simulate_all(program, loaded, crate::args::EngineArg::Fast, global)?;
    let own = Measured::on_chip(&loaded.model.graph, &simulated, program, &loaded.inputs.frames)?;
    let report = facts::report(loaded, &compiled, &simulated, args.source.seed, None, Vec::new())?;
    Ok((own, Some(report)))
}

/// Rates of the network without attention on the same inputs.
fn twin(name: &str, args: &Energy, loaded: &Loaded) -> Result<Measured> {
    let nir = if source::foreign(name).is_some() { args.source.nir.clone() } else { NirArgs::default() };
    let model = source::model(name, args.source.seed, &nir)?;
    let frames = &loaded.inputs.frames;
    let own = Measured::in_float(&model.graph, frames)?;
    if let Some(layer) = spiking(&loaded.model.graph).into_iter().find(|l| own.layer(l).is_none()) {
        return Err(Diagnostic::new(
            "E0409",
            format!("--twin {name}"),
            format!("it has no layer `{layer}`, so it is not the same network without attention"),
            "give the network with the same layers and no attention, or its rates with --base-rates",
        ));
    }
    Ok(own)
}

/// Rates of the layers that spike.
fn layers(graph: &Graph, rate_of: &dyn Fn(&str) -> Rate) -> Vec<sheet::LayerRate> {
    let layer = |name: &str| {
        let Rate { own, without_attention } = rate_of(name);
        sheet::LayerRate { layer: name.to_owned(), rate: own, without_attention }
    };
    spiking(graph).into_iter().map(layer).collect()
}

/// The network and its hash; a structure with zeros for weights, and with other timesteps if they are given.
fn graph(source: &Source) -> Result<(Graph, Option<String>)> {
    let (name, nir) = (&source.model, &source.nir);
    let Some(structure) = build::find(name).filter(|_| zoo::ZOO.iter().all(|e| e.name != *name)) else {
        let model = source::model(name, source.seed, nir)?;
        return Ok((model.graph, Some(model.hash)));
    };
    NirArgs { timesteps: None, ..nir.clone() }.refuse(name)?;
    let structure = nir.timesteps.map_or(Ok(*structure), |t| structure.over(t))?;
    Ok((structure.zeros()?, None))
}

fn terms(args: &Energy) -> Terms {
    let stem = match args.stem {
        StemArg::Once => Stem::Once,
        StemArg::Steps => Stem::Steps,
        StemArg::None => Stem::Excluded,
    };
    Terms {
        stem,
        attention: args.attention == InOut::In,
        shortcut: args.shortcut == InOut::In,
        ..Terms::default()
    }
}
