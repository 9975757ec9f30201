//! Writes the seeds of every target to `corpus/`, where `cargo fuzz run` looks for them.

use std::path::Path;

use kafka_wire_fuzz::{TARGETS, seeds::seeds};

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, _) in TARGETS {
        let directory = here.join("corpus").join(target);
        std::fs::create_dir_all(&directory)?;
        let seeds = seeds(target, &here.join("../tests/golden"));
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(directory.join(format!("golden-{number}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
