//! How a socket is written to, and why a connection cannot be used: what all transports share.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Why a connection cannot be used.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The network, or the broker, which may be better next time.
    Network(String),
    /// The broker has closed the connection in the middle of the handshake of TLS.
    #[cfg_attr(
        not(feature = "_tls"),
        expect(dead_code, reason = "without TLS there is no handshake")
    )]
    Unanswered(String),
    /// TLS: without a change it fails again.
    Tls(String),
}

/// Whose turn it is to write.
pub(in super::super) trait Turn {
    /// Writes to a socket what it takes.
    fn write(&mut self, socket: &mut TcpStream, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;
}

/// The task is woken when the socket can take more.
pub(in super::super) struct ByTask<'a, 'b>(pub(in super::super) &'a mut Context<'b>);

/// A caller registers no waker.
pub(in super::super) struct ByCaller;

impl Turn for ByTask<'_, '_> {
    fn write(&mut self, socket: &mut TcpStream, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(socket).poll_write_vectored(self.0, slices)
    }
}

impl Turn for ByCaller {
    fn write(&mut self, socket: &mut TcpStream, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match socket.try_write_vectored(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }
}
