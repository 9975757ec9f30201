//! Clients of others, for the tests of the embedded cluster: those in Python are installed into a virtual
//! environment, those in Go and Rust are built. All are below `target/interop`; what has been brought once is
//! used again until its list of versions changes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// The directory of the clients, for tests that run them.
pub(super) const CLIENTS: &str = "KAFKA_OTHER_CLIENTS";

/// Checks that what brings the clients is there.
pub(super) fn require() -> Result<()> {
    let python = shell::is_installed("python3");
    ensure!(
        python,
        "`python3` is missing: `apt-get install python3 python3-venv`"
    );
    let venv = Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .output()?;
    ensure!(
        venv.status.success(),
        "`python3 -m venv` is missing: `apt-get install python3-venv`"
    );
    let go = shell::is_installed("go");
    ensure!(go, "`go` is missing: `apt-get install golang-go`");
    Ok(())
}

/// Brings the clients, and returns their directory.
pub(super) fn bring() -> Result<PathBuf> {
    let folder = shell::target().join("interop");
    std::fs::create_dir_all(&folder)?;
    let sources = shell::workspace().join("kafka-mock/tests/interop/programs");
    python(&sources.join("python/requirements.txt"), &folder)
        .context("the clients in Python can not be installed")?;
    go(&sources.join("franz-go"), &folder.join("franz-go"))
        .context("the client in Go can not be built")?;
    rust(&sources.join("rust"), &folder.join("rust"))
        .context("the clients in Rust can not be built")?;
    Ok(folder)
}

/// The list is copied beside the environment at the end, to see when that is out of date or incomplete.
fn python(requirements: &Path, folder: &Path) -> Result<()> {
    let (environment, stamp) = (folder.join("python"), folder.join("requirements.txt"));
    let wanted = std::fs::read(requirements)?;
    if std::fs::read(&stamp).is_ok_and(|brought| brought == wanted) && environment.is_dir() {
        return Ok(());
    }
    let mut venv = Command::new("python3");
    shell::run_aside(venv.args(["-m", "venv", "--clear"]).arg(&environment))?;
    shell::persist(|| {
        let mut pip = Command::new(environment.join("bin/python"));
        // Nothing is compiled here.
        pip.args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:"]);
        shell::run_aside(pip.arg("--requirement").arg(requirements))
    })?;
    std::fs::write(&stamp, wanted)?;
    Ok(())
}

/// Tests of a real server run beside it, and come first.
fn behind_tests(program: &str) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10", program]);
    command
}

/// Go knows by itself what is up to date.
fn go(source: &Path, program: &Path) -> Result<()> {
    shell::persist(|| {
        let mut go = behind_tests("go");
        go.current_dir(source).args(["build", "-o"]).arg(program);
        shell::run_aside(go.arg("."))
    })
}

/// What of them is C is compiled without optimisation, which takes a quarter of the time of all.
fn rust(source: &Path, target: &Path) -> Result<()> {
    let mut cargo = behind_tests("cargo");
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]);
    cargo.arg(source.join("Cargo.toml"));
    cargo.env("CARGO_TARGET_DIR", target).env("CFLAGS", "-O0");
    shell::run_aside(&mut cargo)
}
