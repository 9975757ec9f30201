//! Servers that are not Kafka: whatever they send is an obstacle that is named, never a panic, and
//! never in the way of a real one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use kafka_producer::error::ConnectError;
use kafka_producer::{Producer, SendError};

use crate::scene::{TIME_LIMIT, builder, in_time, kafka, record, until_told};

const MAX_BLOCK_MS: u64 = 800;

/// A server that does this with every connection; what is read and written may fail.
fn stranger(behave: impl Fn(u64, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            behave(number, stream.unwrap());
        }
    });
    address
}

/// Reads one request; gives its correlation id.
fn request(stream: &mut TcpStream) -> Option<[u8; 4]> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    frame.get(4..8)?.try_into().ok()
}

/// Waits until the other side has had enough.
fn hang(mut stream: TcpStream) {
    thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
}

fn producer(servers: &str) -> Producer<str, str> {
    let max_block_ms = MAX_BLOCK_MS.to_string();
    let settings = [
        ("max.block.ms", &*max_block_ms),
        ("request.timeout.ms", "300"),
        ("reconnect.backoff.ms", "1"),
        ("reconnect.backoff.max.ms", "5"),
        ("delivery.timeout.ms", "30000"),
    ];
    builder(servers, &settings).build().unwrap()
}

/// A send is told of the server, and sooner or later what is expected of it; twice: the producer
/// must have survived the first.
async fn is_told_as(server: &str, is_expected: fn(&str) -> bool) {
    let producer = producer(server);
    for _ in 0..2 {
        let told = until_told(async || {
            let started = Instant::now();
            let error = producer.send(record("tea")).await.unwrap_err();
            assert!(started.elapsed() >= Duration::from_millis(MAX_BLOCK_MS));
            let SendError::TopicUnknown { last, .. } = error else {
                panic!("{error}");
            };
            last.map(|last| last.to_string())
                .filter(|last| is_expected(last))
        });
        let told = told.await;
        assert!(told.contains(server), "{told}");
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
}

/// A record goes through, although this server is among those to begin with.
async fn is_no_obstacle_beside_kafka(server: &str) {
    let kafka = kafka(1, 1).await;
    let servers = format!("{server},{}", kafka.bootstrap_servers());
    for _ in 0..3 {
        let settings = [("request.timeout.ms", "300"), ("max.block.ms", "60000")];
        let producer = builder(&servers, &settings).build().unwrap();
        let delivery = in_time(producer.send(record("tea"))).await.unwrap();
        assert!(in_time(delivery).await.is_ok());
    }
}

#[tokio::test]
async fn a_web_server_is_named_as_the_obstacle() {
    let server = stranger(|_, mut stream| {
        let _ = stream.read(&mut [0; 1000]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    is_told_as(&server, |told| told.contains("HTTP")).await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn a_server_that_hangs_up_is_named_as_the_obstacle() {
    let server = stranger(|_, stream| drop(stream));
    is_told_as(&server, |told| {
        let told = told.to_lowercase();
        ["clos", "reset", "pipe"]
            .iter()
            .any(|way| told.contains(way))
    })
    .await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_after_request_timeout_ms() {
    let server = stranger(|_, stream| hang(stream));
    is_told_as(&server, |told| told.contains("request.timeout.ms=300")).await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn a_server_that_stops_within_a_frame_is_given_up_after_request_timeout_ms() {
    let server = stranger(|_, mut stream| {
        let id = request(&mut stream).unwrap_or_default();
        let _ = stream.write_all(&[0, 0, 1, 0]);
        let _ = stream.write_all(&id);
        let _ = stream.write_all(&[0, 0, 7]);
        hang(stream);
    });
    is_told_as(&server, |told| told.contains("request.timeout.ms=300")).await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn garbage_is_an_obstacle_and_never_a_panic() {
    let server = stranger(|number, mut stream| {
        let mut random = fastrand::Rng::with_seed(number);
        let _ = request(&mut stream);
        let garbage: Vec<u8> = (0..random.usize(1..2_000)).map(|_| random.u8(..)).collect();
        let _ = stream.write_all(&garbage);
    });
    is_told_as(&server, |told| !told.is_empty()).await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn garbage_in_well_formed_frames_is_an_obstacle_and_never_a_panic() {
    let server = stranger(|number, mut stream| {
        let mut random = fastrand::Rng::with_seed(number);
        // The first answers may be good enough to be asked again.
        while let Some(id) = request(&mut stream) {
            let length = random.usize(0..200);
            let few = random.bool();
            let byte = |_| if few { random.u8(..4) } else { random.u8(..) };
            let body: Vec<u8> = (0..length).map(byte).collect();
            let frame = [&(length as u32 + 4).to_be_bytes()[..], &id, &body].concat();
            if stream.write_all(&frame).is_err() {
                return;
            }
        }
    });
    is_told_as(&server, |told| !told.is_empty()).await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn an_answer_to_nothing_is_an_obstacle() {
    let server = stranger(|_, mut stream| {
        let _ = request(&mut stream);
        let _ = stream.write_all(&[0, 0, 0, 6, 0x7f, 0, 0, 1, 0, 0]);
        hang(stream);
    });
    is_told_as(&server, |told| told.contains("not asked")).await;
    is_no_obstacle_beside_kafka(&server).await;
}

#[tokio::test]
async fn a_frame_of_two_gigabytes_is_not_waited_for() {
    let server = stranger(|_, mut stream| {
        let _ = request(&mut stream);
        let _ = stream.write_all(&i32::MAX.to_be_bytes());
        hang(stream);
    });
    is_told_as(&server, |told| told.contains("2147483647")).await;
}

#[tokio::test]
async fn connect_tells_after_one_round_what_is_wrong_with_each_server() {
    let web = stranger(|_, mut stream| {
        let _ = stream.read(&mut [0; 1000]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let hangs_up = stranger(|_, stream| drop(stream));
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let servers = format!("{web},{hangs_up},{dead}");
    let settings = [
        ("max.block.ms", "86400000"),
        ("request.timeout.ms", "30000"),
    ];
    let producer = builder(&servers, &settings).build().unwrap();
    let error = in_time(producer.connect()).await.unwrap_err();
    let ConnectError::Unreachable(told) = &error else {
        panic!("{error}");
    };
    let told: Vec<String> = told.failures.iter().map(ToString::to_string).collect();
    assert!(
        told[0].starts_with(&web) && told[0].contains("HTTP"),
        "{told:?}"
    );
    assert!(told[1].starts_with(&hangs_up), "{told:?}");
    assert!(
        told[2].starts_with(&dead) && told[2].contains("refused"),
        "{told:?}"
    );
    let text = error.to_string();
    assert!(text.starts_with("no bootstrap server answers: "), "{text}");
}

#[tokio::test]
async fn connect_returns_when_one_server_has_told_of_the_cluster() {
    let kafka = kafka(3, 1).await;
    let hangs_up = stranger(|_, stream| drop(stream));
    let servers = format!("{hangs_up},{}", kafka.bootstrap_servers());
    let producer = builder(&servers, &[]).build().unwrap();
    in_time(producer.connect()).await.unwrap();
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(delivery).await.unwrap();
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    let closed = in_time(producer.connect()).await;
    assert_eq!(closed, Err(ConnectError::Closed));
}
