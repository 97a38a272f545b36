//! Gate memory: small values that sweeps multiply by, concatenated in the order they are made.

/// Gates of one slice.
#[derive(Debug, Default)]
pub struct GateMemory {
    /// Values.
    pub values: Vec<i64>,
}

impl GateMemory {
    /// Zeroed.
    pub fn new(len: usize) -> Self {
        GateMemory { values: vec![0; len] }
    }
    /// Writes one gate; an address outside is an invariant breach of the sender.
    pub fn write(&mut self, at: usize, value: i64) {
        self.values[at] = value;
    }
}
