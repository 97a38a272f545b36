//! The netlist says in Verilog what its builder computes: 300 random expression trees, simulated against their values.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../simulator/tests/machine_common/mod.rs"]
mod machine_common;

use machine_common::Rng;
use pulvinar_hdl::netlist::{print, Bits, Module};
use pulvinar_hdl::tool;
use std::fmt::Write;

const TREES: usize = 300;
const VECTORS: usize = 8;
const INPUTS: [u32; 4] = [1, 7, 16, 33];

/// A net and its values at every vector.
type Valued = (Bits, Vec<u128>);

fn masked(v: u128, width: u32) -> u128 {
    v & ((1 << width) - 1)
}

fn signed(v: u128, width: u32) -> i128 {
    (v as i128) << (128 - width) >> (128 - width)
}

/// Brings a value to a width, with or without its sign, in the netlist and by arithmetic.
fn resized(m: &mut Module, (bits, values): &Valued, width: u32, sign: bool) -> Valued {
    let from = bits.width();
    let net = if sign { m.sext(bits, width) } else { m.zext(bits, width) };
    let value = |v: &u128| masked(if sign { signed(*v, from) as u128 } else { *v }, width);
    (net, values.iter().map(value).collect())
}

fn both(a: &Valued, b: &Valued, f: impl Fn(u128, u128) -> u128) -> Vec<u128> {
    a.1.iter().zip(&b.1).map(|(&x, &y)| f(x, y)).collect()
}

fn leaf(rng: &mut Rng, inputs: &[Valued]) -> Valued {
    if rng.chance(75) {
        return inputs[rng.below(inputs.len())].clone();
    }
    let width = 1 + rng.below(20) as u32;
    let value = rng.next() & ((1 << width) - 1);
    (Bits::unsigned(value, width), vec![u128::from(value); VECTORS])
}

/// A random tree; widths stay below 64 bits.
fn tree(m: &mut Module, rng: &mut Rng, inputs: &[Valued], depth: usize) -> Valued {
    if depth == 0 || rng.chance(10) {
        return leaf(rng, inputs);
    }
    let a = tree(m, rng, inputs, depth - 1);
    let b = tree(m, rng, inputs, depth - 1);
    let a = if a.0.width() > 40 { resized(m, &a, 40, false) } else { a };
    let width = a.0.width();
    let b = resized(m, &b, width, rng.chance(50));
    let one = |v: bool| u128::from(v);
    match rng.below(15) {
        0 => (m.not(&a.0), a.1.iter().map(|&v| masked(!v, width)).collect()),
        1 => (m.and(&a.0, &b.0), both(&a, &b, |x, y| x & y)),
        2 => (m.or(&a.0, &b.0), both(&a, &b, |x, y| x | y)),
        3 => (m.xor(&a.0, &b.0), both(&a, &b, |x, y| x ^ y)),
        4 => (m.add(&a.0, &b.0), both(&a, &b, |x, y| masked(x + y, width))),
        5 => (m.sub(&a.0, &b.0), both(&a, &b, |x, y| masked(x.wrapping_sub(y), width))),
        6 => {
            let (a, b) = (resized(m, &a, width.min(20), true), resized(m, &b, width.min(20), true));
            let w = a.0.width();
            let product = |x, y| masked((signed(x, w) * signed(y, w)) as u128, 2 * w);
            (m.mul(&a.0, &b.0), both(&a, &b, product))
        }
        7 => (m.eq(&a.0, &b.0), both(&a, &b, |x, y| one(x == y))),
        8 => (m.less(&a.0, &b.0), both(&a, &b, |x, y| one(signed(x, width) < signed(y, width)))),
        9 => (m.below(&a.0, &b.0), both(&a, &b, |x, y| one(x < y))),
        10 => {
            let c = tree(m, rng, inputs, depth - 1);
            let c = resized(m, &c, 1, false);
            let values = (0..VECTORS).map(|i| if c.1[i] == 1 { a.1[i] } else { b.1[i] }).collect();
            (m.mux(&c.0, &a.0, &b.0), values)
        }
        11 => {
            let b = resized(m, &b, width.min(20), false);
            (m.join(&[a.0.clone(), b.0.clone()]), both(&a, &b, |x, y| x | y << width))
        }
        12 => {
            let lsb = rng.below(width as usize) as u32;
            let n = 1 + rng.below((width - lsb) as usize) as u32;
            (m.slice(&a.0, lsb, n), a.1.iter().map(|&v| masked(v >> lsb, n)).collect())
        }
        13 => {
            let by = rng.below(width as usize + 2) as u32;
            (m.shift_left(&a.0, by), a.1.iter().map(|&v| masked(v << by, width)).collect())
        }
        _ => {
            let by = resized(m, &b, 6.min(width), false);
            (m.shift_right(&a.0, &by.0), both(&a, &by, |x, y| x >> y))
        }
    }
}

#[test]
fn random_trees_have_their_values() {
    let mut rng = Rng(77);
    let mut m = Module::new("trees", "Random expression trees.");
    let inputs: Vec<Valued> = INPUTS
        .iter()
        .map(|&w| {
            let values = (0..VECTORS).map(|_| masked(rng.next().into(), w)).collect();
            (m.input(&format!("in{w}"), w), values)
        })
        .collect();
    let mut bench = String::from("module bench;\n");
    let mut ports = String::from("    .clk(1'b0), .rst(1'b0)");
    for (w, (_, _)) in INPUTS.iter().zip(&inputs) {
        let _ = writeln!(bench, "  reg [{}:0] in{w};", w - 1);
        let _ = write!(ports, ",\n    .in{w}(in{w})");
    }
    let mut checks = vec![String::new(); VECTORS];
    for i in 0..TREES {
        let depth = 1 + rng.below(5);
        let (net, values) = tree(&mut m, &mut rng, &inputs, depth);
        let width = net.width();
        m.output(&format!("out{i}"), net);
        let _ = writeln!(bench, "  wire [{}:0] out{i};", width - 1);
        let _ = write!(ports, ",\n    .out{i}(out{i})");
        for (check, value) in checks.iter_mut().zip(&values) {
            let _ = writeln!(
                check,
                "    if (out{i} !== {width}'h{value:x}) $display(\"tree {i}: %h, must be {value:x}\", out{i});"
            );
        }
    }
    let _ = writeln!(bench, "  trees dut (\n{ports}\n  );\n  initial begin");
    for (v, check) in checks.iter().enumerate() {
        for (w, (_, values)) in INPUTS.iter().zip(&inputs) {
            let _ = writeln!(bench, "    in{w} = {w}'h{:x};", values[v]);
        }
        let _ = write!(bench, "    #1;\n{check}");
    }
    bench.push_str("    $display(\"done\");\n    $finish;\n  end\nendmodule\n");
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let trees = write("trees.v", &print(&m));
    let sources = [trees, write("bench.v", &bench)];
    assert_eq!(tool::icarus(dir.path(), "bench", &sources, &[]).unwrap().trim(), "done");
}
