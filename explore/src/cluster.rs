//! Shards on other machines: an engine that the site has starts processes, and the store is the truth.
//!
//! A [`Backend`] only launches. Every task of an [`Array`] is one process that reads which one it is from the environment
//! ([`task_id`]), runs what the store does not know, and may be started more than once. Nothing here asks an engine what has
//! been done: that is counted from the store.
//!
//! A new back end is one file with its [`Backend`], its `mod` and its place in [`BACKENDS`].

pub mod doctor;
mod hq;
mod local;
mod program;
mod slurm;

pub use program::line as command_line;

use crate::files;
use crate::plan::Reading;
use crate::store::{Known, Status};
use crate::sweep::is_wanted;
use crate::Key;
use pulvinar_ir::{Diagnostic, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Every back end.
pub const BACKENDS: &[&dyn Backend] = &[&local::Local, &slurm::Slurm, &hq::Hq];

/// The variable that names a task whatever the engine.
pub const TASK_ID: &str = "PULVINAR_TASK_ID";

/// Variables that say which task a process is: ours before those of engines.
pub const TASK_IDS: [&str; 3] = [TASK_ID, "HQ_TASK_ID", "SLURM_ARRAY_TASK_ID"];

/// Processes for an engine to start, one a task.
#[derive(Debug, Clone)]
pub struct Array {
    /// Name shown by the engine.
    pub name: String,
    /// Program and arguments, the same for every task.
    pub command: Vec<String>,
    /// Numbers of the tasks, ascending.
    pub ids: Vec<u32>,
    /// Cores of a task, at least 1.
    pub cpus: usize,
    /// Folder that the tasks run in.
    pub folder: PathBuf,
    /// Folder for the batch script and for what tasks say.
    pub log: PathBuf,
    /// Further options of the engine's own submit command.
    pub extra: Vec<String>,
}

/// One command that starts tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Launch {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables set for it.
    pub variables: BTreeMap<String, String>,
    /// A file that it reads, with its text.
    pub script: Option<(PathBuf, String)>,
    /// The tasks it starts.
    pub ids: Vec<u32>,
}

/// What an engine was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Started {
    /// Ids that the engine gave; none if everything has ended already.
    pub jobs: Vec<String>,
}

/// Something that starts processes.
pub trait Backend: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// One line.
    fn doc(&self) -> &'static str;

    /// Version of the engine, which answers.
    ///
    /// # Errors
    /// E0941 if it is not there or does not answer.
    fn version(&self) -> Result<String>;

    /// The commands that start an array; nothing is started.
    ///
    /// # Errors
    /// E0910 for options that it does not take, E0941 if it has to be asked and does not answer.
    fn launches(&self, array: &Array) -> Result<Vec<Launch>>;

    /// Starts them. A back end that waits for the end of the tasks ends early with `stop`, and calls `ended` for each task.
    ///
    /// # Errors
    /// E0941 and E0942 if the engine cannot be reached or refuses, E0908 if a file cannot be written.
    fn start(
        &self,
        array: &Array,
        launches: &[Launch],
        stop: &AtomicBool,
        ended: &dyn Fn(u32),
    ) -> Result<Started> {
        let _ = (array, stop, ended);
        let mut started = Started::default();
        for launch in launches {
            if let Some((path, text)) = &launch.script {
                files::write(path, |out| std::io::Write::write_all(out, text.as_bytes()))?;
            }
            let said = program::ask(&launch.command, self.remedy()).map_err(|d| after(d, &started))?;
            // Slurm adds the name of the cluster behind a semicolon.
            let id = said.lines().next().unwrap_or_default().split(';').next().unwrap_or_default();
            started.jobs.push(id.trim().to_owned());
        }
        Ok(started)
    }

    /// What to do if the engine is not there.
    fn remedy(&self) -> &'static str;

    /// The command that shows jobs; none if they have ended.
    fn watch(&self, jobs: &[String]) -> Option<Vec<String>>;

    /// The command that ends jobs.
    fn cancel(&self, jobs: &[String]) -> Option<Vec<String>>;
}

/// A refusal that comes when some jobs are submitted already says which.
fn after(diagnostic: Diagnostic, started: &Started) -> Diagnostic {
    if started.jobs.is_empty() {
        return diagnostic;
    }
    let message = format!("{}; job {} was submitted before", diagnostic.message, started.jobs.join(", "));
    Diagnostic::new(diagnostic.code, diagnostic.place, message, diagnostic.help)
}

/// The back end of a name.
///
/// # Errors
/// E0940 if there is none.
pub fn backend(name: &str) -> Result<&'static dyn Backend> {
    BACKENDS.iter().copied().find(|b| b.name() == name).ok_or_else(|| {
        let names: Vec<&str> = BACKENDS.iter().map(|b| b.name()).collect();
        Diagnostic::new(
            "E0940",
            format!("--backend {name}"),
            "there is no such back end",
            format!("use one of {}", names.join(", ")),
        )
    })
}

/// The task that this process is, with the variable that says so.
pub fn task_id() -> Option<(&'static str, String)> {
    TASK_IDS.iter().find_map(|name| Some((*name, std::env::var(name).ok()?)))
}

/// Shards of a plan with points to run, each with how many.
///
/// # Errors
/// What is wrong with the plan.
pub fn shards_with_work(
    plan: &Path,
    known: &BTreeMap<Key, Known>,
    count: u32,
    retry: &[Status],
) -> Result<BTreeMap<u32, u64>> {
    let mut found = BTreeMap::new();
    for point in Reading::open(plan)? {
        let key = point?.key;
        if is_wanted(known.get(&key), retry) {
            *found.entry(key.shard(count)).or_insert(0) += 1;
        }
    }
    Ok(found)
}
