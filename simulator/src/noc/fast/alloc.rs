//! State and allocators of one router of the fast engine.

use super::super::config::{MAX_PORTS, MAX_VCS};
use super::super::RouterActivity;

/// Slots a router may have; a power of two, so that a masked index needs no check.
pub const SLOTS: usize = 64;
/// Room for [`MAX_PORTS`] ports, a power of two for the same reason.
const PORTS: usize = MAX_PORTS.next_power_of_two();

/// The set bits of a mask, lowest first.
pub struct Bits(u64);

/// The set bits of `mask`, lowest first.
#[inline]
pub fn bits(mask: u64) -> Bits {
    Bits(mask)
}

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// Round-robin choice: the first set bit of `mask` at or after `pointer`, cyclically. `mask` must not be 0.
#[inline]
pub fn round_robin(mask: u64, pointer: u8) -> usize {
    let pointer = u32::from(pointer);
    (mask.rotate_right(pointer).trailing_zeros() + pointer) as usize % SLOTS
}

/// The pointer that makes `index` the last choice next time; 64 is as good as 0.
#[inline]
fn after(index: usize) -> u8 {
    (index + 1) as u8
}

/// An input VC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// Index of its buffer's entries among those of all.
    pub base: u32,
    /// First buffer entry.
    pub head: u16,
    /// Flits buffered.
    pub len: u16,
    /// Entries in use: flits buffered and flits on their way.
    pub reserved: u16,
    /// Output ports the front packet needs a VC of.
    pub wants: u16,
    /// Output ports the front packet holds a VC of.
    pub holds: u16,
    /// VCs the front packet may use.
    class: u8,
    /// VA accept pointer over output VCs.
    accept: u8,
    /// Output VC held per output port.
    outs: [u8; PORTS],
}

impl Slot {
    /// The output VC held at `port`.
    #[inline]
    pub fn out(&self, port: usize) -> usize {
        usize::from(self.outs[port % PORTS])
    }

    /// Frees the oldest entry of a buffer of `depth`.
    #[inline]
    pub fn pop(&mut self, depth: usize) {
        self.head = if usize::from(self.head) + 1 == depth { 0 } else { self.head + 1 };
        self.len -= 1;
        self.reserved -= 1;
    }
}

/// An output VC.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutVc {
    /// Credits of the buffer behind it; for a local port VC 0 keeps the pool of the port.
    pub credits: u16,
    /// Slot of the packet that holds it, if it is not free.
    pub owner: u8,
    /// VA grant pointer over slots.
    grant: u8,
}

/// An output port.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutPort {
    /// Slots that wait for a VC of this port.
    pub vc_requests: u64,
    /// Slots that hold a VC with a credit and have a flit.
    pub switch_requests: u64,
    /// Flits sent.
    pub flits: u64,
    /// What lies behind it: the address of VC 0 of the facing input port, or the endpoint.
    pub link: u32,
    /// VCs no packet holds.
    pub free_vcs: u8,
    /// The bits of an output VC's number that tell whose credits it uses: VC 0 of a local port keeps them for all.
    pub pool_mask: u8,
    /// SA grant pointer: first slot of the input port next in turn.
    grant: u8,
    /// The same of the speculative allocator.
    speculative_grant: u8,
}

/// Pointers of one switch allocator at the input ports.
#[derive(Clone, Copy, Debug, Default)]
struct InputPointers {
    accept: [u8; PORTS],
    vc: [u8; PORTS],
}

impl InputPointers {
    /// Output port `port` offers itself to one input port, on behalf of the slot that would win. Gives the bit of the
    /// input port if it has an offer already.
    #[inline]
    fn offer(&self, port: usize, (requests, grant): (u64, u8), matching: &mut Matching, shift: u32) -> u16 {
        let input = round_robin(requests, grant) >> shift;
        let vcs = requests >> (input << shift) & ((1 << (1 << shift)) - 1);
        let vc = round_robin(vcs, self.vc[input % PORTS]);
        let contested = matching.inputs & 1 << input;
        matching.outputs |= 1 << port;
        matching.inputs |= 1 << input;
        matching.winner[port % PORTS] = (input << shift | vc) as u8;
        contested
    }

    /// Each of the `contested` input ports keeps one of its offers, round robin.
    fn accept(&self, contested: u16, matching: &mut Matching, shift: u32) {
        for input in bits(u64::from(contested)) {
            let mine =
                bits(u64::from(matching.outputs)).filter(|&port| matching.slot(port) >> shift == input);
            let offers = mine.fold(0, |mask, port| mask | 1 << port);
            let kept = round_robin(offers, self.accept[input % PORTS]);
            matching.outputs &= !(offers as u16) | 1 << kept;
        }
    }

    /// Moves the pointers of the input port behind `slot`, which has accepted `port`; gives the grant pointer of `port`.
    #[inline]
    fn advance(&mut self, port: usize, slot: usize, shift: u32) -> u8 {
        let (input, vc) = (slot >> shift, slot & ((1 << shift) - 1));
        self.accept[input % PORTS] = after(port);
        self.vc[input % PORTS] = after(vc);
        ((input + 1) << shift) as u8
    }
}

/// What one switch allocator decided for one router in one cycle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Matching {
    /// Output ports that won a flit.
    pub outputs: u16,
    /// Those that did not win it by speculation.
    regular: u16,
    /// Input ports that send one.
    inputs: u16,
    /// Slot that won each matched output port.
    winner: [u8; PORTS],
}

impl Matching {
    /// Slot that won output port `port`.
    #[inline]
    pub fn slot(&self, port: usize) -> usize {
        usize::from(self.winner[port % PORTS])
    }
}

/// One router: all that a cycle touches, in one block of memory.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Router {
    /// Column and row.
    pub place: (u16, u16),
    /// Flits written into its buffers.
    pub buffer_writes: u64,
    /// Flits its endpoints sent.
    pub injections: u64,
    /// Flits written into the buffers of its endpoints.
    pub ejections: u64,
    vc_allocations: u64,
    switch_arbitrations: u64,
    /// Slots whose front packet has no route yet.
    pub new_heads: u64,
    /// Output ports with VC requests.
    pub vc_outputs: u16,
    /// Output ports with switch requests.
    pub switch_outputs: u16,
    /// Per VC `v`: the slots whose front packet may use VC `v`.
    class: [u64; MAX_VCS],
    pointers: InputPointers,
    speculative_pointers: InputPointers,
    /// Output ports.
    pub outs: [OutPort; PORTS],
    /// Input VCs.
    pub slots: [Slot; SLOTS],
    /// Output VCs.
    pub out_vcs: [OutVc; SLOTS],
    /// VA offers: output VCs per slot; all 0 between cycles.
    offers: [u64; SLOTS],
}

impl Router {
    /// An idle router.
    pub fn new(place: (u16, u16)) -> Self {
        Router {
            place,
            buffer_writes: 0,
            injections: 0,
            ejections: 0,
            vc_allocations: 0,
            switch_arbitrations: 0,
            new_heads: 0,
            vc_outputs: 0,
            switch_outputs: 0,
            class: [0; MAX_VCS],
            pointers: InputPointers::default(),
            speculative_pointers: InputPointers::default(),
            outs: [OutPort::default(); PORTS],
            slots: [Slot::default(); SLOTS],
            out_vcs: [OutVc::default(); SLOTS],
            offers: [0; SLOTS],
        }
    }

    /// Credits of output VC `out` of `port`.
    #[inline]
    pub fn credits(&mut self, port: usize, out: usize) -> &mut u16 {
        &mut self.out_vcs[out & (usize::from(self.outs[port % PORTS].pool_mask) % SLOTS)].credits
    }

    /// True if output VC `out` of `port` has a credit.
    #[inline]
    fn has_credit(&self, port: usize, out: usize) -> bool {
        self.out_vcs[out & (usize::from(self.outs[port % PORTS].pool_mask) % SLOTS)].credits > 0
    }

    /// What it has done.
    pub fn activity(&self) -> RouterActivity {
        let mut link_flits = [0; MAX_PORTS];
        link_flits.iter_mut().zip(&self.outs).for_each(|(flits, output)| *flits = output.flits);
        let flits = link_flits.iter().sum();
        RouterActivity {
            buffer_writes: self.buffer_writes,
            buffer_reads: flits,
            crossbar_traversals: flits,
            vc_allocations: self.vc_allocations,
            switch_arbitrations: self.switch_arbitrations,
            link_flits,
            ejections: self.ejections,
            injections: self.injections,
        }
    }

    /// True if anything may happen in the next cycle.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.new_heads != 0 || self.vc_outputs | self.switch_outputs != 0
    }

    /// The packet at the front of `slot` needs a VC of every port in `ports` and may use the VCs of `vc_mask`.
    #[inline]
    pub fn set_route(&mut self, slot: usize, ports: u16, vc_mask: u8) {
        let state = &mut self.slots[slot % SLOTS];
        state.wants = ports;
        if state.class != vc_mask {
            state.class = vc_mask;
            for (vc, class) in self.class.iter_mut().enumerate() {
                *class = *class & !(1 << slot) | u64::from(vc_mask >> vc & 1) << slot;
            }
        }
        self.vc_outputs |= ports;
        for port in bits(u64::from(ports)) {
            self.outs[port % PORTS].vc_requests |= 1 << slot;
        }
    }

    /// Lets the owner of an output VC request the switch, if it has a flit and a credit; true if it does.
    #[inline]
    pub fn request_switch(&mut self, port: usize, out: usize) -> bool {
        let slot = self.out_vcs[out % SLOTS].owner;
        let ready = self.has_credit(port, out) && self.slots[usize::from(slot) % SLOTS].len > 0;
        if ready {
            self.outs[port % PORTS].switch_requests |= 1 << slot;
            self.switch_outputs |= 1 << port;
        }
        ready
    }

    /// VA: each free output VC offers itself to one requesting slot, each slot accepts one offer.
    pub fn allocate_vcs(&mut self, shift: u32) {
        let mut offered = 0u64;
        for port in bits(u64::from(self.vc_outputs)) {
            let OutPort { vc_requests, free_vcs, .. } = self.outs[port % PORTS];
            if free_vcs == 0 {
                continue;
            }
            if vc_requests.is_power_of_two() {
                // Every arbiter of the port can only choose the one slot.
                let slot = vc_requests.trailing_zeros() as usize % SLOTS;
                let Slot { wants, class, accept, .. } = self.slots[slot];
                let usable = u64::from(free_vcs & class) << (port << shift);
                if usable != 0 && wants.is_power_of_two() {
                    self.take_vc(slot, round_robin(usable, accept), shift);
                } else {
                    self.offers[slot] |= usable;
                    offered |= u64::from(usable != 0) << slot;
                }
                continue;
            }
            for vc in bits(u64::from(free_vcs)) {
                let requests = vc_requests & self.class[vc % MAX_VCS];
                if requests != 0 {
                    let out = port << shift | vc;
                    let slot = round_robin(requests, self.out_vcs[out % SLOTS].grant);
                    self.offers[slot] |= 1 << out;
                    offered |= 1 << slot;
                }
            }
        }
        for slot in bits(offered) {
            let offers = std::mem::take(&mut self.offers[slot % SLOTS]);
            let out = round_robin(offers, self.slots[slot % SLOTS].accept);
            self.take_vc(slot, out, shift);
        }
    }

    /// `slot` takes output VC `out`.
    #[inline]
    fn take_vc(&mut self, slot: usize, out: usize, shift: u32) {
        self.vc_allocations += 1;
        let port = (out >> shift) % PORTS;
        let (bit, slot_bit) = (1u16 << port, 1u64 << slot);
        let state = &mut self.slots[slot % SLOTS];
        state.accept = after(out);
        state.outs[port] = out as u8;
        state.wants &= !bit;
        state.holds |= bit;
        let output = &mut self.outs[port];
        output.free_vcs &= !(1 << (out & ((1 << shift) - 1)));
        output.vc_requests &= !slot_bit;
        self.vc_outputs &= !(u16::from(output.vc_requests == 0) << port);
        if self.out_vcs[out & (usize::from(output.pool_mask) % SLOTS)].credits > 0 {
            output.switch_requests |= slot_bit;
            self.switch_outputs |= bit;
        }
        let owned = &mut self.out_vcs[out % SLOTS];
        (owned.owner, owned.grant) = (slot as u8, after(slot));
    }

    /// SA: each output port offers itself to one input port, each input port accepts one offer.
    #[inline]
    pub fn allocate_switch(&mut self, shift: u32) -> Matching {
        let (mut matching, mut contested) = (Matching::default(), 0);
        for port in bits(u64::from(self.switch_outputs)) {
            let OutPort { switch_requests, grant, .. } = self.outs[port % PORTS];
            self.switch_arbitrations += 1;
            contested |= self.pointers.offer(port, (switch_requests, grant), &mut matching, shift);
        }
        if contested != 0 {
            self.pointers.accept(contested, &mut matching, shift);
        }
        matching.regular = matching.outputs;
        matching
    }

    /// After SA: moves the pointers of the winner of `port`, unless it has won by speculation.
    #[inline]
    pub fn advance(&mut self, port: usize, matching: &Matching, shift: u32) {
        if matching.regular >> port & 1 == 1 {
            self.outs[port % PORTS].grant = self.pointers.advance(port, matching.slot(port), shift);
        }
    }

    /// Speculative SA for the slots in VA, before VA takes its VCs.
    pub fn speculate(&mut self, shift: u32) -> Matching {
        let (mut matching, mut contested) = (Matching::default(), 0);
        for port in bits(u64::from(self.vc_outputs)) {
            let OutPort { free_vcs, vc_requests, speculative_grant, .. } = self.outs[port % PORTS];
            let usable = bits(u64::from(free_vcs)).filter(|&vc| self.has_credit(port, port << shift | vc));
            let requests = vc_requests & usable.fold(0, |mask, vc| mask | self.class[vc % MAX_VCS]);
            if requests != 0 {
                self.switch_arbitrations += 1;
                let pointers = &self.speculative_pointers;
                contested |= pointers.offer(port, (requests, speculative_grant), &mut matching, shift);
            }
        }
        if contested != 0 {
            self.speculative_pointers.accept(contested, &mut matching, shift);
        }
        for port in bits(u64::from(matching.outputs)) {
            let grant = self.speculative_pointers.advance(port, matching.slot(port), shift);
            self.outs[port % PORTS].speculative_grant = grant;
        }
        matching
    }

    /// After VA: adds the speculative winners whose input and output no other flit uses and whose VC of this cycle
    /// comes with a credit. A slot that speculated on a port held none of its VCs before.
    pub fn confirm(&self, matching: &mut Matching, hopeful: &Matching, shift: u32) {
        let busy = *matching;
        for port in bits(u64::from(hopeful.outputs & !busy.outputs)) {
            let slot = hopeful.slot(port);
            let state = &self.slots[slot % SLOTS];
            let granted = state.holds >> port & 1 == 1;
            let input = slot >> shift;
            if granted && busy.inputs >> input & 1 == 0 && self.has_credit(port, state.out(port)) {
                matching.outputs |= 1 << port;
                matching.winner[port % PORTS] = slot as u8;
            }
        }
    }
}
