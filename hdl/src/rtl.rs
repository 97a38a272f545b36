//! The hand-written primitives, embedded so that a build folder is complete without the sources of this crate.

use pulvinar_ir::{Diagnostic, Result};
use std::path::{Path, PathBuf};

/// File name and text of every primitive, by name.
pub const PRIMITIVES: &[(&str, &str)] = &[];

/// Writes every primitive into a folder; gives their paths.
pub fn write_to(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |path: &Path, e: std::io::Error| {
        Diagnostic::new(
            "E0802",
            path.display().to_string(),
            e.to_string(),
            "choose a folder that can be written",
        )
    };
    std::fs::create_dir_all(dir).map_err(|e| failed(dir, e))?;
    let write = |(name, text): &(&str, &str)| {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|e| failed(&path, e))?;
        Ok(path)
    };
    PRIMITIVES.iter().map(write).collect()
}
