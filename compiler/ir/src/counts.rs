//! Activity counts: what the hardware did, per layer, per timestep. The simulator adds to them, reports price them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A memory of the chip; geometry comes from the architecture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// Synaptic weights of one core.
    Weight,
    /// Row pointers of sparse connectivity.
    Pointer,
    /// Accumulators (one word holds one value a lane).
    Accumulator,
    /// Membrane potentials.
    State,
    /// Running statistics of attention.
    Statistics,
    /// Attention gates.
    Gate,
    /// Currents kept over time (spill).
    Frame,
    /// Input events kept over time (recompute).
    SpikeStore,
    /// Event queue behind the network interface.
    EventQueue,
}

impl Memory {
    /// Every memory of a core, in the order of tables.
    pub const ALL: [Memory; 9] = [
        Memory::Weight,
        Memory::Pointer,
        Memory::Accumulator,
        Memory::State,
        Memory::Statistics,
        Memory::Gate,
        Memory::Frame,
        Memory::SpikeStore,
        Memory::EventQueue,
    ];

    /// Accesses that one array of the memory takes in a cycle. A read and a write where the machine reads and writes
    /// words of one array cycle after cycle (`docs/memory.md`).
    pub fn ports(self) -> Ports {
        match self {
            Memory::Accumulator | Memory::State | Memory::Statistics | Memory::EventQueue => {
                Ports::ReadAndWrite
            }
            Memory::Weight | Memory::Pointer | Memory::Gate | Memory::Frame | Memory::SpikeStore => {
                Ports::Single
            }
        }
    }

    /// Name in reports and messages.
    pub fn name(self) -> &'static str {
        match self {
            Memory::Weight => "weight memory",
            Memory::Pointer => "pointer memory",
            Memory::Accumulator => "accumulator memory",
            Memory::State => "membrane memory",
            Memory::Statistics => "statistics memory",
            Memory::Gate => "gate memory",
            Memory::Frame => "frame memory",
            Memory::SpikeStore => "spike store",
            Memory::EventQueue => "event queue",
        }
    }

    /// Key of the architecture file that sets its capacity (KiB; the queue's in events).
    pub fn key(self) -> &'static str {
        match self {
            Memory::Weight => "core.weight_kib",
            Memory::Pointer => "core.pointer_kib",
            Memory::Accumulator => "core.accumulator_kib",
            Memory::State => "core.state_kib",
            Memory::Statistics => "core.statistics_kib",
            Memory::Gate => "core.gate_kib",
            Memory::Frame => "core.frame_kib",
            Memory::SpikeStore => "core.spike_store_kib",
            Memory::EventQueue => "core.queue_events",
        }
    }
}

/// Ports of one array of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// One read or one write a cycle (1RW).
    Single,
    /// One read and one write a cycle (1R1W).
    ReadAndWrite,
}

/// Part of the chip an activity belongs to; the rows of every energy table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Lanes of the synapse engine.
    Synapse,
    /// Weight and pointer memories.
    WeightMemory,
    /// Accumulator memory.
    AccumulatorMemory,
    /// Neuron update arithmetic.
    Neuron,
    /// Membrane memory.
    StateMemory,
    /// Attention arithmetic: statistics, dense layers, tables, gate multiplies.
    Attention,
    /// Attention memories: statistics, gates, frames, spike store.
    AttentionMemory,
    /// Network interfaces: queues and packers.
    Interface,
    /// Routers and links.
    Network,
    /// External memory.
    Dram,
    /// Static power of memories and logic.
    Leakage,
    /// Clock distribution.
    Clock,
}

/// How an activity is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// One word read from a memory.
    Read(Memory),
    /// One word written to a memory.
    Write(Memory),
    /// One arithmetic operation.
    Logic(Logic),
    /// A router action on one flit.
    Router(RouterAction),
    /// A DRAM command.
    Dram(DramAction),
    /// Not an energy event (cycles, bookkeeping).
    None,
}

/// Arithmetic operation kinds, priced by kind and operand width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logic {
    /// Accumulator-wide addition.
    Add,
    /// Event value × weight, then an accumulator-wide addition.
    Mac,
    /// State-wide × constant multiplication (leak).
    LeakMul,
    /// State-wide addition or subtraction.
    StateAdd,
    /// State-wide comparison.
    Compare,
    /// Gate × current multiplication.
    GateMul,
    /// Gate × gate multiplication.
    GateProduct,
    /// Statistics-wide addition.
    StatAdd,
    /// Statistics-wide comparison.
    StatCompare,
    /// Multiply-accumulate of the attention engine.
    DenseMac,
    /// One sigmoid table look-up.
    TableLookup,
    /// Any other scalar operation of the attention engine (requantise, add, compare).
    AttentionOp,
    /// Packing or unpacking of one event.
    Event,
}

/// Router actions, each on one flit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterAction {
    /// Input buffer write.
    BufferWrite,
    /// Input buffer read.
    BufferRead,
    /// Crossbar traversal.
    Crossbar,
    /// Switch or channel arbitration.
    Arbitration,
    /// Link traversal between tiles.
    Link,
}

/// DRAM commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DramAction {
    /// Row activate and precharge pair.
    Activate,
    /// One read burst.
    ReadBurst,
    /// One write burst.
    WriteBurst,
    /// One refresh command.
    Refresh,
}

macro_rules! activities {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $component:ident, $cost:expr;)+) => {
        /// One kind of counted activity.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum Activity { $($(#[doc = $doc])+ $name,)+ }

        impl Activity {
            /// Every activity, in the order of its discriminant.
            pub const ALL: &'static [Activity] = &[$(Activity::$name),+];
            /// Name in reports and JSON.
            pub fn name(self) -> &'static str { match self { $(Activity::$name => $text),+ } }
            /// One-line description.
            pub fn doc(self) -> &'static str { match self { $(Activity::$name => concat!($($doc),+).trim_ascii()),+ } }
            /// Row of the energy table.
            pub fn component(self) -> Component { match self { $(Activity::$name => Component::$component),+ } }
            /// Rule by which it is priced.
            pub fn cost(self) -> Cost { match self { $(Activity::$name => $cost),+ } }
        }
    };
}

activities! {
    /// Events taken from the queue by the synapse engine.
    EventPop = "event_pop", Interface, Cost::Read(Memory::EventQueue);
    /// Events written to the event queue.
    EventPush = "event_push", Interface, Cost::Write(Memory::EventQueue);
    /// Events packed into flits.
    EventPack = "event_pack", Interface, Cost::Logic(Logic::Event);
    /// Weight words read (one word feeds every lane).
    WeightRead = "weight_read", WeightMemory, Cost::Read(Memory::Weight);
    /// Weight words written while a phase is loaded.
    WeightWrite = "weight_write", WeightMemory, Cost::Write(Memory::Weight);
    /// Row pointers read (sparse connectivity).
    PointerRead = "pointer_read", WeightMemory, Cost::Read(Memory::Pointer);
    /// Accumulator words read.
    AccRead = "acc_read", AccumulatorMemory, Cost::Read(Memory::Accumulator);
    /// Accumulator words written.
    AccWrite = "acc_write", AccumulatorMemory, Cost::Write(Memory::Accumulator);
    /// Additions of a weight by a binary event (one per synapse).
    SynAdd = "syn_add", Synapse, Cost::Logic(Logic::Add);
    /// Multiply-additions of a weight by a graded event (one per synapse).
    SynMac = "syn_mac", Synapse, Cost::Logic(Logic::Mac);
    /// Membrane words read.
    StateRead = "state_read", StateMemory, Cost::Read(Memory::State);
    /// Membrane words written.
    StateWrite = "state_write", StateMemory, Cost::Write(Memory::State);
    /// Neurons updated (membrane addition).
    NeuronAdd = "neuron_add", Neuron, Cost::Logic(Logic::StateAdd);
    /// Leak multiplications.
    NeuronLeak = "neuron_leak", Neuron, Cost::Logic(Logic::LeakMul);
    /// Threshold comparisons.
    NeuronCompare = "neuron_compare", Neuron, Cost::Logic(Logic::Compare);
    /// Gate × current multiplications.
    GateMul = "gate_mul", Attention, Cost::Logic(Logic::GateMul);
    /// Gate × gate multiplications in the sweep.
    GateProduct = "gate_product", Attention, Cost::Logic(Logic::GateProduct);
    /// Additions into running statistics.
    StatAdd = "stat_add", Attention, Cost::Logic(Logic::StatAdd);
    /// Comparisons for running maxima.
    StatCompare = "stat_compare", Attention, Cost::Logic(Logic::StatCompare);
    /// Multiply-accumulates of the attention engine.
    DenseMac = "dense_mac", Attention, Cost::Logic(Logic::DenseMac);
    /// Sigmoid table look-ups.
    TableLookup = "table_lookup", Attention, Cost::Logic(Logic::TableLookup);
    /// Other scalar operations of the attention engine.
    AttentionOp = "attention_op", Attention, Cost::Logic(Logic::AttentionOp);
    /// Statistics words read.
    StatRead = "stat_read", AttentionMemory, Cost::Read(Memory::Statistics);
    /// Statistics words written.
    StatWrite = "stat_write", AttentionMemory, Cost::Write(Memory::Statistics);
    /// Gate words read.
    GateRead = "gate_read", AttentionMemory, Cost::Read(Memory::Gate);
    /// Gate words written.
    GateWrite = "gate_write", AttentionMemory, Cost::Write(Memory::Gate);
    /// Frame words read (spilled currents).
    FrameRead = "frame_read", AttentionMemory, Cost::Read(Memory::Frame);
    /// Frame words written (spilled currents).
    FrameWrite = "frame_write", AttentionMemory, Cost::Write(Memory::Frame);
    /// Events read back from the spike store (recompute).
    SpikeStoreRead = "spike_store_read", AttentionMemory, Cost::Read(Memory::SpikeStore);
    /// Events written to the spike store (recompute).
    SpikeStoreWrite = "spike_store_write", AttentionMemory, Cost::Write(Memory::SpikeStore);
    /// Flits written to router input buffers.
    BufferWrite = "buffer_write", Network, Cost::Router(RouterAction::BufferWrite);
    /// Flits read from router input buffers.
    BufferRead = "buffer_read", Network, Cost::Router(RouterAction::BufferRead);
    /// Flits through a crossbar.
    Crossbar = "crossbar", Network, Cost::Router(RouterAction::Crossbar);
    /// Virtual-channel and switch grants.
    Arbitration = "arbitration", Network, Cost::Router(RouterAction::Arbitration);
    /// Flits over links between tiles.
    LinkFlit = "link_flit", Network, Cost::Router(RouterAction::Link);
    /// Flits injected by interfaces.
    FlitInject = "flit_inject", Interface, Cost::None;
    /// Flits ejected to interfaces.
    FlitEject = "flit_eject", Interface, Cost::None;
    /// DRAM row activations.
    DramActivate = "dram_activate", Dram, Cost::Dram(DramAction::Activate);
    /// DRAM read bursts.
    DramRead = "dram_read", Dram, Cost::Dram(DramAction::ReadBurst);
    /// DRAM write bursts.
    DramWrite = "dram_write", Dram, Cost::Dram(DramAction::WriteBurst);
    /// DRAM refresh commands.
    DramRefresh = "dram_refresh", Dram, Cost::Dram(DramAction::Refresh);
    /// Output spikes of neurons.
    Spike = "spike", Neuron, Cost::None;
    /// Cycles in which the synapse engine issued a beat.
    SynapseBusyCycles = "synapse_busy_cycles", Synapse, Cost::None;
    /// Cycles lost to accumulator hazards and bank conflicts.
    SynapseStallCycles = "synapse_stall_cycles", Synapse, Cost::None;
    /// Cycles in which the update engine swept a word.
    SweepBusyCycles = "sweep_busy_cycles", Neuron, Cost::None;
    /// Cycles in which the update engine waited for the packer.
    SweepStallCycles = "sweep_stall_cycles", Neuron, Cost::None;
    /// Cycles in which the attention engine was busy.
    AttentionBusyCycles = "attention_busy_cycles", Attention, Cost::None;
}

/// Number of activities.
pub const ACTIVITIES: usize = Activity::ALL.len();

/// One row of counts, indexed by `Activity as usize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row(pub [u64; ACTIVITIES]);

impl Default for Row {
    fn default() -> Self {
        Row([0; ACTIVITIES])
    }
}

impl Row {
    /// Adds `n` to one activity.
    #[inline]
    pub fn add(&mut self, activity: Activity, n: u64) {
        self.0[activity as usize] += n;
    }
    /// Count of one activity.
    pub fn get(&self, activity: Activity) -> u64 {
        self.0[activity as usize]
    }
    /// Adds another row.
    pub fn merge(&mut self, other: &Row) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a += b;
        }
    }
}

/// Counts of one run: per layer (stage name, or `noc`, `dram`, `host`), per timestep, and the run's cycles.
///
/// Activity of a statistics or apply pass is booked on the timestep being swept; what has no
/// timestep (routers, DRAM refresh, weight load) is booked on step 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cycles from the first input to the last output token.
    pub cycles: u64,
    /// Rows by (layer, timestep).
    pub rows: BTreeMap<(String, u32), Row>,
}

impl Counts {
    /// The row of a layer and timestep, made on first use.
    pub fn row(&mut self, layer: &str, timestep: u32) -> &mut Row {
        self.rows.entry((layer.to_owned(), timestep)).or_default()
    }
    /// Sum over layers and timesteps of one activity.
    pub fn total(&self, activity: Activity) -> u64 {
        self.rows.values().map(|r| r.get(activity)).sum()
    }
    /// Sum over timesteps, by layer.
    pub fn by_layer(&self) -> BTreeMap<String, Row> {
        let mut out: BTreeMap<String, Row> = BTreeMap::new();
        for ((layer, _), row) in &self.rows {
            out.entry(layer.clone()).or_default().merge(row);
        }
        out
    }
    /// Adds another run's counts (cycles add up: inputs one after another).
    pub fn merge(&mut self, other: &Counts) {
        self.cycles += other.cycles;
        for (key, row) in &other.rows {
            self.rows.entry(key.clone()).or_default().merge(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, DEFAULT_ARCH};

    #[test]
    fn memories_are_listed_in_order_and_keys_set_their_capacity() {
        for (i, memory) in Memory::ALL.into_iter().enumerate() {
            assert_eq!(memory as usize, i);
            let mut chip: toml::Table = DEFAULT_ARCH.parse().unwrap();
            let (table, key) = memory.key().split_once('.').unwrap();
            let entry = chip.get_mut(table).and_then(|t| t.get_mut(key)).unwrap();
            let before = entry.as_integer().unwrap();
            *entry = (before + 1).into();
            let bits = |arch: &Arch| arch.capacity_bits(memory) as i64;
            let unit = if memory == Memory::EventQueue { 32 } else { 8192 };
            let changed = Arch::from_toml(&chip.to_string()).unwrap();
            assert_eq!(bits(&changed) - bits(&Arch::default_chip()), unit, "{}", memory.key());
        }
    }
}
