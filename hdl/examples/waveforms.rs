//! Draws the timing diagrams of `docs/waves` anew, from runs of the RTL in Icarus Verilog:
//! `cargo run --release -p pulvinar-hdl --example waveforms`.

#[path = "../tests/waves_common/mod.rs"]
mod waves_common;

fn main() -> std::io::Result<()> {
    let folder = waves_common::folder();
    std::fs::create_dir_all(folder)?;
    for (name, svg) in waves_common::figures() {
        std::fs::write(folder.join(&name), svg)?;
        println!("{name}");
    }
    Ok(())
}
