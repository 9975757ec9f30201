//! TCP without TLS (`security.protocol=PLAINTEXT`).

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};

/// Opens a connection; the sizes are those of the socket's send and receive buffer, where they are set.
pub(in super::super) async fn connect(
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
