//! Reader of the output stream: takes nothing in the first cycles of every period (`docs/machine.md` §7).

/// Whoever reads what the host port hands on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reader {
    /// Period and busy cycles at its start; none is always ready.
    busy: Option<(u64, u64)>,
}

impl Reader {
    /// A reader that is busy in cycles with `now mod period < busy`.
    pub fn new(busy: Option<(u64, u64)>) -> Self {
        Reader { busy }
    }

    /// First cycle from `now` on in which it takes output.
    #[inline]
    pub fn ready_at(&self, now: u64) -> u64 {
        match self.busy {
            Some((period, busy)) if now % period < busy => now - now % period + busy,
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn a_busy_reader_is_ready_later_in_its_period() {
        let reader = Reader::new(Some((10, 4)));
        assert_eq!([0, 3, 4, 9, 10, 13].map(|now| reader.ready_at(now)), [4, 4, 4, 9, 14, 14]);
        assert_eq!(Reader::default().ready_at(7), 7);
    }
}
