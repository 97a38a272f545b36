//! The numbers of a report: parts add up, averages are averages, absent facts stay absent.

#![allow(clippy::unwrap_used)] // a test

#[allow(dead_code)] // each test binary uses a part of it
mod report_fixture;

use pulvinar_ir::counts::{Activity, Counts};
use pulvinar_reports::energy::EnergyReport;
use pulvinar_reports::report::{Report, SpikeDot, Term};
use pulvinar_reports::{csv, RunFacts};
use report_fixture::{counts, energy, facts, program, report, INPUTS, STEPS};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-12)
}

#[test]
fn parts_of_the_energy_add_up_to_the_total() {
    let report = report();
    let e = &report.energy;
    assert!(e.total_pj > 0.0 && e.static_pj > 0.0);
    assert!(close(e.by_component.iter().map(|c| c.energy_pj).sum(), e.total_pj));
    assert!(close(e.by_layer.iter().map(|l| l.energy_pj).sum(), e.total_pj));
    for layer in &e.by_layer {
        assert!(close(layer.parts.iter().map(|p| p.energy_pj).sum(), layer.energy_pj), "{}", layer.layer);
    }
    assert!(close(e.by_activity.iter().map(|a| a.energy_pj).sum::<f64>() + e.static_pj, e.total_pj));
    assert!(close(e.by_timestep.iter().map(|s| s.energy_pj).sum::<f64>() + e.static_pj, e.total_pj));
    let rows = csv::energy(&report);
    let sum =
        rows.lines().skip(1).map(|l| l.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum::<f64>();
    assert!(close(sum, e.total_pj));
    let run = energy(&program().arch);
    assert!(close(e.total_pj * INPUTS as f64, run.total_aj as f64 / 1e6));
}

#[test]
fn estimators_agree_with_their_terms_and_with_the_total() {
    let report = report();
    for e in &report.energy.estimates {
        assert!(close(e.terms_pj.iter().map(|t| t.value).sum(), e.total_pj), "{}", e.estimator);
    }
    let simulated = report.energy.estimates.iter().find(|e| e.estimator == "simulated").unwrap();
    assert!(close(simulated.total_pj, report.energy.total_pj), "the mean over all inputs");
    assert!(simulated.terms_pj.iter().any(|t| t.name == "weight memory"));
}

#[test]
fn sums_over_inputs_become_figures_of_one_inference() {
    let (report, counts) = (report(), counts());
    let n = INPUTS as f64;
    assert!(close(report.spikes() * n, counts.total(Activity::Spike) as f64));
    assert!(close(report.synaptic_events() * n, counts.total(Activity::SynAdd) as f64));
    let words = counts.total(Activity::WeightRead) as f64;
    let weights = report.traffic.memories.iter().find(|m| m.memory == "weight memory").unwrap();
    assert!(close(weights.read_bits, words * 128.0 / n));
    for (layer, rates) in report.layers.iter().zip(&report.rates) {
        assert_eq!(layer.name, rates.layer);
        let mean = rates.spikes_per_neuron.iter().sum::<f64>() / STEPS as f64;
        assert!(close(mean, layer.firing_rate), "{}", layer.name);
    }
}

#[test]
fn timing_follows_from_cycles_and_clock() {
    let t = report().timing;
    assert_eq!((t.latency_min_cycles, t.latency_max_cycles), (160_000, 181_000));
    assert!(close(t.latency_cycles, 170_500.0) && close(t.latency_us, 852.5));
    assert!(close(t.throughput_per_s * t.latency_us, 1e6));
}

#[test]
fn correctness_counts_hits_and_agreement() {
    let c = report().correctness;
    assert_eq!((c.inputs, c.labelled), (4, 4));
    assert_eq!((c.accuracy, c.float_accuracy, c.agreement_with_float), (Some(0.75), Some(0.75), Some(1.0)));
    let (program, counts) = (program(), counts());
    let energy = energy(&program.arch);
    let mut facts = facts(&energy, &program.arch);
    facts.inputs.iter_mut().for_each(|i| (i.label, i.float_prediction) = (None, None));
    let c = Report::build(&program, &counts, &energy, &facts).unwrap().correctness;
    assert_eq!((c.labelled, c.accuracy, c.float_accuracy, c.agreement_with_float), (0, None, None, None));
}

#[test]
fn attention_rows_are_the_layers_with_gates() {
    let report = report();
    let names: Vec<&str> = report.attention.iter().map(|a| a.layer.as_str()).collect();
    assert_eq!(names, ["conv1", "conv2", "conv3"]);
    let conv1 = &report.attention[0];
    assert_eq!((conv1.strategy.as_str(), conv1.passes, conv1.alternatives.len()), ("spill_sram", 3, 2));
    assert!(close(conv1.buffer_bytes, 16.0 * 1024.0 * STEPS as f64 * 20.0 / 8.0));
    assert!(close(conv1.saved_spikes.unwrap(), 34_000.0 - report.layers[0].spikes));
    assert!(conv1.energy_pj > 0.0 && conv1.memory_bits > 0.0);
}

#[test]
fn the_busiest_unit_comes_first() {
    let report = report();
    let busy: Vec<f64> = report.bottlenecks.iter().map(|b| b.busy_fraction).collect();
    assert!(busy.windows(2).all(|w| w[0] >= w[1]) && busy[0] > 0.0);
    assert!(report.bottlenecks.iter().all(|b| !b.remedy.is_empty() && b.busy_fraction <= 1.0));
    assert_eq!(report.bottlenecks[0].place, "conv3");
}

#[test]
fn a_faster_engine_is_no_bottleneck_any_more() {
    let (program, mut counts) = (program(), counts());
    let energy = energy(&program.arch);
    let facts = facts(&energy, &program.arch);
    let before = Report::build(&program, &counts, &energy, &facts).unwrap().bottlenecks[0].clone();
    assert_eq!(before.unit, "synapse engine");
    for ((layer, _), row) in &mut counts.rows {
        if layer == "conv3" {
            row.0[Activity::SynapseBusyCycles as usize] /= 50;
        }
    }
    let after = Report::build(&program, &counts, &energy, &facts).unwrap().bottlenecks[0].clone();
    assert_ne!((after.unit, after.place), (before.unit, before.place));
}

#[test]
fn long_lists_are_bounded_and_say_so() {
    let (program, counts) = (program(), counts());
    let energy = energy(&program.arch);
    let mut facts = facts(&energy, &program.arch);
    facts.spikes = (0..50_000).map(|neuron| SpikeDot { layer: 0, step: 0, neuron }).collect();
    let span = facts.spans[0].clone();
    facts.spans = (0..20_000_u64)
        .map(|i| pulvinar_reports::report::Span {
            start_cycle: 10 * i,
            end_cycle: 10 * i + 1 + i % 9,
            ..span.clone()
        })
        .collect();
    let report = Report::build(&program, &counts, &energy, &facts).unwrap();
    assert_eq!(report.raster.total, 50_000);
    assert!(report.raster.spikes.len() <= 12_000);
    assert_eq!(report.timeline.spans.len() + report.timeline.dropped as usize, 20_000);
    assert!(report.timeline.spans.iter().all(|s| s.end_cycle - s.start_cycle > 5), "the longest spans stay");
}

#[test]
fn a_run_without_inputs_or_time_is_refused() {
    let program = program();
    let none = EnergyReport::default();
    let refuse =
        |facts: &RunFacts| Report::build(&program, &Counts::default(), &none, facts).unwrap_err().code;
    assert_eq!(refuse(&RunFacts::default()), "E0611");
    assert_eq!(
        refuse(&RunFacts { inputs: vec![pulvinar_reports::InputFacts::default()], ..RunFacts::default() }),
        "E0612"
    );
}

#[test]
fn a_summary_can_be_the_twin_of_another_run() {
    let first = report();
    let (program, counts) = (program(), counts());
    let energy = energy(&program.arch);
    let mut facts = facts(&energy, &program.arch);
    facts.twin = Some(first.summary());
    let second = Report::build(&program, &counts, &energy, &facts).unwrap();
    assert!(second.attention.iter().all(|a| a.saved_spikes == Some(0.0)));
    let spikes = Term { name: "conv1".to_owned(), value: first.layers[0].spikes };
    assert_eq!(first.summary().layer_spikes[0], spikes);
}
