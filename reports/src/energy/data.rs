//! All tables together; a copy may be altered to see what a constant moves.

use super::constants::Constants;
use super::dram::DramTable;
use super::noc::{LinkTable, RouterTable};
use super::sram::SramTable;
use pulvinar_ir::{Diagnostic, Result};
use std::sync::LazyLock;

/// Process nodes for which every table has data, nm.
pub const NODES_NM: [u32; 2] = [22, 45];

/// Every table.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Scalars.
    pub constants: Constants,
    /// SRAM macros.
    pub sram: SramTable,
    /// Routers.
    pub routers: RouterTable,
    /// Links.
    pub links: LinkTable,
    /// External memories.
    pub dram: DramTable,
}

static EMBEDDED: LazyLock<Data> = LazyLock::new(|| Data {
    constants: Constants::embedded(),
    sram: SramTable::embedded(),
    routers: RouterTable::embedded(),
    links: LinkTable::embedded(),
    dram: DramTable::embedded(),
});

impl Data {
    /// The tables in the program.
    pub fn embedded() -> &'static Data {
        &EMBEDDED
    }
}

/// Refuses a process node without data (`E0621`).
pub fn check_node(node_nm: u32) -> Result<()> {
    if NODES_NM.contains(&node_nm) {
        return Ok(());
    }
    Err(Diagnostic::new(
        "E0621",
        "technology.node_nm",
        format!("there are no SRAM and router data at {node_nm} nm"),
        "set node_nm to 22 or 45",
    ))
}
