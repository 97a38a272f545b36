//! A mapping of a group's graph, with the runs that points on it share.

use crate::config::{Config, Fidelity};
use crate::group::Group;
use crate::recent::{Fault, Recent};
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_ir::counts::Row;
use pulvinar_ir::{Arch, Phase, Program, Result, Stage};
use pulvinar_reports::energy::Widths;
use pulvinar_simulator::{analytic, Machine, SimOptions};
use std::time::{Duration, Instant};

/// Runs that a mapping keeps.
const RUNS: usize = 16;

/// Where everything is on the chip.
pub struct Mapping {
    /// Stages with their strategies.
    pub stages: Vec<Stage>,
    /// Slices on their cores, and streams.
    pub phases: Vec<Phase>,
    /// Widths of operands, for prices.
    pub widths: Widths,
    /// Cores with work.
    pub cores_used: usize,
    /// What was counted, by what the run reads of the configuration.
    pub runs: Recent<Counted>,
}

/// What was counted over some inferences.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Activities of all inferences together.
    pub totals: Row,
    /// Cycles of all inferences together.
    pub cycles: u64,
    /// Number of inferences.
    pub inferences: usize,
    /// Cycles to load the weights.
    pub load_cycles: u64,
}

impl Mapping {
    /// Maps a group's graph on a chip.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn new(group: &Group, arch: &Arch, options: &MapOptions) -> Result<Self> {
        let options = MapOptions { expected_events: group.events.clone(), ..options.clone() };
        let program = map(&group.flow, arch, &options)?.program;
        let mut cores: Vec<u32> = program.phases.iter().flat_map(|p| &p.slices).map(|s| s.core).collect();
        cores.sort_unstable();
        cores.dedup();
        Ok(Mapping {
            widths: Widths::of(&program),
            cores_used: cores.len(),
            stages: program.stages,
            phases: program.phases,
            runs: Recent::new(RUNS),
        })
    }

    /// Runs a group's samples on a chip; nothing begins after the time `most`.
    ///
    /// # Errors
    /// What ends a run, or that the time is over.
    pub fn run(
        &self,
        group: &Group,
        arch: Arch,
        config: &Config,
        most: Option<Duration>,
    ) -> std::result::Result<Counted, Fault> {
        let start = Instant::now();
        let (graph, stages, phases) = (group.flow.clone(), self.stages.clone(), self.phases.clone());
        let program = Program { graph, arch, stages, phases };
        let mut machine = Machine::new(&program).map_err(Fault::Point)?;
        let mut counted = Counted { load_cycles: machine.load_cycles(), ..Counted::default() };
        for sample in 0..group.samples() {
            if most.is_some_and(|most| start.elapsed() > most) {
                return Err(Fault::Late(format!("{sample} of {} inferences were run", group.samples())));
            }
            let counts = counts(&mut machine, group, config, sample).map_err(Fault::Point)?;
            counts.rows.values().for_each(|row| counted.totals.merge(row));
            counted.cycles += counts.cycles;
            counted.inferences += 1;
        }
        Ok(counted)
    }
}

/// Counts of one inference, by fidelity: the one place where a further fidelity is put in.
fn counts(
    machine: &mut Machine<'_>,
    group: &Group,
    config: &Config,
    sample: usize,
) -> Result<pulvinar_ir::Counts> {
    let program = machine.program;
    match config.fidelity {
        Fidelity::Cycle => {
            if let Some(given) = group.given(sample)? {
                let outputs = program.stages.iter().map(|s| given.get(&s.name).cloned());
                machine.give(&outputs.collect::<Vec<_>>())?;
            }
            let options = SimOptions { cycle_limit: config.cycle_limit, ..SimOptions::default() };
            Ok(machine.simulate(&group.input(sample)?, &options)?.counts)
        }
        Fidelity::Analytic => analytic::estimate(machine, group.reference(sample)?),
    }
}
