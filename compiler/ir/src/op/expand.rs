//! Modules: operations that are written as a small graph of others.
//!
//! A module gives its attributes, its type rule and `expand`; its value is that of the expansion, and the pass
//! `lower-attention` puts the expansion in its place. One module is one file.

use super::conv2d::Conv2d;
use super::delay::Delay;
use super::input::{Input, InputKind};
use super::{EvalCx, InferCx, Op, OpRule};
use crate::diag::Result;
use crate::graph::{Graph, Level, Node, NodeId};
use crate::interpret;
use crate::shape::{Shape, Type};
use crate::tensor::{Tensor, Value};
use std::collections::BTreeMap;

/// Where a module is written out.
pub struct Expand<'a> {
    /// The graph.
    pub graph: &'a mut Graph,
    /// Name of the module's node; nodes and tensors of the expansion begin with it.
    pub name: &'a str,
    /// Operands.
    pub inputs: &'a [NodeId],
}

impl Expand<'_> {
    /// Adds `name.part`.
    pub fn node(&mut self, part: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.graph.insert(&format!("{}.{part}", self.name), op, inputs)
    }
    /// Adds the constant `name.part` and returns its name.
    pub fn constant(&mut self, part: &str, tensor: Tensor) -> String {
        self.graph.insert_tensor(&format!("{}.{part}", self.name), tensor)
    }
    /// Adds the delay `name.part` of a value of this type that is written later; `close` names it.
    pub fn feedback(&mut self, part: &str, ty: Type) -> NodeId {
        let (name, output) = (self.graph.fresh_name(&format!("{}.{part}", self.name)), self.graph.output);
        let itself = NodeId(self.graph.nodes.len() as u32);
        let id = self.graph.push_typed(&name, Delay {}.into(), &[itself], ty);
        self.graph.output = output;
        id
    }
    /// Makes `delay` read `source`.
    pub fn close(&mut self, delay: NodeId, source: NodeId) {
        self.graph.nodes[delay.index()].inputs = vec![source];
    }
    /// Adds `name.part`, a convolution by this kernel whose result has the size of its input.
    pub fn same_conv(&mut self, part: &str, kernel: &str, x: NodeId) -> Result<NodeId> {
        let size = [self.tensor(kernel).shape[2], self.tensor(kernel).shape[3]];
        self.node(part, Conv2d::same(kernel, size), &[x])
    }
    /// Shape of a node's value.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).ty.shape
    }
    /// A tensor of the model, which the type rule has found.
    pub fn tensor(&self, name: &str) -> &Tensor {
        &self.graph.tensors[name]
    }
}

/// A module written out by itself, and the node with its value: the first nodes stand for operands of these types.
fn write_out<R: OpRule + ?Sized>(
    rule: &R,
    name: &str,
    types: &[&Type],
    tensors: &BTreeMap<String, Tensor>,
) -> Option<Result<(Graph, NodeId)>> {
    let timesteps = types.iter().map(|t| t.shape.t).max().unwrap_or(1);
    let mut graph = Graph::new(name, Level::Trained, timesteps);
    graph.tensors = rule.tensors().into_iter().map(|n| (n.to_owned(), tensors[n].clone())).collect();
    let operand = |(i, &ty): (usize, &&Type)| {
        let op = Input { shape: [ty.shape.c, ty.shape.h, ty.shape.w], kind: InputKind::Real, max: 0 };
        graph.push_typed(&format!("operand{i}"), op.into(), &[], ty.clone())
    };
    let inputs: Vec<NodeId> = types.iter().enumerate().map(operand).collect();
    let id = rule.expand(&mut Expand { graph: &mut graph, name, inputs: &inputs })?;
    Some(id.map(|id| (graph, id)))
}

/// Type of a module by its expansion, once the module's own checks have passed.
pub fn infer<R: OpRule + ?Sized>(rule: &R, cx: &InferCx<'_>) -> Result<Type> {
    let written = write_out(rule, cx.name, cx.inputs, cx.tensors);
    let (graph, id) = written.expect("only modules ask for their expansion")?;
    Ok(graph.node(id).ty.clone())
}

/// Value of a module by its expansion.
pub fn eval<R: OpRule + ?Sized>(rule: &R, cx: &EvalCx<'_>) -> Value {
    let written = write_out(rule, "module", cx.types, cx.tensors);
    let (graph, id) = written
        .expect("an op has a value of its own, or an expansion")
        .expect("the type rule has expanded the same");
    interpret::value_from(&graph, cx.inputs, id)
}

/// The graph node's expansion, if its op is a module.
pub fn expand(graph: &mut Graph, node: &Node) -> Option<Result<NodeId>> {
    node.op.rule().expand(&mut Expand { graph, name: &node.name, inputs: &node.inputs })
}

/// A node's expansion by itself, if its op is a module: the first nodes stand for the operands, the output is the value.
pub fn alone(graph: &Graph, node: &Node) -> Option<Result<Graph>> {
    let types: Vec<&Type> = node.inputs.iter().map(|&i| &graph.node(i).ty).collect();
    let written = write_out(node.op.rule(), &node.name, &types, &graph.tensors)?;
    Some(written.map(|(expansion, output)| Graph { output, ..expansion }))
}
