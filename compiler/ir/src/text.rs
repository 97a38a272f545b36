//! Text form of a graph, one line a node. Numbers of tensors stay outside: the text holds shape, scale and hash.
//!
//! ```text
//! graph "digits" level=flow timesteps=8 {
//!   assume "inputs are at most 15"
//!   tensor @conv0.weight i8[16,2,3,3] scale=(0.01) sha256=9f86d081884c7d65
//!   %0 input = input() {"kind":"counts","max":15,"shape":[2,28,28]} : int(0..15)*(1.0)[8,2,28,28]
//!   %1 conv0 = conv2d(%0) {"bias":null,...} : int(-90..127)*(0.01)[8,16,28,28]
//!   output %1
//! }
//! ```
//!
//! `parse(&print(&g), g.tensors.clone()) == g` for every verified graph.

use crate::diag::{Diagnostic, Result};
use crate::graph::{Graph, Level, NodeId};
use crate::op::Op;
use crate::shape::{Elem, IntType, Shape, Type};
use crate::tensor::{Tensor, TensorData};
use crate::verify::verify;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

/// Hexadecimal digits of a tensor's hash in the text.
const HASH_DIGITS: usize = 16;

/// The text of a graph.
pub fn print(graph: &Graph) -> String {
    let mut s =
        format!("graph {} level={} timesteps={} {{\n", quoted(&graph.name), graph.level, graph.timesteps);
    for assumption in &graph.assumptions {
        s += &format!("  assume {}\n", quoted(assumption));
    }
    for (name, tensor) in &graph.tensors {
        s += &format!("  tensor @{} {}\n", bare_or_quoted(name), describe(tensor));
    }
    for id in graph.ids() {
        let node = graph.node(id);
        let inputs: Vec<String> = node.inputs.iter().map(NodeId::to_string).collect();
        let name = bare_or_quoted(&node.name);
        s += &format!(
            "  {id} {name} = {}({}) {} : {}\n",
            node.op.name(),
            inputs.join(", "),
            node.op.attrs(),
            node.ty
        );
    }
    s + &format!("  output {}\n}}\n", graph.output)
}

fn quoted(s: &str) -> String {
    serde_json::Value::from(s).to_string()
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-/".contains(c)
}

fn bare_or_quoted(s: &str) -> String {
    if !s.is_empty() && s.chars().all(is_plain) {
        s.to_owned()
    } else {
        quoted(s)
    }
}

fn describe(t: &Tensor) -> String {
    let hash = &t.hash()[..HASH_DIGITS];
    let dims: Vec<String> = t.shape.iter().map(usize::to_string).collect();
    let dims = dims.join(",");
    match &t.data {
        TensorData::Real(_) => format!("f32[{dims}] sha256={hash}"),
        TensorData::Int { bits, scale, .. } => {
            let mut s = format!("i{bits}[{dims}] scale=(");
            for (i, v) in scale.iter().enumerate() {
                write!(s, "{}{v:?}", if i == 0 { "" } else { "," }).expect("a string takes every write");
            }
            s + &format!(") sha256={hash}")
        }
    }
}

/// The graph of a text; `tensors` holds the numbers of at least the tensors it lists. The result is verified.
pub fn parse(text: &str, mut tensors: BTreeMap<String, Tensor>) -> Result<Graph> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, l)| Line { number: i + 1, rest: l.trim() })
        .filter(|l| !l.rest.is_empty());
    let end = || {
        Diagnostic::new(
            "E0130",
            "last line",
            "the text ends inside the graph",
            "close it with `output` and `}`",
        )
    };
    let mut graph = lines.next().ok_or_else(end)?.header()?;
    let mut output = None;
    loop {
        let mut line = lines.next().ok_or_else(end)?;
        if line.rest == "}" {
            break;
        }
        if line.eat("assume ") {
            graph.assumptions.push(line.json()?);
        } else if line.eat("tensor @") {
            line.tensor(&mut graph, &mut tensors)?;
        } else if line.eat("output ") {
            output = Some(line.id()?);
        } else {
            line.node(&mut graph)?;
        }
        line.done()?;
    }
    if let Some(line) = lines.next() {
        return Err(line.refuse("text after the closing brace"));
    }
    graph.output = output.ok_or_else(end)?;
    verify(&graph)?;
    Ok(graph)
}

/// One line and what is left of it.
struct Line<'a> {
    number: usize,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn refuse(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(
            "E0130",
            format!("line {}", self.number),
            message,
            "see the text that `pulvinar compile --emit` prints",
        )
    }

    fn at(&self, e: Diagnostic) -> Diagnostic {
        e.within(&format!("line {}", self.number))
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn need(&mut self, token: &str) -> Result<()> {
        if self.eat(token) {
            return Ok(());
        }
        let found: String = self.rest.chars().take(20).collect();
        Err(self.refuse(format!("`{token}` is needed where `{found}` stands")))
    }

    fn done(&mut self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.refuse(format!("`{}` is too much", self.rest)))
        }
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let (token, rest) = self.rest.split_at(self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        token
    }

    fn number<T: FromStr>(&mut self) -> Result<T> {
        // A range `0..15` ends the first number at the two dots.
        let end = self.rest.find("..").unwrap_or(self.rest.len());
        let end =
            self.rest[..end].find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(end);
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token.parse().map_err(|_| self.refuse(format!("`{token}` is not a number of the kind needed here")))
    }

    /// Numbers separated by commas, up to and with the closing token.
    fn numbers<T: FromStr>(&mut self, close: &str) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while !self.eat(close) {
            if !all.is_empty() {
                self.need(",")?;
            }
            all.push(self.number()?);
        }
        Ok(all)
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<T>();
        let value = values
            .next()
            .transpose()
            .map_err(|e| self.refuse(format!("no JSON of the kind needed here: {e}")))?;
        self.rest = &self.rest[values.byte_offset()..];
        value.ok_or_else(|| self.refuse("a JSON value is needed at the end of the line"))
    }

    fn name(&mut self) -> Result<String> {
        if self.rest.starts_with('"') {
            return self.json();
        }
        let name = self.take(is_plain);
        if name.is_empty() {
            Err(self.refuse("a name is needed here"))
        } else {
            Ok(name.to_owned())
        }
    }

    fn id(&mut self) -> Result<NodeId> {
        self.need("%")?;
        Ok(NodeId(self.number()?))
    }

    fn header(mut self) -> Result<Graph> {
        self.need("graph ")?;
        let name: String = self.json()?;
        self.need(" level=")?;
        let level = match self.take(is_plain) {
            "trained" => Level::Trained,
            "flow" => Level::Flow,
            other => return Err(self.refuse(format!("`{other}` is no level"))),
        };
        self.need(" timesteps=")?;
        let timesteps = self.number()?;
        if !(1..=1 << 16).contains(&timesteps) {
            return Err(self.at(Diagnostic::new(
                "E0109",
                "",
                format!("{timesteps} timesteps"),
                "give from 1 to 65536 timesteps",
            )));
        }
        self.need(" {")?;
        self.done()?;
        Ok(Graph::new(&name, level, timesteps))
    }

    fn tensor(&mut self, graph: &mut Graph, tensors: &mut BTreeMap<String, Tensor>) -> Result<()> {
        let name = self.name()?;
        self.need(" ")?;
        let tensor = tensors.remove(&name).ok_or_else(|| {
            self.at(Diagnostic::new(
                "E0103",
                format!("tensor `{name}`"),
                "its numbers are missing, or it is listed twice",
                "give the weights this text belongs to",
            ))
        })?;
        let actual = describe(&tensor);
        if self.rest != actual {
            let what = format!("the text has `{}` and the weights are `{actual}`", self.rest);
            return Err(self.at(Diagnostic::new(
                "E0104",
                format!("tensor `{name}`"),
                what,
                "give the weights this text belongs to",
            )));
        }
        self.rest = "";
        graph.tensors.insert(name, tensor);
        Ok(())
    }

    fn node(&mut self, graph: &mut Graph) -> Result<()> {
        let next = NodeId(graph.nodes.len() as u32);
        if self.id()? != next {
            return Err(self.refuse(format!("{next} is the next node")));
        }
        self.need(" ")?;
        let name = self.name()?;
        self.need(" = ")?;
        let op = self.take(is_plain);
        self.need("(")?;
        let mut inputs = Vec::new();
        while !self.eat(")") {
            if !inputs.is_empty() {
                self.need(", ")?;
            }
            inputs.push(self.id()?);
        }
        self.need(" ")?;
        let op = Op::from_parts(op, self.json()?).map_err(|e| self.at(e))?;
        self.need(" : ")?;
        let ty = self.ty()?;
        graph.push_typed(&name, op, &inputs, ty);
        Ok(())
    }

    fn ty(&mut self) -> Result<Type> {
        let elem = if self.eat("real") {
            Elem::Real
        } else {
            self.need("int(")?;
            let lo = self.number()?;
            self.need("..")?;
            let hi = self.number()?;
            self.need(")*(")?;
            Elem::Int(IntType { lo, hi, scale: self.numbers(")")? })
        };
        self.need("[")?;
        match self.numbers("]")?.as_slice() {
            &[t, c, h, w] => Ok(Type { elem, shape: Shape::new(t, c, h, w) }),
            _ => Err(self.refuse("a shape has four sizes: timesteps, channels, rows, columns")),
        }
    }
}
