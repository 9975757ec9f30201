//! The program, as other programs use it: its lines, its script, its ends.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use kafka_wire::{
    ErrorCode, Request, decode_response, encode_request,
    messages::{MetadataRequest, SaslAuthenticateRequest, SaslHandshakeRequest},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_kafka-mock"))
}

/// The program while it runs; it ends when this is dropped.
struct Running {
    child: Child,
    address: String,
    errors: BufReader<ChildStderr>,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut child = program()
            .args(words)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut address).unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let address = address.trim_end().to_owned();
        Self {
            child,
            address,
            errors,
        }
    }

    /// A line on standard error.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line
    }

    /// Closes its standard input; what it said since.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names of the topics that a broker knows, or nothing if it gives no whole answer.
fn topics(address: &str) -> Option<Vec<String>> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let version = MetadataRequest::version(9).unwrap();
    let request = MetadataRequest::default().with_topics(None);
    let frame = encode_request(1, Some("till"), version, &request).unwrap();
    stream.write_all(&frame).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    let (_, response) = decode_response::<MetadataRequest>(frame.into(), version).unwrap();
    let topics = response.topics.into_iter();
    Some(topics.filter_map(|topic| topic.name).collect())
}

fn script(folder: &Path, text: &str) -> String {
    let file = folder.join("faults.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn refused(words: &[&str]) -> String {
    let Output { status, stderr, .. } = program().args(words).output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

/// Longer than anything takes that should happen.
const TIME_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn it_serves_what_it_is_asked_for_and_a_line_tells_each_request() {
    let mut running = Running::start(&["--topic", "orders:6", "--topic", "bills", "--log"]);
    assert_eq!(topics(&running.address).unwrap(), ["bills", "orders"]);
    let line = running.line();
    assert!(line.contains("broker 1 #1 till: Metadata v9: ok"), "{line}");
    assert_eq!(running.end(), "");
}

#[test]
fn a_script_strikes_and_what_never_struck_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[fault]]\napi = 'Metadata'\ncut_after_bytes = 6\n\n\
        [[fault]]\nrefuse = 'NOT_ENOUGH_REPLICAS'\n\n\
        [[act]]\ndo = 'create_topic'\ntopic = 'orders'\npartitions = 1\n\n\
        [[act]]\nat_ms = 86_400_000\ndo = 'rolling_restart'\n";
    let running = Running::start(&["--script", &script(folder.path(), text)]);
    assert_eq!(topics(&running.address), None);
    while topics(&running.address).unwrap() != ["orders"] {
        std::thread::yield_now();
    }
    let said = running.end();
    assert!(
        said.contains("fault 2 of the script has never struck"),
        "{said}"
    );
    assert!(!said.contains("fault 1"), "{said}");
    assert!(
        said.contains("before 86400000 ms: RollingRestart was not done"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_is_told_with_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = script(folder.path(), "[[fault]]\nrefuse = 'NO_WAY'");
    let said = refused(&["--script", &faulty]);
    assert!(
        said.contains("faults.toml: line 1: \"NO_WAY\": no error of Kafka's"),
        "{said}"
    );
    let said = refused(&["--script", "nowhere.toml"]);
    assert!(said.contains("nowhere.toml: No such file"), "{said}");
    let said = refused(&["--topic", "orders:many"]);
    assert!(
        said.contains("\"many\" is no number of partitions; allowed is 1 or more"),
        "{said}"
    );
    let said = refused(&["--user", "alice"]);
    assert!(said.contains("as in alice:alice-secret"), "{said}");

    let running = Running::start(&[]);
    let (_, port) = running.address.rsplit_once(':').unwrap();
    let said = refused(&["--port", port]);
    assert!(
        said.contains(&format!(
            "broker 1 cannot listen on port {port} of 127.0.0.1"
        )),
        "{said}"
    );
}

#[test]
fn a_signal_ends_it() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut running = Running::start(&[]);
        let id = i32::try_from(running.child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
        assert!(running.child.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn who_does_not_trust_the_written_authority_is_not_connected() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file_name = file.path().to_str().unwrap();
    let program = Running::start(&["-t", "orders", "--tls", file_name]);
    let address = &program.address;
    let written = CertificateDer::from_pem_file(file.path()).unwrap();
    let mut broker = secured(address, [written]);
    let all = MetadataRequest::default().with_topics(None);
    assert_eq!(ask(&mut broker, 9, &all).topics.len(), 1);
    let mut stranger = secured(address, []);
    assert!(
        stranger
            .write_all(b"x")
            .and_then(|()| stranger.flush())
            .is_err()
    );
}

fn secured<const N: usize>(
    address: &str,
    trusted: [CertificateDer<'static>; N],
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    for authority in trusted {
        roots.add(authority).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "127.0.0.1".try_into().unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, connect(address))
}

#[test]
fn users_log_in_with_their_passwords() {
    let program = Running::start(&["-u", "alice:alice-secret", "-u", "bob:b:c"]);
    let address = &program.address;
    for (name, password, expected) in [
        ("alice", "alice-secret", ErrorCode::NONE),
        ("bob", "b:c", ErrorCode::NONE),
        ("bob", "b", ErrorCode::SASL_AUTHENTICATION_FAILED),
    ] {
        let mut broker = connect(address);
        let plain = SaslHandshakeRequest::default().with_mechanism("PLAIN".to_owned());
        let offered = ask(&mut broker, 1, &plain).mechanisms;
        assert_eq!(offered, ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
        let message = format!("\0{name}\0{password}");
        let message = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
        assert_eq!(
            ask(&mut broker, 2, &message).error_code,
            expected,
            "{name}:{password}"
        );
    }
}

fn ask<R: Request>(stream: &mut (impl Read + Write), version: i16, request: &R) -> R::Response {
    let version = R::version(version).unwrap();
    let frame = encode_request(1, Some("test"), version, request).unwrap();
    stream.write_all(&frame).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).unwrap();
    decode_response::<R>(frame.into(), version).unwrap().1
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.set_write_timeout(Some(TIME_LIMIT)).unwrap();
    stream
}
