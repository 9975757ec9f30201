//! A program that runs until this value is dropped, and the one that is measured.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

use crate::shell::{self, Running};

/// It is ended, and waited for, when this is dropped.
pub(super) struct Program(Running);

impl Program {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        Running::start(command).map(Self)
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.child.try_wait()?.is_some())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.child.kill();
        let _ = self.0.child.wait();
    }
}

/// The example `metrics_endpoint`, which sends records and serves its metrics.
pub(super) struct Endpoint {
    address: String,
    _program: Program,
    _output: BufReader<ChildStdout>,
}

impl Endpoint {
    pub(super) fn start(bootstrap_servers: &str) -> Result<Self> {
        let mut build = shell::cargo();
        build.args(["build", "--workspace", "--all-features"]);
        // Its tests have built it so.
        shell::run(build.args(["--profile", "test", "--bin", NAME]))?;
        let mut command = Command::new(shell::target().join("debug").join(NAME));
        command.args([bootstrap_servers, "127.0.0.1:0"]);
        let mut program = Program::start(command.stdout(Stdio::piped()))?;
        let output = program.0.child.stdout.take();
        let mut output = BufReader::new(output.context("the standard output is piped")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.strip_prefix("http://");
        let address = address.and_then(|it| it.strip_suffix("/metrics\n"));
        Ok(Self {
            address: address
                .with_context(|| format!("{NAME} says {line:?}"))?
                .to_owned(),
            _program: program,
            _output: output,
        })
    }

    /// Where it serves `/metrics`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

const NAME: &str = "metrics_endpoint";
