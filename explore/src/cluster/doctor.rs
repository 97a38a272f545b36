//! What a sweep needs of a site, tried: the engine, a job of three tasks, the file system, the clocks.

use super::{Array, Backend, Started};
use crate::files::{self, failed};
use pulvinar_ir::{Diagnostic, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tasks of the job.
const TASKS: u32 = 3;

/// Renames over one name while it is read.
const RENAMES: usize = 100;

/// Clocks that differ by more make `store compact` take segments that are still written.
const MOST_SKEW_S: f64 = 60.0;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It works.
    Passed,
    /// It does not.
    Failed,
    /// It cannot be tried here.
    NotTested,
}

/// One thing that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was seen, or why not.
    pub seen: String,
}

/// What to try.
pub struct Examination<'a> {
    /// Back ends.
    pub backends: &'a [&'static dyn Backend],
    /// True if they were asked for by name: one that is not there is then a fault.
    pub named: bool,
    /// Folder for the job, on the file system of the store.
    pub folder: &'a Path,
    /// Program and arguments of a task; the folder of its record is added.
    pub command: Vec<String>,
    /// Longest time of the job.
    pub patience: Duration,
    /// Further options of the engine.
    pub extra: Vec<String>,
}

/// What a task of the job leaves.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    host: String,
    version: String,
    /// Seconds since 1970 by the clock of its host.
    clock_s: f64,
}

fn clock_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn record_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("task-{id}.json"))
}

/// One task: leaves its record in a folder.
///
/// # Errors
/// E0908 if it cannot be written.
pub fn task(folder: &Path, id: &str) -> Result<()> {
    let record =
        Record { host: files::host(), version: env!("CARGO_PKG_VERSION").to_owned(), clock_s: clock_s() };
    let text = serde_json::to_string(&record).expect("plain data always serialises");
    let path = record_of(folder, id);
    files::publish(&path, |out| files::line(out, &text)).map_err(|e| failed(&path, &e))
}

impl Examination<'_> {
    /// Tries everything; what it writes is removed again.
    ///
    /// # Errors
    /// E0908 if nothing can be written in the folder.
    pub fn run(&self) -> Result<Vec<Check>> {
        let own = self.folder.join(format!("doctor-{}", files::unique()));
        fs::create_dir(&own).map_err(|e| failed(&own, &e))?;
        let mut checks = file_system(&own);
        for backend in self.backends {
            let folder = own.join(backend.name());
            match fs::create_dir(&folder) {
                Ok(()) => checks.extend(self.engine(*backend, &folder)),
                Err(e) => checks.push(check(backend.name(), Err(e.to_string()))),
            }
        }
        // Tasks that come late find no folder, and say so to their engine.
        fs::remove_dir_all(&own).map_err(|e| failed(&own, &e))?;
        Ok(checks)
    }

    fn engine(&self, backend: &dyn Backend, folder: &Path) -> Vec<Check> {
        let name = |part: &str| format!("{}: {part}", backend.name());
        let version = match backend.version() {
            Ok(version) => version,
            Err(diagnostic) => {
                let verdict = if self.named { Verdict::Failed } else { Verdict::NotTested };
                let seen = format!("{}; {}", diagnostic.message, diagnostic.help);
                return vec![Check { what: name("engine"), verdict, seen }];
            }
        };
        let mut checks = vec![check(&name("engine"), Ok(version))];
        let start = Instant::now();
        match self.job(backend, folder) {
            Err(diagnostic) => {
                let seen = format!("{}: {}; {}", diagnostic.place, diagnostic.message, diagnostic.help);
                checks.push(check(&name("job of three tasks"), Err(seen)));
            }
            Ok(records) => {
                let hosts: BTreeSet<String> = records.values().map(|(r, _)| r.host.clone()).collect();
                let hosts: Vec<String> = hosts.into_iter().collect();
                let seen = format!(
                    "{} records after {:.1} s, by {}",
                    records.len(),
                    start.elapsed().as_secs_f64(),
                    hosts.join(", ")
                );
                checks.push(check(&name("job of three tasks"), Ok(seen)));
                checks.push(shared(&name("file system shared"), &hosts));
                checks.push(versions(&name("versions"), &records));
                checks.push(skew(&name("clocks"), &records));
            }
        }
        checks
    }

    /// Runs the job and reads what its tasks left, each with the time that the file system gave it.
    fn job(&self, backend: &dyn Backend, folder: &Path) -> Result<BTreeMap<String, (Record, f64)>> {
        let mut command = self.command.clone();
        command.push(folder.display().to_string());
        let array = Array {
            name: "pulvinar-doctor".to_owned(),
            command,
            ids: (0..TASKS).collect(),
            cpus: 1,
            folder: folder.to_owned(),
            log: folder.to_owned(),
            extra: self.extra.clone(),
        };
        let launches = backend.launches(&array)?;
        let started = backend.start(&array, &launches, &AtomicBool::new(false), &|_| ())?;
        let outcome = self.wait(folder);
        if outcome.is_err() {
            cancel(backend, &started);
        }
        outcome
    }

    fn wait(&self, folder: &Path) -> Result<BTreeMap<String, (Record, f64)>> {
        let start = Instant::now();
        loop {
            let mut records = BTreeMap::new();
            for id in 0..TASKS {
                let path = record_of(folder, &id.to_string());
                // A file that is there is whole, or renames are not what they should be and it is not counted.
                let text = fs::read(&path).unwrap_or_default();
                let Ok(record) = serde_json::from_slice(&text) else { continue };
                let changed =
                    fs::metadata(&path).and_then(|m| m.modified()).map_err(|e| failed(&path, &e))?;
                let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                records.insert(id.to_string(), (record, changed));
            }
            if records.len() == TASKS as usize {
                return Ok(records);
            }
            if start.elapsed() > self.patience {
                return Err(Diagnostic::new(
                    "E0942",
                    folder.display().to_string(),
                    format!(
                        "{} of {TASKS} tasks left their record within {:.0} s",
                        records.len(),
                        self.patience.as_secs_f64()
                    ),
                    "look whether the engine has a free worker or node, whether this folder and this program are there under \
                     the same names on every host, and give more time by --patience",
                ));
            }
            // A directory that is listed shows new names on network file systems sooner.
            let _ = fs::read_dir(folder).map(Iterator::count);
            sleep(Duration::from_millis(100));
        }
    }
}

fn cancel(backend: &dyn Backend, started: &Started) {
    if let Some(command) = backend.cancel(&started.jobs) {
        // The job has failed already; that it cannot be cancelled either adds nothing.
        let _ = super::program::ask(&command, backend.remedy());
    }
}

fn check(what: &str, outcome: std::result::Result<String, String>) -> Check {
    let verdict = if outcome.is_ok() { Verdict::Passed } else { Verdict::Failed };
    Check { what: what.to_owned(), verdict, seen: outcome.unwrap_or_else(|fault| fault) }
}

fn shared(what: &str, hosts: &[String]) -> Check {
    let own = files::host();
    if hosts.iter().all(|h| *h == own) {
        let seen = format!("every task ran on {own}");
        return Check { what: what.to_owned(), verdict: Verdict::NotTested, seen };
    }
    check(what, Ok("records of other hosts were read here, whole".to_owned()))
}

fn versions(what: &str, records: &BTreeMap<String, (Record, f64)>) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    match records.values().map(|(r, _)| r).find(|r| r.version != own) {
        Some(r) => check(what, Err(format!("pulvinar is {own} here and {} on {}", r.version, r.host))),
        None => check(what, Ok(format!("pulvinar {own} everywhere"))),
    }
}

/// Clocks of hosts against the one that the file system gives to files.
fn skew(what: &str, records: &BTreeMap<String, (Record, f64)>) -> Check {
    let off = |(r, changed): &(Record, f64)| (r.clock_s - changed).abs();
    let most = records.values().map(off).fold(0.0, f64::max);
    let seen = format!("hosts and files differ by {most:.3} s at most");
    if most > MOST_SKEW_S {
        return check(
            what,
            Err(format!("{seen}; set the clocks, or `store compact` may take what is still written")),
        );
    }
    check(what, Ok(seen))
}

/// Kind of the file system that holds a folder; empty if the system does not say.
fn kind(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let fields = mounts.lines().filter_map(|l| {
        let mut words = l.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let holds = fields.filter(|(place, _)| folder.starts_with(place));
    holds.max_by_key(|(place, _)| place.len()).map_or_else(String::new, |(_, kind)| kind.to_owned())
}

fn file_system(folder: &Path) -> Vec<Check> {
    let text = |outcome: std::io::Result<String>| outcome.map_err(|e| format!("the file system says: {e}"));
    vec![
        check(&format!("file system {}: durable files", kind(folder)), text(durable(folder))),
        check("file system: rename under a reader", rename(folder).map_err(|e| e.to_string())),
    ]
}

/// Writes, syncs and renames a file, and syncs its folder.
fn durable(folder: &Path) -> std::io::Result<String> {
    let start = Instant::now();
    let path = folder.join("durable");
    files::publish(&path, |out| files::line(out, "durable"))?;
    if fs::read_to_string(&path)? != "durable\n" {
        return Err(std::io::Error::other("a file does not hold what was written to it"));
    }
    Ok(format!("written, synced and renamed in {:.1} ms", start.elapsed().as_secs_f64() * 1e3))
}

/// Renames whole files over one name while it is read: a reader must find one of them, whole.
fn rename(folder: &Path) -> std::io::Result<String> {
    let path = folder.join("renamed");
    let content = |i: usize| format!("{i:0>4096}\n");
    fs::write(&path, content(0))?;
    let over = AtomicBool::new(false);
    let (outcome, reads) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_usize;
            while !over.load(Ordering::Relaxed) || reads == 0 {
                let text = fs::read_to_string(&path)?;
                if text.len() != content(0).len() || !text.ends_with('\n') {
                    return Err(std::io::Error::other("a reader found a file that was torn by a rename"));
                }
                reads += 1;
            }
            Ok(reads)
        });
        let renamed = (1..=RENAMES).try_for_each(|i| {
            let temporary = folder.join("renamed-next");
            fs::write(&temporary, content(i))?;
            fs::rename(&temporary, &path)
        });
        over.store(true, Ordering::Relaxed);
        let reads = reader.join().unwrap_or_else(|_| Err(std::io::Error::other("the reader ended early")));
        (renamed, reads)
    });
    outcome?;
    Ok(format!("{RENAMES} renames, {} reads, none torn or missing", reads?))
}
