//! The description for FuseSoC (CAPI2).

use super::Facts;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Text of `pulvinar.core`; `files` tells which images there are.
pub fn core_file(facts: &Facts<'_>, files: &BTreeMap<String, String>) -> String {
    let mut out = format!(
        "CAPI=2:\n# {}.\nname: pulvinar:networks:{}:{}\ndescription: A spiking network on its chip\nfilesets:\n",
        facts.stamp(),
        facts.name(),
        env!("CARGO_PKG_VERSION"),
    );
    let verilog = "    file_type: verilogSource-2005\n";
    let images = |folder: &'static str| {
        files
            .keys()
            .filter(move |n| n.starts_with(folder) && Path::new(n).extension().is_some_and(|e| e == "mem"))
            .cloned()
            .collect::<Vec<_>>()
    };
    let bench = vec!["tb/bench.v".to_owned()];
    for (name, sources, folder) in
        [("rtl", &facts.sources, "mem/"), ("board", &facts.board, ""), ("tb", &bench, "tb/")]
    {
        let _ = writeln!(out, "  {name}:\n    files:");
        for source in sources {
            let _ = writeln!(out, "      - {source}");
        }
        for image in images(folder).iter().filter(|_| !folder.is_empty()) {
            let bare = image.trim_start_matches(folder);
            let _ = writeln!(out, "      - {image}: {{file_type: user, copyto: {bare}}}");
        }
        out.push_str(verilog);
    }
    out.push_str(TARGETS);
    out
}

const TARGETS: &str = "  ulx3s:
    files:
      - constraints/ulx3s.lpf: {file_type: LPF}
  icebreaker:
    files:
      - constraints/icebreaker.pcf: {file_type: PCF}
targets:
  default: &default
    filesets: [rtl]
    toplevel: top
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator: {mode: lint-only, verilator_options: [-Wall]}
  sim:
    filesets: [rtl, tb]
    toplevel: bench
    default_tool: icarus
    tools:
      icarus: {iverilog_options: [-g2005]}
  ulx3s:
    filesets: [rtl, board, ulx3s]
    toplevel: board
    default_tool: trellis
    tools:
      trellis: {nextpnr_options: [--85k, --package, CABGA381]}
  icebreaker:
    filesets: [rtl, board, icebreaker]
    toplevel: board
    default_tool: icestorm
    tools:
      icestorm:
        yosys_synth_options: [-dsp]
        nextpnr_options: [--up5k, --package, sg48, --freq, \"12\"]
";
