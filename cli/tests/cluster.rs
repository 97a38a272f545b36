//! Submitting to this machine, what is told to engines, and the part of the doctor that one machine can try.
//! Drills on several hosts are run on request: `tests/cluster/drill.py`.
#![allow(clippy::unwrap_used)] // helpers of tests

use serde_json::Value as Json;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Points of a small network, some of them infeasible.
const SPACE: &str = r#"
name = "a name / of words"
[set]
model = "small-ta"
input.count = 4
input.simulate = 4
[keys]
core.lanes = { from = 1, to = 8 }
core.queue_events = [1, 8, 16]
core.state_kib = [1, 16]
"#;
const POINTS: u64 = 48;

fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulvinar"));
    command.args(["--quiet", "--json"]).args(args).current_dir(folder);
    for variable in pulvinar_explore::cluster::TASK_IDS {
        command.env_remove(variable);
    }
    // Engines of this machine are not asked.
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.join("bin").display()));
    command
}

fn pulvinar(args: &[&str], folder: &Path) -> Output {
    command(args, folder).output().unwrap()
}

fn json_of(out: &Output) -> Json {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| {
        panic!("{e}: {}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    })
}

fn json(args: &[&str], folder: &Path) -> Json {
    json_of(&pulvinar(args, folder))
}

/// A folder with a plan.
fn planned() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("SPACE.toml"), SPACE).unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    let out = json(&["explore", "plan", "SPACE.toml", "-o", "PLAN", "--no-pilot"], folder.path());
    assert_eq!(out["points"], POINTS);
    folder
}

/// Arguments of a submit.
fn submit<'a>(backend: &'a str, shards: &'a str) -> Vec<&'a str> {
    vec!["sweep", "submit", "PLAN", "--store", "S", "--backend", backend, "--shards", shards]
}

/// A program that stands for one of an engine: a line of a shell.
fn engine(folder: &Path, name: &str, script: &str) {
    let path = folder.join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn shards_on_this_machine_fill_the_store_and_only_missing_ones_run() {
    let folder = planned();
    let part = pulvinar(&["sweep", "run", "PLAN", "--store", "S", "--shard", "2/5"], folder.path());
    assert_eq!(part.status.code(), Some(0));
    let watch = ["sweep", "status", "PLAN", "--store", "S", "--watch=0.05s"];
    let mut watching = command(&watch, folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    watching.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    let out = pulvinar(&submit("local", "5"), folder.path());
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let watched = watching.wait_with_output().unwrap();
    assert_eq!(watched.status.code(), Some(0), "it ends when nothing is missing");
    let looks = String::from_utf8(watched.stdout).unwrap();
    assert!(looks.matches("\"missing\"").count() > 1 && looks.contains("\"missing\": 0"), "{looks}");
    let facts = json_of(&out);
    assert_eq!((&facts["shards"], &facts["summary"]["missing"]), (&Json::from(4), &Json::from(0)), "{facts}");
    let check = json(&["store", "check", "S"], folder.path());
    assert_eq!((&check["keys"], &check["run_twice"]), (&Json::from(POINTS), &Json::from(0)));
    // Nothing is left to do, and no shard has left a word.
    assert_eq!(json(&submit("local", "7"), folder.path())["missing"], 0);
    assert_eq!(fs::read_dir(folder.path().join("S/submit")).unwrap().count(), 0);
}

/// Processes of a folder that run a shard.
fn shards_of(folder: &Path) -> Vec<String> {
    let own = folder.join("S").display().to_string();
    let is_shard = |pid: &String| {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.contains(&own) && words.contains("\0run\0")
    };
    let names =
        fs::read_dir("/proc").unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.filter(|n| n.bytes().all(|b| b.is_ascii_digit())).filter(is_shard).collect()
}

fn lines(store: &Path) -> usize {
    let files = fs::read_dir(store.join("seg")).into_iter().flatten().flatten();
    files.filter_map(|f| fs::read_to_string(f.path()).ok()).map(|t| t.matches('\n').count()).sum()
}

/// Starts a submit and waits until a shard has rows that are not sealed.
fn begun(folder: &Path) -> std::process::Child {
    let child =
        command(&submit("local", "3"), folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while lines(&folder.join("S")) == 0 && start.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn a_shard_that_is_killed_is_told_and_its_points_are_submitted_again() {
    let folder = planned();
    let child = begun(folder.path());
    let shards = shards_of(folder.path());
    assert!(!shards.is_empty(), "no shard is under way");
    assert!(Command::new("kill").arg("-KILL").arg(&shards[0]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error[E0942]") && said.contains("was killed by signal 9 (1 of 3 failed)"),
        "{said}"
    );
    let out = pulvinar(&submit("local", "3"), folder.path());
    assert_eq!(json_of(&out)["shards"], 1, "one shard is submitted again");
    let check = json(&["store", "check", "S"], folder.path());
    assert_eq!((&check["keys"], &check["run_twice"]), (&Json::from(POINTS), &Json::from(0)), "{check}");
}

#[test]
fn an_interrupt_ends_every_shard_with_what_it_has() {
    let folder = planned();
    let child = begun(folder.path());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(75), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(shards_of(folder.path()).is_empty());
    assert_eq!(lines(&folder.path().join("S")), 0, "every row is sealed");
    assert_eq!(pulvinar(&submit("local", "3"), folder.path()).status.code(), Some(0));
}

/// Engines start a shard at least once. Two processes that run one at the same time compute the same.
#[test]
fn a_shard_that_runs_twice_at_once_comes_to_the_same() {
    let folder = planned();
    let run = ["sweep", "run", "PLAN", "--store", "S", "--jobs", "1"];
    let start = || command(&run, folder.path()).stdout(Stdio::null()).spawn().unwrap();
    for mut child in [start(), start()] {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let check = json(&["store", "check", "S"], folder.path());
    println!("{} of {POINTS} points were computed twice", check["run_twice"]);
    assert_eq!(check["keys"], POINTS);
    assert!(check["run_twice"].as_u64().unwrap() > 0, "{check}");
}

/// What the back ends tell Slurm and HyperQueue, by programs that stand for theirs and keep what they were told.
#[test]
fn engines_are_told_arrays_of_the_missing_shards() {
    let folder = planned();
    let path = folder.path().canonicalize().unwrap();
    engine(&path, "scontrol", "echo 'MaxArraySize = 3'; echo 'SLURM_VERSION = 1.2.3'");
    engine(
        &path,
        "sbatch",
        "for a in \"$@\"; do echo \"$a\" >> told; script=$a; done; wc -l < told; cat \"$script\" >> scripts",
    );
    let mut args = submit("slurm", "5");
    args.extend(["--jobs", "2", "--limit", "9m", "--", "--partition=short"]);
    let facts = json(&args, &path);
    assert_eq!(facts["jobs"], serde_json::json!(["3", "6"]), "{facts}");
    assert_eq!(facts["watch"], "squeue --jobs 3,6");
    assert_eq!(facts["cancel"], "scancel 3 6");
    let told = fs::read_to_string(path.join("told")).unwrap();
    assert_eq!(told.matches("--parsable\n--partition=short\n").count(), 2, "{told}");
    let scripts = fs::read_to_string(path.join("scripts")).unwrap();
    for (words, times) in [
        ("#!/bin/sh\n", 2),
        ("#SBATCH --job-name=pulvinar-a-name---of-words\n", 2),
        ("#SBATCH --array=0-2\n", 1),
        ("#SBATCH --array=0-1\n", 1),
        ("#SBATCH --requeue\n", 2),
        ("#SBATCH --cpus-per-task=2\n", 2),
        ("export PULVINAR_TASK_ID=$((SLURM_ARRAY_TASK_ID + 0))\n", 1),
        ("export PULVINAR_TASK_ID=$((SLURM_ARRAY_TASK_ID + 3))\n", 1),
        ("--shards 5 --jobs 2 --limit 9m\n", 2),
    ] {
        assert_eq!(scripts.matches(words).count(), times, "{words}: {scripts}");
    }
    // A script does what it says: the shard of task 1 of the second array.
    let mut scripts = fs::read_dir(path.join("S/submit")).unwrap().flatten().map(|e| e.path());
    let script = scripts.find(|p| p.to_string_lossy().ends_with("-3.sh")).unwrap();
    let ran = Command::new("sh").arg(script).env("SLURM_ARRAY_TASK_ID", "1").status().unwrap();
    assert!(ran.success());
    let shard = json(&["sweep", "status", "PLAN", "--store", "S", "--shard", "4/5"], &path);
    assert_eq!(shard["missing"], 0);

    let server = r#"case "$*" in *--version) echo 'hyperqueue 1.2.3';; *info) echo server;; *) echo "$@" > hq-told; echo 9;; esac"#;
    engine(&path, "hq", server);
    let facts = json(&submit("hq", "5"), &path);
    assert_eq!((&facts["jobs"], &facts["shards"]), (&serde_json::json!(["9"]), &Json::from(4)), "{facts}");
    let told = fs::read_to_string(path.join("hq-told")).unwrap();
    for words in ["--array 0-3 ", "--cpus 1 ", "--crash-limit 5 ", "--stdout none ", ":rm-if-finished "] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

/// A limit of the site that is met after the first array.
#[test]
fn a_refusal_after_some_jobs_says_which_were_submitted() {
    let folder = planned();
    engine(folder.path(), "scontrol", "echo 'MaxArraySize = 3'");
    let limit = "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1";
    engine(folder.path(), "sbatch", &format!("[ -e first ] && {{ {limit}; }}; touch first; echo 11"));
    let out = pulvinar(&submit("slurm", "5"), folder.path());
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error[E0942]") && said.contains("QOSMaxSubmitJobPerUserLimit; job 11 was"),
        "{said}"
    );
}

#[test]
fn a_dry_run_starts_nothing_and_makes_no_store() {
    let folder = planned();
    let mut args = submit("local", "4");
    args.push("--dry-run");
    let facts = json(&args, folder.path());
    assert_eq!((&facts["missing"], facts["launches"].as_array().unwrap().len()), (&Json::from(POINTS), 4));
    assert_eq!(facts["launches"][3]["variables"]["PULVINAR_TASK_ID"], "3");
    assert!(!folder.path().join("S").exists());
}

/// What one machine can try passes; what it cannot is said to be not tested, unless it was asked for.
#[test]
fn the_doctor_tries_what_this_machine_can() {
    let folder = planned();
    let doctor = |args: &[&str]| {
        let mut all = vec!["cluster", "doctor"];
        all.extend(args);
        let mut command = command(&all, folder.path());
        let out = command.env("PATH", folder.path().join("bin")).output().unwrap();
        (out.status.code(), json_of(&out))
    };
    let (code, checks) = doctor(&[]);
    assert_eq!(code, Some(0), "{checks}");
    let verdict = |what: &str| {
        let found = checks.as_array().unwrap().iter().find(|c| c["what"].as_str().unwrap().contains(what));
        found.unwrap_or_else(|| panic!("{what}: {checks}"))["verdict"].clone()
    };
    for (what, expected) in [
        ("durable files", "passed"),
        ("rename", "passed"),
        ("local: job of three tasks", "passed"),
        ("local: file system shared", "not_tested"),
        ("local: clocks", "passed"),
        ("slurm: engine", "not_tested"),
        ("hq: engine", "not_tested"),
    ] {
        assert_eq!(verdict(what), expected, "{what}");
    }
    let names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with("doctor"))
        .collect();
    assert!(names.is_empty(), "{names:?} are left behind");
    assert_eq!(doctor(&["--backend", "hq"]).0, Some(6), "an engine that was asked for has to be there");
    // An engine that takes the job and does nothing.
    engine(folder.path(), "scontrol", "echo 'MaxArraySize = 1001'");
    engine(folder.path(), "sbatch", "echo 7");
    engine(folder.path(), "scancel", "echo $1 > cancelled");
    let (code, checks) = doctor(&["--backend", "slurm", "--patience", "0.3s"]);
    assert_eq!(code, Some(6));
    assert!(checks.to_string().contains("0 of 3 tasks left their record"), "{checks}");
    assert_eq!(fs::read_to_string(folder.path().join("cancelled")).unwrap(), "7\n");
}
