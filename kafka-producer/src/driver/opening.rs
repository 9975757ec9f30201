//! A connection being opened: TCP, or what a dialer has opened; then TLS if that is asked for.
//!
//! How long both may take together is decided by the engine, which drops what takes longer.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::connection::Event;
use super::dial::{Dial, Tried};
use super::transport::{Failure, Foreign, Handshake, Socket, Transport};
use crate::security::TlsConfig;

/// A connection being opened.
pub(crate) struct Opening {
    state: State,
    tls: Option<ToSecure>,
}

/// What TLS begins with, as soon as there is a socket.
pub(crate) struct ToSecure {
    /// Whose certificate it must be.
    pub(crate) host: String,
    pub(crate) config: TlsConfig,
}

enum State {
    Dialing(Dial),
    Securing(Securing),
}

struct Securing {
    handshake: Box<Handshake>,
    tried: Tried,
    canonical: Option<Arc<str>>,
    carrier: Carrier,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Tcp,
    Foreign,
}

/// A connection that is open.
pub(crate) struct Opened {
    pub(crate) transport: Transport,
    /// By which name the broker is known, if not by that of its address.
    pub(crate) canonical: Option<Arc<str>>,
}

impl Opening {
    pub(crate) fn new(dial: Dial, tls: Option<ToSecure>) -> Self {
        Self {
            state: State::Dialing(dial),
            tls,
        }
    }

    /// TLS, on what a dialer has opened.
    pub(crate) fn secure(stream: Foreign, tls: ToSecure) -> Result<Self, Failure> {
        let handshake = Handshake::begin(Socket::Foreign(stream), &tls.host, tls.config)?;
        Ok(Self {
            state: State::Securing(Securing {
                handshake: Box::new(handshake),
                tried: Tried::default(),
                canonical: None,
                carrier: Carrier::Foreign,
            }),
            tls: None,
        })
    }

    /// Whether code of others carries it, which is dropped on the producer's own thread.
    pub(crate) fn is_foreign(&self) -> bool {
        match &self.state {
            State::Dialing(_) => false,
            State::Securing(securing) => securing.carrier == Carrier::Foreign,
        }
    }

    /// Goes on, until the connection is open or cannot be; tells on the way that the name is resolved.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
        tell: impl FnOnce(Event),
    ) -> Poll<Result<Opened, Failure>> {
        if let State::Dialing(dial) = &mut self.state {
            let dialed = std::task::ready!(dial.poll(now, context, || tell(Event::Resolved)));
            let dialed = dialed.map_err(|error| Failure::Network(error.to_string()))?;
            let (socket, canonical) = (Socket::Tcp(dialed.stream), dialed.canonical);
            let Some(tls) = self.tls.take() else {
                let transport = Transport::Plain(socket);
                return Poll::Ready(Ok(Opened {
                    transport,
                    canonical,
                }));
            };
            let tried = dial.take_tried();
            let host = canonical.as_deref().unwrap_or(&tls.host);
            let handshake = Handshake::begin(socket, host, tls.config)?;
            self.state = State::Securing(Securing {
                handshake: Box::new(handshake),
                tried,
                canonical,
                carrier: Carrier::Tcp,
            });
        }
        match &mut self.state {
            State::Dialing(_) => Poll::Pending,
            State::Securing(securing) => {
                let secured = std::task::ready!(securing.handshake.poll(context))?;
                Poll::Ready(Ok(Opened {
                    transport: Transport::Tls(Box::new(secured)),
                    canonical: securing.canonical.take(),
                }))
            }
        }
    }

    /// When to poll again if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Dialing(dial) => dial.deadline(),
            State::Securing(_) => None,
        }
    }

    /// What the next attempt starts from.
    pub(crate) fn take_tried(&mut self) -> Tried {
        match &mut self.state {
            State::Dialing(dial) => dial.take_tried(),
            State::Securing(securing) => std::mem::take(&mut securing.tried),
        }
    }
}
