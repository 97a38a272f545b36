//! `sanafe`: what SANA-FE 2.2.9 (`boyle2025sanafe`) counts and prices on its Loihi, from spikes and the network's places.
//!
//! That chip is a mesh of 8 × 4 tiles of four cores, numbered down the columns. In every step:
//!
//! ```text
//! every neuron      one access
//! ... an update, if it has a bias, a membrane that is not 0, or had a synaptic event in the step before
//! ... a spike       one message to every core that holds one of its targets
//! a message         |Δx| hops east or west, |Δy| north or south; all synapses of the neuron on that core
//! E = e_syn·events + e_access·accesses + e_update·updates + e_spike·spikes + e_out·messages + e_ew·hops + e_ns·hops
//! ```
//!
//! A message in costs time but no energy there. The membrane follows from the spikes: `v += bias + weights`, 0 after a spike.

use super::data::Data;
use super::estimators::Estimate;
use pulvinar_ir::Result;
use serde::Serialize;

/// Cores on a tile, tiles in a column.
const CORES: u32 = 4;
const COLUMN: u32 = 4;

/// Energies of every run, in the catalogue of chips.
const EVENTS: [&str; 6] = [
    "loihi-sanafe.soma_access",
    "loihi-sanafe.soma_update",
    "loihi-sanafe.spike_out",
    "loihi-sanafe.axon_out",
    "loihi-sanafe.hop_east_west",
    "loihi-sanafe.hop_north_south",
];

/// Kinds of synapses, which differ in energy and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Synapses {
    /// Fully connected; the package takes it for all that names no other.
    Dense,
    /// Lists of targets.
    Sparse,
    /// Convolutions.
    Conv,
}

impl Synapses {
    /// Every kind.
    pub const ALL: [Synapses; 3] = [Synapses::Dense, Synapses::Sparse, Synapses::Conv];

    /// Name of its energy.
    fn constant(self) -> &'static str {
        match self {
            Synapses::Dense => "loihi-sanafe.sop_dense",
            Synapses::Sparse => "loihi-sanafe.sop_sparse",
            Synapses::Conv => "loihi-sanafe.sop_conv",
        }
    }
}

/// Neurons on cores, and synapses by source.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// Core of every neuron.
    pub core: &'a [u32],
    /// Bias of every neuron.
    pub bias: &'a [i32],
    /// First synapse of every neuron, and the end.
    pub rows: &'a [usize],
    /// Neuron at the end of every synapse; targets of one neuron ascend by core.
    pub targets: &'a [u32],
    /// Weight of every synapse.
    pub weights: &'a [i32],
}

/// Events of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Spikes times synapses.
    pub synaptic_events: u64,
    /// Neurons times steps.
    pub accesses: u64,
    /// Updates of neurons that are not idle.
    pub updates: u64,
    /// Spikes.
    pub spikes: u64,
    /// Spikes times cores reached.
    pub messages: u64,
    /// Hops of all messages along rows.
    pub hops_east_west: u64,
    /// Hops of all messages along columns.
    pub hops_north_south: u64,
}

/// Events of a run and its time by the plainest of the package's three timing models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Events.
    pub counts: Counts,
    /// Time by `simple`, ns: in each step the busiest core's neurons or messages, whichever takes longer, and the barrier.
    pub simple_ns: f64,
}

/// Times of events, ns.
struct Times {
    access: f64,
    update: f64,
    spike: f64,
    out: f64,
    message: f64,
    synapse: f64,
    barrier: f64,
}

impl Times {
    /// Those of dense synapses, and the barrier over so many tiles.
    fn new(tiles: usize) -> Result<Self> {
        let constants = &Data::embedded().constants;
        let ns = |event: &str| Ok(constants.get(&format!("loihi-sanafe.{event}"))?.origin.value);
        let barrier = match tiles {
            29.. => "barrier_29_tiles",
            4.. => "barrier_4_tiles",
            2.. => "barrier_2_tiles",
            _ => "barrier_1_tile",
        };
        Ok(Times {
            access: ns("soma_access_time")?,
            update: ns("soma_update_time")?,
            spike: ns("spike_out_time")?,
            out: ns("axon_out_time")?,
            message: ns("axon_in_time")?,
            synapse: ns("sop_dense_time")?,
            barrier: ns(barrier)?,
        })
    }
}

/// Counts the events of a run; `spikes[t]` says of every neuron whether it fires in step t.
pub fn tally(net: &Placed, spikes: &[Vec<bool>]) -> Result<Tally> {
    let neurons = net.core.len();
    let fans: Vec<Vec<(u32, u64)>> = (0..neurons).map(|i| net.messages(i)).collect();
    let cores = net.core.iter().max().map_or(0, |c| *c as usize + 1);
    let mut tiles: Vec<u32> = net.core.iter().map(|c| c / CORES).collect();
    tiles.sort_unstable();
    tiles.dedup();
    let times = Times::new(tiles.len())?;
    let mut tally = Tally::default();
    let mut membrane = vec![0i64; neurons];
    let mut arrived: Vec<Option<i64>> = vec![None; neurons];
    for fired in spikes {
        let (mut sending, mut receiving) = (vec![0.0; cores], vec![0.0; cores]);
        let mut next = vec![None; neurons];
        for i in 0..neurons {
            let core = net.core[i];
            let updated = membrane[i] != 0 || net.bias[i] != 0 || arrived[i].is_some() || fired[i];
            membrane[i] += i64::from(net.bias[i]) + arrived[i].unwrap_or(0);
            tally.counts.accesses += 1;
            tally.counts.updates += u64::from(updated);
            sending[core as usize] += times.access + f64::from(u8::from(updated)) * times.update;
            if fired[i] {
                membrane[i] = 0;
                tally.counts.spike(core, &fans[i]);
                sending[core as usize] += times.spike + fans[i].len() as f64 * times.out;
                for &(to, synapses) in &fans[i] {
                    receiving[to as usize] += times.message + synapses as f64 * times.synapse;
                }
                for s in net.rows[i]..net.rows[i + 1] {
                    *next[net.targets[s] as usize].get_or_insert(0) += i64::from(net.weights[s]);
                }
            }
        }
        arrived = next;
        tally.simple_ns += sending.into_iter().chain(receiving).fold(0.0, f64::max) + times.barrier;
    }
    Ok(tally)
}

impl Placed<'_> {
    /// Cores that a spike of this neuron goes to, and the synapses there.
    fn messages(&self, neuron: usize) -> Vec<(u32, u64)> {
        let mut cores: Vec<u32> = self.targets[self.rows[neuron]..self.rows[neuron + 1]]
            .iter()
            .map(|t| self.core[*t as usize])
            .collect();
        cores.sort_unstable();
        cores.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
    }
}

impl Counts {
    /// A spike on this core with these messages.
    fn spike(&mut self, core: u32, messages: &[(u32, u64)]) {
        let place = |core: u32| (core / CORES / COLUMN, core / CORES % COLUMN);
        let from = place(core);
        self.spikes += 1;
        for &(core, synapses) in messages {
            let to = place(core);
            self.messages += 1;
            self.synaptic_events += synapses;
            self.hops_east_west += u64::from(from.0.abs_diff(to.0));
            self.hops_north_south += u64::from(from.1.abs_diff(to.1));
        }
    }

    /// The energy, with this kind for all synapses.
    pub fn energy(&self, synapses: Synapses) -> Result<Estimate> {
        let constants = &Data::embedded().constants;
        let pj = |name, count: u64| Ok(constants.per_term(name)?.pj() * count as f64);
        let synapse = synapses.constant();
        let [access, update, spike, out, east, north] = EVENTS;
        let hops = pj(east, self.hops_east_west)? + pj(north, self.hops_north_south)?;
        let terms = [
            ("synaptic events", pj(synapse, self.synaptic_events)?),
            ("neurons looked at", pj(access, self.accesses)?),
            ("neurons updated", pj(update, self.updates)?),
            ("spikes", pj(spike, self.spikes)?),
            ("messages", pj(out, self.messages)?),
            ("hops", hops),
        ];
        let leaves_out = ["idle power and leakage", "messages received", "barriers", "host and input"];
        Ok(Estimate::new("sanafe", &terms, &leaves_out, &[EVENTS.as_slice(), &[synapse]].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neuron 0 on core 0 drives neuron 1 beside it, 2 on the next tile of the column and 3 in the next column.
    #[test]
    fn a_network_of_four_neurons_by_hand() {
        let net = Placed {
            core: &[0, 0, 4, 16],
            bias: &[3, 0, 0, 0],
            rows: &[0, 4, 4, 4, 4],
            targets: &[1, 1, 2, 3],
            weights: &[2, -2, 5, 0],
        };
        let fired = |neurons: &[usize]| (0..4).map(|i| neurons.contains(&i)).collect::<Vec<_>>();
        let tally = tally(&net, &[fired(&[0]), fired(&[2]), fired(&[])]).unwrap();
        let expected = Counts {
            synaptic_events: 4,
            accesses: 12,
            // Neuron 0 always; the others in the second step; neuron 2 fired, so that it is idle again.
            updates: 3 + 3,
            spikes: 2,
            messages: 3,
            hops_east_west: 1,
            hops_north_south: 1,
        };
        assert_eq!(tally.counts, expected);
        let estimate = tally.counts.energy(Synapses::Conv).unwrap();
        let by_hand = 4.0 * 24.0 + 12.0 * 51.2 + 6.0 * 21.6 + 2.0 * 69.3 + 3.0 * 111.0 + 3.0 + 4.2;
        assert!((estimate.total_pj - by_hand).abs() < 1e-9);
        // Step 1: core 0 sends 2·6 + 3.7 + 30 + 3·5.1; step 2: 2·6 + 2·3.7 against 6 + 3.7 + 30 on core 4; step 3: 12 + 3.7.
        let by_hand = 61.0 + 39.7 + 15.7 + 3.0 * 1000.0;
        assert!((tally.simple_ns - by_hand).abs() < 1e-9, "{}", tally.simple_ns);
    }

    #[test]
    fn kinds_of_synapses_differ_in_their_term_only() {
        let counts = Counts { synaptic_events: 10, spikes: 1, ..Counts::default() };
        let [dense, sparse, conv] = Synapses::ALL.map(|s| counts.energy(s).unwrap());
        assert!((dense.total_pj - sparse.total_pj - 19.0).abs() < 1e-9);
        assert!((sparse.total_pj - conv.total_pj - 96.0).abs() < 1e-9);
        assert_eq!(dense.terms[1..], conv.terms[1..]);
    }
}
