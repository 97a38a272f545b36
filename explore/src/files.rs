//! Files that are whole or absent, also after a crash.

use pulvinar_ir::{Diagnostic, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Name of a temporary file beside a target.
pub const TEMPORARY: &str = ".tmp-";

/// A name that no other process or moment gives.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let own = format!(
        "{} {} {} {}",
        host(),
        std::process::id(),
        now.as_nanos(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    pulvinar_models::sha256_hex(own.as_bytes())[..16].to_owned()
}

/// Name of this machine; empty if it has none.
pub fn host() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    let read = || {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default().trim().to_owned()
    };
    NAME.get_or_init(read).clone()
}

/// Writes a file under a temporary name, makes it durable, renames it and makes the rename durable.
pub fn publish(target: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let folder = parent(target);
    let temporary = folder.join(format!("{TEMPORARY}{}", unique()));
    let written = (|| {
        let mut file = BufWriter::new(File::create_new(&temporary)?);
        fill(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, target)?;
        sync_folder(&folder)
    })();
    if written.is_err() {
        // It may not be there, and the first failure is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The folder that holds a file.
pub fn parent(target: &Path) -> PathBuf {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Makes names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Files of a folder with an ending, sorted by name; none if the folder is not there.
pub fn listed(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.ends_with(ending) && !name.starts_with(TEMPORARY) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The refusal of a place that cannot be written or read (E0908).
pub fn failed(path: &Path, e: &io::Error) -> Diagnostic {
    Diagnostic::new(
        "E0908",
        path.display().to_string(),
        format!("the file system says: {e}"),
        "make space and see to the permissions of the folder; what was finished is kept, and `pulvinar sweep resume` does \
         the rest",
    )
}

/// Writes a whole file (E0908).
pub fn write(target: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    fs::create_dir_all(parent(target)).and_then(|()| publish(target, fill)).map_err(|e| failed(target, &e))
}

/// Flushes what a writer holds.
pub fn line(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}
