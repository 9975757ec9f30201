//! Connections that are cut at random moments of the handshake of TLS leave nothing behind: no socket, no
//! thread, no memory. Alone in its process, so that these can be counted.
//!
//! `TLS_CUTS=20000 cargo test -p kafka-producer --test tls_cut -- --nocapture` cuts that many.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]
#![cfg(target_os = "linux")]

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use kafka_mock::{MockCluster, MockTls};
use kafka_producer::{Producer, ProducerRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
    resident_kib: usize,
}

fn held() -> Held {
    let entries = |path| fs::read_dir(path).unwrap().count();
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    Held {
        descriptors: entries("/proc/self/fd"),
        threads: entries("/proc/self/task"),
        resident_kib: pages * 4,
    }
}

/// Passes bytes on in both directions, until so many have passed.
async fn pass(client: TcpStream, broker: SocketAddr, mut rest: usize) {
    let broker = TcpStream::connect(broker).await.unwrap();
    let (mut client, mut broker) = (client, broker);
    let (mut from_client, mut from_broker) = ([0; 4096], [0; 4096]);
    while rest > 0 {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(count) if count > 0 => {
                    let count = count.min(rest);
                    rest -= count;
                    if broker.write_all(&from_client[..count]).await.is_err() { break }
                }
                _ => break,
            },
            read = broker.read(&mut from_broker) => match read {
                Ok(count) if count > 0 => {
                    let count = count.min(rest);
                    rest -= count;
                    if client.write_all(&from_broker[..count]).await.is_err() { break }
                }
                _ => break,
            },
        }
    }
    if fastrand::bool() {
        // Not closed but reset.
        let _ = client.set_zero_linger();
    }
}

/// Cuts so many connections to the broker; those after are left alone.
async fn cut(listener: TcpListener, broker: SocketAddr, count: usize, done: watch::Sender<usize>) {
    for number in 1.. {
        let (client, _) = listener.accept().await.unwrap();
        if number > count {
            tokio::spawn(pass(client, broker, usize::MAX));
        } else {
            // A whole handshake is less than that, and more than half of it.
            pass(client, broker, fastrand::usize(..1_800)).await;
        }
        let _ = done.send(number.min(count));
    }
}

/// How many are cut.
#[allow(
    clippy::disallowed_methods,
    reason = "how long the test takes is for who runs it to say"
)]
fn cuts() -> usize {
    std::env::var("TLS_CUTS").map_or(400, |cuts| cuts.parse().unwrap())
}

#[tokio::test]
async fn connections_that_are_cut_leave_nothing_behind() {
    let cuts = cuts();
    fastrand::seed(42);
    let tls = MockTls::new().unwrap();
    let described = MockCluster::builder().topic("orders", 1).tls(tls.clone());
    let kafka = described.start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (done, mut progress) = watch::channel(0);
    let broker = kafka.bootstrap_servers().parse().unwrap();
    tokio::spawn(cut(listener, broker, cuts, done));
    let producer = Producer::<str, str>::builder()
        .bootstrap_servers([address.to_string()])
        .set("security.protocol", "SSL")
        .set("ssl.truststore.type", "PEM")
        .set("ssl.truststore.certificates", tls.ca_pem())
        .set("reconnect.backoff.ms", "0")
        .set("reconnect.backoff.max.ms", "0")
        .set("max.block.ms", "1000")
        .build()
        .unwrap();
    let mut early = None;
    let sent = async {
        loop {
            let sent = producer.send(ProducerRecord::new("orders", "tea")).await;
            if *progress.borrow_and_update() >= cuts / 4 {
                early.get_or_insert_with(held);
            }
            if let Ok(sent) = sent {
                return sent.await;
            }
        }
    };
    let limit = Duration::from_secs(60) + Duration::from_millis(20) * u32::try_from(cuts).unwrap();
    tokio::time::timeout(limit, sent)
        .await
        .expect("it hangs")
        .unwrap();
    let (early, late) = (early.unwrap(), held());
    println!("{cuts} cuts: {early:?}, then {late:?}");
    assert!(
        late.descriptors <= early.descriptors + 8,
        "{early:?} {late:?}"
    );
    assert!(late.threads <= early.threads, "{early:?} {late:?}");
    assert!(
        late.resident_kib <= early.resident_kib + 4_096,
        "{early:?} {late:?}"
    );
}
