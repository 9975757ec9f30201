//! One run of one client: starts it, limits its time, reads its line of JSON.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use super::cases::Case;
use super::clients::Client;
use super::record::Latency;
use super::usage;
use crate::shell::Running;

/// How much is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) records: u64,
    pub(super) warmup: u64,
}

/// What came of it.
pub(super) struct Ran {
    pub(super) line: Line,
    /// What the rest of the machine used meanwhile, servers included.
    pub(super) others_cpu_s: f64,
}

/// What every client prints; the units are in the names.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Line {
    pub(super) version: String,
    #[serde(default)]
    pub(super) notes: String,
    pub(super) records: u64,
    pub(super) errors: u64,
    pub(super) seconds: f64,
    pub(super) cpu_user_s: f64,
    pub(super) cpu_sys_s: f64,
    pub(super) max_rss_kb: u64,
    pub(super) lat_us: Latency,
    pub(super) send_late_us: Option<Latency>,
    pub(super) payload_fnv: String,
}

/// Runs `client` against the server at `bootstrap`.
pub(super) fn run(
    client: &Client,
    case: &Case,
    (bootstrap, topic): (&str, &str),
    amount: Amount,
    limit: Duration,
) -> Result<Ran> {
    let mut command = Command::new(&client.command[0]);
    command.args(&client.command[1..]);
    command.args(["--bootstrap", bootstrap, "--topic", topic]);
    command.args(["--records", &amount.records.to_string()]);
    command.args(["--warmup", &amount.warmup.to_string()]);
    command.args(case.flags.arguments());
    let (mut said, mut complained) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null());
    command
        .stdout(said.try_clone()?)
        .stderr(complained.try_clone()?);

    let before = (usage::of_machine(), of_children());
    let status = within(limit, Running::start(&mut command)?)?;
    let machine = usage::of_machine() - before.0;
    let complaint = text(&mut complained)?;
    ensure!(status.success(), "{status}: {}", last(&complaint));
    let said = text(&mut said)?;
    let line = said.lines().rev().find(|line| line.starts_with('{'));
    let line = line.with_context(|| format!("no line of JSON: {}", last(&complaint)))?;
    Ok(Ran {
        line: serde_json::from_str(line).with_context(|| format!("not understood: {line}"))?,
        others_cpu_s: machine - (of_children() - before.1),
    })
}

/// Waits for the end in a thread, so that a client that takes too long can be ended.
fn within(limit: Duration, running: Running) -> Result<ExitStatus> {
    let process = Pid::from_child(&running.child);
    let (tell, ended) = mpsc::channel();
    thread::spawn(move || tell.send(running.wait()));
    if let Ok(status) = ended.recv_timeout(limit) {
        return status;
    }
    // It may just have ended by itself.
    let _ = kill_process_group(process, Signal::KILL);
    let _ = ended.recv();
    bail!("not done within {} s", limit.as_secs())
}

/// The seconds on any core of all our processes that have ended.
fn of_children() -> f64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0.0, |usage| {
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        micros as f64 / 1e6
    })
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines, as far as they are short.
fn last(text: &str) -> String {
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(300);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cases;

    const AMOUNT: Amount = Amount {
        records: 7,
        warmup: 3,
    };
    const LIMIT: Duration = Duration::from_secs(60);
    const LINE: &str = r#"{"client":"x","version":"1","records":7,"errors":0,"seconds":2.0,
        "cpu_user_s":1.5,"cpu_sys_s":0.5,"max_rss_kb":1024,"payload_fnv":"a",
        "lat_us":{"p50":1.0,"p90":1.0,"p99":1.0,"p999":1.0,"max":1.0}}"#;

    fn shell(script: &str) -> Client {
        Client {
            name: "shell".to_owned(),
            role: crate::bench::record::Role::Peer,
            command: ["sh", "-c", script].map(str::to_owned).into(),
        }
    }

    fn run_script(script: &str, limit: Duration) -> Result<Ran> {
        run(
            &shell(script),
            &cases::peers()[0],
            ("host:1", "t"),
            AMOUNT,
            limit,
        )
    }

    #[test]
    fn the_line_of_json_is_read() {
        let line = LINE.replace('\n', " ");
        let ran = run_script(&format!("echo words; echo '{line}'"), LIMIT).unwrap();
        assert_eq!((ran.line.records, ran.line.max_rss_kb), (7, 1024));
        assert!(ran.line.send_late_us.is_none());
    }

    #[test]
    fn a_client_is_told_where_and_how_much() {
        // What it is told becomes its complaint: the first word is the name of the script.
        let error = run_script("echo $0 $* >&2; exit 1", LIMIT).err().unwrap();
        let said = error.to_string();
        assert!(said.contains("--payload random"), "{said}");
        let error = run_script("echo $0 $1 $2 $3 $4 $5 $6 $7 >&2; exit 1", LIMIT)
            .err()
            .unwrap();
        let said = error.to_string();
        assert!(
            said.ends_with("--bootstrap host:1 --topic t --records 7 --warmup 3"),
            "{said}"
        );
    }

    #[test]
    fn a_client_that_says_nothing_has_failed() {
        let error = run_script("echo why >&2", LIMIT).err().unwrap();
        assert_eq!(error.to_string(), "no line of JSON: why");
    }

    #[test]
    fn a_client_that_does_not_end_is_ended() {
        let error = run_script("exec sleep 600", Duration::ZERO).err().unwrap();
        assert_eq!(error.to_string(), "not done within 0 s");
    }
}
