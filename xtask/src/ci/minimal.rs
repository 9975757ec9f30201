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
    workspace_copy::make(&copy, &PACKAGES, of_libraries)?;
    let lock = copy.join("Cargo.lock");
    if lock.exists() {
        fs::remove_file(lock)?;
    }
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

/// A manifest without dependencies of tests, and without the other members of the workspace.
fn of_libraries(manifest: &str) -> String {
    let mut is_of_tests = false;
    let kept = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_of_tests = line.contains("dev-dependencies");
        }
        !is_of_tests && !is_other_member(line)
    });
    kept.collect::<Vec<_>>().join("\n") + "\n"
}

fn is_other_member(line: &str) -> bool {
    let others = ["examples", "kafka-mock", "kafka-producer", "xtask"];
    let is_line_of = |member: &&str| line == format!("    \"{member}\",");
    others.iter().any(is_line_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_manifests_lose_what_tests_need_and_nothing_else() {
        for package in PACKAGES {
            let path = shell::workspace().join(package).join("Cargo.toml");
            let manifest = fs::read_to_string(path).unwrap();
            let left = of_libraries(&manifest);
            assert!(!left.contains("dev-dependencies"), "{package}");
            assert!(!left.contains("proptest"), "{package}");
            assert!(left.contains("\n[dependencies]\n"), "{package}");
            assert!(left.contains("\n[lints]\n"), "{package}");
        }
    }

    #[test]
    fn the_workspace_has_these_packages_alone() {
        let manifest = fs::read_to_string(shell::workspace().join("Cargo.toml")).unwrap();
        let left = of_libraries(&manifest);
        let members = left.split_once("members = [").unwrap().1;
        let members = members.split_once(']').unwrap().0;
        for package in PACKAGES {
            assert!(members.contains(package), "{package}");
        }
        assert_eq!(members.matches('"').count(), 2 * PACKAGES.len());
    }
}
