//! A dialer that goes through an HTTP proxy by `CONNECT` (RFC 9110), with a user and a password or without.
//!
//! The proxy resolves the names of the brokers. Many allow port 443 only: that is for their operators to say.

use std::fmt;
use std::io;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kafka_producer::{Address, BoxedStream, Dialer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An HTTP proxy.
#[derive(Clone)]
pub(crate) struct HttpConnect {
    /// `host:port` of the proxy.
    proxy: String,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

impl HttpConnect {
    /// A proxy that asks for no login.
    pub(crate) fn new(proxy: impl Into<String>) -> Self {
        Self {
            proxy: proxy.into(),
            authorization: None,
        }
    }

    /// With this login (Basic, RFC 7617), which the way to the proxy does not encrypt.
    pub(crate) fn login(mut self, user: &str, password: &str) -> Self {
        let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.authorization = Some(format!("Basic {encoded}"));
        self
    }

    fn request(&self, host: &str, port: u16) -> String {
        // An IPv6 address gets its brackets.
        let to = Address::new(host, port);
        let login = self.authorization.as_ref();
        let login = login.map(|value| format!("Proxy-Authorization: {value}\r\n"));
        let login = login.unwrap_or_default();
        format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n")
    }
}

#[async_trait::async_trait]
impl Dialer for HttpConnect {
    async fn dial(&self, host: &str, port: u16, _deadline: Instant) -> io::Result<BoxedStream> {
        let mut stream = TcpStream::connect(&self.proxy).await?;
        stream.set_nodelay(true)?;
        let request = self.request(host, port);
        stream.write_all(request.as_bytes()).await?;
        let head = read_head(&mut stream).await?;
        let status_line = head.lines().next().unwrap_or_default();
        let mut words = status_line.split(' ');
        let is_http = words.next().is_some_and(|it| it.starts_with("HTTP/1."));
        let code = words.next().and_then(|code| code.parse::<u16>().ok());
        match code {
            Some(200..=299) if is_http => Ok(Box::new(stream)),
            _ => Err(refused(status_line)),
        }
    }
}

/// The head of the answer. It is read byte by byte: what follows is the broker's.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(refused("an answer without an end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn refused(answer: &str) -> io::Error {
    io::Error::other(format!("the HTTP proxy answers: {answer}"))
}

/// Shows no password.
impl fmt::Debug for HttpConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnect")
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

const HEAD_BYTES_MAX: usize = 16 << 10;
