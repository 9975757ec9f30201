//! Whether a broker that closes a connection instead of agreeing on TLS answers without TLS.
//!
//! A listener without TLS takes the beginning of TLS for a frame that is too long, and closes the connection.
//! So does a broker that is going down, or a proxy whose broker is down. Only the first answers ApiVersions
//! on a connection without TLS. Nothing is sent there but this request, without the name of the client.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use kafka_wire::messages::ApiVersionsRequest;
use kafka_wire::{Request, encode_request};
use tokio::net::TcpStream;

use super::transport::{Failure, connect};

/// The question, on its way.
pub(super) struct PlainQuestion {
    answered: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
    /// When the answer is given up.
    until: Instant,
    /// How the connection with TLS has ended.
    closed: String,
}

impl PlainQuestion {
    pub(super) fn ask(address: SocketAddr, closed: String, now: Instant) -> Self {
        Self {
            answered: Box::pin(answers(address)),
            until: now + ANSWER_MAX,
            closed,
        }
    }

    /// Goes on, until it is known what the close of the connection means.
    pub(super) fn poll(&mut self, now: Instant, context: &mut Context<'_>) -> Poll<Failure> {
        let closed = &self.closed;
        match self.answered.as_mut().poll(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Failure::Tls(format!(
                "{closed}, and answers without TLS: set security.protocol to PLAINTEXT or \
                 SASL_PLAINTEXT, or bootstrap.servers to a port with TLS"
            ))),
            Poll::Pending if now < self.until => Poll::Pending,
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(Failure::Network(format!(
                "{closed}, and does not answer without TLS either: perhaps it, or the broker behind a \
                 proxy, is down"
            ))),
        }
    }

    /// When to poll again if nothing happens.
    pub(super) fn deadline(&self) -> Instant {
        self.until
    }
}

async fn answers(address: SocketAddr) -> io::Result<()> {
    let socket = connect(address, (None, None)).await?;
    let version = ApiVersionsRequest::version(0).map_err(io::Error::other)?;
    let request = ApiVersionsRequest::default();
    let question = encode_request(CORRELATION_ID, None, version, &request);
    write(&socket, &question.map_err(io::Error::other)?).await?;
    // Its length, and the correlation id.
    let mut answer = [0; 8];
    read(&socket, &mut answer).await?;
    match answer[4..] == CORRELATION_ID.to_be_bytes() {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn write(socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        socket.writable().await?;
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn read(socket: &TcpStream, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        socket.readable().await?;
        match socket.try_read(into) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => into = &mut into[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A broker without TLS answers in two round trips.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Not to be found by chance in what is no answer.
const CORRELATION_ID: i32 = 0x6b61_666b;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What is made of a listener that answers with these bytes and closes the connection.
    async fn told(answer: &[u8]) -> Failure {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let now = Instant::now();
        let mut question = PlainQuestion::ask(address, "it closed".to_owned(), now);
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut length = [0; 4];
            socket.read_exact(&mut length).await.unwrap();
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            socket.read_exact(&mut request).await.unwrap();
            assert_eq!(request[..4], [0, 18, 0, 0], "ApiVersions 0");
            socket.write_all(answer).await.unwrap();
        };
        let (failure, ()) = tokio::join!(poll_fn(|context| question.poll(now, context)), serve);
        failure
    }

    #[tokio::test]
    async fn a_listener_that_answers_in_the_protocol_has_no_tls() {
        let answer = [&[0, 0, 0, 10], &CORRELATION_ID.to_be_bytes()[..], &[0; 6]].concat();
        let failure = told(&answer).await;
        let Failure::Tls(why) = failure else {
            panic!("{failure:?}");
        };
        assert!(why.contains("security.protocol"), "{why}");
    }

    #[tokio::test]
    async fn an_alert_of_tls_another_protocol_and_a_close_are_no_answers() {
        let alert = [0x15, 3, 1, 0, 2, 2, 80];
        for answer in [&alert[..], b"HTTP/1.1 400 Bad Request", b""] {
            let failure = told(answer).await;
            let Failure::Network(why) = failure else {
                panic!("{failure:?}");
            };
            assert!(why.contains("it closed, and does not answer"), "{why}");
        }
    }

    #[tokio::test]
    async fn a_listener_that_is_silent_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let now = Instant::now();
        let mut question = PlainQuestion::ask(address, "it closed".to_owned(), now);
        let later = question.deadline();
        let failure = poll_fn(|context| question.poll(later, context)).await;
        assert!(matches!(failure, Failure::Network(_)), "{failure:?}");
    }
}
