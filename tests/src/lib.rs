//! Tests that join the crates of Pulvinar. What the library holds is what several test files share.

pub mod peers;

use std::path::{Path, PathBuf};

/// Root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the workspace").to_owned()
}

/// Files of the workspace with one of these endings, sorted; build output and hidden folders left out.
pub fn sources(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("a folder of the workspace is readable");
        for path in entries.map(|e| e.expect("a readable entry").path()) {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                let skip = name.starts_with('.')
                    || ["target", "node_modules", "pulvinar-out"].contains(&name.as_str());
                if !skip {
                    folders.push(path);
                }
            } else if endings.iter().any(|e| name.ends_with(e)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
