#!/usr/bin/env bash
# Runs every check of the project. Needs Rust; installs the Verilog tools where it can (Debian, Ubuntu).
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=never
# Test builds carry no debug information: it halves build time and disk.
export CARGO_PROFILE_DEV_DEBUG=0

if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
  rustup component add rustfmt clippy
fi
missing=()
for tool in iverilog verilator yosys nextpnr-ice40; do
  command -v "$tool" >/dev/null 2>&1 || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "please install: ${missing[*]}" >&2
    exit 1
  fi
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    iverilog verilator yosys nextpnr-ice40 fpga-icestorm g++ make >/dev/null
fi
cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
cargo test --workspace --no-fail-fast
