//! The trace: every event leaving a core and every flit leaving a router, with its cycle, in canonical order.
//!
//! Text form, one line an entry, sorted by (cycle, kind, place, ...):
//!
//! ```text
//! <cycle> event core=<core> stream=<id> step=<t> address=<a> value=<v>
//! <cycle> flit router=<r> port=<p> vc=<v> packet=<n>
//! <cycle> step core=<core> pass=<p> step=<t>         the sweep of a step ended
//! ```

use std::fmt;

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// An event accepted by the packer of a core.
    Event {
        /// Core.
        core: u32,
        /// Stream id within the phase.
        stream: u32,
        /// Timestep (pass for statistics and gates).
        step: u32,
        /// Address within the node's value of one step.
        address: u32,
        /// Value.
        value: i64,
    },
    /// A flit crossing a router's output register.
    Flit {
        /// Router (tile).
        router: u32,
        /// Output port.
        port: u32,
        /// Output virtual channel.
        vc: u32,
        /// Packet number: order of injection at its source, source in the high half.
        packet: u64,
    },
    /// The last word of a sweep left the update engine.
    Step {
        /// Core.
        core: u32,
        /// Pass.
        pass: u32,
        /// Timestep.
        step: u32,
    },
}

/// Entries with their cycles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Cycle and entry; canonical after [`Trace::sort`].
    pub entries: Vec<(u64, Entry)>,
}

impl Trace {
    /// Brings the entries into canonical order.
    pub fn sort(&mut self) {
        self.entries.sort_unstable();
    }

    /// Parses the text form; the error is the number of the first bad line.
    pub fn parse(text: &str) -> Result<Trace, usize> {
        let entries =
            text.lines().enumerate().map(|(i, l)| parse_line(l).ok_or(i + 1)).collect::<Result<_, _>>()?;
        Ok(Trace { entries })
    }
}

fn parse_line(line: &str) -> Option<(u64, Entry)> {
    let mut words = line.split(' ');
    let cycle = words.next()?.parse().ok()?;
    let kind = words.next()?;
    let mut field =
        |name: &str| -> Option<i64> { words.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok() };
    let entry = match kind {
        "event" => Entry::Event {
            core: field("core")? as u32,
            stream: field("stream")? as u32,
            step: field("step")? as u32,
            address: field("address")? as u32,
            value: field("value")?,
        },
        "flit" => Entry::Flit {
            router: field("router")? as u32,
            port: field("port")? as u32,
            vc: field("vc")? as u32,
            packet: field("packet")? as u64,
        },
        "step" => Entry::Step {
            core: field("core")? as u32,
            pass: field("pass")? as u32,
            step: field("step")? as u32,
        },
        _ => return None,
    };
    Some((cycle, entry))
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (cycle, entry) in &self.entries {
            match entry {
                Entry::Event { core, stream, step, address, value } => {
                    writeln!(f, "{cycle} event core={core} stream={stream} step={step} address={address} value={value}")?;
                }
                Entry::Flit { router, port, vc, packet } => {
                    writeln!(f, "{cycle} flit router={router} port={port} vc={vc} packet={packet}")?;
                }
                Entry::Step { core, pass, step } => {
                    writeln!(f, "{cycle} step core={core} pass={pass} step={step}")?;
                }
            }
        }
        Ok(())
    }
}
