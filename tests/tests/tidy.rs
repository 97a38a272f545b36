//! House rules that a compiler does not know.

use pulvinar_tests::{root, sources};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 60;

fn read(path: &std::path::Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources(&[".rs", ".py", ".v"])
        .iter()
        .map(|p| (p, read(p).lines().count()))
        .filter(|(_, n)| *n > MAX_FILE_LINES)
        .map(|(p, n)| format!("{}: {n} lines; split it along its concepts", p.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Lines of every function in rustfmt layout: from `fn` to the closing brace of the same indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |l: &str| l.len() - l.trim_start().len();
    let is_fn = |l: &str| {
        let code = l.trim_start();
        let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "unsafe ", "async "];
        let code = words.iter().fold(code, |c, w| c.strip_prefix(w).unwrap_or(c));
        code.starts_with("fn ")
    };
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate().filter(|(_, l)| is_fn(l)) {
        if line.matches('{').count() == line.matches('}').count() && line.contains('{') {
            found.push((line.trim().to_owned(), 1));
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent(line)));
        if let Some(n) = lines[i..]
            .iter()
            .position(|l| *l == close || l.trim_end().ends_with(';') && indent(l) == indent(line))
        {
            found.push((line.trim().to_owned(), n + 1));
        }
    }
    found
}

#[test]
fn functions_are_short() {
    let long: Vec<String> = sources(&[".rs"])
        .iter()
        .flat_map(|p| functions(&read(p)).into_iter().map(move |(f, n)| (p.clone(), f, n)))
        .filter(|(_, _, n)| *n > MAX_FUNCTION_LINES)
        .map(|(p, f, n)| format!("{}: {n} lines in `{f}`", p.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_function_counter_counts() {
    let text = "fn z() -> u32 { 7 }\nfn a() {\n    1;\n}\n\nimpl B {\n    pub fn c() {\n        2;\n        3;\n    }\n}\n";
    let lengths: Vec<usize> = functions(text).into_iter().map(|(_, n)| n).collect();
    assert_eq!(lengths, [1, 3, 4]);
}

#[test]
fn nothing_is_left_undone() {
    let words = [
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["#[ig", "nore"].concat(),
        ["FIX", "ME"].concat(),
    ];
    let bad: Vec<String> = sources(&[".rs", ".py", ".v"])
        .iter()
        .filter(|p| words.iter().any(|w| read(p).contains(w.as_str())))
        .map(|p| p.display().to_string())
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Library crates depend on the contract and on no sibling; only `explore`, `cli` and `tests` join them, and `hdl` reads the
/// layout of the machine it must equal.
#[test]
fn the_workspace_is_a_star() {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let meta: serde_json::Value = serde_json::from_slice(&out.stdout).expect("cargo metadata is JSON");
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in meta["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name").to_owned();
        let siblings =
            package["dependencies"].as_array().expect("dependencies").iter().filter(|d| d["kind"].is_null());
        let siblings = siblings
            .filter_map(|d| d["name"].as_str())
            .filter(|n| n.starts_with("pulvinar-"))
            .map(str::to_owned);
        edges.insert(name, siblings.collect());
    }
    assert!(edges["pulvinar-ir"].is_empty(), "the contract depends on nothing of ours");
    let joined =
        ["pulvinar-ir", "pulvinar-compiler", "pulvinar-models", "pulvinar-simulator", "pulvinar-reports"];
    assert!(
        edges["pulvinar-explore"].iter().all(|s| joined.contains(&s.as_str())),
        "explore joins the libraries"
    );
    for (name, siblings) in edges.iter().filter(|(n, _)| {
        !["pulvinar-explore", "pulvinar-cli", "pulvinar-tests", "pulvinar-ir"].contains(&n.as_str())
    }) {
        let mut allowed = vec!["pulvinar-ir"];
        if name == "pulvinar-hdl" {
            allowed.push("pulvinar-simulator");
        }
        assert_eq!(siblings, &allowed, "{name} may depend on these only");
    }
}

#[test]
fn documents_are_there_and_bounded() {
    for name in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        assert!(root().join(name).is_file(), "{name} is missing");
    }
    assert!(
        read(&root().join("ARCHITECTURE.md")).lines().count() <= 250,
        "ARCHITECTURE.md is longer than 250 lines"
    );
}

/// Every test that ARCHITECTURE.md names as the holder of an invariant exists.
#[test]
fn invariants_name_real_tests() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let code: String = sources(&[".rs", ".py"]).iter().map(|p| read(p)).collect();
    let named: Vec<&str> = text.split("[test: `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert!(named.len() >= 10, "ARCHITECTURE.md names {} tests", named.len());
    for test in named {
        assert!(
            code.contains(&format!("fn {test}(")) || code.contains(&format!("def {test}(")),
            "no test is called `{test}`"
        );
    }
}
