//! Segments: rows of one process as they come, a line each, until they are sealed into a part.

use super::row::Row;
use super::{part, Store};
use crate::files::{self, failed};
use crate::recent::lock;
use pulvinar_ir::{Diagnostic, Result};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Rows after which a segment is sealed.
const SEAL_ROWS: usize = 1000;

/// A row that took longer is made durable at once, others every [`SYNC_EVERY`].
const SYNC_ABOVE: Duration = Duration::from_millis(100);
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The rows of this process that are not sealed yet; any number of threads may add to them.
///
/// Only lines are written in turn: rows are put into text before, and made durable and sealed by the thread whose row was the
/// last while the others go on in a new file.
pub struct Segment {
    store: Store,
    shard: String,
    /// Name of this process in its rows.
    attempt: String,
    open: Mutex<Option<Open>>,
}

/// A file with its rows.
struct Open {
    path: PathBuf,
    file: Arc<File>,
    rows: Vec<Row>,
    synced: Instant,
}

impl Open {
    fn create(store: &Store, shard: &str) -> Result<Self> {
        let path = store.segments().join(format!("{shard}-{}.jsonl", files::unique()));
        let file = Arc::new(File::create_new(&path).map_err(|e| failed(&path, &e))?);
        Ok(Open { path, file, rows: Vec::new(), synced: Instant::now() })
    }
}

/// One write a line; a kill may still tear it.
fn append(path: &Path, mut file: &File, line: &str) -> Result<()> {
    file.write_all(line.as_bytes()).map_err(|e| failed(path, &e))
}

fn line(row: &Row) -> String {
    let mut line = serde_json::to_string(row).expect("plain data always serialises");
    line.push('\n');
    line
}

impl Segment {
    /// A segment of a shard; its file is made with the first row.
    pub fn new(store: &Store, shard: &str) -> Self {
        let (store, shard, attempt) = (store.clone(), shard.to_owned(), files::unique());
        Segment { store, shard, attempt, open: Mutex::default() }
    }

    /// Name of this process in its rows.
    pub fn attempt(&self) -> &str {
        &self.attempt
    }

    /// Adds a row.
    ///
    /// # Errors
    /// E0908 if it cannot be written; the rows before it stay in their file.
    pub fn add(&self, row: Row) -> Result<()> {
        let slow = Duration::from_secs_f64(row.facts.wall_s.max(0.0)) > SYNC_ABOVE;
        let line = line(&row);
        let mut guard = lock(&self.open);
        if guard.is_none() {
            *guard = Some(Open::create(&self.store, &self.shard)?);
        }
        let open = guard.as_mut().expect("it has just been opened");
        if let Err(diagnostic) = append(&open.path, &open.file, &line) {
            // Its last line may be torn: nothing is to follow it.
            *guard = None;
            return Err(diagnostic);
        }
        open.rows.push(row);
        if open.rows.len() >= SEAL_ROWS {
            let full = guard.take();
            drop(guard);
            return full.map_or(Ok(()), |full| self.seal_rows(full));
        }
        if slow || open.synced.elapsed() > SYNC_EVERY {
            open.synced = Instant::now();
            let (path, file) = (open.path.clone(), open.file.clone());
            drop(guard);
            return self.sync(&path, &file);
        }
        Ok(())
    }

    /// Makes the lines of a file durable. One that someone has taken away (`store compact`) is written again.
    fn sync(&self, path: &Path, file: &File) -> Result<()> {
        file.sync_data().map_err(|e| failed(path, &e))?;
        if path.exists() {
            return Ok(());
        }
        let mut guard = lock(&self.open);
        // Where another file is open, this one is sealed.
        let Some(open) = guard.as_mut().filter(|open| open.path == path) else { return Ok(()) };
        let mut again = Open::create(&self.store, &self.shard)?;
        open.rows.iter().try_for_each(|row| append(&again.path, &again.file, &line(row)))?;
        again.rows = std::mem::take(&mut open.rows);
        *open = again;
        Ok(())
    }

    /// Seals the rows into a part and removes their file.
    ///
    /// # Errors
    /// E0908 if it cannot be written; the rows stay in the file.
    pub fn seal(&self) -> Result<()> {
        let open = lock(&self.open).take();
        open.map_or(Ok(()), |open| self.seal_rows(open))
    }

    fn seal_rows(&self, mut open: Open) -> Result<()> {
        open.rows.sort_by_key(|r| r.key);
        write_part(&self.store, &open.rows)?;
        remove(&open.path)
    }
}

/// Writes rows as a part named by their content.
pub fn write_part(store: &Store, rows: &[Row]) -> Result<PathBuf> {
    let content: String = rows.iter().map(|r| format!("{}{}", r.key, r.facts.attempt)).collect();
    let name = &pulvinar_models::sha256_hex(content.as_bytes())[..32];
    let path = store.parts().join(format!("{name}.parquet"));
    files::publish(&path, |out| part::write(out, rows)).map_err(|e| failed(&path, &e))?;
    Ok(path)
}

/// Removes a file that may be gone already.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(path, &e)),
        _ => Ok(()),
    }
}

/// Gives every whole row of a segment to `look`; true if it ends in a torn line.
pub fn read(path: &Path, look: &mut dyn FnMut(Row) -> Result<()>) -> Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        // Its process has sealed it since the folder was listed; the part was there before.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(failed(path, &e)),
    };
    let mut lines = BufReader::new(file);
    for number in 1.. {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).map_err(|e| failed(path, &e))? == 0 {
            return Ok(false);
        }
        if line.last() != Some(&b'\n') {
            return Ok(true);
        }
        let row = serde_json::from_slice(&line).map_err(|e| {
            Diagnostic::new(
                "E0907",
                format!("{}: line {number}", path.display()),
                format!("this segment is damaged: {e}"),
                "remove this file; its points are run again by `pulvinar sweep resume`",
            )
        })?;
        look(row)?;
    }
    Ok(false)
}
