//! Nested graphs made one: inner nodes get dotted names, inner inputs and outputs give way to edges.

use super::file::MAX_NODES;
use super::param::{refuse, Fields, RawGraph, RawNode};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// A graph without inner graphs.
#[derive(Debug)]
pub(super) struct Flat<'a> {
    /// Dotted names and nodes.
    pub nodes: Vec<(String, &'a RawNode)>,
    /// From, to; in the order of the file.
    pub edges: Vec<(usize, usize)>,
    /// The `Input` of the whole.
    pub input: usize,
    /// The `Output` of the whole.
    pub output: usize,
}

impl<'a> Flat<'a> {
    /// Parameters of a node.
    pub fn fields(&'a self, node: usize) -> Fields<'a> {
        Fields { name: &self.nodes[node].0, node: self.nodes[node].1 }
    }

    /// Edges into every node, in the order of the file.
    pub fn incoming(&self) -> Vec<Vec<usize>> {
        let mut incoming = vec![Vec::new(); self.nodes.len()];
        for (e, &(_, to)) in self.edges.iter().enumerate() {
            incoming[to].push(e);
        }
        incoming
    }
}

fn structure(place: &str, message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new("E0513", place, message, help)
}

/// Flattens; every edge names two nodes, there is one input and one output, and nothing hangs in the air.
pub(super) fn flatten(graph: &RawGraph) -> Result<Flat<'_>> {
    let mut all = Collected { nodes: Vec::new(), edges: Vec::new(), index: BTreeMap::new() };
    all.collect(graph, "")?;
    let top = |kind: &str| one_port(graph, "", kind).map(|name| all.index[&name]);
    let (input, output) = (top("Input")?, top("Output")?);
    let edges = all.without_ports(input, output)?;
    let flat = all.compact(edges, input, output);
    let incoming = flat.incoming();
    for (i, (name, _)) in flat.nodes.iter().enumerate() {
        if i != flat.input && incoming[i].is_empty() {
            return Err(structure(
                &format!("node `{name}`"),
                "no edge leads to this node",
                "connect it, or remove it from the graph",
            ));
        }
    }
    Ok(flat)
}

/// Full name of the only node of this kind.
fn one_port(graph: &RawGraph, prefix: &str, kind: &str) -> Result<String> {
    let found: Vec<&String> = graph.nodes.iter().filter(|(_, n)| n.kind == kind).map(|(k, _)| k).collect();
    match found[..] {
        [name] => Ok(format!("{prefix}{name}")),
        _ => Err(structure(
            if prefix.is_empty() { "graph" } else { prefix.trim_end_matches('.') },
            format!("{} nodes of type {kind}", found.len()),
            "a graph needs exactly one Input and one Output; split networks of several streams",
        )),
    }
}

struct Collected<'a> {
    nodes: Vec<(String, &'a RawNode)>,
    edges: Vec<(usize, usize)>,
    index: BTreeMap<String, usize>,
}

impl<'a> Collected<'a> {
    fn collect(&mut self, graph: &'a RawGraph, prefix: &str) -> Result<()> {
        for (name, node) in &graph.nodes {
            let full = format!("{prefix}{name}");
            if let Some(inner) = &node.graph {
                self.collect(inner, &format!("{full}."))?;
                continue;
            }
            if self.index.insert(full.clone(), self.nodes.len()).is_some() {
                return Err(structure(
                    &format!("node `{full}`"),
                    "an inner node has the same dotted name",
                    "rename one of them",
                ));
            }
            self.nodes.push((full, node));
        }
        for (from, to) in &graph.edges {
            let ends = (self.end(graph, prefix, from, "Output")?, self.end(graph, prefix, to, "Input")?);
            if self.edges.contains(&ends) {
                return Err(structure(
                    &format!("edge `{prefix}{from}` to `{prefix}{to}`"),
                    "this edge is there twice",
                    "remove one; a factor of two belongs into the weights",
                ));
            }
            self.edges.push(ends);
        }
        if self.edges.len() > MAX_NODES {
            return Err(too_many());
        }
        Ok(())
    }

    /// The node an edge's end means: a node, the port of an inner graph, or its only one.
    fn end(&self, graph: &RawGraph, prefix: &str, name: &str, port: &str) -> Result<usize> {
        let full = match graph.nodes.get(name) {
            Some(RawNode { graph: Some(inner), .. }) => one_port(inner, &format!("{prefix}{name}."), port)?,
            _ => format!("{prefix}{name}"),
        };
        self.index.get(&full).copied().ok_or_else(|| {
            structure(
                &format!("node `{full}`"),
                "an edge names this node and the graph does not hold it",
                "correct the edge; older exporters wrote names that torch had changed",
            )
        })
    }

    /// Edges that pass by inner inputs and outputs.
    fn without_ports(&self, input: usize, output: usize) -> Result<Vec<(usize, usize)>> {
        let mut edges = self.edges.clone();
        for (i, (name, node)) in self.nodes.iter().enumerate() {
            if !matches!(node.kind.as_str(), "Input" | "Output") || i == input || i == output {
                continue;
            }
            if edges.contains(&(i, i)) {
                return Err(refuse("E0513", name, "this port feeds itself", "put a neuron into the loop"));
            }
            let before: Vec<usize> = edges.iter().filter(|e| e.1 == i).map(|e| e.0).collect();
            let mut joined = Vec::with_capacity(edges.len());
            for &(from, to) in &edges {
                if from == i {
                    joined.extend(before.iter().map(|&b| (b, to)));
                } else if to != i {
                    joined.push((from, to));
                }
            }
            edges = joined;
            if edges.len() > MAX_NODES {
                return Err(too_many());
            }
        }
        Ok(edges)
    }

    fn compact(self, edges: Vec<(usize, usize)>, input: usize, output: usize) -> Flat<'a> {
        let mut new = vec![0; self.nodes.len()];
        let mut nodes = Vec::new();
        for (i, node) in self.nodes.into_iter().enumerate() {
            new[i] = nodes.len();
            if !matches!(node.1.kind.as_str(), "Input" | "Output") || i == input || i == output {
                nodes.push(node);
            }
        }
        let edges = edges.into_iter().map(|(a, b)| (new[a], new[b])).collect();
        Flat { nodes, edges, input: new[input], output: new[output] }
    }
}

fn too_many() -> Diagnostic {
    structure(
        "graph",
        format!("more than {MAX_NODES} edges"),
        "import the parts of the network by themselves",
    )
}
