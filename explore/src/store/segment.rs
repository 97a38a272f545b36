//! Segments: rows of one process as they come, a line each, until they are sealed into a part.

use super::row::Row;
use super::{part, Store};
use crate::files::{self, failed};
use pulvinar_ir::{Diagnostic, Result};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rows after which a segment is sealed.
const SEAL_ROWS: usize = 1000;

/// A row that took longer is made durable at once, others every [`SYNC_EVERY`].
const SYNC_ABOVE: Duration = Duration::from_millis(100);
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The rows of this process that are not sealed yet.
pub struct Segment {
    store: Store,
    shard: String,
    /// Name of this process in its rows.
    attempt: String,
    open: Option<(PathBuf, File)>,
    rows: Vec<Row>,
    synced: Instant,
}

impl Segment {
    /// A segment of a shard; its file is made with the first row.
    pub fn new(store: &Store, shard: &str) -> Self {
        let attempt = files::unique();
        Segment {
            store: store.clone(),
            shard: shard.to_owned(),
            attempt,
            open: None,
            rows: Vec::new(),
            synced: Instant::now(),
        }
    }

    /// Name of this process in its rows.
    pub fn attempt(&self) -> &str {
        &self.attempt
    }

    /// Adds a row.
    ///
    /// # Errors
    /// E0908 if it cannot be written; the segment is then to be left alone.
    pub fn add(&mut self, row: Row) -> Result<()> {
        let slow = Duration::from_secs_f64(row.facts.wall_s.max(0.0)) > SYNC_ABOVE;
        let line = serde_json::to_string(&row).expect("plain data always serialises");
        self.rows.push(row);
        self.append(&line)?;
        if slow || self.synced.elapsed() > SYNC_EVERY {
            self.sync()?;
        }
        if self.rows.len() >= SEAL_ROWS {
            self.seal()?;
        }
        Ok(())
    }

    fn append(&mut self, line: &str) -> Result<()> {
        if self.open.is_none() {
            let path = self.store.segments().join(format!("{}-{}.jsonl", self.shard, files::unique()));
            let file = File::create_new(&path).map_err(|e| failed(&path, &e))?;
            self.open = Some((path, file));
        }
        let (path, file) = self.open.as_mut().expect("it has just been opened");
        // One write a line; a kill may still tear it.
        file.write_all(format!("{line}\n").as_bytes()).map_err(|e| failed(path, &e))
    }

    /// Makes the lines durable. A segment that someone has taken away (`store compact`) is written again.
    fn sync(&mut self) -> Result<()> {
        self.synced = Instant::now();
        let Some((path, file)) = &self.open else { return Ok(()) };
        file.sync_data().map_err(|e| failed(path, &e))?;
        if !path.exists() {
            self.open = None;
            let lines: Vec<String> = self.rows.iter().filter_map(|r| serde_json::to_string(r).ok()).collect();
            lines.iter().try_for_each(|line| self.append(line))?;
        }
        Ok(())
    }

    /// Seals the rows into a part and removes the file.
    ///
    /// # Errors
    /// E0908 if it cannot be written; the rows stay in the segment.
    pub fn seal(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.rows.sort_by_key(|r| r.key);
        write_part(&self.store, &self.rows)?;
        self.rows.clear();
        if let Some((path, _)) = self.open.take() {
            remove(&path)?;
        }
        Ok(())
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
