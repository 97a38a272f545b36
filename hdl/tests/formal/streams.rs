//! Streams of the host port and packets of a router: kept until taken, neither lost nor doubled.

use crate::Proof;
use pulvinar_hdl::rtl;
use std::path::Path;

const ROUTER: &str = include_str!("../../formal/router_proof.v");

/// Changes a file that contains `from`.
fn change(dir: &Path, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(dir.join(file)).unwrap();
    let changed = text.replacen(from, to, 1);
    assert!(text != changed, "{file} has no `{from}`");
    std::fs::write(dir.join(file), changed).unwrap();
}

fn host_port_holds(dir: &Path, buffers: u32) -> bool {
    let parameters = format!(
        "-set STEPS 3 -set STEP_BITS 2 -set PAYLOAD_BITS 8 -set ADDRESS_BITS 3 -set PER_FLIT 2 -set PACKET_BITS 4 \
         -set DEST_BITS 2 -set STREAM_BITS 1 -set COUNT_BITS 2 -set OUT_PER_FLIT 2 -set OUT_ADDRESS_WIDTHS 3 \
         -set OUT_ADDRESS_BITS 3 -set VCS 2 -set VC_DEPTH 2 -set INJECT_DEPTH 2 -set EJECT_DEPTH 2 -set TOKENS 3 \
         -set BUFFERS {buffers}"
    );
    let files = ("host_port.v packer.v injector.v interface_in.v fifo.v", "ram.v");
    let discharge = "input_injector";
    Proof { top: "host_port", files, parameters: &parameters, discharge, steps: None }.holds(dir)
}

#[test]
fn streams_of_the_host_keep_their_beats() {
    let dir = tempfile::tempdir().unwrap();
    rtl::write_to(dir.path()).unwrap();
    for buffers in [1, 2] {
        assert!(host_port_holds(dir.path(), buffers), "{buffers} buffers");
    }
    for (file, from, to) in [
        ("interface_in.v", "kind == 2'd1 && output_ready", "kind == 2'd1"),
        ("packer.v", "offered && (!completes || room || nobody)", "offered"),
        ("host_port.v", "starts = !active && !all_sent", "starts = !active"),
    ] {
        rtl::write_to(dir.path()).unwrap();
        change(dir.path(), file, from, to);
        assert!(!host_port_holds(dir.path(), 2), "{file} without `{from}` passed");
    }
}

/// Steps after which a packet of a tree can have left at both ports and the router be empty, by pipeline.
const STEPS: [u32; 3] = [9, 8, 7];

fn router_holds(dir: &Path, pipeline: usize) -> bool {
    std::fs::write(dir.join("router_proof.v"), ROUTER).unwrap();
    let units = "router.v input_vc.v output_port.v switch_allocator.v islip.v arbiter.v";
    let plain = format!("{units} or_rows.v one_hot_mux.v fifo.v ram.v");
    let parameters = format!("-set PIPELINE {pipeline}");
    let files = ("router_proof.v", plain.as_str());
    let steps = Some(STEPS[pipeline]);
    Proof { top: "router_proof", files, parameters: &parameters, discharge: "", steps }.holds(dir)
}

#[test]
fn routers_lose_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    rtl::write_to(dir.path()).unwrap();
    for pipeline in 0..3 {
        assert!(router_holds(dir.path(), pipeline), "pipeline {pipeline}");
    }
}

#[test]
fn broken_routers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let copies =
        ("input_vc.v", "leaves = |moved & (~tail | ~(|wants_more | |hold_later))", "leaves = |moved");
    let credit =
        ("output_port.v", "has_credit[v] = |counter[POOL != 0 ? 0 : v].count", "has_credit[v] = 1'b1");
    let matching = ("islip.v", "offers = candidate & ~candidate_before", "offers = candidate");
    for (pipeline, (file, from, to)) in [(0, copies), (2, credit), (0, matching), (1, copies), (2, copies)] {
        rtl::write_to(dir.path()).unwrap();
        change(dir.path(), file, from, to);
        assert!(!router_holds(dir.path(), pipeline), "{file} without `{from}` passed");
    }
}
