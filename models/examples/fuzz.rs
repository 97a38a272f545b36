//! Runs one fuzz target for some seconds: `cargo run --release -p pulvinar-models --example fuzz -- text 60 [first input]`.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, none: u64| args.get(i).map_or(Some(none), |a| a.parse().ok());
    let target = args.first().and_then(|name| targets::target(name));
    let (Some(target), Some(seconds), Some(first)) = (target, number(1, 60), number(2, 0)) else {
        eprintln!("usage: fuzz <{}> [seconds] [first input]", targets::TARGETS.join("|"));
        std::process::exit(2);
    };
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let (mut k, mut accepted, mut slowest) = (first, 0u64, (Duration::ZERO, 0));
    while start.elapsed() < limit {
        let before = Instant::now();
        // A panic ends the program; this line tells which input to run again.
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target.run(k)));
        let Ok(ok) = run else {
            eprintln!("input {k} panicked");
            std::process::exit(1);
        };
        slowest = slowest.max((before.elapsed(), k));
        accepted += u64::from(ok);
        k += 1;
    }
    println!(
        "{}: {} inputs, {accepted} accepted, none panicked; slowest {:?} (input {})",
        args[0],
        k - first,
        slowest.0,
        slowest.1
    );
}
