//! A connection being opened: TCP, or what a dialer has opened; then TLS if that is asked for.
//!
//! ```text
//! Dialing ──▶ Securing ──closed, and no broker has ever agreed on TLS──▶ AskingInPlain ──▶ failed
//! ```
//!
//! How long all may take together is decided by the engine, which drops what takes longer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::net::TcpStream;

use super::connection::Event;
use super::dial::{Dial, Tried};
use super::plain_question::PlainQuestion;
use super::securing::{Agreed, ToSecure};
use super::transport::{Failure, Foreign, Handshake, Socket, Transport};

/// A connection being opened.
pub(crate) struct Opening {
    state: State,
    tls: Option<ToSecure>,
}

enum State {
    Dialing(Dial),
    Securing(Box<Securing>),
    /// The connection was closed instead.
    AskingInPlain(PlainQuestion, Tried),
}

/// TLS being agreed on.
struct Securing {
    handshake: Handshake,
    carrier: Carrier,
    agreed: Agreed,
    tried: Tried,
    canonical: Option<Arc<str>>,
}

/// What TLS is agreed on over.
#[derive(Clone, Copy)]
enum Carrier {
    Tcp(SocketAddr),
    /// What a dialer has opened.
    Foreign,
}

/// A connection that is open.
pub(crate) struct Opened {
    pub(crate) transport: Transport,
    /// By which name the broker is known, if not by that of its address.
    pub(crate) canonical: Option<Arc<str>>,
}

impl Opening {
    pub(super) fn new(dial: Dial, tls: Option<ToSecure>) -> Self {
        Self {
            state: State::Dialing(dial),
            tls,
        }
    }

    /// TLS, on what a dialer has opened.
    pub(crate) fn secure(stream: Foreign, tls: ToSecure) -> Result<Self, Failure> {
        let handshake = Handshake::begin(Socket::Foreign(stream), &tls.host, tls.config)?;
        Ok(Self {
            state: State::Securing(Box::new(Securing {
                handshake,
                carrier: Carrier::Foreign,
                agreed: tls.agreed,
                tried: Tried::default(),
                canonical: None,
            })),
            tls: None,
        })
    }

    /// Whether code of others carries it, which is dropped on the producer's own thread.
    pub(crate) fn is_foreign(&self) -> bool {
        match &self.state {
            State::Dialing(_) | State::AskingInPlain(..) => false,
            State::Securing(securing) => matches!(securing.carrier, Carrier::Foreign),
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
            let (socket, canonical) = (dialed.stream, dialed.canonical);
            let Some(tls) = self.tls.take() else {
                let transport = Transport::Plain(Socket::Tcp(socket));
                return Poll::Ready(Ok(Opened {
                    transport,
                    canonical,
                }));
            };
            let mut securing = Securing::begin(socket, canonical, tls)?;
            securing.tried = dial.take_tried();
            self.state = State::Securing(Box::new(securing));
        }
        if let State::Securing(securing) = &mut self.state {
            let ended = std::task::ready!(securing.handshake.poll(context));
            match (ended, securing.carrier, securing.agreed) {
                (Err(Failure::Unanswered(closed)), Carrier::Tcp(address), Agreed::Never) => {
                    let question = PlainQuestion::ask(address, closed, now);
                    let tried = std::mem::take(&mut securing.tried);
                    self.state = State::AskingInPlain(question, tried);
                }
                (ended, ..) => {
                    let canonical = securing.canonical.take();
                    return Poll::Ready(ended.map(|secured| Opened {
                        transport: Transport::Tls(Box::new(secured)),
                        canonical,
                    }));
                }
            }
        }
        match &mut self.state {
            State::AskingInPlain(question, _) => question.poll(now, context).map(Err),
            State::Dialing(_) | State::Securing(_) => Poll::Pending,
        }
    }

    /// When to poll again if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Dialing(dial) => dial.deadline(),
            State::Securing(_) => None,
            State::AskingInPlain(question, _) => Some(question.deadline()),
        }
    }

    /// What the next attempt starts from.
    pub(crate) fn take_tried(&mut self) -> Tried {
        match &mut self.state {
            State::Dialing(dial) => dial.take_tried(),
            State::Securing(securing) => std::mem::take(&mut securing.tried),
            State::AskingInPlain(_, tried) => std::mem::take(tried),
        }
    }
}

impl Securing {
    fn begin(
        socket: TcpStream,
        canonical: Option<Arc<str>>,
        tls: ToSecure,
    ) -> Result<Self, Failure> {
        let address = socket.peer_addr();
        let address = address.map_err(|error| Failure::Network(error.to_string()))?;
        let host = canonical.as_deref().unwrap_or(&tls.host);
        Ok(Self {
            handshake: Handshake::begin(Socket::Tcp(socket), host, tls.config)?,
            carrier: Carrier::Tcp(address),
            agreed: tls.agreed,
            tried: Tried::default(),
            canonical,
        })
    }
}

#[cfg(test)]
#[cfg(feature = "_tls")]
mod tests {
    use super::*;
    use crate::ProducerConfig;
    use crate::driver::dial::dial;
    use crate::security::TlsClient;
    use crate::settings::{Address, DnsLookup};

    #[tokio::test]
    async fn what_was_tried_is_known_though_tls_cannot_even_be_begun() {
        let config = ProducerConfig::new().bootstrap_servers(["kafka:9093"]);
        let checked = config.set("security.protocol", "SSL").check().unwrap();
        let mut tls = checked.settings.security.tls.clone().unwrap();
        let authority = kafka_mock::MockTls::new().unwrap();
        tls.trust = crate::security::Trust::Pem(crate::security::Secret::new(authority.ca_pem()));
        let now = Instant::now();
        let tls = ToSecure {
            host: "no name".to_owned(),
            config: TlsClient::new(&tls, now).unwrap().config(),
            agreed: Agreed::Never,
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let target = Address::new("127.0.0.1", address.port());
        let lookup = DnsLookup::UseAllDnsIps;
        let dial = dial(target, lookup, Tried::default(), &checked.settings);
        let mut opening = Opening::new(dial, Some(tls));
        let opened = std::future::poll_fn(|context| opening.poll(now, context, |_| {})).await;
        assert!(opened.is_err());
        let tried = format!("{:?}", opening.take_tried());
        assert!(tried.contains(&address.to_string()), "{tried}");
    }
}
