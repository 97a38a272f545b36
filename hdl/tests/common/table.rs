//! The mutations: in each primitive a rule of timing and one of arithmetic or logic.

use super::arrivals;
use super::mutation::Kind::{Logic, Timing};
use super::mutation::{Kind, Mutation, Place, UnitBench};

const fn primitive(name: &'static str, kind: Kind, text: [&'static str; 3]) -> Mutation {
    let [what, text, replacement] = text;
    Mutation { place: Place::Primitive(name), kind, what, text, replacement }
}

const fn unit(name: &'static str, bench: UnitBench, kind: Kind, text: [&'static str; 3]) -> Mutation {
    Mutation { place: Place::Unit(name, bench), ..primitive(name, kind, text) }
}

const fn core(kind: Kind, text: [&'static str; 3]) -> Mutation {
    let [what, text, replacement] = text;
    Mutation { place: Place::Core, kind, what, text, replacement }
}

/// What becomes wrong, the text, what it is replaced by.
pub const MUTATIONS: &[Mutation] = &[
    primitive("router", Timing, [
        "look-ahead in place of four stages",
        ".PIPELINE(PIPELINE), .ADAPTIVE(ADAPTIVE)",
        ".PIPELINE(PIPELINE == 0 ? 1 : PIPELINE), .ADAPTIVE(ADAPTIVE)",
    ]),
    primitive("router", Logic, [
        "one credit for every ejection buffer",
        ".CREDITS(o < 4 ? VC_DEPTH : EJECT_DEPTH)",
        ".CREDITS(o < 4 ? VC_DEPTH : 1)",
    ]),
    primitive("router", Logic, [
        "speculation moves a flit without credit",
        "& |(granted[o * VCS +: VCS] & credit));",
        "& |granted[o * VCS +: VCS]);",
    ]),
    primitive("input_vc", Timing, [
        "the route is found a cycle late",
        "wire new_head = occupied & ~routed;",
        "reg waited;\n  always @(posedge clk) waited <= occupied & ~routed & ~rst;\n  wire new_head = waited & occupied & ~routed;",
    ]),
    primitive("input_vc", Logic, [
        "a flit leaves with its first copy",
        "assign leaves = |moved & (~tail | ~(|wants_more | |hold_later));",
        "assign leaves = |moved;",
    ]),
    primitive("input_vc", Logic, [
        "west-first: north loses a tie",
        "wire over_north = ports[0] && ports[1] && north < east;",
        "wire over_north = ports[0] && ports[1] && north <= east;",
    ]),
    primitive("output_port", Timing, [
        "a credit counts a cycle early",
        "assign earn = returned;",
        "assign earn = in_credit;",
    ]),
    primitive("output_port", Logic, [
        "giving beats giving back",
        "taken <= (taken | granted) & ~freed;",
        "taken <= (taken & ~freed) | granted;",
    ]),
    primitive("islip", Logic, [
        "an accepted input keeps its turn",
        "else ahead <= (ahead & ~any_accepted) | accepted_before;",
        "else ahead <= (ahead & ~any_accepted) | accepted_before | accepted;",
    ]),
    primitive("islip", Logic, [
        "the last input in place of the first",
        "wire [OUTPUTS-1:0] offers = candidate & ~candidate_before;",
        "wire [OUTPUTS-1:0] offers = candidate;",
    ]),
    primitive("arbiter", Logic, [
        "the winner keeps its turn",
        "else if (advance) ahead <= ~(grant | (grant - ONE));",
        "else if (advance) ahead <= ~(grant - ONE);",
    ]),
    primitive("fifo", Timing, [
        "room as a word leaves",
        "assign room = count != DEPTH[COUNT_BITS-1:0];",
        "assign room = count != DEPTH[COUNT_BITS-1:0] || pop;",
    ]),
    primitive("fifo", Logic, [
        "block RAM: the only word is read while it is written",
        "wire alone = push && (!valid || (pop && count == ONE));",
        "wire alone = push && !valid;",
    ]),
    primitive("event_queue", Timing, [
        "one event more",
        ".WIDTH(WIDTH), .DEPTH(DEPTH)",
        ".WIDTH(WIDTH), .DEPTH(DEPTH + 1)",
    ]),
    primitive("injector", Timing, [
        "a credit counts a cycle early",
        "if (returned[v] && !(sent && pick[v])) credits <= credits + 1'b1;\n        else if (!returned[v] && sent",
        "if (inj_credit[v] && !(sent && pick[v])) credits <= credits + 1'b1;\n        else if (!inj_credit[v] && sent",
    ]),
    primitive("injector", Logic, [
        "the virtual channel used last comes first",
        "if (sent) above <= (~pick + 1'b1) << 1;",
        "if (sent) above <= ~pick + 1'b1;",
    ]),
    primitive("interface_in", Timing, [
        "the credit goes with the first event",
        "ej_credit <= pop;",
        "ej_credit <= take_end || take_credit || take_event && taken == {COUNT_BITS{1'b0}};",
    ]),
    primitive("interface_in", Logic, [
        "ends are taken while the output is busy",
        "assign take_end = head_valid && kind == 2'd1 && output_ready;",
        "assign take_end = head_valid && kind == 2'd1;",
    ]),
    primitive("inbox", Timing, [
        "complete while an event waits in the queue",
        "\n                    && (pending == {PENDING_BITS{1'b0}});",
        ";",
    ]),
    primitive("inbox", Logic, [
        "announced packets do not count",
        "(tokens == expected) && (owed == {PACKET_BITS{1'b0}})",
        "(tokens == expected)",
    ]),
    primitive("address_generator", Timing, [
        "an event that reaches nothing issues beats",
        "else if (start) pending <= any;",
        "else if (start) pending <= row_taps != {TAP_BITS{1'b0}} && column_taps != {TAP_BITS{1'b0}};",
    ]),
    primitive("address_generator", Logic, [
        "columns go the other way",
        "tap_acc - COLUMN_ACC_STEP;",
        "tap_acc + COLUMN_ACC_STEP;",
    ]),
    primitive("address_generator", Logic, [
        "the weights of a row follow its first column",
        "last_column ? row_weight + ROW_WEIGHT_STEP : tap_weight",
        "last_column ? tap_weight + ROW_WEIGHT_STEP : tap_weight",
    ]),
    primitive("synapse_engine", Timing, [
        "an idle cycle between events",
        "assign free = !busy || (issue && !more);",
        "assign free = !busy;",
    ]),
    primitive("synapse_engine", Timing, [
        "a hazard is seen for one cycle",
        "assign stalled = any && (hit_1 || hit_2);",
        "assign stalled = any && hit_1;",
    ]),
    primitive("synapse_engine", Logic, [
        "every beat takes a weight",
        "assign beat_weighted = (chosen & WEIGHTED) != {GENERATORS{1'b0}};",
        "assign beat_weighted = WEIGHTED != {GENERATORS{1'b0}};",
    ]),
    primitive("accumulator", Timing, [
        "a sum is forwarded for one cycle",
        "assign old = same ? sum_2 : held_1 ? written : read;",
        "assign old = same ? sum_2 : read;",
    ]),
    primitive("accumulator", Logic, [
        "terms have no sign",
        "wire [ACC_BITS+PRODUCT-1:0] wide = {{ACC_BITS{narrow[PRODUCT-1]}}, narrow};",
        "wire [ACC_BITS+PRODUCT-1:0] wide = {{ACC_BITS{1'b0}}, narrow};",
    ]),
    primitive("accumulator", Logic, [
        "maximum pooling takes the smaller value",
        "assign result = $signed(previous) < $signed(term) ? term : previous;",
        "assign result = $signed(previous) > $signed(term) ? term : previous;",
    ]),
    primitive("update_engine", Timing, [
        "a sweep issues a cycle late",
        "wire issue = start || running;",
        "reg begun;\n  always @(posedge clk) begun <= start && !rst;\n  wire issue = begun || running;",
    ]),
    primitive("update_engine", Logic, [
        "addresses go on after a sweep",
        "stage_last[5] ? ADDRESS_FIRST[ADDRESS_BITS-1:0] : position + 1'b1;",
        "position + 1'b1;",
    ]),
    primitive("encoder", Timing, [
        "an empty last word does not wait for the packer",
        "last && blocked && !silent);",
        "1'b0);",
    ]),
    primitive("encoder", Logic, [
        "neighbouring lanes are one address apart",
        "planes = planes + PLANE[ADDRESS_BITS-1:0];",
        "planes = planes + 1'b1;",
    ]),
    primitive("packer", Timing, [
        "every event waits for room",
        "assign accepted = offered && (!completes || room || nobody);",
        "assign accepted = offered && room;",
    ]),
    primitive("packer", Logic, [
        "copies count as packets",
        "else if (push_first) packets <= packets + 1'b1;",
        "else if (push_first || push_copy) packets <= packets + 1'b1;",
    ]),
    primitive("control", Timing, [
        "a sweep does not wait for the last sums",
        "wire landed = !(|(recent & this_buffer)) && !(busy",
        "wire landed = !(busy",
    ]),
    primitive("control", Logic, [
        "delayed streams are granted as others are",
        "assign grant_step = told + AHEAD - delay;",
        "assign grant_step = told + AHEAD;",
    ]),
    primitive("control", Logic, [
        "a credit that comes with the start of a sweep replaces the others",
        "else if (credit && !to_odd) granted_even <= granted_even + 1'b1;",
        "else if (credit && !to_odd) granted_even <= NEEDED;",
    ]),
    primitive("spike_store", Timing, [
        "the sweep does not wait for the playback",
        "assign left_zero = counts[left_step] == (left_step[0] ? second : first);",
        "assign left_zero = 1'b1;",
    ]),
    primitive("spike_store", Logic, [
        "both buffers are counted in one",
        "assign left_zero = counts[left_step] == (left_step[0] ? second : first);",
        "assign left_zero = counts[left_step] == first;",
    ]),
    primitive("statistics", Timing, [
        "no forwarding to the next fold",
        "wire again = adding && row == fold_row;",
        "wire again = 1'b0;",
    ]),
    primitive("statistics", Logic, [
        "the smaller of two",
        "combine = $signed(a) < $signed(b) ? b : a;",
        "combine = $signed(a) < $signed(b) ? a : b;",
    ]),
    primitive("value_memory", Timing, [
        "data do not stay until the next read",
        "if (ren[r]) here <= mine;",
        "here <= mine;",
    ]),
    primitive("value_memory", Logic, [
        "lanes before the first stay in their row",
        "waddr[BANK_BITS +: ROW_BITS] + wrapped;",
        "waddr[BANK_BITS +: ROW_BITS];",
    ]),
    primitive("attention_engine", Timing, [
        "an operation takes a cycle more",
        "TURN: state <= PRIME;",
        "TURN: state <= 3'd6;\n      3'd6: state <= PRIME;",
    ]),
    primitive("attention_engine", Logic, [
        "halves are rounded down",
        "rounding <= twice[PRODUCT:1];",
        "rounding <= twice[PRODUCT:1] - {{(PRODUCT-1){1'b0}}, 1'b1};",
    ]),
    primitive("attention_lane", Logic, [
        "a digit carries one late",
        "assign carries_0[d] = sum_0 >= base;",
        "assign carries_0[d] = sum_0 > base;",
    ]),
    primitive("attention_lane", Logic, [
        "no lower clamp",
        "value < least ? low : value > most",
        "value > most",
    ]),
    primitive("list_source", Timing, [
        "a list begins a cycle late",
        "wire fetch = open || accepted && !offer_last;",
        "reg opened;\n  always @(posedge clk) opened <= open && !rst;\n  wire fetch = opened || accepted && !offer_last;",
    ]),
    primitive("list_source", Logic, [
        "a step in time moves the event by a channel",
        "!c_end ? events[3*EVENT_BITS +: EVENT_BITS] : events[4*EVENT_BITS +: EVENT_BITS];",
        "events[3*EVENT_BITS +: EVENT_BITS];",
    ]),
    unit("arrivals", arrivals::difference, Timing, [
        "no forwarding to the next event",
        "wire again = adding && at == address;",
        "wire again = 1'b0;",
    ]),
    primitive("arrivals", Logic, [
        "maxima are added",
        "wire [WIDTH-1:0] combined = largest ? larger : old + addend;",
        "wire [WIDTH-1:0] combined = old + addend;",
    ]),
    primitive("pointer_queue", Timing, [
        "a pointer that is not taken at once is lost",
        ".push(fresh && (waiting || !pop))",
        ".push(fresh && waiting)",
    ]),
    primitive("sparse_source", Timing, [
        "weights come with their beat",
        "    weights <= read;\n",
        "    if (advance) weights <= weights ^ read;\n    if (start) weights <= {BANKS*WEIGHT_BITS{1'b0}};\n",
    ]),
    primitive("sparse_source", Logic, [
        "a row ends with its first beat",
        "wire                     fetch = (start && any) || (advance && !beat_last);",
        "wire                     fetch = start && any;",
    ]),
    primitive("banked_accumulator", Logic, [
        "the sweep reads the first group of banks",
        "if (read == n[LOG-1:0])",
        "if (n == 0)",
    ]),
    primitive("packer", Logic, [
        "an event without consumers is sent",
        "assign nobody = selects && !busy && reach == {SELECT_WIDTH{1'b0}};",
        "assign nobody = 1'b0;",
    ]),
    primitive("packer", Timing, [
        "one copy of a selective flit is enough",
        "wire at_last = by_choice ? !more : copy == last;",
        "wire at_last = by_choice ? 1'b1 : copy == last;",
    ]),
    primitive("host_port", Timing, [
        "a step begins a cycle late",
        "wire starts = !active && !all_sent && granted[slot];",
        "reg rested;\n  always @(posedge clk) rested <= !active && !rst;\n  wire starts = rested && !active && !all_sent && granted[slot];",
    ]),
    primitive("host_port", Logic, [
        "events that are still to come are forgotten",
        "\n    && owed_then == {OWED_BITS{1'b0}};",
        ";",
    ]),
    primitive("sequencer", Timing, [
        "the last cycle is not counted",
        "cycles <= now + 1'b1;",
        "cycles <= now;",
    ]),
    primitive("sequencer", Logic, [
        "one word is not cleared",
        "localparam LAST = CLEAR_CYCLES - 1;",
        "localparam LAST = CLEAR_CYCLES - 2;",
    ]),
    core(Logic, [
        "a neuron on its threshold does not fire",
        ") < $signed(",
        ") <= $signed(",
    ]),
    core(Logic, [
        "halves of a gate's product are rounded down",
        "'d128;",
        "'d127;",
    ]),
    core(Timing, [
        "the leaked potential moves while the pipeline stands",
        "if (advance) leaked_l0 <=",
        "leaked_l0 <=",
    ]),
    core(Timing, [
        "a word moves on while the encoder is busy",
        "if (advance) output_s5_l0 <=",
        "output_s5_l0 <=",
    ]),
];
