//! A broker that acknowledges everything, started again for each run, so that it counts one run.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::cases::SinkOptions;
use super::record::Received;
use crate::shell::Running;

/// One process with some listening ports, one for each broker that it plays.
pub(super) struct Sink {
    running: Running,
    /// Held open: the sink may still have something to say.
    stderr: BufReader<ChildStderr>,
    pub(super) bootstrap: String,
}

/// What the sink counted until its end.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Totals {
    pub(super) records: u64,
    #[serde(flatten)]
    pub(super) received: Received,
    pub(super) cpu_user_s: f64,
    pub(super) cpu_sys_s: f64,
}

impl Sink {
    /// Starts a sink and waits until it listens.
    pub(super) fn start(program: &Path, options: SinkOptions) -> Result<Self> {
        let mut said = String::new();
        for _ in 0..TRIES {
            let port = free_ports(options.brokers)?;
            let mut command = Command::new(program);
            for (flag, value) in [
                ("--port", port.to_string()),
                ("--brokers", options.brokers.to_string()),
                ("--partitions", options.partitions.to_string()),
                ("--delay-us", options.delay_us.to_string()),
                ("--stats-s", "0".to_owned()),
            ] {
                command.args([flag, &value]);
            }
            command.stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut running = Running::start(&mut command)?;
            let stderr = running.child.stderr.take();
            let mut stderr = BufReader::new(stderr.expect("the standard error is piped"));
            said.clear();
            stderr.read_line(&mut said)?;
            if said.trim() == READY {
                return Ok(Self {
                    running,
                    stderr,
                    bootstrap: format!("127.0.0.1:{port}"),
                });
            }
        }
        bail!("the sink does not start: {}", said.trim())
    }

    /// Ends the sink and gives what it counted.
    pub(super) fn stop(mut self) -> Result<Totals> {
        kill_process(Pid::from_child(&self.running.child), Signal::TERM)
            .context("the sink has ended by itself")?;
        let stdout = self.running.child.stdout.take();
        let mut line = String::new();
        stdout
            .expect("the standard output is piped")
            .read_to_string(&mut line)?;
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        if !said.is_empty() {
            eprint!("{said}");
        }
        self.running.wait()?;
        serde_json::from_str(&line).with_context(|| format!("the sink said {line:?}"))
    }
}

/// As many ports in a row that nobody listens at; the first of them.
fn free_ports(count: u16) -> Result<u16> {
    for _ in 0..1_000 {
        let first = fastrand::u16(20_000..31_000);
        let mut ports = first..first + count;
        if ports.all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(first);
        }
    }
    bail!("{count} free ports in a row are not found between 20000 and 32000")
}

const READY: &str = "sink ready";
/// Another program may take a port between our choice and the sink's bind.
const TRIES: usize = 3;
