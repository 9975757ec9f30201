//! `cargo xtask tidy`: the rules of this project that no other tool checks.
//!
//! ```text
//! files of the repository ─▶ rules ─▶ path:line: rule: what to do instead
//! ```
//!
//! The reasons are in `CONTRIBUTING.md` and beside the rules.

mod circles;
mod conformance;
mod finding;
mod form;
mod links;
mod modules;
mod places;
mod traces;

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

use crate::shell;

/// Checks every file of the repository; each place where a rule is broken is a line of output.
pub(crate) fn check() -> Result<()> {
    let files = files()?;
    let mut findings = BTreeSet::new();
    let (mut rust, mut pages) = (Vec::new(), Vec::new());
    for path in files.iter().cloned() {
        let Ok(text) = std::fs::read_to_string(shell::workspace().join(&path)) else {
            continue; // Not text, or removed but still known to git.
        };
        findings.extend(traces::check(&path, &text));
        if path.ends_with(".rs") {
            findings.extend(form::check(&path, &text));
            rust.push((path, text));
        } else if path.ends_with(".md") {
            pages.push((path, text));
        }
    }
    ensure!(!rust.is_empty(), "no file of Rust was found to be checked");
    findings.extend(circles::check(&rust));
    let by_path = rust
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let by_path = by_path.collect();
    for (path, text) in &pages {
        findings.extend(places::check(path, text, &by_path));
    }
    findings.extend(links::check(&pages, &files));
    findings.extend(conformance::check(conformance::page().as_deref(), &rust));
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} places are not tidy", findings.len());
    }
    println!("{} files of Rust are tidy", rust.len());
    Ok(())
}

/// What git knows or would add, so that a new file is checked before it is committed.
fn files() -> Result<Vec<String>> {
    let mut git = std::process::Command::new("git");
    git.arg("-C").arg(shell::workspace());
    git.args("ls-files --cached --others --exclude-standard -z".split(' '));
    let listed = shell::read(&mut git)?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}
