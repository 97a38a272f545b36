//! State and allocators of one router of the fast engine.

use super::super::config::{MAX_PORTS, MAX_VCS, MESH_PORTS};

/// The set bits of `mask`, lowest first.
#[inline]
pub fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        (mask != 0).then(|| {
            mask &= mask - 1;
            bit
        })
    })
}

/// Round-robin choice: the first set bit of `mask` at or after `pointer`, cyclically. `mask` must not be 0.
#[inline]
fn round_robin(mask: u64, pointer: u8) -> usize {
    let ahead = mask & (u64::MAX << (pointer & 63));
    (if ahead == 0 { mask } else { ahead }).trailing_zeros() as usize
}

/// The pointer that makes `index` the last choice next time; bit 64 wraps to 0.
#[inline]
fn after(index: usize) -> u8 {
    (index + 1) as u8 & 63
}

/// An input VC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// Output VC held per output port, four bits each.
    out_vcs: u64,
    /// First buffer entry.
    pub head: u16,
    /// Flits buffered.
    pub len: u16,
    /// Output ports the front packet needs a VC of.
    pub wants: u16,
    /// Output ports the front packet holds a VC of.
    pub holds: u16,
    /// VCs the front packet may use.
    pub class: u8,
    /// VA accept pointer over output VC slots.
    accept: u8,
}

impl Slot {
    /// The output VC held at `port`.
    #[inline]
    pub fn out_vc(&self, port: usize) -> usize {
        (self.out_vcs >> (4 * port) & 15) as usize
    }

    /// Turns the wish for `port` into the hold of its VC `vc`.
    #[inline]
    pub fn hold(&mut self, port: usize, vc: usize) {
        self.out_vcs = self.out_vcs & !(15 << (4 * port)) | (vc as u64) << (4 * port);
        self.wants &= !(1 << port);
        self.holds |= 1 << port;
    }
}

/// An output VC.
#[derive(Clone, Copy, Debug)]
pub struct OutVc {
    /// Credits of the buffer behind it; for a local port VC 0 keeps the pool of the port.
    pub credits: u16,
    /// Slot of the packet that holds it, if it is not free.
    pub owner: u8,
    /// VA grant pointer over slots.
    pub grant: u8,
}

/// An output port.
#[derive(Clone, Copy, Debug)]
pub struct OutPort {
    /// Slots that wait for a VC of this port.
    pub vc_requests: u64,
    /// Slots that hold a VC with a credit and have a flit.
    pub switch_requests: u64,
    /// VCs no packet holds.
    pub free_vcs: u8,
    /// SA grant pointer: first slot of the input port next in turn.
    grant: u8,
    /// The same of the speculative allocator.
    speculative_grant: u8,
}

impl OutPort {
    /// An idle port with `vcs` VCs.
    pub fn new(vcs: u8) -> Self {
        let free_vcs = (0..vcs).fold(0, |mask, vc| mask | 1 << vc);
        Self { vc_requests: 0, switch_requests: 0, free_vcs, grant: 0, speculative_grant: 0 }
    }
}

/// Pointers of one switch allocator at the input ports.
#[derive(Clone, Copy, Debug, Default)]
struct InputPointers {
    accept: [u8; MAX_PORTS],
    vc: [u8; MAX_PORTS],
}

/// What a router keeps besides its ports and VCs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    /// Slots whose front packet has no route yet.
    pub new_heads: u64,
    /// Per VC `v`: the slots whose front packet may use VC `v`.
    class: [u64; MAX_VCS],
    /// Output ports with VC requests.
    pub vc_outputs: u16,
    /// Output ports with switch requests.
    pub switch_outputs: u16,
    pointers: InputPointers,
    speculative_pointers: InputPointers,
}

impl Node {
    /// Notes the VC class of the packet at the front of `slot`.
    #[inline]
    pub fn set_class(&mut self, slot: usize, vc_mask: u8) {
        for (vc, class) in self.class.iter_mut().enumerate() {
            *class = *class & !(1 << slot) | u64::from(vc_mask >> vc & 1) << slot;
        }
    }
}

/// What one router decided in one cycle.
#[derive(Debug)]
pub struct Decisions {
    /// Number of valid entries of `vc_grant`.
    pub vc_grants: usize,
    /// Slot and output VC slot of each VA grant.
    pub vc_grant: [(u8, u8); 64],
    /// Output ports that won a flit.
    pub matched_outputs: u16,
    /// Slot that won each matched output port.
    pub winner: [u8; MAX_PORTS],
    matched_inputs: u16,
    /// VA offers: output VC slots per slot; valid where the mask of this cycle says so.
    offers: [u64; 64],
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            vc_grants: 0,
            vc_grant: [(0, 0); 64],
            matched_outputs: 0,
            winner: [0; MAX_PORTS],
            matched_inputs: 0,
            offers: [0; 64],
        }
    }
}

impl Decisions {
    /// Forgets the last router.
    pub fn clear(&mut self) {
        self.vc_grants = 0;
        self.matched_outputs = 0;
        self.matched_inputs = 0;
    }

    /// VA: each free output VC offers itself to one requesting slot, each slot accepts one offer.
    pub fn allocate_vcs(
        &mut self,
        node: &Node,
        outs: &[OutPort],
        out_vcs: &mut [OutVc],
        slots: &mut [Slot],
        shift: u32,
    ) {
        let mut offered = 0u64;
        for port in bits(u64::from(node.vc_outputs)) {
            let output = &outs[port];
            if output.vc_requests.is_power_of_two() {
                // Every arbiter of the port can only choose the one slot.
                let slot = output.vc_requests.trailing_zeros() as usize;
                let usable = u64::from(output.free_vcs & slots[slot].class);
                self.offer(&mut offered, slot, usable << (port << shift));
                continue;
            }
            for vc in bits(u64::from(output.free_vcs)) {
                let requests = output.vc_requests & node.class[vc];
                if requests != 0 {
                    let out = port << shift | vc;
                    self.offer(&mut offered, round_robin(requests, out_vcs[out].grant), 1 << out);
                }
            }
        }
        for slot in bits(offered) {
            let out = round_robin(self.offers[slot], slots[slot].accept);
            slots[slot].accept = after(out);
            out_vcs[out].grant = after(slot);
            self.vc_grant[self.vc_grants] = (slot as u8, out as u8);
            self.vc_grants += 1;
        }
    }

    /// Adds the output VC slots `outs` to the offers of `slot`.
    #[inline]
    fn offer(&mut self, offered: &mut u64, slot: usize, outs: u64) {
        let before = if *offered >> slot & 1 == 1 { self.offers[slot] } else { 0 };
        self.offers[slot] = before | outs;
        *offered |= u64::from(outs != 0) << slot;
    }

    /// SA: each output port offers itself to one input port, each input port accepts one offer.
    pub fn allocate_switch(
        &mut self,
        node: &mut Node,
        outs: &mut [OutPort],
        shift: u32,
        arbitrations: &mut u64,
    ) {
        *arbitrations += u64::from(node.switch_outputs.count_ones());
        let mut offers = [0u16; MAX_PORTS];
        let mut inputs = 0u16;
        for port in bits(u64::from(node.switch_outputs)) {
            let input = round_robin(outs[port].switch_requests, outs[port].grant) >> shift;
            offers[input] |= 1 << port;
            inputs |= 1 << input;
        }
        self.matched_inputs = inputs;
        for input in bits(u64::from(inputs)) {
            let port = node.pointers.accept(input, offers[input]);
            let slot = node.pointers.slot(input, outs[port].switch_requests, shift);
            outs[port].grant = after(((input + 1) << shift) - 1);
            self.matched_outputs |= 1 << port;
            self.winner[port] = slot;
        }
    }

    /// Speculative SA for the slots in VA: requests, allocates, then keeps the winners whose input and output no
    /// non-speculative flit uses and whose VA grant of this cycle comes with a credit.
    pub fn speculate(
        &mut self,
        node: &mut Node,
        outs: &mut [OutPort],
        out_vcs: &[OutVc],
        shift: u32,
        arbitrations: &mut u64,
    ) {
        let has_credit = |port: usize, vc: usize| {
            out_vcs[if port < MESH_PORTS { port << shift | vc } else { port << shift }].credits > 0
        };
        let mut requests = [0u64; MAX_PORTS];
        let mut offers = [0u16; MAX_PORTS];
        let mut inputs = 0u16;
        for port in bits(u64::from(node.vc_outputs)) {
            let usable = bits(u64::from(outs[port].free_vcs)).filter(|&vc| has_credit(port, vc));
            requests[port] = outs[port].vc_requests & usable.fold(0, |mask, vc| mask | node.class[vc]);
            if requests[port] != 0 {
                *arbitrations += 1;
                let input = round_robin(requests[port], outs[port].speculative_grant) >> shift;
                offers[input] |= 1 << port;
                inputs |= 1 << input;
            }
        }
        let (busy_inputs, busy_outputs) = (self.matched_inputs, self.matched_outputs);
        for input in bits(u64::from(inputs)) {
            let port = node.speculative_pointers.accept(input, offers[input]);
            let slot = node.speculative_pointers.slot(input, requests[port], shift);
            outs[port].speculative_grant = after(((input + 1) << shift) - 1);
            let mut grants = self.vc_grant[..self.vc_grants].iter();
            let granted = grants.find(|&&(s, out)| s == slot && usize::from(out) >> shift == port);
            let usable =
                granted.is_some_and(|&(_, out)| has_credit(port, usize::from(out) & ((1 << shift) - 1)));
            if usable && busy_inputs >> input & 1 == 0 && busy_outputs >> port & 1 == 0 {
                self.matched_outputs |= 1 << port;
                self.winner[port] = slot;
            }
        }
    }
}

impl InputPointers {
    /// Round-robin acceptance of one of the offered output ports.
    #[inline]
    fn accept(&mut self, input: usize, offers: u16) -> usize {
        let port = round_robin(u64::from(offers), self.accept[input]);
        self.accept[input] = after(port);
        port
    }

    /// Round-robin choice of a slot of `input` among `requests`.
    #[inline]
    fn slot(&mut self, input: usize, requests: u64, shift: u32) -> u8 {
        let vcs = requests >> (input << shift) & ((1 << (1 << shift)) - 1);
        let vc = round_robin(vcs, self.vc[input]);
        self.vc[input] = after(vc);
        (input << shift | vc) as u8
    }
}
