//! Order of computation. In continuous time a cycle needs no delay; in steps every cycle passes through one of at least
//! one step. Where a cycle has no `Delay` node, the spikes of its last neuron, seen from the input, come one step later.

use super::flat::Flat;
use super::neuron::spikes;
use pulvinar_ir::Result;

/// An order and the edges that are one step late.
#[derive(Debug)]
pub(super) struct Order {
    /// Nodes, every one after those it needs in the same step.
    pub nodes: Vec<usize>,
    /// For every edge, whether a delay of one step was put into it.
    pub late: Vec<bool>,
}

/// Orders the nodes.
pub(super) fn order(flat: &Flat<'_>) -> Result<Order> {
    let mut waits = Vec::with_capacity(flat.edges.len());
    for &(from, _) in &flat.edges {
        let fields = flat.fields(from);
        let delays = fields.node.kind == "Delay" && fields.numbers("delay")?.values.iter().any(|&d| d > 0.0);
        waits.push(!delays);
    }
    let mut late = vec![false; flat.edges.len()];
    loop {
        match search(flat, &waits) {
            Ok(nodes) => return Ok(Order { nodes, late }),
            Err(edge) => {
                waits[edge] = false;
                late[edge] = true;
            }
        }
    }
}

/// Depth-first search from the input: a topological order, or the edge of a cycle that is to be late.
fn search(flat: &Flat<'_>, waits: &[bool]) -> std::result::Result<Vec<usize>, usize> {
    let mut outgoing = vec![Vec::new(); flat.nodes.len()];
    for (e, &(from, _)) in flat.edges.iter().enumerate().filter(|(e, _)| waits[*e]) {
        outgoing[from].push(e);
    }
    let mut entered = vec![false; flat.nodes.len()];
    let mut left = vec![false; flat.nodes.len()];
    let mut order = Vec::with_capacity(flat.nodes.len());
    for root in std::iter::once(flat.input).chain(0..flat.nodes.len()) {
        if entered[root] {
            continue;
        }
        entered[root] = true;
        // node, how many of its edges were followed
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(&edge) = outgoing[*node].get(*next) else {
                left[*node] = true;
                order.push(*node);
                path.pop();
                continue;
            };
            *next += 1;
            let to = flat.edges[edge].1;
            if !entered[to] {
                entered[to] = true;
                path.push((to, 0));
            } else if !left[to] {
                let followed = |&(n, next): &(usize, usize)| outgoing[n][next - 1];
                let cycle = path.iter().skip_while(|(n, _)| *n != to).map(followed);
                let spiking = cycle.filter(|&e| spikes(&flat.nodes[flat.edges[e].0].1.kind)).last();
                return Err(spiking.unwrap_or(edge));
            }
        }
    }
    order.reverse();
    Ok(order)
}
