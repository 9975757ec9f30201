//! The stage `minimal`: libraries build with the lowest versions that their manifests allow.
//!
//! Otherwise a manifest may promise that an older version of a dependency is enough, and who has that one in a lock file
//! cannot build. The choice of versions is an unstable option of cargo, which the compiler's own variable allows; the code
//! is built as always, from a copy of the workspace without what only tests need.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{shell, workspace_copy};

/// Those below the producer, which people use alone.
const PACKAGES: [&str; 4] = [
    "kafka-wire",
    "kafka-serde",
    "kafka-partition",
    "kafka-accumulator",
];

pub(super) fn check() -> Result<()> {
    let dir = shell::target().join("minimal");
    let copy = dir.join("workspace");
    workspace_copy::make(&copy, &PACKAGES, |_| false)?;
    fs::remove_file(copy.join("Cargo.lock"))?;
    let mut choose = cargo(&copy, &dir);
    choose.env("RUSTC_BOOTSTRAP", "1");
    shell::run(choose.args(["-Zdirect-minimal-versions", "generate-lockfile", "--quiet"]))?;
    let check = ["check", "--quiet", "--locked", "--lib", "--all-features"];
    shell::run(cargo(&copy, &dir).args(check))
}

fn cargo(copy: &Path, dir: &Path) -> Command {
    let mut cargo = shell::cargo();
    cargo
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", dir.join("target"));
    cargo
}
