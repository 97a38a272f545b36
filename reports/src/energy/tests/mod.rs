//! Tests over several concepts.

mod prices;
mod reports;
mod tables;
mod variants;

use super::{Data, PriceList, Widths};
use pulvinar_ir::arch::{Arch, SramCell};

/// The default chip at another node and cell.
fn chip(node_nm: u32, cell: SramCell) -> Arch {
    let mut arch = Arch::default_chip();
    arch.technology.node_nm = node_nm;
    arch.technology.sram_cell = cell;
    arch
}

const CELLS: [SramCell; 3] = [SramCell::Lstp, SramCell::Lop, SramCell::Hp];

fn prices(data: &Data, arch: &Arch) -> PriceList {
    PriceList::with(data, arch, &Widths::default()).unwrap()
}
