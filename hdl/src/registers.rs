//! Register map of the shell: one table, printed as Verilog constants, as documentation and as a C header.

use std::fmt::Write;

/// How a register may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write.
    ReadWrite,
    /// A one written to a bit clears it.
    Clear,
}

impl Access {
    fn text(self) -> &'static str {
        match self {
            Access::Read => "R",
            Access::ReadWrite => "RW",
            Access::Clear => "RW1C",
        }
    }
}

/// A register of 32 bits.
#[derive(Debug, Clone, Copy)]
pub struct Register {
    /// Name in capitals.
    pub name: &'static str,
    /// Byte address.
    pub offset: u32,
    /// Access.
    pub access: Access,
    /// Meaning.
    pub about: &'static str,
}

/// A bit of a register.
#[derive(Debug, Clone, Copy)]
pub struct Bit {
    /// The register's name.
    pub register: &'static str,
    /// Name in capitals.
    pub name: &'static str,
    /// Position.
    pub bit: u32,
    /// Meaning.
    pub about: &'static str,
}

/// A counter in the window of every core.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    /// Name as the activity of the simulator, where there is one.
    pub name: &'static str,
    /// Meaning.
    pub about: &'static str,
}

/// Value of the register `ID`: "PULV".
pub const ID: u32 = 0x5055_4C56;

/// Bytes of the window a core has; the window is the upper half of the address space.
pub const WINDOW_BYTES: u32 = 128;

const fn reg(name: &'static str, offset: u32, access: Access, about: &'static str) -> Register {
    Register { name, offset, access, about }
}

/// All registers, by address.
pub const REGISTERS: &[Register] = &[
    reg("ID", 0x00, Access::Read, "0x50554C56"),
    reg("VERSION", 0x04, Access::Read, "major · 65536 + minor · 256 + patch"),
    reg("BUILD_LOW", 0x08, Access::Read, "hash of program, network and architecture"),
    reg("BUILD_HIGH", 0x0C, Access::Read, "its upper half"),
    reg("CORE_COUNT", 0x10, Access::Read, "cores; the host port's counters follow theirs"),
    reg("STEP_COUNT", 0x14, Access::Read, "timesteps of an inference"),
    reg("CONTROL", 0x18, Access::ReadWrite, "see below; START and STOP read 0"),
    reg("STATUS", 0x1C, Access::Read, "see below"),
    reg("ERROR_BITS", 0x20, Access::Clear, "errors since they were cleared"),
    reg("CYCLES_LOW", 0x28, Access::Read, "cycles of the last complete inference; keeps the upper half"),
    reg("CYCLES_HIGH", 0x2C, Access::Read, "upper half as kept"),
    reg("NOW_LOW", 0x30, Access::Read, "cycles since the start; keeps the upper half"),
    reg("NOW_HIGH", 0x34, Access::Read, "upper half as kept"),
    reg("STARTED", 0x38, Access::Read, "inferences started since reset"),
    reg("COMPLETED", 0x3C, Access::Read, "inferences completed since reset"),
];

const fn bit(register: &'static str, name: &'static str, bit: u32, about: &'static str) -> Bit {
    Bit { register, name, bit, about }
}

/// Bits of `CONTROL` and `STATUS`.
pub const BITS: &[Bit] = &[
    bit("CONTROL", "START", 0, "a one starts an inference"),
    bit("CONTROL", "STOP", 1, "a one gives up what runs and holds the machine in reset"),
    bit("CONTROL", "AGAIN", 2, "an inference that is done is followed by the next"),
    bit("CONTROL", "INTERRUPT", 3, "the interrupt line follows DONE"),
    bit("STATUS", "BUSY", 0, "an inference is under way"),
    bit("STATUS", "DONE", 1, "the answer of the last inference is complete"),
    bit("STATUS", "ERROR", 2, "a bit of ERROR_BITS is set"),
];

const fn counter(name: &'static str, about: &'static str) -> Counter {
    Counter { name, about }
}

/// Counters of a core, by number. Counter n of core k is at half the address space + 128 k + 8 n, low half first.
pub const COUNTERS: &[Counter] = &[
    counter("flit_eject", "flits taken from the network"),
    counter("event_push", "events put into the event queue"),
    counter("event_pop", "events popped"),
    counter("synapse_busy", "beats"),
    counter("synapse_stall", "cycles in which a hazard held a beat back"),
    counter("operations", "synaptic operations"),
    counter("sweep_busy", "cycles of sweeps, without refusals"),
    counter("sweep_stall", "cycles in which the packer refused the sweep"),
    counter("spike", "spikes fired"),
    counter("event_pack", "events packed"),
    counter("flit_inject", "flits sent into the network"),
    counter("attention_busy", "cycles of the attention engine"),
];

/// The constants of `axi_lite.v`: addresses of `ADDR_BITS` bits.
pub fn verilog() -> String {
    let line = |r: &Register| format!("  localparam [ADDR_BITS-1:0] {} = 'h{:02x};\n", r.name, r.offset);
    REGISTERS.iter().map(line).collect()
}

/// The map as tables of Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| address | register | access | meaning |\n|---|---|---|---|\n");
    for r in REGISTERS {
        let _ = writeln!(text, "| 0x{:02X} | `{}` | {} | {} |", r.offset, r.name, r.access.text(), r.about);
    }
    text.push_str("\n| register | bit | name | meaning |\n|---|---|---|---|\n");
    for b in BITS {
        let _ = writeln!(text, "| `{}` | {} | `{}` | {} |", b.register, b.bit, b.name, b.about);
    }
    text.push_str("\n| counter | offset | counts |\n|---|---|---|\n");
    for (n, c) in COUNTERS.iter().enumerate() {
        let _ = writeln!(text, "| `{}` | {} | {} |", c.name, 8 * n, c.about);
    }
    text
}

/// The map as a C header; `addr_bits` is the width of the slave's byte address.
pub fn c_header(addr_bits: u32) -> String {
    let mut text = String::from("/* Register map of the shell. Offsets in bytes; registers of 32 bits. */\n");
    text.push_str("#ifndef PULVINAR_REGISTERS_H\n#define PULVINAR_REGISTERS_H\n\n");
    let _ = writeln!(text, "#define PULVINAR_ID_VALUE 0x{ID:08X}u");
    for r in REGISTERS {
        let _ = writeln!(
            text,
            "#define PULVINAR_{} 0x{:02X}u /* {}: {} */",
            r.name,
            r.offset,
            r.access.text(),
            plain(r.about)
        );
    }
    text.push('\n');
    for b in BITS {
        let _ = writeln!(
            text,
            "#define PULVINAR_{}_{} (1u << {}) /* {} */",
            b.register,
            b.name,
            b.bit,
            plain(b.about)
        );
    }
    text.push('\n');
    for (n, c) in COUNTERS.iter().enumerate() {
        let _ = writeln!(
            text,
            "#define PULVINAR_COUNTER_{} {n}u /* {} */",
            c.name.to_uppercase(),
            plain(c.about)
        );
    }
    let _ = writeln!(
        text,
        "\n/* Low half of a counter of a core; the upper half follows 4 bytes later. */\n\
         #define PULVINAR_COUNTER(core, counter) (0x{:X}u + (core) * {WINDOW_BYTES}u + (counter) * 8u)\n\n#endif",
        1u64 << (addr_bits - 1)
    );
    text
}

/// Words of a C comment, without characters outside ASCII.
fn plain(text: &str) -> String {
    text.replace('·', "*")
}

/// Value of the register `VERSION`: the version of this crate.
pub fn version() -> u32 {
    let number = |text: &str| text.parse::<u32>().unwrap_or(0) & 0xFF;
    number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"))
}
