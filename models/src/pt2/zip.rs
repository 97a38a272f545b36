//! The zip container, as far as archives of tensors need it: stored and deflated files, by the central directory.

use flate2::read::DeflateDecoder;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::io::Read;

/// Most files of an archive.
const MAX_FILES: usize = 1 << 16;
/// Most bytes of a file, unpacked.
const MAX_BYTES: u64 = 1 << 32;

/// First bytes of a zip archive.
pub(super) const SIGNATURE: &[u8] = b"PK\x03\x04";

struct Entry {
    method: u16,
    size: u64,
    packed: u64,
    offset: u64,
}

/// An archive.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    files: BTreeMap<String, Entry>,
}

pub(super) fn unreadable(place: &str, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        "E0510",
        place,
        format!("this is no torch.export archive that can be read: {what}"),
        "download it again, or write it again with `torch.export.save(program, path)`",
    )
}

/// A little-endian number of `n` bytes.
fn number(bytes: &[u8], at: u64, n: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let part = bytes.get(at..at.checked_add(n)?)?;
    Some(part.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b)))
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        Self::directory(bytes).ok_or_else(|| unreadable("file", "its directory is damaged or cut off"))
    }

    fn directory(bytes: &'a [u8]) -> Option<Self> {
        let tail = bytes.len().checked_sub(22)?;
        let end = (tail.saturating_sub(1 << 16)..=tail)
            .rev()
            .find(|&i| bytes[i..].starts_with(b"PK\x05\x06"))? as u64;
        let (mut files, mut at) = (number(bytes, end + 10, 2)?, number(bytes, end + 16, 4)?);
        // Zip64: a record before the end holds what does not fit here.
        if let Some(locator) = end.checked_sub(20).filter(|&l| number(bytes, l, 4) == Some(0x0706_4b50)) {
            let record = number(bytes, locator + 8, 8)?;
            if number(bytes, record, 4)? == 0x0606_4b50 {
                (files, at) =
                    (number(bytes, record.checked_add(32)?, 8)?, number(bytes, record.checked_add(48)?, 8)?);
            }
        }
        let mut archive = Archive { bytes, files: BTreeMap::new() };
        if files > MAX_FILES as u64 {
            return None;
        }
        for _ in 0..files {
            at = archive.entry(at)?;
        }
        Some(archive)
    }

    /// Reads the entry at this offset; gives that of the next.
    fn entry(&mut self, at: u64) -> Option<u64> {
        let bytes = self.bytes;
        if number(bytes, at, 4)? != 0x0201_4b50 {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|o| number(bytes, at + o, 2));
        let (name, extra, comment) = (name?, extra?, comment?);
        let text = bytes.get(usize::try_from(at + 46).ok()?..usize::try_from(at + 46 + name).ok()?)?;
        let mut entry = Entry {
            method: number(bytes, at + 10, 2)? as u16,
            packed: number(bytes, at + 20, 4)?,
            size: number(bytes, at + 24, 4)?,
            offset: number(bytes, at + 42, 4)?,
        };
        let (mut field, last) = (at + 46 + name, at + 46 + name + extra);
        while field + 4 <= last {
            let (id, n) = (number(bytes, field, 2)?, number(bytes, field + 2, 2)?);
            if id == 1 {
                let mut wide = field + 4;
                for value in [&mut entry.size, &mut entry.packed, &mut entry.offset] {
                    if *value == 0xffff_ffff {
                        *value = number(bytes, wide, 8)?;
                        wide += 8;
                    }
                }
            }
            field += 4 + n;
        }
        self.files.insert(String::from_utf8_lossy(text).into_owned(), entry);
        Some(last + comment)
    }

    /// The files' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A file's bytes.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        let entry =
            self.files.get(name).ok_or_else(|| unreadable(name, "the archive does not hold this file"))?;
        self.unpack(entry)
            .ok_or_else(|| unreadable(name, "this part is damaged, or packed in an unknown way"))
    }

    fn unpack(&self, entry: &Entry) -> Option<Vec<u8>> {
        let bytes = self.bytes;
        if number(bytes, entry.offset, 4)? != 0x0403_4b50 || entry.size > MAX_BYTES {
            return None;
        }
        let (name, extra) = (number(bytes, entry.offset + 26, 2)?, number(bytes, entry.offset + 28, 2)?);
        let start = usize::try_from(entry.offset + 30 + name + extra).ok()?;
        let packed = bytes.get(start..start.checked_add(usize::try_from(entry.packed).ok()?)?)?;
        match entry.method {
            0 => (entry.packed == entry.size).then(|| packed.to_vec()),
            8 => {
                let mut out = Vec::new();
                DeflateDecoder::new(packed).take(entry.size.checked_add(1)?).read_to_end(&mut out).ok()?;
                (out.len() as u64 == entry.size).then_some(out)
            }
            _ => None,
        }
    }
}

/// True for a zip archive with a traced graph.
pub(super) fn recognises(bytes: &[u8]) -> bool {
    let graph = |n: &str| n.ends_with("models/model.json") || n.ends_with("serialized_exported_program.json");
    bytes.starts_with(SIGNATURE) && Archive::open(bytes).is_ok_and(|a| a.names().any(graph))
}
