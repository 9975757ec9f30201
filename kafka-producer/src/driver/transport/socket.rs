//! What bytes are written to and read from, who does that, and why a connection cannot be used: what all
//! transports share.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::foreign::Foreign;

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

/// The lowest layer of a connection.
pub(crate) enum Socket {
    Tcp(TcpStream),
    /// What a dialer has opened.
    Foreign(Foreign),
}

impl Socket {
    /// Whether all that was taken is on its way.
    pub(super) fn is_flushed(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            Self::Foreign(stream) => stream.is_flushed(),
        }
    }

    pub(super) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }
}

/// Whose turn it is to write.
pub(in super::super) trait Turn {
    /// Writes to a socket what it takes.
    fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Has it send what it took.
    fn flush(&mut self, socket: &mut Socket) -> Poll<io::Result<()>>;
}

/// The task is woken when the socket can take more.
pub(in super::super) struct ByTask<'a, 'b>(pub(in super::super) &'a mut Context<'b>);

/// A caller registers no waker, and leaves what is not TCP to the task.
pub(in super::super) struct ByCaller;

impl Turn for ByTask<'_, '_> {
    fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match socket {
            Socket::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(self.0, slices),
            Socket::Foreign(stream) => stream.poll_write(self.0, slices),
        }
    }

    fn flush(&mut self, socket: &mut Socket) -> Poll<io::Result<()>> {
        match socket {
            Socket::Tcp(_) => Poll::Ready(Ok(())),
            Socket::Foreign(stream) => stream.poll_flush(self.0),
        }
    }
}

impl Turn for ByCaller {
    fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Socket::Tcp(tcp) = socket else {
            return Poll::Pending;
        };
        match tcp.try_write_vectored(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn flush(&mut self, socket: &mut Socket) -> Poll<io::Result<()>> {
        match socket.is_flushed() {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Foreign(stream) => stream.poll_read(context, buffer),
        }
    }
}

/// For the handshake of TLS, which is the task's.
impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ByTask(context).write(self.get_mut(), &[IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ByTask(context).flush(self.get_mut())
    }

    /// A connection ends when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ByTask(context).write(self.get_mut(), slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
