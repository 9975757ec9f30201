//! Opening a connection: resolve the name, try each of its addresses, set the socket up.
//!
//! How long that may take is the engine's business: it drops a dial whose time is up.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::net::{TcpSocket, TcpStream, lookup_host};

use crate::settings::{Address, Settings};

/// A connection being opened.
pub(crate) type Dial = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// Opens a connection to the first address of `address` that accepts one
/// (`client.dns.lookup=use_all_dns_ips`).
pub(crate) fn dial(address: Address, settings: &Settings) -> Dial {
    let buffers = (settings.send_buffer_bytes, settings.receive_buffer_bytes);
    Box::pin(async move {
        let mut last = None;
        for resolved in lookup_host((address.host.as_str(), address.port)).await? {
            match connect(resolved, buffers).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        Err(last.unwrap_or_else(none))
    })
}

async fn connect(
    address: SocketAddr,
    (send, receive): (Option<u32>, Option<u32>),
) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(bytes) = send {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = receive {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(address).await?;
    // A request is written in one go: waiting for more to fill a packet only costs time.
    stream.set_nodelay(true)?;
    Ok(stream)
}
