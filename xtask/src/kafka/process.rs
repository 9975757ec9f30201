//! Processes that an earlier call may have started, known by their id and command line.
//!
//! Process ids are used again, so a process is ended only if its command line names what was started.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Starts what outlives this process and the terminal; what it says is added to the log.
pub(crate) fn start_detached(what: &Command, log: &Path) -> Result<u32> {
    let log = File::options().append(true).create(true).open(log)?;
    let mut nohup = Command::new("nohup");
    nohup.arg(what.get_program()).args(what.get_args());
    let variables = what.get_envs();
    nohup.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    nohup.stdin(Stdio::null()).stdout(log.try_clone()?);
    nohup.stderr(log);
    std::os::unix::process::CommandExt::process_group(&mut nohup, 0);
    Ok(nohup.spawn().context("`nohup java` can not be run")?.id())
}

/// Whether process `id` runs and has `mark` in its command line.
pub(crate) fn is_running(id: u32, mark: &str) -> bool {
    command_line(id).is_some_and(|line| line.contains(mark))
}

/// Sends `signal` to process `id` if `mark` is in its command line; says whether it was.
pub(crate) fn signal(id: u32, mark: &str, signal: Signal) -> bool {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    match pid {
        Some(pid) if is_running(id, mark) => kill_process(pid, signal).is_ok(),
        _ => false,
    }
}

/// The command line; none for a process that has ended, even if nobody waited for it yet.
fn command_line(id: u32) -> Option<String> {
    if !Path::new("/proc/self/cmdline").exists() {
        let id = id.to_string();
        let output = Command::new("ps")
            .args(["-ww", "-o", "args=", "-p", &id])
            .output()
            .ok()?;
        return Some(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // While a process is becoming another program (`nohup` a JVM), its line is empty: for as long as
    // the disk takes to bring that program.
    let deadline = Instant::now() + BECOMING_LIMIT;
    while Instant::now() < deadline {
        let bytes = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        if !bytes.is_empty() {
            return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
        }
        if has_ended(id) {
            return None;
        }
        std::thread::yield_now();
    }
    None
}

/// Whether the process is gone or a zombie: the state stands after the name in parentheses.
fn has_ended(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    state.is_empty() || state.starts_with(['Z', 'X'])
}

const BECOMING_LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_with_the_mark_is_ended() {
        let mut child = Command::new("sleep").arg("600.25").spawn().unwrap();
        assert!(is_running(child.id(), "600.25"));
        assert!(!signal(child.id(), "kafka.Kafka", Signal::KILL));
        assert!(is_running(child.id(), "600.25"));
        assert!(signal(child.id(), "600.25", Signal::KILL));
        assert!(!child.wait().unwrap().success());
        assert!(!is_running(child.id(), "600.25"));
    }
}
