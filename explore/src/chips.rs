//! Architectures that come with Pulvinar, by name.

use pulvinar_ir::{Arch, Diagnostic, Result};
use std::path::Path;

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// Name and TOML of every architecture under `arch/`.
        pub const PRESETS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../arch/", $name, ".toml")))),+];
    };
}

presets! {
    "darwin3", "fpga", "loas", "loihi", "loihi-sanafe", "loihi128", "odin", "prosperity", "prosperity-study", "reckon", "seneca",
    "speck", "study", "tianjic", "truenorth", "up5k",
}

/// TOML of an architecture by name.
pub fn preset(name: &str) -> Option<&'static str> {
    if name == "default" {
        return Some(pulvinar_ir::arch::DEFAULT_ARCH);
    }
    PRESETS.iter().find(|p| p.0 == name).map(|p| p.1)
}

/// The architecture of a file, or of a name where there is no such file; a relative path starts at `folder`.
///
/// # Errors
/// E0111 for a file that cannot be read, and what is wrong in it.
pub fn read(name: &Path, folder: &Path) -> Result<Arch> {
    let path = folder.join(name);
    let place = path.display().to_string();
    if let Some(text) = name.to_str().and_then(preset).filter(|_| !path.exists()) {
        return Arch::from_toml(text).map_err(|d| d.within(&name.display().to_string()));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Diagnostic::new(
            "E0111",
            &place,
            format!("cannot read the architecture: {e}"),
            "check the path and its permissions, or give the name of a chip (`pulvinar chips`)",
        )
    })?;
    Arch::from_toml(&text).map_err(|d| d.within(&place))
}
