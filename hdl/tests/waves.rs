//! The figures of `docs/waves` are those of the RTL; a difference between simulator and RTL leaves a waveform.
#![allow(clippy::unwrap_used)] // tests

mod waves_common;

use pulvinar_hdl::cosim::{compare_edited, Simulator};
use pulvinar_hdl::emit::Drive;
use pulvinar_hdl::waveform::Waves;
use pulvinar_simulator::Machine;

#[test]
fn figures_are_up_to_date() {
    let figures = waves_common::figures();
    assert!(figures.len() >= 15, "{} figures", figures.len());
    let folder = waves_common::folder();
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, figures.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    let pages =
        ["machine.md", "noc.md"].map(|page| std::fs::read_to_string(folder.join("..").join(page)).unwrap());
    for (name, svg) in figures {
        let old = std::fs::read_to_string(folder.join(&name)).unwrap();
        let again = "run `cargo run --release -p pulvinar-hdl --example waveforms` and look at the figure";
        assert!(old == svg, "{name} is not what the RTL does: {again}");
        assert!(pages.iter().any(|page| page.contains(&format!("(waves/{name})"))), "no page shows {name}");
    }
}

/// An encoder that takes no word in the cycle in which one leaves.
fn slow(name: &str, text: String) -> String {
    if name != "encoder.v" {
        return text;
    }
    let edited = text.replace("assign advance = !valid || leaves;", "assign advance = !valid;");
    assert_ne!(edited, text, "the line to edit is not there");
    edited
}

fn difference(simulator: Simulator, top: &str) {
    let program = waves_common::program();
    let machine = Machine::new(&program).unwrap();
    let input = waves_common::input(&program);
    let dir = tempfile::tempdir().unwrap();
    let inputs = [&input, &input];
    let error =
        compare_edited(dir.path(), &machine, &inputs, &Drive::default(), simulator, &slow).unwrap_err();
    assert_eq!(error.code, "E0808", "{error}");
    let path = dir.path().join("difference.vcd");
    assert!(error.message.contains(&path.display().to_string()), "{error}");
    let (_, named) = error.message.split_once("waveform of the RTL around cycle ").unwrap();
    let cycle: u64 = named.split_once(':').unwrap().0.parse().unwrap();
    let names = ["aclk", "now", "dut.machine.core0.encoder.advance"].map(|n| format!("{top}bench.{n}"));
    let [clock, now, advance] = names.each_ref().map(String::as_str);
    let waves = Waves::read(&std::fs::read_to_string(path).unwrap(), clock, &[now, advance]).unwrap();
    let cycles: Vec<u64> = (0..waves.cycles()).filter_map(|c| waves.number(now, c)).collect();
    assert!(cycles.contains(&cycle) && cycles.len() <= 49, "{cycle} is not one of {} cycles", cycles.len());
    assert!(cycles.windows(2).all(|w| w[1] == w[0] + 1), "{cycles:?}");
}

#[test]
fn a_difference_leaves_a_waveform() {
    difference(Simulator::Icarus, "");
}

#[test]
fn so_it_does_in_verilator() {
    difference(Simulator::Verilator, "TOP.");
}
