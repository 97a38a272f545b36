//! Statistics on their way home, attention programs, and gates on their way back.

use super::{program, rounds, Clock, Sent};
use crate::analytic::book;
use crate::analytic::sending::{Pace, Sending};
use crate::prepare::phase::Seat;
use pulvinar_ir::StreamKind;

impl Clock<'_, '_> {
    /// A program comes next. The statistics of a slice that is not the home leave, if a sweep of their pass has ended.
    pub(super) fn pass_ended(&mut self, core: usize, (p, program, round): (usize, usize, usize), end: u64) {
        let plan = &self.phase.cores[core];
        self.cores[core].frame = end + 1;
        let pass = &self.machine.stages[plan.stage].passes[p];
        let Some(stream) = plan.statistics.filter(|_| !plan.home && p == program) else { return };
        let sent = self.list((stream, p, round), book::covered(pass, &plan.region), end + 1);
        self.cores[core].packed = sent.last + 1;
    }

    pub(super) fn list(&mut self, key: (u32, usize, usize), n: u64, offer: u64) -> Sent {
        let plan = &self.phase.streams[key.0 as usize];
        let list = Sending::list(n, plan, Pace::of(self.machine, self.network, plan));
        let end = offer + list.span + list.copying - 1;
        let first = if n >= u64::from(plan.per_flit) { offer + list.first } else { end + 1 };
        let sent = Sent { first, end, last: end + list.flush(plan, true) };
        self.small.insert(key, sent);
        sent
    }

    /// Cycle at which the gates of a pass are there.
    pub(super) fn gates(&mut self, core: usize, p: usize, step: usize) -> Option<u64> {
        let plan = &self.phase.cores[core];
        if plan.home {
            return self.program(core, p, step);
        }
        let to_me = |s: &crate::prepare::phase::StreamPlan| {
            s.kind == StreamKind::Gates && s.destinations.contains(&plan.port)
        };
        let stream = self.phase.streams.iter().position(to_me)?;
        let source = &self.phase.streams[stream];
        let sent = self.small.get(&(stream as u32, p, step))?;
        let Seat::Core(home) = self.phase.seats[source.source.0 as usize] else { return None };
        let made = self.machine.stages[self.phase.cores[home as usize].stage].passes[p].made_range;
        let path = self.network.latency(source.source, plan.port);
        let n = (made[1] - made[0]) as u64;
        Some((sent.last + path + 1).max(sent.first + path + n + 2))
    }

    /// Runs a home's program when all statistics are there; gives the cycle at which it is finished.
    pub(super) fn program(&mut self, core: usize, p: usize, step: usize) -> Option<u64> {
        let plan = &self.phase.cores[core];
        let own = *self.cores[core].ends.get(&(p, step))?;
        let stage = &self.machine.stages[plan.stage];
        let (mut start, mut queue): (u64, Vec<(u64, u64)>) = (own + 1, Vec::new());
        // Rounds behind the last step have no statistics to wait for.
        let [gathered, _] = rounds(self.machine, stage);
        for (i, stream) in self.phase.streams.iter().enumerate().filter(|_| step < gathered) {
            if stream.kind != StreamKind::Statistics || !stream.destinations.contains(&plan.port) {
                continue;
            }
            let sent = self.small.get(&(i as u32, p, step))?;
            let path = self.network.latency(stream.source, plan.port);
            start = start.max(sent.last + path + 1);
            let Seat::Core(from) = self.phase.seats[stream.source.0 as usize] else { continue };
            queue.push((
                sent.first + path,
                book::covered(&stage.passes[p], &self.phase.cores[from as usize].region),
            ));
        }
        queue.sort_unstable();
        let popped = queue.iter().fold(0, |at: u64, &(from, n)| at.max(from) + n);
        start = start.max(popped + 2);
        let finish = start + program(self.machine, plan.stage, p, step).0;
        if let Some(stream) = plan.gates {
            let made = stage.passes[p].made_range;
            let sent = self.list((stream, p, step), (made[1] - made[0]) as u64, finish);
            self.cores[core].packed = sent.last + 1;
        }
        Some(finish)
    }
}
