//! How far each rule of the library was found to be off: points of a table left out and derived from the others, and
//! sources that speak of the same thing set against each other.
//!
//! `spread` is the root mean square of the logarithm of the ratio, so that it may serve as standard deviation in
//! [`super::uncertainty`].

use super::constants::Constants;
use super::data::Data;
use super::noc::{linear, LinkFigure, RouterFigure, RouterShape, ROUTER_WIDTHS};
use super::ports::{PortTable, PORT_NODES_NM};
use super::process::{steps, Process, NETWORK_NM};
use super::small::{SmallFigure, SmallTable};
use super::sram::{Figure, SramTable, CELLS};
use pulvinar_ir::arch::{SramCell, Technology};
use pulvinar_ir::Arch;
use serde::Serialize;
use std::sync::LazyLock;

/// Error of one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitError {
    /// The rule, or the sources.
    pub rule: String,
    /// How it was found.
    pub how: String,
    /// Points compared; 0 where there was nothing to compare with and the spread is taken over from another rule.
    pub points: usize,
    /// Mean of |ratio − 1|, %.
    pub mean_pct: f64,
    /// 90th percentile of it.
    pub p90_pct: f64,
    /// Largest.
    pub max_pct: f64,
    /// Root mean square of ln(ratio); of a rule by node steps, that of one step.
    pub spread: f64,
}

static ERRORS: LazyLock<Vec<FitError>> = LazyLock::new(|| {
    let data = Data::embedded();
    let mut all = sram(&data.sram);
    all.extend(small(&data.small));
    all.push(over_temperature(&data.sram));
    all.extend(second_port(&data.ports));
    all.extend(network(data));
    all.extend(logic(&data.constants));
    all.extend(node_steps(data));
    all
});

/// Every rule.
pub fn all() -> &'static [FitError] {
    &ERRORS
}

/// Spread of a rule; 0 for one that is not listed.
pub fn spread(rule: &str) -> f64 {
    ERRORS.iter().find(|e| e.rule == rule).map_or(0.0, |e| e.spread)
}

/// Sources that give the same quantity; they are the reasons for the spreads of [`super::Grade`].
pub fn between_sources() -> Vec<FitError> {
    let data = Data::embedded();
    let value = |name: &str| data.constants.get(name).map_or(f64::NAN, |c| c.origin.value);
    let compare = |rule: &str, how: &str, ratios: Vec<f64>| error(rule, how, &ratios, 1.0);
    let sram = |kib: f64| {
        let found = data.sram.lookup(SramCell::Lstp, 45, kib, 64.0);
        found.map_or(f64::NAN, |m| m.figures.read_pj)
    };
    let memories = [(8.0, "sram_read_8k_45nm"), (32.0, "sram_read_32k_45nm"), (1024.0, "sram_read_1m_45nm")];
    let shape = RouterShape { node_nm: 45, flit_bits: 32, virtual_channels: 1, buffer_flits: 4, ports: 5 };
    let router = data.routers.lookup(shape).map_or(f64::NAN, |r| {
        let flit = [
            RouterFigure::BufferWrite,
            RouterFigure::BufferRead,
            RouterFigure::Crossbar,
            RouterFigure::Arbitration,
        ];
        flit.iter().map(|f| r.value(*f)).sum()
    });
    let link = data.links.lookup(45, 1, 1.0).map_or(f64::NAN, |l| l.point.send_pj);
    vec![
        compare(
            "SRAM read: CACTI (lstp) and Horowitz",
            "8 KiB, 32 KiB, 1 MiB of 64 bits at 45 nm",
            memories.map(|(kib, name)| sram(kib) / value(name)).to_vec(),
        ),
        compare("router flit: DSENT and Noxim", "32 bits, 45 nm", vec![router / value("noxim_router")]),
        compare("link: DSENT and Noxim", "1 bit over 1 mm, 45 nm", vec![link / value("noxim_link")]),
        compare(
            "adder: Horowitz (45 nm) and Aladdin (40 nm)",
            "32 bits, nodes as they are",
            vec![value("int_add_32") / value("adder_32")],
        ),
        compare(
            "multiplier: Horowitz (45 nm) and Aladdin (40 nm)",
            "32 bits, nodes as they are",
            vec![value("int_mul_32") / value("multiplier_32")],
        ),
    ]
}

/// Statistics of ratios of derived to true; the spread is divided by `per`.
fn error(rule: impl Into<String>, how: &str, ratios: &[f64], per: f64) -> FitError {
    let mut off: Vec<f64> = ratios.iter().map(|r| (r - 1.0).abs() * 100.0).collect();
    off.sort_by(f64::total_cmp);
    let n = off.len().max(1) as f64;
    let at = |share: f64| off.get(((off.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
    let squares: f64 = ratios.iter().map(|r| r.ln().powi(2)).sum();
    FitError {
        rule: rule.into(),
        how: how.to_owned(),
        points: off.len(),
        mean_pct: off.iter().sum::<f64>() / n,
        p90_pct: at(0.9).unwrap_or(0.0),
        max_pct: at(1.0).unwrap_or(0.0),
        spread: (squares / n).sqrt() / per,
    }
}

/// Log-log value at x from two neighbours.
fn log_mix(x: f64, (x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> f64 {
    y0 * (y1 / y0).powf((x / x0).ln() / (x1 / x0).ln())
}

fn sram(full: &SramTable) -> Vec<FitError> {
    let mut capacity: [Vec<f64>; 5] = Default::default();
    let mut node: [Vec<f64>; 5] = Default::default();
    for p in &full.points {
        let at = |node: u32, kib: u32| {
            let found = full.points.iter().find(|q| {
                (q.cell, q.node_nm, q.capacity_kib, q.width_bits) == (p.cell, node, kib, p.width_bits)
            });
            found.map(|q| q.figures)
        };
        let kib = p.capacity_kib;
        let ends = (at(p.node_nm, kib / 2), at(p.node_nm, kib * 2));
        let nodes = ends_of(p.node_nm);
        for (i, figure) in Figure::ALL.into_iter().enumerate() {
            let own = p.figures.get(figure);
            if let (Some(a), Some(b)) = ends {
                capacity[i].push((a.get(figure) * b.get(figure)).sqrt() / own);
            }
            if let Some((lo, hi)) = nodes {
                let ends = at(lo, kib).zip(at(hi, kib));
                node[i].extend(ends.map(|(a, b)| {
                    let (a, b) = ((f64::from(lo), a.get(figure)), (f64::from(hi), b.get(figure)));
                    log_mix(f64::from(p.node_nm), a, b) / own
                }));
            }
        }
    }
    let mut out = Vec::new();
    for (figure, ratios) in Figure::ALL.into_iter().zip(&capacity) {
        let how = "each inner capacity left out, neighbours 4x apart; 4 nodes, 3 cells";
        out.push(error(format!("{} between points", figure.family()), how, ratios, 1.0));
    }
    for (figure, ratios) in Figure::ALL.into_iter().zip(&node) {
        let how = "32 nm from 22 and 45, 45 nm from 32 and 65; 3 cells";
        out.push(error(format!("{} between nodes", figure.family()), how, ratios, 1.0));
    }
    out
}

/// Register files and content-addressable memories at 32 and 45 nm from the nodes beside them.
fn small(table: &SmallTable) -> Vec<FitError> {
    let mut out: Vec<(String, Vec<f64>)> = Vec::new();
    for (p, (lo, hi)) in table.0.iter().filter_map(|p| Some((p, ends_of(p.node_nm)?))) {
        for figure in SmallFigure::ALL {
            let value = |node| table.at(p, node)?.sourced(figure).map(|s| s.value());
            let (Some(a), Some(b), Some(own)) = (value(lo), value(hi), value(p.node_nm)) else { continue };
            let ratio = log_mix(f64::from(p.node_nm), (f64::from(lo), a), (f64::from(hi), b)) / own;
            let rule = format!("{} between nodes", p.family(figure));
            match out.iter_mut().find(|e| e.0 == rule) {
                Some(row) => row.1.push(ratio),
                None => out.push((rule, vec![ratio])),
            }
        }
    }
    let how = "32 nm from 22 and 45, 45 nm from 32 and 65";
    out.into_iter().map(|(rule, ratios)| error(rule, how, &ratios, 1.0)).collect()
}

/// Nodes of the SRAM tables on both sides of an inner one.
fn ends_of(node_nm: u32) -> Option<(u32, u32)> {
    match node_nm {
        32 => Some((22, 45)),
        45 => Some((32, 65)),
        _ => None,
    }
}

/// 330 K from 300 and 360, 360 K from 330 and 400; 400 K at 22 nm is an artefact.
fn over_temperature(table: &SramTable) -> FitError {
    let mut ratios = Vec::new();
    for p in &table.leaks {
        let at = |kelvin: f64| {
            let of = |q: &&super::sram::LeakPoint| {
                (q.cell, q.node_nm, q.capacity_kib) == (p.cell, p.node_nm, p.capacity_kib)
                    && q.temperature_k == kelvin
            };
            table.leaks.iter().find(of).map(|q| q.leak_mw.ln())
        };
        let ends = if p.temperature_k == 330.0 {
            (300.0, 360.0)
        } else if p.temperature_k == 360.0 && p.node_nm > 22 {
            (330.0, 400.0)
        } else {
            continue;
        };
        if let (Some(a), Some(b)) = (at(ends.0), at(ends.1)) {
            let t = (p.temperature_k - ends.0) / (ends.1 - ends.0);
            ratios.push((a + (b - a) * t).exp() / p.leak_mw);
        }
    }
    let how = "330 K from 300 and 360, 360 K from 330 and 400 (not at 22 nm); 3 cells, 3 capacities";
    error("SRAM leakage over temperature", how, &ratios, 1.0)
}

/// Macros with a second port from those with one.
fn second_port(table: &PortTable) -> Vec<FitError> {
    let of = |figure: Figure| {
        let node = |nm| table.ratios(nm, figure).iter().map(move |own| table.factor(nm, figure) / own);
        let ratios: Vec<f64> = PORT_NODES_NM.into_iter().flat_map(node).collect();
        let how = "median ratio of 1R1W to 1RW against each macro's; 22 and 45 nm, lstp, 1 to 256 KiB, 16 to 128 bits";
        error(format!("{} with a second port", figure.family()), how, &ratios, 1.0)
    };
    Figure::ALL.into_iter().map(of).collect()
}

fn network(data: &Data) -> Vec<FitError> {
    let mut widths = Vec::new();
    let mut nodes: [Vec<f64>; 7] = Default::default();
    for p in &data.routers.0 {
        let own = |f: RouterFigure| data.routers.lookup(p.shape).map(|r| r.value(f));
        let other = |node_nm, flit_bits, f| {
            let found = data.routers.lookup(RouterShape { node_nm, flit_bits, ..p.shape });
            found.map(|r| r.value(f))
        };
        for (i, figure) in RouterFigure::ALL.into_iter().enumerate() {
            let Some(own) = own(figure) else { continue };
            let bits = p.shape.flit_bits;
            let inner = ROUTER_WIDTHS[1..5].contains(&bits) && figure != RouterFigure::Arbitration;
            let ends = other(p.shape.node_nm, bits / 2, figure).zip(other(p.shape.node_nm, bits * 2, figure));
            if let Some((a, b)) = ends.filter(|_| inner) {
                let points = [(f64::from(bits / 2), a), (f64::from(bits * 2), b)];
                widths.push(linear(points.into_iter(), f64::from(bits)) / own);
            }
            if p.shape.node_nm == NETWORK_NM[1] {
                let ends = other(NETWORK_NM[0], bits, figure).zip(other(NETWORK_NM[2], bits, figure));
                nodes[i].extend(ends.map(|(a, b)| log_mix(32.0, (22.0, a), (45.0, b)) / own));
            }
        }
    }
    let how = "each inner width left out, neighbours 4x apart; 3 nodes, all figures";
    let mut out = vec![error("router between widths", how, &widths, 1.0)];
    for (figure, ratios) in RouterFigure::ALL.into_iter().zip(&nodes) {
        out.push(error(
            format!("router {} between nodes", figure.name()),
            "32 nm from 22 and 45",
            ratios,
            1.0,
        ));
    }
    out.extend(links(data));
    out
}

fn links(data: &Data) -> Vec<FitError> {
    let figures = [("flit", LinkFigure::Flit), ("leakage", LinkFigure::Leakage), ("area", LinkFigure::Area)];
    let one = |(name, figure): (&str, LinkFigure)| {
        let at = |node, mm| data.links.lookup(node, 64, mm).map(|l| l.sourced(figure).value());
        let ratio = |mm| Some(log_mix(32.0, (22.0, at(22, mm)?), (45.0, at(45, mm)?)) / at(32, mm)?);
        let ratios: Vec<f64> = [0.25, 0.5, 1.0, 2.0, 4.0].into_iter().filter_map(ratio).collect();
        error(format!("link {name} between nodes"), "32 nm from 22 and 45", &ratios, 1.0)
    };
    figures.into_iter().map(one).collect()
}

fn logic(constants: &Constants) -> Vec<FitError> {
    let value = |name: &str| constants.get(name).map_or(f64::NAN, |c| c.origin.value);
    // The plain law without the rule that this error belongs to.
    let law =
        |x: f64, (b0, n0): (f64, &str), (b1, n1): (f64, &str)| log_mix(x, (b0, value(n0)), (b1, value(n1)));
    let adder = law(16.0, (8.0, "int_add_8"), (32.0, "int_add_32")) / value("int_add_16");
    let multiplier = law(16.0, (8.0, "int_mul_8"), (32.0, "int_mul_32")) / value("int_mul_8");
    let doubled = |block: &str| value(&format!("sata_{block}_16")) / value(&format!("sata_{block}_8"));
    let how = "8 to 16 bits against the synthesis of SATA";
    vec![
        error("adders by width", "16 bits from 8 and 32 at 45 nm", &[adder], 1.0),
        error("multipliers by width", how, &[multiplier / doubled("multiplier")], 1.0),
        error("comparators by width", how, &[2.0 / doubled("comparator")], 1.0),
        error("registers by width", how, &[2.0 / doubled("register")], 1.0),
    ]
}

/// The scaling laws against tables of 7 nm. The error is taken as growing by the same factor each step.
fn node_steps(data: &Data) -> Vec<FitError> {
    let value = |name: &str| data.constants.get(name).map_or(f64::NAN, |c| c.origin.value);
    let technology = Technology { node_nm: 7, far_scaling: true, ..Arch::default_chip().technology };
    let factor = Process::new(&data.constants, &technology)
        .and_then(|p| p.energy_ratio(45, None))
        .map_or(f64::NAN, |r| r.0);
    let pairs = ["int_add_8", "int_add_32", "int_mul_8", "int_mul_32"];
    let logic: Vec<f64> = pairs.iter().map(|n| value(n) * factor / value(&format!("{n}_7nm"))).collect();
    let memories = [(8.0, "sram_read_8k_7nm"), (32.0, "sram_read_32k_7nm"), (1024.0, "sram_read_1m_7nm")];
    let mut sram = Vec::new();
    for cell in CELLS {
        for (kib, name) in memories {
            let found = data.sram.lookup(cell, 22, kib, 64.0).map_or(f64::NAN, |m| m.figures.read_pj);
            sram.push(found * (7.0_f64 / 22.0).sqrt() / value(name));
        }
    }
    let how_logic = "four operations, 45 nm scaled to 7 nm, against Jouppi et al.; spread of one of 5 steps";
    let how_sram = "8 KiB, 32 KiB, 1 MiB, 3 cells, 22 nm scaled to 7 nm, against Jouppi et al.; spread of one of 3 steps";
    let logic = error("energy of logic, one node step", how_logic, &logic, f64::from(steps(45, 7)));
    let sram = error("energy of memories, one node step", how_sram, &sram, f64::from(steps(22, 7)));
    let taken = |rule: &str, from: &FitError| FitError {
        rule: rule.to_owned(),
        how: format!("no data; taken from {}", from.rule),
        points: 0,
        mean_pct: 0.0,
        p90_pct: 0.0,
        max_pct: 0.0,
        spread: from.spread,
    };
    let others = [
        taken("area of logic, one node step", &logic),
        taken("area of memories, one node step", &sram),
        taken("leakage, one node step", &sram),
    ];
    [logic, sram].into_iter().chain(others).collect()
}
