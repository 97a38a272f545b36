//! Tests over several concepts.

mod prices;
mod process;
mod reports;
mod tables;
mod variants;

use super::process::Process;
use super::{Data, PriceList, Widths};
use pulvinar_ir::arch::{Arch, SramCell};

/// The default chip at another node and cell.
fn chip(node_nm: u32, cell: SramCell) -> Arch {
    let mut arch = Arch::default_chip();
    arch.technology.node_nm = node_nm;
    arch.technology.sram_cell = cell;
    arch.technology.far_scaling = true;
    arch
}

/// Does something in the process of a chip.
fn at<T>(arch: &Arch, then: impl FnOnce(&Process) -> T) -> T {
    then(&Process::new(&Data::embedded().constants, &arch.technology).unwrap())
}

use super::process::NODES_NM;
use super::sram::CELLS;

fn prices(data: &Data, arch: &Arch) -> PriceList {
    PriceList::with(data, arch, &Widths::default()).unwrap()
}
