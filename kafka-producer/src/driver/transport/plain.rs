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
    // What stands between us and the broker (NAT, a load balancer) is told that the connection is alive, and
    // we learn in time that a silent one is not.
    socket.set_keepalive(true)?;
    let stream = socket.connect(address).await?;
    // A request is written in one go: waiting for more to fill a packet only costs time.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection with such buffers, over loopback.
    async fn connected(buffers: (Option<u32>, Option<u32>)) -> TcpSocket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = connect(listener.local_addr().unwrap(), buffers).await;
        let stream = stream.unwrap();
        assert!(stream.nodelay().unwrap());
        TcpSocket::from_std_stream(stream.into_std().unwrap())
    }

    #[tokio::test]
    async fn a_socket_is_kept_alive_and_waits_for_no_more_to_send() {
        assert!(connected((None, None)).await.keepalive().unwrap());
    }

    #[tokio::test]
    async fn buffers_have_the_sizes_that_are_set_as_far_as_the_system_allows() {
        let size = |socket: &TcpSocket| {
            let sizes = (socket.send_buffer_size(), socket.recv_buffer_size());
            (sizes.0.unwrap(), sizes.1.unwrap())
        };
        let small = size(&connected((Some(8 << 10), Some(8 << 10))).await);
        let large = size(&connected((Some(64 << 10), Some(64 << 10))).await);
        assert!(small.0 >= 8 << 10 && small.1 >= 8 << 10, "{small:?}");
        assert!(large.0 > small.0 && large.1 > small.1, "{large:?}");
    }
}
