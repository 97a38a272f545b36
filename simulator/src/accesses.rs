//! Accesses of the on-chip memories, cycle by cycle, as the plain engine makes them.
//!
//! A memory consists of arrays with an address of their own in every cycle (`docs/memory.md`); an access names its
//! array. Together they are the accesses that the counts have, except words written while weights are loaded (nothing
//! else runs then). Where the counts have whole runs (a list of statistics, a program, a frame moved to or from external
//! memory), the accesses are spread evenly over it.

use pulvinar_ir::counts::Memory;

/// One access of one array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// Core.
    pub core: u32,
    /// Memory.
    pub memory: Memory,
    /// Array of the memory.
    pub array: u32,
    /// Cycle.
    pub cycle: u64,
    /// A write.
    pub write: bool,
}

/// Accesses of one core on their way into the log.
#[derive(Debug)]
pub struct AccessLog<'a> {
    /// All of them.
    pub all: &'a mut Vec<Access>,
    /// Core.
    pub core: u32,
}

impl AccessLog<'_> {
    /// A read of an array.
    pub fn read(&mut self, memory: Memory, array: usize, cycle: u64) {
        self.push(memory, array, cycle, false);
    }

    /// A write of an array.
    pub fn write(&mut self, memory: Memory, array: usize, cycle: u64) {
        self.push(memory, array, cycle, true);
    }

    /// An access of an array.
    pub fn push(&mut self, memory: Memory, array: usize, cycle: u64, write: bool) {
        self.all.push(Access { core: self.core, memory, array: array as u32, cycle, write });
    }
}
