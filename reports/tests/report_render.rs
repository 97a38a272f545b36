//! Every form of a report: golden text, well-formed pages and figures, escaping, whole-or-nothing writing.

#![allow(clippy::unwrap_used)] // a test

#[allow(dead_code)] // each test binary uses a part of it
mod report_fixture;

use pulvinar_reports::compare::{Comparison, Entry};
use pulvinar_reports::plots::{standalone, PLOTS};
use pulvinar_reports::report::Report;
use pulvinar_reports::text::Style;
use pulvinar_reports::{csv, html, json, latex, study, text, write, write_all};
use std::fs;
use std::path::{Path, PathBuf};

/// Compares with a file beside the tests; `PULVINAR_BLESS=1` writes it.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("PULVINAR_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap();
    assert_eq!(text, wanted, "{name} changed; PULVINAR_BLESS=1 accepts it");
}

/// Elements without an end tag in HTML.
const VOID: [&str; 2] = ["meta", "br"];

/// Checks that tags are balanced, attributes quoted and unique, text escaped. Returns the number of elements.
fn well_formed(markup: &str) -> Result<usize, String> {
    let mut rest = markup;
    let mut open: Vec<String> = Vec::new();
    let mut elements = 0;
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start], &open)?;
        rest = &rest[start + 1..];
        let end = tag_end(rest).ok_or("a tag does not end")?;
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if tag.starts_with(['!', '?']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop().unwrap_or_default();
            if last != name {
                return Err(format!("</{name}> closes <{last}>"));
            }
            continue;
        }
        elements += 1;
        let closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let name = tag.split_whitespace().next().unwrap_or("");
        attributes(&tag[name.len()..]).map_err(|e| format!("<{tag}>: {e}"))?;
        if !closed && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    if open.is_empty() {
        Ok(elements)
    } else {
        Err(format!("left open: {open:?}"))
    }
}

/// Index of the `>` that ends a tag, quotes observed.
fn tag_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(i, c)| {
        quoted ^= c == '"';
        (c == '>' && !quoted).then_some(i)
    })
}

fn check_text(text: &str, open: &[String]) -> Result<(), String> {
    let style = open.last().is_some_and(|o| o == "style");
    for (i, _) in text.match_indices('&') {
        let entity = text[i..].split(';').next().unwrap_or("");
        if !["&amp", "&lt", "&gt", "&quot", "&#39"].contains(&entity) {
            return Err(format!("a bare & in {:?}", &text[i..text.len().min(i + 20)]));
        }
    }
    if text.contains('>') && !style {
        Err(format!("a bare > in {text:?}"))
    } else {
        Ok(())
    }
}

fn attributes(text: &str) -> Result<(), String> {
    let mut rest = text.trim();
    let mut seen: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("an attribute without a quoted value")?;
        let (value, after) = after.split_once('"').ok_or("a quote that does not close")?;
        if seen.contains(&name) || name.contains(char::is_whitespace) || value.contains('<') {
            return Err(format!("bad attribute {name:?}"));
        }
        seen.push(name);
        rest = after.trim_start();
    }
    Ok(())
}

#[test]
fn the_checker_refuses_what_is_broken() {
    for bad in
        ["<a><b></a></b>", "<a x=1></a>", "<a>&b</a>", "<a x=\"1\" x=\"2\"></a>", "<a>", "<a>b > c</a>"]
    {
        assert!(well_formed(bad).is_err(), "{bad}");
    }
    assert_eq!(well_formed("<!DOCTYPE html><a x=\"1\">&amp;<b/><meta y=\"z\"></a>"), Ok(3));
}

#[test]
fn the_summary_is_the_golden_one() {
    golden("summary.txt", &text::summary(&report_fixture::report(), Style::default()));
}

#[test]
fn colour_adds_nothing_but_escape_sequences() {
    let report = report_fixture::report();
    let coloured = text::summary(&report, Style { colour: true });
    assert!(coloured.contains("\u{1b}[1;36m"));
    let mut plain = String::new();
    let mut parts = coloured.split("\u{1b}[");
    plain.push_str(parts.next().unwrap());
    parts.for_each(|p| plain.push_str(&p[p.find('m').unwrap() + 1..]));
    assert_eq!(plain, text::summary(&report, Style::default()));
}

#[test]
fn answers_come_in_the_order_a_reader_asks() {
    let summary = text::summary(&report_fixture::report(), Style::default());
    let titles =
        ["was it right", "Latency", "Energy per inference\n", "traffic", "attention cost", "bottleneck"];
    let places: Vec<usize> =
        titles.iter().map(|t| summary.find(t).unwrap_or_else(|| panic!("{t}"))).collect();
    assert!(places.windows(2).all(|w| w[0] < w[1]), "{places:?}");
}

#[test]
fn page_and_figures_are_well_formed_and_self_contained() {
    let report = report_fixture::report();
    let page = html::report(&report);
    assert!(well_formed(&page).unwrap() > 500);
    for outside in ["<script", "<link", "<img", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for plot in PLOTS {
        let svg = (plot.draw)(&report).unwrap_or_else(|| panic!("{} draws nothing", plot.name));
        well_formed(&svg).unwrap_or_else(|e| panic!("{}: {e}", plot.name));
        well_formed(&standalone(&svg)).unwrap_or_else(|e| panic!("{}: {e}", plot.name));
        assert!(page.contains(&format!("id=\"plot-{}\"", plot.name)), "{} is not on the page", plot.name);
        assert!(!svg.contains("NaN") && !svg.contains("\"inf"), "{}", plot.name);
    }
    assert_eq!(page, html::report(&report_fixture::report()), "the same report gives the same bytes");
}

#[test]
fn every_anchor_of_the_contents_exists() {
    let page = html::report(&report_fixture::report());
    let targets: Vec<&str> = page.split("href=\"#").skip(1).map(|p| p.split('"').next().unwrap()).collect();
    assert!(targets.len() >= 7);
    for target in targets {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

/// A report whose every string wants to break out.
fn hostile() -> Report {
    let mut report = report_fixture::report();
    let evil = "</title><script>alert('x')</script>\u{1b}[31m\n& \"'%\\".to_owned();
    report.provenance.model.clone_from(&evil);
    report.provenance.command.clone_from(&evil);
    report.provenance.assumptions = vec![evil.clone()];
    report.layers.iter_mut().for_each(|l| l.name.clone_from(&evil));
    report.rates.iter_mut().for_each(|r| r.layer.clone_from(&evil));
    report.energy.by_layer.iter_mut().for_each(|l| l.layer.clone_from(&evil));
    report.mesh.core_layers.iter_mut().for_each(|l| l.clone_from(&evil));
    report.timeline.spans.iter_mut().for_each(|s| (s.layer, s.kind) = (evil.clone(), evil.clone()));
    report
}

#[test]
fn user_text_is_escaped_everywhere() {
    let report = hostile();
    let page = html::report(&report);
    well_formed(&page).unwrap();
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert!(!text::summary(&report, Style::default()).contains('\u{1b}'));
    let both = entries([report.clone(), report.clone()]);
    well_formed(&Comparison::new(&both).unwrap().html(&both)).unwrap();
    let row = csv::energy(&report).lines().nth(1).unwrap().to_owned();
    assert!(row.starts_with('"'), "{row}");
    assert!(!latex::tables(&report).contains(" & \"'%"));
}

#[test]
fn a_report_without_the_optional_parts_renders() {
    let mut report = report_fixture::report();
    (report.twin, report.area) = (None, None);
    report.attention.clear();
    report.bits.clear();
    report.raster.spikes.clear();
    report.timeline.spans.clear();
    report.mesh.links.clear();
    report.energy = pulvinar_reports::report::Energy::default();
    report.bottlenecks.clear();
    report.rates.clear();
    report.correctness.spikes_equal_to_reference = Some(false);
    well_formed(&html::report(&report)).unwrap();
    let summary = text::summary(&report, Style::default());
    assert!(summary.contains("The network has no attention.") && summary.contains("trust no figure below"));
    assert!(!summary.contains("NaN") && !html::report(&report).contains("NaN"));
}

#[test]
fn json_goes_there_and_back() {
    let report = report_fixture::report();
    let text = json::to_json(&report);
    assert_eq!(json::from_json(&text).unwrap(), report);
    assert_eq!(json::from_json("{}").unwrap_err().code, "E0613");
    let newer = text.replacen("\"format\": 1", "\"format\": 99", 1);
    assert_eq!(json::from_json(&newer).unwrap_err().code, "E0614");
}

#[test]
fn the_schema_names_every_field() {
    let schema: serde_json::Value = serde_json::from_str(&json::schema()).unwrap();
    let report = serde_json::to_value(report_fixture::report()).unwrap();
    for key in report.as_object().unwrap().keys() {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    let timing = &schema["$defs"]["Timing"]["properties"];
    assert!(timing["latency_us"]["description"].as_str().unwrap().contains("µs"));
}

fn entries<const N: usize>(reports: [Report; N]) -> Vec<(String, Entry)> {
    reports.map(|r| ("a <run>".to_owned(), Entry::Run(Box::new(r)))).to_vec()
}

#[test]
fn comparison_gives_ratios_to_the_first_run() {
    let first = report_fixture::report();
    let mut second = first.clone();
    second.timing.latency_us *= 2.0;
    let both = entries([first, second]);
    let all = Comparison::new(&both).unwrap();
    let text = all.text(Style::default());
    let latency = text.lines().find(|l| l.trim_start().starts_with("latency")).unwrap();
    assert!(latency.ends_with("(2×)"), "{latency}");
    well_formed(&all.html(&both)).unwrap();
    well_formed(&all.figure().unwrap()).unwrap();
}

#[test]
fn latex_has_balanced_environments_and_cites_what_the_bibliography_holds() {
    let report = report_fixture::report();
    let tex = latex::tables(&report);
    assert_eq!(tex.matches("\\begin{").count(), tex.matches("\\end{").count());
    assert!(tex.contains("\\toprule") && tex.contains("tab:pulvinar-attention"));
    let bib = latex::bibliography(&report);
    for key in report.sources() {
        assert!(bib.contains(&format!("{{{key},")), "{key}");
    }
}

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.is_file() {
        fs::remove_file(&dir).unwrap();
    } else if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    dir
}

#[test]
fn files_are_written_whole_and_replaced_whole() {
    let report = report_fixture::report();
    let dir = scratch("written");
    for _ in 0..2 {
        write_all(&report, &dir).unwrap();
        for (name, content) in write::files(&report) {
            assert_eq!(fs::read_to_string(dir.join(&name)).unwrap(), content, "{name}");
        }
    }
    let left = fs::read_dir(dir.parent().unwrap()).unwrap().flatten();
    assert!(left.map(|e| e.file_name()).all(|n| !n.to_string_lossy().contains("partial")));
}

#[test]
fn foreign_files_are_never_overwritten() {
    let report = report_fixture::report();
    for foreign in ["thesis.txt", "plots/mine.svg"] {
        let dir = scratch("foreign");
        fs::create_dir_all(dir.join("plots")).unwrap();
        fs::write(dir.join(foreign), "mine").unwrap();
        assert_eq!(write_all(&report, &dir).unwrap_err().code, "E0615");
        assert_eq!(fs::read_to_string(dir.join(foreign)).unwrap(), "mine");
    }
    let file = scratch("a_file");
    fs::write(&file, "mine").unwrap();
    assert_eq!(write_all(&report, &file).unwrap_err().code, "E0616");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_study_sets_runs_side_by_side() {
    let report = report_fixture::report();
    let mut twin = report.clone();
    twin.timing.latency_cycles *= 4.0;
    let cases = [("before", report), ("after", twin)]
        .map(|(name, report)| study::Case { name: name.to_owned(), report });
    let table = study::table("both", &cases).to_markdown();
    assert!(table.starts_with("| per inference | before | after |\n| --- | ---: | ---: |\n"), "{table}");
    for row in ["spikes", "energy by the papers' formula", "frame buffers and stores", "chip energy"] {
        assert!(table.contains(&format!("| {row} |")), "{row} is missing from {table}");
    }
    let ratios = study::ratios("after over before", [&cases[0], &cases[1]]);
    assert!(ratios.contains("4 ×") && ratios.contains("1 ×"), "{ratios}");
    let encoder = study::encoder("one layer and the others", &cases[0], &cases[0].report.layers[0].name);
    assert_eq!(encoder.rows.len(), 6);
    let sensitivity = study::sensitivity("of the input", [&cases[0], &cases[1]], 0.1);
    for svg in [ratios, sensitivity, study::chip("chip", &cases), study::formula("formula", &cases)] {
        assert!(well_formed(&svg).unwrap() > 10, "{svg}");
    }
}
