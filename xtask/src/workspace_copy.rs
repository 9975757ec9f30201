//! A copy of some packages of the workspace (links to their sources) with manifests that are a little different.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell;

/// Makes the copy in the folder `copy`. `manifest` changes the text of each manifest, that of the workspace included. What
/// is as it was keeps its time, so that cargo builds nothing again.
pub(crate) fn make(copy: &Path, packages: &[&str], manifest: fn(&str) -> String) -> Result<()> {
    let ours = shell::workspace();
    for package in [""].iter().chain(packages) {
        let (from, to) = (ours.join(package), copy.join(package));
        fs::create_dir_all(&to)?;
        let text = fs::read_to_string(from.join("Cargo.toml"))?;
        write_if_new(&to.join("Cargo.toml"), &manifest(&text))?;
        for entry in ["src", "tests", "benches", "examples", "fuzz", "README.md"] {
            if from.join(entry).exists() && !to.join(entry).exists() {
                symlink(from.join(entry), to.join(entry))?;
            }
        }
    }
    Ok(())
}

fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("{} can not be written", path.display()))
}
