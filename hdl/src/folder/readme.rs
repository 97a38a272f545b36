//! The folder's README, made from the design.

use super::Facts;
use crate::registers;
use std::fmt::Write;

/// Ports of the printed module `top`: direction, bits and name.
fn ports(facts: &Facts<'_>) -> Vec<(String, usize, String)> {
    let top =
        facts.design.modules.iter().find(|(name, _)| name == "top.v").map_or("", |(_, text)| text.as_str());
    let head = top.split(");").next().unwrap_or_default();
    let port = |line: &str| {
        let words: Vec<&str> = line.trim().trim_end_matches(',').split_whitespace().collect();
        let high = |range: &str| {
            range.trim_start_matches('[').split(':').next().and_then(|n| n.parse::<usize>().ok())
        };
        match words.as_slice() {
            [way @ ("input" | "output"), name] => Some(((*way).to_owned(), 1, (*name).to_owned())),
            [way @ ("input" | "output"), range, name] => {
                Some(((*way).to_owned(), high(range)? + 1, (*name).to_owned()))
            }
            _ => None,
        }
    };
    head.lines().filter_map(port).collect()
}

/// Bits `low..low + width` as in Verilog.
fn bits(low: u32, width: u32) -> String {
    if width == 1 {
        return low.to_string();
    }
    format!("{}:{low}", low + width - 1)
}

/// What a port is for.
fn purpose(name: &str) -> &'static str {
    match name {
        "aclk" => "the one clock",
        "aresetn" => "synchronous reset, active low",
        "irq" => "interrupt, high while DONE is set and INTERRUPT is enabled",
        _ if name.starts_with("s_axi_") => "registers, AXI4-Lite slave",
        _ if name.starts_with("s_axis_") => "input events, AXI4-Stream slave",
        _ => "output events, AXI4-Stream master",
    }
}

/// Text of `README.md`.
pub fn readme(facts: &Facts<'_>) -> String {
    let mut ports_table = String::from("| port | direction | bits | use |\n|---|---|---|---|\n");
    for (way, bits, name) in ports(facts) {
        let _ = writeln!(ports_table, "| `{name}` | {way} | {bits} | {} |", purpose(&name));
    }
    let program = facts.machine.program;
    let mut cores = String::from("| core | layer | channels | rows |\n|---|---|---|---|\n");
    for slice in &program.phases[0].slices {
        let ([c0, c1], [r0, r1]) = (slice.channels, slice.rows);
        let _ = writeln!(
            cores,
            "| {} | {} | {c0} to {} | {r0} to {} |",
            slice.core,
            program.stage(slice.stage).name,
            c1 - 1,
            r1 - 1
        );
    }
    let cycles: Vec<String> = facts.cycles.iter().map(ToString::to_string).collect();
    let slot = facts.design.format.slots[facts.machine.phases[0].host_stream.unwrap_or(0) as usize];
    let (value, output, format) = (slot.value.max(1), facts.output, &facts.design.format);
    let table = |rows: &[(String, String)]| {
        rows.iter()
            .fold("| bits | field |\n|---|---|\n".to_owned(), |text, (b, f)| format!("{text}| {b} | {f} |\n"))
    };
    let row = |low: u32, width: u32, field: &str| (bits(low, width), field.to_owned());
    let input_fields = table(&[
        row(0, slot.address, "address: index (c, h, w) of the input, row-major"),
        row(slot.address, value, "value, two's complement; 1 for binary events"),
        row(slot.address + value, 1, "empty: the step has no event"),
    ]);
    let signed = if output.value > 1 { "event: value, two's complement" } else { "event: value" };
    let output_fields = table(&[
        row(0, output.address, "event: address"),
        row(output.address, output.value, signed),
        row(0, format.packets, "end of step: packets announced"),
        row(output.content, format.step, "step"),
        row(output.content + format.step, format.stream, "stream"),
        row(output.end_bit - 1, 1, "last event of its packet"),
        row(output.end_bit, 1, "end of step"),
    ]);
    include_str!("../../templates/README.md.in")
        .replace("@NAME@", &program.graph.name)
        .replace("@STAMP@", &facts.stamp())
        .replace("@ARCH@", &program.arch.name)
        .replace("@STEPS@", &facts.machine.steps.to_string())
        .replace("@CORES@", &cores)
        .replace("@PORTS@", &ports_table)
        .replace("@INPUT@", &input_fields)
        .replace("@OUTPUT@", &output_fields)
        .replace("@CYCLES@", &cycles.join(", "))
        .replace("@CLEAR@", &(facts.design.clear_cycles + 1).to_string())
        .replace("@WINDOW@", &format!("0x{:X}", 1u64 << (facts.design.address_bits - 1)))
        .replace("@REGISTERS@", &registers::markdown())
}
