//! A socket with TLS (`security.protocol=SSL` and `SASL_SSL`).
//!
//! A write is encrypted into records, which go to the socket with one call; the next is taken when the
//! socket has all of them, so that no more than [`RECORDS_BYTES_MAX`] are held twice. A caller's step
//! writes in the same way, and the task goes on with what the socket did not take.
//!
//! What rustls has decrypted already is read before the socket is asked again, and reading returns
//! `Pending` only when the socket has nothing, so that no wake-up is lost.

use std::future::Future;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{Connect, TlsConnector};

use super::socket::{ByTask, Failure, Socket, Turn};
use crate::security::{OurCertificate, TlsConfig, explain};

/// What is encrypted at once: a few records of 16 KiB.
const RECORDS_BYTES_MAX: usize = 128 * 1024;

/// Whom we speak to, for messages.
#[derive(Clone, Debug)]
struct Peer {
    host: Arc<str>,
    ours: OurCertificate,
}

/// TLS being agreed on.
pub(crate) struct Handshake {
    connect: Connect<Socket>,
    peer: Peer,
}

impl Handshake {
    /// Begins on an open socket; `host` is what the broker's certificate must be for.
    pub(crate) fn begin(socket: Socket, host: &str, config: TlsConfig) -> Result<Self, Failure> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Failure::Tls(format!("{host:?} is no name that a certificate can be for"))
        })?;
        let ours = match config.client_auth_cert_resolver.has_certs() {
            true => OurCertificate::Shown,
            false => OurCertificate::None,
        };
        let connector = TlsConnector::from(config);
        let connect = connector.connect_with(name, socket, |session| {
            session.set_buffer_limit(Some(RECORDS_BYTES_MAX));
        });
        let host = Arc::from(host);
        Ok(Self {
            connect,
            peer: Peer { host, ours },
        })
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Secured, Failure>> {
        Pin::new(&mut self.connect)
            .poll(context)
            .map(|done| match done {
                Ok(stream) => Ok(Secured {
                    stream,
                    peer: self.peer.clone(),
                }),
                // A reset: it has closed with bytes unread.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    Err(Failure::Unanswered(
                        "the broker closed the connection instead of agreeing on TLS".to_owned(),
                    ))
                }
                Err(error) => Err(self.peer.explain(&error)),
            })
    }
}

/// A socket that speaks TLS.
pub(crate) struct Secured {
    stream: TlsStream<Socket>,
    peer: Peer,
}

impl Secured {
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }

    pub(super) fn write(
        &mut self,
        slices: &[IoSlice<'_>],
        turn: &mut impl Turn,
    ) -> Poll<io::Result<usize>> {
        if !self.is_flushed() && self.flush(turn)?.is_pending() {
            return Poll::Pending;
        }
        let (_, session) = self.stream.get_mut();
        let taken = session.writer().write_vectored(slices)?;
        // What the socket does not take now is flushed before the next write.
        let _ = self.flush(turn)?;
        Poll::Ready(Ok(taken))
    }

    pub(super) fn is_flushed(&self) -> bool {
        let (socket, session) = self.stream.get_ref();
        !session.wants_write() && socket.is_flushed()
    }

    pub(super) fn is_foreign(&self) -> bool {
        self.stream.get_ref().0.is_foreign()
    }

    pub(super) fn flush(&mut self, turn: &mut impl Turn) -> Poll<io::Result<()>> {
        let (socket, session) = self.stream.get_mut();
        flush(session, socket, turn)
    }

    pub(super) fn explain(&mut self, error: &io::Error) -> Failure {
        match self.unread_alert() {
            Some(alert) => self.peer.explain(&io::Error::other(alert)),
            None => self.peer.explain(error),
        }
    }

    /// The alert that the socket may still have: a write may fail before it is read that the broker has
    /// closed the connection with an alert.
    fn unread_alert(&mut self) -> Option<rustls::Error> {
        let (socket, session) = self.stream.get_mut();
        loop {
            match session.read_tls(&mut Rest { socket }) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            if let Err(error) = session.process_new_packets() {
                return Some(error);
            }
        }
    }
}

fn flush(
    session: &mut ClientConnection,
    socket: &mut Socket,
    turn: &mut impl Turn,
) -> Poll<io::Result<()>> {
    while session.wants_write() {
        match session.write_tls(&mut Records { socket, turn }) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    turn.flush(socket)
}

/// Where rustls writes its records to.
struct Records<'a, T> {
    socket: &'a mut Socket,
    turn: &'a mut T,
}

impl<T: Turn> Write for Records<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.turn.write(self.socket, slices) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a socket has, without waiting.
struct Rest<'a> {
    socket: &'a mut Socket,
}

impl Read for Rest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut *self.socket).poll_read(&mut context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// An orderly end: the broker is told, unless a record would be left in the middle.
impl Drop for Secured {
    fn drop(&mut self) {
        if self.is_flushed() {
            let (_, session) = self.stream.get_mut();
            session.send_close_notify();
            // The broker does not need it: nobody waits for the socket to take it.
            let mut context = Context::from_waker(Waker::noop());
            let _ = self.flush(&mut ByTask(&mut context));
        }
    }
}

impl Peer {
    /// What an error of the stream means.
    fn explain(&self, error: &io::Error) -> Failure {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Failure::Tls(explain(error, &self.host, self.ours)),
            // Most brokers send close_notify; one that is killed does not.
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Failure::Network("the broker closed the connection".to_owned())
            }
            None => Failure::Network(error.to_string()),
        }
    }
}
