//! The generated tables of `docs/memory.md`, compared word for word. `UPDATE_GOLDEN=1` writes them.
#![allow(clippy::unwrap_used)] // helpers of tests

mod dram;
mod spill;
mod sram;

use pulvinar_tests::root;
use std::fs;

/// A table of the page, between `<!-- NAME -->` and `<!-- end -->`.
fn holds(name: &str, table: &str) {
    let file = root().join("docs/memory.md");
    let page = fs::read_to_string(&file).unwrap();
    let begin = format!("<!-- {name} -->\n");
    let at = page.find(&begin).unwrap_or_else(|| panic!("{} has {begin}", file.display())) + begin.len();
    let end = at + page[at..].find("<!-- end -->").unwrap();
    let written = format!("{}{table}{}", &page[..at], &page[end..]);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &written).unwrap();
        return;
    }
    assert!(
        page == written,
        "{} differs; look at it, then run with UPDATE_GOLDEN=1:\n{table}",
        file.display()
    );
}
