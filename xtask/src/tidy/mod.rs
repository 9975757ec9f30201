//! `cargo xtask tidy`: the rules of this project that no other tool knows, as code.
//!
//! ```text
//! files of the repository ─▶ Source (tokens, zones) ─▶ rules ─▶ path:line: rule: what instead
//! ```
//!
//! Rules look at tokens, so comments and strings never offend by accident; a rule about what is
//! written anywhere (machine paths, markers) looks at the text. Each rule is a table or a function
//! with tests; the reasons are in `CONTRIBUTING.md` and beside the tables.

mod conformance;
mod dependencies;
mod form;
mod source;
mod traces;
mod words;

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, bail, ensure};

use source::Source;

use crate::packages::packages;
use crate::shell;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    instead: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, instead: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            instead: instead.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.path, self.line, self.rule, self.instead
        )
    }
}

/// Checks every file of the repository; each place where a rule is broken is a line of output.
pub(crate) fn check() -> Result<()> {
    let files = files()?;
    let mut findings = BTreeSet::new();
    let mut rust = Vec::new();
    for path in files {
        let Ok(text) = std::fs::read_to_string(shell::workspace().join(&path)) else {
            continue; // Not text, or removed but still known to git.
        };
        findings.extend(traces::check(&path, &text));
        if path.ends_with(".rs") {
            match Source::read(&path, text) {
                Ok(source) => rust.push(source),
                Err(finding) => drop(findings.insert(finding)),
            }
        }
    }
    source::mark_test_modules(&mut rust);
    ensure!(
        !rust.is_empty(),
        "no file of Rust was found: tidy would check nothing"
    );
    for source in &rust {
        findings.extend(form::check(source));
        findings.extend(words::check(source));
    }
    findings.extend(conformance::check(conformance::page().as_deref(), &rust));
    findings.extend(dependencies::check(&packages()?));
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
    git.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]);
    let listed = shell::read(&mut git)?;
    Ok(listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_an_error_of_the_compiler() {
        let finding = Finding::new("a/src/b.rs", 7, "no-x", "use y");
        assert_eq!(finding.to_string(), "a/src/b.rs:7: no-x: use y");
    }
}
