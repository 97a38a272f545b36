//! External memory: energy per command from `DRAMsim3` runs (saturating traffic, two reads to one write).
//!
//! The runs give, per bit moved, the energy of five terms. With B = 8 × bytes moved, one channel:
//!
//! | term | derivation |
//! |---|---|
//! | activate | `activate_pj_per_bit` × B / (reads + writes), random run: no row hits, so each request activates |
//! | read burst | `read_pj_per_bit` × B / reads per request, × `burst_bytes` / request bytes, streaming run |
//! | write burst | the same with writes |
//! | refresh | `refresh_pj_per_bit` × B / time = refresh power; × the interval of the architecture = one command |
//! | background | `background_pj_per_bit` × B / time = power while clocked |
//!
//! Request bytes = bytes / (reads + writes). The random run priced by these terms gives its own total within 2 %
//! (held by a test). The activate energy is that of the simulated row, whatever `row_bytes` the architecture has.

use super::csv;
use super::quantity::{Grade, Origin, Sourced};
use pulvinar_ir::counts::DramAction;

const TABLE: &str = include_str!("../../data/dramsim3.csv");
const HEADER: &str =
    "kind,pattern,cycles,tck_ns,channels,reads,writes,bytes,row_hit_rate,activate_pj_per_bit,\
read_pj_per_bit,write_pj_per_bit,refresh_pj_per_bit,background_pj_per_bit,note";

/// One run of the simulator.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Configuration, e.g. `DDR4_8Gb_x8_3200`.
    pub kind: String,
    /// True for the random pattern, false for streaming.
    pub random: bool,
    /// Simulated time, ns.
    pub time_ns: f64,
    /// Channels.
    pub channels: f64,
    /// Read requests.
    pub reads: f64,
    /// Write requests.
    pub writes: f64,
    /// Bytes moved.
    pub bytes: f64,
    /// Energy per bit moved: activate, read, write, refresh, background, pJ.
    pub pj_per_bit: [f64; 5],
    /// Caveat.
    pub note: String,
}

/// Every run.
#[derive(Debug, Clone, PartialEq)]
pub struct DramTable(pub Vec<Run>);

/// Energies of one channel of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct DramCosts {
    /// Key of the kind.
    pub kind: String,
    /// One activate with its precharge, pJ.
    pub activate_pj: f64,
    /// One byte read, pJ.
    pub read_pj_per_byte: f64,
    /// One byte written, pJ.
    pub write_pj_per_byte: f64,
    /// Average power of refresh, mW.
    pub refresh_mw: f64,
    /// Power while clocked, mW.
    pub background_mw: f64,
    /// Caveat of the kind, empty if none.
    pub note: String,
}

impl DramTable {
    /// The table in the program.
    pub fn embedded() -> Self {
        DramTable(csv::rows(TABLE, HEADER).iter().map(|r| parse(r)).collect())
    }

    /// Names of the kinds.
    pub fn kinds(&self) -> Vec<&str> {
        self.0.iter().filter(|r| r.random).map(|r| r.kind.as_str()).collect()
    }

    /// Energies of a kind; `None` for an unknown one.
    pub fn costs(&self, kind: &str) -> Option<DramCosts> {
        let run = |random: bool| self.0.iter().find(|r| r.kind == kind && r.random == random);
        let (stream, random) = (run(false)?, run(true)?);
        let [activate, ..] = random.total_pj();
        let [_, read, write, refresh, background] = stream.total_pj();
        let request_bytes = stream.bytes / (stream.reads + stream.writes);
        Some(DramCosts {
            kind: kind.to_owned(),
            activate_pj: activate / (random.reads + random.writes),
            read_pj_per_byte: read / stream.reads / request_bytes,
            write_pj_per_byte: write / stream.writes / request_bytes,
            refresh_mw: refresh / stream.time_ns / stream.channels,
            background_mw: background / stream.time_ns / stream.channels,
            note: stream.note.clone(),
        })
    }
}

impl Run {
    /// Energy of the run, pJ: activate, read, write, refresh, background.
    pub fn total_pj(&self) -> [f64; 5] {
        self.pj_per_bit.map(|e| e * self.bytes * 8.0)
    }
}

impl DramCosts {
    /// Energy of one command. `burst_bytes` are moved by a burst, `t_refi_ns` lie between two refreshes.
    pub fn energy(&self, action: DramAction, burst_bytes: u32, t_refi_ns: f64) -> Sourced {
        let (name, pj) = match action {
            DramAction::Activate => ("activate".to_owned(), self.activate_pj),
            DramAction::ReadBurst => {
                (format!("read of {burst_bytes} bytes"), self.read_pj_per_byte * f64::from(burst_bytes))
            }
            DramAction::WriteBurst => {
                (format!("write of {burst_bytes} bytes"), self.write_pj_per_byte * f64::from(burst_bytes))
            }
            DramAction::Refresh => ("refresh".to_owned(), self.refresh_mw * t_refi_ns),
        };
        self.sourced(&name, pj, "pJ")
    }

    /// Power while clocked, mW.
    pub fn background(&self) -> Sourced {
        self.sourced("background", self.background_mw, "mW")
    }

    fn sourced(&self, quantity: &str, value: f64, unit: &str) -> Sourced {
        let name = format!("{} {quantity}", self.kind);
        let out = Sourced::of(Origin::new(name, value, unit, None, &["dramsim3_2020"], Grade::Derived));
        if self.note.is_empty() {
            return out;
        }
        out.note(self.note.clone())
    }
}

fn parse(row: &[String]) -> Run {
    let n = |i: usize| csv::number::<f64>(&row[i]);
    Run {
        kind: row[0].clone(),
        random: row[1] == "random",
        time_ns: n(2) * n(3),
        channels: n(4),
        reads: n(5),
        writes: n(6),
        bytes: n(7),
        pj_per_bit: [n(9), n(10), n(11), n(12), n(13)],
        note: row[14].clone(),
    }
}
