//! Checking a store and merging its files.

use super::part::{Cells, GROUP_ROWS};
use super::row::{Row, Status};
use super::segment::{self, remove, write_part};
use super::{part, Store};
use crate::files::{self, failed};
use crate::point::Key;
use pulvinar_ir::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// A segment that was written to later belongs to a process that may still run.
const AT_REST: Duration = Duration::from_secs(600);

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Keys.
    pub keys: u64,
    /// Keys by status.
    pub by_status: BTreeMap<&'static str, u64>,
    /// Rows in all files.
    pub rows: u64,
    /// Rows that stand in a segment and in the part it was sealed into.
    pub sealed_twice: u64,
    /// Rows of keys that another process, or the same one again, had computed before.
    pub run_twice: u64,
    /// Sealed parts.
    pub parts: u64,
    /// Segments.
    pub segments: u64,
    /// Segments whose last line is torn.
    pub torn: u64,
    /// Temporary files left behind.
    pub temporary: u64,
}

/// What compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Rows kept, one a key.
    pub rows: u64,
    /// Files before.
    pub files_before: usize,
    /// Parts after.
    pub parts: usize,
    /// Segments left alone because a process may still write to them.
    pub left: usize,
}

impl Store {
    /// Looks at every row.
    ///
    /// # Errors
    /// E0907 for a damaged file, E0909 for two results of one key.
    pub fn check(&self) -> Result<Check> {
        let mut check = Check { torn: 0, ..Check::default() };
        for status in Status::ALL {
            check.by_status.insert(status.name(), 0);
        }
        let mut known = BTreeMap::new();
        // The process and moment of a row tell a copy from a second run.
        let mut seen: BTreeMap<Key, BTreeSet<u64>> = BTreeMap::new();
        let segments = self.segment_files()?;
        {
            let mut look = |row: Row| {
                check.rows += 1;
                let origin = origin(&row);
                let origins = seen.entry(row.key).or_default();
                if !origins.insert(origin) {
                    check.sealed_twice += 1;
                } else if origins.len() > 1 {
                    check.run_twice += 1;
                }
                self.learn(&mut known, &row).map(|_| ())
            };
            for path in &segments {
                check.torn += u64::from(segment::read(path, &mut look)?);
            }
            self.part_files()?.iter().try_for_each(|path| part::read(path, Cells::Results, &mut look))?;
        }
        check.keys = known.len() as u64;
        for k in known.values() {
            *check.by_status.entry(k.status.name()).or_default() += 1;
        }
        check.parts = self.part_files()?.len() as u64;
        check.segments = segments.len() as u64;
        check.temporary = self.temporary()?.len() as u64;
        Ok(check)
    }

    fn temporary(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in [self.root().to_owned(), self.parts(), self.segments()] {
            for entry in std::fs::read_dir(&folder).map_err(|e| failed(&folder, &e))? {
                let entry = entry.map_err(|e| failed(&folder, &e))?;
                if entry.file_name().to_string_lossy().starts_with(files::TEMPORARY) {
                    found.push(entry.path());
                }
            }
        }
        Ok(found)
    }

    /// Merges parts and segments into as few parts as rows need, one row a key, and removes temporary files.
    ///
    /// Files that changed within ten minutes are left alone unless `all`: a process may be writing them. No other process
    /// may read the store meanwhile.
    ///
    /// # Errors
    /// As [`Store::check`], and E0908 if the store cannot be written. Nothing is removed before its rows are in a part.
    pub fn compact(&self, all: bool) -> Result<Compacted> {
        let at_rest = |path: &PathBuf| {
            let age = path.metadata().and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
            all || age.is_some_and(|age| age > AT_REST)
        };
        let known = self.known()?;
        let (segments, left): (Vec<PathBuf>, Vec<PathBuf>) =
            self.segment_files()?.into_iter().partition(at_rest);
        let old = self.part_files()?;
        let buckets = (known.len().div_ceil(GROUP_ROWS)).max(1) as u128;
        let mut rows_kept = 0;
        let mut new = BTreeSet::new();
        for bucket in 0..buckets {
            let mut rows: BTreeMap<Key, Row> = BTreeMap::new();
            let mut look = |row: Row| {
                let here = ((row.key.0 >> 64) * buckets) >> 64 == bucket;
                if here && known.get(&row.key).is_some_and(|k| k.status == row.status) {
                    rows.entry(row.key).or_insert(row);
                }
                Ok(())
            };
            segments.iter().try_for_each(|path| segment::read(path, &mut look).map(|_| ()))?;
            old.iter().try_for_each(|path| part::read(path, Cells::All, &mut look))?;
            let rows: Vec<Row> = rows.into_values().collect();
            rows_kept += rows.len() as u64;
            if !rows.is_empty() {
                new.insert(write_part(self, &rows)?);
            }
        }
        for path in old.iter().chain(&segments).filter(|p| !new.contains(*p)) {
            remove(path)?;
        }
        self.temporary()?.iter().filter(|p| at_rest(p)).try_for_each(|p| remove(p))?;
        Ok(Compacted {
            rows: rows_kept,
            files_before: old.len() + segments.len() + left.len(),
            parts: new.len(),
            left: left.len(),
        })
    }
}

/// Hash of process and times of a row: two rows with one of them are the same row.
fn origin(row: &Row) -> u64 {
    let f = &row.facts;
    let text = format!("{} {:x} {:x}", f.attempt, f.wall_s.to_bits(), f.cpu_s.to_bits());
    u64::from_str_radix(&pulvinar_models::sha256_hex(text.as_bytes())[..16], 16)
        .expect("a hash is hexadecimal")
}
