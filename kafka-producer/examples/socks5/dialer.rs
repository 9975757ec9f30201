//! A dialer that goes through a SOCKS5 proxy (RFC 1928), with a user and a password (RFC 1929) or without.
//!
//! The proxy resolves the names of the brokers.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Instant;

use kafka_producer::{BoxedStream, Dialer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A SOCKS5 proxy.
#[derive(Clone)]
pub(crate) struct Socks5 {
    /// `host:port` of the proxy.
    proxy: String,
    login: Option<(String, String)>,
}

impl Socks5 {
    /// A proxy that asks for no login.
    pub(crate) fn new(proxy: impl Into<String>) -> Self {
        Self {
            proxy: proxy.into(),
            login: None,
        }
    }

    /// With this login, if the proxy asks for one. Both parts have 255 bytes at most.
    pub(crate) fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    /// Agrees on how we log in, and does so.
    async fn greet(&self, stream: &mut TcpStream) -> io::Result<()> {
        let hello: &[u8] = match self.login {
            None => &[VERSION, 1, NO_LOGIN],
            Some(_) => &[VERSION, 2, NO_LOGIN, PASSWORD],
        };
        stream.write_all(hello).await?;
        match (read::<2>(stream).await?, &self.login) {
            ([VERSION, NO_LOGIN], _) => Ok(()),
            ([VERSION, PASSWORD], Some((user, password))) => log_in(stream, user, password).await,
            ([VERSION, _], _) => Err(refused("it takes no login that we have")),
            _ => Err(refused("it does not speak SOCKS5")),
        }
    }
}

#[async_trait::async_trait]
impl Dialer for Socks5 {
    async fn dial(&self, host: &str, port: u16, _deadline: Instant) -> io::Result<BoxedStream> {
        let mut stream = TcpStream::connect(&self.proxy).await?;
        stream.set_nodelay(true)?;
        self.greet(&mut stream).await?;
        stream.write_all(&connect(host, port)?).await?;
        let [version, reply, _, kind] = read(&mut stream).await?;
        if version != VERSION || reply != 0 {
            return Err(refused(words(reply)));
        }
        // From where the proxy has connected, which nobody needs.
        let bound_bytes = match kind {
            IPV4 => 4,
            IPV6 => 16,
            NAME => usize::from(stream.read_u8().await?),
            _ => return Err(refused("it answers with an unknown kind of address")),
        };
        stream.read_exact(&mut vec![0; bound_bytes + 2]).await?;
        Ok(Box::new(stream))
    }
}

async fn log_in(stream: &mut TcpStream, user: &str, password: &str) -> io::Result<()> {
    let mut request = vec![LOGIN_VERSION];
    for part in [user, password] {
        push_short(&mut request, part)?;
    }
    stream.write_all(&request).await?;
    match read::<2>(stream).await? {
        [_, 0] => Ok(()),
        _ => Err(refused("it does not accept the user and the password")),
    }
}

/// The request to connect to a broker.
fn connect(host: &str, port: u16) -> io::Result<Vec<u8>> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_short(&mut request, host)?;
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// A text after its length, which has one byte.
fn push_short(request: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let length = u8::try_from(text.len());
    request.push(length.map_err(|_| refused("a name, user or password is longer than 255 bytes"))?);
    request.extend(text.as_bytes());
    Ok(())
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn words(reply: u8) -> &'static str {
    match reply {
        1 => "it has failed",
        2 => "its rules do not allow this",
        3 => "the network cannot be reached from there",
        4 => "the host cannot be reached from there",
        5 => "the host refuses connections",
        6 => "it took too long",
        7 | 8 => "it does not support this",
        _ => "it says something unknown",
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::other(format!("the SOCKS5 proxy: {why}"))
}

/// Shows no password.
impl fmt::Debug for Socks5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.login.as_ref().map(|(user, _)| user);
        f.debug_struct("Socks5")
            .field("proxy", &self.proxy)
            .field("user", &user)
            .finish_non_exhaustive()
    }
}

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
