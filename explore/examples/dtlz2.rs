//! Hypervolume on DTLZ2, as a share of the best possible, after 150, 300 and 600 evaluations: medians of five seeds.
//!
//! `cargo run --release -p pulvinar-explore --example dtlz2`; with `pipe BUDGET`, the sampler is the program at the other end of
//! standard input and output (`python -m pulvinar_search --dtlz2` measures Optuna's so).

use pulvinar_explore::search::{search, Drawn, Dtlz2, Found, Nsga2, Pipe, Problem, Sampler};
use pulvinar_ir::Result;
use serde_json::json;

const BUDGETS: [usize; 3] = [150, 300, 600];
const SEEDS: u64 = 5;

fn share(found: &Found, after: usize) -> f64 {
    found.trials[after - 1].hypervolume / Dtlz2::ideal()
}

fn measured(name: &str) -> Result<String> {
    let mut shares = vec![Vec::new(); BUDGETS.len()];
    for seed in 1..=SEEDS {
        let genes = Dtlz2.genes();
        let mut sampler: Box<dyn Sampler> = match name {
            "random" => Box::new(Drawn::random(&genes, seed)),
            "sobol" => Box::new(Drawn::sobol(&genes, seed, "DTLZ2")?),
            _ => Box::new(Nsga2::new(genes, Nsga2::population(BUDGETS[2]), seed)),
        };
        let found = search(&mut Dtlz2, &mut *sampler, BUDGETS[2], 50, &mut |_| ())?;
        shares.iter_mut().zip(BUDGETS).for_each(|(s, n)| s.push(share(&found, n)));
    }
    let median = |mut s: Vec<f64>| {
        s.sort_by(f64::total_cmp);
        format!("{:.3} ({:.3} to {:.3})", s[s.len() / 2], s[0], s[s.len() - 1])
    };
    Ok(shares.into_iter().map(median).collect::<Vec<_>>().join("   "))
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == "pipe") {
        let budget = args.get(1).and_then(|n| n.parse().ok()).unwrap_or(BUDGETS[2]);
        let genes = Dtlz2.genes();
        let axes: Vec<_> = genes.iter().map(|g| json!({"size": g.size, "ordered": g.ordered})).collect();
        let head = json!({"axes": axes, "objectives": ["f1", "f2", "f3"], "budget": budget});
        let mut pipe = Pipe::new(genes, std::io::stdin().lock(), std::io::stdout(), &head)?;
        let found = search(&mut Dtlz2, &mut pipe, budget, budget, &mut |_| ())?;
        println!("{}", json!({"hypervolume": found.hypervolume(), "ideal": Dtlz2::ideal()}));
        return Ok(());
    }
    for name in ["random", "sobol", "nsga2"] {
        println!("{name:8} {}", measured(name)?);
    }
    Ok(())
}
