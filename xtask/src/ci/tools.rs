//! Tools that other projects maintain, with their versions.
//!
//! A tool that is missing is built (`cargo install`, some minutes). A new version may report more, so
//! raising one is a commit of its own.

use std::process::Command;

use anyhow::Result;

use crate::shell;

/// Name of the package and version; only `typos` has a program of another name.
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
const HACK: (&str, &str) = ("cargo-hack", "0.6.46");
const SEMVER: (&str, &str) = ("cargo-semver-checks", "0.51.0");
const TYPOS: (&str, &str) = ("typos-cli", "1.52.0");

/// `cargo deny` that tells errors alone.
pub(super) fn deny() -> Result<Command> {
    let mut deny = cargo_with(DENY, "deny")?;
    deny.args(["--log-level", "error"]);
    Ok(deny)
}

/// `cargo hack`: the same command for many choices of features.
pub(super) fn hack() -> Result<Command> {
    cargo_with(HACK, "hack")
}

/// `cargo semver-checks`: what breaks who depends on us.
pub(super) fn semver_checks() -> Result<Command> {
    cargo_with(SEMVER, "semver-checks")
}

/// `typos`: spelling, see `typos.toml`.
pub(super) fn typos() -> Result<Command> {
    install(TYPOS)?;
    let mut typos = Command::new("typos");
    typos.current_dir(shell::workspace());
    Ok(typos)
}

fn cargo_with(tool: (&str, &str), subcommand: &str) -> Result<Command> {
    install(tool)?;
    let mut cargo = shell::cargo();
    cargo.arg(subcommand);
    Ok(cargo)
}

/// Brings a tool; cargo does nothing if it has installed this version already.
fn install((package, version): (&str, &str)) -> Result<()> {
    let version = format!("={version}");
    let install = ["install", "--quiet", "--locked", package, "--version"];
    shell::run(shell::cargo().args(install).arg(version))
}
