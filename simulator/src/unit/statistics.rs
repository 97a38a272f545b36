//! Running statistics: sums and maxima over a sequence, of a slice's box, combined at the home slice.

use crate::packet::Event;
use crate::prepare::sweep::{PassPlan, Tap};
use crate::prepare::synapse::Region;
use pulvinar_ir::{NodeId, Value};

/// Statistics memory of one slice, for the taps of one pass at a time.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Words of all taps, concatenated.
    pub words: Vec<i64>,
}

impl Statistics {
    /// Clears the memory for a pass: sums at 0, maxima below everything.
    pub fn begin(&mut self, pass: &PassPlan<'_>) {
        self.words.clear();
        self.words.resize(pass.tap_len, 0);
        for tap in pass.taps.iter().filter(|t| t.max) {
            self.words[tap.base..tap.base + tap.shape.len()].fill(i64::MIN);
        }
    }

    /// Combines an arriving statistic; gives true if it belongs to a maximum.
    pub fn combine(&mut self, pass: &PassPlan<'_>, event: Event) -> bool {
        let at = event.address as usize;
        let tap =
            pass.taps.iter().rfind(|t| t.base <= at).expect("invariant: slices of a stage share their taps");
        let word = &mut self.words[at];
        *word = if tap.max { (*word).max(event.value) } else { *word + event.value };
        tap.max
    }

    /// Folds one element.
    pub fn fold(&mut self, tap: &Tap, (t, c, h, w): (usize, usize, usize, usize), value: i64) {
        let word = &mut self.words[tap.base + tap.shape.broadcast_index(t, c, h, w)];
        *word = if tap.max { (*word).max(value) } else { *word + value };
    }

    /// Folds the channels of one position, from `first` on.
    pub fn fold_row(&mut self, tap: &Tap, (t, first, h, w): (usize, usize, usize, usize), values: &[i64]) {
        let at = tap.base + tap.shape.broadcast_index(t, first, h, w);
        if tap.shape.c == 1 {
            let word = &mut self.words[at];
            *word = if tap.max {
                values.iter().fold(*word, |a, &v| a.max(v))
            } else {
                *word + values.iter().sum::<i64>()
            };
            return;
        }
        let words = self.words[at..].iter_mut().step_by(tap.shape.h * tap.shape.w);
        words.zip(values).for_each(|(a, &v)| *a = if tap.max { (*a).max(v) } else { *a + v });
    }

    /// The entries a slice's box covers, tap by tap, row-major.
    pub fn covered(&self, pass: &PassPlan<'_>, region: &Region) -> Vec<Event> {
        let mut events = Vec::new();
        for tap in &pass.taps {
            let s = tap.shape;
            let clip = |n: usize, range: [usize; 2]| if n == 1 { 0..1 } else { range[0]..range[1] };
            for t in 0..s.t {
                for c in clip(s.c, region.channels) {
                    for h in clip(s.h, region.rows) {
                        for w in 0..s.w {
                            let at = tap.base + s.index(t, c, h, w);
                            events.push(Event { address: at as u32, value: self.words[at] });
                        }
                    }
                }
            }
        }
        events
    }

    /// The finished statistics of a pass.
    pub fn values(&self, pass: &PassPlan<'_>) -> Vec<(NodeId, Value)> {
        let value = |t: &Tap| Value::int(t.shape, self.words[t.base..t.base + t.shape.len()].to_vec());
        pass.taps.iter().map(|t| (t.node, value(t))).collect()
    }
}
