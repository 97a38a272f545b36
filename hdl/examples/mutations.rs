//! Breaks the design in one place after the other and counts on the co-simulation to notice.
//!
//! `cargo run --release -p pulvinar-hdl --example mutations [name ...]` prints a row a mutation: the first seed of
//! `hdl/tests/cosim.rs` whose listing or answer differs. With names: only mutations of these modules.
//! Exit code 1 if one survives all seeds or cannot be made.
#![allow(clippy::print_stdout)] // the table

#[path = "../tests/common/mod.rs"]
mod common;

use common::mutation::{Mutation, SEEDS};
use common::table::MUTATIONS;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// The row of a mutation, and whether it was caught.
fn row(mutation: &Mutation) -> (String, bool) {
    let (result, caught) = match mutation.caught_by(0..SEEDS) {
        Ok(Some(seed)) => (format!("seed {seed}"), true),
        Ok(None) => ("SURVIVED".to_owned(), false),
        Err(e) => (format!("NOT MADE: {e}"), false),
    };
    (format!("| {} | {:?} | {} | {result} |", mutation.place(), mutation.kind, mutation.what), caught)
}

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen = |m: &&Mutation| names.is_empty() || names.iter().any(|n| n == m.place());
    let chosen: Vec<&Mutation> = MUTATIONS.iter().filter(is_chosen).collect();
    let (next, (send, receive)) = (AtomicUsize::new(0), mpsc::channel());
    println!("| module | kind | what is wrong | caught by |\n|---|---|---|---|");
    let caught = std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (send, next, chosen) = (send.clone(), &next, &chosen);
            scope.spawn(move || {
                while let Some(mutation) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // The receiver lives as long as the scope.
                    let _ = send.send((mutation.place(), mutation.what, row(mutation)));
                }
            });
        }
        drop(send);
        let mut rows: Vec<_> = receive.iter().inspect(|(.., (text, _))| eprintln!("{text}")).collect();
        rows.sort_by_key(|&(place, what, _)| {
            chosen.iter().position(|m| (m.place(), m.what) == (place, what))
        });
        for (.., (text, _)) in &rows {
            println!("{text}");
        }
        rows.iter().filter(|(.., (_, caught))| *caught).count()
    });
    println!("\n{caught} of {} caught within {SEEDS} seeds", chosen.len());
    if caught == chosen.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
