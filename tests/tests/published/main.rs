//! Published energies of attention networks beside what the named estimators give for the same structures: the page
//! `docs/published-energies.md`, compared word for word. `UPDATE_GOLDEN=1` writes it.
#![allow(clippy::unwrap_used)] // helpers of tests

mod asa;
mod checks;
mod counters;
mod gac;
mod ma_snn;
mod nets;
mod spikes;
mod table;
mod targets;
mod transformers;
mod validation;
mod workloads;

use pulvinar_tests::root;
use std::fmt::Write;
use std::fs;

/// Sections of the page.
const SECTIONS: [fn() -> String; 6] =
    [spikes::section, ma_snn::section, gac::section, asa::section, transformers::section, counters::section];

const HEAD: &str = "# Published energies, reproduced

Each figure that papers and repositories of attention networks publish about energy, beside what Pulvinar's estimators
give for the same structure. The structures are those of `pulvinar zoo`; their operations and neurons are counted from
the graphs. This page is written by

```
UPDATE_GOLDEN=1 cargo test -p pulvinar-tests --test published
```

and the test fails if the page says anything else. `pulvinar energy NET --rate R` shows any row by hand; the estimators
are described in [estimators.md](estimators.md).

*How to read it.* `paper-sop` is the formula of the papers: 4.6 pJ for a multiply-accumulate (MAC), 0.9 pJ for an
accumulation (AC), the operations of a layer being T·FL·Φ with FL its dense operations, T the steps and Φ the rate of its
input. The toggles say what is in the sum: the stem (the layer on the sample) once, every step (×T), or excluded;
attention in or out; analog 1×1 shortcuts in or out. They are out unless a row says otherwise. No source publishes rates
layer by layer as numbers, so one rate Φ stands for all layers: the published network average (NASAR), or the rate that
gives the published energy, and the row says which. Φ⁰ is the share of the sample's elements that are not zero.

*Follows* means that our figure rounds to the published one.
";

fn page() -> String {
    SECTIONS.iter().fold(HEAD.to_owned(), |mut page, section| {
        write!(page, "\n{}", section()).unwrap();
        page
    })
}

#[test]
fn the_page_says_what_the_estimators_say() {
    let text = page();
    let file = root().join("docs/published-energies.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "{} differs; look at it, then run with UPDATE_GOLDEN=1:\n{text}", file.display());
}
