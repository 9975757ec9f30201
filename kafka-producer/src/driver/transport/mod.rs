//! What bytes travel through to a broker: TCP, or what a dialer has opened, with TLS or without.
//!
//! ```text
//! Connection ─write, flush─▶ Transport ─▶ Plain ──────────────▶ socket: TCP, or a stream of others
//!            ◀─poll_read────           └▶ Tls ─records─────────▶ socket
//! ```
//!
//! Who writes is either the task, which is woken when the socket takes more, or a caller's step, which
//! leaves what the socket does not take to the task. With TLS, bytes that were taken may still stand in
//! its records, and a stream of others may have a buffer of its own: they are on their way when the transport
//! `is_flushed`.

mod foreign;
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

pub(super) use foreign::Foreign;
pub(super) use plain::connect;
pub(super) use socket::{ByCaller, ByTask, Failure, Socket, Turn};
#[cfg(feature = "_tls")]
pub(super) use tls::{Handshake, Secured};
#[cfg(not(feature = "_tls"))]
pub(super) use tls_absent::{Handshake, Secured};

/// An open connection.
pub(crate) enum Transport {
    Plain(Socket),
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
            Self::Plain(socket) => socket.is_flushed(),
            Self::Tls(secured) => secured.is_flushed(),
        }
    }

    /// Writes to the socket what was taken.
    pub(super) fn flush(&mut self, turn: &mut impl Turn) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => turn.flush(socket),
            Self::Tls(secured) => secured.flush(turn),
        }
    }

    /// Whether code of others carries it, which is called and dropped on the producer's own thread.
    pub(super) fn is_foreign(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_foreign(),
            Self::Tls(secured) => secured.is_foreign(),
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
