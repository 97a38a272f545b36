//! The two engines: one rule, driven every cycle or only at the cycles that matter.

use crate::context::{Context, FlitTrace, Wake};
use crate::noc::{Fabric, NoObserver, PortId};
use crate::packet::{Slab, Transfers};
use crate::prepare::phase::{PhasePlan, Seat};
use crate::prepare::Machine;
use crate::run::{EngineKind, Log, SimOptions};
use crate::unit::core::Core;
use crate::unit::host_port::{HostMemory, HostPort};
use crate::unit::memory_controller::{ExternalMemory, MemoryController};
use pulvinar_ir::{Diagnostic, Result, Value};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Idle cycles after which the plain engine takes the machine for finished (or stuck).
const PLAIN_PATIENCE_CYCLES: u64 = 8;

/// One phase of one inference.
pub struct Simulation<'a, 'm, F> {
    machine: &'m Machine<'m>,
    phase: &'m PhasePlan,
    input: &'a Value,
    fabric: F,
    slab: Slab,
    transfers: Transfers,
    log: &'a mut Log,
    memory: &'a mut HostMemory,
    external: &'a mut ExternalMemory,
    controller: MemoryController,
    cores: Vec<Core<'m>>,
    host: HostPort,
    fast: bool,
    limit: u64,
    now: u64,
    /// Step and first cycle that the barrier has released.
    barrier: Option<(usize, u64)>,
    /// First cycle of the current quiet.
    quiet_since: Option<u64>,
    visited: u64,
    /// Units not quiet, one bit a port.
    busy: Vec<u64>,
    calendar: Calendar,
}

/// Ports to tick: in the next cycle, or later.
struct Calendar {
    due: Vec<u64>,
    later: BinaryHeap<Reverse<(u64, u32)>>,
    /// Earliest entry of a port in `later`.
    earliest: Vec<u64>,
    /// Ports whose ejection buffer waits for their own queue.
    blocked: Vec<u64>,
    /// Ports whose injector waits for a credit of the network.
    jammed: Vec<u64>,
}

impl Calendar {
    fn new(ports: usize) -> Self {
        let words = ports.div_ceil(64);
        Calendar {
            due: vec![0; words],
            later: BinaryHeap::new(),
            earliest: vec![u64::MAX; ports],
            blocked: vec![0; words],
            jammed: vec![0; words],
        }
    }

    fn set_due(&mut self, port: usize) {
        self.due[port / 64] |= 1 << (port % 64);
    }

    fn plan(&mut self, port: usize, at: u64) {
        if at < self.earliest[port] {
            self.earliest[port] = at;
            self.later.push(Reverse((at, port as u32)));
        }
    }

    /// Moves what falls due at `now` out of the heap.
    fn collect(&mut self, now: u64) {
        while let Some(&Reverse((at, port))) = self.later.peek() {
            if at > now {
                break;
            }
            self.later.pop();
            if self.earliest[port as usize] == at {
                self.earliest[port as usize] = u64::MAX;
            }
            self.set_due(port as usize);
        }
    }

    fn is_due(&self) -> bool {
        self.due.iter().any(|&w| w != 0)
    }

    fn next(&self) -> Option<u64> {
        self.later.peek().map(|r| r.0 .0)
    }
}

/// What a phase leaves.
pub struct PhaseEnd<F> {
    /// First cycle after the phase.
    pub end: u64,
    /// The network with its counters.
    pub fabric: F,
    /// Cycles simulated.
    pub visited: u64,
}

impl<'a, 'm, F: Fabric> Simulation<'a, 'm, F> {
    /// A phase that starts at `start`.
    pub fn new(
        machine: &'m Machine<'m>,
        phase: &'m PhasePlan,
        (input, memory, external, log): (&'a Value, &'a mut HostMemory, &'a mut ExternalMemory, &'a mut Log),
        (options, start): (&SimOptions, u64),
    ) -> Result<Self> {
        let fast = options.engine == EngineKind::Fast;
        let refuse = |e: crate::noc::ConfigError| {
            crate::prepare::refuse("noc", e.to_string(), "change the architecture file")
        };
        let mut fabric = F::new(&phase.noc, &phase.trees).map_err(refuse)?;
        fabric.skip_to(start);
        let cores = phase.cores.iter().map(|plan| Core::new(machine, plan, phase, fast, start)).collect();
        let host = HostPort::new(machine, phase, options, start);
        let ports = phase.seats.len();
        Ok(Simulation {
            machine,
            phase,
            input,
            fabric,
            slab: Slab::new(phase.stride),
            transfers: Transfers::default(),
            log,
            memory,
            external,
            controller: MemoryController::new(machine, phase, start),
            cores,
            host,
            fast,
            limit: options.cycle_limit,
            now: start,
            barrier: machine.barrier.map(|_| (0, start)),
            quiet_since: None,
            visited: 0,
            busy: vec![0; ports.div_ceil(64)],
            calendar: Calendar::new(ports),
        })
    }

    /// Runs the phase until nothing moves; a machine that stops before its work is done is a diagnostic.
    pub fn run(mut self) -> Result<PhaseEnd<F>> {
        self.wake_all();
        loop {
            if self.now >= self.limit {
                return Err(self.over_limit());
            }
            if !self.fast {
                self.wake_all();
            }
            self.cycle();
            if self.release_barrier() {
                continue;
            }
            if !self.advance() {
                break;
            }
        }
        let end = self.settled_at().unwrap_or(self.now);
        match self.stuck() {
            Some(waiting) => Err(deadlock(end, &waiting)),
            None => Ok(PhaseEnd { end, fabric: self.fabric, visited: self.visited }),
        }
    }

    fn wake_all(&mut self) {
        for (port, seat) in self.phase.seats.iter().enumerate() {
            if *seat != Seat::Empty {
                self.calendar.set_due(port);
            }
        }
    }

    /// Everything of cycle `now`.
    fn cycle(&mut self) {
        self.visited += 1;
        for word in 0..self.calendar.due.len() {
            self.tick_word(word);
        }
        match &mut self.log.trace {
            Some(trace) => self.fabric.step(&mut FlitTrace {
                slab: &self.slab,
                transfers: &self.transfers,
                phase: self.phase,
                trace,
            }),
            None => self.fabric.step(&mut NoObserver),
        }
        let quiet = self.fabric.is_empty() && self.busy.iter().all(|&w| w == 0);
        let since = self.quiet_since.unwrap_or(self.now + 1);
        self.quiet_since = quiet.then_some(since);
        self.now += 1;
    }

    /// The ports of one word of the calendar that are due.
    fn tick_word(&mut self, word: usize) {
        let mut due = std::mem::take(&mut self.calendar.due[word]);
        if due == 0 {
            return;
        }
        let (mut next, mut blocked, mut jammed, mut quiet) = (0, 0, 0, 0);
        let visited = due;
        while due != 0 {
            let bit = due & due.wrapping_neg();
            let port = word * 64 + due.trailing_zeros() as usize;
            due ^= bit;
            let (wake, busy) = self.tick(port);
            let only = |on: bool| if on { bit } else { 0 };
            blocked |= only(wake.blocked);
            jammed |= only(wake.jammed);
            quiet |= only(!busy);
            if wake.at == self.now + 1 {
                next |= bit;
            } else {
                self.calendar.plan(port, wake.at);
            }
        }
        let calendar = &mut self.calendar;
        calendar.due[word] = next;
        calendar.blocked[word] = calendar.blocked[word] & !visited | blocked;
        calendar.jammed[word] = calendar.jammed[word] & !visited | jammed;
        self.busy[word] = (self.busy[word] | visited) & !quiet;
    }

    fn tick(&mut self, port: usize) -> (Wake, bool) {
        let mut cx = Context {
            now: self.now,
            fabric: &mut self.fabric,
            slab: &mut self.slab,
            transfers: &mut self.transfers,
            log: self.log,
            machine: self.machine,
            phase: self.phase,
            barrier: self.barrier,
        };
        match self.phase.seats[port] {
            Seat::Core(i) => {
                let core = &mut self.cores[i as usize];
                (core.tick(&mut cx), !core.is_quiet())
            }
            Seat::Host => (self.host.tick(&mut cx, self.input, self.memory), !self.host.is_quiet()),
            Seat::Memory => {
                let wake = self.controller.tick(&mut cx, self.external);
                (wake, !self.controller.is_quiet())
            }
            Seat::Empty => (Wake { at: u64::MAX, blocked: false, jammed: false }, false),
        }
    }

    /// First cycle at which the machine is quiet and every write has landed, if it is quiet now.
    fn settled_at(&self) -> Option<u64> {
        let since = self.quiet_since?;
        Some(self.cores.iter().map(Core::landed_at).fold(since.max(self.controller.done_at()), u64::max))
    }

    /// With a barrier: when the step is over, releases the next one and moves to it.
    fn release_barrier(&mut self) -> bool {
        let (Some(cycles), Some((step, _))) = (self.machine.barrier, self.barrier) else { return false };
        let Some(settled) = self.settled_at() else { return false };
        if !self.fast && self.now < settled {
            return false;
        }
        if step + 1 == self.machine.steps {
            self.memory.finished_at = self.memory.finished_at.or(Some(settled - 1));
            return false;
        }
        let start = settled + cycles;
        if !self.fast && self.now < start {
            return false;
        }
        self.barrier = Some((step + 1, start));
        while self.now < start {
            let target = self.fabric.next_event().map_or(start, |e| e.min(start));
            if target > self.now {
                self.fabric.skip_to(target);
                self.now = target;
            } else {
                self.fabric.step(&mut NoObserver);
                self.now += 1;
            }
        }
        self.quiet_since = None;
        self.calendar.collect(self.now);
        self.wake_all();
        true
    }

    /// Moves to the next cycle that matters; false if there is none.
    fn advance(&mut self) -> bool {
        if !self.fast {
            let over = self.settled_at().is_some_and(|s| self.now >= s + PLAIN_PATIENCE_CYCLES);
            return !over || self.pending_barrier();
        }
        self.notice_flits();
        self.calendar.collect(self.now);
        while !self.calendar.is_due() {
            let network = self.fabric.next_event();
            let next = match (network, self.calendar.next()) {
                (None, None) => return false,
                (a, b) => a.unwrap_or(u64::MAX).min(b.unwrap_or(u64::MAX)),
            };
            if next > self.now {
                self.fabric.skip_to(next);
                self.now = next;
                self.notice_flits();
                self.calendar.collect(self.now);
            }
            if network.is_some_and(|n| n <= self.now) {
                break;
            }
        }
        true
    }

    /// Between the end of a step and its barrier the plain engine waits.
    fn pending_barrier(&self) -> bool {
        self.barrier.is_some_and(|(step, _)| step + 1 < self.machine.steps)
    }

    /// Ports whose ejection buffer holds a flit they can look at, or whose injector has a credit again.
    fn notice_flits(&mut self) {
        let mask = self.phase.vc_mask;
        for word in 0..self.calendar.jammed.len() {
            let mut jammed = self.calendar.jammed[word] & self.fabric.injectable_ports(word);
            while jammed != 0 {
                let bit = jammed & jammed.wrapping_neg();
                let port = PortId((word * 64) as u32 + jammed.trailing_zeros());
                jammed ^= bit;
                if self.fabric.injectable(port) & mask != 0 {
                    self.calendar.due[word] |= bit;
                }
            }
            self.calendar.due[word] |= self.fabric.ejectable(word) & !self.calendar.blocked[word];
        }
    }

    /// What unfinished units wait for; none if the phase is done.
    fn stuck(&self) -> Option<Vec<String>> {
        let mut waiting: Vec<String> = self.cores.iter().filter_map(Core::waiting).collect();
        waiting.extend(self.host.waiting(self.machine.steps));
        waiting.extend(self.controller.waiting(self.machine.steps));
        (!waiting.is_empty()).then_some(waiting)
    }

    fn over_limit(&self) -> Diagnostic {
        let waiting = self.stuck().unwrap_or_default();
        Diagnostic::new(
            "E0703",
            format!("cycle {}", self.now),
            format!("the run is not over after {} cycles; {}", self.limit, some(&waiting)),
            "raise the cycle limit, or run fewer steps",
        )
    }
}

fn some(waiting: &[String]) -> String {
    let rest = waiting.len().saturating_sub(8);
    let mut text = waiting[..waiting.len() - rest].join("; ");
    if rest > 0 {
        text.push_str(&format!("; and {rest} more"));
    }
    text
}

fn deadlock(cycle: u64, waiting: &[String]) -> Diagnostic {
    Diagnostic::new(
        "E0702",
        format!("cycle {cycle}"),
        format!("nothing can happen any more and the run is not over: {}", some(waiting)),
        "a stream, credit or token is missing in the program; build programs with the mapper",
    )
}
