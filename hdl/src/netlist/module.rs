//! A module under construction.

use super::bits::{masked, Bits};
use std::collections::HashMap;
use std::rc::Rc;

/// Right-hand side of a wire: exactly one operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    /// Prefix operator.
    Unary(&'static str, Bits),
    /// Infix operator on vectors of one width (comparisons give one bit).
    Binary(&'static str, Bits, Bits),
    /// The same on two's complement numbers.
    Signed(&'static str, Bits, Bits),
    /// `condition ? a : b`.
    Mux(Bits, Bits, Bits),
    /// Concatenation, highest first.
    Concat(Vec<Bits>),
    /// Bits `lsb..lsb + width`.
    Slice(Bits, u32),
    /// Repetition of one bit.
    Repeat(Bits, u32),
}

impl Operator {
    pub(super) fn operands(&self) -> Vec<&Bits> {
        match self {
            Operator::Unary(_, a) | Operator::Slice(a, _) | Operator::Repeat(a, _) => vec![a],
            Operator::Binary(_, a, b) | Operator::Signed(_, a, b) => vec![a, b],
            Operator::Mux(c, a, b) => vec![c, a, b],
            Operator::Concat(parts) => parts.iter().collect(),
        }
    }
}

/// A clocked register.
#[derive(Debug, Clone)]
pub(super) struct Register {
    pub(super) net: Bits,
    pub(super) next: Bits,
    pub(super) enable: Option<Bits>,
    pub(super) reset: Option<Bits>,
}

/// Value of a module parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A number.
    Number(i64),
    /// A string, for file names.
    Text(String),
    /// Verilog text as it is.
    Verbatim(String),
    /// A vector of bits, printed in hexadecimal chunks, lowest first.
    Vector(Vec<Bits>),
}

/// An instance of another module.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Module.
    pub module: String,
    /// Name.
    pub name: String,
    /// Parameters.
    pub parameters: Vec<(String, Parameter)>,
    /// Inputs: port and what drives it.
    pub inputs: Vec<(String, Bits)>,
    /// Outputs: port and the net it drives.
    pub outputs: Vec<(String, Bits)>,
}

/// A module: ports, wires, registers, instances.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// Name.
    pub name: String,
    /// What it is, for the head of the file.
    pub comment: String,
    pub(super) inputs: Vec<Bits>,
    pub(super) outputs: Vec<(Bits, Bits)>,
    pub(super) wires: Vec<(Bits, Operator)>,
    pub(super) registers: Vec<Register>,
    pub(super) instances: Vec<Instance>,
    known: HashMap<(Operator, u32), Bits>,
    names: HashMap<String, u32>,
}

fn net(name: &str, width: u32) -> Bits {
    Bits::Net { name: Rc::from(name), width: width.max(1) }
}

impl Module {
    /// An empty module with a clock and a reset.
    pub fn new(name: &str, comment: &str) -> Self {
        let mut module = Module { name: name.to_owned(), comment: comment.to_owned(), ..Module::default() };
        module.input("clk", 1);
        module.input("rst", 1);
        module
    }

    /// An empty module without ports.
    pub fn bare(name: &str, comment: &str) -> Self {
        Module { name: name.to_owned(), comment: comment.to_owned(), ..Module::default() }
    }

    fn unique(&mut self, name: &str) -> String {
        let count = self.names.entry(name.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 {
            name.to_owned()
        } else {
            let n = *count;
            self.unique(&format!("{name}_{n}"))
        }
    }

    /// An input port.
    pub fn input(&mut self, name: &str, width: u32) -> Bits {
        let name = self.unique(name);
        let port = net(&name, width);
        self.inputs.push(port.clone());
        port
    }

    /// An output port driven by `value`.
    pub fn output(&mut self, name: &str, value: Bits) {
        let name = self.unique(name);
        self.outputs.push((net(&name, value.width()), value));
    }

    /// A net that an instance drives.
    pub fn wire(&mut self, name: &str, width: u32) -> Bits {
        let name = self.unique(name);
        net(&name, width)
    }

    /// Drives a net declared by [`Module::wire`].
    pub fn assign_net(&mut self, net: &Bits, value: &Bits) {
        assert_eq!(net.width(), value.width(), "invariant: {net:?} is driven by {value:?}");
        self.wires.push((net.clone(), Operator::Concat(vec![value.clone()])));
    }

    fn assign(&mut self, operator: Operator, width: u32) -> Bits {
        let key = (operator, width);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let name = self.unique("n");
        let wire = net(&name, width);
        self.wires.push((wire.clone(), key.0.clone()));
        self.known.insert(key, wire.clone());
        wire
    }

    /// Gives a value a name of its own, for readers and test benches.
    pub fn named(&mut self, name: &str, value: Bits) -> Bits {
        let name = self.unique(name);
        let wire = net(&name, value.width());
        self.wires.push((wire.clone(), Operator::Concat(vec![value])));
        wire
    }

    /// A register that is driven later by [`Module::drive`].
    pub fn register(&mut self, name: &str, width: u32) -> Bits {
        let name = self.unique(name);
        net(&name, width)
    }

    /// What a register takes at each clock edge, when `enable` holds; `reset` is its value under `rst`.
    pub fn drive(&mut self, register: &Bits, next: Bits, enable: Option<Bits>, reset: Option<u64>) {
        assert_eq!(register.width(), next.width(), "invariant: register {register:?} takes {next:?}");
        let reset = reset.map(|v| Bits::unsigned(v, register.width()));
        self.registers.push(Register { net: register.clone(), next, enable, reset });
    }

    /// A register fed by `next` where `enable` holds, without reset.
    pub fn delayed(&mut self, name: &str, next: Bits, enable: Option<Bits>) -> Bits {
        if next.constant().is_some() {
            return next;
        }
        let register = self.register(name, next.width());
        self.drive(&register, next, enable, None);
        register
    }

    /// Adds an instance.
    pub fn instance(&mut self, instance: Instance) {
        self.instances.push(instance);
    }

    /// Bitwise complement.
    pub fn not(&mut self, a: &Bits) -> Bits {
        match a {
            Bits::Const { value, width } => Bits::Const { value: masked(!value, *width), width: *width },
            Bits::Net { width, .. } => self.assign(Operator::Unary("~", a.clone()), *width),
        }
    }

    fn bitwise(&mut self, symbol: &'static str, a: &Bits, b: &Bits, fold: fn(u128, u128) -> u128) -> Bits {
        assert_eq!(a.width(), b.width(), "invariant: {a:?} {symbol} {b:?}");
        match (a.constant(), b.constant()) {
            (Some(x), Some(y)) => Bits::Const { value: masked(fold(x, y), a.width()), width: a.width() },
            _ => self.assign(Operator::Binary(symbol, a.clone(), b.clone()), a.width()),
        }
    }

    fn all_ones(a: &Bits) -> bool {
        a.constant().is_some_and(|v| a.width() <= 128 && v == masked(u128::MAX, a.width()))
    }

    /// Bitwise and.
    pub fn and(&mut self, a: &Bits, b: &Bits) -> Bits {
        if a.constant() == Some(0) || Self::all_ones(b) {
            return a.clone();
        }
        if b.constant() == Some(0) || Self::all_ones(a) {
            return b.clone();
        }
        self.bitwise("&", a, b, |x, y| x & y)
    }

    /// Bitwise or.
    pub fn or(&mut self, a: &Bits, b: &Bits) -> Bits {
        if b.constant() == Some(0) || Self::all_ones(a) {
            return a.clone();
        }
        if a.constant() == Some(0) || Self::all_ones(b) {
            return b.clone();
        }
        self.bitwise("|", a, b, |x, y| x | y)
    }

    /// Bitwise exclusive or.
    pub fn xor(&mut self, a: &Bits, b: &Bits) -> Bits {
        self.bitwise("^", a, b, |x, y| x ^ y)
    }

    /// And of many bits; of none, one.
    pub fn all(&mut self, terms: &[Bits]) -> Bits {
        terms.iter().fold(Bits::one(), |a, b| self.and(&a, b))
    }

    /// Or of many bits; of none, zero.
    pub fn any(&mut self, terms: &[Bits]) -> Bits {
        terms.iter().fold(Bits::zero(), |a, b| self.or(&a, b))
    }

    /// Sum modulo 2^width of vectors of one width.
    pub fn add(&mut self, a: &Bits, b: &Bits) -> Bits {
        if a.constant() == Some(0) {
            return b.clone();
        }
        if b.constant() == Some(0) {
            return a.clone();
        }
        self.bitwise("+", a, b, u128::wrapping_add)
    }

    /// Difference modulo 2^width of vectors of one width.
    pub fn sub(&mut self, a: &Bits, b: &Bits) -> Bits {
        if b.constant() == Some(0) {
            return a.clone();
        }
        self.bitwise("-", a, b, u128::wrapping_sub)
    }

    /// Product of two's complement numbers, in the sum of their widths (at most 128).
    pub fn mul(&mut self, a: &Bits, b: &Bits) -> Bits {
        let width = a.width() + b.width();
        if let (Some(x), Some(y)) = (a.signed_constant(), b.signed_constant()) {
            return Bits::Const { value: masked((x * y) as u128, width), width };
        }
        for (x, y) in [(a, b), (b, a)] {
            match x.signed_constant() {
                Some(0) => return Bits::Const { value: 0, width },
                Some(1) => return self.sext(y, width),
                Some(v) if v > 0 && v & (v - 1) == 0 => {
                    let wide = self.sext(y, width);
                    return self.shift_left(&wide, v.trailing_zeros());
                }
                _ => {}
            }
        }
        let (a, b) = (self.sext(a, width), self.sext(b, width));
        self.assign(Operator::Signed("*", a, b), width)
    }

    /// Equality of vectors of one width.
    pub fn eq(&mut self, a: &Bits, b: &Bits) -> Bits {
        assert_eq!(a.width(), b.width(), "invariant: {a:?} == {b:?}");
        match (a.constant(), b.constant()) {
            (Some(x), Some(y)) => Bits::unsigned(u64::from(x == y), 1),
            _ => self.assign(Operator::Binary("==", a.clone(), b.clone()), 1),
        }
    }

    /// Equality with a number; false if the number does not fit.
    pub fn is(&mut self, a: &Bits, value: u64) -> Bits {
        if a.width() < 64 && value >> a.width() != 0 {
            return Bits::zero();
        }
        self.eq(a, &Bits::unsigned(value, a.width()))
    }

    /// `a < b` of two's complement numbers of one width.
    pub fn less(&mut self, a: &Bits, b: &Bits) -> Bits {
        assert_eq!(a.width(), b.width(), "invariant: {a:?} < {b:?}");
        match (a.signed_constant(), b.signed_constant()) {
            (Some(x), Some(y)) => Bits::unsigned(u64::from(x < y), 1),
            _ => self.assign(Operator::Signed("<", a.clone(), b.clone()), 1),
        }
    }

    /// `a < b` of unsigned numbers of one width.
    pub fn below(&mut self, a: &Bits, b: &Bits) -> Bits {
        assert_eq!(a.width(), b.width(), "invariant: {a:?} < {b:?}");
        match (a.constant(), b.constant()) {
            (Some(x), Some(y)) => Bits::unsigned(u64::from(x < y), 1),
            (_, Some(0)) => Bits::zero(),
            (Some(_), _) if Self::all_ones(a) => Bits::zero(),
            _ => self.assign(Operator::Binary("<", a.clone(), b.clone()), 1),
        }
    }

    /// `condition ? a : b`.
    pub fn mux(&mut self, condition: &Bits, a: &Bits, b: &Bits) -> Bits {
        assert_eq!(a.width(), b.width(), "invariant: mux of {a:?} and {b:?}");
        if a == b || condition.constant() == Some(1) {
            return a.clone();
        }
        if condition.constant() == Some(0) {
            return b.clone();
        }
        self.assign(Operator::Mux(condition.clone(), a.clone(), b.clone()), a.width())
    }

    /// The first alternative whose condition holds, else `otherwise`.
    pub fn select(&mut self, alternatives: &[(Bits, Bits)], otherwise: &Bits) -> Bits {
        alternatives
            .iter()
            .rev()
            .fold(otherwise.clone(), |rest, (condition, value)| self.mux(condition, value, &rest))
    }

    /// Concatenation, lowest part first.
    pub fn join(&mut self, parts: &[Bits]) -> Bits {
        let width = parts.iter().map(Bits::width).sum();
        if let [only] = parts {
            return only.clone();
        }
        if width <= 128 && parts.iter().all(|p| p.constant().is_some()) {
            let value = parts.iter().rev().fold(0, |v, p| v << p.width() | p.constant().unwrap_or(0));
            return Bits::Const { value, width };
        }
        self.assign(Operator::Concat(parts.iter().rev().cloned().collect()), width)
    }

    /// Bits `lsb..lsb + width`.
    pub fn slice(&mut self, a: &Bits, lsb: u32, width: u32) -> Bits {
        assert!(lsb + width <= a.width() && width > 0, "invariant: bits {lsb}+:{width} of {a:?}");
        match a {
            _ if lsb == 0 && width == a.width() => a.clone(),
            Bits::Const { value, .. } => {
                Bits::Const { value: masked(if lsb < 128 { value >> lsb } else { 0 }, width), width }
            }
            Bits::Net { .. } => self.assign(Operator::Slice(a.clone(), lsb), width),
        }
    }

    /// One bit.
    pub fn bit(&mut self, a: &Bits, at: u32) -> Bits {
        self.slice(a, at, 1)
    }

    /// Zero-extends, or drops high bits.
    pub fn zext(&mut self, a: &Bits, width: u32) -> Bits {
        if width <= a.width() {
            return self.slice(a, 0, width);
        }
        if let Some(value) = a.constant() {
            return Bits::Const { value, width };
        }
        self.join(&[a.clone(), Bits::unsigned(0, width - a.width())])
    }

    /// Sign-extends, or drops high bits.
    pub fn sext(&mut self, a: &Bits, width: u32) -> Bits {
        if width <= a.width() {
            return self.slice(a, 0, width);
        }
        if let Some(value) = a.signed_constant() {
            return Bits::Const { value: masked(value as u128, width), width };
        }
        let sign = self.bit(a, a.width() - 1);
        let fill = self.repeat(&sign, width - a.width());
        self.join(&[a.clone(), fill])
    }

    /// A bit, many times.
    pub fn repeat(&mut self, a: &Bits, times: u32) -> Bits {
        assert_eq!(a.width(), 1, "invariant: only a bit is repeated");
        match a.constant() {
            _ if times == 1 => a.clone(),
            Some(0) => Bits::Const { value: 0, width: times },
            Some(_) if times <= 128 => Bits::Const { value: masked(u128::MAX, times), width: times },
            _ => self.assign(Operator::Repeat(a.clone(), times), times),
        }
    }

    /// Shifts left within the width.
    pub fn shift_left(&mut self, a: &Bits, by: u32) -> Bits {
        if by == 0 {
            return a.clone();
        }
        if by >= a.width() {
            return Bits::Const { value: 0, width: a.width() };
        }
        let low = self.slice(a, 0, a.width() - by);
        self.join(&[Bits::unsigned(0, by), low])
    }

    /// Shifts right by a variable number of places, filling with zeros.
    pub fn shift_right(&mut self, a: &Bits, by: &Bits) -> Bits {
        match by.constant() {
            Some(0) => a.clone(),
            _ => self.assign(Operator::Binary(">>", a.clone(), by.clone()), a.width()),
        }
    }
}
