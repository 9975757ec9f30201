//! What a broker does with a socket that it has accepted, before there are frames: TLS, if it speaks that.

use std::fmt;

use tokio::net::TcpStream;

use super::connection::{self, Served};

/// How brokers treat the sockets that they accept.
#[derive(Clone)]
pub(super) enum Acceptor {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor, Resumed),
}

/// How many connections have gone on with the session of an earlier one.
#[cfg(feature = "tls")]
pub(super) type Resumed = std::sync::Arc<std::sync::atomic::AtomicUsize>;

impl Acceptor {
    /// Serves the connection until either side closes it.
    pub(super) async fn serve(self, socket: TcpStream, served: Served) {
        // Small answers must not wait for each other.
        let _ = socket.set_nodelay(true);
        match self {
            Self::Plain => {
                let (reader, writer) = socket.into_split();
                connection::serve(served, reader, writer).await;
            }
            #[cfg(feature = "tls")]
            Self::Tls(acceptor, resumed) => {
                // Who cannot agree on TLS was told so by an alert.
                if let Ok(stream) = acceptor.accept(socket).await {
                    let (_, session) = stream.get_ref();
                    if session.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                        resumed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                    let (reader, writer) = tokio::io::split(stream);
                    connection::serve(served, reader, writer).await;
                }
            }
        }
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            #[cfg(feature = "tls")]
            Self::Tls(..) => "Tls",
        })
    }
}
