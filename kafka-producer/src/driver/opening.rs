//! A connection being opened: TCP, then TLS if that is asked for.
//!
//! How long both may take together is decided by the engine, which drops what takes longer.

use std::task::{Context, Poll};
use std::time::Instant;

use super::dial::{Dial, Tried};
use super::transport::{Failure, Handshake, Transport};
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
    Securing(Box<Handshake>, Tried),
}

impl Opening {
    pub(crate) fn new(dial: Dial, tls: Option<ToSecure>) -> Self {
        Self {
            state: State::Dialing(dial),
            tls,
        }
    }

    /// Goes on, until the connection is open or cannot be.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Poll<Result<Transport, Failure>> {
        if let State::Dialing(dial) = &mut self.state {
            let dialed = std::task::ready!(dial.poll(now, context));
            let socket = dialed.map_err(|error| Failure::Network(error.to_string()))?;
            let Some(tls) = self.tls.take() else {
                return Poll::Ready(Ok(Transport::Plain(socket)));
            };
            let tried = dial.take_tried();
            let handshake = Handshake::begin(socket, &tls.host, tls.config)?;
            self.state = State::Securing(Box::new(handshake), tried);
        }
        match &mut self.state {
            State::Dialing(_) => Poll::Pending,
            State::Securing(handshake, _) => handshake
                .poll(context)
                .map_ok(|secured| Transport::Tls(Box::new(secured))),
        }
    }

    /// When to poll again if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Dialing(dial) => dial.deadline(),
            State::Securing(..) => None,
        }
    }

    /// What the next attempt starts from.
    pub(crate) fn take_tried(&mut self) -> Tried {
        match &mut self.state {
            State::Dialing(dial) => dial.take_tried(),
            State::Securing(_, tried) => std::mem::take(tried),
        }
    }
}
