//! Stages: what clusters, passes and widths come out of flow graphs, and what is refused.
#![allow(clippy::unwrap_used)]

mod map_nets;

use map_nets::{attention_net, plain_net, Net};
use pulvinar_compiler::map::stages;
use pulvinar_ir::op::concat::Concat;
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::program::{gate_maker, gates_made};
use pulvinar_ir::{interpret, Arch, Axis, Graph, NodeId, Stage, Strategy, Value};

fn names(graph: &Graph, ids: &[NodeId]) -> Vec<String> {
    ids.iter().map(|&i| graph.node(i).name.clone()).collect()
}

fn stages_of(graph: &Graph) -> Vec<Stage> {
    stages(graph, &Arch::default_chip()).unwrap()
}

fn refusal(graph: &Graph) -> String {
    stages(graph, &Arch::default_chip()).unwrap_err().to_string()
}

#[test]
fn a_plain_net_is_one_stage_a_neuron() {
    let graph = plain_net();
    let found: Vec<_> =
        stages_of(&graph).iter().map(|s| (s.name.clone(), s.passes.len(), s.strategy)).collect();
    let want = ["lif0", "lif1", "lif2"].map(|n| (n.to_owned(), 1, Strategy::Direct));
    assert_eq!(found, want);
    let last = &stages_of(&graph)[2];
    assert_eq!(graph.node(last.synapses[0].source).name, "lif1", "flatten is an address identity");
    assert_eq!(graph.node(last.accumulator).name, "fc");
}

#[test]
fn attention_makes_three_passes() {
    let graph = attention_net();
    let stages = stages_of(&graph);
    assert_eq!(stages.len(), 2);
    let [first, second, third] = &stages[0].passes[..] else { panic!("{} passes", stages[0].passes.len()) };
    assert_eq!(names(&graph, &first.elementwise), ["relu0"]);
    assert_eq!(names(&graph, &first.taps), ["att0.mean_hw"]);
    assert!(first.gates.is_empty());
    assert!(names(&graph, &first.program).contains(&"att0.gate_tc".to_owned()));
    assert_eq!(names(&graph, &second.elementwise), ["relu0", "att0.x_tc"]);
    assert_eq!(names(&graph, &second.gates), ["att0.gate_tc"]);
    assert_eq!(names(&graph, &second.taps), ["att0.mean_tc", "att0.max_tc"]);
    assert_eq!(names(&graph, &third.elementwise), ["relu0", "att0.gate_tcs", "att0.x_tcs", "lif0"]);
    assert_eq!(
        names(&graph, &third.gates),
        ["att0.gate_tc", "att0.gate_s"],
        "the product is made in the sweep"
    );
    assert!(third.taps.is_empty() && third.program.is_empty());
}

#[test]
fn a_residual_sum_of_streams_is_a_stage_of_identities() {
    let (mut net, x) = Net::new(2, [4, 6, 6], 1);
    let conv0 = net.conv("conv0", x, 4, 1);
    let a = net.lif("lif0", conv0);
    let conv1 = net.conv("conv1", a, 4, 1);
    let b = net.lif("lif1", conv1);
    let sum = net.add("sum", a, b);
    let conv2 = net.conv("conv2", sum, 4, 1);
    let c = net.lif("lif2", conv2);
    let graph = net.readout(c);
    let stages = stages_of(&graph);
    let found: Vec<_> = stages.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(found, ["lif0", "lif1", "sum", "lif2"]);
    assert_eq!(stages[2].synapses.iter().map(|s| s.node).collect::<Vec<_>>(), [a, b]);
    assert_eq!((stages[2].accumulator, stages[2].output), (sum, sum));
    assert_eq!(stages[2].state_bits, 0);
}

#[test]
fn two_convolutions_share_an_accumulator() {
    let (mut net, x) = Net::new(2, [4, 6, 6], 1);
    let conv0 = net.conv("conv0", x, 4, 1);
    let a = net.lif("lif0", conv0);
    let conv1 = net.conv("conv1", a, 4, 1);
    let conv2 = net.conv("conv2", x, 4, 1);
    let sum = net.add("sum", conv1, conv2);
    let b = net.lif("lif1", sum);
    let graph = net.readout(b);
    let stages = stages_of(&graph);
    assert_eq!(stages.len(), 2);
    assert_eq!(stages[1].accumulator, sum);
    assert_eq!(names(&graph, &[stages[1].synapses[0].node, stages[1].synapses[1].node]), ["conv1", "conv2"]);
}

#[test]
fn two_synapses_of_one_source_are_two_stages() {
    let (mut net, x) = Net::new(2, [4, 6, 6], 1);
    let conv1 = net.conv("conv1", x, 4, 1);
    let conv2 = net.conv("conv2", x, 4, 1);
    let sum = net.add("sum", conv1, conv2);
    let out = net.lif("lif0", sum);
    let graph = net.readout(out);
    for stage in stages_of(&graph) {
        let mut sources: Vec<_> = stage.synapses.iter().map(|s| s.source).collect();
        sources.dedup();
        assert_eq!(sources.len(), stage.synapses.len(), "{}", stage.name);
    }
}

#[test]
fn feedback_is_a_delayed_synapse() {
    let (mut net, x) = Net::new(3, [4, 1, 1], 1);
    let fc = net.linear("fc", x, 6);
    let late = net.delay("late", fc);
    let back = net.linear("back", late, 6);
    let sum = net.add("sum", fc, back);
    let spikes = net.lif("lif0", sum);
    // Close the loop: the delay reads the neuron.
    net.graph.nodes[late.index()].inputs = vec![spikes];
    net.graph.nodes[late.index()].ty = net.graph.node(spikes).ty.clone();
    let weight = net.graph.node(back).op.clone();
    net.graph.nodes[back.index()].ty = net.graph.infer("back", &weight, &[late]).unwrap();
    for id in [sum, spikes] {
        let node = net.graph.node(id).clone();
        net.graph.nodes[id.index()].ty = net.graph.infer(&node.name, &node.op, &node.inputs).unwrap();
    }
    let graph = net.readout(spikes);
    let stages = stages_of(&graph);
    assert_eq!(stages.len(), 1, "{stages:?}");
    let delayed: Vec<_> = stages[0].synapses.iter().map(|s| (s.source, s.delayed)).collect();
    assert_eq!(delayed, [(x, false), (spikes, true)]);
}

#[test]
fn a_pool_of_currents_gets_them_as_graded_events() {
    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let conv = net.conv("conv0", x, 4, 1);
    let current = net.relu("relu0", conv);
    let pool = net.max_pool("pool0", current);
    let out = net.lif("lif0", pool);
    let graph = net.readout(out);
    let found: Vec<_> = stages_of(&graph).iter().map(|s| (s.output, s.accumulator)).collect();
    assert_eq!(found, [(current, conv), (out, pool)]);
}

#[test]
fn one_current_may_feed_two_neurons() {
    let (mut net, x) = Net::new(2, [4, 6, 6], 1);
    let conv = net.conv("conv0", x, 4, 1);
    let a = net.lif("lif0", conv);
    let b = net.lif("lif1", conv);
    let sum = net.add("sum", a, b);
    let graph = net.readout(sum);
    let found: Vec<_> = stages_of(&graph).iter().map(|s| s.name.clone()).collect();
    assert_eq!(found, ["conv0", "lif0", "lif1", "sum"]);
}

#[test]
fn an_attention_residual_stays_in_its_stage() {
    let (mut net, x) = Net::new(2, [2, 6, 6], 1);
    let conv = net.conv("conv0", x, 4, 1);
    let gate = net.time_channel_gate("att", conv);
    let gated = net.gate("gated", conv, gate);
    // The gate's scale is 1/256 and its shift is 8, so both have one unit.
    let sum = net.add("sum", conv, gated);
    let out = net.lif("lif0", sum);
    let graph = net.readout(out);
    let stages = stages_of(&graph);
    assert_eq!(stages.len(), 1);
    assert_eq!(names(&graph, &stages[0].passes[1].elementwise), ["gated", "sum", "lif0"]);
}

/// Both layers wait for the gate: what they make meets again, and neither may run ahead of the other.
#[test]
fn a_gate_may_come_from_another_layer() {
    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let a = net.conv("conv0", x, 4, 1);
    let b = net.conv("conv1", x, 4, 1);
    let gate = net.time_channel_gate("att", a);
    let crossed = net.gate("crossed", b, gate);
    let seen = net.lif("lif1", a);
    let out = net.lif("lif0", crossed);
    let sum = net.add("sum", seen, out);
    let stages = stages_of(&net.readout(sum));
    let find = |name: &str| stages.iter().position(|s| s.name == name).unwrap();
    let (lender, borrower) = (find("lif1"), find("lif0"));
    assert!(stages[lender].borrowed().is_empty());
    assert_eq!(stages[borrower].borrowed(), [gate]);
    assert_eq!(gate_maker(&stages, borrower), lender);
    assert_eq!(gates_made(&stages, lender), [vec![gate], vec![]]);
    for stage in [&stages[lender], &stages[borrower]] {
        assert_eq!(stage.passes.len(), 2, "{}", stage.name);
    }
    assert_eq!(stages[lender].passes[0].taps.len(), 1);
    assert!(stages[borrower].passes[0].taps.is_empty());
}

#[test]
fn a_concatenation_is_a_stage_with_a_synapse_an_operand() {
    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let a = net.conv("conv0", x, 4, 1);
    let b = net.conv("conv1", x, 3, 1);
    let both = net.push("both", Concat {}, &[a, b]);
    let out = net.lif("lif0", both);
    let graph = net.readout(out);
    let stages = stages_of(&graph);
    assert_eq!(stages.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["conv0", "conv1", "lif0"]);
    let joined = &stages[2];
    assert_eq!(joined.accumulator, both);
    let sources: Vec<NodeId> = joined.synapses.iter().map(|s| s.source).collect();
    assert_eq!((sources, joined.synapses[1].first_channel(&graph)), (vec![a, b], 4));
    let int = |id: NodeId| graph.node(id).ty.as_int("").unwrap();
    assert!(
        joined.accumulator_bits <= int(a).bits().max(int(b).bits()) + 1,
        "the operands share no accumulator"
    );
}

#[test]
fn what_no_unit_evaluates_is_refused_by_name() {
    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let conv = net.conv("conv0", x, 4, 1);
    let pool = net.max_pool("pool0", conv);
    let out = net.lif("lif0", pool);
    assert!(refusal(&net.readout(out)).contains("`pool0`"), "a maximum of signed values");

    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let a = net.conv("conv0", x, 4, 1);
    let both = net.push("both", Concat {}, &[a, a]);
    let out = net.lif("lif0", both);
    assert!(refusal(&net.readout(out)).contains("`both`"), "one stream twice");

    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let a = net.conv("conv0", x, 4, 1);
    let b = net.conv("conv1", x, 4, 1);
    let gate = net.time_channel_gate("att", a);
    let own = net.time_channel_gate("own", b);
    let kept = net.gate("kept", b, own);
    let crossed = net.gate("crossed", kept, gate);
    let seen = net.lif("lif1", a);
    let out = net.lif("lif0", crossed);
    let sum = net.add("sum", seen, out);
    let message = refusal(&net.readout(sum));
    assert!(message.contains("gates layer `lif0`") && message.contains("E0601"), "{message}");

    let (mut net, x) = Net::new(2, [2, 8, 8], 1);
    let a = net.conv("conv0", x, 4, 1);
    let mean = net.reduce("mean", ReduceKind::Sum, &[Axis::H, Axis::W], a);
    let gated = net.gate("gated", a, mean);
    let out = net.lif("lif0", gated);
    assert!(refusal(&net.readout(out)).contains("`mean`"), "a statistic is no gate");
}

#[test]
fn a_barrier_needs_delayed_edges_and_no_attention() {
    let mut arch = Arch::default_chip();
    arch.noc.sync = pulvinar_ir::arch::Sync::Barrier;
    assert_eq!(stages(&plain_net(), &arch).unwrap_err().code, "E0602");
    assert_eq!(stages(&attention_net(), &arch).unwrap_err().code, "E0602");
    let (mut net, x) = Net::new(2, [8, 1, 1], 1);
    let late = net.delay("late", x);
    let fc = net.linear("fc", late, 6);
    let out = net.lif("lif0", fc);
    let graph = net.readout(out);
    assert!(stages(&graph, &arch).unwrap()[0].synapses[0].delayed);
    arch.noc.sync = pulvinar_ir::arch::Sync::Tokens;
    arch.core.accumulator_buffers = 1;
    assert_eq!(stages(&graph, &arch).unwrap_err().code, "E0602", "delayed events need a second buffer");
}

#[test]
fn accumulator_bits_hold_every_partial_sum() {
    for graph in [plain_net(), attention_net()] {
        for stage in stages_of(&graph) {
            let limit = 1i64 << (stage.accumulator_bits - 1);
            // The worst input for one output of one synapse layer: every positive weight on, then every negative one.
            let node = graph.node(stage.synapses[0].node);
            let weight = graph.tensors[&node.op.rule().tensors()[0].to_owned()].clone();
            let hi = graph.node(stage.synapses[0].source).ty.as_int("").unwrap().hi;
            let values = weight.as_int().unwrap();
            let rows = values.chunks_exact(values.len() / weight.shape[0]);
            let sums = rows.flat_map(|r| {
                let part =
                    |sign: i32| r.iter().filter(|w| **w * sign > 0).map(|w| i64::from(*w) * hi).sum::<i64>();
                [part(1), part(-1)]
            });
            let worst = sums.map(|s| if s < 0 { -s - 1 } else { s }).max().unwrap();
            assert!(
                worst < limit && worst >= limit / 2,
                "{}: {worst} in {} bits",
                stage.name,
                stage.accumulator_bits
            );
        }
    }
}

#[test]
fn the_reference_runs_the_nets() {
    for graph in [plain_net(), attention_net()] {
        let shape = graph.node(graph.input().unwrap()).ty.shape;
        let input = Value::int(shape, (0..shape.len()).map(|i| i64::from(i % 3 == 0)).collect());
        let values = interpret::run(&graph, &input).unwrap();
        let spikes: i64 =
            stages_of(&graph).iter().map(|s| values[s.output.index()].ints().iter().sum::<i64>()).sum();
        assert!(spikes > 0, "the nets of these tests are alive");
    }
}
