//! The `pulvinar` command: the only crate that prints or reads arguments.
//!
//! Exit codes: 0 done, 1 the input is at fault, 2 usage, 70 a bug of ours, 130 interrupted; those of sweeps and stores
//! stand in `explore.rs`.

mod analytic;
mod args;
mod chips;
mod cluster;
mod compile;
mod energy;
mod exchange;
mod explore;
mod facts;
mod memories;
mod options;
mod output;
mod plot;
mod progress;
mod rates;
mod rtl;
mod run;
mod search;
mod simulate;
mod source;
mod study;
mod technology;
mod verbs;
mod verdict;
mod workload;

use args::{Cli, Global, Verb};
use clap::Parser;
use pulvinar_ir::Result;
use std::process::ExitCode;

/// Sweeps allocate from many threads at once and free what another has allocated.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    output::remove_unfinished_on_interrupt();
    install_bug_report();
    let threads = rayon::ThreadPoolBuilder::new().num_threads(cli.global.threads).build_global();
    if let Err(e) = threads {
        eprintln!("warning: --threads has no effect: {e}");
    }
    let outcome = explore::dispatch(cli.verb.as_ref(), &cli.global)
        .unwrap_or_else(|| dispatch(cli).map(|()| ExitCode::SUCCESS));
    outcome.unwrap_or_else(|diagnostic| {
        eprintln!("{diagnostic}");
        explore::code_of(&diagnostic)
    })
}

fn dispatch(cli: Cli) -> Result<()> {
    let Global { json, .. } = cli.global;
    let global = &cli.global;
    match cli.verb {
        None => run::run(&default_run(), global),
        Some(Verb::Run(run)) => run::run(&run, global),
        Some(Verb::Import(import)) => exchange::import(&import, json),
        Some(Verb::Export(export)) => exchange::export(&export, json),
        Some(Verb::Check(check)) => verbs::check(&check, json),
        Some(Verb::Compile(compile)) => verbs::compile(&compile, json),
        Some(Verb::Simulate(simulate)) => simulate::simulate(&simulate, global),
        Some(Verb::Rtl(rtl)) => rtl::rtl(&rtl, global),
        Some(Verb::Report(report)) => verbs::report(&report, json),
        Some(Verb::Compare(runs)) => verbs::compare(&runs, json),
        Some(Verb::Study(args)) => study::study(&args, global),
        Some(Verb::Bits(bits)) => verbs::bits(&bits, global),
        Some(Verb::Energy(energy)) => energy::energy(&energy, global),
        Some(Verb::Explore(_) | Verb::Sweep(_) | Verb::Store(_) | Verb::Cluster(_)) => {
            unreachable!("explore::dispatch has taken these")
        }
        Some(Verb::Zoo) => verbs::zoo(json),
        Some(Verb::Arch(arch)) => verbs::arch(&arch, json),
        Some(Verb::Chips(args)) => chips::chips(&args, json),
        Some(Verb::Passes) => {
            verbs::passes(json);
            Ok(())
        }
        Some(Verb::Encoders) => {
            verbs::encoders(json);
            Ok(())
        }
        Some(Verb::Estimators) => {
            verbs::estimators(json);
            Ok(())
        }
        Some(Verb::Technology(args)) => technology::technology(&args, json),
        Some(Verb::Completions { shell }) => {
            verbs::completions(shell);
            Ok(())
        }
    }
}

/// `pulvinar` alone is `pulvinar run`.
fn default_run() -> args::Run {
    match Cli::parse_from(["pulvinar", "run"]).verb {
        Some(Verb::Run(run)) => run,
        _ => unreachable!("the parser has just been given the verb `run`"),
    }
}

/// A panic is our bug: say so, with the command that shows it, and exit 70.
fn install_bug_report() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if pulvinar_explore::recent::panics_are_recorded() {
            // It becomes the row of the point that was evaluated.
            return;
        }
        default(info);
        let command: Vec<String> = std::env::args().collect();
        eprintln!(
            "this is a bug in pulvinar {}; please report it with the command: {}",
            env!("CARGO_PKG_VERSION"),
            command.join(" ")
        );
        std::process::exit(70);
    }));
}
