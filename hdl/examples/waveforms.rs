#[path = "../tests/waves_common/mod.rs"]
mod waves_common;
fn main() {
    use pulvinar_ir::arch::{Hazard, Pipeline};
    let dir = std::path::Path::new("/tmp/r3wave");
    std::fs::create_dir_all(dir).unwrap();
    let t = waves_common::record(dir, waves_common::Chip { pipeline: Pipeline::Four, hazard: Hazard::Stall })
        .unwrap();
    println!("{}", t.len());
}
