//! Programs that no chip holds or runs, prices and reports that cannot be: E06xx and E07xx.

use crate::nets::{attention, conv, delay, flow, net, neuron, one_core, program, quantised, small, unmapped};
use crate::Case;
use pulvinar_compiler::map::text::ProgramFile;
use pulvinar_compiler::map::{check, MapOptions, Rates};
use pulvinar_ir::arch::Sync;
use pulvinar_ir::{Arch, Counts, Diagnostic, Endpoint, Program, Shape, Strategy, Value};
use pulvinar_reports::compare::{Comparison, Entry};
use pulvinar_reports::energy::constants::Constants;
use pulvinar_reports::energy::counted;
use pulvinar_reports::energy::estimators::Conditions;
use pulvinar_reports::energy::workload::{Population, Workload};
use pulvinar_reports::energy::{estimators, EnergyReport, EstimatorInput, PriceList, Widths};
use pulvinar_reports::{json, write_all, InputFacts, Report, RunFacts};
use pulvinar_simulator::{simulate, Machine, SimOptions};
use std::collections::BTreeMap;
use std::fs;

/// Cases of the mapper.
pub const MAPPING: &[Case] = &[
    ("E0601", "a network that was not quantised", || {
        unmapped(&small().graph(), &Arch::default_chip(), &MapOptions::default())
    }),
    ("E0602", "a barrier and no delays", || {
        unmapped(&flow(), &with_barrier(one_core()), &MapOptions::default())
    }),
    ("E0603", "attention without a memory for its statistics", || {
        let mut arch = Arch::default_chip();
        arch.core.statistics_kib = 0;
        unmapped(&attention(), &arch, &MapOptions::default())
    }),
    ("E0604", "a barrier and more layers than cores", || {
        let nodes = vec![
            delay("late0", "input"),
            conv("conv0", "late0", None),
            neuron("spike0", "conv0"),
            delay("late1", "spike0"),
            conv("conv1", "late1", None),
            neuron("spike", "conv1"),
        ];
        let graph = quantised(&net(nodes, 1.0).graph()).expect("it has an integer form");
        unmapped(&graph, &with_barrier(one_core()), &MapOptions::default())
    }),
    ("E0605", "a program without its home slice", || {
        let (mut program, rates) = (program(), Rates::of(&flow(), &MapOptions::default()));
        program.phases[0].slices[0].home = false;
        check(&program, &rates.expect("default rates")).expect_err("no home")
    }),
    ("E0606", "a strategy for no layer", || {
        unmapped(&flow(), &one_core(), &strategy("nobody", Strategy::SpillSram))
    }),
    ("E0606", "a strategy for a layer that never waits", || {
        unmapped(&flow(), &one_core(), &strategy("spike", Strategy::Recompute))
    }),
    ("E0607", "more cores on DRAM than its queue holds", || {
        let mut arch = Arch::default_chip();
        arch.dram.queue_requests = 1;
        unmapped(&attention(), &arch, &strategy("neuron1", Strategy::SpillDram))
    }),
    ("E0608", "a file that is no program", || ProgramFile::from_json("{}").expect_err("an empty object")),
];

/// Cases of reports and prices.
pub const REPORTS: &[Case] = &[
    ("E0611", "a report on no inputs", || report(&[]).expect_err("no inputs")),
    ("E0612", "a report on an input of no cycles", || report(&[0]).expect_err("no cycles")),
    ("E0613", "a file that is no report", || json::from_json("{}").expect_err("an empty object")),
    ("E0614", "a report of another version", || {
        let text = json::to_json(&report(&[10]).expect("a report"));
        json::from_json(&text.replacen("\"format\": 1", "\"format\": 99", 1)).expect_err("version 99")
    }),
    ("E0615", "a folder of something else", || {
        unwritten(|target| fs::create_dir(target).and_then(|()| fs::write(target.join("thesis.txt"), "mine")))
    }),
    ("E0616", "a file where the folder would be", || unwritten(|target| fs::write(target, "mine"))),
    ("E0617", "estimates that have nothing in common", || {
        let sheet = r#"{"energy_format": 1, "version": "", "command": "", "network": "a", "network_hash": null, "timesteps": 1,
            "neurons": 1, "macs": 1.0, "spikes": 0.0, "rates": {"basis": "given", "input": 1.0, "layers": [],
            "without_attention": null}, "estimates": [], "constants": [], "break_even": [], "simulated": null,
            "assumptions": []}"#;
        let entry = |name: &str| (name.to_owned(), Entry::from_json(sheet).expect("estimates"));
        Comparison::new(&[entry("a"), entry("b")]).expect_err("nothing in common")
    }),
    ("E0621", "a process node without data", || {
        let mut arch = Arch::default_chip();
        arch.technology.node_nm = 10;
        PriceList::new(&arch, &Widths::default()).expect_err("no data")
    }),
    ("E0634", "memories at 22 nm hotter than their table", || {
        let mut arch = Arch::default_chip();
        arch.technology.temperature_k = 380.0;
        PriceList::new(&arch, &Widths::default()).expect_err("too hot")
    }),
    ("E0635", "a node to which prices are scaled from afar", || {
        let mut arch = Arch::default_chip();
        arch.technology.node_nm = 7;
        PriceList::new(&arch, &Widths::default()).expect_err("too far")
    }),
    ("E0622", "a constant that is not in the table", || {
        Constants::embedded().get("warp").expect_err("no such constant")
    }),
    ("E0623", "an all-in energy as a term of a sum", || {
        Constants::embedded().per_term("truenorth.sop_all_in").expect_err("all in")
    }),
    ("E0624", "an estimate of a run without a run", || {
        let simulated = estimators::estimator("simulated").expect("an estimator of this name");
        (simulated.estimate)(&EstimatorInput::default()).expect_err("no run")
    }),
    ("E0625", "a spiking rate below 0", || {
        let (name, rate, leaky) = ("conv1".to_owned(), -0.5, true);
        let neurons = vec![Population { name, elements: 1, channels: 1, timesteps: 1, rate, leaky }];
        Workload { neurons, ..Workload::default() }.check().expect_err("no rate")
    }),
    ("E0626", "a rate applied twice (PMC10242054, Table 3)", || {
        let text = "layer,kind,operations,rate,dense\nnetwork,ac,2.51e6,0.1366,18.4e6\n";
        counted::parse(text, "counted.csv").expect("a table")[0].done().expect_err("twice")
    }),
    ("E0627", "a table of operations of an unknown kind", || {
        let text = "layer,kind,operations,rate,dense\nnetwork,add,2.51e6,,\n";
        counted::parse(text, "counted.csv").expect_err("no such kind")
    }),
    ("E0628", "a clock of 0 MHz", || {
        Conditions { clock_mhz: Some(0.0), ..Conditions::default() }.check().expect_err("no clock")
    }),
];

/// Cases of the simulator.
pub const SIMULATION: &[Case] = &[
    ("E0701", "a slice outside the mesh", || {
        let mut program = program();
        program.phases[0].slices[0].core = 9;
        Machine::new(&program).expect_err("core 9 of 1")
    }),
    ("E0702", "a stream that never starts", || {
        let mut program = program();
        program.arch.mesh.cores_per_tile = 2;
        let mut ghost = program.phases[0].streams[0].clone();
        ghost.source = Endpoint::Core(1);
        program.phases[0].streams.push(ghost);
        unsimulated(&program, SimOptions::default())
    }),
    ("E0703", "a limit of 20 cycles", || {
        unsimulated(&program(), SimOptions { cycle_limit: 20, ..SimOptions::default() })
    }),
    ("E0705", "outputs given for no stage", || {
        pulvinar_simulator::Machine::new(&program()).unwrap().give(&[]).unwrap_err()
    }),
    ("E0706", "values of no graph", || {
        let program = program();
        pulvinar_simulator::analytic::estimate(&pulvinar_simulator::Machine::new(&program).unwrap(), &[])
            .unwrap_err()
    }),
];

fn with_barrier(mut arch: Arch) -> Arch {
    arch.noc.sync = Sync::Barrier;
    arch
}

fn strategy(layer: &str, strategy: Strategy) -> MapOptions {
    MapOptions { strategies: BTreeMap::from([(layer.to_owned(), strategy)]), ..MapOptions::default() }
}

/// A report on inferences of these many cycles.
fn report(cycles: &[u64]) -> pulvinar_ir::Result<Report> {
    let inputs = cycles.iter().map(|&cycles| InputFacts { cycles, ..InputFacts::default() }).collect();
    let facts = RunFacts { inputs, ..RunFacts::default() };
    Report::build(&program(), &Counts::default(), &EnergyReport::default(), &facts)
}

/// Why a report is not written to a place, which is then `<target>`.
fn unwritten(prepare: fn(&std::path::Path) -> std::io::Result<()>) -> Diagnostic {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = folder.path().join("out");
    prepare(&target).expect("a writable temporary folder");
    let refusal = write_all(&report(&[10]).expect("a report"), &target).expect_err("a taken place");
    Diagnostic { place: refusal.place.replace(&target.display().to_string(), "<target>"), ..refusal }
}

fn unsimulated(program: &Program, options: SimOptions) -> Diagnostic {
    let silence = Value::int(Shape::new(3, 1, 2, 2), vec![0; 12]);
    simulate(program, &silence, &options).expect_err("a run that cannot end")
}
