//! Breaks the design in one place after the other and counts on the co-simulation to notice.
//!
//! `cargo run --release -p pulvinar-hdl --example mutations -- [--markdown FILE] [name ...]` prints a row a mutation: the
//! first seed of `hdl/tests/cosim.rs` (or of the primitive's unit bench) that shows a difference, and how many changed
//! designs were run until then.
//! With names: only mutations of these modules. `--markdown` writes the table to a file as well, as `docs/rtl-mutations.md`.
//! Exit code 1 if one survives all seeds or cannot be made.
#![allow(clippy::print_stdout, clippy::print_stderr)] // the table

#[path = "../tests/common/mod.rs"]
mod common;

use common::mutation::{Mutation, Place, SEEDS};
use common::table::MUTATIONS;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Top of the Markdown file.
const TITLE: &str = "# Mutations of the RTL

Written by `cargo run --release -p pulvinar-hdl --example mutations -- --markdown docs/rtl-mutations.md`.

Each row is one change of a primitive of `hdl/rtl` or of an emitted core (`hdl/tests/common/table.rs`), and the first seed of the random co-simulation
(`hdl/tests/cosim.rs`) that shows it: a line of the listing or an answer differs from the simulator's, or the test bench fails. Unit bench: a seed of the primitive's own random test (`hdl/tests/common`).
Designs are the changed designs that were run until then; seeds whose design does not have the module are not among them.

";

/// The row of a mutation, and whether it was caught.
fn row(mutation: &Mutation) -> (String, bool) {
    let (result, caught) = match mutation.caught_by(0..SEEDS) {
        Ok(Some((seed, runs))) => {
            let bench = if matches!(mutation.place, Place::Unit(..)) { "unit bench, " } else { "" };
            (format!("{bench}seed {seed} | {runs}"), true)
        }
        Ok(None) => ("SURVIVED | ".to_owned(), false),
        Err(e) => (format!("NOT MADE: {e} | "), false),
    };
    (format!("| {} | {:?} | {} | {result} |\n", mutation.place(), mutation.kind, mutation.what), caught)
}

/// The rows of the mutations in their order, and how many were caught; one thread a processor.
fn table(chosen: &[&Mutation]) -> (String, usize) {
    let (next, (send, receive)) = (AtomicUsize::new(0), mpsc::channel());
    let mut rows: Vec<(usize, (String, bool))> = std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutation) = chosen.get(i) else { break };
                // The receiver lives as long as the scope.
                let _ = send.send((i, row(mutation)));
            });
        }
        drop(send);
        receive.iter().inspect(|(_, (text, _))| eprint!("{text}")).collect()
    });
    rows.sort();
    let caught = rows.iter().filter(|(_, (_, caught))| *caught).count();
    let head = "| module | kind | what is wrong | caught by | designs |\n|---|---|---|---|---|\n".to_owned();
    (rows.into_iter().fold(head, |all, (_, (text, _))| all + &text), caught)
}

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let mut file = None;
    if let Some(at) = names.iter().position(|n| n == "--markdown") {
        file = names.drain(at..names.len().min(at + 2)).nth(1);
        if file.is_none() {
            eprintln!("--markdown needs the name of a file");
            return ExitCode::FAILURE;
        }
    }
    let is_chosen = |m: &&Mutation| names.is_empty() || names.iter().any(|n| n == m.place());
    let chosen: Vec<&Mutation> = MUTATIONS.iter().filter(is_chosen).collect();
    let (rows, caught) = table(&chosen);
    let text = format!("{rows}\n{caught} of {} caught within {SEEDS} seeds.\n", chosen.len());
    print!("{text}");
    if let Some(Err(e)) = file.map(|file| std::fs::write(file, format!("{TITLE}{text}"))) {
        eprintln!("the table is not written: {e}");
        return ExitCode::FAILURE;
    }
    if caught == chosen.len() && caught > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
