//! A proxy that cuts connections after a random number of bytes, and what the process holds meanwhile.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What the process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
    /// Of the runtime of the test, which the brokers are on.
    tasks: usize,
    resident_kib: usize,
}

impl Held {
    fn now() -> Self {
        let entries = |path| fs::read_dir(path).unwrap().count();
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            tasks: Handle::current().metrics().num_alive_tasks(),
            resident_kib: pages * 4,
        }
    }
}

/// Cuts the first connections to a broker; those after are left alone.
pub(crate) struct Cutter {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    cuts: usize,
    progress: watch::Receiver<usize>,
}

impl Cutter {
    /// Each is cut after less than `bytes_max` bytes in both directions together.
    pub(crate) async fn start(broker: SocketAddr, cuts: usize, bytes_max: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (done, progress) = watch::channel(0);
        tokio::spawn(async move {
            for number in 1.. {
                let (client, _) = listener.accept().await.unwrap();
                if number > cuts {
                    tokio::spawn(pass(client, broker, usize::MAX));
                } else {
                    pass(client, broker, fastrand::usize(..bytes_max)).await;
                }
                let _ = done.send(number.min(cuts));
            }
        });
        Self {
            address,
            cuts,
            progress,
        }
    }

    /// Sends records until one is accepted, which none is while connections are cut, and sees that the
    /// process holds no more at the end than after a quarter of the cuts.
    #[allow(clippy::print_stdout, reason = "a long run is to show what it came to")]
    pub(crate) async fn send_through(mut self, producer: &Producer<str, str>) {
        let mut early = None;
        let sent = async {
            loop {
                let sent = producer.send(ProducerRecord::new("orders", "tea")).await;
                let done = *self.progress.borrow_and_update();
                if done >= self.cuts / 4 {
                    early.get_or_insert_with(Held::now);
                }
                if let Ok(sent) = sent {
                    return (sent.await, done);
                }
            }
        };
        let cuts = u32::try_from(self.cuts).unwrap();
        let limit = Duration::from_secs(60) + Duration::from_millis(20) * cuts;
        let (sent, done) = tokio::time::timeout(limit, sent).await.expect("it hangs");
        sent.unwrap();
        assert_eq!(done, self.cuts, "a connection was cut too late");
        let (early, late) = (early.unwrap(), Held::now());
        println!("{cuts} cuts: {early:?}, then {late:?}");
        let told = format!("{early:?} {late:?}");
        assert!(late.descriptors <= early.descriptors + 8, "{told}");
        assert!(late.threads <= early.threads, "{told}");
        assert!(late.tasks <= early.tasks + 8, "{told}");
        assert!(late.resident_kib <= early.resident_kib + 4_096, "{told}");
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

/// How many are cut: what the variable says, or a few hundred.
#[allow(
    clippy::disallowed_methods,
    reason = "how long the test takes is for who runs it to say"
)]
pub(crate) fn cuts(variable: &str) -> usize {
    std::env::var(variable).map_or(400, |cuts| cuts.parse().unwrap())
}
