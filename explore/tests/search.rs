//! Searches: better than chance where the answer is known, and the same whoever computes what.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_explore::sample::{sample, Sampler as Sample};
use pulvinar_explore::search::{
    search, Digits, Drawn, Dtlz2, End, Found, Gene, Nsga2, Outcome, Pipe, Points, Problem, Sampler, Trial,
};
use pulvinar_explore::{pareto, Key, Plan, Space, Status, Store};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How much of the best possible hypervolume NSGA-II must be above random points at equal budget, medians of five seeds. Fixed
/// before the first run.
const MARGIN: f64 = 0.15;

/// 72 points of a small network: the constraint refuses 18, and chips of one event a queue cannot be.
const SPACE: &str = r#"
name = "small"
objectives = ["latency_us", "energy_pj"]
[reference]
latency_us = 1000.0
energy_pj = 1e7
[set]
model = "small-ta"
fidelity = "analytic"
input.count = 2
[keys]
core.lanes = [1, 2, 4, 8]
core.attention_lanes = [2, 4, 8]
quantise.weight_bits = [4, 8]
core.queue_events = [1, 16, 64]
[[constraint]]
sum = ["core.lanes", "core.attention_lanes"]
at_most = 10
"#;

fn space(text: &str) -> Space {
    Space::parse(text, "SPACE.toml", Path::new(".")).unwrap()
}

fn sampler_of(name: &str, genes: Vec<Gene>, seed: u64, budget: usize) -> Box<dyn Sampler> {
    match name {
        "random" => Box::new(Drawn::random(&genes, seed)),
        "sobol" => Box::new(Drawn::sobol(&genes, seed, "small").unwrap()),
        _ => Box::new(Nsga2::new(genes, Nsga2::population(budget), seed)),
    }
}

fn on_dtlz2(name: &str, seed: u64, batch: usize) -> Found {
    let mut sampler = sampler_of(name, Dtlz2.genes(), seed, 600);
    search(&mut Dtlz2, &mut *sampler, 600, batch, &mut |_| ()).unwrap()
}

#[test]
fn nsga2_is_better_than_chance_by_the_margin() {
    let median = |name: &str| {
        let mut shares: Vec<f64> =
            (1..=5).map(|seed| on_dtlz2(name, seed, 50).hypervolume() / Dtlz2::ideal()).collect();
        shares.sort_by(f64::total_cmp);
        shares[2]
    };
    let (random, nsga2) = (median("random"), median("nsga2"));
    assert!(nsga2 > random + MARGIN && nsga2 < 1.0, "{nsga2} against {random}");
}

/// What NSGA-II proposes does not depend on how many points are asked for at a time; the numbers of a batch may.
#[test]
fn the_size_of_a_batch_changes_nothing_but_the_order_within_it() {
    let points = |found: Found| {
        let mut points: Vec<Digits> = found.trials.into_iter().map(|t| t.digits).collect();
        points.sort();
        points
    };
    for name in ["random", "sobol", "nsga2"] {
        let whole = points(on_dtlz2(name, 3, 60));
        assert_eq!(whole.len(), 600);
        assert!(whole == points(on_dtlz2(name, 3, 7)), "{name}");
        assert!(whole != points(on_dtlz2(name, 4, 60)), "{name}");
    }
}

/// The hypervolume that grows with every trial is that of all of them.
#[test]
fn hypervolume_and_front_are_those_of_all_points() {
    let found = on_dtlz2("nsga2", 1, 50);
    for n in [1, 60, 600] {
        let all: Vec<Vec<f64>> = found.trials[..n].iter().map(|t| t.outcome.unit.clone().unwrap()).collect();
        let whole = pareto::hypervolume(&all, &[1.0; 3]);
        assert!((whole - found.trials[n - 1].hypervolume).abs() < 1e-12, "{n}");
    }
    assert!(found.trials.windows(2).all(|w| w[0].hypervolume <= w[1].hypervolume));
    assert!(found.front.len() > 20 && found.end == End::Budget);
}

fn look(space: &Space, store: &Store, name: &str, budget: usize, jobs: usize) -> (Found, usize) {
    let stop = AtomicBool::new(false);
    let mut points = Points::new(space, store, jobs, &stop).unwrap();
    let mut sampler = sampler_of(name, points.genes(), 1, budget);
    let found = search(&mut points, &mut *sampler, budget, 8, &mut |_| ()).unwrap();
    points.seal().unwrap();
    (found, points.evaluated)
}

#[test]
fn a_search_repeats_itself_whoever_computes_and_whatever_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let space = space(SPACE);
    for name in ["nsga2", "random"] {
        let store = |n: &str| Store::create(&folder.path().join(format!("{name}-{n}"))).unwrap();
        let (first, evaluated) = look(&space, &store("a"), name, 30, 1);
        assert_eq!((first.trials.len(), evaluated, first.end), (30, 30, End::Budget));
        let (two, _) = look(&space, &store("b"), name, 30, 2);
        let (again, evaluated) = look(&space, &store("a"), name, 30, 2);
        assert_eq!(evaluated, 0, "everything is known");
        assert!(first.trials == two.trials && first.trials == again.trials, "{name}");
        assert!(first.trials.iter().any(|t| t.outcome.status == Status::Infeasible));
        assert_eq!(store("a").check().unwrap().keys, 30);
    }
}

/// A budget that is larger than the space: every sampler ends with all 54 points that the constraint admits, and one front.
#[test]
fn a_space_that_is_used_up_ends_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let space = space(SPACE);
    let store = Store::create(&folder.path().join("store")).unwrap();
    let keys = |trials: &[Trial]| {
        let mut keys: Vec<Key> = trials.iter().map(|t| t.key).collect();
        keys.sort();
        keys
    };
    let mut fronts = Vec::new();
    for name in ["random", "sobol", "nsga2"] {
        let (found, evaluated) = look(&space, &store, name, 1000, 2);
        assert_eq!(evaluated, if fronts.is_empty() { found.trials.len() } else { 0 }, "{name}");
        assert_eq!((found.trials.len(), found.refused, found.end), (54, 18, End::Exhausted), "{name}");
        let front: Vec<Trial> = found.front.iter().map(|&i| found.trials[i].clone()).collect();
        fronts.push((keys(&found.trials), front.len(), format!("{:.12}", found.hypervolume())));
    }
    assert!(fronts.windows(2).all(|w| w[0] == w[1]), "{fronts:?}");
}

/// Random and Sobol searches look at the points that `explore plan` draws with the same seed.
#[test]
fn drawn_points_are_those_of_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let space = space(SPACE);
    let store = Store::create(&folder.path().join("store")).unwrap();
    for (name, sampler) in [("random", Sample::Random), ("sobol", Sample::Sobol)] {
        let settings = sample(&space, sampler, 20, 1).unwrap();
        let evaluator = pulvinar_explore::Evaluator::new(Path::new("."), 2);
        let plan = Plan::new(&space, settings, &evaluator).unwrap();
        let mut planned: Vec<Key> = plan.points.iter().map(|p| p.key).collect();
        let mut found: Vec<Key> = look(&space, &store, name, 20, 2).0.trials.iter().map(|t| t.key).collect();
        planned.sort();
        found.sort();
        assert_eq!(planned, found, "{name}");
    }
}

#[test]
fn a_front_found_in_closed_form_is_confirmed_by_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let space = space(SPACE);
    let store = Store::create(&folder.path().join("store")).unwrap();
    let stop = AtomicBool::new(false);
    let mut points = Points::new(&space, &store, 2, &stop).unwrap();
    let mut sampler = Nsga2::new(points.genes(), 10, 1);
    let found = search(&mut points, &mut sampler, 24, 10, &mut |_| ()).unwrap();
    assert_eq!(points.analytic, 24);
    let front: Vec<&Trial> = found.front.iter().map(|&i| &found.trials[i]).collect();
    let confirmed = points.confirm(&front).unwrap().unwrap();
    assert_eq!((points.analytic, points.evaluated), (24, 24 + front.len()));
    for (trial, confirmed) in front.iter().zip(confirmed) {
        assert!(confirmed.key != trial.key && confirmed.outcome.status == Status::Ok);
        for name in ["latency_us", "energy_pj"] {
            let ratio = confirmed.outcome.metrics[name] / trial.outcome.metrics[name];
            assert!((0.85..1.15).contains(&ratio), "{name}: {ratio}");
        }
    }
}

#[test]
fn a_search_that_is_stopped_goes_on_from_the_store() {
    /// Stops after some points.
    struct Stopping<'a>(Points<'a>, &'a AtomicBool, AtomicUsize);
    impl Problem for Stopping<'_> {
        fn genes(&self) -> Vec<Gene> {
            self.0.genes()
        }
        fn key(&mut self, digits: &[usize]) -> pulvinar_ir::Result<Option<Key>> {
            self.0.key(digits)
        }
        fn evaluate(&mut self, points: &[(Key, Digits)]) -> pulvinar_ir::Result<Option<Vec<Outcome>>> {
            self.1.store(self.2.fetch_add(1, Ordering::Relaxed) == 2, Ordering::Relaxed);
            self.0.evaluate(points)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let space = space(SPACE);
    let store = Store::create(&folder.path().join("store")).unwrap();
    let stop = AtomicBool::new(false);
    let mut problem = Stopping(Points::new(&space, &store, 1, &stop).unwrap(), &stop, AtomicUsize::new(0));
    let mut sampler = sampler_of("nsga2", problem.genes(), 1, 30);
    let stopped = search(&mut problem, &mut *sampler, 30, 8, &mut |_| ()).unwrap();
    assert_eq!((stopped.end, stopped.trials.len()), (End::Stopped, 10));
    problem.0.seal().unwrap();
    let (whole, evaluated) = look(&space, &store, "nsga2", 30, 1);
    assert_eq!(evaluated, 20);
    assert_eq!(whole.trials[..10], stopped.trials);
}

#[test]
fn another_program_may_propose() {
    let genes = vec![Gene { size: 1025, ordered: true }; 12];
    let point = |d: usize| format!("[{}]", vec![d.to_string(); 12].join(","));
    let input = format!("[{},{}]\n[{}]\n", point(512), point(0), point(512));
    let mut output = Vec::new();
    let head = serde_json::json!({"budget": 9});
    let mut pipe = Pipe::new(genes.clone(), input.as_bytes(), &mut output, &head).unwrap();
    let found = search(&mut Dtlz2, &mut pipe, 9, 9, &mut |_| ()).unwrap();
    assert_eq!((found.trials.len(), found.end), (2, End::Exhausted));
    let text = String::from_utf8(output).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0], head);
    assert_eq!(lines[1].as_array().unwrap().len(), 2);
    assert_eq!(lines[2][0]["number"], 2, "a repeated proposal is answered from memory, after keys in order");
    let far = format!("[{}]", point(1025));
    let many = format!("[{}]", [point(1), point(2)].join(","));
    for (wrong, says) in
        [("lanes\n", "no list"), ("[[1, 2]]\n", "no point"), (&far, "no point"), (&many, "2 points")]
    {
        let mut pipe = Pipe::new(genes.clone(), wrong.as_bytes(), Vec::new(), &head).unwrap();
        let refusal = search(&mut Dtlz2, &mut pipe, 1, 1, &mut |_| ()).unwrap_err();
        assert!(refusal.code == "E0921" && refusal.message.contains(says), "{refusal}");
    }
}

#[test]
fn what_cannot_be_searched_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("store")).unwrap();
    let stop = AtomicBool::new(false);
    let base = "objectives = [\"accuracy\"]\n[reference]\naccuracy = 0.5\n[set]\nmodel = \"small-ta\"\n";
    for (code, text) in [
        ("E0912", "[set]\nmodel = \"small-ta\"\n[keys]\ncore.lanes = [4, 8]".to_owned()),
        ("E0905", format!("{base}input.rate = 0.1\n[keys]\ncore.lanes = [4, 8]")),
        ("E0902", format!("{base}[keys]\nmap.strategies.neuron99 = [\"recompute\"]")),
    ] {
        let refusal = Points::new(&space(&text), &store, 1, &stop).err().unwrap();
        assert_eq!(refusal.code, code, "{refusal}");
    }
    let refused = SPACE.replace("at_most = 10", "at_most = 1");
    let space = space(&refused);
    let mut points = Points::new(&space, &store, 1, &stop).unwrap();
    let mut sampler = sampler_of("nsga2", points.genes(), 1, 10);
    let refusal = search(&mut points, &mut *sampler, 10, 8, &mut |_| ()).unwrap_err();
    assert_eq!(refusal.code, "E0904");
}
