//! `pulvinar rtl`: Verilog of a compiled network, compared with the simulator and synthesised if asked.

use crate::args::{Global, Rtl, SimulatorArg, TargetArg};
use crate::compile::compile;
use crate::{output, progress, source};
use pulvinar_hdl::cosim::{self, Agreement, Simulator};
use pulvinar_hdl::emit::{check, Drive};
use pulvinar_hdl::folder::{self, Folder};
use pulvinar_hdl::synth::{self, Synthesis, Target};
use pulvinar_ir::{Diagnostic, Level, Result, Value};
use pulvinar_simulator::Machine;
use serde_json::json;
use std::path::Path;

/// Inputs of the test bench without `--inputs`.
const DEFAULT_INPUTS: usize = 2;

/// The verb.
pub fn rtl(args: &Rtl, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    if args.seeds == 0 {
        return Err(Diagnostic::new("E0803", "--seeds", "a clock needs at least one seed", "give 1 or more"));
    }
    let mut source = args.source.clone();
    source.inputs = source.inputs.or(Some(DEFAULT_INPUTS));
    let loaded = source::load(&source)?;
    progress::note(global, &format!("compiling {}", loaded.model.graph.name));
    let compiled = compile(&loaded, &args.choices, source.seed)?;
    let machine = Machine::new(&compiled.mapped.program)?;
    check(machine.program, &machine)?;
    let inputs = source::values(&loaded.inputs.frames, Level::Flow)?;
    let inputs: Vec<&Value> = inputs.iter().collect();
    progress::note(global, "emitting Verilog");
    let folder = folder::folder(&machine, &inputs)?;
    output::folder(&args.output, |dir| folder::fill(dir, &folder))?;
    let agreement = args.verify.then(|| verify(args, &machine, &inputs, global)).transpose()?;
    let target = args.synth.map(target);
    let note = |text: &str| progress::note(global, text);
    let synthesis = target.map(|t| synth::synthesise(&args.output, t, args.seeds, &note)).transpose()?;
    let mean = folder.cycles.iter().sum::<u64>() as f64 / folder.cycles.len() as f64;
    if global.json {
        let facts = facts(&args.output, &folder, agreement.as_ref(), synthesis.as_ref(), mean);
        println!("{}", serde_json::to_string_pretty(&facts).expect("plain JSON"));
    } else {
        print!("{}", text(&args.output, &folder, agreement.as_ref(), synthesis.as_ref(), mean));
    }
    Ok(())
}

fn target(argument: TargetArg) -> Target {
    match argument {
        TargetArg::Ecp5 => Target::Ecp5,
        TargetArg::Ice40 => Target::Ice40,
        TargetArg::Xilinx => Target::Xilinx,
    }
}

/// Simulator and RTL side by side; the files stay in `build/verify` of the folder.
fn verify(args: &Rtl, machine: &Machine<'_>, inputs: &[&Value], global: &Global) -> Result<Agreement> {
    let dir = args.output.join("build").join("verify");
    output::directory(&dir)?;
    // Tools run in the folder, so the paths of their sources must not depend on where that is.
    let dir = dir.canonicalize().map_err(|e| {
        Diagnostic::new("E0501", dir.display().to_string(), e.to_string(), "choose another output folder")
    })?;
    let simulator = match args.simulator {
        SimulatorArg::Icarus => Simulator::Icarus,
        SimulatorArg::Verilator => Simulator::Verilator,
    };
    progress::note(global, "comparing simulator and RTL");
    cosim::compare(&dir, machine, inputs, &Drive::default(), simulator)
}

fn facts(
    output: &Path,
    folder: &Folder,
    agreement: Option<&Agreement>,
    synthesis: Option<&Synthesis>,
    mean: f64,
) -> serde_json::Value {
    json!({
        "folder": output.display().to_string(),
        "build": format!("{:016x}", folder.build),
        "files": folder.files.len(),
        "cycles": folder.cycles,
        "clear_cycles": folder.clear_cycles,
        "verified": agreement.map(|a| json!({"inputs": a.inferences, "lines": a.lines, "cycles": a.cycles})),
        "synthesis": synthesis.map(|s| {
            let cells = s.cells;
            let sites: Vec<_> = s.sites.iter()
                .map(|u| json!({"site": u.site, "used": u.used, "available": u.available}))
                .collect();
            let speed = s.speed(mean, folder.clear_cycles);
            json!({
                "target": s.target.name(),
                "device": s.target.label(),
                "luts": cells.luts,
                "flip_flops": cells.flip_flops,
                "block_rams": cells.block_rams,
                "dsps": cells.dsps,
                "lut_rams": cells.lut_rams,
                "sites": sites,
                "clock_mhz": s.clocks,
                "clock_min_mhz": s.clock_min(),
                "clock_median_mhz": s.clock_median(),
                "latency_us": speed.map(|x| x.0),
                "inferences_per_second": speed.map(|x| x.1),
                "tools": s.tools,
            })
        }),
    })
}

fn text(
    output: &Path,
    folder: &Folder,
    agreement: Option<&Agreement>,
    synthesis: Option<&Synthesis>,
    mean: f64,
) -> String {
    let cycles: Vec<String> = folder.cycles.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "build {:016x}: {} files in {}\ncycles: {}\n",
        folder.build,
        folder.files.len(),
        output.display(),
        cycles.join(", ")
    );
    if let Some(a) = agreement {
        text += &format!(
            "verified: {} inputs, {} cycles, {} lines of the listings are the same\n",
            a.inferences, a.cycles, a.lines
        );
    }
    let Some(s) = synthesis else { return text };
    let cells = s.cells;
    text += &format!(
        "{}\n  {} LUTs, {} flip-flops, {} block RAMs, {} multipliers, {} LUT RAMs\n",
        s.target.label(),
        cells.luts,
        cells.flip_flops,
        cells.block_rams,
        cells.dsps,
        cells.lut_rams
    );
    for u in &s.sites {
        text += &format!("  {}: {} of {}\n", u.site, u.used, u.available);
    }
    if let (Some(min), Some(median), Some((latency, rate))) =
        (s.clock_min(), s.clock_median(), s.speed(mean, folder.clear_cycles))
    {
        text +=
            &format!("  clock: {min:.1} MHz at least, {median:.1} MHz median of {} seeds\n", s.clocks.len());
        text +=
            &format!("  at the median clock: {latency:.1} us an inference, {rate:.0} inferences a second\n");
    }
    s.tools.iter().for_each(|t| text += &format!("  tool: {t}\n"));
    text
}
