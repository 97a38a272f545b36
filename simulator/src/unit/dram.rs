//! One DRAM channel behind the memory controller: banks with open rows, bursts in order of arrival, refresh.
//!
//! The rule (docs/machine.md §10), in chip cycles. An address is, from high to low, row, bank, column, so
//! consecutive rows go to consecutive banks. A burst starts at `s`, not before its request, the column command of
//! the burst before it and the end of a refresh. Its column command goes out at
//!
//! - row open: `s`,
//! - bank closed: `s + t_rcd`,
//! - another row open: `max(s, activate + t_ras) + t_rp + t_rcd`,
//!
//! and not before the data bus is free: `burst_cycles` after the column command before it. The burst is done at
//! column command + `t_cl` + `burst_cycles`. Every `t_refi` cycles all banks close and the channel is blocked for
//! `t_rfc`; a burst whose column command would go out after the refresh is due starts after the refresh instead,
//! but no burst lets two refreshes pass it (a refresh may begin late, behind a column command).

use pulvinar_ir::arch::Dram;

/// Commands the channel has executed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    /// Row activations.
    pub activates: u64,
    /// Read bursts.
    pub reads: u64,
    /// Write bursts.
    pub writes: u64,
    /// Refreshes.
    pub refreshes: u64,
}

#[derive(Debug, Clone, Copy)]
struct OpenRow {
    row: u64,
    activate: u64,
}

/// State of the channel.
#[derive(Debug, Clone)]
pub struct Channel {
    timing: Dram,
    banks: Vec<Option<OpenRow>>,
    /// First cycle at which the next burst may start.
    start: u64,
    /// First cycle at which the next column command finds the data bus free.
    bus: u64,
    /// Cycle at which the next refresh is due.
    refresh: u64,
    counts: ChannelCounts,
}

impl Channel {
    /// An idle channel at cycle 0, all banks closed, the first refresh due at `t_refi_cycles`.
    pub fn new(timing: &Dram) -> Self {
        Channel {
            banks: vec![None; timing.banks as usize],
            start: 0,
            bus: 0,
            refresh: u64::from(timing.t_refi_cycles),
            counts: ChannelCounts::default(),
            timing: timing.clone(),
        }
    }

    /// Serves the burst that holds byte `address`, requested at cycle `now`; gives the first cycle after its data.
    ///
    /// Calls are in order of arrival: `now` never decreases.
    pub fn access(&mut self, now: u64, address: u64, write: bool) -> u64 {
        let line = address / u64::from(self.timing.row_bytes);
        let banks = self.banks.len() as u64;
        let (bank, row) = ((line % banks) as usize, line / banks);
        self.advance(now);
        let mut plan = self.plan(now, bank, row);
        if plan.column >= self.refresh {
            self.refresh_once();
            plan = self.plan(now, bank, row);
        }
        if let Some(activate) = plan.activate {
            self.banks[bank] = Some(OpenRow { row, activate });
            self.counts.activates += 1;
        }
        *(if write { &mut self.counts.writes } else { &mut self.counts.reads }) += 1;
        self.start = plan.column;
        self.bus = plan.column + u64::from(self.timing.burst_cycles);
        self.bus + u64::from(self.timing.t_cl_cycles)
    }

    /// Lets the refreshes due at or before `now` happen.
    pub fn advance(&mut self, now: u64) {
        while self.refresh <= now {
            self.refresh_once();
        }
    }

    /// Commands so far.
    pub fn counts(&self) -> ChannelCounts {
        self.counts
    }

    fn plan(&self, now: u64, bank: usize, row: u64) -> Plan {
        let t = &self.timing;
        let start = now.max(self.start);
        let (activate, ready) = match self.banks[bank] {
            Some(open) if open.row == row => (None, start),
            Some(open) => {
                let activate =
                    start.max(open.activate + u64::from(t.t_ras_cycles)) + u64::from(t.t_rp_cycles);
                (Some(activate), activate + u64::from(t.t_rcd_cycles))
            }
            None => (Some(start), start + u64::from(t.t_rcd_cycles)),
        };
        Plan { activate, column: ready.max(self.bus) }
    }

    fn refresh_once(&mut self) {
        let begin = self.refresh.max(self.start);
        self.start = begin + u64::from(self.timing.t_rfc_cycles);
        self.banks.fill(None);
        self.refresh += u64::from(self.timing.t_refi_cycles);
        self.counts.refreshes += 1;
    }
}

/// When a burst's commands would go out.
struct Plan {
    /// Activation, if the row is not open.
    activate: Option<u64>,
    /// Column command.
    column: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two banks of 64-byte rows, 16-byte bursts of 2 cycles.
    fn timing() -> Dram {
        Dram {
            kind: "test".to_owned(),
            banks: 2,
            row_bytes: 64,
            burst_bytes: 16,
            burst_cycles: 2,
            t_rcd_cycles: 4,
            t_rp_cycles: 3,
            t_cl_cycles: 6,
            t_ras_cycles: 20,
            t_refi_cycles: 1000,
            t_rfc_cycles: 50,
            queue_requests: 4,
        }
    }

    #[test]
    fn closed_bank_then_hit_then_miss() {
        let mut channel = Channel::new(&timing());
        assert_eq!(channel.access(10, 0, false), 10 + 4 + 6 + 2, "closed: activate, column, data");
        assert_eq!(channel.access(10, 16, false), 24, "hit: next on the bus");
        assert_eq!(channel.access(40, 32, true), 40 + 6 + 2, "hit on an idle bus");
        // Row 1 of bank 0 is 2 rows further; t_ras ended at cycle 30.
        assert_eq!(
            channel.access(50, 128, false),
            50 + 3 + 4 + 6 + 2,
            "miss: precharge, activate, column, data"
        );
        assert_eq!(channel.counts(), ChannelCounts { activates: 2, reads: 3, writes: 1, refreshes: 0 });
    }

    #[test]
    fn a_row_stays_open_for_t_ras() {
        let mut channel = Channel::new(&timing());
        channel.access(0, 0, false);
        // Activated at 0, so the precharge waits until 20.
        assert_eq!(channel.access(5, 128, false), 20 + 3 + 4 + 6 + 2);
    }

    #[test]
    fn consecutive_rows_use_other_banks() {
        let mut channel = Channel::new(&timing());
        channel.access(0, 0, false);
        assert_eq!(channel.access(100, 64, false), 100 + 4 + 6 + 2, "bank 1 is still closed");
        assert_eq!(channel.access(200, 0, false), 200 + 6 + 2, "bank 0 is still open");
    }

    #[test]
    fn refresh_closes_and_blocks() {
        let mut channel = Channel::new(&timing());
        channel.access(0, 0, false);
        assert_eq!(
            channel.access(1010, 0, false),
            1050 + 4 + 6 + 2,
            "blocked until 1050, then a closed bank"
        );
        assert_eq!(
            channel.access(1999, 0, false),
            1999 + 6 + 2,
            "a column command just before the refresh is due"
        );
        assert_eq!(channel.counts().refreshes, 1);
        channel.access(2100, 0, false);
        assert_eq!(
            channel.access(2999, 128, false),
            3050 + 4 + 6 + 2,
            "an activation that would cross the refresh waits"
        );
        channel.advance(4000);
        assert_eq!(channel.counts().refreshes, 4);
    }

    #[test]
    fn bandwidth_bounds_a_stream() {
        let (mut channel, t) = (Channel::new(&timing()), timing());
        let bursts = 4000;
        let done = (0..bursts).map(|i| channel.access(0, i * 16, false)).last().unwrap_or(0);
        let bus = bursts * u64::from(t.burst_cycles);
        assert!(done >= bus, "no stream beats the data bus: {done} < {bus}");
        // A bank of two is reopened every 8 bursts (16 cycles of bus), within t_ras + t_rp + t_rcd.
        assert!(done < bus * 3, "in-order bursts to open rows stream: {done}");
        assert_eq!(channel.counts().reads, bursts);
    }

    #[test]
    fn times_never_go_back() {
        let mut channel = Channel::new(&timing());
        let (mut now, mut last, mut seed) = (0u64, 0u64, 1u64);
        for _ in 0..5000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            now += seed >> 60;
            let done = channel.access(now, (seed >> 33) % 4096, seed & 1 << 32 != 0);
            assert!(done >= last + 2 && done >= now + 8, "bursts keep their order and their latency");
            last = done;
        }
    }

    #[test]
    fn a_refresh_longer_than_the_gap_does_not_starve_a_burst() {
        let mut t = timing();
        (t.t_refi_cycles, t.t_rfc_cycles) = (10, 9);
        let mut channel = Channel::new(&t);
        assert!(channel.access(0, 0, false) > 0);
        assert!(channel.access(100, 128, false) > 100);
    }
}
