//! The top level: the shell with its registers, and the machine.

use super::core::{instance, number};
use super::machine::HostWidths;
use super::Shared;
use crate::netlist::{Bits, Module, Parameter};
use crate::registers;

/// Inputs of the shell's slave and their widths; 0 for an address.
const AXI_INPUTS: [(&str, u32); 11] = [
    ("s_axi_awaddr", 0),
    ("s_axi_awprot", 3),
    ("s_axi_awvalid", 1),
    ("s_axi_wdata", 32),
    ("s_axi_wstrb", 4),
    ("s_axi_wvalid", 1),
    ("s_axi_bready", 1),
    ("s_axi_araddr", 0),
    ("s_axi_arprot", 3),
    ("s_axi_arvalid", 1),
    ("s_axi_rready", 1),
];

/// Outputs of the shell's slave and their widths.
const AXI_OUTPUTS: [(&str, u32); 9] = [
    ("s_axi_awready", 1),
    ("s_axi_wready", 1),
    ("s_axi_bresp", 2),
    ("s_axi_bvalid", 1),
    ("s_axi_arready", 1),
    ("s_axi_rdata", 32),
    ("s_axi_rresp", 2),
    ("s_axi_rvalid", 1),
    ("irq", 1),
];

fn shell_parameters(shared: &Shared<'_>, clear_cycles: usize, address_bits: u32) -> Vec<(String, Parameter)> {
    let parameters = [
        ("ADDR_BITS", number(address_bits as usize)),
        ("CORE_BITS", number(shared.core_bits as usize)),
        ("CORES", number(shared.phase.cores.len())),
        ("STEPS", number(shared.machine.steps)),
        ("CLEAR_CYCLES", number(clear_cycles)),
        ("CLEAR_BITS", number(shared.clear_bits as usize)),
        ("RELEASE_WORD", Parameter::Vector(vec![Bits::unsigned(registers::version().into(), 32)])),
        ("BUILD", Parameter::Vector(vec![Bits::unsigned(shared.options.build, 64)])),
    ];
    parameters.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()
}

/// Builds the top level.
pub fn build(shared: &Shared<'_>, host: &HostWidths, clear_cycles: usize, address_bits: u32) -> Module {
    let mut m = Module::bare(
        "top",
        "A network on its chip: registers on s_axi, input events on s_axis, output events on m_axis.",
    );
    let address_bits = address_bits.max(10);
    let aclk = m.input("aclk", 1);
    let aresetn = m.input("aresetn", 1);
    let mut shell_inputs = vec![("aclk", aclk.clone()), ("aresetn", aresetn)];
    for (name, width) in AXI_INPUTS {
        // Addresses are as wide as the window needs.
        shell_inputs.push((name, m.input(name, if width == 0 { address_bits } else { width })));
    }
    let mut outside = Vec::new();
    for (name, width) in AXI_OUTPUTS {
        outside.push((name, m.wire(&format!("shell_{name}"), width)));
    }
    let mut net = |name: &'static str, width: u32| (name, m.wire(&format!("net_{name}"), width));
    let inner = [
        net("machine_rst", 1),
        net("clear", 1),
        net("clear_addr", shared.clear_bits),
        net("select", shared.core_bits + 5),
        net("chain_first", 32),
    ];
    let back = [net("finished", 1), net("overflow", 1), net("chain_last", 32)];
    shell_inputs.extend([
        ("finished", back[0].1.clone()),
        ("errors", back[1].1.clone()),
        ("chain_last", back[2].1.clone()),
    ]);
    let parameters = shell_parameters(shared, clear_cycles, address_bits);
    let outputs: Vec<(&str, Bits)> = outside.iter().chain(&inner).cloned().collect();
    m.instance(instance("shell", "shell", parameters, &shell_inputs, &outputs));
    let mut inputs = vec![("clk", aclk), ("rst", inner[0].1.clone())];
    inputs.extend(inner[1..].iter().cloned());
    for (name, width) in
        [("s_axis_tdata", host.s_bits), ("s_axis_tvalid", 1), ("s_axis_tlast", 1), ("m_axis_tready", 1)]
    {
        inputs.push((name, m.input(name, width)));
    }
    let mut outputs: Vec<(&str, Bits)> = back.to_vec();
    for (name, width) in
        [("s_axis_tready", 1), ("m_axis_tdata", host.m_bits), ("m_axis_tvalid", 1), ("m_axis_tlast", 1)]
    {
        let wire = m.wire(&format!("machine_{name}"), width);
        outputs.push((name, wire.clone()));
        outside.push((name, wire));
    }
    m.instance(instance("machine", "machine", Vec::new(), &inputs, &outputs));
    for (name, value) in outside {
        m.output(name, value);
    }
    m
}
