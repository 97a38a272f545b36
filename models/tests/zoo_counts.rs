//! Counts of published networks: parameters, multiply-accumulates and neurons of the graphs built here, against the
//! figures of papers and their code. All are exact integers.

use pulvinar_models::zoo::build::{self, Builder};
use pulvinar_models::zoo::census::{Census, Layer};

fn builder(name: &str) -> &'static Builder {
    build::find(name).unwrap_or_else(|| panic!("no builder `{name}`"))
}

fn census(name: &str) -> Census {
    Census::of(&builder(name).zeros().unwrap()).unwrap()
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
