//! `pulvinar sweep submit` and `pulvinar cluster`.

use crate::args::{Cluster, Doctor, Global, SweepSubmit};
use crate::explore::{exit_code, retried, text, time};
use crate::verbs::show;
use crate::{output, progress};
use pulvinar_explore::cluster::doctor::{self, Check, Examination, Verdict};
use pulvinar_explore::cluster::{
    backend, command_line, shards_with_work, task_id, Array, Backend, Launch, Started, BACKENDS, TASK_ID,
    TASK_IDS,
};
use pulvinar_explore::plan::Reading;
use pulvinar_explore::sweep::{self, Shard};
use pulvinar_explore::Store;
use pulvinar_ir::{Diagnostic, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Something that a sweep needs does not work.
const UNFIT: u8 = 6;

/// A path that means the same from every folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| {
        Diagnostic::new(
            "E0908",
            path.display().to_string(),
            e.to_string(),
            "give a path that can be resolved",
        )
    })
}

/// This program, as other hosts name it.
fn own_program() -> Result<String> {
    let program = std::env::current_exe().map_err(|e| {
        let help = "start it by its full path";
        Diagnostic::new(
            "E0941",
            "pulvinar",
            format!("the system does not say where this program lies: {e}"),
            help,
        )
    })?;
    Ok(program.display().to_string())
}

/// The command of every shard.
fn command(args: &SweepSubmit) -> Result<Vec<String>> {
    let jobs = args.jobs.to_string();
    let (plan, store) = (absolute(&args.plan)?, absolute(&args.store)?);
    let mut command: Vec<String> = vec![own_program()?];
    let shards = args.shards.to_string();
    for word in [
        "--quiet",
        "--threads",
        &jobs,
        "sweep",
        "run",
        &plan.display().to_string(),
        "--store",
        &store.display().to_string(),
        "--shards",
        &shards,
        "--jobs",
        &jobs,
    ] {
        command.push(word.to_owned());
    }
    // Whether they are times is known here, not on every host.
    for (flag, value) in [("--limit", &args.limits.limit), ("--timeout", &args.limits.timeout)] {
        time(flag, value.as_ref())?;
        command.extend(value.iter().flat_map(|v| [flag.to_owned(), v.clone()]));
    }
    for status in retried(&args.limits) {
        command.extend(["--retry".to_owned(), status.name().to_owned()]);
    }
    Ok(command)
}

/// What an engine shows: letters, digits and dashes of a sweep's name.
fn job_name(sweep: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    format!("pulvinar-{}", sweep.chars().map(plain).collect::<String>())
}

/// Number of shards; none, or shards that do nothing, are refused (E0910).
fn shards(args: &SweepSubmit) -> Result<u32> {
    if args.shards == 0 {
        let help = "give a number of shards such that each has a minute of work or more";
        return Err(Diagnostic::new("E0910", "--shards 0", "a sweep has at least one shard", help));
    }
    if args.jobs == 0 {
        let help = "give the points that a shard evaluates at a time, at least 1";
        return Err(Diagnostic::new("E0910", "--jobs 0", "a shard would evaluate nothing", help));
    }
    Ok(Shard::new(args.shards - 1, args.shards, &format!("--shards {}", args.shards))?.count)
}

/// `pulvinar sweep submit`.
pub fn submit(args: &SweepSubmit, global: &Global) -> Result<ExitCode> {
    static STOP: AtomicBool = AtomicBool::new(false);
    let backend = backend(&args.backend)?;
    let count = shards(args)?;
    let name = job_name(&Reading::open(&args.plan)?.head.name);
    let command = command(args)?;
    if !args.dry_run {
        // A store is made only if there is something that can fill it.
        backend.version()?;
    }
    let store = if args.dry_run && !args.store.exists() { None } else { Some(open(args)?) };
    let known = store.as_ref().map(Store::known).transpose()?.unwrap_or_default();
    let work = shards_with_work(&args.plan, &known, count, &retried(&args.limits))?;
    let array = Array {
        name,
        command,
        ids: work.keys().copied().collect(),
        cpus: args.jobs,
        folder: absolute(Path::new("."))?,
        log: absolute(&args.store)?.join("submit"),
        extra: args.extra.clone(),
    };
    let launches = backend.launches(&array)?;
    if args.dry_run || work.is_empty() {
        return Ok(describe(args, &array, &launches, &work, global.json));
    }
    output::stop_on_interrupt(&STOP);
    let bar = progress::bar(global, launches.len(), "shards");
    let started = backend.start(&array, &launches, &STOP, &|_| bar.inc(1))?;
    bar.finish_and_clear();
    report(args, backend, &work, &started, global.json)
}

fn open(args: &SweepSubmit) -> Result<Store> {
    if args.dry_run {
        Store::open(&args.store)
    } else {
        Store::create(&args.store)
    }
}

/// What would be started; nothing if no point is missing.
fn describe(
    args: &SweepSubmit,
    array: &Array,
    launches: &[Launch],
    work: &BTreeMap<u32, u64>,
    json: bool,
) -> ExitCode {
    let facts = json!({
        "shards": array.ids, "of": args.shards, "missing": work.values().sum::<u64>(), "jobs": [],
        "command": array.command, "variable": TASK_ID, "name": array.name, "cpus": array.cpus,
        "folder": array.folder, "log": array.log, "launches": launches,
    });
    show(json, &facts, || {
        if work.is_empty() {
            return "no point is missing; nothing is started".to_owned();
        }
        let mut text = String::new();
        for launch in launches {
            if let Some((path, script)) = &launch.script {
                text.push_str(&format!("# {}\n{script}", path.display()));
            }
            launch.variables.iter().for_each(|(name, value)| text.push_str(&format!("{name}={value} ")));
            text.push_str(&format!("{}\n", command_line(&launch.command)));
        }
        text
    });
    ExitCode::SUCCESS
}

/// What was started, and how to watch it; what was done, if it has ended.
fn report(
    args: &SweepSubmit,
    backend: &dyn Backend,
    work: &BTreeMap<u32, u64>,
    started: &Started,
    json: bool,
) -> Result<ExitCode> {
    let missing = work.values().sum::<u64>();
    if started.jobs.is_empty() {
        let summary = sweep::status(&args.plan, &Store::open(&args.store)?, Shard::WHOLE)?;
        let facts = json!({"shards": work.len(), "of": args.shards, "missing": missing, "jobs": [], "summary": summary});
        show(json, &facts, || {
            format!("{} of {} shards have run\n{}", work.len(), args.shards, text(&summary))
        });
        return Ok(exit_code(&summary));
    }
    let line = |command: Option<Vec<String>>| command.map(|c| command_line(&c)).unwrap_or_default();
    let (watch, cancel) = (line(backend.watch(&started.jobs)), line(backend.cancel(&started.jobs)));
    let facts = json!({
        "shards": work.len(), "of": args.shards, "missing": missing, "jobs": started.jobs, "watch": watch,
        "cancel": cancel,
    });
    show(json, &facts, || {
        format!(
            "submitted {} of {} shards with {missing} missing points to {}: job {}\nwatch:  pulvinar sweep status {} --store {} --watch\n        {watch}\ncancel: {cancel}\nWhen it has ended, the same command submits what is still missing.",
            work.len(),
            args.shards,
            backend.name(),
            started.jobs.join(", "),
            args.plan.display(),
            args.store.display()
        )
    });
    Ok(ExitCode::SUCCESS)
}

/// `pulvinar cluster`.
pub fn cluster(verb: &Cluster, json: bool) -> Result<ExitCode> {
    match verb {
        Cluster::Backends => {
            let facts: Vec<_> = BACKENDS.iter().map(|b| json!({"name": b.name(), "doc": b.doc()})).collect();
            show(json, &json!(facts), || {
                BACKENDS.iter().map(|b| format!("{:6} {}\n", b.name(), b.doc())).collect()
            });
            Ok(ExitCode::SUCCESS)
        }
        Cluster::Doctor(args) => examine(args, json),
        Cluster::Task { folder } => {
            let id = task_id().map_or_else(String::new, |(_, id)| id);
            if id.parse::<u32>().is_err() {
                let message = format!("none of {} says which task this is", TASK_IDS.join(", "));
                let help = "this verb is for `pulvinar cluster doctor` alone";
                return Err(Diagnostic::new("E0910", "cluster task", message, help));
            }
            doctor::task(folder, &id)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn examine(args: &Doctor, json: bool) -> Result<ExitCode> {
    let named = args.backend.as_deref().map(backend).transpose()?;
    let backends: Vec<&'static dyn Backend> = named.map_or_else(|| BACKENDS.to_vec(), |b| vec![b]);
    let patience = time("--patience", Some(&args.patience))?.unwrap_or(Duration::ZERO);
    let examination = Examination {
        backends: &backends,
        named: named.is_some(),
        folder: &absolute(&args.store)?,
        command: vec![own_program()?, "cluster".to_owned(), "task".to_owned()],
        patience,
        extra: args.extra.clone(),
    };
    let checks = examination.run()?;
    show(json, &json!(checks), || checks.iter().map(row).collect());
    let unfit = checks.iter().any(|c| c.verdict == Verdict::Failed);
    Ok(ExitCode::from(if unfit { UNFIT } else { 0 }))
}

fn row(check: &Check) -> String {
    let verdict = match check.verdict {
        Verdict::Passed => "ok",
        Verdict::Failed => "FAILED",
        Verdict::NotTested => "not tested here",
    };
    format!("{verdict:15}  {}: {}\n", check.what, check.seen)
}
