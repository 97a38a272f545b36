//! The Verilog network against the simulator's plain engine: the same flits in the same cycles at every switch.

#![allow(clippy::unwrap_used)]

#[path = "noc/bench.rs"]
mod bench;

use bench::{parse, Case, Stimulus};
use pulvinar_hdl::tool;
use pulvinar_simulator::noc::traffic::random;
use pulvinar_simulator::noc::{build_tree, Config, Fast, Pipeline, Plain, PortId, Route, Routing, Tree};

/// Counter-based random numbers of one case.
struct Draw {
    seed: u64,
    index: u64,
}

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.index += 1;
        random(self.seed, 0, self.index) % bound
    }

    fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
}

fn random_config(draw: &mut Draw, side: u64) -> Config {
    let (width, height) = (draw.range(1, side) as u16, draw.range(1, side) as u16);
    let (vcs, vc_depth) = (draw.range(1, 4) as u8, draw.range(1, 8) as u16);
    let mut config = Config::uniform(width, height, 1, vcs, vc_depth);
    config.locals.iter_mut().for_each(|l| *l = draw.range(1, 2) as u8);
    config.pipeline = [Pipeline::Four, Pipeline::LookAhead, Pipeline::Speculative][draw.below(3) as usize];
    config.routing = [Routing::Xy, Routing::Yx, Routing::WestFirst][draw.below(3) as usize];
    let depths: Vec<u16> = config.locals.iter().map(|_| draw.range(1, 6) as u16).collect();
    let behind = config.locals.iter().zip(&depths).map(|(&l, &d)| vec![d; usize::from(l)]);
    config.eject_depth = behind.flatten().collect();
    config
}

/// Trees from endpoints that each can use them: `(source, tree)`.
fn random_trees(draw: &mut Draw, config: &Config) -> Vec<(PortId, Tree)> {
    let endpoints = config.eject_depth.len() as u64;
    let tree = |draw: &mut Draw| {
        let source = PortId(draw.below(endpoints) as u32);
        let leaves: Vec<PortId> =
            (0..draw.range(1, 5)).map(|_| PortId(draw.below(endpoints) as u32)).collect();
        (source, build_tree(config, source, &leaves))
    };
    (0..draw.below(4)).map(|_| tree(draw)).collect()
}

fn random_case(seed: u64, side: u64) -> Case {
    let mut draw = Draw { seed, index: 0 };
    let draw = &mut draw;
    let config = random_config(draw, side);
    let trees = random_trees(draw, &config);
    let endpoints = config.eject_depth.len() as u64;
    let multiflit = draw.below(2) == 1;
    let hot = PortId(draw.below(endpoints) as u32);
    let (cycles, gap) = (400, draw.range(0, 3));
    let mut stimuli = Vec::new();
    for source in 0..endpoints {
        let own: Vec<u32> =
            trees.iter().zip(0..).filter(|(t, _)| u64::from(t.0 .0) == source).map(|(_, i)| i).collect();
        let mut flits = Vec::new();
        let mut cycle = 0;
        while cycle < 300 && flits.len() < 120 {
            cycle += draw.range(0, gap * 4) as u32;
            let on_tree = !own.is_empty() && draw.below(3) == 0;
            let route = match (on_tree, draw.below(3)) {
                (true, _) => Route::Tree(own[draw.below(own.len() as u64) as usize]),
                (_, 0) => Route::Unicast(hot),
                _ => Route::Unicast(PortId(draw.below(endpoints) as u32)),
            };
            let length = if multiflit && !on_tree { draw.range(1, 4) } else { 1 };
            let vc_mask =
                if multiflit { draw.range(1, (1 << config.vcs) - 1) as u8 } else { (1 << config.vcs) - 1 };
            for part in 0..length {
                let (head, tail) = (part == 0, part + 1 == length);
                flits.push(Stimulus { cycle, route, head, tail, vc_mask });
            }
        }
        stimuli.push(flits);
    }
    let stalls = (0..endpoints).map(|_| (draw.range(1, 40), draw.below(3) * draw.below(20))).collect();
    let trees = trees.into_iter().map(|(_, tree)| tree).collect();
    Case { config, trees, multiflit, stimuli, stalls, repeat: false, last: cycles, cycles, listing: true }
}

fn compare(
    case: &Case,
    run: impl Fn(&std::path::Path, &str, &[std::path::PathBuf], &[&str]) -> String,
) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let sources = case.write(dir.path());
    let verilog = parse(&run(dir.path(), "bench", &sources, &["PULVINAR_ASSERT"]), case.cycles);
    let golden = case.simulate::<Plain>();
    let first = verilog.listing.iter().zip(&golden.listing).find(|(a, b)| a != b);
    assert_eq!(first, None, "first difference (Verilog, simulator)");
    assert_eq!(verilog.listing.len(), golden.listing.len());
    assert_eq!(verilog, golden, "counts or hashes");
    golden.listing.len()
}

/// Random meshes, traffic and stalls under Icarus Verilog.
#[test]
fn random_meshes_equal_the_plain_engine_flit_by_flit() {
    let mut flits = 0;
    for seed in 0..48 {
        let case = random_case(seed, 3);
        println!("seed {seed}: {:?} {} trees", case.config, case.trees.len());
        flits += compare(&case, |d, t, s, f| tool::icarus(d, t, s, f).unwrap());
    }
    assert!(flits > 20_000, "only {flits} lines were compared");
}

/// A hot spot behind an endpoint that sleeps for thousands of cycles, every source always eager, branching packets
/// included: a million cycles, nothing lost, and every switch and endpoint as in the simulator (by hashes).
#[test]
fn a_million_adversarial_cycles_lose_nothing() {
    let mut config = Config::uniform(2, 2, 1, 2, 3);
    config.pipeline = Pipeline::Speculative;
    config.routing = Routing::WestFirst;
    let endpoints = config.eject_depth.len();
    let hot = PortId(2);
    let everyone: Vec<PortId> = (0..endpoints as u32).map(PortId).collect();
    let trees = vec![build_tree(&config, PortId(0), &everyone), build_tree(&config, PortId(3), &everyone)];
    let mut draw = Draw { seed: 7, index: 0 };
    let mut stimuli = Vec::new();
    for source in 0..endpoints {
        let mut route = || match (source, draw.below(8)) {
            (0, 0) => Route::Tree(0),
            (3, 0) => Route::Tree(1),
            (_, 0..=3) => Route::Unicast(hot),
            _ => Route::Unicast(PortId(draw.below(endpoints as u64) as u32)),
        };
        let flit = |route| Stimulus { cycle: 0, route, head: true, tail: true, vc_mask: 3 };
        stimuli.push((0..997 + source).map(|_| flit(route())).collect::<Vec<_>>());
    }
    let stalls =
        (0..endpoints as u64).map(|e| if e == 2 { (20_011, 9_000) } else { (97 + e, 7 * e) }).collect();
    let (last, cycles) = (1_000_000, 1_030_000);
    let case =
        Case { config, trees, multiflit: false, stimuli, stalls, repeat: true, last, cycles, listing: false };
    let dir = tempfile::tempdir().unwrap();
    let sources = case.write(dir.path());
    let verilog =
        parse(&tool::verilator(dir.path(), "bench", &sources, &["PULVINAR_ASSERT"]).unwrap(), cycles);
    let golden = case.simulate::<Fast>();
    assert_eq!(verilog, golden, "counts and hashes");
    let sent: u64 = golden.endpoints.iter().map(|e| u64::from(e.0)).sum();
    let taken: u64 = golden.endpoints.iter().map(|e| u64::from(e.1)).sum();
    println!("{sent} flits sent, {taken} taken");
    assert_eq!(taken, case.copies(&golden), "every copy of every flit sent is taken");
    assert!(sent > 500_000, "only {sent} flits were sent");
}

/// Verilator has nothing to say about the router at the edges of its parameters.
#[test]
fn the_router_is_lint_clean() {
    let dir = tempfile::tempdir().unwrap();
    let sources = pulvinar_hdl::rtl::write_to(dir.path()).unwrap();
    let own = sources.iter().filter(|path| bench::MODULES.iter().any(|m| path.ends_with(format!("{m}.v"))));
    let files: Vec<String> = own.map(|path| path.display().to_string()).collect();
    for parameters in [
        "-GPIPELINE=0",
        "-GPIPELINE=1 -GVCS=3 -GMULTIFLIT=1 -GADAPTIVE=1 -GVC_DEPTH=100",
        "-GPIPELINE=2 -GVCS=2 -GVC_DEPTH=1 -GEJECT_DEPTH=1 -GLOCALS=3 -GCOUNTERS=1",
        "-GPIPELINE=2 -GVC_DEPTH=1 -GEJECT_DEPTH=1 -GFLIT_BITS=2 -GDEST_BITS=1 -GADAPTIVE=1",
    ] {
        let mut arguments: Vec<String> =
            ["--lint-only", "-Wall", "--top-module", "router"].map(String::from).to_vec();
        arguments.extend(parameters.split(' ').map(String::from));
        arguments.extend(files.clone());
        tool::run(dir.path(), "verilator", &arguments).unwrap();
    }
}
