//! External tools: Icarus Verilog, Verilator and Yosys, run in a folder. A tool that is not there is an error.

use pulvinar_ir::{Diagnostic, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program in a folder and gives what it printed; a failure names the command and carries the end of its output.
pub fn run(dir: &Path, program: &str, arguments: &[String]) -> Result<String> {
    let remedy = "install it: `apt-get install iverilog verilator yosys`";
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .map_err(|e| Diagnostic::new("E0803", program, format!("cannot be started: {e}"), remedy))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let all = text + &String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = all.lines().collect();
    let end = lines[lines.len().saturating_sub(40)..].join("\n");
    let place = format!("{program} {}", arguments.join(" "));
    Err(Diagnostic::new(
        "E0804",
        place,
        format!("failed ({}):\n{end}", output.status),
        "see the tool's message",
    ))
}

fn names(sources: &[PathBuf]) -> Vec<String> {
    sources.iter().map(|s| s.display().to_string()).collect()
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Compiles a test bench with Icarus Verilog and runs it; gives what it printed. Warnings of `-Wall` are errors.
pub fn icarus(dir: &Path, top: &str, sources: &[PathBuf], defines: &[&str]) -> Result<String> {
    let mut arguments = strings(&["-g2005", "-Wall", "-Wno-timescale", "-o", "sim.vvp", "-s", top]);
    arguments.extend(defines.iter().map(|d| format!("-D{d}")));
    arguments.extend(names(sources));
    let output = Command::new("iverilog").args(&arguments).current_dir(dir).output().map_err(|e| {
        Diagnostic::new(
            "E0803",
            "iverilog",
            format!("cannot be started: {e}"),
            "install it: `apt-get install iverilog`",
        )
    })?;
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() || !messages.is_empty() {
        return Err(Diagnostic::new(
            "E0804",
            format!("iverilog {}", arguments.join(" ")),
            messages,
            "see the tool's message",
        ));
    }
    run(dir, "vvp", &strings(&["-n", "sim.vvp"]))
}

/// Compiles a test bench (which drives its own clock) with Verilator and runs it; gives what it printed.
pub fn verilator(dir: &Path, top: &str, sources: &[PathBuf], defines: &[&str]) -> Result<String> {
    verilator_with(dir, top, sources, defines, &[])
}

/// The same for a test bench that writes a waveform.
pub fn verilator_traced(dir: &Path, top: &str, sources: &[PathBuf], defines: &[&str]) -> Result<String> {
    verilator_with(dir, top, sources, defines, &["--trace"])
}

fn verilator_with(
    dir: &Path,
    top: &str,
    sources: &[PathBuf],
    defines: &[&str],
    more: &[&str],
) -> Result<String> {
    let mut arguments = strings(&[
        "--binary",
        "--timing",
        "-O3",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-style",
        "-Wno-STMTDLY",
        "-j",
        "2",
        "--top-module",
        top,
        "--Mdir",
        "obj_dir",
        "-o",
        "sim",
        // The default -Os compiles three times as long, for code that is slower.
        "-MAKEFLAGS",
        "OPT_FAST=-O1",
    ]);
    arguments.extend(strings(more));
    arguments.extend(defines.iter().map(|d| format!("-D{d}")));
    arguments.extend(names(sources));
    run(dir, "verilator", &arguments)?;
    run(dir, &dir.join("obj_dir/sim").display().to_string(), &[])
}

/// `verilator --lint-only -Wall` over sources; any warning is an error.
pub fn lint(dir: &Path, top: &str, sources: &[PathBuf]) -> Result<()> {
    let mut arguments = strings(&["--lint-only", "-Wall", "--top-module", top]);
    arguments.extend(names(sources));
    run(dir, "verilator", &arguments).map(|_| ())
}
