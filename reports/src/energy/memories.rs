//! The SRAM macros behind each memory of a core.
//!
//! A memory is built from equal macros. The accumulator has one set per buffer; its banks are separate macros
//! across the lanes of a word (CACTI would otherwise charge a monolithic tree for them). A word wider than the
//! table lies on several macros side by side, a memory larger than the table on several of which one is accessed.

use super::sram::{Macro, SramTable};
use pulvinar_ir::arch::Arch;
use pulvinar_ir::counts::Memory;

/// Widest word of the table, bits.
const MAX_WIDTH_BITS: u64 = 512;
/// Largest macro of the table, bits.
const MAX_MACRO_BITS: u64 = 4096 * 8192;

/// A memory of one core as macros.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroSet {
    /// One macro.
    pub unit: Macro,
    /// Macros in one core.
    pub macros: u64,
    /// Macros that one word access touches.
    pub per_access: u64,
}

/// The macros of a memory; `None` when the memory has no capacity or there are no data for the node.
pub fn macro_set(table: &SramTable, arch: &Arch, memory: Memory) -> Option<MacroSet> {
    let capacity_bits = arch.capacity_bits(memory);
    if capacity_bits == 0 {
        return None;
    }
    let word_bits = u64::from(arch.word_bits(memory));
    let core = &arch.core;
    let (sets, across) = match memory {
        Memory::Accumulator => {
            let (banks, lanes) = (u64::from(core.accumulator_banks), u64::from(core.lanes));
            (u64::from(core.accumulator_buffers) * banks, banks.min(lanes))
        }
        _ => (1, 1),
    };
    let bank_word = word_bits.div_ceil(across);
    let slices = bank_word.div_ceil(MAX_WIDTH_BITS);
    let slice_bits = capacity_bits.div_ceil(sets * slices);
    let stack = slice_bits.div_ceil(MAX_MACRO_BITS);
    let macros = sets * slices * stack;
    let kib = capacity_bits as f64 / macros as f64 / 8192.0;
    let width = bank_word as f64 / slices as f64;
    let mut unit = table.lookup(arch.technology.sram_cell, arch.technology.node_nm, kib, width)?;
    if macros > 1 {
        unit.notes.push(format!("{macros} macros, {} in one access", across * slices));
    }
    Some(MacroSet { unit, macros, per_access: across * slices })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_hold_the_memory() {
        let table = SramTable::embedded();
        let mut arch = Arch::default_chip();
        let acc = macro_set(&table, &arch, Memory::Accumulator).unwrap();
        assert_eq!((acc.macros, acc.per_access), (32, 16));
        assert_eq!(acc.unit.name, "lstp 2 KiB x 24 bit");
        let stat = macro_set(&table, &arch, Memory::Statistics).unwrap();
        assert_eq!((stat.macros, stat.per_access), (2, 2));
        assert_eq!(stat.unit.name, "lstp 8 KiB x 320 bit");
        arch.core.weight_kib = 16384;
        let weight = macro_set(&table, &arch, Memory::Weight).unwrap();
        assert_eq!((weight.macros, weight.per_access), (4, 1));
        arch.core.pointer_kib = 0;
        assert_eq!(macro_set(&table, &arch, Memory::Pointer), None);
    }

    #[test]
    fn the_small_queue_is_marked() {
        let set = macro_set(&SramTable::embedded(), &Arch::default_chip(), Memory::EventQueue).unwrap();
        assert_eq!(set.unit.notes, ["capacity of 0.25 KiB is outside the table, 1 KiB used"]);
    }
}
