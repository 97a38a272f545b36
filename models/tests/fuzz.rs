//! Short runs of every fuzz target: nothing a file holds may panic. Long runs: `examples/fuzz.rs`.

#[path = "../fuzz/targets.rs"]
mod targets;

const INPUTS: u64 = 4000;

#[test]
fn no_target_panics() {
    for name in targets::TARGETS {
        let target = targets::target(name).unwrap();
        for seed in &target.seeds {
            assert!((target.read)(seed), "{name}: a seed is not valid");
        }
        let accepted = (0..INPUTS).filter(|&k| target.run(k)).count() as u64;
        // Mutants must reach past the parser and be refused too, or the fuzzer tests nothing.
        assert!(accepted > 0 && accepted < INPUTS, "{name}: {accepted} of {INPUTS} accepted");
    }
}
