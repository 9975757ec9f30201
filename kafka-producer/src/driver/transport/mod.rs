//! What bytes travel through to a broker: TCP, with TLS or without.
//!
//! ```text
//! Connection ─write, flush─▶ Transport ─▶ Plain ──────────────▶ socket
//!            ◀─poll_read────           └▶ Tls ─records─────────▶ socket
//! ```
//!
//! Who writes is either the task, which is woken when the socket takes more, or a caller's step, which
//! leaves what the socket does not take to the task. With TLS, bytes that were taken may still stand in
//! its records: they are written when the transport `is_flushed`.

mod plain;
mod socket;
#[cfg(feature = "_tls")]
mod tls;
#[cfg(not(feature = "_tls"))]
mod tls_absent;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

pub(super) use plain::connect;
pub(super) use socket::{ByCaller, ByTask, Failure, Turn};
#[cfg(feature = "_tls")]
pub(super) use tls::{Handshake, Secured};
#[cfg(not(feature = "_tls"))]
pub(super) use tls_absent::{Handshake, Secured};

/// An open connection.
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<Secured>),
}

impl Transport {
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(secured) => secured.poll_read(context, buffer),
        }
    }

    /// Takes bytes, at least one if it does not return `Pending`; TLS only when it is flushed.
    pub(super) fn write(
        &mut self,
        slices: &[IoSlice<'_>],
        turn: &mut impl Turn,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => turn.write(socket, slices),
            Self::Tls(secured) => secured.write(slices, turn),
        }
    }

    /// Whether the socket has all that was taken.
    pub(super) fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(secured) => secured.is_flushed(),
        }
    }

    /// Writes to the socket what was taken.
    pub(super) fn flush(&mut self, turn: &mut impl Turn) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(secured) => secured.flush(turn),
        }
    }

    /// What an error of reading or writing means.
    pub(super) fn explain(&mut self, error: &io::Error) -> Failure {
        match self {
            Self::Plain(_) => Failure::Network(error.to_string()),
            Self::Tls(secured) => secured.explain(error),
        }
    }
}
