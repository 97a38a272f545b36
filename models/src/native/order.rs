//! Topological order and types of the nodes of a file.

use pulvinar_ir::{Diagnostic, Graph, NodeId, Op, Result, Type};
use std::collections::{BTreeMap, BTreeSet};

/// A node that names its inputs.
pub(crate) struct Entry<'a> {
    /// Name.
    pub name: &'a str,
    /// Names of its inputs.
    pub inputs: &'a [String],
    /// Operation.
    pub op: Op,
}

/// Appends the nodes after the graph's input, in topological order (file order where that is one), with types.
///
/// Cycles pass through `delay` only. The shape of a delayed value is that of its source, so it is inferred by
/// iteration: where one operand of an `add` or `mul` hangs on a delay, the other gives the first guess.
pub(crate) fn append(graph: &mut Graph, nodes: Vec<Entry<'_>>) -> Result<()> {
    let first = graph.nodes.len();
    let mut position = BTreeMap::new();
    for (i, name) in
        graph.nodes.iter().map(|n| n.name.as_str()).chain(nodes.iter().map(|n| n.name)).enumerate()
    {
        if position.insert(name.to_owned(), i).is_some() {
            return Err(Diagnostic::new(
                "E0107",
                format!("node `{name}`"),
                "two nodes have this name",
                "rename one of them",
            ));
        }
    }
    let mut sources = Vec::with_capacity(nodes.len());
    for entry in &nodes {
        let find = |name: &String| {
            position.get(name).copied().ok_or_else(|| {
                Diagnostic::new(
                    "E0105",
                    format!("node `{}`", entry.name),
                    format!("its input `{name}` names no node"),
                    "give the name of an existing node",
                )
            })
        };
        sources.push(entry.inputs.iter().map(find).collect::<Result<Vec<_>>>()?);
    }
    let order = sort(first, &nodes, &sources)?;
    // id of every file position, the nodes already in the graph first
    let mut id: Vec<NodeId> = (0..(first + nodes.len()) as u32).map(NodeId).collect();
    for (at, &i) in order.iter().enumerate() {
        id[first + i] = NodeId((first + at) as u32);
    }
    let types = infer(graph, &nodes, &sources, &order)?;
    for i in order {
        let inputs: Vec<NodeId> = sources[i].iter().map(|&s| id[s]).collect();
        graph.push_typed(nodes[i].name, nodes[i].op.clone(), &inputs, types[i].clone());
    }
    Ok(())
}

/// Kahn's algorithm, the first ready node of the file first; a delay waits for nothing.
fn sort(first: usize, nodes: &[Entry<'_>], sources: &[Vec<usize>]) -> Result<Vec<usize>> {
    let waits = |i: usize| {
        sources[i]
            .iter()
            .filter_map(move |&s| s.checked_sub(first))
            .filter(move |_| !matches!(nodes[i].op, Op::Delay(_)))
    };
    let mut missing: Vec<usize> = (0..nodes.len()).map(|i| waits(i).count()).collect();
    let mut readers = vec![Vec::new(); nodes.len()];
    for i in 0..nodes.len() {
        waits(i).for_each(|s| readers[s].push(i));
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|&i| missing[i] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(i) = ready.pop_first() {
        order.push(i);
        for &r in &readers[i] {
            missing[r] -= 1;
            if missing[r] == 0 {
                ready.insert(r);
            }
        }
    }
    if order.len() < nodes.len() {
        let stuck: Vec<&str> =
            (0..nodes.len()).filter(|&i| missing[i] > 0).take(8).map(|i| nodes[i].name).collect();
        return Err(Diagnostic::new(
            "E0108",
            format!("node `{}`", stuck[0]),
            format!("a cycle holds {}", stuck.join(", ")),
            "close a cycle through a `delay` only",
        ));
    }
    Ok(order)
}

/// Types by file position.
fn infer(graph: &Graph, nodes: &[Entry<'_>], sources: &[Vec<usize>], order: &[usize]) -> Result<Vec<Type>> {
    let first = graph.nodes.len();
    let mut types: Vec<Option<Type>> = vec![None; nodes.len()];
    let delays = nodes.iter().filter(|n| matches!(n.op, Op::Delay(_))).count();
    for _ in 0..=delays + 1 {
        let before = types.clone();
        for &i in order {
            let at = |s: usize| if s < first { Some(&graph.nodes[s].ty) } else { types[s - first].as_ref() };
            let operands: Option<Vec<&Type>> = sources[i].iter().map(|&s| at(s)).collect();
            types[i] = match operands {
                Some(operands) => Some(graph.infer_types(nodes[i].name, &nodes[i].op, &operands)?),
                None if matches!(nodes[i].op, Op::Add(_) | Op::Mul(_)) => {
                    sources[i].iter().find_map(|&s| at(s)).cloned()
                }
                None => None,
            };
        }
        if types == before {
            break;
        }
    }
    let untyped = types.iter().position(Option::is_none);
    match untyped {
        None => Ok(types.into_iter().flatten().collect()),
        Some(i) => Err(Diagnostic::new(
            "E0108",
            format!("node `{}`", nodes[i].name),
            "its shape depends on itself through a `delay` and cannot be inferred",
            "join the feedback by `add` or `mul` with a value that does not depend on it",
        )),
    }
}
