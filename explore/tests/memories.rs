//! Search over memories: never worse than the mapper, exact where the budget holds every mapping, and the same every time.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_explore::memories::{read, search, solve, Choice, Costs, Found, Layer, METHODS};
use pulvinar_explore::{keys, Config, Evaluator, Scalar, Settings};
use pulvinar_ir::Arch;
use std::path::Path;

fn config(settings: &[(&str, Scalar)]) -> Config {
    let mut all = Settings::from([
        ("fidelity".to_owned(), Scalar::Text("analytic".to_owned())),
        ("input.count".to_owned(), Scalar::Int(1)),
    ]);
    all.extend(settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    keys::with(&Config::base(Arch::default_chip()).json(), &all).unwrap()
}

fn found(config: &Config, method: usize, budget: usize) -> Found {
    let evaluator = Evaluator::new(Path::new("."), 1);
    search(&evaluator, config, (&METHODS[method], budget, 7), "edp_pj_us").unwrap()
}

/// The default network, and a small one by data, by rates and where its frames have no room.
#[test]
fn a_search_is_never_worse_than_the_mapper_and_repeats() {
    let small = ("model", Scalar::Text("small-ta".to_owned()));
    let cases = [
        (config(&[]), 8),
        (config(&[small.clone(), ("input.rate", Scalar::Real(0.1))]), 12),
        (config(&[small, ("core.frame_kib", Scalar::Int(0)), ("core.lanes", Scalar::Int(16))]), 12),
    ];
    for (config, budget) in &cases {
        for method in 0..METHODS.len() {
            let first = found(config, method, *budget);
            assert!(first.cost <= first.greedy && first.tried <= *budget, "{first:?}");
            assert_eq!(first, found(config, method, *budget));
        }
    }
}

/// All mappings of a small network: both methods find the best, and what they write maps to it.
#[test]
fn a_small_network_is_solved_exactly() {
    let config = config(&[("model", Scalar::Text("small-ta".to_owned()))]);
    let exact = found(&config, 0, 10_000);
    assert!(exact.size < 200 && exact.tried as u128 == exact.size, "{exact:?}");
    assert_eq!(found(&config, 1, 10_000).cost.to_bits(), exact.cost.to_bits());
    let mut again = config;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), exact.to_toml()).unwrap();
    let written = read(file.path()).unwrap();
    (again.map.strategies, again.map.max_channels) = (written.strategies, written.max_channels);
    let alone = found(&again, 0, 1);
    assert_eq!(alone.greedy.to_bits(), exact.cost.to_bits());
}

/// Drawn problems with interactions and gaps: exact where the budget holds all, never above the start elsewhere, and on the
/// whole near the best with a part of the budget.
#[test]
fn drawn_problems_are_solved() {
    let hash = |seed: u64, genome: &[usize]| {
        genome
            .iter()
            .fold(seed, |h, &g| (h ^ (g as u64 + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
    };
    for seed in 0..12u64 {
        let layers: Vec<Layer> = (0..3 + seed as usize % 3)
            .map(|i| Layer {
                name: i.to_string(),
                choices: vec![Choice::default(); 2 + (i + seed as usize) % 3],
            })
            .collect();
        // Neighbours cost together; one mapping in five does not fit, but never the mapper's own.
        let measure = |genome: &[usize]| {
            let fits = genome.iter().all(|g| *g == 0) || hash(seed, genome) % 5 > 0;
            let pairs = genome.windows(2).enumerate().map(|(i, w)| hash(seed + i as u64, w) % 1000);
            fits.then(|| pairs.sum::<u64>() as f64 + 1.0)
        };
        let start = measure(&vec![0; layers.len()]).unwrap();
        let size: usize = layers.iter().map(|l| l.choices.len()).product();
        let genome = |mut n: usize| -> Vec<usize> {
            let digit = |l: &Layer| (n % l.choices.len(), n /= l.choices.len()).0;
            layers.iter().map(digit).collect()
        };
        let best = (0..size).filter_map(|n| measure(&genome(n))).fold(f64::INFINITY, f64::min);
        for method in METHODS {
            let solved = |budget| solve(method, &mut Costs::new(&layers, budget, &measure), seed).unwrap();
            assert_eq!(solved(size).1.to_bits(), best.to_bits(), "{} of seed {seed}", method.name);
            let half = solved(size / 2);
            assert!(best <= half.1 && half.1 <= start, "{} of seed {seed}", method.name);
            assert_eq!(half, solved(size / 2));
            assert_eq!(solved(1).1.to_bits(), start.to_bits());
        }
    }
}
