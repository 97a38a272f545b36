//! The DRAM channel at the DRAM's own clock, beside DRAMsim3.

use crate::holds;
use pulvinar_ir::arch::{kinds, Dram, DramKind};
use pulvinar_reports::energy::dram::DramTable;
use pulvinar_simulator::unit::dram::Channel;
use std::fmt::Write;

/// Kind and its idle latencies in ns: row hit, row closed, row conflict.
const IDLE_NS: [(&str, [f64; 3]); 6] = [
    ("DDR4_8Gb_x8_3200", [16.4, 30.2, 44.1]),
    ("DDR4_8Gb_x16_2400", [17.4, 31.5, 45.6]),
    ("LPDDR4_8Gb_x16_2400", [20.8, 33.2, 45.6]),
    ("LPDDR3_8Gb_x32_1600", [20.0, 38.8, 57.5]),
    ("HBM2_8Gb_x128", [16.0, 30.0, 44.0]),
    ("GDDR6_8Gb_x16", [21.1, 37.0, 52.8]),
];

/// DRAMsim3 with one rank: the same configuration with half its `channel_size`. Random traffic, GB/s.
const ONE_RANK: [(&str, f64); 4] = [
    ("DDR3_8Gb_x8_1600", 6.07),
    ("DDR4_8Gb_x8_3200", 11.08),
    ("DDR4_8Gb_x16_2400", 7.54),
    ("LPDDR4_8Gb_x16_2400", 12.81),
];

/// Bursts the requester has under way, as many as DRAMsim3's queue of transactions.
const UNDER_WAY: usize = 32;
const BURSTS: usize = 60_000;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }
}

/// Address and direction of burst i.
type Traffic = fn(&Dram, usize, &mut Rng) -> (u64, bool);

/// One array, read from its begin on.
fn reads_in_order(t: &Dram, i: usize, _: &mut Rng) -> (u64, bool) {
    (i as u64 * u64::from(t.burst_bytes), false)
}

/// Two arrays are read and a third is written, burst by burst; their first rows are 5 and 10 rows apart, in banks of their own.
fn stream(t: &Dram, i: usize, _: &mut Rng) -> (u64, bool) {
    let array = (i % 3) as u64 * ((1 << 30) + 5) * u64::from(t.row_bytes);
    (array + (i / 3) as u64 * u64::from(t.burst_bytes), i % 3 == 2)
}

/// Bursts anywhere, every third a write on average.
fn random(t: &Dram, _: usize, rng: &mut Rng) -> (u64, bool) {
    (rng.next() * u64::from(t.burst_bytes), rng.next() % 3 == 0)
}

/// Bandwidth of a saturated channel, GB/s.
fn bandwidth(kind: &DramKind, change: impl Fn(&mut Dram), traffic: Traffic) -> f64 {
    let mut t = kind.channel.clone();
    change(&mut t);
    let (mut channel, mut rng) = (Channel::new(&t), Rng(1));
    let mut done = vec![0; BURSTS];
    for i in 0..BURSTS {
        let now = if i < UNDER_WAY { 0 } else { done[i - UNDER_WAY] };
        let (address, write) = traffic(&t, i, &mut rng);
        done[i] = channel.access(now, address, write);
    }
    let bytes = BURSTS as f64 * f64::from(t.burst_bytes);
    bytes / (done[BURSTS - 1] as f64 * ns(kind, 1))
}

fn ns(kind: &DramKind, cycles: u64) -> f64 {
    cycles as f64 * f64::from(kind.clock_ps) / 1000.0
}

fn ahead(t: &mut Dram) {
    t.open_ahead = true;
}

fn ahead_without_turning(t: &mut Dram) {
    t.open_ahead = true;
    (t.t_cwl_cycles, t.t_rtw_cycles, t.t_wtr_cycles, t.t_wtr_l_cycles, t.t_wr_cycles) = (0, 0, 0, 0, 0);
}

/// Row hit, row closed, row conflict of a read, ns.
fn idle(kind: &DramKind) -> [f64; 3] {
    let mut channel = Channel::new(&kind.channel);
    let conflict = u64::from(kind.channel.row_bytes) * u64::from(kind.channel.banks);
    // Far apart, so that nothing is under way, and before the first refresh.
    let mut read = |at: u64, address: u64| ns(kind, channel.access(at, address, false) - at);
    let (closed, hit, conflict) = (read(0, 0), read(300, 0), read(600, conflict));
    [hit, closed, conflict]
}

#[test]
fn idle_latencies_are_those_of_the_configurations() {
    let mut table =
        String::from("| kind | row hit | row closed | row conflict | reference |\n|---|---|---|---|---|\n");
    for (name, reference) in IDLE_NS {
        let kind = kinds().find(|k| k.channel.kind == name).unwrap();
        let ours = idle(&kind);
        let differ =
            ours.iter()
                .zip(reference)
                .map(|(a, b)| a - b)
                .fold(0.0, |m: f64, d| if d.abs() > m.abs() { d } else { m });
        let text = |x: [f64; 3]| x.map(|v| format!("{v:.1}"));
        let [hit, closed, conflict] = text(ours);
        let same = differ.abs() < 0.0501;
        let beside = if same { "equal".to_owned() } else { text(reference).join(" / ") };
        writeln!(table, "| {name} | {hit} | {closed} | {conflict} | {beside} |").unwrap();
        // The reference counts 8 clocks for a burst of GDDR6, its configuration 1.
        let expected = if name.starts_with("GDDR6") { -ns(&kind, 7) } else { 0.0 };
        assert!((differ - expected).abs() < 0.0501, "{name}: {ours:?} beside {reference:?}");
    }
    holds("dram-latency", &table);
}

#[test]
fn bandwidths_stand_beside_those_of_dramsim3() {
    let mut table = String::from(
        "| kind | peak | reads in order | stream, DRAMsim3 | ours | random, DRAMsim3 | one rank | ours | in turn | no turning |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let runs = DramTable::embedded();
    for kind in kinds() {
        let t = &kind.channel;
        let reference = |random: bool| {
            let run = runs.0.iter().find(|r| r.kind == t.kind && r.random == random).unwrap();
            run.bytes / run.time_ns / run.channels
        };
        let peak = f64::from(t.burst_bytes) / ns(&kind, t.burst_cycles.max(t.t_ccd_cycles).into());
        let within = f64::from(t.burst_bytes)
            / ns(&kind, t.burst_cycles.max(t.t_ccd_cycles).max(t.t_ccd_l_cycles).into());
        let ours = [
            bandwidth(&kind, ahead, reads_in_order),
            bandwidth(&kind, ahead, stream),
            bandwidth(&kind, ahead, random),
            bandwidth(&kind, |_| {}, random),
            bandwidth(&kind, ahead_without_turning, random),
        ];
        assert!(ours.iter().all(|&b| b <= peak), "{}: nothing beats the bus", t.kind);
        assert!(
            ours[0] > 0.9 * within && ours[0] <= within,
            "{}: reads in order wait for refreshes only",
            t.kind
        );
        assert!(ours[3] < ours[2] && ours[2] < ours[4], "{}: each rule costs what it forbids", t.kind);
        let rank =
            ONE_RANK.iter().find(|r| r.0 == t.kind).map_or("–".to_owned(), |r| format!("{:.1}", r.1));
        let [order, stream, random, turn, free] = ours.map(|b| format!("{b:.1}"));
        let (s, r) = (reference(false), reference(true));
        writeln!(
            table,
            "| {} | {peak:.1} | {order} | {s:.1} | {stream} | {r:.1} | {rank} | {random} | {turn} | {free} |",
            t.kind
        )
        .unwrap();
    }
    holds("dram-bandwidth", &table);
}
