//! The stages of `cargo xtask ci`, in order.
//!
//! Everything that is built for a test is built with the same packages and features selected
//! (`--workspace --all-features`), because cargo unifies features over what is selected: any other
//! selection would build most of the dependencies again.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::selection::{DENY_WARNINGS, LIBRARIES};
use super::{features, minimal, no_c, other_clients, tools};
use crate::kafka::require_java;
use crate::undo::Undo;
use crate::{api, chance, counts, kafka, libraries, shell, simulate, tidy};

/// What a stage does.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// Checks something other than by tests.
    Plain(fn() -> Result<()>),
    /// Runs tests, and returns how many.
    Tests(fn() -> Result<usize>),
}

/// Why a stage could not check anything: neither a success nor a failure.
#[derive(Debug)]
pub(super) struct NotChecked(pub(super) String);

impl std::error::Error for NotChecked {}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to check.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Whether `--without-kafka` leaves it out.
    pub(super) needs_java: bool,
    /// Whether it runs only when it is named, because it takes long.
    pub(super) is_extra: bool,
    /// Checks that the machine has what it needs.
    pub(super) requires: fn() -> Result<()>,
    pub(super) check: Check,
}

/// All stages in their order: those that are quick and fail often come first.
pub(super) const STAGES: &[Stage] = &[
    plain("fmt", "the code is formatted", fmt),
    plain("typos", "no word is misspelt", typos),
    plain("clippy", "no warning in any target", clippy),
    plain("tidy", "the project's own rules", tidy),
    plain(
        "features",
        "each crate builds with any features",
        features::check,
    ),
    tests("no-c", "no C compiler but for what says so", no_c::check),
    plain("no-std", "what needs no std builds without", no_std),
    plain("msrv", "the libraries build with rust-version", msrv),
    plain(
        "minimal",
        "the lowest versions of dependencies do",
        minimal::check,
    ),
    plain("doc", "the documentation has no warning", doc),
    plain("api", "the public API is as written down", public_api),
    tests("test", "all tests that need nothing else", test),
    plain("fuzz", "the fuzz targets build", fuzz),
    plain("deny", "licenses, sources, dependency directions", deny),
    plain("advisories", "no known vulnerability", advisories),
    plain("package", "each library builds from its package", package),
    plain("semver", "breaking changes are in the version", semver),
    tests("simulation", "the promises, in virtual time", simulation),
    tests("loom", "the locks, in every order that matters", loom),
    plain("counts", "nothing costs more than before", counts),
    on_java("schemas", "our messages are Kafka's", require_java, schemas),
    plain("examples", "the quickstart works", examples),
    plain("alone", "programs with one crate of ours", alone),
    on_java(
        "kafka",
        "real servers, other clients",
        require_clients,
        real_kafka,
    ),
    on_java("faults", "a real Kafka that fails", require_own, faults),
    Stage {
        is_extra: true,
        ..on_java("versions", "older versions of Kafka", require_own, versions)
    },
];

const fn plain(name: &'static str, about: &'static str, check: fn() -> Result<()>) -> Stage {
    Stage {
        check: Check::Plain(check),
        ..tests(name, about, || Ok(0))
    }
}

const fn tests(name: &'static str, about: &'static str, run: fn() -> Result<usize>) -> Stage {
    Stage {
        name,
        about,
        needs_java: false,
        is_extra: false,
        requires: || Ok(()),
        check: Check::Tests(run),
    }
}

const fn on_java(
    name: &'static str,
    about: &'static str,
    requires: fn() -> Result<()>,
    run: fn() -> Result<usize>,
) -> Stage {
    Stage {
        needs_java: true,
        requires,
        ..tests(name, about, run)
    }
}

/// Every test is built with these.
const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];

fn fmt() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
}

fn typos() -> Result<()> {
    shell::run(&mut tools::typos()?)
}

fn tidy() -> Result<()> {
    tidy::check()
}

fn clippy() -> Result<()> {
    let mut clippy = shell::cargo();
    clippy.args(["clippy", "--all-targets"]).args(EVERYTHING);
    shell::run(clippy.args(DENY_WARNINGS))?;
    let libraries = ["wire", "serde", "partition", "accumulator"];
    let libraries = libraries.map(|name| format!("-pkafka-{name}"));
    pure(&libraries, "--all-features")?;
    pure(&["-pkafka-producer".to_owned()], "--no-default-features")
}

/// These packages call nothing that `xtask/pure/clippy.toml` forbids. Without its features the producer
/// is the engine alone.
fn pure(packages: &[String], features: &str) -> Result<()> {
    let mut clippy = shell::cargo();
    clippy.args(["clippy", "--lib", features]).args(packages);
    clippy.env("CLIPPY_CONF_DIR", shell::workspace().join("xtask/pure"));
    shell::run(clippy.args(DENY_WARNINGS))
}

/// For a target that has no `std`. If that cannot be installed, nothing is checked, and the table says so.
fn no_std() -> Result<()> {
    let installed = rustup(&["target", "add", WITHOUT_STD], "no-std");
    installed.map_err(|error| NotChecked(format!("the target {WITHOUT_STD}: {error}")))?;
    let mut check = shell::cargo();
    check.args(["check", "-p", "kafka-partition", "--no-default-features"]);
    check.args(["--target", WITHOUT_STD]);
    shell::run(check.env("CARGO_TARGET_DIR", shell::target().join("no-std")))
}

const WITHOUT_STD: &str = "thumbv7em-none-eabi";

/// If that toolchain cannot be installed, nothing is checked, and the table says so.
fn msrv() -> Result<()> {
    let install = ["toolchain", "install", OLDEST_RUST, "--profile", "minimal"];
    let installed = rustup(&[&install[..], &["--no-self-update"]].concat(), "msrv");
    installed.map_err(|error| NotChecked(format!("Rust {OLDEST_RUST}: {error}")))?;
    let check = ["run", OLDEST_RUST, "cargo", "check", "--locked", "--lib"];
    rustup(
        &[&check[..], &LIBRARIES, &["--all-features"]].concat(),
        "msrv",
    )
}

/// What it builds goes to a folder of its own.
fn rustup(words: &[&str], target: &str) -> Result<()> {
    let mut rustup = std::process::Command::new("rustup");
    rustup.current_dir(shell::workspace()).args(words);
    shell::run(rustup.env("CARGO_TARGET_DIR", shell::target().join(target)))
}

/// The `rust-version` of the workspace, which is also this tool's.
const OLDEST_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Each is built from its archive alone, with those that it depends on from theirs.
fn package() -> Result<()> {
    forget_unpacked()?;
    let mut package = shell::cargo();
    package.args(["package", "--quiet", "--allow-dirty"]);
    shell::run(package.args(LIBRARIES))
}

/// Cargo takes what it has unpacked from an earlier archive of the same version, whatever is in the new one.
fn forget_unpacked() -> Result<()> {
    let home = shell::variable("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(shell::variable("HOME")?).join(".cargo")));
    let Some(registries) = home.and_then(|home| home.join("registry/src").read_dir().ok()) else {
        return Ok(());
    };
    for registry in registries {
        for library in libraries::LIBRARIES {
            let unpacked = format!("{library}-{}", env!("CARGO_PKG_VERSION"));
            let unpacked = registry.as_ref().map(|it| it.path().join(unpacked));
            if let Ok(unpacked) = unpacked
                && unpacked.is_dir()
            {
                std::fs::remove_dir_all(unpacked)?;
            }
        }
    }
    Ok(())
}

/// Before the first release there is nothing to compare with.
fn semver() -> Result<()> {
    let mut git = std::process::Command::new("git");
    git.current_dir(shell::workspace());
    let tags = shell::read(git.args(["tag", "--merged", "HEAD", "--sort", "-creatordate"]))?;
    let is_release = |tag: &&str| tag.starts_with('v');
    let Some(release) = tags.lines().find(is_release) else {
        let why = "there is no release yet to compare with (no tag v*)";
        return Err(NotChecked(why.to_owned()).into());
    };
    let mut semver = tools::semver_checks()?;
    semver.args(LIBRARIES).args(["--baseline-rev", release]);
    shell::run(&mut semver)
}

fn doc() -> Result<()> {
    let mut doc = shell::cargo();
    doc.args(["doc", "--no-deps"]).args(EVERYTHING);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn public_api() -> Result<()> {
    api::is_readable().map_err(NotChecked)?;
    api::check()
}

fn test() -> Result<usize> {
    let mut test = shell::cargo();
    // Without a seed `cargo test` always tries the same cases: `.cargo/config.toml`.
    let seed = chance::of_this_code().to_string();
    test.arg("test").args(EVERYTHING);
    shell::run_tests(test.env("PROPTEST_RNG_SEED", seed))
}

fn counts() -> Result<()> {
    counts::check()
}

/// The targets are not in the workspace. A check links nothing. With the path of another libFuzzer it
/// compiles no C++ either.
fn fuzz() -> Result<()> {
    let target = shell::target().join("fuzz");
    let mut check = shell::cargo();
    check.args(["check", "--manifest-path", "kafka-wire/fuzz/Cargo.toml"]);
    check.env("CUSTOM_LIBFUZZER_PATH", target.join("libfuzzer.a"));
    shell::run(check.env("CARGO_TARGET_DIR", target))
}

/// Dependencies of tests may have any direction.
fn deny() -> Result<()> {
    let check = ["check", "--hide-inclusion-graph"];
    shell::run(tools::deny()?.arg("--exclude-dev").args(check).arg("bans"))?;
    shell::run(tools::deny()?.args(check).args(["licenses", "sources"]))
}

/// If the git repository of the advisories cannot be reached, nothing is checked, and the table says so.
fn advisories() -> Result<()> {
    let fetched = shell::run(tools::deny()?.args(["fetch", "db"]));
    fetched.map_err(|error| NotChecked(format!("the database of advisories: {error}")))?;
    let checks = ["--offline", "check", "--hide-inclusion-graph", "advisories"];
    shell::run(tools::deny()?.args(checks))
}

fn simulation() -> Result<usize> {
    simulate::fixed_and_fresh(5_000)
}

fn loom() -> Result<usize> {
    let mut loom = shell::cargo();
    let words = "test --release -p kafka-accumulator --test loom_*";
    loom.args(words.split(' ')).env("RUSTFLAGS", "--cfg loom");
    loom.env("CARGO_TARGET_DIR", shell::target().join("loom"));
    // Full optimisation would take longer than it saves.
    loom.env("CARGO_PROFILE_RELEASE_LTO", "off");
    loom.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    shell::run_tests(&mut loom)
}

fn schemas() -> Result<usize> {
    let schemas = tempfile::tempdir()?;
    extract_schemas(&kafka::clients_jar()?, schemas.path())?;
    let mut test = ignored_tests("schemas");
    shell::run_tests(test.env("KAFKA_SCHEMAS_DIR", schemas.path()))
}

/// Copies the definitions of Kafka's messages out of the jar of its clients.
fn extract_schemas(jar: &Path, to: &Path) -> Result<()> {
    let cannot = || format!("the schemas can not be read from {}", jar.display());
    let file = std::fs::File::open(jar).with_context(cannot)?;
    let mut archive = zip::ZipArchive::new(file).with_context(cannot)?;
    let mut count = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(cannot)?;
        let name = entry.name().with_context(cannot)?.into_owned();
        let file = name
            .strip_prefix("common/message/")
            .filter(|name| name.ends_with(".json"));
        if let Some(file) = file.filter(|file| !file.contains('/')) {
            std::io::copy(&mut entry, &mut std::fs::File::create(to.join(file))?)?;
            count += 1;
        }
    }
    ensure!(count > 0, "{} has no common/message/*.json", jar.display());
    println!("{count} schemas are read from {}", jar.display());
    Ok(())
}

/// Runs the example of the README, which must print the offsets of its records.
fn examples() -> Result<()> {
    let mut says_offset = false;
    let mut example = shell::cargo();
    example.args(["run", "-p", "examples"]);
    shell::run_watched(&mut example, |line| {
        let line = line.to_ascii_lowercase();
        let after = line.split_once("offset").map(|(_, after)| after);
        says_offset |= after.is_some_and(|after| after.contains(|c: char| c.is_ascii_digit()));
    })?;
    ensure!(says_offset, "the example prints no `offset` with a number");
    Ok(())
}

/// The programs of `examples/alone` are not in the workspace: each has what a program of a stranger would have. Those
/// without tests compare what they do themselves, and fail.
fn alone() -> Result<()> {
    let programs = shell::workspace().join("examples/alone");
    let mut programs: Vec<_> = std::fs::read_dir(programs)?.collect::<Result<_, _>>()?;
    ensure!(!programs.is_empty(), "examples/alone has no programs");
    programs.sort_by_key(std::fs::DirEntry::path);
    for program in programs {
        let manifest = program.path().join("Cargo.toml");
        let manifest = [
            std::ffi::OsStr::new("--manifest-path"),
            manifest.as_os_str(),
        ];
        shell::run(shell::cargo().arg("fmt").arg("--check").args(manifest))?;
        let verb = match program.path().join("tests").exists() {
            true => "test",
            false => "run",
        };
        let mut run = shell::cargo();
        run.args([verb, "--quiet", "--locked"]).args(manifest);
        shell::run(run.env("CARGO_TARGET_DIR", shell::target().join("alone")))?;
    }
    Ok(())
}

fn require_clients() -> Result<()> {
    require_java()?;
    let kcat = "kcat (a client for Kafka that is not Java's)";
    ensure!(
        shell::is_installed("kcat"),
        "{kcat} is missing: `apt-get install kcat`"
    );
    other_clients::require()
}

/// Our tests with a real cluster, then other clients with the embedded cluster.
fn real_kafka() -> Result<usize> {
    let class_path = kafka::class_path(None)?;
    if !shell::is_installed("javac") {
        bail!("`javac` is missing: `apt-get install openjdk-17-jdk-headless`");
    }
    let up = kafka::Up {
        nodes: 3,
        protocol: kafka::Protocol::all().to_vec(),
        set: SLOW_TO_NOTICE.map(str::to_owned).to_vec(),
        ..kafka::Up::default()
    };
    let (variables, _undo) = cluster(&up)?;
    let mut ours = ignored_tests("kafka");
    // It only prints a table for people.
    ours.args(["--skip", "beside_java"]);
    ours.envs(variables).env(kafka::CLASS_PATH, &class_path);
    ours.env(kafka::XTASK, std::env::current_exe()?);
    // The tests wait more than they compute: the clients are built meanwhile.
    let (ours, clients) = std::thread::scope(|scope| {
        let clients = scope.spawn(other_clients::bring);
        (shell::run_tests(&mut ours), clients.join())
    });
    let ours = ours?;
    let clients = clients.map_err(|_| anyhow!("what brings the clients panicked"))??;
    let mut others = ignored_tests("interop");
    others.env(kafka::CLASS_PATH, &class_path);
    others.env(other_clients::CLIENTS, clients);
    let others = shell::run_tests(&mut others)?;
    Ok(ours + others)
}

/// No broker is killed here: one that is silent is only slow. Sessions of SASL are short. Transactions may be
/// prepared (KIP-939), for which Kafka has no stable version yet. There are ACLs, which bind no one until a test has
/// made some, and never who has not logged in.
const SLOW_TO_NOTICE: [&str; 8] = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
    "allow.everyone.if.no.acl.found=true",
    "transaction.two.phase.commit.enable=true",
    "unstable.api.versions.enable=true",
    "broker.session.timeout.ms=120000",
    "controller.quorum.fetch.timeout.ms=60000",
    "connections.max.reauth.ms=5000",
];

fn require_own() -> Result<()> {
    require_java()?;
    let servers = kafka::SERVERS;
    let why = "this stage needs brokers of its own";
    ensure!(
        shell::variable(servers).is_none(),
        "{servers} is set, but {why}"
    );
    Ok(())
}

/// One test at a time, because each kills brokers that all of them use.
fn faults() -> Result<usize> {
    let class_path = kafka::class_path(None)?;
    let up = kafka::Up {
        nodes: 3,
        detour: true,
        set: QUICK_TO_NOTICE.map(str::to_owned).to_vec(),
        ..kafka::Up::default()
    };
    let (variables, _undo) = cluster(&up)?;
    let mut tests = ignored_tests("faults");
    // Those only print tables for people; their files say how to run them.
    tests.args(["--test-threads=1", "--nocapture", "--skip", "compared"]);
    tests.envs(variables).env(kafka::CLASS_PATH, &class_path);
    tests.env(kafka::XTASK, std::env::current_exe()?);
    shell::run_tests(&mut tests)
}

/// A few tests with each version, on one node of its own; what cannot be brought or started fails the stage.
fn versions() -> Result<usize> {
    let mut passed = 0;
    for version in VERSIONS {
        println!("-- Kafka {version}");
        let version: kafka::Version = version.parse()?;
        let up = kafka::Up {
            nodes: 1,
            version: Some(version),
            ..kafka::Up::default()
        };
        let class_path = kafka::class_path(Some(&version))?;
        let (variables, _undo) = cluster(&up)?;
        let mut tests = ignored_tests("versions");
        tests.arg("--nocapture").envs(variables);
        tests.env(kafka::CLASS_PATH, &class_path);
        passed += shell::run_tests(tests.env("KAFKA_VERSION", version.to_string()))?;
    }
    Ok(passed)
}

/// The oldest with all codecs, those in which something changed for a producer, and the newest.
const VERSIONS: [&str; 9] = [
    "2.1.1", "2.4.1", "2.8.2", "3.0.2", "3.3.2", "3.6.2", "3.9.2", "4.0.2", "4.4.0",
];

/// A dead or frozen broker is noticed after 5 seconds instead of 9. Internal topics survive the death of
/// one broker. Brokers look for producers to be forgotten all the time.
const QUICK_TO_NOTICE: [&str; 4] = [
    "producer.id.expiration.check.interval.ms=500",
    "broker.session.timeout.ms=5000",
    "broker.heartbeat.interval.ms=1000",
    "transaction.state.log.min.isr=2",
];

/// The variables that name a cluster to tests: the one that is set, the one that runs already, or one
/// that ends with the stage.
fn cluster(up: &kafka::Up) -> Result<(kafka::Variables, Option<Undo>)> {
    if let Some(servers) = shell::variable(kafka::SERVERS) {
        println!("{} is set: nothing is started", kafka::SERVERS);
        return Ok((vec![(kafka::SERVERS.to_owned(), servers)], None));
    }
    let runs_already = kafka::Cluster::running().is_ok();
    let cluster = kafka::Cluster::up(up)?;
    print!("{cluster}");
    let variables = cluster.variables();
    if runs_already {
        println!("this cluster ran already and is left running");
        return Ok((variables, None));
    }
    let undo = Undo::new(move || {
        if let Err(error) = cluster.down() {
            eprintln!("the cluster is not stopped: {error:#}");
        }
    });
    Ok((variables, Some(undo)))
}

/// The ignored tests of the target `name`; cargo fails if there is no such target.
fn ignored_tests(name: &str) -> std::process::Command {
    let mut test = shell::cargo();
    test.arg("test").args(EVERYTHING);
    test.args(["--test", name, "--", "--ignored"]);
    test
}
