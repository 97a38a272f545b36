//! Counts of published networks: parameters, multiply-accumulates and neurons of the graphs built here, against the
//! figures of papers and their code. All are exact integers.

use pulvinar_ir::verify::verify;
use pulvinar_ir::{interpret, Op, Value};
use pulvinar_models::zoo;
use pulvinar_models::zoo::build::{self, Builder};
use pulvinar_models::zoo::census::{Census, Layer};

fn builder(name: &str) -> &'static Builder {
    build::find(name).unwrap_or_else(|| panic!("no builder `{name}`"))
}

fn census(name: &str) -> Census {
    let graph = builder(name).zeros().expect("the published sizes fit together");
    Census::of(&graph).expect("modules of a built graph expand")
}

/// Parameters as published: those of the graph and what stands beside it.
fn published(name: &str) -> u64 {
    census(name).parameters + builder(name).parameters_beside()
}

fn per_step(census: &Census) -> Vec<u64> {
    census.layers.iter().map(Layer::macs_per_step).collect()
}

#[test]
fn ma_gesture_parameters() {
    const BASE: u64 = 2_324_065;
    let added = [
        ("ma-gesture", 0),
        ("ma-gesture-ta", 7_200),
        ("ma-gesture-ca", 9_216),
        ("ma-gesture-sa", 54),
        ("ma-gesture-tca", 16_416),
        ("ma-gesture-tsa", 7_254),
        ("ma-gesture-csa", 9_270),
        ("ma-gesture-tcsa", 16_470),
        // r = 16: the published additional parameters of its channel attention.
        ("ma-gesture-paper-ca", 4_608),
    ];
    for (name, more) in added {
        let census = census(name);
        assert_eq!((census.parameters, census.attention_parameters()), (BASE + more, more), "{name}");
    }
}

#[test]
fn ma_gesture_layers() {
    let census = census("ma-gesture-tcsa");
    let macs: Vec<u64> = census.layers.iter().map(|l| l.macs).collect();
    assert_eq!(macs, [70_778_880, 4_529_848_320, 2_264_924_160, 125_829_120, 168_960]);
    assert_eq!((census.neurons.conv, census.neurons.linear, census.neurons.total()), (106_496, 267, 106_763));
    let attention: Vec<u64> = census.attention.iter().map(|a| a.macs_by_branch).collect();
    let time = 2_880;
    assert_eq!(attention, [time + 2_048 + 18_432, time + 8_192 + 4_608, time + 8_192 + 1_152, time, time]);
    let gates: u64 = census.attention[..3].iter().map(|a| a.gate_multiplies).sum();
    assert_eq!(gates, 19_169_280);
    // As compiled the branches meet before the second layer: three products of a matrix where papers count four.
    assert_eq!(census.attention[0].macs, time * 3 / 4 + 2_048 * 3 / 4 + 18_432);
}

#[test]
fn ma_gesture_with_the_classes_of_gait() {
    let gesture = builder("ma-gesture");
    let setting = build::Setting { classes: 20, ..gesture.setting };
    let graph = (gesture.build)(&setting, build::Fill::Zeros).unwrap();
    assert_eq!(Census::of(&graph).unwrap().neurons.total(), 106_772);
}

#[test]
fn ma_paper_dialect() {
    // One pass of the MLP a step is the published 276,480; the mean's and the maximum's are two.
    let ca = census("ma-gesture-paper-ca");
    assert_eq!(ca.attention_macs_by_branch(), 2 * 276_480);
    assert_eq!(ca.neurons.total(), 106_763);
    let tcsa = census("ma-gesture-paper-tcsa");
    let first = tcsa.attention.iter().find(|a| a.name == "conv0.spikes").unwrap();
    assert_eq!((first.parameters, first.macs_by_branch), (512 + 98, 60 * 1_024 + 60 * 100_352));
}

#[test]
fn ma_gait_and_cifar10_dvs() {
    let base = census("ma-gait");
    assert_eq!(base.parameters, 2_100_767);
    assert_eq!(per_step(&base), [9_437_184, 75_497_472, 75_497_472, 75_497_472, 75_497_472, 524_288, 5_376]);
    assert_eq!(base.neurons.conv, 131_072 + 65_536 + 32_768 + 16_384 + 2_048);
    assert_eq!(base.neurons.linear, 256 + 21);
    for (name, more) in
        [("ma-gait-ta", 448), ("ma-gait-ca", 87_296), ("ma-gait-sa", 90), ("ma-gait-tcsa", 87_834)]
    {
        assert_eq!(census(name).parameters, 2_100_767 + more, "{name}");
    }
    assert_eq!(census("ma-cifar10-dvs").parameters, 2_097_918);
    assert_eq!(census("ma-cifar10-dvs-tcsa").parameters, 2_097_918 + 90_186);
    assert_eq!(published("ma-cifar10-dvs"), 2_097_918);
}

/// Sum of the per-step operations of the layers whose name has this beginning and this end.
fn macs_of(census: &Census, begin: &str, end: &str) -> u64 {
    let wanted = census.layers.iter().filter(|l| l.name.starts_with(begin) && l.name.contains(end));
    wanted.map(Layer::macs_per_step).sum()
}

/// Spike convolutions of the stages, and their analog shortcuts together.
fn stage_macs(census: &Census) -> (Vec<u64>, u64) {
    let stages = (1..=4).map(|s| macs_of(census, &format!("stage{s}."), ".conv"));
    (stages.filter(|&m| m > 0).collect(), macs_of(census, "stage", ".shortcut"))
}

#[test]
fn attention_residual_networks() {
    let rows = [
        (
            "att-res-18",
            (11_867_960, 174_224, 498_100, 2_308_096),
            [462_422_016, 404_619_264, 404_619_264, 404_619_264],
        ),
        (
            "att-res-34",
            (22_116_552, 314_656, 878_342, 3_562_496),
            [693_633_024, 867_041_280, 1_329_463_296, 635_830_272],
        ),
        (
            "att-res-104",
            (78_369_598, 1_085_334, 2_571_024, 7_225_344),
            [693_633_024, 1_791_885_312, 7_340_949_504, 1_791_885_312],
        ),
    ];
    for (name, (parameters, added, attention, neurons), stages) in rows {
        let census = census(name);
        assert_eq!((census.parameters, census.attention_parameters()), (parameters, added), "{name}");
        assert_eq!(census.attention_macs_by_branch(), attention, "{name}");
        assert_eq!(census.neurons.total(), neurons, "{name}");
        assert_eq!(stage_macs(&census), (stages.to_vec(), 32_112_640), "{name}");
        assert_eq!(macs_of(&census, "stem", ""), 118_013_952, "{name}");
        assert_eq!(macs_of(&census, "fc", ""), 512_000, "{name}");
    }
}

#[test]
fn membrane_residual_networks() {
    for (name, parameters) in
        [("ms-resnet-18", 11_693_736), ("ms-resnet-34", 21_801_896), ("ms-resnet-104", 77_350_504)]
    {
        assert_eq!(published(name), parameters, "{name}");
    }
    assert_eq!(macs_of(&census("ms-resnet-104"), "stem", ""), 946_520_064);
}

#[test]
fn gated_attention_coding() {
    for (name, parameters, added) in [
        ("gac-cifar10-t2", 12_633_166, 131_076),
        ("gac-cifar10-t4", 12_633_178, 131_088),
        ("gac-cifar10-t6", 12_633_198, 131_108),
        ("gac-cifar100", 12_679_368, 131_108),
        ("gac-imagenet-18", 11_824_824, 131_088),
        ("gac-imagenet-34", 21_932_984, 131_088),
    ] {
        let census = census(name);
        assert_eq!((census.parameters, census.attention_parameters()), (parameters, added), "{name}");
    }
}

#[test]
fn gated_attention_coding_operations() {
    let cifar = census("gac-cifar10-t4");
    assert_eq!(cifar.parameters - cifar.attention_parameters(), 12_502_090);
    assert_eq!(stage_macs(&cifar), (vec![830_472_192, 830_472_192, 528_482_304], 3 * 8_388_608));
    assert_eq!((macs_of(&cifar, "stem", ""), macs_of(&cifar, "fc", "")), (1_769_472, 5_120));
    // The convolutions of the gate at each of four timesteps, and both branches of the MLP over time.
    assert_eq!(cifar.attention[0].macs_by_branch, 4 * 134_217_728 + 2 * 16);
    assert_eq!(cifar.attention[0].gate_multiplies, 2 * 262_144);
    let large = census("gac-imagenet-18");
    assert_eq!(large.attention[0].macs_by_branch, 6_576_668_672 + 2 * 16);
}

#[test]
fn frequency_attention() {
    for (name, parameters, modules, added) in [
        ("fsta-resnet20", 11_293_774, 19, 45_828),
        ("fsta-resnet19", 12_735_584, 17, 120_188),
        ("fsta-resnet18", 11_730_720, 17, 41_208),
        ("fsta-resnet34", 21_877_664, 33, 79_992),
    ] {
        let (census, beside) = (census(name), builder(name).parameters_beside());
        assert_eq!(census.attention.len(), modules, "{name}");
        assert_eq!(census.attention_parameters() + beside, added, "{name}");
        assert_eq!(census.parameters + beside, parameters, "{name}");
    }
    let resnet20 = builder("fsta-resnet20");
    let four = build::Setting { timesteps: 4, ..resnet20.setting };
    let four = Census::of(&(resnet20.build)(&four, build::Fill::Zeros).unwrap()).unwrap();
    assert_eq!(four.parameters + resnet20.parameters_beside(), 11_294_002);
}

#[test]
fn frequency_attention_operations() {
    for (name, all) in [
        ("fsta-resnet20", 431_368_192),
        ("fsta-resnet19", 4_570_583_040),
        ("fsta-resnet18", 7_256_293_376),
        ("fsta-resnet34", 14_655_045_632),
    ] {
        assert_eq!(census(name).layer_macs(), all, "{name}");
    }
    let small = census("fsta-resnet20");
    assert_eq!(small.layer_macs_per_step(), 215_684_096);
    assert_eq!(macs_of(&small, "stem", ""), 77_266_944);
    let stages: Vec<u64> = (1..=4).map(|s| macs_of(&small, &format!("stage{s}."), "")).collect();
    assert_eq!(stages, [37_748_736, 33_554_432, 33_554_432, 33_554_432]);
    // At 64×32², T = 2: the sum over channels comes first, before the bank and, other than in the published 2²·64,
    // before the map over time.
    assert_eq!(small.attention[0].macs, 2 * 2 + 4_917_248);
    assert_eq!(census("fsta-resnet18").attention[0].macs, 4 * 4 + 60_236_288);
    let (stages, shortcuts) = stage_macs(&census("fsta-resnet19"));
    assert_eq!((stages, shortcuts), (vec![905_969_664, 830_472_192, 528_482_304], 2 * 8_388_608));
}

#[test]
fn advance_spatial_attention() {
    // Idle is attention that is never called; it is no part of the base, as learned time constants are.
    for (name, base, idle, with) in [
        ("asa-a", 2_323_531, 117, 2_329_162),
        ("asa-a-gait-day", 2_325_844, 117, 2_331_475),
        ("asa-b", 1_698_933, 0, 1_701_123),
        ("asa-b-action", 1_955_947, 0, 1_962_617),
        ("asa-c", 1_623_918, 0, 1_626_108),
        ("asa-d", 548_980, 117, 551_731),
    ] {
        let census = census(name);
        let published = census.parameters + builder(name).parameters_beside();
        assert_eq!(published, with, "{name}");
        assert_eq!(published - census.attention_parameters() - idle, base, "{name}");
    }
    let a = census("asa-a");
    assert_eq!(a.neurons.total(), 106_763);
    assert_eq!((a.attention[0].parameters, a.attention[0].macs), (1_838, 115_200 + 36_864));
    let b = census("asa-b");
    assert_eq!((b.attention[0].parameters, b.attention[0].macs), (438, 51_200 + 589_824));
}

#[test]
fn five_layers() {
    let census = census("five-layer");
    assert_eq!(published("five-layer"), 1_698_933);
    assert_eq!(
        per_step(&census),
        [37_748_736, 603_979_776, 150_994_944, 37_748_736, 9_437_184, 1_048_576, 56_320]
    );
    assert_eq!((census.neurons.conv, census.neurons.linear), (2_793_472, 512 + 110));
}

#[test]
fn temporal_channel_joint_attention() {
    let census = census("tcja-dvs128");
    assert_eq!(census.parameters, 1_832_576);
    assert_eq!(census.parameters - census.attention_parameters(), 1_698_304);
    for module in &census.attention {
        assert_eq!((module.parameters, module.macs), (67_136, 204_800 + 1_310_720), "{}", module.name);
    }
    assert_eq!(census.attention.len(), 2);
    assert_eq!(census.neurons.conv, 2_793_472);
}

#[test]
fn spike_driven_transformers() {
    for (name, parameters, stem, others) in [
        ("sdt-8-384", 16_816_536, 65_028_096, 4_595_702_784),
        ("sdt-6-512", 23_373_736, 86_704_128, 6_936_842_240),
        ("sdt-8-512", 29_689_896, 86_704_128, 8_169_967_616),
        ("sdt-10-512", 36_006_056, 86_704_128, 9_403_092_992),
        ("sdt-8-768", 66_339_144, 130_056_192, 18_382_043_136),
    ] {
        let census = census(name);
        assert_eq!(published(name), parameters, "{name}");
        assert_eq!(macs_of(&census, "patch0", ""), stem, "{name}");
        assert_eq!(census.layer_macs_per_step() - stem, others, "{name}");
    }
    // The layers are those of the spike-driven form; its attention multiplies two pairs of matrices a head.
    let spikformer = census("spikformer-8-384");
    assert_eq!(spikformer.parameters, census("sdt-8-384").parameters);
    assert_eq!(spikformer.attention[0].macs, 4 * 2 * 196 * 384 * 48);
}

#[test]
fn spatio_temporal_synapses() {
    let census = census("stsc-shd");
    assert_eq!((census.parameters, census.attention_parameters()), (1_964_200 + 119_140, 1_964_200));
    assert_eq!(census.attention[0].macs, 15 * (3_500 + 1_470_000 + 490_000));
    assert_eq!(census.neurons.linear, 128 + 128 + 100);
}

/// A narrow copy on small inputs: what the builders make is a network that runs, and whose neurons fire.
#[test]
fn small_copies_run() {
    for builder in build::all() {
        let [channels, rows, _] = builder.setting.input;
        let side = if rows == 1 { 1 } else { 64 };
        let setting = build::Setting { timesteps: 2, input: [channels, side, side], classes: 3, narrow: 16 };
        let graph = (builder.build)(&setting, build::Fill::Random { seed: 1 }).unwrap();
        verify(&graph).unwrap();
        let shape = graph.node(graph.input().unwrap()).ty.shape;
        let pixels = (0..shape.len()).map(|i| f64::from(u8::from(i * 7919 % 13 < 4))).collect();
        let values = interpret::run(&graph, &Value::real(shape, pixels)).unwrap();
        assert!(values.iter().all(|v| v.reals().iter().all(|x| x.is_finite())), "{}", builder.name);
        let spikes: Vec<f64> = graph
            .ids()
            .filter(|&id| matches!(graph.node(id).op, Op::Neuron(_) | Op::MaNeuron(_) | Op::Radix(_)))
            .flat_map(|id| values[id.index()].reals().to_vec())
            .collect();
        let rate = spikes.iter().sum::<f64>() / spikes.len() as f64;
        // Trains of one bit, in one window of five; ramps that have one step to rise.
        let rare = ["radix", "rel-psp"].iter().any(|begin| builder.name.starts_with(begin));
        let least = if rare { 0.002 } else { 0.01 };
        println!("{}: {} nodes, rate {rate:.3}", builder.name, graph.nodes.len());
        assert!(rate > least && rate < 0.9, "{}: rate {rate}", builder.name);
        assert_eq!(values[graph.output.index()].shape.len(), 3, "{}", builder.name);
    }
}

#[test]
fn weights_follow_the_seed() {
    let stsc = builder("stsc-shd");
    let (a, b) = (stsc.model(1).unwrap(), stsc.model(2).unwrap());
    assert_eq!(a, stsc.model(1).unwrap());
    assert_ne!(a.hash, b.hash);
    assert!(a.graph.assumptions[0].contains("random"));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = build::all().map(|b| b.name).chain(zoo::ZOO.iter().map(|e| e.name)).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// The published operations are in millions with four digits.
#[test]
fn three_level_residual_networks() {
    for (name, parameters, macs) in [
        ("mlf-14", 2_777_674, Some(421_200_000)),
        ("mlf-20", 4_327_754, Some(647_700_000)),
        ("mlf-32", 7_427_914, Some(1_101_000_000)),
        ("mlf-44", 10_528_074, Some(1_554_000_000)),
        ("mlf-68", 16_728_394, Some(2_460_000_000)),
        ("mlf-gesture-20", 272_395, Some(40_670_000)),
        ("mlf-cifar10-dvs-14", 696_330, None),
    ] {
        let census = census(name);
        assert_eq!(census.parameters, parameters, "{name}");
        if let Some(published) = macs {
            let found = census.layer_macs_per_step();
            assert!(found.abs_diff(published) * 2_000 <= published, "{name}: {found}, {published}");
        }
    }
}

/// Along the first stage the integers that the shortcut carries grow by three a block: 6, 9, 12.
#[test]
fn three_level_sums_grow_along_a_stage() {
    let builder = builder("mlf-20");
    let setting = build::Setting { input: [3, 8, 8], narrow: 16, ..builder.setting };
    let graph = (builder.build)(&setting, build::Fill::Random { seed: 1 }).unwrap();
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    let values = interpret::run(&graph, &Value::real(shape, vec![40.0; shape.len()])).unwrap();
    for (block, most) in [(0, 6.0), (1, 9.0), (2, 12.0)] {
        let id = graph.find(&format!("stage1.block{block}.sum")).unwrap();
        let values = values[id.index()].reals();
        assert!(values.iter().all(|v| v.fract() == 0.0 && (0.0..=most).contains(v)), "block {block}");
        assert!(values.iter().any(|&v| v > most - 3.0), "block {block} never passes the one before it");
    }
}

/// LeNet-5 with its 61,706 parameters, and VGG-11 for 32² images; neurons hold a sum and a train.
#[test]
fn radix_networks() {
    let lenet = census("radix-lenet-5");
    assert_eq!(lenet.parameters, 61_706);
    assert_eq!(lenet.neurons.total(), 6 * 28 * 28 + 16 * 10 * 10 + 120 + 84);
    assert_eq!(per_step(&lenet), [117_600, 240_000, 48_000, 10_080, 840]);
    let vgg = census("radix-vgg-11");
    assert_eq!((vgg.parameters, vgg.layers.len()), (28_512_740, 11));
}

/// One spike a neuron: at most as many spikes as neurons and pixels.
#[test]
fn networks_of_first_spikes() {
    for name in ["yoso-mlp", "rel-psp-mlp"] {
        let census = census(name);
        assert_eq!(
            (census.parameters, census.neurons.total()),
            (784 * 400 + 400 * 400 + 400 * 10, 810),
            "{name}"
        );
    }
}
