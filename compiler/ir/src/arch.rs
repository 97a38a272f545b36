//! The architecture: one chip, read from TOML. Every key names its unit.

mod dram;

use crate::diag::{Diagnostic, Result};
pub use dram::{kinds, Dram, DramKeys, DramKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A chip: a mesh of tiles, each a router with one or more cores.
///
/// `D` is [`DramKeys`] in a file, whose `[dram]` may leave out what its kind says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Arch")]
#[serde(deny_unknown_fields)]
pub struct Arch<D = Dram> {
    /// Name in reports.
    pub name: String,
    /// Process, voltage and clock.
    pub technology: Technology,
    /// Mesh of tiles.
    pub mesh: Mesh,
    /// Routers and interfaces.
    pub noc: Noc,
    /// One core; all cores are alike.
    pub core: Core,
    /// External memory channel.
    pub dram: D,
}

/// Process, voltage and clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Technology {
    /// Process node, nm: 65, 45, 32, 28, 22, 16, 14 or 7.
    pub node_nm: u32,
    /// Core clock, MHz.
    pub clock_mhz: f64,
    /// CACTI cell type of the memories.
    pub sram_cell: SramCell,
    /// Distance between neighbouring routers, mm.
    pub link_mm: f64,
    /// Temperature of the chip, K, 300 to 400: leakage of the memories follows it. 300 if absent.
    #[serde(default = "room_temperature", skip_serializing_if = "is_room_temperature")]
    pub temperature_k: f64,
    /// Supply of the logic, V, 0.5 to 1.3; that of the arithmetic data (0.9 V) if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage_v: Option<f64>,
    /// Accept prices scaled over more than two process nodes; false if absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub far_scaling: bool,
}

/// Temperature of an architecture that names none, K: that of the memory data.
pub const ROOM_TEMPERATURE_K: f64 = 300.0;

fn room_temperature() -> f64 {
    ROOM_TEMPERATURE_K
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_room_temperature(kelvin: &f64) -> bool {
    (kelvin - ROOM_TEMPERATURE_K).abs() < f64::EPSILON
}

impl Technology {
    fn check(&self) -> Result<()> {
        let clock = self.clock_mhz;
        let refuse = |key: &str, value: f64, help: String| {
            let place = format!("technology.{key}");
            Err(Diagnostic::new("E0302", place, format!("{key} = {value} is impossible"), help))
        };
        if !(clock.is_finite() && clock > 0.0 && clock <= 10_000.0) {
            return refuse("clock_mhz", clock, "give a value above 0 and up to 10000".to_owned());
        }
        let bounds = [
            ("link_mm", self.link_mm, 0.0, 100.0),
            ("temperature_k", self.temperature_k, 300.0, 400.0),
            ("voltage_v", self.voltage_v.unwrap_or(1.0), 0.5, 1.3),
        ];
        match bounds.into_iter().find(|(_, value, lo, hi)| !(*lo..=*hi).contains(value)) {
            None => Ok(()),
            Some((key, value, lo, hi)) => refuse(key, value, format!("give a value from {lo} to {hi}")),
        }
    }
}

/// Refuses a value that no chip can have.
fn within(key: &str, value: u32, lo: u32, hi: u32) -> Result<()> {
    if (lo..=hi).contains(&value) {
        return Ok(());
    }
    let message = format!("{key} = {value} is impossible");
    Err(Diagnostic::new("E0302", key, message, format!("give a value from {lo} to {hi}")))
}

/// CACTI cell types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SramCell {
    /// Low standby power.
    Lstp,
    /// Low operating power.
    Lop,
    /// High performance.
    Hp,
}

/// Mesh of tiles; tile i is at (i mod width, i / width).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Tiles per row.
    pub width: u32,
    /// Tiles per column.
    pub height: u32,
    /// Cores on one router.
    pub cores_per_tile: u32,
    /// Tile whose router carries the host port.
    pub host_tile: u32,
    /// Tile whose router carries the memory controller.
    pub dram_tile: u32,
}

/// Router pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// Route, channel allocation, switch allocation, traversal: four cycles.
    Four,
    /// Look-ahead routing: three cycles.
    Lookahead,
    /// Look-ahead routing and speculative switch allocation: two cycles.
    Speculative,
}

/// Routing algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// X first, then Y.
    Xy,
    /// Y first, then X.
    Yx,
    /// West-first turn model (adaptive).
    WestFirst,
}

/// Routers and network interfaces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noc {
    /// Virtual channels per input port, 1..=8.
    pub virtual_channels: u32,
    /// Buffer of one virtual channel, flits.
    pub buffer_flits: u32,
    /// Router pipeline.
    pub pipeline: Pipeline,
    /// Routing algorithm.
    pub routing: Routing,
    /// Payload of one flit, bits (the header travels beside it).
    pub payload_bits: u32,
    /// Buffer at each ejection port, flits.
    pub eject_flits: u32,
    /// Flits waiting in a core's injection queue.
    pub inject_flits: u32,
    /// Replicate in the routers (tree) instead of at the source.
    pub multicast: bool,
    /// How cores learn that a timestep is over.
    pub sync: Sync,
    /// Cycles of the chip-wide barrier; used by `sync = "barrier"` only.
    pub barrier_cycles: u32,
}

/// How cores learn that a timestep is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// End-of-step tokens along the streams; no global barrier.
    Tokens,
    /// A chip-wide barrier after every step; every edge between layers is then one step late.
    Barrier,
}

/// What the synapse engine does when a word is needed that is still in the adder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hazard {
    /// Bypass from the adder: no stall.
    Forward,
    /// Wait until the word is written.
    Stall,
}

/// One core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Core {
    /// Lanes of synapse engine and update engine (values in one accumulator word).
    pub lanes: u32,
    /// Lanes of the attention engine.
    pub attention_lanes: u32,
    /// Accumulator buffers: 1, or 2 to overlap accumulation with the sweep.
    pub accumulator_buffers: u32,
    /// Hazard rule of the accumulator.
    pub hazard: Hazard,
    /// Banks of the accumulator memory (sparse events scatter over them).
    pub accumulator_banks: u32,
    /// Events the queue behind the interface holds.
    pub queue_events: u32,
    /// Weight memory, KiB.
    pub weight_kib: u32,
    /// Row pointer memory (sparse connectivity), KiB.
    pub pointer_kib: u32,
    /// Accumulator memory, all buffers together, KiB.
    pub accumulator_kib: u32,
    /// Membrane memory, KiB.
    pub state_kib: u32,
    /// Statistics memory, KiB.
    pub statistics_kib: u32,
    /// Gate memory, KiB.
    pub gate_kib: u32,
    /// Frame buffer for spilled currents, KiB.
    pub frame_kib: u32,
    /// Spike store for recomputation, KiB.
    pub spike_store_kib: u32,
}

/// TOML of the default chip.
pub const DEFAULT_ARCH: &str = include_str!("default_arch.toml");

impl Arch {
    /// The default chip.
    pub fn default_chip() -> Self {
        Self::from_toml(DEFAULT_ARCH).expect("the embedded architecture is valid (held by a test)")
    }

    /// Reads and checks an architecture. Unknown keys, missing keys and impossible values are refused.
    pub fn from_toml(text: &str) -> Result<Self> {
        let file: Arch<DramKeys> = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(0, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            Diagnostic::new(
                "E0301",
                format!("line {line}"),
                format!("architecture does not parse: {}", e.message()),
                "see `pulvinar arch --toml` for a complete example and `pulvinar arch --schema` for every key",
            )
        })?;
        let Arch { name, technology, mesh, noc, core, dram } = file;
        technology.check()?;
        let dram = dram.resolve(technology.clock_mhz)?;
        let arch = Arch { name, technology, mesh, noc, core, dram };
        arch.check()?;
        Ok(arch)
    }

    /// The same architecture as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("plain data always serialises")
    }

    /// JSON Schema of the TOML file.
    pub fn schema() -> String {
        serde_json::to_string_pretty(&schemars::schema_for!(Arch<DramKeys>)).expect("a schema is plain JSON")
    }

    /// Tiles on the chip.
    pub fn tiles(&self) -> u32 {
        self.mesh.width * self.mesh.height
    }

    /// Cores on the chip. Core i sits on tile i / `cores_per_tile`.
    pub fn cores(&self) -> u32 {
        self.tiles() * self.mesh.cores_per_tile
    }

    /// Refuses values no chip can have.
    pub fn check(&self) -> Result<()> {
        let bounds: [(&str, u32, u32, u32); 16] = [
            ("mesh.width", self.mesh.width, 1, 64),
            ("mesh.height", self.mesh.height, 1, 64),
            ("mesh.cores_per_tile", self.mesh.cores_per_tile, 1, 6),
            ("noc.virtual_channels", self.noc.virtual_channels, 1, 8),
            ("noc.buffer_flits", self.noc.buffer_flits, 1, 64),
            ("noc.payload_bits", self.noc.payload_bits, 32, 512),
            ("noc.eject_flits", self.noc.eject_flits, 1, 64),
            ("noc.inject_flits", self.noc.inject_flits, 1, 64),
            ("core.lanes", self.core.lanes, 1, 256),
            ("core.attention_lanes", self.core.attention_lanes, 1, 256),
            ("core.accumulator_buffers", self.core.accumulator_buffers, 1, 2),
            ("core.accumulator_banks", self.core.accumulator_banks, 1, 256),
            ("core.queue_events", self.core.queue_events, 2, 65536),
            ("core.weight_kib", self.core.weight_kib, 1, 65536),
            ("core.accumulator_kib", self.core.accumulator_kib, 1, 65536),
            ("core.state_kib", self.core.state_kib, 1, 65536),
        ];
        for (key, value, lo, hi) in bounds {
            within(key, value, lo, hi)?;
        }
        let tiles = self.tiles();
        for (key, tile) in [("mesh.host_tile", self.mesh.host_tile), ("mesh.dram_tile", self.mesh.dram_tile)]
        {
            if tile >= tiles {
                return Err(Diagnostic::new(
                    "E0303",
                    key,
                    format!("{key} = {tile} is not on a mesh of {tiles} tiles"),
                    format!("give a tile from 0 to {}", tiles - 1),
                ));
            }
        }
        self.technology.check()?;
        self.dram.check()
    }

    /// Capacity in bits of one memory of one core.
    pub fn capacity_bits(&self, memory: crate::counts::Memory) -> u64 {
        use crate::counts::Memory as M;
        let kib = match memory {
            M::Weight => self.core.weight_kib,
            M::Pointer => self.core.pointer_kib,
            M::Accumulator => self.core.accumulator_kib,
            M::State => self.core.state_kib,
            M::Statistics => self.core.statistics_kib,
            M::Gate => self.core.gate_kib,
            M::Frame => self.core.frame_kib,
            M::SpikeStore => self.core.spike_store_kib,
            M::EventQueue => return u64::from(self.core.queue_events) * 32,
        };
        u64::from(kib) * 8192
    }

    /// Word width in bits of one memory of one core: values of all lanes side by side.
    /// Weights 8 bits, accumulators and membranes 24, statistics 40, gates 16, frames 24, one 32-bit event.
    pub fn word_bits(&self, memory: crate::counts::Memory) -> u32 {
        use crate::counts::Memory as M;
        let lanes = self.core.lanes;
        match memory {
            M::Weight => lanes * 8,
            M::Accumulator | M::State | M::Frame => lanes * 24,
            M::Statistics => 40 * lanes,
            M::Gate => 16 * lanes,
            M::Pointer | M::SpikeStore | M::EventQueue => 32,
        }
    }
}
