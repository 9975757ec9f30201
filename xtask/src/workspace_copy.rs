//! A copy of some packages of the workspace (links to their sources), without the others, and without some of what only
//! tests and benchmarks depend on: cargo builds all of that for any of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell;

/// Makes the copy in the folder `copy`, with our lock file. Of what tests and benchmarks depend on, it keeps the
/// packages that `keeps` says. What is as it was keeps its time, so that cargo builds nothing again.
pub(crate) fn make(copy: &Path, packages: &[&str], keeps: fn(&str) -> bool) -> Result<()> {
    let ours = shell::workspace();
    for package in [""].iter().chain(packages) {
        let (from, to) = (ours.join(package), copy.join(package));
        fs::create_dir_all(&to)?;
        let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
        let manifest = reduced(&manifest, packages, keeps);
        write_if_new(&to.join("Cargo.toml"), &manifest)?;
        for entry in ["src", "tests", "benches", "examples", "fuzz", "README.md"] {
            if from.join(entry).exists() && !to.join(entry).exists() {
                symlink(from.join(entry), to.join(entry))?;
            }
        }
    }
    let lock = "Cargo.lock";
    fs::copy(ours.join(lock), copy.join(lock)).context(lock)?;
    Ok(())
}

/// A manifest without the other members of the workspace, and without what is not kept for tests.
fn reduced(manifest: &str, packages: &[&str], keeps: fn(&str) -> bool) -> String {
    let mut section = "";
    let kept = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let is_gone = if section.contains("dev-dependencies") {
            dependency(line).is_some_and(|name| !keeps(name))
        } else {
            section == "[workspace]" && member(line).is_some_and(|name| !packages.contains(&name))
        };
        !is_gone
    });
    kept.collect::<Vec<_>>().join("\n") + "\n"
}

/// The package that a line like `name.workspace = true` names.
fn dependency(line: &str) -> Option<&str> {
    let name = line.split(['.', ' ', '=']).next()?;
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic());
    is_name.then_some(name)
}

/// The package that a line of the list of members names.
fn member(line: &str) -> Option<&str> {
    line.trim().strip_prefix('"')?.strip_suffix("\",")
}

fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("{} can not be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libraries::LIBRARIES;

    fn manifest(package: &str) -> String {
        let path = shell::workspace().join(package).join("Cargo.toml");
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn our_manifests_lose_what_is_not_kept_for_tests_and_nothing_else() {
        for package in LIBRARIES {
            let before = manifest(package);
            let after = reduced(&before, &LIBRARIES, |name| name != "proptest");
            let lost: Vec<_> = before
                .lines()
                .filter(|line| !after.contains(line))
                .collect();
            assert_eq!(lost, ["proptest.workspace = true"], "{package}");
            assert_eq!(after.lines().count() + 1, before.lines().count());
            let bare = reduced(&before, &LIBRARIES, |_| false);
            let (_, tests) = bare.split_once("dev-dependencies]\n").unwrap();
            let (tests, _) = tests.split_once("\n[").unwrap();
            let rest = tests.lines().filter(|line| !line.starts_with('#'));
            assert_eq!(rest.collect::<String>(), "", "{package}");
        }
    }

    #[test]
    fn the_workspace_has_the_wanted_packages_alone() {
        let packages = &LIBRARIES[..2];
        let left = reduced(&manifest(""), packages, |_| false);
        let (_, members) = left.split_once("members = [").unwrap();
        let (members, _) = members.split_once(']').unwrap();
        assert_eq!(
            members.lines().filter_map(member).collect::<Vec<_>>(),
            packages
        );
    }
}
