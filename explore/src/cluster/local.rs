//! This machine: tasks as processes, as many at a time as there are cores for them.

use super::program::first_words;
use super::{Array, Backend, Launch, Started, TASK_ID};
use crate::files::{self, failed};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// Exit codes of a shard that needs nobody: done, done with crashes or timeouts, told to stop.
const EXPECTED: [i32; 3] = [0, 3, 75];

/// Time between two looks at the processes.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// This machine.
pub struct Local;

/// A process under way, with the file of its errors.
struct Task {
    id: u32,
    child: Child,
    said: PathBuf,
}

impl Task {
    fn new(launch: &Launch, array: &Array) -> Result<Self> {
        let id = launch.ids.first().copied().unwrap_or(0);
        let said = array.log.join(format!("local-{id}-{}.txt", files::unique()));
        let file = File::create_new(&said).map_err(|e| failed(&said, &e))?;
        let (program, arguments) = launch.command.split_first().expect("a command has a program");
        let mut command = Command::new(program);
        command.args(arguments).envs(&launch.variables).current_dir(&array.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        own_group(&mut command);
        let child = command.spawn().map_err(|e| {
            let help = "see to what the system says, then give the same command again";
            Diagnostic::new("E0941", program, format!("this program cannot be started: {e}"), help)
        })?;
        Ok(Task { id, child, said })
    }

    /// Ends the file of errors: what is wrong with the task, if anything.
    fn verdict(&self, status: ExitStatus) -> Option<String> {
        let words = fs::read(&self.said).map(|text| first_words(&text)).unwrap_or_default();
        if status.code().is_some_and(|c| EXPECTED.contains(&c)) {
            // It says nothing that is needed; a file that cannot be removed harms nobody.
            let _ = fs::remove_file(&self.said);
            return None;
        }
        let how = match (signal(status), status.code()) {
            (Some(signal), _) => format!("was killed by signal {signal}"),
            (_, code) => format!("ended with exit code {}", code.unwrap_or(-1)),
        };
        Some(if words.is_empty() { how } else { format!("{how}: {words}") })
    }
}

/// An interrupt from the terminal reaches the launcher alone, which tells each process once.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

/// The signal that ended a process.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Asks a process to end; it seals what it has.
fn terminate(child: &Child) {
    // It may have ended by itself.
    let _ =
        Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).stderr(Stdio::null()).status();
}

impl Backend for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn doc(&self) -> &'static str {
        "processes on this machine; waits for their end"
    }

    fn version(&self) -> Result<String> {
        Ok("this machine".to_owned())
    }

    fn launches(&self, array: &Array) -> Result<Vec<Launch>> {
        if let Some(option) = array.extra.first() {
            return Err(Diagnostic::new(
                "E0910",
                option,
                "the back end `local` takes no options of an engine",
                "leave out what stands behind `--`, or use slurm or hq",
            ));
        }
        let one = |&id: &u32| Launch {
            command: array.command.clone(),
            variables: BTreeMap::from([(TASK_ID.to_owned(), id.to_string())]),
            script: None,
            ids: vec![id],
        };
        Ok(array.ids.iter().map(one).collect())
    }

    fn start(
        &self,
        array: &Array,
        launches: &[Launch],
        stop: &AtomicBool,
        ended: &dyn Fn(u32),
    ) -> Result<Started> {
        fs::create_dir_all(&array.log).map_err(|e| failed(&array.log, &e))?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let places = (cores / array.cpus.max(1)).max(1);
        let mut waiting = launches.iter();
        let mut running: Vec<Task> = Vec::new();
        let mut faults: Vec<(u32, String)> = Vec::new();
        let mut refusal = None;
        let mut told = false;
        loop {
            let is_over = stop.load(Ordering::Relaxed) || refusal.is_some();
            while !is_over && running.len() < places {
                let Some(launch) = waiting.next() else { break };
                match Task::new(launch, array) {
                    Ok(task) => running.push(task),
                    Err(diagnostic) => {
                        refusal = Some(diagnostic);
                        break;
                    }
                }
            }
            if is_over && !told {
                told = true;
                running.iter().for_each(|t| terminate(&t.child));
            }
            running.retain_mut(|task| {
                let Ok(Some(status)) = task.child.try_wait() else { return true };
                faults.extend(task.verdict(status).map(|fault| (task.id, fault)));
                ended(task.id);
                false
            });
            if running.is_empty() && (is_over || waiting.len() == 0) {
                break;
            }
            sleep(LOOK_EVERY);
        }
        refusal.map_or(Ok(()), Err)?;
        match faults.first() {
            None => Ok(Started::default()),
            Some((id, fault)) => Err(Diagnostic::new(
                "E0942",
                format!("shard {id}"),
                format!("it {fault} ({} of {} failed)", faults.len(), launches.len()),
                "see to it, then give the same command again; what was finished is kept",
            )),
        }
    }

    fn remedy(&self) -> &'static str {
        "this back end needs nothing"
    }

    fn watch(&self, _: &[String]) -> Option<Vec<String>> {
        None
    }

    fn cancel(&self, _: &[String]) -> Option<Vec<String>> {
        None
    }
}
