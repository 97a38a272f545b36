//! Sweeps and stores: the same content whoever runs what, and nothing lost or run twice.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_explore::sample::{sample, Sampler};
use pulvinar_explore::store::{Format, Segment};
use pulvinar_explore::sweep::{self, Options, Shard, Summary};
use pulvinar_explore::{Evaluator, Plan, Row, Space, Status, Store};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Twelve points of a small network, half of them on chips that cannot be.
const SPACE: &str = r#"
name = "small"
[set]
model = "small-ta"
input.count = 2
[keys]
core.lanes = [2, 4, 8]
quantise.weight_bits = [4, 8]
core.queue_events = [1, 16]
"#;

fn plan_of(text: &str, folder: &Path) -> PathBuf {
    let space = Space::parse(text, "SPACE.toml", Path::new(".")).unwrap();
    let settings = sample(&space, Sampler::Grid, 0, 0).unwrap();
    let path = folder.join("plan");
    Plan::new(&space, settings, &Evaluator::new(Path::new("."), 2)).unwrap().write(&path).unwrap();
    path
}

fn run(plan: &Path, store: &Store, options: &Options) -> Summary {
    sweep::run(plan, store, options, &AtomicBool::new(false), &|_| ()).unwrap()
}

/// What must not depend on who computed it.
fn content(store: &Store) -> Vec<String> {
    let text =
        |r: Row| format!("{} {:?} {} {} {:?} {:?}", r.key, r.status, r.code, r.reason, r.set, r.metrics);
    store.sorted().unwrap().into_iter().map(text).collect()
}

#[test]
fn jobs_and_shards_do_not_change_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let mut contents = Vec::new();
    for (jobs, shards) in [(1, 1), (2, 1), (1, 7), (2, 3)] {
        let store = Store::create(&folder.path().join(format!("{jobs}-{shards}"))).unwrap();
        let mut points = 0;
        for index in 0..shards {
            let options = Options { shard: Shard { index, count: shards }, jobs, ..Options::default() };
            let summary = run(&plan, &store, &options);
            assert_eq!(summary.evaluated, summary.points);
            points += summary.points;
        }
        assert_eq!(points, 12);
        let status = sweep::status(&plan, &store, Shard::WHOLE).unwrap();
        assert!(status.is_complete() && status.crash + status.timeout == 0, "{status:?}");
        assert!(status.ok > 0 && status.infeasible > 0, "{status:?}");
        contents.push(content(&store));
    }
    assert!(contents.windows(2).all(|w| w[0] == w[1]));
}

/// The same points by both fidelities: what moves is equal, time and energy are close.
#[test]
fn the_closed_form_stands_beside_the_simulated_machine() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[set]\nmodel = \"small-ta\"\ninput.count = 2\n[keys]\nfidelity = [\"cycle\", \"analytic\"]\ncore.lanes = [4, 8]";
    let store = Store::create(&folder.path().join("store")).unwrap();
    run(&plan_of(text, folder.path()), &store, &Options::default());
    let rows: Vec<Row> = store.sorted().unwrap();
    let of = |fidelity: &str, lanes: i64| {
        let is = |r: &&Row| {
            r.set["fidelity"].to_string() == fidelity && r.set["core.lanes"].to_string() == lanes.to_string()
        };
        &rows.iter().find(is).unwrap().metrics
    };
    for lanes in [4, 8] {
        let (run, form) = (of("cycle", lanes), of("analytic", lanes));
        for exact in ["traffic_bits", "noc_flits", "area_mm2", "accuracy", "load_cycles"] {
            assert_eq!(run[exact].to_bits(), form[exact].to_bits(), "{exact}");
        }
        for close in ["latency_cycles", "energy_pj"] {
            let error = (form[close] - run[close]).abs() / run[close];
            assert!(error < 0.15, "{close}: {error}");
        }
    }
}

#[test]
fn what_is_known_is_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let store = Store::create(&folder.path().join("store")).unwrap();
    // Told to stop after three points, then once more, then to the end.
    let mut evaluated = 0;
    for wanted in [3, 3, 100] {
        let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        let count = |_| stop.store(done.fetch_add(1, Ordering::Relaxed) + 1 >= wanted, Ordering::Relaxed);
        let summary = sweep::run(&plan, &store, &Options::default(), &stop, &count).unwrap();
        evaluated += summary.evaluated;
        assert_eq!(summary.interrupted, wanted < 100);
        assert_eq!(summary.missing, 12 - evaluated);
        assert_eq!(summary.points, 12);
    }
    assert_eq!(evaluated, 12);
    assert_eq!(run(&plan, &store, &Options::default()).evaluated, 0);
    let check = store.check().unwrap();
    assert_eq!((check.keys, check.rows, check.run_twice), (12, 12, 0));
    assert_eq!(check.parts, 3);
}

#[test]
fn torn_lines_and_temporary_parts_are_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let whole = Store::create(&folder.path().join("whole")).unwrap();
    run(&plan, &whole, &Options::default());
    let rows = whole.sorted().unwrap();
    let store = Store::create(&folder.path().join("store")).unwrap();
    // A process that was killed: nine rows, and a tenth torn at every length that matters.
    let line = |r: &Row| serde_json::to_string(r).unwrap() + "\n";
    for cut in [1, 40, line(&rows[9]).len() - 1] {
        let text: String = rows[..9].iter().map(line).collect::<String>() + &line(&rows[9])[..cut];
        fs::write(store.root().join("seg/0of1-dead.jsonl"), text).unwrap();
        fs::write(store.root().join("part/.tmp-dead"), "PAR1").unwrap();
        let check = store.check().unwrap();
        assert_eq!((check.keys, check.torn, check.temporary), (9, 1, 1));
    }
    assert_eq!(run(&plan, &store, &Options::default()).evaluated, 3);
    assert_eq!(content(&store), content(&whole));
    let done = store.compact(true).unwrap();
    assert_eq!((done.rows, done.parts, done.left), (12, 1, 0));
    assert_eq!(content(&store), content(&whole));
    let check = store.check().unwrap();
    assert_eq!((check.rows, check.segments, check.temporary, check.run_twice), (12, 0, 0, 0));
    assert_eq!(store.compact(true).unwrap().parts, 1);
}

#[test]
fn a_segment_taken_away_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let whole = Store::create(&folder.path().join("whole")).unwrap();
    run(&plan, &whole, &Options::default());
    let mut rows = whole.sorted().unwrap();
    let store = Store::create(&folder.path().join("store")).unwrap();
    let segment = Segment::new(&store, "0of1");
    rows.iter_mut().for_each(|r| r.facts.wall_s = 0.2);
    segment.add(rows[0].clone()).unwrap();
    store.compact(true).unwrap();
    segment.add(rows[1].clone()).unwrap();
    drop(segment);
    assert_eq!(store.known().unwrap().len(), 2);
}

#[test]
fn a_second_result_is_an_error_and_a_retry_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let store = Store::create(&folder.path().join("store")).unwrap();
    run(&plan, &store, &Options::default());
    let mut row = store.sorted().unwrap().into_iter().find(|r| r.status == Status::Ok).unwrap();
    let add = |row: &Row| {
        let segment = Segment::new(&store, "0of1");
        segment.add(row.clone()).unwrap();
        segment.seal().unwrap();
    };
    row.facts.attempt = "other".to_owned();
    add(&row);
    assert_eq!(store.check().unwrap().run_twice, 1);
    let mut crash = row.clone();
    (crash.status, crash.reason) = (Status::Crash, "panicked".to_owned());
    crash.metrics.clear();
    crash.facts.attempt = "third".to_owned();
    add(&crash);
    assert_eq!(store.check().unwrap().by_status["crash"], 0, "a result stands above a crash");
    *row.metrics.get_mut("latency_cycles").unwrap() += 1.0;
    add(&row);
    assert_eq!(store.check().unwrap_err().code, "E0909");
    assert_eq!(store.compact(true).unwrap_err().code, "E0909");
}

#[test]
fn crashes_and_timeouts_are_kept_and_run_again_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[set]\nmodel = \"small-ta\"\ninput.count = 1\ncycle_limit = 50\n[keys]\ncore.lanes = [4, 8]";
    let plan = plan_of(text, folder.path());
    let store = Store::create(&folder.path().join("store")).unwrap();
    let summary = run(&plan, &store, &Options::default());
    assert_eq!((summary.timeout, summary.missing), (2, 0));
    assert_eq!(run(&plan, &store, &Options::default()).evaluated, 0);
    let retry = Options { retry: vec![Status::Timeout], ..Options::default() };
    assert_eq!(run(&plan, &store, &retry).evaluated, 2);
    assert_eq!(store.check().unwrap().keys, 2);
}

#[test]
fn exports_hold_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let store = Store::create(&folder.path().join("store")).unwrap();
    run(&plan, &store, &Options::default());
    let export = |format, varying, name: &str| {
        let path = folder.path().join(name);
        assert_eq!(store.export(format, varying, &path).unwrap(), 12);
        path
    };
    let csv = fs::read_to_string(export(Format::Csv, true, "a.csv")).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert!(header.starts_with(&["key", "status", "code", "reason"]), "{header:?}");
    for (name, there) in
        [("latency_us", true), ("core.lanes", true), ("core.queue_events", true), ("noc.routing", false)]
    {
        assert_eq!(header.contains(&name), there, "{name} in {header:?}");
    }
    assert_eq!(csv.lines().count(), 13);
    let jsonl = fs::read_to_string(export(Format::Jsonl, false, "a.jsonl")).unwrap();
    assert!(jsonl.lines().all(|l| l.contains("\"noc.routing\":\"")));
    // A Parquet export is a part like any other.
    let parquet = export(Format::Parquet, false, "a.parquet");
    let copy = Store::create(&folder.path().join("copy")).unwrap();
    fs::copy(parquet, copy.root().join("part/a.parquet")).unwrap();
    assert_eq!(content(&copy), content(&store));
}

#[test]
fn a_changed_network_needs_a_new_plan() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(SPACE, folder.path());
    let text = fs::read_to_string(&plan).unwrap().replace("small-ta", "vanilla");
    fs::File::create(&plan).unwrap().write_all(text.as_bytes()).unwrap();
    let store = Store::create(&folder.path().join("store")).unwrap();
    let refused = sweep::run(&plan, &store, &Options::default(), &AtomicBool::new(false), &|_| ());
    assert_eq!(refused.unwrap_err().code, "E0906");
}

/// Firing rates in place of data, and a structure without weights.
#[test]
fn workloads_by_rate_are_points_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[set]\nmodel = \"small-ta\"\n[keys]\ninput.rate = [0.05, 0.2]\ncore.lanes = [4, 8]";
    let plan = plan_of(text, folder.path());
    let store = Store::create(&folder.path().join("store")).unwrap();
    assert_eq!(run(&plan, &store, &Options::default()).ok, 4);
    let rows = store.sorted().unwrap();
    let energy = |rate: f64| {
        let of = |r: &&Row| r.set["input.rate"].number() == Some(rate);
        rows.iter().filter(of).map(|r| r.metrics["dynamic_pj"]).sum::<f64>()
    };
    assert!(energy(0.05) < energy(0.2));
    assert!(rows.iter().all(|r| !r.metrics.contains_key("accuracy")));
}
