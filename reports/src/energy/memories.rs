//! The SRAM macros behind each memory of a core.
//!
//! A memory is built from equal macros. The accumulator has one set per buffer; its banks are separate macros
//! across the lanes of a word (CACTI would otherwise charge a monolithic tree for them). A word wider than the
//! table lies on several macros side by side, a memory larger than the table on several of which one is accessed.
//! The table's macros have one port; one with a second port costs what [`super::ports`] says.

use super::data::Data;
use super::errors;
use super::process::{Kind, Process, SRAM_NM};
use super::quantity::{Origin, Sourced};
use super::sram::{cell_name, tidy, Figure, Macro, SramTable};
use pulvinar_ir::arch::{Arch, SramCell, ROOM_TEMPERATURE_K};
use pulvinar_ir::counts::{Memory, Ports};
use pulvinar_ir::Result;

/// Widest word of the table, bits.
const MAX_WIDTH_BITS: u64 = 512;
/// Largest macro of the table, bits.
const MAX_MACRO_BITS: u64 = 4096 * 8192;

/// A memory of one core as macros.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroSet {
    /// Capacity of one macro, KiB.
    pub kib: f64,
    /// Word of one macro, bits.
    pub width_bits: f64,
    /// Macros in one core.
    pub macros: u64,
    /// Macros that one word access touches.
    pub per_access: u64,
    /// Ports of each.
    pub ports: Ports,
}

impl MacroSet {
    /// A figure of one macro in the chip's process; `None` when the table has none.
    pub fn sourced(&self, data: &Data, process: &Process, figure: Figure) -> Result<Option<Sourced>> {
        let one = sourced(&data.sram, process, (self.kib, self.width_bits), figure)?;
        let found = match self.ports {
            Ports::Single => one,
            Ports::ReadAndWrite => one.map(|one| data.ports.second(one, figure, process.node_nm())),
        };
        let note = format!("{} macros, {} in one access", self.macros, self.per_access);
        Ok(found.map(|f| if self.macros > 1 { f.note(note) } else { f }))
    }
}

/// A figure of a macro of (KiB, bits) in the chip's process.
pub fn sourced(
    table: &SramTable,
    process: &Process,
    (kib, width_bits): (f64, f64),
    figure: Figure,
) -> Result<Option<Sourced>> {
    let kind = match figure {
        Figure::Read | Figure::Write | Figure::Access => Kind::Sram,
        Figure::Leakage => Kind::SramLeakage,
        Figure::Area => Kind::SramArea,
    };
    let (cell, kelvin) = (process.sram_cell(), process.temperature_k());
    let warm = figure == Figure::Leakage && kelvin != ROOM_TEMPERATURE_K;
    process.place(&SRAM_NM, kind, |node| {
        let unit = table.lookup(cell, node, kib, width_bits)?;
        let cold = unit.sourced(figure);
        if !warm {
            return Some(cold);
        }
        at_temperature(table, cell, &unit, cold, (kib, kelvin))
    })
}

/// Leakage of a macro carried from 300 K to another temperature.
fn at_temperature(
    table: &SramTable,
    cell: SramCell,
    unit: &Macro,
    cold: Sourced,
    (kib, kelvin): (f64, f64),
) -> Option<Sourced> {
    let ratio = table.leak_ratio(cell, unit.node_nm, kib, kelvin)?;
    let spread = errors::spread("SRAM leakage over temperature");
    let name = format!("rule: leakage of {} at {} K", cell_name(cell), tidy(kelvin));
    let note = format!("leakage at {} K", tidy(kelvin));
    Some(cold.times(ratio).rule(Origin::rule(name, &["cacti7"], spread)).note(note))
}

/// The macros of a memory; `None` when the memory has no capacity.
pub fn macro_set(arch: &Arch, memory: Memory) -> Option<MacroSet> {
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
    Some(MacroSet { kib, width_bits: width, macros, per_access: across * slices, ports: memory.ports() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Macro of a memory of the default chip, at 22 nm.
    fn unit(set: &MacroSet) -> Macro {
        SramTable::embedded().lookup(SramCell::Lstp, 22, set.kib, set.width_bits).unwrap()
    }

    #[test]
    fn macros_hold_the_memory() {
        let mut arch = Arch::default_chip();
        let acc = macro_set(&arch, Memory::Accumulator).unwrap();
        assert_eq!((acc.macros, acc.per_access), (32, 16));
        assert_eq!(unit(&acc).name, "lstp 2 KiB x 24 bit");
        let stat = macro_set(&arch, Memory::Statistics).unwrap();
        assert_eq!((stat.macros, stat.per_access), (2, 2));
        assert_eq!(unit(&stat).name, "lstp 8 KiB x 320 bit");
        arch.core.weight_kib = 16384;
        let weight = macro_set(&arch, Memory::Weight).unwrap();
        assert_eq!((weight.macros, weight.per_access), (4, 1));
        arch.core.pointer_kib = 0;
        assert_eq!(macro_set(&arch, Memory::Pointer), None);
    }

    #[test]
    fn the_small_queue_is_marked() {
        let set = macro_set(&Arch::default_chip(), Memory::EventQueue).unwrap();
        assert_eq!(unit(&set).notes, ["capacity of 0.25 KiB is outside the table, 1 KiB used"]);
    }
}
