//! Drills of sweeps: processes that are killed, told to stop, and that run out of disk. After `resume` every point is there
//! once, none was simulated twice, and the content is that of an undisturbed run.
#![allow(clippy::unwrap_used)] // helpers of tests

use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Points of a small network, some of them infeasible.
const SPACE: &str = r#"
name = "drill"
[set]
model = "small-ta"
input.count = 2
[keys]
core.lanes = { from = 1, to = 12 }
core.queue_events = [1, 8, 16, 32]
core.state_kib = [1, 16]
"#;
const POINTS: u64 = 96;

fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulvinar"));
    command.args(["--quiet", "--json"]).args(args).current_dir(folder);
    for variable in pulvinar_explore::cluster::TASK_IDS {
        command.env_remove(variable);
    }
    command
}

fn pulvinar(args: &[&str], folder: &Path) -> Output {
    command(args, folder).output().unwrap()
}

fn json(args: &[&str], folder: &Path) -> Json {
    let out = pulvinar(args, folder);
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| {
        panic!(
            "{args:?}: {e}: {}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        )
    })
}

/// A folder with a plan.
fn planned() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("SPACE.toml"), SPACE).unwrap();
    let out = json(&["explore", "plan", "SPACE.toml", "-o", "PLAN", "--no-pilot"], folder.path());
    assert_eq!(out["points"], POINTS);
    folder
}

/// Rows of a store without what may differ from run to run, sorted.
fn content(store: &str, folder: &Path) -> Vec<String> {
    let out = pulvinar(&["store", "export", store, "-o", "rows.jsonl"], folder);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut rows: Vec<String> = fs::read_to_string(folder.join("rows.jsonl"))
        .unwrap()
        .lines()
        .map(|line| {
            let mut row: serde_json::Map<String, Json> = serde_json::from_str(line).unwrap();
            ["wall_s", "cpu_s", "host", "attempt"].iter().for_each(|c| drop(row.remove(*c)));
            Json::Object(row).to_string()
        })
        .collect();
    rows.sort();
    rows
}

/// Runs what is missing and compares with an undisturbed run.
fn finish(store: &str, folder: &Path) {
    let out = pulvinar(&["sweep", "resume", "PLAN", "--store", store], folder);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let check = json(&["store", "check", store], folder);
    assert_eq!((&check["keys"], &check["run_twice"]), (&Json::from(POINTS), &Json::from(0)), "{check}");
    assert_eq!(pulvinar(&["sweep", "status", "PLAN", "--store", store], folder).status.code(), Some(0));
    let whole = pulvinar(&["sweep", "run", "PLAN", "--store", "whole", "--jobs", "2"], folder);
    assert_eq!(whole.status.code(), Some(0));
    assert_eq!(content(store, folder), content("whole", folder));
}

/// Lines of all segments: progress of processes that have sealed nothing.
fn lines(store: &Path) -> usize {
    let files = fs::read_dir(store.join("seg")).into_iter().flatten().flatten();
    files.filter_map(|f| fs::read_to_string(f.path()).ok()).map(|t| t.matches('\n').count()).sum()
}

#[test]
fn twenty_kills_lose_nothing() {
    let folder = planned();
    let store = folder.path().join("S");
    // Deterministic moments, counted in points so that a slow machine is killed as often in the middle as a fast one.
    let mut state = 1u64;
    let mut kills_midway = 0;
    for _ in 0..20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (wanted, delay) = ((state >> 33) % 5, (state >> 40) % 8);
        let before = lines(&store);
        let mut child = command(&["sweep", "run", "PLAN", "--store", "S", "--jobs", "2"], folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let ended = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if lines(&store) >= before + wanted as usize || start.elapsed() > Duration::from_secs(60) {
                break false;
            }
            sleep(Duration::from_millis(1));
        };
        sleep(Duration::from_millis(delay));
        kills_midway += u32::from(!ended);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let check = json(&["store", "check", "S"], folder.path());
    println!("{kills_midway} of 20 kills hit a running process; before resume: {check}");
    assert!(kills_midway >= 10, "{kills_midway} kills only");
    assert!(check["keys"].as_u64().unwrap() > 0);
    finish("S", folder.path());
}

#[test]
fn a_torn_line_and_a_part_without_its_name_are_run_again() {
    let folder = planned();
    let out = pulvinar(&["sweep", "run", "PLAN", "--store", "S", "--shard", "1/3"], folder.path());
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(pulvinar(&["sweep", "status", "PLAN", "--store", "S"], folder.path()).status.code(), Some(4));
    // The part becomes one that was never renamed, its rows a segment whose last line is torn.
    let store = folder.path().join("S");
    let part = fs::read_dir(store.join("part")).unwrap().next().unwrap().unwrap().path();
    let rows = pulvinar_explore::Store::open(&store).unwrap().sorted().unwrap();
    fs::rename(part, store.join("part/.tmp-0123")).unwrap();
    let text: String = rows.iter().map(|r| serde_json::to_string(r).unwrap() + "\n").collect();
    fs::write(store.join("seg/1of3-dead.jsonl"), &text[..text.len() - 20]).unwrap();
    let check = json(&["store", "check", "S"], folder.path());
    assert_eq!((&check["torn"], &check["temporary"]), (&Json::from(1), &Json::from(1)));
    assert_eq!(check["keys"], rows.len() as u64 - 1);
    finish("S", folder.path());
}

#[test]
fn signals_and_limits_leave_a_store_to_resume() {
    let folder = planned();
    let store = folder.path().join("S");
    for signal in ["INT", "TERM"] {
        let before = lines(&store);
        let child = command(&["sweep", "run", "PLAN", "--store", "S", "--jobs", "1"], folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while lines(&store) < before + 3 && start.elapsed() < Duration::from_secs(60) {
            sleep(Duration::from_millis(1));
        }
        assert!(Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap()
            .success());
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(75), "{}", String::from_utf8_lossy(&out.stderr));
        // What was done is sealed.
        assert_eq!(lines(&store), 0);
    }
    let out = pulvinar(&["sweep", "run", "PLAN", "--store", "S", "--limit", "0s"], folder.path());
    assert_eq!(out.status.code(), Some(75));
    finish("S", folder.path());
}

/// True if this process may mount a file system in a namespace of its own.
fn may_mount() -> bool {
    let script = "mount -t tmpfs -o size=64k none /mnt";
    let tried = Command::new("unshare").args(["-m", "sh", "-c", script]).stderr(Stdio::null()).status();
    tried.is_ok_and(|s| s.success())
}

/// The disk is full after some rows: a tmpfs of 96 KiB where mounting is permitted, else files of at most 32 KiB.
#[test]
fn a_full_disk_stops_with_a_message_and_loses_nothing() {
    let folder = planned();
    let store = folder.path().join("S");
    fs::create_dir_all(&store).unwrap();
    let own = env!("CARGO_BIN_EXE_pulvinar");
    let run = format!("{own} --quiet sweep run PLAN --store S --jobs 2");
    let out = if may_mount() {
        println!("full disk: a tmpfs of 96 KiB");
        // What the small disk holds is copied out before its namespace ends.
        let script = format!(
            "mount -t tmpfs -o size=96k none S && {{ {run}; code=$?; mkdir out; cp -r S/. out/; exit $code; }}"
        );
        let out = Command::new("unshare")
            .args(["-m", "sh", "-c", &script])
            .current_dir(folder.path())
            .output()
            .unwrap();
        fs::remove_dir(&store).unwrap();
        fs::rename(folder.path().join("out"), &store).unwrap();
        out
    } else {
        println!("full disk: files limited to 32 KiB");
        let script = format!("trap '' XFSZ; ulimit -f 64; {run}");
        Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap()
    };
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error[E0908]") && said.contains("make space"), "{said}");
    let check = json(&["store", "check", "S"], folder.path());
    let keys = check["keys"].as_u64().unwrap();
    println!("{keys} of {POINTS} points were kept");
    assert!(keys > 0 && keys < POINTS, "{check}");
    finish("S", folder.path());
}

#[test]
fn array_jobs_say_which_shard_they_are() {
    let folder = planned();
    for (name, id) in [("HQ_TASK_ID", "0"), ("SLURM_ARRAY_TASK_ID", "1")] {
        let mut run = command(&["sweep", "run", "PLAN", "--store", "S", "--shards", "2"], folder.path());
        assert_eq!(run.env(name, id).output().unwrap().status.code(), Some(0));
    }
    finish("S", folder.path());
}

/// Exit code 3: everything has a row, some of them timed out.
#[test]
fn timeouts_are_told_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let space = "[set]\nmodel = \"small-ta\"\ninput.count = 1\n[keys]\ncycle_limit = [50, 1000000]";
    fs::write(folder.path().join("SPACE.toml"), space).unwrap();
    json(&["explore", "plan", "SPACE.toml", "-o", "PLAN", "--no-pilot"], folder.path());
    for _ in 0..2 {
        let out = pulvinar(&["sweep", "run", "PLAN", "--store", "S"], folder.path());
        assert_eq!(out.status.code(), Some(3), "{}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(pulvinar(&["sweep", "status", "PLAN", "--store", "S"], folder.path()).status.code(), Some(0));
}

/// A store that may be read only: a mode where that binds, a mount where it does not.
#[test]
fn a_store_that_is_read_only_is_refused() {
    let folder = planned();
    let run = ["sweep", "run", "PLAN", "--store", "S"];
    assert_eq!(pulvinar(&[&run[..], &["--shard", "0/9"]].concat(), folder.path()).status.code(), Some(0));
    let out = if may_mount() {
        let own = env!("CARGO_BIN_EXE_pulvinar");
        let script = format!("mount --bind S S && mount -o remount,ro,bind S && {own} {}", run.join(" "));
        Command::new("unshare").args(["-m", "sh", "-c", &script]).current_dir(folder.path()).output().unwrap()
    } else {
        for path in ["S/seg", "S/part"] {
            let path: PathBuf = folder.path().join(path);
            let mut mode = fs::metadata(&path).unwrap().permissions();
            mode.set_readonly(true);
            fs::set_permissions(&path, mode).unwrap();
        }
        pulvinar(&run, folder.path())
    };
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error[E0908]"), "{said}");
}
