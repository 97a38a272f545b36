//! The graph: one type, two levels.
//!
//! `trained` is what PyTorch computed (reals); `flow` is what the chip will do (integers with proven
//! ranges). Nodes are in topological order; only `delay` may name a later node (recurrence).

use crate::diag::{Diagnostic, Result};
use crate::op::{InferCx, Op};
use crate::shape::Type;
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Level of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Reals, as trained.
    Trained,
    /// Integers, as the chip computes.
    Flow,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Trained => "trained",
            Level::Flow => "flow",
        })
    }
}

/// Index of a node; prints as `%3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Position in the node list.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// One operation and its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique name, kept through passes where the meaning is kept.
    pub name: String,
    /// Operation with its attributes.
    pub op: Op,
    /// Operands.
    pub inputs: Vec<NodeId>,
    /// Type of the result.
    pub ty: Type,
}

/// A network: nodes in topological order and the tensors they name.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Name in reports.
    pub name: String,
    /// Level.
    pub level: Level,
    /// Timesteps T.
    pub timesteps: usize,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// The node whose value is the network's answer.
    pub output: NodeId,
    /// Constants by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// What an importer had to assume.
    pub assumptions: Vec<String>,
}

impl Graph {
    /// An empty graph; `output` is set when the last node is pushed, or by the caller.
    pub fn new(name: &str, level: Level, timesteps: usize) -> Self {
        Graph {
            name: name.to_owned(),
            level,
            timesteps,
            nodes: Vec::new(),
            output: NodeId(0),
            tensors: BTreeMap::new(),
            assumptions: Vec::new(),
        }
    }

    /// Appends a node, inferring its type; it becomes the output.
    pub fn push(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        let ty = self.infer(name, &op, inputs)?;
        Ok(self.push_typed(name, op, inputs, ty))
    }

    /// Appends a node whose type is known; it becomes the output.
    pub fn push_typed(&mut self, name: &str, op: Op, inputs: &[NodeId], ty: Type) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { name: name.to_owned(), op, inputs: inputs.to_vec(), ty });
        self.output = id;
        id
    }

    /// Appends a node under a fresh name; the output stays.
    pub fn insert(&mut self, base: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let output = self.output;
        let id = self.push(&self.fresh_name(base), op.into(), inputs)?;
        self.output = output;
        Ok(id)
    }

    /// Adds a tensor under a fresh name: `base`, or `base.1`, `base.2` ...
    pub fn insert_tensor(&mut self, base: &str, tensor: Tensor) -> String {
        let name = std::iter::once(base.to_owned())
            .chain((1..).map(|i| format!("{base}.{i}")))
            .find(|n| !self.tensors.contains_key(n))
            .expect("there are more numbers than tensors");
        self.tensors.insert(name.clone(), tensor);
        name
    }

    /// Type an operation would have on these operands.
    pub fn infer(&self, name: &str, op: &Op, inputs: &[NodeId]) -> Result<Type> {
        let types = inputs.iter().map(|&i| self.ty(i)).collect::<Result<Vec<_>>>()?;
        self.infer_types(name, op, &types)
    }

    /// Type an operation would have on operands of these types.
    pub fn infer_types(&self, name: &str, op: &Op, inputs: &[&Type]) -> Result<Type> {
        let cx =
            InferCx { level: self.level, timesteps: self.timesteps, name, inputs, tensors: &self.tensors };
        let ty = op.rule().infer(&cx)?;
        ty.check(&format!("node `{name}`"))?;
        Ok(ty)
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Type of a node, or a diagnostic for a dangling id.
    pub fn ty(&self, id: NodeId) -> Result<&Type> {
        self.nodes.get(id.index()).map(|n| &n.ty).ok_or_else(|| {
            Diagnostic::new(
                "E0105",
                format!("{id}"),
                "an edge names a node that does not exist",
                "give the name of an existing node",
            )
        })
    }

    /// Id of the node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|n| n.name == name).map(|i| NodeId(i as u32))
    }

    /// Ids in order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The input node.
    pub fn input(&self) -> Option<NodeId> {
        self.ids().find(|&i| matches!(self.node(i).op, Op::Input(_)))
    }

    /// Readers of every node, by id.
    pub fn users(&self) -> Vec<Vec<NodeId>> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        for id in self.ids() {
            for input in &self.node(id).inputs {
                users[input.index()].push(id);
            }
        }
        users
    }

    /// A name not used yet: `base`, or `base.1`, `base.2` ...
    pub fn fresh_name(&self, base: &str) -> String {
        let taken = |n: &str| self.nodes.iter().any(|node| node.name == n);
        if !taken(base) {
            return base.to_owned();
        }
        (1..).map(|i| format!("{base}.{i}")).find(|n| !taken(n)).expect("there are more numbers than nodes")
    }
}
