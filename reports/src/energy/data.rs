//! All tables together; a copy may be altered to see what a constant moves.

use super::constants::Constants;
use super::dram::DramTable;
use super::noc::{LinkTable, RouterTable};
use super::ports::PortTable;
use super::small::SmallTable;
use super::sram::SramTable;
use std::sync::LazyLock;

/// Every table.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Scalars.
    pub constants: Constants,
    /// SRAM macros.
    pub sram: SramTable,
    /// What a second port costs.
    pub ports: PortTable,
    /// Register files and content-addressable memories.
    pub small: SmallTable,
    /// Routers.
    pub routers: RouterTable,
    /// Links.
    pub links: LinkTable,
    /// External memories.
    pub dram: DramTable,
}

static EMBEDDED: LazyLock<Data> = LazyLock::new(|| {
    let sram = SramTable::embedded();
    Data {
        constants: Constants::embedded(),
        ports: PortTable::embedded(&sram),
        sram,
        small: SmallTable::embedded(),
        routers: RouterTable::embedded(),
        links: LinkTable::embedded(),
        dram: DramTable::embedded(),
    }
});

impl Data {
    /// The tables in the program.
    pub fn embedded() -> &'static Data {
        &EMBEDDED
    }
}
