//! Runs other programs: prints the command, streams the output, and reports a failure as an error.
//!
//! Every program gets its own process group, which ends with this process, so that an interrupted
//! `cargo test` leaves no test binary running.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::undo::Undo;

/// The directory of the workspace: where cargo runs us from, else where we were built.
pub(crate) fn workspace() -> PathBuf {
    let package = variable("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.filter(|dir| dir.ends_with("xtask"));
    let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package
        .parent()
        .expect("xtask is a folder of the workspace")
        .to_owned()
}

/// The directory that cargo builds in: `CARGO_TARGET_DIR`, else `target`.
pub(crate) fn target() -> PathBuf {
    let dir = variable("CARGO_TARGET_DIR").unwrap_or_else(|| "target".to_owned());
    workspace().join(dir)
}

/// The environment variable `name`, if it is set to something.
#[allow(
    clippy::disallowed_methods,
    reason = "environment variables are input of a command line tool"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    command.current_dir(workspace());
    command
}

/// Shows `command`, runs it with its output streamed, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("+ {}", shown(command));
    finish(command)
}

/// Like [`run`], and passes every line of the standard output to `watch`.
pub(crate) fn run_watched(command: &mut Command, mut watch: impl FnMut(&str)) -> Result<()> {
    println!("+ {}", shown(command));
    let (running, pipe) = piped(command)?;
    for line in BufReader::new(pipe).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        watch(&line);
    }
    let status = running.wait()?;
    succeeded(command, status)
}

/// Like [`run`], for `cargo test`: returns how many tests passed, and fails if no test ran.
pub(crate) fn run_tests(command: &mut Command) -> Result<usize> {
    let mut passed = 0;
    run_watched(command, |line| passed += tests_passed(line))?;
    if passed == 0 {
        bail!("`{}` ran no test", shown(command));
    }
    Ok(passed)
}

/// Like [`run`], but all output goes to standard error.
pub(crate) fn run_aside(command: &mut Command) -> Result<()> {
    eprintln!("+ {}", shown(command));
    finish(command.stdout(std::io::stderr()))
}

fn finish(command: &mut Command) -> Result<()> {
    let status = Running::start(command.stdin(Stdio::null()))?.wait()?;
    succeeded(command, status)
}

/// Has Maven copy the jars that `pom` names, with these options, into a folder.
pub(crate) fn copy_jars(pom: &Path, options: &[String], folder: &Path) -> Result<()> {
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "-Dstyle.color=never", "-f"])
        .arg(pom);
    maven.arg("dependency:copy-dependencies").args(options);
    maven.arg(format!("-DoutputDirectory={}", folder.display()));
    persist(|| run_aside(&mut maven)).context("Maven could not bring the jars")
}

/// Makes an attempt that needs the network, and more of them if it fails.
pub(crate) fn persist<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    for pause_s in PAUSES_S {
        match attempt() {
            Err(error) => {
                eprintln!("{error:#}; once more in {pause_s} s");
                pause(Duration::from_secs(pause_s));
            }
            done => return done,
        }
    }
    attempt()
}

/// For what another program does and gives no event of: a server that recovers, a JVM that starts.
#[allow(clippy::disallowed_methods, reason = "there is no event to wait for")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Between attempts.
const PAUSES_S: [u64; 3] = [5, 20, 60];

/// Runs `command` and returns its standard output; its standard error is streamed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let (running, mut pipe) = piped(command)?;
    let mut output = String::new();
    let read = pipe.read_to_string(&mut output);
    let status = running.wait()?;
    read.with_context(|| format!("the output of `{}` is not text", shown(command)))?;
    succeeded(command, status)?;
    Ok(output)
}

/// Starts `command`, and gives its standard output.
fn piped(command: &mut Command) -> Result<(Running, ChildStdout)> {
    let mut running = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let pipe = running.child.stdout.take();
    Ok((running, pipe.expect("the standard output is piped")))
}

/// Runs `command` with our input and output, and returns its exit code.
pub(crate) fn stand_in(command: &mut Command) -> Result<ExitCode> {
    let status = command
        .status()
        .with_context(|| format!("`{}` can not be run", shown(command)))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Whether a program of that name is on the `PATH`.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// The number in `test result: ok. 15 passed; 0 failed; ...`, zero for any other line.
fn tests_passed(line: &str) -> usize {
    let counts = line.strip_prefix("test result: ok. ");
    let count = counts.and_then(|rest| rest.split_once(" passed")?.0.parse().ok());
    count.unwrap_or(0)
}

/// A running program. If this process is interrupted, the program and its children end.
pub(crate) struct Running {
    pub(crate) child: Child,
    end: Undo,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn();
        let child = child.with_context(|| format!("`{}` can not be run", shown(command)))?;
        let group = Pid::from_child(&child);
        let end = Undo::new(move || {
            // It may have ended already.
            let _ = kill_process_group(group, Signal::TERM);
        });
        Ok(Self { child, end })
    }

    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        let status = self.child.wait();
        self.end.forget();
        Ok(status?)
    }
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// The command as it would be typed: variables, program, arguments.
fn shown(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
            let _ = write!(line, "{name}={value:?} ");
        }
    }
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or_else(|| command.get_program());
    line.push_str(&name.to_string_lossy());
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed: exit status: 3");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_that_names_it() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "`no-such-program` can not be run");
    }

    #[test]
    fn passed_tests_are_counted() {
        let output = "test result: ok. 15 passed; 0 failed\ntest result: ok. 2 passed; 0 failed";
        let count = |output| run_tests(Command::new("printf").args(["%s\\n", output]));
        assert_eq!(count(output).unwrap(), 17);
        let error = count("test result: ok. 0 passed; 0 failed; 3 ignored").unwrap_err();
        assert!(error.to_string().ends_with("ran no test"), "{error}");
    }

    #[test]
    fn what_a_program_writes_is_read() {
        assert_eq!(read(Command::new("echo").arg("hello")).unwrap(), "hello\n");
    }
}
