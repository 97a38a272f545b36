//! `pulvinar explore search`.

use crate::args::{Global, SearchArgs, SearchSampler};
use crate::explore::{duration, RESUMABLE};
use crate::verbs::show;
use crate::{output, progress};
use pulvinar_explore::search::{
    search as run, Confirmed, Drawn, End, Found, Nsga2, Pipe, Points, Problem, Sampler, Trial,
};
use pulvinar_explore::{Space, Status, Store};
use pulvinar_ir::{Diagnostic, Result};
use serde_json::{json, Map, Value as Json};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Runs the verb.
pub fn search(args: &SearchArgs, global: &Global) -> Result<ExitCode> {
    static STOP: AtomicBool = AtomicBool::new(false);
    let space = Space::read(&args.space)?;
    check(args, &space)?;
    args.output.as_deref().map_or(Ok(()), output::check_writable)?;
    // A space that cannot be searched makes no store.
    space.goal.check_reference(&format!("space `{}`", space.name))?;
    let store = Store::create(&args.store)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = if args.jobs == 0 { cores } else { args.jobs };
    let mut points = Points::new(&space, &store, jobs, &STOP)?;
    output::stop_on_interrupt(&STOP);
    let (mut sampler, batch) = sampler(args, &space, &points)?;
    let bar = progress::rate(global, args.budget, "searching");
    let start = Instant::now();
    let found = run(&mut points, &mut *sampler, args.budget, batch, &mut |_| bar.inc(1));
    bar.finish_and_clear();
    // What was evaluated is kept whatever ended the search.
    points.seal()?;
    let found = found?;
    let confirmed = if args.confirm && found.end != End::Stopped {
        progress::note(global, "simulating the points of the front");
        let front: Vec<&Trial> = found.front.iter().map(|&i| &found.trials[i]).collect();
        let confirmed = points.confirm(&front)?;
        points.seal()?;
        confirmed
    } else {
        None
    };
    if let Some(path) = &args.output {
        output::file(path, log(&found, &points).as_bytes())?;
    }
    let report = Report { args, space: &space, points: &points, found: &found, confirmed };
    let stopped = found.end == End::Stopped || args.confirm && report.confirmed.is_none();
    let seconds = start.elapsed().as_secs_f64();
    show(global.json, &report.json(seconds), || report.text(seconds));
    Ok(ExitCode::from(if stopped { RESUMABLE } else { 0 }))
}

/// Refuses what no search can do.
fn check(args: &SearchArgs, space: &Space) -> Result<()> {
    let refuse = |place: &str, message: &str, help: &str| Err(Diagnostic::new("E0920", place, message, help));
    if args.budget == 0 {
        return refuse("--budget 0", "no point may be looked at", "give --budget of at least 1");
    }
    if args.batch == 0 {
        return refuse("--batch 0", "no point may be asked for", "give --batch of at least 1");
    }
    if space.axes.is_empty() {
        let place = format!("space `{}`", space.name);
        return refuse(&place, "nothing varies, so there is nothing to search", "give [keys] or [[joint]]");
    }
    if args.confirm && !Points::has_analytic(space) {
        let help = "leave --confirm out, or set `fidelity = \"analytic\"` in the space";
        return refuse("--confirm", "every point is simulated already", help);
    }
    Ok(())
}

/// The sampler, and how many points it is asked for at a time.
fn sampler(args: &SearchArgs, space: &Space, points: &Points) -> Result<(Box<dyn Sampler>, usize)> {
    let (genes, seed) = (points.genes(), args.seed);
    Ok(match args.sampler {
        SearchSampler::Random => (Box::new(Drawn::random(&genes, seed)), args.batch),
        SearchSampler::Sobol => (Box::new(Drawn::sobol(&genes, seed, &space.name)?), args.batch),
        SearchSampler::Nsga2 => {
            let population = Nsga2::population(args.budget);
            (Box::new(Nsga2::new(genes, population, seed)), args.batch)
        }
        // The other program decides on its batches.
        SearchSampler::Pipe => {
            let head = points.head(args.budget);
            let input = std::io::BufReader::new(std::io::stdin());
            (Box::new(Pipe::new(genes, input, std::io::stdout(), &head)?), args.budget)
        }
    })
}

/// Objectives of a point by name.
fn objectives(space: &Space, outcome: &pulvinar_explore::search::Outcome) -> Json {
    let one = |name: &String| Some((name.clone(), json!(outcome.metrics.get(name)?)));
    Json::Object(space.goal.objectives.iter().filter_map(one).collect())
}

/// A line a point. Nothing in it depends on what the store knew, or on time: the same search writes the same log.
fn log(found: &Found, points: &Points) -> String {
    let line = |t: &Trial| {
        let line = json!({
            "number": t.number, "key": t.key, "digits": t.digits, "set": points.settings(&t.digits),
            "status": t.outcome.status, "objectives": objectives(points.space(), &t.outcome),
            "hypervolume": t.hypervolume,
        });
        format!("{line}\n")
    };
    found.trials.iter().map(line).collect()
}

struct Report<'a> {
    args: &'a SearchArgs,
    space: &'a Space,
    points: &'a Points<'a>,
    found: &'a Found,
    confirmed: Option<Vec<Confirmed>>,
}

impl Report<'_> {
    fn count(&self, status: Status) -> usize {
        self.found.trials.iter().filter(|t| t.outcome.status == status).count()
    }

    /// Points of the front, best in the first objective first, each with its simulation if there is one.
    fn front(&self) -> Vec<(&Trial, Option<&Confirmed>)> {
        let confirmed = |i: usize| self.confirmed.as_ref().map(|c| &c[i]);
        let front = self.found.front.iter().enumerate();
        let mut front: Vec<_> = front.map(|(i, &t)| (&self.found.trials[t], confirmed(i))).collect();
        let first = |t: &Trial| t.outcome.unit.as_ref().and_then(|u| u.first().copied()).unwrap_or(f64::NAN);
        front.sort_by(|a, b| first(a.0).total_cmp(&first(b.0)).then(a.0.key.cmp(&b.0.key)));
        front
    }

    /// The measured error of the closed form, if any point was found so.
    fn analytic_error(&self) -> Option<impl serde::Serialize + std::fmt::Display> {
        Points::has_analytic(self.space).then(pulvinar_simulator::analytic::measured_error)
    }

    fn json(&self, seconds: f64) -> Json {
        let point = |(trial, confirmed): (&Trial, Option<&Confirmed>)| {
            let mut fields = Map::new();
            fields.insert("key".to_owned(), json!(trial.key));
            fields.insert("set".to_owned(), json!(self.points.settings(&trial.digits)));
            fields.insert("objectives".to_owned(), objectives(self.space, &trial.outcome));
            if let Some(c) = confirmed {
                let objectives = objectives(self.space, &c.outcome);
                let confirmed = json!({"key": c.key, "status": c.outcome.status, "objectives": objectives});
                fields.insert("confirmed".to_owned(), confirmed);
            }
            Json::Object(fields)
        };
        let end = match self.found.end {
            End::Budget => "budget",
            End::Exhausted => "exhausted",
            End::Stopped => "stopped",
        };
        json!({
            "points": self.found.trials.len(), "ok": self.count(Status::Ok),
            "infeasible": self.count(Status::Infeasible), "crash": self.count(Status::Crash),
            "timeout": self.count(Status::Timeout), "refused": self.found.refused,
            "evaluated": self.points.evaluated, "seconds": seconds, "end": end,
            "hypervolume": self.found.hypervolume(), "reference": self.space.goal.reference,
            "front": self.front().into_iter().map(point).collect::<Vec<_>>(),
            "analytic_error": self.analytic_error(),
        })
    }

    /// The largest difference between closed form and simulation on the front, an objective each.
    fn differences(&self) -> Option<String> {
        self.confirmed.as_ref()?;
        let front = self.front();
        let one = |name: &String| {
            let both = front.iter().filter_map(|(trial, confirmed)| {
                let (form, run) =
                    (trial.outcome.metrics.get(name)?, confirmed.as_ref()?.outcome.metrics.get(name)?);
                Some((form - run).abs() / run.abs().max(f64::MIN_POSITIVE))
            });
            format!("{name} {:.1} %", 100.0 * both.fold(0.0, f64::max))
        };
        let all: Vec<String> = self.space.goal.objectives.iter().map(one).collect();
        Some(format!("\nlargest difference on the front: {}", all.join(", ")))
    }

    fn text(&self, seconds: f64) -> String {
        let end = match self.found.end {
            End::Budget => String::new(),
            End::Exhausted => "\nnothing new was proposed any more: the space is used up".to_owned(),
            End::Stopped => "\nended early; the same command goes on".to_owned(),
        };
        let reference: Vec<String> = self
            .space
            .goal
            .objectives
            .iter()
            .map(|o| format!("{o} {}", self.space.goal.reference[o]))
            .collect();
        let error = self.analytic_error().map_or_else(String::new, |e| format!("\n{e}"));
        let differences = self.differences().unwrap_or_default();
        format!(
            "{} points: {} ok, {} infeasible, {} crashed, {} timed out; {} proposals broke a constraint\n\
             evaluated {} in {}{end}\nhypervolume {:.4} of the box up to the reference {}\n\
             front of {} points{}:\n{}{differences}{error}\nstore: {}",
            self.found.trials.len(),
            self.count(Status::Ok),
            self.count(Status::Infeasible),
            self.count(Status::Crash),
            self.count(Status::Timeout),
            self.found.refused,
            self.points.evaluated,
            duration(seconds),
            self.found.hypervolume(),
            reference.join(", "),
            self.found.front.len(),
            if self.confirmed.is_some() { ", each in closed form and simulated" } else { "" },
            self.table(),
            self.args.store.display()
        )
    }

    /// The front: objectives and what varies, a line a point, and below it the same simulated.
    fn table(&self) -> String {
        let names = &self.space.goal.objectives;
        let axes: Vec<&String> = self.space.axes.iter().flat_map(|a| &a.keys).collect();
        let cells = |outcome: &pulvinar_explore::search::Outcome| -> Vec<String> {
            let value = |n| outcome.metrics.get(n).map_or(outcome.status.name().to_owned(), |v| number(*v));
            names.iter().map(value).collect()
        };
        let mut rows = vec![names.iter().chain(axes.iter().copied()).cloned().collect::<Vec<String>>()];
        for (trial, confirmed) in self.front() {
            let set = self.points.settings(&trial.digits);
            let mut row = cells(&trial.outcome);
            row.extend(axes.iter().map(|k| set.get(*k).map_or(String::new(), ToString::to_string)));
            rows.push(row);
            if let Some(c) = confirmed {
                let mut row = cells(&c.outcome);
                row.push("simulated".to_owned());
                rows.push(row);
            }
        }
        let cell = |row: &Vec<String>, i: usize| row.get(i).cloned().unwrap_or_default();
        let width = |i: usize| rows.iter().map(|r| cell(r, i).len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = widths.iter().enumerate().map(|(i, w)| format!("{:<w$}", cell(row, i)));
            format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Six digits.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        let digits = (5 - value.abs().max(1.0).log10().floor() as i32).clamp(0, 6) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.5e}")
    }
}
