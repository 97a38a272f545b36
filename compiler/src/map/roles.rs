//! What each node of a flow graph is to the hardware: dead, a source, an alias, synapse, full-size or small.

use pulvinar_ir::op::carry::carried;
use pulvinar_ir::{Diagnostic, Graph, Level, NodeId, Op, Result};

/// Role of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The output does not depend on it.
    Dead,
    /// The network input.
    Input,
    /// The same numbers under another shape or one step later: flatten, delay.
    Alias,
    /// The membrane memory of a layer: what its `carry` made in the step before.
    State,
    /// A synapse layer on a stream, or a concatenation of streams.
    Synapse,
    /// Evaluated per element in a sweep.
    Full,
    /// Evaluated by the attention engine: a reduction or what follows one until it gates a full-size value, is emitted
    /// or fires a neuron.
    Small,
    /// Done by the host after the last step: readout.
    Host,
}

/// Roles of all nodes and where streams come from.
pub struct Roles {
    /// By node.
    pub role: Vec<Role>,
    /// Readers by node, dead ones left out.
    pub users: Vec<Vec<NodeId>>,
    /// The node whose stream the host takes.
    pub answer: NodeId,
}

/// A refusal of a node that no stage can hold.
pub fn refuse(graph: &Graph, id: NodeId, message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new("E0601", format!("{id} `{}`", graph.node(id).name), message, help)
}

impl Roles {
    /// Roles in a verified flow graph.
    pub fn of(graph: &Graph) -> Result<Self> {
        if graph.level != Level::Flow {
            return Err(Diagnostic::new(
                "E0601",
                &graph.name,
                "only an integer graph can be mapped on hardware",
                "quantise the graph first",
            ));
        }
        let live = live_nodes(graph);
        let small = small_nodes(graph, &live);
        let role: Vec<Role> = graph.ids().map(|id| role_of(graph, id, &live, &small)).collect();
        for id in graph.ids().filter(|id| live[id.index()]) {
            check_node(graph, id, &role)?;
        }
        let mut users = vec![Vec::new(); graph.nodes.len()];
        for id in graph.ids().filter(|id| live[id.index()]) {
            for &input in &graph.node(id).inputs {
                if !users[input.index()].contains(&id) {
                    users[input.index()].push(id);
                }
            }
        }
        let answer = answer(graph, &role)?;
        Ok(Roles { role, users, answer })
    }

    /// Role of a node.
    pub fn get(&self, id: NodeId) -> Role {
        self.role[id.index()]
    }

    /// The stream behind a node: aliases are followed; true if a delay lies between.
    pub fn resolve(&self, graph: &Graph, mut id: NodeId) -> Result<(NodeId, bool)> {
        let (start, mut delayed) = (id, false);
        while self.get(id) == Role::Alias {
            if matches!(graph.node(id).op, Op::Delay(_)) {
                if delayed {
                    return Err(refuse(
                        graph,
                        start,
                        "is two steps late, and a synapse can wait for one",
                        "put a layer between the delays",
                    ));
                }
                delayed = true;
            }
            id = graph.node(id).inputs[0];
        }
        Ok((id, delayed))
    }
}

fn live_nodes(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes.len()];
    let mut todo = vec![graph.output];
    while let Some(id) = todo.pop() {
        if !std::mem::replace(&mut live[id.index()], true) {
            todo.extend(&graph.node(id).inputs);
        }
    }
    live
}

fn small_nodes(graph: &Graph, live: &[bool]) -> Vec<bool> {
    let mut small = vec![false; graph.nodes.len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        let node = graph.node(id);
        small[id.index()] = match node.op {
            Op::Input(_) | Op::Emit(_) | Op::Lif(_) => false,
            Op::Reduce(_) => true,
            _ => node.inputs.iter().all(|i| *i < id && small[i.index()]),
        };
    }
    small
}

fn role_of(graph: &Graph, id: NodeId, live: &[bool], small: &[bool]) -> Role {
    match (&graph.node(id).op, live[id.index()], small[id.index()]) {
        (_, false, _) => Role::Dead,
        (Op::Readout(_), ..) => Role::Host,
        (_, _, true) => Role::Small,
        (Op::Input(_), ..) => Role::Input,
        (Op::Delay(_), ..) if carried(graph, id).is_some() => Role::State,
        (Op::Flatten(_) | Op::Delay(_), ..) => Role::Alias,
        (op, ..) if is_synapse(op) => Role::Synapse,
        _ => Role::Full,
    }
}

fn is_synapse(op: &Op) -> bool {
    let layer = matches!(op, Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) | Op::Sparse(_));
    layer || matches!(op, Op::AvgPool(_) | Op::MaxPool(_) | Op::Upsample(_) | Op::Concat(_))
}

/// Ops that a sweep evaluates whatever their operands.
fn is_elementwise(op: &Op) -> bool {
    let keeps_state = matches!(op, Op::Lif(_) | Op::Accumulate(_) | Op::RadixCode(_) | Op::Carry(_));
    let by_step = matches!(op, Op::Pulse(_) | Op::Hold(_));
    let plain = matches!(op, Op::Relu(_) | Op::Gate(_) | Op::Requantise(_) | Op::Table(_) | Op::Emit(_));
    keeps_state || by_step || plain
}

/// Refuses what reads the membrane of the step before and is not the one sum that charges it.
fn check_state(graph: &Graph, id: NodeId, role: &[Role]) -> Result<()> {
    let node = graph.node(id);
    let states = node.inputs.iter().filter(|i| role[i.index()] == Role::State).count();
    let charges = matches!(node.op, Op::Add(_)) && states == 1;
    if states == 0 || charges {
        return Ok(());
    }
    Err(refuse(graph, id, "reads the membrane of the step before", "add it to a current, once"))
}

fn check_node(graph: &Graph, id: NodeId, role: &[Role]) -> Result<()> {
    let node = graph.node(id);
    let small = |i: usize| role[node.inputs[i].index()] == Role::Small;
    let no = |message: &str, help: &str| Err(refuse(graph, id, message, help));
    check_state(graph, id, role)?;
    match (&node.op, role[id.index()]) {
        (
            Op::Sparse(_)
            | Op::Delay(_)
            | Op::ConvTranspose2d(_)
            | Op::Accumulate(_)
            | Op::Pulse(_)
            | Op::Hold(_),
            Role::Small,
        ) => no(
            &format!(
                "is a `{}` on an attention statistic, which the attention engine does not have",
                node.op.name()
            ),
            "use dense, conv1d, conv2d, matmul, relu, requantise, table, add, concat, gate, top_k or reduce there",
        ),
        (Op::Readout(_), _) if small(0) => no(
            "reads out an attention statistic, which never leaves its layer",
            "read out a neuron or a current",
        ),
        (Op::Add(_), Role::Full) if small(0) || small(1) => {
            no("adds an attention statistic to a full-size value", "use a gate, or a synapse layer")
        }
        (Op::Add(_), Role::Full) => {
            let shape = |i: usize| graph.node(node.inputs[i]).ty.shape;
            if shape(0) == shape(1) {
                return Ok(());
            }
            no("adds two full-size values of different shapes", "bring both branches to one shape")
        }
        (Op::Gate(_), Role::Full) if !small(0) && !small(1) => no(
            "multiplies two full-size values, and a sweep multiplies by gates only",
            "make one operand from a reduction",
        ),
        (Op::Concat(_), Role::Synapse) if (0..node.inputs.len()).any(small) => {
            no("joins an attention statistic with a full-size value", "use a gate, or a synapse layer")
        }
        (Op::MaxPool(_), Role::Synapse) => {
            if graph.node(node.inputs[0]).ty.as_int(&node.name)?.lo >= 0 {
                return Ok(());
            }
            no(
                "pools the maximum of values that may be negative, and zeros send no events",
                "put a relu before it, or pool after the neuron",
            )
        }
        (op, Role::Full) if is_elementwise(op) => Ok(()),
        (_, Role::Full) => no(
            &format!("is a `{}` on a full-size value, which no unit evaluates", node.op.name()),
            "rewrite it as conv2d, add, relu, requantise, table or gate",
        ),
        _ => Ok(()),
    }
}

fn answer(graph: &Graph, role: &[Role]) -> Result<NodeId> {
    if let Some(id) = graph.ids().find(|&i| role[i.index()] == Role::Host && i != graph.output) {
        return Err(refuse(graph, id, "is a readout inside the network", "read out the last layer only"));
    }
    let mut id = graph.output;
    while matches!(role[id.index()], Role::Host) || matches!(graph.node(id).op, Op::Flatten(_)) {
        id = graph.node(id).inputs[0];
    }
    match role[id.index()] {
        Role::Synapse | Role::Full => Ok(id),
        Role::Alias => {
            Err(refuse(graph, id, "delays the answer", "give out the value itself; the host can wait"))
        }
        Role::Small => Err(refuse(
            graph,
            id,
            "is an attention statistic given out as the answer",
            "give out a neuron or a current",
        )),
        _ => Err(refuse(graph, id, "is the input given out as the answer: there is no layer", "add a layer")),
    }
}
