//! Files are written whole or not at all: to a temporary name beside the target, then renamed.

use pulvinar_ir::{Diagnostic, Result};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

/// Temporary paths that an interrupt has to remove.
static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What an interrupt sets in place of ending the program, if anything.
static STOP: Mutex<Option<&'static AtomicBool>> = Mutex::new(None);

/// From now on the first interrupt sets `flag`, and the work ends by itself; the second ends the program.
pub fn stop_on_interrupt(flag: &'static AtomicBool) {
    if let Ok(mut stop) = STOP.lock() {
        *stop = Some(flag);
    }
}

/// Removes unfinished outputs on Ctrl-C and ends with the usual code 130.
pub fn remove_unfinished_on_interrupt() {
    let handler = || {
        if let Some(flag) = STOP.lock().ok().and_then(|mut stop| stop.take()) {
            flag.store(true, Ordering::Relaxed);
            eprintln!("interrupted; the points under way are finished, then it can be resumed");
            return;
        }
        if let Ok(pending) = PENDING.lock() {
            for path in pending.iter() {
                // Nothing is left to do about a failure here: the process is ending.
                let _ =
                    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            }
        }
        eprintln!("interrupted; nothing was written");
        std::process::exit(130);
    };
    // Only a second handler could fail to register, and there is none.
    let _ = ctrlc::set_handler(handler);
}

/// Whether standard output is a terminal that wants colours.
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn failure(path: &Path, e: &std::io::Error) -> Diagnostic {
    Diagnostic::new(
        "E0501",
        path.display().to_string(),
        format!("cannot write: {e}"),
        "choose a folder you may write to with enough space (`-o`)",
    )
}

fn temporary(target: &Path) -> Result<PathBuf> {
    let name = target.file_name().and_then(|n| n.to_str()).ok_or_else(|| {
        Diagnostic::new(
            "E0501",
            target.display().to_string(),
            "this is not a name for an output",
            "give a file or folder name",
        )
    })?;
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| failure(parent, &e))?;
    let path = parent.join(format!(".{name}.{}.tmp", std::process::id()));
    PENDING.lock().map(|mut p| p.push(path.clone())).ok();
    Ok(path)
}

fn finished(path: &Path) {
    if let Ok(mut pending) = PENDING.lock() {
        pending.retain(|p| p != path);
    }
}

/// Refuses an output place before any work is done: its parent must take a file.
pub fn check_writable(target: &Path) -> Result<()> {
    let probe = temporary(target)?;
    let outcome = std::fs::write(&probe, b"").map_err(|e| failure(target, &e));
    // The probe may not exist when the write failed.
    let _ = std::fs::remove_file(&probe);
    finished(&probe);
    outcome?;
    if target.is_dir() && !is_ours(target) {
        return Err(Diagnostic::new(
            "E0502",
            target.display().to_string(),
            "this folder exists and was not written by pulvinar, so it is not replaced",
            "choose another output folder or remove this one",
        ));
    }
    Ok(())
}

/// True for folders that are empty or hold an output of ours.
fn is_ours(folder: &Path) -> bool {
    let marks = [
        "report.json",
        "program.json",
        "graph.json",
        "pulvinar.core",
        "tables.md",
        "energy.json",
        "comparison.json",
        "front.json",
    ];
    let empty = std::fs::read_dir(folder).is_ok_and(|mut d| d.next().is_none());
    empty || marks.iter().any(|m| folder.join(m).is_file())
}

/// Writes a file whole.
pub fn file(target: &Path, bytes: &[u8]) -> Result<()> {
    let path = temporary(target)?;
    let outcome = std::fs::write(&path, bytes)
        .and_then(|()| std::fs::rename(&path, target))
        .map_err(|e| failure(target, &e));
    if outcome.is_err() {
        let _ = std::fs::remove_file(&path);
    }
    finished(&path);
    outcome
}

/// Writes a folder whole: `fill` gets an empty folder that then replaces `target`.
pub fn folder(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let path = temporary(target)?;
    let outcome = std::fs::create_dir(&path)
        .map_err(|e| failure(target, &e))
        .and_then(|()| fill(&path))
        .and_then(|()| replace(&path, target).map_err(|e| failure(target, &e)));
    if outcome.is_err() {
        let _ = std::fs::remove_dir_all(&path);
    }
    finished(&path);
    outcome
}

fn replace(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.is_dir() {
        let old = from.with_extension("old");
        std::fs::rename(to, &old)?;
        std::fs::rename(from, to)?;
        return std::fs::remove_dir_all(&old);
    }
    std::fs::rename(from, to)
}

/// A folder inside an output that is being filled.
pub fn directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| failure(path, &e))
}
