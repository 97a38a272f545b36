//! Textual graph of one tiny fixed network after every pass. `UPDATE_GOLDEN=1` writes the files.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; spikes are 0.0 or 1.0 exactly

mod passes_common;

use passes_common::{build, inputs, tiny};
use pulvinar_compiler::{lower, run_pipeline, Calibration, Options};
use std::path::Path;

#[test]
fn every_pass_prints_its_golden() {
    let (spec, options) = (tiny(), Options::default());
    let trained = build(&spec);
    let calibration =
        Calibration::from_inputs(&lower(&trained, &options).unwrap(), &inputs(&spec, 4)).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut texts = Vec::new();
    run_pipeline(&trained, &options, Some(&calibration), |name, graph| {
        texts.push((format!("{name}.txt"), pulvinar_ir::text::print(graph)));
    })
    .unwrap();
    assert_eq!(texts.len(), pulvinar_compiler::PASSES.len());
    for (file, text) in texts {
        let path = folder.join(&file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(golden == text, "{file} differs; look at it, then run with UPDATE_GOLDEN=1:\n{text}");
    }
}
