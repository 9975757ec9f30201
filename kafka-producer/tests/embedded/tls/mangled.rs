//! A connection that breaks long after TLS was agreed on: a fault of the network, and no reason to give
//! anything up.

use std::net::SocketAddr;

use kafka_mock::MockTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::scene::{builder, in_time, record};

use super::{kafka, trusting};

/// Passes bytes on; of the first connection the second record with data that the broker sends has a bit
/// turned over.
async fn proxy(listener: TcpListener, broker: SocketAddr) {
    for number in 0.. {
        let (client, _) = listener.accept().await.unwrap();
        let broker = TcpStream::connect(broker).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_broker, mut to_broker) = broker.into_split();
        tokio::spawn(async move { copy(&mut from_client, &mut to_broker).await });
        tokio::spawn(async move {
            let mut with_data = 0;
            let mut head = [0; 5];
            while from_broker.read_exact(&mut head).await.is_ok() {
                let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
                from_broker.read_exact(&mut body).await.unwrap();
                with_data += usize::from(head[0] == 0x17);
                if number == 0 && with_data == 2 {
                    *body.last_mut().unwrap() ^= 1;
                }
                let whole = [&head[..], &body].concat();
                if to_client.write_all(&whole).await.is_err() {
                    return;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_bit_that_turns_over_on_a_connection_in_use_gives_nothing_up() {
    let tls = MockTls::new().unwrap().only_1_2();
    let kafka = kafka(&tls, 1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(proxy(listener, kafka.bootstrap_servers().parse().unwrap()));
    let builder = trusting(&tls)
        .iter()
        .fold(builder(&address, &[]), |builder, (name, value)| {
            builder.set(name, value)
        });
    let producer = builder.build().unwrap();
    let sent = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(sent).await.unwrap();
}

/// As Kafka's listener without TLS: it reads the length of a frame and closes if that is too long, so that
/// what it has not read makes a reset of the end. ApiVersions is answered.
async fn closes_at_long_frames(listener: TcpListener) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        client.readable().await.unwrap();
        let mut length = [0; 4];
        client.read_exact(&mut length).await.unwrap();
        if u32::from_be_bytes(length) < 1 << 20 {
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            let answer = [&[0, 0, 0, 10], &request[4..], &[0; 6]].concat();
            client.write_all(&answer).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_listener_without_tls_may_reset_the_connection() {
    let tls = MockTls::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(closes_at_long_frames(listener));
    let builder = builder(&address, &[("max.block.ms", "5000")]);
    let builder = trusting(&tls)
        .iter()
        .fold(builder, |builder, (name, value)| builder.set(name, value));
    let producer = builder.build().unwrap();
    let told = in_time(producer.send(record("tea"))).await;
    let told = told.map(drop).unwrap_err().to_string();
    assert!(told.contains("security.protocol"), "{told}");
}
