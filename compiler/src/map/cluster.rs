//! Clusters: sets of nodes that share one accumulator and become one stage.
//!
//! Nodes are visited in order. A synapse layer opens a cluster; `add` merges clusters that only accumulate;
//! elementwise and small nodes join the cluster of their operands. A value that another cluster reads is a *stream*.
//! What cannot join is made a stream and the visit starts again; streams only grow, so it ends.

use super::roles::{refuse, Role, Roles};
use pulvinar_ir::op::carry::carried;
use pulvinar_ir::{Diagnostic, Graph, NodeId, Op, Result, Synapse};
use std::collections::BTreeSet;

/// Nodes around one accumulator.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The node whose value the accumulators hold.
    pub accumulator: NodeId,
    /// Synapses that add into it.
    pub synapses: Vec<Synapse>,
    /// Full-size nodes after the accumulator, ascending.
    pub full: Vec<NodeId>,
    /// Small nodes, ascending.
    pub small: Vec<NodeId>,
    /// The one node that leaves as a stream.
    pub output: NodeId,
    /// Small nodes that gate another cluster.
    pub lent: Vec<NodeId>,
}

/// Why a visit stops.
enum Stop {
    /// This node must be a stream; start again.
    Stream(NodeId),
    /// No stage can hold the graph.
    Refuse(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(d: Diagnostic) -> Self {
        Stop::Refuse(d)
    }
}

/// A cluster under construction.
#[derive(Clone)]
struct Open {
    accumulator: NodeId,
    synapses: Vec<Synapse>,
}

struct Visit<'a> {
    graph: &'a Graph,
    roles: &'a Roles,
    streams: &'a BTreeSet<NodeId>,
    open: Vec<Open>,
    /// Union-find parents of `open`.
    parent: Vec<usize>,
    /// Cluster of every visited node.
    of: Vec<Option<usize>>,
    /// Later steps that every visited node waits for, counted from the streams.
    ahead: Vec<usize>,
    /// Gates of full-size values that other clusters make.
    borrowed: Vec<NodeId>,
}

/// The first synapse whose source an earlier one has: an event is worked on once in a core.
fn clash(synapses: &[Synapse]) -> Option<usize> {
    (1..synapses.len()).find(|&i| synapses[..i].iter().any(|s| s.source == synapses[i].source))
}

/// Clusters of a graph, by ascending output; the values `cut` travel too.
pub fn clusters(graph: &Graph, roles: &Roles, cut: &BTreeSet<NodeId>) -> Result<Vec<Cluster>> {
    let mut streams = first_streams(graph, roles)?;
    streams.extend(cut);
    loop {
        match Visit::run(graph, roles, &streams) {
            Ok(clusters) => return Ok(clusters),
            Err(Stop::Refuse(d)) => return Err(d),
            Err(Stop::Stream(id)) => {
                assert!(streams.insert(id), "a visit asks only for values that are not streams yet");
            }
        }
    }
}

/// Values that must travel whatever the clusters: neurons and sums over time, operands of synapse layers and aliases, the answer.
fn first_streams(graph: &Graph, roles: &Roles) -> Result<BTreeSet<NodeId>> {
    let mut streams = BTreeSet::from([roles.answer]);
    for id in graph.ids() {
        match (roles.get(id), &graph.node(id).op) {
            (Role::Input, _) | (Role::Full, Op::Lif(_) | Op::Accumulate(_) | Op::RadixCode(_)) => {
                streams.insert(id);
            }
            (Role::Synapse | Role::Alias, _) => {
                for &input in &graph.node(id).inputs {
                    streams.insert(roles.resolve(graph, input)?.0);
                }
            }
            _ => {}
        }
    }
    Ok(streams)
}

impl<'a> Visit<'a> {
    fn run(
        graph: &'a Graph,
        roles: &'a Roles,
        streams: &'a BTreeSet<NodeId>,
    ) -> std::result::Result<Vec<Cluster>, Stop> {
        let mut visit = Visit {
            graph,
            roles,
            streams,
            open: Vec::new(),
            parent: Vec::new(),
            of: vec![None; graph.nodes.len()],
            ahead: vec![0; graph.nodes.len()],
            borrowed: Vec::new(),
        };
        for id in graph.ids() {
            let cluster = match roles.get(id) {
                Role::Synapse => {
                    let synapses = graph.node(id).inputs.iter().map(|&i| visit.synapse(id, i));
                    let synapses = synapses.collect::<Result<Vec<_>>>()?;
                    if let Some(k) = clash(&synapses) {
                        return Err(visit.twice(id, &synapses[k]));
                    }
                    Some(visit.new_cluster(id, synapses))
                }
                Role::Full if visit.charges(id) => Some(visit.charge(id)?),
                Role::Full if matches!(graph.node(id).op, Op::Add(_)) => Some(visit.add(id)?),
                Role::Full | Role::Small => Some(visit.join(id)?),
                _ => None,
            };
            visit.of[id.index()] = cluster;
            let node = graph.node(id);
            let operand = |&i: &NodeId| visit.waits(i) + node.op.rule().look_ahead(graph.node(i).ty.shape);
            visit.ahead[id.index()] = node.inputs.iter().map(operand).max().unwrap_or(0);
        }
        visit.check_states()?;
        visit.adopt();
        visit.close()
    }

    /// Later steps that must be there before a step of an operand is.
    fn waits(&self, id: NodeId) -> usize {
        if self.is_stream(id) || self.roles.get(id) == Role::State {
            0
        } else {
            self.ahead[id.index()]
        }
    }

    /// True for the addition of a current and the membrane of the step before.
    fn charges(&self, id: NodeId) -> bool {
        self.graph.node(id).inputs.iter().any(|&i| self.roles.get(i) == Role::State)
    }

    /// The membrane lies in the layer of its current, which must be known step by step.
    fn charge(&mut self, id: NodeId) -> std::result::Result<usize, Stop> {
        let current = self.graph.node(id).inputs.iter().copied().find(|&i| self.roles.get(i) != Role::State);
        let current = current.expect("the roles have checked that one operand is no membrane");
        if self.waits(current) > 0 {
            return Err(Stop::Stream(current));
        }
        Ok(self.at_hand(current)?)
    }

    /// A membrane is carried on in the layer that it charges.
    fn check_states(&self) -> Result<()> {
        for id in self.graph.ids().filter(|&id| self.roles.get(id) == Role::Full && self.charges(id)) {
            let layer = |id: NodeId| self.of[id.index()].map(|k| self.root(k));
            for source in self.graph.node(id).inputs.iter().filter_map(|&i| carried(self.graph, i)) {
                if layer(source) != layer(id) {
                    return Err(refuse(
                        self.graph,
                        id,
                        "charges the membrane of another layer",
                        "a `carry` and the addition of its delayed value belong to one layer",
                    ));
                }
            }
        }
        Ok(())
    }

    fn synapse(&self, node: NodeId, operand: NodeId) -> Result<Synapse> {
        let (source, delayed) = self.roles.resolve(self.graph, operand)?;
        Ok(Synapse { node, source, delayed })
    }

    fn new_cluster(&mut self, accumulator: NodeId, synapses: Vec<Synapse>) -> usize {
        self.open.push(Open { accumulator, synapses });
        self.parent.push(self.parent.len());
        self.parent.len() - 1
    }

    fn root(&self, mut k: usize) -> usize {
        while self.parent[k] != k {
            k = self.parent[k];
        }
        k
    }

    fn is_stream(&self, id: NodeId) -> bool {
        self.streams.contains(&id) || self.roles.get(id) == Role::Alias
    }

    /// The cluster in which `operand` is at hand; a stream opens one that accumulates it unchanged.
    fn at_hand(&mut self, operand: NodeId) -> Result<usize> {
        if self.is_stream(operand) {
            let synapse = self.synapse(operand, operand)?;
            return Ok(self.new_cluster(operand, vec![synapse]));
        }
        Ok(self.root(self.of[operand.index()].expect("operands come first and only delays read later nodes")))
    }

    /// One cluster for all operands of an elementwise or small node. A full-size value may borrow its gate from another.
    fn join(&mut self, id: NodeId) -> std::result::Result<usize, Stop> {
        let mut joined: Option<usize> = None;
        let is_small = |i: &NodeId| self.roles.get(*i) == Role::Small;
        let (gates, values): (Vec<NodeId>, Vec<NodeId>) =
            self.graph.node(id).inputs.iter().copied().partition(is_small);
        for operand in values.iter().chain(&gates) {
            let k = self.at_hand(*operand)?;
            let j = joined.unwrap_or(k);
            if self.union(j, k) {
                joined = Some(j);
            } else if self.roles.get(id) == Role::Full && gates.contains(operand) {
                self.borrowed.push(*operand);
            } else {
                return Err(self.mismatch(id, j, k));
            }
        }
        Ok(joined.expect("every op but the input has an operand"))
    }

    /// Joins two clusters of the same accumulator.
    fn union(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        let same = a == b || self.open[a].accumulator == self.open[b].accumulator;
        if same {
            self.parent[b] = a;
        }
        same
    }

    fn mismatch(&self, id: NodeId, a: usize, b: usize) -> Stop {
        let name = |k: usize| self.graph.node(self.open[self.root(k)].accumulator).name.clone();
        Stop::Refuse(refuse(
            self.graph,
            id,
            format!("joins an attention gate of layer `{}` with layer `{}`", name(a), name(b)),
            "the statistics of a gate must come from one layer",
        ))
    }

    /// A full-size sum: elementwise inside one cluster, else an accumulator of streams and pure synapses.
    fn add(&mut self, id: NodeId) -> std::result::Result<usize, Stop> {
        let inputs = self.graph.node(id).inputs.clone();
        let inside =
            |v: &Self, i: NodeId| (!v.is_stream(i)).then(|| v.of[i.index()].map(|k| v.root(k))).flatten();
        let homes: Vec<Option<usize>> = inputs.iter().map(|&i| inside(self, i)).collect();
        if let (Some(a), Some(b)) = (homes[0], homes[1]) {
            if self.union(a, b) {
                return Ok(a);
            }
        }
        let mut synapses: Vec<Synapse> = Vec::new();
        for (&operand, home) in inputs.iter().zip(&homes) {
            match home {
                None => synapses.push(self.synapse(operand, operand)?),
                Some(k) if self.pure(*k, operand) => synapses.extend(self.open[*k].synapses.clone()),
                Some(_) => return Err(Stop::Stream(operand)),
            }
        }
        if let Some(k) = clash(&synapses) {
            let pure = inputs.iter().zip(&homes).find(|(_, h)| h.is_some()).map(|(&i, _)| i);
            return Err(pure.map_or_else(|| self.twice(id, &synapses[k]), Stop::Stream));
        }
        Ok(self.new_cluster(id, synapses))
    }

    fn twice(&self, id: NodeId, synapse: &Synapse) -> Stop {
        Stop::Refuse(refuse(
            self.graph,
            id,
            format!("takes the stream of `{}` twice", self.graph.node(synapse.source).name),
            "change the weights of the next layer instead",
        ))
    }

    /// True if a cluster is only an accumulator whose value nobody else reads.
    fn pure(&self, cluster: usize, node: NodeId) -> bool {
        let open = &self.open[cluster];
        let max_pool = matches!(self.graph.node(node).op, Op::MaxPool(_));
        open.accumulator == node && self.roles.users[node.index()].len() == 1 && !max_pool
    }

    /// Clusters of statistics alone join one that works on the same values: a neuron's, which waits for the gates just as
    /// what they gate does, else the first.
    fn adopt(&mut self) {
        let root_of = |v: &Self, id: NodeId| v.of[id.index()].map(|k| v.root(k));
        let full: Vec<NodeId> = self.graph.ids().filter(|&i| self.roles.get(i) == Role::Full).collect();
        let (neurons, others): (Vec<NodeId>, Vec<NodeId>) =
            full.into_iter().partition(|&i| matches!(self.graph.node(i).op, Op::Lif(_)));
        for k in 0..self.open.len() {
            let members: Vec<NodeId> =
                self.graph.ids().filter(|&i| self.root(k) == k && root_of(self, i) == Some(k)).collect();
            if members.is_empty() || members.iter().any(|&i| self.roles.get(i) != Role::Small) {
                continue;
            }
            let same = |&i: &NodeId| {
                let other = root_of(self, i)?;
                let (a, b) = (&self.open[k], &self.open[other]);
                (a.accumulator == b.accumulator && a.synapses == b.synapses).then_some(other)
            };
            if let Some(other) = neurons.iter().chain(&others).find_map(same) {
                self.parent[k] = other;
            }
        }
    }

    fn close(self) -> std::result::Result<Vec<Cluster>, Stop> {
        let mut clusters = Vec::new();
        for k in (0..self.open.len()).filter(|&k| self.root(k) == k) {
            let accumulator = self.open[k].accumulator;
            let members: Vec<NodeId> =
                self.graph.ids().filter(|i| self.of[i.index()].is_some_and(|c| self.root(c) == k)).collect();
            if members.is_empty() {
                continue;
            }
            let (small, full): (Vec<NodeId>, Vec<NodeId>) =
                members.iter().partition(|&&i| self.roles.get(i) == Role::Small);
            let outputs: Vec<NodeId> = full.iter().copied().filter(|i| self.streams.contains(i)).collect();
            let full: Vec<NodeId> = full.into_iter().filter(|&i| i != accumulator).collect();
            match outputs[..] {
                [output] => clusters.push(Cluster {
                    accumulator,
                    synapses: self.open[k].synapses.clone(),
                    full,
                    lent: small.iter().copied().filter(|i| self.borrowed.contains(i)).collect(),
                    small,
                    output,
                }),
                // Merged into an `add`: the accumulator lives on there.
                [] if self.merged(accumulator) => {}
                _ => return Err(self.branch(accumulator, &full, &outputs)),
            }
        }
        clusters.sort_by_key(|c| c.output);
        Ok(clusters)
    }

    fn merged(&self, accumulator: NodeId) -> bool {
        matches!(self.roles.users[accumulator.index()][..], [user] if self.of[user.index()].is_some_and(|c| {
            let open = &self.open[self.root(c)];
            open.accumulator == user && open.accumulator != accumulator
        }))
    }

    /// A cluster with several outputs: the first value that branches becomes a stream.
    fn branch(&self, accumulator: NodeId, full: &[NodeId], outputs: &[NodeId]) -> Stop {
        let branches = |id: &NodeId| {
            let readers = self.roles.users[id.index()].iter().filter(|u| self.roles.get(**u) == Role::Full);
            readers.count() > 1 && !self.is_stream(*id)
        };
        let mut candidates = std::iter::once(accumulator).chain(full.iter().copied());
        match candidates.find(branches) {
            Some(id) => Stop::Stream(id),
            None => Stop::Refuse(refuse(
                self.graph,
                outputs.first().copied().unwrap_or(accumulator),
                format!("is one of {} outputs of one layer's attention", outputs.len()),
                "a layer has one output; give each branch its own layer",
            )),
        }
    }
}
