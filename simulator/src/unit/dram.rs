//! One DRAM channel behind the memory controller: banks with open rows, bursts in order of arrival, refresh.
//!
//! The rule (docs/machine.md §10), in chip cycles; a term that the architecture leaves out is 0. An address is, from
//! high to low, row, bank, column, so consecutive rows go to consecutive banks, and those to consecutive bank groups.
//! A burst starts at `s`, not before its request, the column command of the burst before it and the end of a refresh.
//! If its row is not open, the row is activated at
//!
//! - bank closed: `s`,
//! - another row open: `max(s, p) + t_rp`, where p is `t_ras` after its activate, `t_rtp` after its last read command
//!   and `t_wr` after its last written data,
//!
//! with `open_ahead` from the request (or the end of the refresh) on instead of from `s`; and not before `t_rrd` after
//! the last activate, `t_rrd_l` after the last one in the bank group, `t_faw` after the fourth last. Its column command
//! goes out at `s`, not before `t_rcd` after that activate, `burst_cycles` and `t_ccd` after the column command before
//! it, `t_ccd_l` after the last one in the bank group, and, if writes have a latency of their own,
//!
//! - a read: `t_wtr` (in the bank group `t_wtr_l`) after the last written data,
//! - a write: so that its data begins `t_rtw` after that of the last read.
//!
//! The data of a read begins `t_cl` after its column command, that of a write `t_cwl` (`t_cl` where that is 0), and the
//! burst is done `burst_cycles` later. Every `t_refi` cycles all banks close and the channel is blocked for `t_rfc`; a
//! burst whose column command would go out after the refresh is due starts after the refresh instead, but no burst
//! lets two refreshes pass it (a refresh may begin late, behind a column command).

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
    /// First cycle at which the bank may be precharged.
    until: u64,
}

/// Latest commands, each as the first cycle at which a limit that counts from it no longer holds anything up.
#[derive(Debug, Clone, Copy, Default)]
struct Latest {
    /// Next activate.
    activate: u64,
    /// Next column command.
    column: u64,
    /// Next read command, after a write.
    read: u64,
}

/// State of the channel.
#[derive(Debug, Clone)]
pub struct Channel {
    timing: Timing,
    banks: Vec<Option<OpenRow>>,
    /// By bank group.
    groups: Vec<Latest>,
    /// Over all groups.
    all: Latest,
    /// Next write command, after a read.
    write: u64,
    /// First cycles outside the window that the four latest activates began, oldest first.
    windows: [u64; 4],
    /// First cycle at which the next burst may start.
    start: u64,
    /// End of the latest refresh.
    resumed: u64,
    /// Cycle at which the next refresh is due.
    refresh: u64,
    counts: ChannelCounts,
}

/// Times in cycles, as distances between commands.
#[derive(Debug, Clone)]
struct Timing {
    dram: Dram,
    row_bytes: u64,
    burst: u64,
    rcd: u64,
    rp: u64,
    ras: u64,
    refi: u64,
    rfc: u64,
    /// Column command to data: reads, writes.
    latency: [u64; 2],
    /// Column command to precharge: reads, writes.
    recovery: [u64; 2],
    /// Read to write command.
    read_to_write: u64,
    /// Write to read command: any, same group.
    write_to_read: [u64; 2],
}

impl Timing {
    fn new(dram: &Dram) -> Self {
        let n = u64::from;
        let (burst, cl, cwl) = (n(dram.burst_cycles), n(dram.t_cl_cycles), n(dram.t_cwl_cycles));
        let turns = cwl > 0;
        let written = cwl + burst;
        let after_write = |t: u32| if turns { written + n(t) } else { 0 };
        Timing {
            row_bytes: n(dram.row_bytes),
            burst,
            rcd: n(dram.t_rcd_cycles),
            rp: n(dram.t_rp_cycles),
            ras: n(dram.t_ras_cycles),
            refi: n(dram.t_refi_cycles),
            rfc: n(dram.t_rfc_cycles),
            latency: [cl, if turns { cwl } else { cl }],
            recovery: [n(dram.t_rtp_cycles), after_write(dram.t_wr_cycles)],
            read_to_write: if turns { (cl + burst + n(dram.t_rtw_cycles)).saturating_sub(cwl) } else { 0 },
            write_to_read: [after_write(dram.t_wtr_cycles), after_write(dram.t_wtr_l_cycles)],
            dram: dram.clone(),
        }
    }
}

impl Channel {
    /// An idle channel at cycle 0, all banks closed, the first refresh due at `t_refi_cycles`.
    pub fn new(dram: &Dram) -> Self {
        let timing = Timing::new(dram);
        Channel {
            banks: vec![None; dram.banks as usize],
            groups: vec![Latest::default(); dram.bank_groups.max(1) as usize],
            all: Latest::default(),
            write: 0,
            windows: [0; 4],
            start: 0,
            resumed: 0,
            refresh: timing.refi,
            counts: ChannelCounts::default(),
            timing,
        }
    }

    /// Serves the burst that holds byte `address`, requested at cycle `now`; gives the first cycle after its data.
    ///
    /// Calls are in order of arrival: `now` never decreases.
    pub fn access(&mut self, now: u64, address: u64, write: bool) -> u64 {
        let column = self.serve(now, address, write).column;
        column + self.timing.latency[usize::from(write)] + self.timing.burst
    }

    fn serve(&mut self, now: u64, address: u64, write: bool) -> Plan {
        let line = address / self.timing.row_bytes;
        let banks = self.banks.len() as u64;
        let (bank, row) = ((line % banks) as usize, line / banks);
        self.advance(now);
        let mut plan = self.plan(now, (bank, row), write);
        if plan.column >= self.refresh {
            self.refresh_once();
            plan = self.plan(now, (bank, row), write);
        }
        if let Some(activate) = plan.activate {
            self.activate(activate, bank, row);
        }
        self.column(plan.column, bank, write);
        plan
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

    fn plan(&self, now: u64, (bank, row): (usize, u64), write: bool) -> Plan {
        let t = &self.timing;
        let group = &self.groups[bank % self.groups.len()];
        let start = now.max(self.start);
        let from = if t.dram.open_ahead { now.max(self.resumed) } else { start };
        let activate = match self.banks[bank] {
            Some(open) if open.row == row => None,
            Some(open) => Some(from.max(open.until) + t.rp),
            None => Some(from),
        };
        let activate = activate.map(|a| a.max(self.all.activate).max(group.activate).max(self.windows[0]));
        let turn = if write { self.write } else { self.all.read.max(group.read) };
        let free = self.all.column.max(group.column).max(turn).max(start);
        Plan { activate, column: activate.map_or(free, |a| free.max(a + t.rcd)) }
    }

    fn activate(&mut self, at: u64, bank: usize, row: u64) {
        let dram = &self.timing.dram;
        self.banks[bank] = Some(OpenRow { row, until: at + self.timing.ras });
        let group = bank % self.groups.len();
        self.all.activate = at + u64::from(dram.t_rrd_cycles);
        self.groups[group].activate = at + u64::from(dram.t_rrd_l_cycles);
        self.windows.rotate_left(1);
        self.windows[3] = at + u64::from(dram.t_faw_cycles);
        self.counts.activates += 1;
    }

    fn column(&mut self, at: u64, bank: usize, write: bool) {
        let t = &self.timing;
        if let Some(open) = &mut self.banks[bank] {
            open.until = open.until.max(at + t.recovery[usize::from(write)]);
        }
        let groups = self.groups.len();
        let group = &mut self.groups[bank % groups];
        group.column = at + u64::from(t.dram.t_ccd_l_cycles);
        self.all.column = at + t.burst.max(u64::from(t.dram.t_ccd_cycles));
        if write {
            self.counts.writes += 1;
            self.all.read = at + t.write_to_read[0];
            group.read = at + t.write_to_read[1];
        } else {
            self.counts.reads += 1;
            self.write = at + t.read_to_write;
        }
        self.start = at;
    }

    fn refresh_once(&mut self) {
        let begin = self.refresh.max(self.start);
        self.resumed = begin + self.timing.rfc;
        self.start = self.resumed;
        self.banks.fill(None);
        self.refresh += self.timing.refi;
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
            ..Dram::default()
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

    /// [`timing`] with every further term, two groups of two banks.
    fn full() -> Dram {
        Dram {
            banks: 4,
            bank_groups: 2,
            t_ccd_cycles: 3,
            t_ccd_l_cycles: 5,
            t_rrd_cycles: 6,
            t_rrd_l_cycles: 9,
            t_faw_cycles: 40,
            t_cwl_cycles: 5,
            t_rtw_cycles: 1,
            t_wtr_cycles: 4,
            t_wtr_l_cycles: 7,
            t_rtp_cycles: 8,
            t_wr_cycles: 11,
            open_ahead: true,
            ..timing()
        }
    }

    #[test]
    fn rows_are_opened_ahead_within_the_window_of_four() {
        let mut channel = Channel::new(&full());
        let lines = |n: u64| n * 64;
        let columns: Vec<u64> = (0..6).map(|i| channel.serve(0, lines(i), false).column).collect();
        // Activates at 0, 6 (another group), 12, 18; the fifth, in bank 0 again, after 20 + 3 and the window: 40. The
        // sixth, in bank 1, 6 later. Columns 4 after their activates.
        assert_eq!(columns, [4, 10, 16, 22, 44, 50]);
        let mut in_turn = Channel::new(&Dram { open_ahead: false, ..full() });
        let columns: Vec<u64> = (0..6).map(|i| in_turn.serve(0, lines(i), false).column).collect();
        // Bank 1 is precharged with the column command before, at 44.
        assert_eq!(columns, [4, 10, 16, 22, 44, 44 + 3 + 4]);
        let wide = Dram { t_rrd_cycles: 0, t_rrd_l_cycles: 0, t_faw_cycles: 0, ..full() };
        let columns = |t: &Dram| {
            let mut channel = Channel::new(t);
            (0..4).map(|i| channel.serve(0, lines(i), false).column).collect::<Vec<u64>>()
        };
        assert_eq!(columns(&wide), [4, 7, 10, 13], "three cycles between columns of different groups");
        assert_eq!(columns(&Dram { open_ahead: false, ..wide }), [4, 8, 12, 16], "one row after the other");
    }

    #[test]
    fn the_bus_turns_around() {
        let mut channel = Channel::new(&full());
        assert_eq!(channel.serve(0, 0, true).column, 4);
        // Written data from 9 to 11, then t_wtr_l in the same bank.
        assert_eq!(channel.serve(0, 16, false).column, 11 + 7);
        // Read data from 24 to 26, written data two cycles later, its command 5 before: t_ccd_l after the read command.
        assert_eq!(channel.serve(0, 32, true).column, 26 + 2 - 5);
        // Bank 1 is in the other group: data to 30, then t_wtr.
        assert_eq!(channel.serve(0, 64, false).column, 30 + 4);
        // Bank 0 closes after its last written data, and t_wr.
        let plan = channel.serve(0, 256, true);
        assert_eq!((plan.activate, plan.column), (Some(30 + 11 + 3), 30 + 11 + 3 + 4));
        assert_eq!(channel.access(100, 272, true), 100 + 5 + 2, "a write on an idle bus");
        assert_eq!(channel.access(200, 272, false), 200 + 6 + 2, "a read on an idle bus");
    }

    /// A command of the trace that a random run leaves.
    struct Served {
        plan: Plan,
        bank: usize,
        write: bool,
        /// Refreshes before it.
        era: u64,
    }

    fn random_run(t: &Dram, seed: u64) -> Vec<Served> {
        let (mut channel, mut now, mut seed) = (Channel::new(t), 0, seed);
        let mut served = Vec::new();
        for _ in 0..2000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            now += seed >> 61;
            let (address, write) = ((seed >> 33) % 1024, (seed >> 45) % 4 == 0);
            let plan = channel.serve(now, address, write);
            assert!(plan.column >= now && plan.activate.is_none_or(|a| a >= now));
            let bank = (address / 64 % u64::from(t.banks)) as usize;
            served.push(Served { plan, bank, write, era: channel.counts().refreshes });
        }
        served
    }

    /// Every pair of commands against every limit, from the commands alone.
    fn check_run(t: &Dram, served: &[Served]) {
        let n = |x: u32| u64::from(x);
        let group = |s: &Served| s.bank % t.bank_groups as usize;
        let burst = n(t.burst_cycles);
        let data = |s: &Served| s.plan.column + n(if s.write { t.t_cwl_cycles } else { t.t_cl_cycles });
        let acts: Vec<(u64, &Served)> = served.iter().filter_map(|s| Some((s.plan.activate?, s))).collect();
        for (i, (at, s)) in acts.iter().enumerate() {
            assert!(s.plan.column >= at + n(t.t_rcd_cycles));
            assert!(i < 4 || *at >= acts[i - 4].0 + n(t.t_faw_cycles), "a fifth activate in the window");
            for (before, other) in &acts[..i] {
                let same = group(s) == group(other);
                let gap = if same { t.t_rrd_l_cycles.max(t.t_rrd_cycles) } else { t.t_rrd_cycles };
                assert!(*at >= before + n(gap));
                let bank = s.bank == other.bank && s.era == other.era;
                assert!(!bank || *at >= before + n(t.t_ras_cycles) + n(t.t_rp_cycles));
            }
        }
        for (i, s) in served.iter().enumerate() {
            for other in &served[i.saturating_sub(40)..i] {
                let same = group(s) == group(other);
                assert!(s.plan.column >= other.plan.column + burst.max(n(t.t_ccd_cycles)));
                assert!(!same || s.plan.column >= other.plan.column + n(t.t_ccd_l_cycles));
                assert!(data(s) >= data(other) + burst, "two bursts on the bus");
                let wait = if same { t.t_wtr_l_cycles.max(t.t_wtr_cycles) } else { t.t_wtr_cycles };
                let reads_on = other.write && !s.write;
                assert!(!reads_on || s.plan.column >= data(other) + burst + n(wait));
                let writes_on = !other.write && s.write;
                assert!(!writes_on || data(s) >= data(other) + burst + n(t.t_rtw_cycles));
                let recovered = if other.write {
                    data(other) + burst + n(t.t_wr_cycles)
                } else {
                    other.plan.column + n(t.t_rtp_cycles)
                };
                let reopened = s.plan.activate.filter(|_| s.bank == other.bank && s.era == other.era);
                assert!(reopened.is_none_or(|a| a >= recovered + n(t.t_rp_cycles)));
            }
        }
    }

    #[test]
    fn random_traffic_keeps_every_limit() {
        for seed in 0..6 {
            for open_ahead in [false, true] {
                let t = Dram { open_ahead, t_refi_cycles: 400, ..full() };
                check_run(&t, &random_run(&t, seed));
            }
        }
        let broken = Dram { t_faw_cycles: 39, ..full() };
        let run = random_run(&broken, 1);
        assert!(
            std::panic::catch_unwind(|| check_run(&full(), &run)).is_err(),
            "the check sees a cycle too few"
        );
    }
}
