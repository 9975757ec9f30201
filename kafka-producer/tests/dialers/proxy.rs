//! Small proxies, which know only names that end with `.internal`, all of them this machine.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What a proxy was asked for, in order.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Socks5,
    Http,
}

/// Starts a proxy that asks for this login, if for any; where it is, and what it is asked for.
pub(crate) async fn start(
    kind: Kind,
    login: Option<(&'static str, &'static str)>,
) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Asked::default();
    let asked_of_it = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                match kind {
                    Kind::Socks5 => socks5(client, login, &asked).await,
                    Kind::Http => http(client, login, &asked).await,
                }
            });
        }
    });
    (address, asked_of_it)
}

/// Where this host and port are, if the proxy knows them.
async fn connect(host: &str, port: u16, asked: &Asked) -> Option<TcpStream> {
    asked.lock().unwrap().push(format!("{host}:{port}"));
    let known = host.ends_with(".internal") || host == "127.0.0.1";
    match known {
        true => TcpStream::connect(("127.0.0.1", port)).await.ok(),
        false => None,
    }
}

async fn socks5(
    mut client: TcpStream,
    login: Option<(&str, &str)>,
    asked: &Asked,
) -> io::Result<()> {
    assert_eq!(client.read_u8().await?, 5);
    let methods = short(&mut client).await?;
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[5, 0xff]).await;
    }
    client.write_all(&[5, method]).await?;
    if let Some((user, password)) = login {
        assert_eq!(client.read_u8().await?, 1);
        let told = (short(&mut client).await?, short(&mut client).await?);
        let is_right = told == (user.as_bytes().to_vec(), password.as_bytes().to_vec());
        client.write_all(&[1, u8::from(!is_right)]).await?;
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0]);
    let host = match request[3] {
        1 => {
            let mut octets = [0; 4];
            client.read_exact(&mut octets).await?;
            std::net::Ipv4Addr::from(octets).to_string()
        }
        3 => String::from_utf8(short(&mut client).await?).unwrap(),
        kind => panic!("an address of kind {kind}"),
    };
    let port = client.read_u16().await?;
    match connect(&host, port, asked).await {
        None => client.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).await,
        Some(mut broker) => {
            // It was connected from a name.
            client.write_all(&[5, 0, 0, 3, 2, b'm', b'e', 0, 9]).await?;
            copy_bidirectional(&mut client, &mut broker).await.map(drop)
        }
    }
}

/// Bytes after their length, which has one byte.
async fn short(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn http(mut client: TcpStream, login: Option<(&str, &str)>, asked: &Asked) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    // `user:password` of the tests, in base64.
    let logs_in = head.contains("\r\nProxy-Authorization: Basic bWU6dGVhLTIwMjY=\r\n");
    if login.is_some() != logs_in {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        return client.write_all(refusal).await;
    }
    let to = head.strip_prefix("CONNECT ").unwrap();
    let (to, _) = to.split_once(" HTTP/1.1\r\n").unwrap();
    assert!(head.contains(&format!("\r\nHost: {to}\r\n")), "{head}");
    let (host, port) = to.rsplit_once(':').unwrap();
    match connect(host, port.parse().unwrap(), asked).await {
        None => client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await,
        Some(mut broker) => {
            let established = b"HTTP/1.1 200 Connection established\r\nVia: it\r\n\r\n";
            client.write_all(established).await?;
            copy_bidirectional(&mut client, &mut broker).await.map(drop)
        }
    }
}
