//! The stage `no-c`: what needs no C compiler is built and tested without one.
//!
//! `CC` names a program that notes who calls it, and fails. The producer is checked, which runs all build
//! scripts, and they are what calls a compiler. The tests of `kafka-wire` are run from a copy of the workspace
//! (links to its sources) without what only benchmarks need: cargo builds everything that a package's tests may
//! need, and some of that is C.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::libraries::LIBRARIES;
use crate::{shell, workspace_copy};

/// Checks the producer with all features that need no C, then runs the tests of the codecs and of the
/// protocol; returns how many.
pub(super) fn check() -> Result<usize> {
    let dir = shell::target().join("no-c");
    fs::create_dir_all(&dir)?;
    let compiler = Compiler::install(&dir)?;
    let mut check = cargo(&dir, &compiler, &shell::workspace());
    check.args(["check", "--quiet", "--lib", "--no-default-features"]);
    check.args(["-p", "kafka-producer", "--features", WITH_TLS]);
    compiler.stays_idle(shell::run(&mut check))?;
    let copy = dir.join("workspace");
    workspace_copy::make(&copy, &LIBRARIES, without_c)?;
    let mut wire = cargo(&dir, &compiler, &copy);
    wire.args(["test", "--quiet", "--no-default-features"]);
    wire.args(["-p", "kafka-wire", "--lib", "--tests"]);
    wire.args(["--features", CODECS]);
    compiler.stays_idle(shell::run_tests(&mut wire))
}

const WITH_TLS: &str =
    "tokio,gzip,snappy,lz4,json,oauth-oidc,aws-msk-iam,unstable-engine,tls-graviola";
const CODECS: &str = "gzip,snappy,lz4,json";

fn cargo(dir: &Path, compiler: &Compiler, workspace: &Path) -> Command {
    let mut cargo = shell::cargo();
    cargo.current_dir(workspace);
    for variable in [
        "CC",
        "CXX",
        "HOST_CC",
        "HOST_CXX",
        "TARGET_CC",
        "TARGET_CXX",
    ] {
        cargo.env(variable, &compiler.program);
    }
    cargo.env("CARGO_TARGET_DIR", dir.join("target"));
    cargo
}

/// A compiler that compiles nothing.
struct Compiler {
    program: PathBuf,
    /// The packages whose build scripts have called it.
    callers: PathBuf,
}

impl Compiler {
    fn install(dir: &Path) -> Result<Self> {
        let (program, callers) = (dir.join("cc"), dir.join("callers"));
        let script = format!(
            "#!/bin/sh\necho \"$CARGO_PKG_NAME\" >> '{}'\nexit 1\n",
            callers.display()
        );
        fs::write(&program, script)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let _ = fs::remove_file(&callers);
        Ok(Self { program, callers })
    }

    /// What was done, unless somebody called the compiler, whatever came of it.
    fn stays_idle<T>(&self, done: Result<T>) -> Result<T> {
        match fs::read_to_string(&self.callers) {
            Ok(callers) => bail!("a C compiler is called by {}", callers.replace('\n', " ")),
            Err(_) => done,
        }
    }
}

/// Criterion, which measures, compiles C for its stacks.
fn without_c(dependency: &str) -> bool {
    dependency != "criterion"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_the_compiler_is_told_with_its_caller() {
        let dir = tempfile::tempdir().unwrap();
        let compiler = Compiler::install(dir.path()).unwrap();
        assert_eq!(compiler.stays_idle(Ok(7)).unwrap(), 7);
        let called = Command::new(&compiler.program)
            .env("CARGO_PKG_NAME", "zstd-sys")
            .status();
        assert!(!called.unwrap().success());
        let error = compiler.stays_idle(Ok(7)).unwrap_err();
        assert_eq!(error.to_string(), "a C compiler is called by zstd-sys ");
    }
}
