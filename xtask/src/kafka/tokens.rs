//! A server that signs tokens (OIDC) for clients of OAUTHBEARER, and tells brokers its keys.
//!
//! It gives a token to whoever shows any name and secret, for this machine only.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::jars;
use super::process;

/// One that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tokens {
    port: u16,
    pid: u32,
    /// What only its command line has.
    mark: String,
}

impl Tokens {
    /// Starts one at a port that is free; it answers a little later.
    pub(super) fn start(dir: &Path, port: u16) -> Result<Self> {
        let mark = format!("-Dxtask.tokens={}", dir.display());
        let mut java = Command::new("java");
        java.args([
            "-Xmx64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            &mark,
        ]);
        java.arg("-cp").arg(jars::of_tokens()?);
        java.arg("no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt");
        java.env("SERVER_HOSTNAME", "127.0.0.1");
        java.env("SERVER_PORT", port.to_string());
        let pid = process::start_detached(&java, &dir.join("tokens.log"))?;
        Ok(Self { port, pid, mark })
    }

    /// Who it says it is; its addresses begin like this.
    pub(super) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}/kafka", self.port)
    }

    /// What the JVMs of brokers and of Java's clients must be allowed (as of Kafka 4).
    pub(super) fn allowed(&self) -> String {
        let issuer = self.issuer();
        format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={issuer}/token,{issuer}/jwks")
    }

    /// Fails unless it tells its keys.
    pub(super) fn probe(&self) -> Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /kafka/jwks HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = [0; 12];
        stream
            .read_exact(&mut answer)
            .context("it closes the connection")?;
        ensure!(answer.ends_with(b" 200"), "it answers {answer:?}");
        Ok(())
    }

    pub(super) fn is_running(&self) -> bool {
        process::is_running(self.pid, &self.mark)
    }

    pub(super) fn end(&self) {
        process::signal(self.pid, &self.mark, Signal::KILL);
    }
}
