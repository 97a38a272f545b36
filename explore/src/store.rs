//! The store of results: one row a key, in files that any number of processes may add to without a lock.
//!
//! ```text
//! store/schema.json          version of the format, columns with their meaning
//! store/seg/SHARD-ID.jsonl   rows as they come, one line each, written by one process
//! store/part/HASH.parquet    sealed rows; a part never changes
//! ```
//!
//! A segment is sealed into a part when it is long enough and when its process ends; the part is complete before it gets
//! its name, and the segment goes afterwards. Readers take the union: a line without its end is no row, a file with a
//! temporary name is no part, and of rows with one key the first counts; a crash or timeout counts only where nothing else
//! is known. Rows with one key and different results are an error (E0909): the same point must come to the same.

mod export;
mod maintain;
pub(crate) mod part;
mod row;
mod segment;

pub(crate) use export::quoted;
pub use export::Format;
pub use maintain::{Check, Compacted};
pub use row::{Facts, Row, Status};
pub use segment::Segment;

use crate::files::{self, failed};
use crate::metrics::{Values, METRICS};
use crate::point::Key;
use part::Cells;
use pulvinar_ir::{Diagnostic, Result};
use serde_json::{json, Value as Json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Version of the format.
const VERSION: u64 = 1;

/// A store.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// How it ended.
    pub status: Status,
    /// Hash of what must be the same whoever computed it.
    digest: u64,
}

impl Store {
    /// Opens a store that is there.
    ///
    /// # Errors
    /// E0907 if it is none or of another version, E0908 if it cannot be read.
    pub fn open(root: &Path) -> Result<Self> {
        let file = root.join("schema.json");
        let place = root.display().to_string();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let help = "give the folder of `pulvinar sweep run --store`";
                return Err(Diagnostic::new("E0907", place, "there is no store here", help));
            }
            Err(e) => return Err(failed(&file, &e)),
        };
        let schema: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
        let version = schema.get("pulvinar_store").and_then(Json::as_u64);
        if version != Some(VERSION) {
            let of = version.map_or("no version that can be read".to_owned(), |v| format!("version {v}"));
            return Err(Diagnostic::new(
                "E0907",
                place,
                format!("this store is of {of}, and this program writes version {VERSION}"),
                "give another folder, or export this store with the program that wrote it",
            ));
        }
        Ok(Store { root: root.to_owned() })
    }

    /// Opens a store, or makes one in a folder that is empty or not there, and sees that it can be written.
    ///
    /// # Errors
    /// As [`Store::open`]; E0907 also for a folder that holds something else; E0908 if it cannot be written.
    pub fn create(root: &Path) -> Result<Self> {
        if !root.join("schema.json").exists() {
            let foreign = |e: &fs::DirEntry| {
                let name = e.file_name();
                !["seg", "part"].iter().any(|n| name == *n)
                    && !name.to_string_lossy().starts_with(files::TEMPORARY)
            };
            let holds_others = fs::read_dir(root).is_ok_and(|mut d| d.any(|e| e.is_ok_and(|e| foreign(&e))));
            if holds_others {
                let (place, help) =
                    (root.display().to_string(), "give a new folder, or one that holds a store");
                return Err(Diagnostic::new(
                    "E0907",
                    place,
                    "this folder holds something else than a store",
                    help,
                ));
            }
            let text = serde_json::to_string_pretty(&schema()).expect("plain JSON");
            files::write(&root.join("schema.json"), |out| files::line(out, &text))?;
        }
        let store = Self::open(root)?;
        for folder in [store.segments(), store.parts()] {
            fs::create_dir_all(&folder).map_err(|e| failed(&folder, &e))?;
            let probe = folder.join(format!("{}{}", files::TEMPORARY, files::unique()));
            let written = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
            written.map_err(|e| failed(&folder, &e))?;
        }
        Ok(store)
    }

    /// Folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn segments(&self) -> PathBuf {
        self.root.join("seg")
    }

    fn parts(&self) -> PathBuf {
        self.root.join("part")
    }

    /// Gives every row to `look`, one after the other, doubles included: segments by name, then parts by name.
    ///
    /// # Errors
    /// E0907 for a file that is damaged, E0908 for one that cannot be read, and those of `look`.
    pub fn rows(&self, look: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        self.read(Cells::All, look)
    }

    fn read(&self, cells: Cells, look: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        // Parts are listed after the segments were read: a segment that is sealed meanwhile is found as a part.
        for path in self.segment_files()? {
            segment::read(&path, look)?;
        }
        self.part_files()?.iter().try_for_each(|path| part::read(path, cells, look))
    }

    fn part_files(&self) -> Result<Vec<PathBuf>> {
        files::listed(&self.parts(), ".parquet").map_err(|e| failed(&self.parts(), &e))
    }

    fn segment_files(&self) -> Result<Vec<PathBuf>> {
        files::listed(&self.segments(), ".jsonl").map_err(|e| failed(&self.segments(), &e))
    }

    /// What is known, by key.
    ///
    /// # Errors
    /// As [`Store::rows`], and E0909 for two results of one key.
    pub fn known(&self) -> Result<BTreeMap<Key, Known>> {
        let mut known = BTreeMap::new();
        self.read(Cells::Results, &mut |row| self.learn(&mut known, &row).map(|_| ()))?;
        Ok(known)
    }

    /// Gives the results that count to `look`, one a key: key, how it ended, metrics. A crash or timeout may be followed by a
    /// result of the same key, which then stands.
    ///
    /// # Errors
    /// As [`Store::known`].
    pub fn results(&self, look: &mut dyn FnMut(Key, Status, Values)) -> Result<()> {
        let mut known = BTreeMap::new();
        self.read(Cells::Results, &mut |row| {
            if self.learn(&mut known, &row)? {
                look(row.key, row.status, row.metrics);
            }
            Ok(())
        })
    }

    /// Adds a row to what is known; true if it is the one that counts so far.
    fn learn(&self, known: &mut BTreeMap<Key, Known>, row: &Row) -> Result<bool> {
        let own = Known { status: row.status, digest: row.digest() };
        let Some(first) = known.get(&row.key) else {
            known.insert(row.key, own);
            return Ok(true);
        };
        if !row.status.is_final() {
            return Ok(false);
        }
        if !first.status.is_final() {
            known.insert(row.key, own);
            return Ok(true);
        }
        if *first == own {
            return Ok(false);
        }
        Err(Diagnostic::new(
            CONFLICT,
            format!("{}: key {}", self.root.display(), row.key),
            "two runs of this point came to different results",
            "please report it with both rows (`pulvinar store export`); results must not depend on who computes them",
        ))
    }

    /// Gives the rows that count to `look`, one a key, in order of the files.
    ///
    /// # Errors
    /// As [`Store::known`], and those of `look`.
    pub fn unique(&self, look: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let known = self.known()?;
        let mut given = std::collections::BTreeSet::new();
        self.rows(&mut |row| {
            let counts = known.get(&row.key).is_some_and(|k| k.status == row.status);
            if counts && given.insert(row.key) {
                look(row)?;
            }
            Ok(())
        })
    }

    /// All rows that count, sorted by key.
    ///
    /// # Errors
    /// As [`Store::unique`].
    pub fn sorted(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.unique(&mut |row| {
            rows.push(row);
            Ok(())
        })?;
        rows.sort_by_key(|r| r.key);
        Ok(rows)
    }
}

/// Code of two results for one key.
pub const CONFLICT: &str = "E0909";

/// Content of `schema.json`.
fn schema() -> Json {
    let metrics: BTreeMap<&str, &str> = METRICS.iter().map(|m| (m.name, m.doc)).collect();
    let columns: BTreeMap<&str, &str> = row::COLUMNS.iter().map(|c| (c.name, c.doc)).collect();
    json!({
        "pulvinar_store": VERSION,
        "columns": columns,
        "metrics": metrics,
        "settings": "every other column is a key of the configuration, under its name in SPACE.toml",
    })
}
