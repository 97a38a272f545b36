//! Verilog-2005 text of a module.

use super::bits::Bits;
use super::module::{Module, Operator, Parameter, Register};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

fn range(width: u32) -> String {
    if width == 1 {
        String::new()
    } else {
        format!("[{}:0] ", width - 1)
    }
}

fn text(bits: &Bits) -> String {
    match bits {
        Bits::Net { name, .. } => name.to_string(),
        Bits::Const { value, width } if *width <= 32 => format!("{width}'d{value}"),
        Bits::Const { value, width } => format!("{width}'h{value:x}"),
    }
}

fn right_side(operator: &Operator, width: u32) -> String {
    match operator {
        Operator::Unary(symbol, a) => format!("{symbol}{}", text(a)),
        Operator::Binary(symbol, a, b) => format!("{} {symbol} {}", text(a), text(b)),
        Operator::Signed(symbol, a, b) => format!("$signed({}) {symbol} $signed({})", text(a), text(b)),
        Operator::Mux(c, a, b) => format!("{} ? {} : {}", text(c), text(a), text(b)),
        Operator::Concat(parts) if parts.len() == 1 => text(&parts[0]),
        Operator::Concat(parts) => format!("{{{}}}", parts.iter().map(text).collect::<Vec<_>>().join(", ")),
        // A vector of one bit has no index.
        Operator::Slice(a, _) if a.width() == 1 => text(a),
        Operator::Slice(a, lsb) if width == 1 => format!("{}[{lsb}]", text(a)),
        Operator::Slice(a, lsb) => format!("{}[{}:{lsb}]", text(a), lsb + width - 1),
        Operator::Repeat(a, times) => format!("{{{times}{{{}}}}}", text(a)),
    }
}

fn name_of(bits: &Bits) -> Option<&str> {
    match bits {
        Bits::Net { name, .. } => Some(name),
        Bits::Const { .. } => None,
    }
}

/// Nets that are read by something that counts: outputs, instances, registers, and what these need.
struct Reach<'a> {
    drivers: HashMap<&'a str, Vec<&'a Bits>>,
    whole: HashSet<&'a str>,
    part: HashSet<&'a str>,
    open: Vec<&'a Bits>,
}

impl<'a> Reach<'a> {
    fn of(module: &'a Module) -> Self {
        let mut drivers: HashMap<&str, Vec<&Bits>> = HashMap::new();
        for (wire, operator) in &module.wires {
            drivers.insert(name_of(wire).unwrap_or_default(), operator.operands());
        }
        for register in &module.registers {
            let Register { next, enable, reset: _, net } = register;
            drivers.insert(name_of(net).unwrap_or_default(), std::iter::once(next).chain(enable).collect());
        }
        let outputs = module.outputs.iter().map(|(_, value)| value);
        let inputs = module.instances.iter().flat_map(|i| i.inputs.iter().map(|(_, value)| value));
        let mut reach = Reach {
            drivers,
            whole: HashSet::new(),
            part: HashSet::new(),
            open: outputs.chain(inputs).collect(),
        };
        reach.walk(module);
        reach
    }

    fn walk(&mut self, module: &'a Module) {
        let slices: HashMap<&str, bool> = module
            .wires
            .iter()
            .map(|(wire, operator)| {
                (name_of(wire).unwrap_or_default(), matches!(operator, Operator::Slice(..)))
            })
            .collect();
        while let Some(bits) = self.open.pop() {
            let Some(name) = name_of(bits) else { continue };
            if self.whole.insert(name) {
                self.follow(name, &slices);
            }
        }
    }

    /// What drives a net is needed; a slice needs only part of its operand.
    fn follow(&mut self, name: &'a str, slices: &HashMap<&str, bool>) {
        let Some(operands) = self.drivers.remove(name) else { return };
        if slices.get(name) == Some(&true) {
            for operand in operands.iter().copied().filter_map(name_of) {
                self.part.insert(operand);
                self.follow(operand, slices);
            }
        } else {
            self.open.extend(operands);
        }
    }

    fn is_read(&self, bits: &Bits) -> bool {
        name_of(bits).is_some_and(|n| self.whole.contains(n) || self.part.contains(n))
    }

    fn is_partly_read(&self, bits: &Bits) -> bool {
        name_of(bits).is_some_and(|n| !self.whole.contains(n))
    }
}

/// Verilog of a module.
pub fn print(module: &Module) -> String {
    let reach = Reach::of(module);
    let mut out = String::new();
    for line in module.comment.lines() {
        let _ = writeln!(out, "// {line}");
    }
    head(module, &mut out);
    let mut spare: Vec<&Bits> = module.inputs.iter().filter(|p| reach.is_partly_read(p)).collect();
    let clocked = !module.registers.is_empty() || !module.instances.is_empty();
    spare.retain(|p| !(clocked && name_of(p) == Some("clk")));
    let resets = module.registers.iter().any(|r| r.reset.is_some() && reach.is_read(&r.net));
    spare.retain(|p| !(resets && name_of(p) == Some("rst")));
    for (_, net) in module.instances.iter().flat_map(|i| &i.outputs) {
        let _ = writeln!(out, "  wire {}{};", range(net.width()), text(net));
        if reach.is_partly_read(net) {
            spare.push(net);
        }
    }
    for register in module.registers.iter().filter(|r| reach.is_read(&r.net)) {
        let _ = writeln!(out, "  reg {}{};", range(register.net.width()), text(&register.net));
        if reach.is_partly_read(&register.net) {
            spare.push(&register.net);
        }
    }
    let wires: Vec<_> = module.wires.iter().filter(|(w, _)| reach.is_read(w)).collect();
    for (wire, _) in &wires {
        let _ = writeln!(out, "  wire {}{};", range(wire.width()), text(wire));
        if reach.is_partly_read(wire) {
            spare.push(wire);
        }
    }
    for (wire, operator) in &wires {
        let _ = writeln!(out, "  assign {} = {};", text(wire), right_side(operator, wire.width()));
    }
    registers(module, &reach, &mut out);
    instances(module, &mut out);
    for (port, value) in &module.outputs {
        let _ = writeln!(out, "  assign {} = {};", text(port), text(value));
    }
    if !spare.is_empty() {
        let names: Vec<String> = spare.iter().map(|b| text(b)).collect();
        let _ = writeln!(out, "  wire unused;\n  assign unused = &{{1'b0, {}}};", names.join(", "));
    }
    out.push_str("endmodule\n");
    out
}

fn head(module: &Module, out: &mut String) {
    let inputs = module.inputs.iter().map(|p| format!("  input {}{}", range(p.width()), text(p)));
    let outputs = module.outputs.iter().map(|(p, _)| format!("  output {}{}", range(p.width()), text(p)));
    let ports: Vec<String> = inputs.chain(outputs).collect();
    let _ = writeln!(out, "module {} (\n{}\n);", module.name, ports.join(",\n"));
}

fn registers(module: &Module, reach: &Reach<'_>, out: &mut String) {
    let used: Vec<&Register> = module.registers.iter().filter(|r| reach.is_read(&r.net)).collect();
    if used.is_empty() {
        return;
    }
    out.push_str("  always @(posedge clk) begin\n");
    for Register { net, next, enable, reset } in used {
        let (q, d) = (text(net), text(next));
        let take = match enable {
            Some(e) => format!("if ({}) {q} <= {d};", text(e)),
            None => format!("{q} <= {d};"),
        };
        let _ = match reset {
            Some(r) => writeln!(out, "    if (rst) {q} <= {};\n    else {take}", text(r)),
            None => writeln!(out, "    {take}"),
        };
    }
    out.push_str("  end\n");
}

fn parameter(value: &Parameter) -> String {
    match value {
        Parameter::Number(n) => n.to_string(),
        Parameter::Verbatim(s) => s.clone(),
        Parameter::Text(s) => format!("\"{s}\""),
        Parameter::Vector(parts) if parts.len() == 1 => text(&parts[0]),
        Parameter::Vector(parts) => {
            format!("{{{}}}", parts.iter().rev().map(text).collect::<Vec<_>>().join(", "))
        }
    }
}

fn instances(module: &Module, out: &mut String) {
    for instance in &module.instances {
        let parameters: Vec<String> =
            instance.parameters.iter().map(|(n, v)| format!("    .{n}({})", parameter(v))).collect();
        let ports: Vec<String> = (instance.inputs.iter().chain(&instance.outputs))
            .map(|(port, bits)| format!("    .{port}({})", text(bits)))
            .collect();
        let head = if parameters.is_empty() {
            instance.module.clone()
        } else {
            format!("{} #(\n{}\n  )", instance.module, parameters.join(",\n"))
        };
        let _ = writeln!(out, "  {head} {} (\n{}\n  );", instance.name, ports.join(",\n"));
    }
}
