//! `pulvinar explore`, `sweep` and `store`.

use crate::args::{
    Explore, Global, PlanArgs, RetryArg, RunLimits, SamplerArg, ShardArgs, Store as StoreVerb, StoreFormat,
    Sweep, SweepRun, SweepStatus, Verb,
};
use crate::verbs::show;
use crate::{cluster, output, plot, progress, search};
use pulvinar_explore::cluster::{task_id, TASK_IDS};
use pulvinar_explore::plan::Reading;
use pulvinar_explore::sample::{sample, Sampler};
use pulvinar_explore::store::{Format, CONFLICT};
use pulvinar_explore::sweep::{self, Options, Shard, Summary};
use pulvinar_explore::{keys, metrics, Config, Evaluator, Plan, Space, Status, Store};
use pulvinar_ir::{Arch, Diagnostic, Result};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Some points crashed or timed out.
const SOME_FAILED: u8 = 3;
/// Points are missing.
const INCOMPLETE: u8 = 4;
/// Two results for one key.
const TWO_RESULTS: u8 = 5;
/// Ended before it was done; the same command goes on (`EX_TEMPFAIL` of sysexits.h).
pub const RESUMABLE: u8 = 75;

/// Runs a verb of this file, if it is one.
pub fn dispatch(verb: Option<&Verb>, global: &Global) -> Option<Result<ExitCode>> {
    let done = |outcome: Result<()>| outcome.map(|()| ExitCode::SUCCESS);
    Some(match verb? {
        Verb::Explore(Explore::Plan(args)) => done(plan(args, global)),
        Verb::Explore(Explore::Search(args)) => search::search(args, global),
        Verb::Explore(Explore::Map(args)) => done(crate::memories::map(args, global)),
        Verb::Explore(Explore::Pareto(args)) => done(plot::pareto(args, global)),
        Verb::Explore(Explore::Plot(args)) => done(plot::plot(args, global)),
        Verb::Explore(Explore::Keys) => {
            list_keys(global.json);
            done(Ok(()))
        }
        Verb::Explore(Explore::Metrics) => {
            list_metrics(global.json);
            done(Ok(()))
        }
        Verb::Sweep(Sweep::Run(args) | Sweep::Resume(args)) => run(args, global),
        Verb::Sweep(Sweep::Submit(args)) => cluster::submit(args, global),
        Verb::Sweep(Sweep::Status(args)) => status(args, global.json),
        Verb::Cluster(verb) => cluster::cluster(verb, global.json),
        Verb::Store(verb) => done(store(verb, global.json)),
        _ => return None,
    })
}

/// Exit code of a refusal.
pub fn code_of(diagnostic: &Diagnostic) -> ExitCode {
    ExitCode::from(if diagnostic.code == CONFLICT { TWO_RESULTS } else { 1 })
}

fn plan(args: &PlanArgs, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    let space = Space::read(&args.space)?;
    let sampler = match args.sampler {
        SamplerArg::Grid => Sampler::Grid,
        SamplerArg::Random => Sampler::Random,
        SamplerArg::Sobol => Sampler::Sobol,
        SamplerArg::List => Sampler::List,
    };
    let settings = sample(&space, sampler, args.count, args.seed)?;
    let evaluator = Evaluator::new(&space.folder, 2);
    let plan = Plan::new(&space, settings, &evaluator)?;
    let store = args.store.as_deref().filter(|s| s.exists()).map(Store::open).transpose()?;
    let known = store.map(|s| s.known()).transpose()?.unwrap_or_default();
    let known = plan.points.iter().filter(|p| known.contains_key(&p.key)).count();
    let estimate = if args.no_pilot {
        None
    } else {
        progress::note(global, "running a pilot of two points a network");
        Some(plan.estimate(&evaluator)?)
    };
    plan.write(&args.output)?;
    let grid = space.grid().map_or("too many to count".to_owned(), |n| n.to_string());
    let facts = json!({
        "points": plan.points.len(), "grid": grid, "known": known,
        "pilot_points": estimate.map(|e| e.pilot),
        "core_seconds": estimate.map(|e| e.points_s + e.shared_s),
    });
    show(global.json, &facts, || {
        let time = estimate.map(|e| {
            format!(
                "\nestimate: {} for one core, {} of it shared work (pilot of {} points)",
                duration(e.points_s + e.shared_s),
                duration(e.shared_s),
                e.pilot
            )
        });
        let from_store = args.store.as_ref().map(|s| format!(", {known} of them in {}", s.display()));
        format!(
            "{} points ({}, the grid has {grid}){}{}\nplan: {}",
            plan.points.len(),
            sampler.name(),
            from_store.unwrap_or_default(),
            time.unwrap_or_default(),
            args.output.display()
        )
    });
    Ok(())
}

fn list_keys(json: bool) {
    let base = keys::flat(&Config::base(Arch::default_chip()).json());
    let names = keys::all();
    let value = |name: &String| base.get(name).map_or("none".to_owned(), ToString::to_string);
    let facts: Vec<_> = names.iter().map(|n| json!({"key": n, "default": value(n)})).collect();
    show(json, &json!(facts), || {
        let width = names.iter().map(String::len).max().unwrap_or(0);
        let rows = names.iter().map(|n| format!("{n:width$}  {}\n", value(n)));
        rows.chain(
            [
                "map.strategies.LAYER",
                "map.max_channels.LAYER",
                "quantise.layers.LAYER.weight_bits (gate_bits, stat_bits)",
            ]
            .map(|n| format!("{n}\n")),
        )
        .collect()
    });
}

fn list_metrics(json: bool) {
    let aim = |m: &metrics::Metric| if m.maximise { "most" } else { "least" };
    let facts: Vec<_> =
        metrics::METRICS.iter().map(|m| json!({"name": m.name, "doc": m.doc, "best": aim(m)})).collect();
    show(json, &json!(facts), || {
        metrics::METRICS.iter().map(|m| format!("{:16}  [{}] {}\n", m.name, aim(m), m.doc)).collect()
    });
}

/// Seconds in words.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Reads 30s, 50m, 2h, or seconds.
pub fn time(flag: &str, text: Option<&String>) -> Result<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let (number, unit) = match text.chars().last() {
        Some('s') => (&text[..text.len() - 1], 1.0),
        Some('m') => (&text[..text.len() - 1], 60.0),
        Some('h') => (&text[..text.len() - 1], 3600.0),
        _ => (text.as_str(), 1.0),
    };
    let seconds = number.parse::<f64>().ok().filter(|s| (0.0..1e9).contains(s));
    let seconds = seconds.ok_or_else(|| {
        Diagnostic::new(
            "E0910",
            format!("{flag} {text}"),
            "this is no time",
            "write for example 30s, 50m or 2h",
        )
    })?;
    Ok(Some(Duration::from_secs_f64(seconds * unit)))
}

/// The shard that flags or the array job name.
fn shard(args: &ShardArgs) -> Result<Shard> {
    if let Some(text) = &args.shard {
        return Shard::parse(text);
    }
    let Some(count) = args.shards else { return Ok(Shard::WHOLE) };
    let place = format!("--shards {count}");
    let Some((name, id)) = task_id() else {
        return Err(Diagnostic::new(
            "E0910",
            place,
            format!("none of {} says which shard this is", TASK_IDS.join(", ")),
            "start it as an array job with ids from 0 to n - 1, or give --shard i/n",
        ));
    };
    let place = format!("{place}, {name}={id}");
    Shard::new(id.parse().unwrap_or(u64::MAX), count, &place)
}

/// What is run again.
pub fn retried(limits: &RunLimits) -> Vec<Status> {
    let status = |r: &RetryArg| if *r == RetryArg::Crash { Status::Crash } else { Status::Timeout };
    limits.retry.iter().map(status).collect()
}

fn run(args: &SweepRun, global: &Global) -> Result<ExitCode> {
    static STOP: AtomicBool = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options {
        shard: shard(&args.shard)?,
        jobs: if args.jobs == 0 { cores } else { args.jobs },
        limit: time("--limit", args.limits.limit.as_ref())?,
        point: time("--timeout", args.limits.timeout.as_ref())?,
        retry: retried(&args.limits),
    };
    // A plan that is none makes no store.
    Reading::open(&args.plan)?;
    let store = Store::create(&args.store)?;
    output::stop_on_interrupt(&STOP);
    let known = sweep::status(&args.plan, &store, options.shard)?;
    let bar = progress::rate(global, known.points as usize, "evaluating");
    bar.set_position(known.points - known.missing);
    bar.reset_eta();
    let start = Instant::now();
    let summary = sweep::run(&args.plan, &store, &options, &STOP, &|_| bar.inc(1))?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let rate = summary.evaluated as f64 / seconds.max(1e-9);
    let error = (summary.analytic > 0).then(pulvinar_simulator::analytic::measured_error);
    let value = json!({"summary": summary, "seconds": seconds, "analytic_error": error});
    show(global.json, &value, || {
        let error = error.map_or_else(String::new, |e| format!("\n{e}"));
        let rest = if summary.interrupted {
            format!("\nended early; `pulvinar sweep resume` runs the {} missing points", summary.missing)
        } else {
            String::new()
        };
        format!(
            "{}\nevaluated {} in {} ({rate:.1} a second){error}\nstore: {}{rest}",
            text(&summary),
            summary.evaluated,
            duration(seconds),
            args.store.display()
        )
    });
    Ok(exit_code(&summary))
}

/// Exit code of what has run a plan.
pub fn exit_code(summary: &Summary) -> ExitCode {
    ExitCode::from(match summary {
        Summary { missing: 1.., .. } => RESUMABLE,
        Summary { crash: 0, timeout: 0, .. } => 0,
        _ => SOME_FAILED,
    })
}

pub fn text(summary: &Summary) -> String {
    let Summary { points, ok, infeasible, crash, timeout, missing, .. } = summary;
    format!(
        "{points} points: {ok} ok, {infeasible} infeasible, {crash} crashed, {timeout} timed out, {missing} missing"
    )
}

fn status(args: &SweepStatus, json: bool) -> Result<ExitCode> {
    let store = Store::open(&args.store)?;
    let shard = shard(&args.shard)?;
    let every = time("--watch", args.watch.as_ref())?;
    let start = Instant::now();
    let first = sweep::status(&args.plan, &store, shard)?;
    let mut summary = first.clone();
    show(json, &json!(summary), || text(&summary));
    while let Some(every) = every.filter(|_| !summary.is_complete()) {
        std::thread::sleep(every);
        summary = sweep::status(&args.plan, &store, shard)?;
        let done = first.missing.saturating_sub(summary.missing) as f64;
        let rate = done / start.elapsed().as_secs_f64().max(1e-9);
        show(json, &json!(summary), || {
            let left = (done > 0.0).then(|| duration(summary.missing as f64 / rate));
            format!("{}; {rate:.1} a second, {} left", text(&summary), left.unwrap_or("?".to_owned()))
        });
    }
    Ok(ExitCode::from(if summary.is_complete() { 0 } else { INCOMPLETE }))
}

fn store(verb: &StoreVerb, json: bool) -> Result<()> {
    match verb {
        StoreVerb::Check { store } => {
            let check = Store::open(store)?.check()?;
            show(json, &json!(check), || {
                let by_status: Vec<String> =
                    check.by_status.iter().map(|(s, n)| format!("{n} {s}")).collect();
                format!(
                    "{} keys ({}) in {} rows\nrows in a segment and its part: {}; computed twice: {}\n{} parts, {} segments ({} torn), {} temporary files\nno two results disagree",
                    check.keys, by_status.join(", "), check.rows, check.sealed_twice, check.run_twice,
                    check.parts, check.segments, check.torn, check.temporary
                )
            });
        }
        StoreVerb::Compact { store, all } => {
            let done = Store::open(store)?.compact(*all)?;
            show(json, &json!(done), || {
                let left = if done.left > 0 {
                    format!("; {} segments changed lately and were left alone (--all takes them)", done.left)
                } else {
                    String::new()
                };
                format!(
                    "{} rows: {} files before, {} parts now{left}",
                    done.rows, done.files_before, done.parts
                )
            });
        }
        StoreVerb::Export { store, output, format, varying } => {
            output::check_writable(output)?;
            let rows = Store::open(store)?.export(export_format(*format, output)?, *varying, output)?;
            show(json, &json!({"rows": rows}), || format!("{rows} rows: {}", output.display()));
        }
    }
    Ok(())
}

fn export_format(given: Option<StoreFormat>, target: &Path) -> Result<Format> {
    let by_ending = || match target.extension().and_then(|e| e.to_str()) {
        Some("csv") => Some(StoreFormat::Csv),
        Some("jsonl") => Some(StoreFormat::Jsonl),
        Some("parquet") => Some(StoreFormat::Parquet),
        _ => None,
    };
    match given.or_else(by_ending) {
        Some(StoreFormat::Csv) => Ok(Format::Csv),
        Some(StoreFormat::Jsonl) => Ok(Format::Jsonl),
        Some(StoreFormat::Parquet) => Ok(Format::Parquet),
        None => Err(Diagnostic::new(
            "E0910",
            target.display().to_string(),
            "the ending names no format",
            "end the file in .csv, .jsonl or .parquet, or give --format",
        )),
    }
}
