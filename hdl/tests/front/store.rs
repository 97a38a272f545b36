//! Spike store: appends of pass 0, playbacks of later passes.

use crate::{hex, Bench, Rng};
use pulvinar_hdl::netlist::index_bits;
use pulvinar_simulator::unit::event_queue::Queued;
use pulvinar_simulator::unit::spike_store::SpikeStore;

const WIDTH: u32 = 12;

/// What happens in a cycle; steps are those the events act on.
#[derive(Default)]
struct Action {
    append: Option<(i64, usize)>,
    rewind: bool,
    stop: bool,
    advance: Option<usize>,
    retire: Option<usize>,
}

struct Case {
    rng: Rng,
    depth: usize,
    steps: usize,
    buffers: usize,
    store: SpikeStore,
    appended: Vec<u32>,
    playing: bool,
    overflow: bool,
    schedule: Vec<String>,
    trace: Vec<String>,
}

impl Case {
    fn new(seed: u64) -> Case {
        let mut rng = Rng::new(seed);
        let steps = rng.within(1, 9);
        Case {
            depth: rng.pick(&[1, 2, 5, 16, 40, 300]),
            steps,
            buffers: rng.within(1, 2),
            rng,
            store: SpikeStore::new(steps),
            appended: vec![0; steps],
            playing: false,
            overflow: false,
            schedule: Vec::new(),
            trace: Vec::new(),
        }
    }

    fn front(&self) -> Option<Queued> {
        self.store.front().filter(|_| self.playing)
    }

    fn none_left(&self, step: usize) -> bool {
        let left = if self.playing { self.store.left(step) } else { self.appended[step] };
        left == 0
    }

    fn cycle(&mut self, step: usize, action: &Action) {
        let bits = index_bits(self.steps);
        let flag = |on: bool| (i64::from(on), 1);
        let index = |s: Option<usize>| (s.unwrap_or(0) as i64, bits);
        self.schedule.push(hex(&[
            flag(action.append.is_some()),
            flag(action.rewind),
            flag(action.stop),
            flag(action.advance.is_some()),
            flag(action.retire.is_some()),
            index(action.append.map(|a| a.1)),
            index(action.advance),
            index(action.retire),
            index(Some(step)),
            (action.append.map_or(0, |a| a.0), WIDTH),
        ]));
        let front = self.front().map(|e| e.value);
        let [valid, left, lost] = [front.is_some(), self.none_left(step), self.overflow].map(u8::from);
        let (now, value) = (self.trace.len(), front.unwrap_or(0));
        self.trace.push(format!("{now} front {valid} {value:03x} left {left} overflow {lost}"));
        if let Some((value, target)) = action.append {
            let full = self.store.len() == self.depth;
            self.overflow |= full;
            if !full {
                self.store.append(Queued { address: 0, group: 0, step: target as u16, value }, target);
                self.appended[target] += 1;
            }
        }
        if let Some(target) = action.advance {
            self.store.advance(target);
        }
        if action.rewind {
            self.store.rewind();
        }
        self.playing = (self.playing || action.rewind) && !action.stop;
    }

    /// Pass 0: events of the steps that may be under way, then the end of the sweep.
    fn record(&mut self) {
        for step in 0..self.steps {
            for _ in 0..self.rng.within(0, 12) {
                let target = (step + self.rng.within(0, self.buffers - 1)).min(self.steps - 1);
                let value = self.rng.signed(0, (1 << WIDTH) - 1);
                let append = self.rng.chance(80).then_some((value, target));
                self.cycle(step, &Action { append, ..Action::default() });
            }
            let rewind = step + 1 == self.steps;
            self.cycle(step, &Action { retire: Some(step), rewind, ..Action::default() });
        }
    }

    fn play(&mut self, again: bool) {
        let pace = self.rng.pick(&[30, 70, 100]);
        for step in 0..self.steps {
            while !(self.none_left(step) && self.rng.chance(50)) {
                let open = self.front().map(|e| usize::from(e.step)).filter(|&s| s < step + self.buffers);
                let advance = open.filter(|_| self.rng.chance(pace));
                self.cycle(step, &Action { advance, ..Action::default() });
            }
            let last = step + 1 == self.steps;
            let (rewind, stop) = (last && again, last && !again);
            self.cycle(step, &Action { retire: Some(step), rewind, stop, ..Action::default() });
        }
    }
}

fn check(seed: u64) {
    let mut case = Case::new(seed);
    case.record();
    let passes = case.rng.within(1, 3);
    (0..passes).for_each(|p| case.play(p + 1 < passes));
    case.cycle(0, &Action::default());
    let constants = [
        ("WIDTH", WIDTH as usize),
        ("DEPTH", case.depth),
        ("STEPS", case.steps),
        ("STEP_BITS", index_bits(case.steps) as usize),
        ("BUFFERS", case.buffers),
        ("CYCLES", case.schedule.len()),
    ];
    let bench = Bench::new(include_str!("store.v"), &constants);
    bench.write("schedule.hex", &case.schedule.join("\n"));
    bench.check(seed, &case.trace, false);
}

#[test]
fn spike_store_plays_what_it_was_given() {
    (0..60).for_each(check);
}
