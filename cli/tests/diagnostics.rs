//! What only the binary refuses, word for word as in `golden/diagnostics.txt`; `UPDATE_GOLDEN=1` writes the file.
//! The codes of the libraries are held in the same way by `tests/tests/diagnostics`.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_models::{dataset, zoo, Dataset};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Code, the fault in words, what lies in the folder, and the arguments.
type Case = (&'static str, &'static str, fn(&Path), &'static [&'static str]);

const CASES: &[Case] = &[
    ("E0406", "an accuracy without labels", unlabelled, &["bits", "--input", "data.safetensors"]),
    ("E0501", "an output without a name", |_| (), &["run", "-o", ".."]),
    ("E0502", "an output over the folder of something else", foreign, &["run", "-o", "foreign"]),
    ("E0503", "a strategy nobody knows", |_| (), &["compile", "--strategy", "neuron1=magic", "-o", "out"]),
    ("E0504", "a pass nobody knows", |_| (), &["compile", "--emit", "wavelet"]),
    ("E0505", "a program that is no text", not_text, &["simulate", "prog"]),
    (
        "E0506",
        "an estimator nobody knows",
        |_| (),
        &["energy", "vanilla", "--rate", "0.1", "--estimator", "joule"],
    ),
    ("E0509", "a chip nobody knows", |_| (), &["chips", "abacus"]),
    (
        "E0520",
        "an engine where nothing is simulated",
        |_| (),
        &["run", "--fidelity", "analytic", "--engine", "plain"],
    ),
    ("E0521", "a mapping that is none", mappings, &["check", "--mapping", "mapping.toml"]),
    ("E0902", "a method nobody knows", spaces, &["explore", "map", "data.toml", "--method", "annealing"]),
    ("E0901", "a space that is none", spaces, &["explore", "plan", "none.toml", "-o", "P"]),
    ("E0902", "a key nobody knows", spaces, &["explore", "plan", "key.toml", "-o", "P"]),
    ("E0903", "a range without numbers", spaces, &["explore", "plan", "range.toml", "-o", "P"]),
    ("E0904", "constraints that no point meets", spaces, &["explore", "plan", "constraint.toml", "-o", "P"]),
    (
        "E0905",
        "accuracy as an objective without labels",
        spaces,
        &["explore", "plan", "accuracy.toml", "-o", "P"],
    ),
    ("E0906", "a plan that is none", spaces, &["sweep", "run", "key.toml", "--store", "S"]),
    ("E0907", "a store of another version", stores, &["sweep", "status", "P", "--store", "newer"]),
    ("E0907", "a folder of something else as a store", stores, &["sweep", "run", "P", "--store", "foreign"]),
    ("E0908", "a store that cannot be written", stores, &["sweep", "run", "P", "--store", "shut"]),
    ("E0909", "two results for one key", stores, &["store", "check", "twice"]),
    ("E0910", "a shard that is none", stores, &["sweep", "run", "P", "--store", "S", "--shard", "3/3"]),
    (
        "E0904",
        "a search that every constraint refuses",
        spaces,
        &["explore", "search", "refused.toml", "--store", "S", "--budget", "9"],
    ),
    (
        "E0905",
        "a search for an accuracy without labels",
        spaces,
        &["explore", "search", "accuracy.toml", "--store", "S", "--budget", "9"],
    ),
    (
        "E0912",
        "a search without a reference point",
        spaces,
        &["explore", "search", "constraint.toml", "--store", "S", "--budget", "9"],
    ),
    (
        "E0920",
        "a search without a budget",
        spaces,
        &["explore", "search", "search.toml", "--store", "S", "--budget", "0"],
    ),
    (
        "E0920",
        "a search of nothing",
        spaces,
        &["explore", "search", "still.toml", "--store", "S", "--budget", "9"],
    ),
    (
        "E0920",
        "a simulation to be confirmed by itself",
        spaces,
        &["explore", "search", "search.toml", "--store", "S", "--budget", "9", "--confirm"],
    ),
    (
        "E0921",
        "a proposal outside the space",
        spaces,
        &["explore", "search", "search.toml", "--store", "S", "--budget", "9", "--sampler", "pipe"],
    ),
    (
        "E0931",
        "results of points that are not there",
        results,
        &["explore", "pareto", "R", "--where", "core.lanes=5"],
    ),
    (
        "E0932",
        "an objective that points lack",
        results,
        &["explore", "pareto", "R", "--objectives", "accuracy"],
    ),
    (
        "E0933",
        "a heat map over a key that is the same everywhere",
        results,
        &["explore", "plot", "R", "--fidelity", "cycle", "--heat", "core.lanes,mesh.width", "-o", "out"],
    ),
    (
        "E0902",
        "a heat map over a key that does not vary",
        results,
        &[
            "explore",
            "plot",
            "R",
            "--fidelity",
            "cycle",
            "--heat",
            "core.lane,core.queue_events",
            "-o",
            "out",
        ],
    ),
    (
        "E0902",
        "a condition on what is neither key nor metric",
        results,
        &["explore", "pareto", "R", "--where", "latency>=3"],
    ),
    (
        "E0934",
        "a front without points",
        results,
        &["explore", "pareto", "R", "--fidelity", "cycle", "--reference", "latency_us=1"],
    ),
    (
        "E0935",
        "a log of a search that is none",
        results,
        &["explore", "plot", "R", "--trials", "R/schema.json", "-o", "out"],
    ),
    ("E0936", "a front of two fidelities", results, &["explore", "pareto", "R"]),
    (
        "E0906",
        "a plan of another version",
        engines,
        &["sweep", "submit", "old", "--store", "S", "--backend", "local", "--shards", "2"],
    ),
    (
        "E0908",
        "a store that shards cannot write",
        stores,
        &["sweep", "submit", "P", "--store", "shut", "--backend", "local", "--shards", "2"],
    ),
    (
        "E0910",
        "no shards",
        engines,
        &["sweep", "submit", "P", "--store", "S", "--backend", "local", "--shards", "0"],
    ),
    (
        "E0910",
        "options of an engine for this machine",
        engines,
        &[
            "sweep",
            "submit",
            "P",
            "--store",
            "S",
            "--backend",
            "local",
            "--shards",
            "2",
            "--",
            "--partition=short",
        ],
    ),
    (
        "E0940",
        "a back end nobody knows",
        engines,
        &["sweep", "submit", "P", "--store", "S", "--backend", "pbs", "--shards", "2"],
    ),
    (
        "E0941",
        "an engine that is not there",
        engines,
        &["sweep", "submit", "P", "--store", "S", "--backend", "hq", "--shards", "2"],
    ),
    (
        "E0941",
        "an engine that does not answer",
        deaf,
        &["sweep", "submit", "P", "--store", "S", "--backend", "slurm", "--shards", "2"],
    ),
    (
        "E0942",
        "an engine that refuses",
        engines,
        &["sweep", "submit", "P", "--store", "S", "--backend", "slurm", "--shards", "2"],
    ),
    ("E0518", "a time step for a network that has none", |_| (), &["check", "vanilla", "--dt", "1e-3"]),
];

fn unlabelled(folder: &Path) {
    let frames = zoo::test_inputs().unwrap().frames.slice(0..1);
    let data = dataset::to_bytes(&Dataset { frames, labels: None });
    fs::write(folder.join("data.safetensors"), data).unwrap();
}

fn foreign(folder: &Path) {
    fs::create_dir(folder.join("foreign")).unwrap();
    fs::write(folder.join("foreign/diary.txt"), "").unwrap();
}

fn not_text(folder: &Path) {
    fs::create_dir(folder.join("prog")).unwrap();
    fs::write(folder.join("prog/program.json"), [0xff, 0xfe]).unwrap();
}

fn spaces(folder: &Path) {
    let bound = "[[constraint]]\nproduct = [\"mesh.width\", \"mesh.height\"]\nat_least = 5";
    let reference = "[reference]\nlatency_us = 1e3\nenergy_pj = 1e9\narea_mm2 = 10.0\n";
    for (name, text) in [
        ("data", "[set]\nmodel = \"small-ta\""),
        ("none", "[keyz]\ncore.lanes = [4]"),
        ("key", "[keys]\ncore.lane = [4, 8]"),
        ("range", "[keys]\ncore.lanes = { from = 16, to = 4 }"),
        ("constraint", &format!("[keys]\nmesh.width = [1, 2]\nmesh.height = [1, 2]\n{bound}")),
        (
            "accuracy",
            "objectives = [\"accuracy\"]\n[reference]\naccuracy = 0.5\n[set]\nmodel = \"vanilla\"\ninput.data = \"data.safetensors\"\n[keys]\ncore.lanes = [4, 8]",
        ),
        ("refused", &format!("{reference}[keys]\nmesh.width = [1, 2]\nmesh.height = [1, 2]\n{bound}")),
        ("search", &format!("{reference}[keys]\ncore.lanes = [4, 8]")),
        ("still", reference),
    ] {
        fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
    fs::write(folder.join("stdin"), "[[7]]\n").unwrap();
    unlabelled(folder);
}

/// A row of the default chip with some lanes.
fn row(key: u128, lanes: i64, fidelity: &str, metrics: &[(&str, f64)]) -> pulvinar_explore::Row {
    use pulvinar_explore::{config::Config, keys, store::Facts, Scalar};
    let mut set = keys::flat(&Config::base(pulvinar_ir::Arch::default_chip()).json());
    set.insert("core.lanes".to_owned(), Scalar::Int(lanes));
    set.insert("core.queue_events".to_owned(), Scalar::Int(lanes * lanes));
    set.insert("fidelity".to_owned(), Scalar::Text(fidelity.to_owned()));
    pulvinar_explore::Row {
        key: pulvinar_explore::Key(key),
        status: pulvinar_explore::Status::Ok,
        code: String::new(),
        reason: String::new(),
        set,
        metrics: metrics.iter().map(|(name, v)| ((*name).to_owned(), *v)).collect(),
        facts: Facts::default(),
    }
}

/// Puts a row into a store as a part of its own.
fn put(store: &pulvinar_explore::Store, row: pulvinar_explore::Row) {
    let segment = pulvinar_explore::store::Segment::new(store, "0of1");
    segment.add(row).unwrap();
    segment.seal().unwrap();
}

/// A store of two chips that were simulated, one of them in closed form too.
fn results(folder: &Path) {
    let store = pulvinar_explore::Store::create(&folder.join("R")).unwrap();
    for (key, lanes, fidelity) in [(1, 4, "cycle"), (2, 8, "cycle"), (3, 8, "analytic")] {
        let latency = 80.0 / lanes as f64;
        let metrics = [("latency_us", latency), ("energy_pj", 1e6), ("area_mm2", lanes as f64)];
        put(&store, row(key, lanes, fidelity, &metrics));
    }
}

fn mappings(folder: &Path) {
    fs::write(folder.join("mapping.toml"), "[strategy]\nneuron1 = \"recompute\"").unwrap();
}

/// A plan of one point, and stores that cannot take it.
fn stores(folder: &Path) {
    use pulvinar_explore::{Evaluator, Plan, Settings, Space, Store};
    let space = Space::parse("[set]\nmodel = \"small-ta\"", "SPACE.toml", Path::new(".")).unwrap();
    let plan = Plan::new(&space, vec![Settings::new()], &Evaluator::new(folder, 1)).unwrap();
    plan.write(&folder.join("P")).unwrap();
    foreign(folder);
    fs::create_dir(folder.join("newer")).unwrap();
    fs::write(folder.join("newer/schema.json"), "{\"pulvinar_store\": 7}").unwrap();
    Store::create(&folder.join("shut")).unwrap();
    fs::remove_dir(folder.join("shut/seg")).unwrap();
    fs::write(folder.join("shut/seg"), "").unwrap();
    let twice = Store::create(&folder.join("twice")).unwrap();
    for value in [1.0, 2.0] {
        let mut row = row(1, 16, "cycle", &[("latency_cycles", value)]);
        row.facts.attempt = value.to_string();
        put(&twice, row);
    }
}

/// Plans, and a program for one of Slurm's: it lets arrays be, and refuses jobs.
fn engines(folder: &Path) {
    stores(folder);
    let plan = fs::read_to_string(folder.join("P")).unwrap();
    fs::write(folder.join("old"), plan.replacen("\"pulvinar_plan\":1", "\"pulvinar_plan\":0", 1)).unwrap();
    engine(folder, "scontrol", "echo 'MaxArraySize = 1001'; echo 'SLURM_VERSION = 22.05.8'");
    engine(
        folder,
        "sbatch",
        "echo 'sbatch: error: Batch job submission failed: Invalid partition name specified' >&2; exit 1",
    );
}

/// The same with a Slurm whose controller does not answer.
fn deaf(folder: &Path) {
    engines(folder);
    let words = "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)";
    engine(folder, "scontrol", &format!("echo '{words}' >&2; exit 1"));
}

/// A program in the folder that alone is on PATH.
fn engine(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("bin").join(name);
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn refusals_of_the_binary_read_as_in_the_golden_file() {
    let mut text = String::new();
    for (code, fault, prepare, args) in CASES {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let out = Command::new(env!("CARGO_BIN_EXE_pulvinar"))
            .args(["--quiet"])
            .args(*args)
            .current_dir(folder.path())
            .stdin(fs::File::open(folder.path().join("stdin")).map_or(Stdio::null(), Stdio::from))
            .env("PATH", folder.path().join("bin"))
            .output()
            .unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        let exit = if *code == "E0909" { 5 } else { 1 };
        assert_eq!(out.status.code(), Some(exit), "{fault}: {said}");
        assert!(said.starts_with(&format!("error[{code}]")), "{fault}: {said}");
        text.push_str(&format!("# {fault}: pulvinar {}\n{said}\n", args.join(" ")));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/diagnostics.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "{} differs; look at it, then run with UPDATE_GOLDEN=1:\n{text}", file.display());
}
