//! Loaders, native format, encoders, data sets, the zoo and the float reference of Pulvinar.
//!
//! Everything read here is untrusted: a fault in a file is a [`pulvinar_ir::Diagnostic`], never a panic.

pub mod dataset;
pub mod encode;
pub mod import;
pub mod lava;
pub mod native;
pub mod nir;
pub mod onnx;
pub mod pt2;
mod random;
pub mod rates;
pub mod reference;
pub mod safetensors;
mod traced;
pub mod zoo;

pub use dataset::{Dataset, Frames, Stills};
pub use native::{load, Model, Producer, Vectors};
pub use reference::{check_vectors, VectorReport};

use pulvinar_ir::{Diagnostic, Result};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// Largest file read, bytes, after decompression.
const MAX_FILE_BYTES: u64 = 1 << 32;

/// SHA-256, hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A whole file, at most 4 GiB.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    let fail = |e: std::io::Error| {
        Diagnostic::new(
            "E0111",
            path.display().to_string(),
            format!("cannot read the file: {e}"),
            "check the path and its permissions",
        )
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}
