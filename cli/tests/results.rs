//! Fronts and figures of a store of a small network, by closed form and simulated.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; equal points are equal to the bit

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Sixteen chips in closed form.
const SPACE: &str = r#"
name = "chips"
objectives = ["latency_us", "area_mm2"]
[bounds]
energy_pj = { at_most = 1e12 }
[set]
model = "small-ta"
input.count = 2
fidelity = "analytic"
[keys]
core.lanes = { from = 1, to = 8, factor = 2 }
core.attention_lanes = { same_as = "core.lanes" }
core.state_kib = [1, 8]
core.queue_events = [16, 32]
"#;

fn pulvinar(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pulvinar"))
        .args(["--quiet"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn done(args: &[&str], folder: &Path) -> String {
    let out = pulvinar(args, folder);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn json(args: &[&str], folder: &Path) -> Json {
    serde_json::from_str(&done(&[&["--json"], args].concat(), folder)).unwrap()
}

/// A store with the grid in closed form, and the chips with one memory simulated.
fn swept() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("closed.toml"), SPACE).unwrap();
    let cycle = SPACE.replace("analytic", "cycle").replace("[1, 8]", "[8]").replace("chips", "simulated");
    fs::write(folder.path().join("cycle.toml"), cycle).unwrap();
    for name in ["closed", "cycle"] {
        let (space, plan) = (format!("{name}.toml"), format!("{name}.plan"));
        done(&["explore", "plan", &space, "--no-pilot", "-o", &plan], folder.path());
        done(&["sweep", "run", &plan, "--store", "S"], folder.path());
    }
    folder
}

/// Cells by column name.
fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |l: &str| heads.iter().map(|h| (*h).to_owned()).zip(l.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

#[test]
fn fronts_are_those_of_a_comparison_one_by_one() {
    let folder = swept();
    let path = folder.path();
    let found = json(&["explore", "pareto", "S", "--plan", "closed.plan", "-o", "front.csv"], path);
    // Points are compared one by one here.
    done(&["store", "export", "S", "-o", "all.csv"], path);
    let rows: Vec<_> = csv(&path.join("all.csv"))
        .into_iter()
        .filter(|r| r["fidelity"] == "analytic" && r["status"] == "ok")
        .collect();
    assert_eq!(found["points"], rows.len());
    let values = |r: &BTreeMap<String, String>| {
        [r["latency_us"].parse::<f64>().unwrap(), r["area_mm2"].parse().unwrap()]
    };
    let beaten = |r: &BTreeMap<String, String>| {
        let own = values(r);
        rows.iter().any(|o| values(o).iter().zip(&own).all(|(a, b)| a <= b) && values(o) != own)
    };
    let mut best: Vec<[f64; 2]> = rows.iter().filter(|r| !beaten(r)).map(values).collect();
    best.sort_by(|a, b| a[0].total_cmp(&b[0]));
    best.dedup();
    let front = found["front"].as_array().unwrap();
    let reported: Vec<[f64; 2]> =
        front.iter().map(|p| ["latency_us", "area_mm2"].map(|m| p["metrics"][m].as_f64().unwrap())).collect();
    assert_eq!(reported, best);
    // The area under the staircase up to the worst values.
    let worst = rows.iter().map(values).fold([0.0; 2], |w: [f64; 2], v| [w[0].max(v[0]), w[1].max(v[1])]);
    let mut volume = 0.0;
    for (i, [x, y]) in best.iter().enumerate() {
        let next = best.get(i + 1).map_or(worst[0], |p| p[0]);
        volume += (next - x) * (worst[1] - y);
    }
    let reported = found["hypervolume"].as_f64().unwrap();
    assert!((reported / volume - 1.0).abs() < 1e-9, "{reported} {volume}");
    let confirmed = front.iter().filter(|p| p["set"]["core.state_kib"] == 8);
    assert!(confirmed.clone().count() > 0 || front.iter().all(|p| p["set"]["core.state_kib"] == 1));
    assert!(confirmed.clone().all(|p| p["confirmed"]["latency_us"].as_f64().is_some()), "{front:?}");
    assert_eq!(csv(&path.join("front.csv")).len(), best.len());
}

#[test]
fn figures_of_a_store() {
    let folder = swept();
    let path = folder.path();
    let heat = "core.lanes,core.queue_events";
    done(&["explore", "plot", "S", "--plan", "closed.plan", "--heat", heat, "-o", "plots"], path);
    let figures = [
        "points",
        "coordinates",
        "importance-latency_us",
        "importance-area_mm2",
        "heat",
        "energy",
        "hypervolume",
    ];
    let page = fs::read_to_string(path.join("plots/index.html")).unwrap();
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org/").count()
    );
    for name in figures {
        let svg = fs::read_to_string(path.join(format!("plots/{name}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && !svg.contains("NaN"),
            "{name}"
        );
        assert!(page.contains(&format!("<figure id=\"{name}\">")), "{name}");
        assert!(!csv(&path.join(format!("plots/{name}.csv"))).is_empty(), "{name}");
        let parquet = fs::read(path.join(format!("plots/{name}.parquet"))).unwrap();
        assert_eq!((&parquet[..4], &parquet[parquet.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]), "{name}");
    }
    // Energies of parts sum to the whole.
    for row in csv(&path.join("plots/energy.csv")) {
        let parts = row.iter().filter(|(name, _)| name.ends_with("_pj") && *name != "energy_pj");
        let sum: f64 = parts.map(|(_, v)| v.parse::<f64>().unwrap()).sum();
        assert!((sum / row["energy_pj"].parse::<f64>().unwrap() - 1.0).abs() < 1e-9, "{row:?}");
    }
    // The same again, over the folder.
    let before = fs::read(path.join("plots/index.html")).unwrap();
    done(&["explore", "plot", "S", "--plan", "closed.plan", "--heat", heat, "-o", "plots"], path);
    assert_eq!(before, fs::read(path.join("plots/index.html")).unwrap());
}
