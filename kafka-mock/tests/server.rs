//! The cluster on sockets, spoken to in raw frames.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_mock::{
    MockCluster, MockError,
    cluster::{Answer, BrokerId, ConnectionId, Fault, SaslConfig, SaslMechanism, When},
};
use kafka_wire::{
    ApiKey, ErrorCode, Request,
    compression::Compression,
    decode_response, encode_request,
    messages::{
        ApiVersionsRequest, FetchRequest, MetadataRequest, ProduceRequest, SaslAuthenticateRequest,
        SaslHandshakeRequest,
        fetch::{FetchPartition, FetchTopic},
        produce::{PartitionProduceData, TopicProduceData},
    },
    records::{BatchBuilder, BatchHeader, RecordParts},
};
use proptest::prelude::*;
use tokio::net::TcpSocket;

/// Longer than anything takes that should happen.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A client that speaks frames.
struct Client {
    stream: TcpStream,
}

impl Client {
    fn connect(kafka: &MockCluster, broker: i32) -> Self {
        let address = kafka.address(BrokerId(broker)).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        stream.set_write_timeout(Some(TIME_LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    fn send<R: Request>(&mut self, id: i32, version: i16, request: &R) {
        let frame =
            encode_request(id, Some("test"), R::version(version).unwrap(), request).unwrap();
        self.stream.write_all(&frame).unwrap();
    }

    fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).unwrap();
        decode_response::<R>(frame.into(), R::version(version).unwrap()).unwrap()
    }

    fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send(5, version, request);
        let (id, response) = self.receive::<R>(version);
        assert_eq!(id, 5);
        response
    }

    /// Reads on when the process was stopped meanwhile.
    fn read_a_byte(&mut self) -> std::io::Result<usize> {
        loop {
            match self.stream.read(&mut [0; 1]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    /// Whether the other side closes the connection, without a further byte.
    fn is_closed(&mut self) -> bool {
        match self.read_a_byte() {
            Ok(count) => count == 0,
            Err(error) => {
                assert_ne!(
                    error.kind(),
                    ErrorKind::WouldBlock,
                    "neither an answer nor an end"
                );
                true
            }
        }
    }
}

fn orders() -> MockCluster {
    MockCluster::builder()
        .topic("orders", 1)
        .start_blocking()
        .unwrap()
}

fn batch(value: &str) -> Bytes {
    let mut builder = BatchBuilder::new(BatchHeader::default());
    let headers = [("h", Some(&b"1"[..])), ("n", None)];
    let record =
        RecordParts::new(None, Some(value.as_bytes())).with_headers(headers.iter().copied());
    builder.push(1_600_000_000_000, &record).unwrap();
    builder.build(Compression::None).unwrap()
}

fn produce(acks: i16, value: &str) -> ProduceRequest {
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(acks)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![
            TopicProduceData::default()
                .with_name("orders".to_owned())
                .with_partition_data(vec![
                    PartitionProduceData::default()
                        .with_index(0)
                        .with_records(Some(batch(value))),
                ]),
        ])
}

fn fetch(kafka: &MockCluster, max_wait_ms: i32) -> FetchRequest {
    let topic_id = MetadataRequest::default().with_topics(None);
    let topic_id = Client::connect(kafka, 1).ask(12, &topic_id).topics[0].topic_id;
    let partitions = vec![FetchPartition::default().with_partition_max_bytes(1 << 20)];
    FetchRequest::default()
        .with_max_wait_ms(max_wait_ms)
        .with_min_bytes(1)
        .with_topics(vec![
            FetchTopic::default()
                .with_topic_id(topic_id)
                .with_partitions(partitions),
        ])
}

#[test]
fn records_travel_over_a_socket() {
    let kafka = orders();
    let mut client = Client::connect(&kafka, 1);
    let versions = client.ask(
        3,
        &ApiVersionsRequest::default()
            .with_client_software_name("test".to_owned())
            .with_client_software_version("1".to_owned()),
    );
    assert_eq!(versions.error_code, ErrorCode::NONE);
    let answer = client.ask(12, &produce(-1, "hello"));
    assert_eq!(
        answer.responses[0].partition_responses[0].error_code,
        ErrorCode::NONE
    );

    let records = kafka
        .wait_for_records_blocking("orders", 1, TIME_LIMIT)
        .unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].partition, records[0].offset), (0, 0));
    assert_eq!(records[0].timestamp, 1_600_000_000_000);
    assert_eq!(
        (records[0].key.clone(), records[0].value.as_deref()),
        (None, Some(&b"hello"[..]))
    );
    let headers = [
        ("h".to_owned(), Some(Bytes::from("1"))),
        ("n".to_owned(), None),
    ];
    assert_eq!(records[0].headers, headers);

    let seen = kafka.requests().into_iter();
    let seen: Vec<_> = seen.map(|it| (it.broker, it.api, it.version)).collect();
    let one = BrokerId(1);
    let expected = [(one, ApiKey::API_VERSIONS, 3), (one, ApiKey::PRODUCE, 12)];
    assert_eq!(seen, expected);
}

#[test]
fn every_broker_is_found_where_metadata_says() {
    let kafka = MockCluster::builder()
        .brokers(3)
        .topic("orders", 6)
        .start_blocking()
        .unwrap();
    let answer = Client::connect(&kafka, 2).ask(12, &MetadataRequest::default());
    let told = answer
        .brokers
        .iter()
        .map(|it| format!("{}:{}", it.host, it.port));
    assert_eq!(
        told.collect::<Vec<_>>().join(","),
        kafka.bootstrap_servers()
    );
    for broker in 1..=3 {
        Client::connect(&kafka, broker).ask(12, &MetadataRequest::default());
    }
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let kafka = orders();
    let mut client = Client::connect(&kafka, 1);
    let slow = Fault::delay(When::AfterHandling, Duration::from_millis(50));
    kafka.inject(slow.api(ApiKey::PRODUCE).times(3));
    for id in 0..10 {
        client.send(id, 12, &produce(1, &id.to_string()));
    }
    for id in 0..10 {
        let (answered, response) = client.receive::<ProduceRequest>(12);
        let outcome = &response.responses[0].partition_responses[0];
        assert_eq!((answered, outcome.base_offset), (id, i64::from(id)));
    }
}

#[test]
fn requests_arrive_in_pieces_of_any_size() {
    let kafka = orders();
    let mut client = Client::connect(&kafka, 1);
    let version = ProduceRequest::version(12).unwrap();
    let frame = encode_request(5, None, version, &produce(1, "slowly")).unwrap();
    for byte in frame.chunks(1) {
        client.stream.write_all(byte).unwrap();
    }
    assert_eq!(client.receive::<ProduceRequest>(12).0, 5);
}

#[test]
fn without_acks_nothing_comes_back() {
    let kafka = orders();
    let mut client = Client::connect(&kafka, 1);
    client.send(1, 12, &produce(0, "a"));
    client.send(2, 12, &produce(1, "b"));
    assert_eq!(client.receive::<ProduceRequest>(12).0, 2);
    assert_eq!(kafka.records("orders").len(), 2);
}

#[test]
fn a_delay_without_acks_ends_too() {
    let kafka = orders();
    kafka.inject(Fault::delay(When::AfterHandling, Duration::from_millis(20)));
    let mut client = Client::connect(&kafka, 1);
    client.send(1, 12, &produce(0, "a"));
    client.send(2, 12, &produce(1, "b"));
    assert_eq!(client.receive::<ProduceRequest>(12).0, 2);
}

#[test]
fn a_reader_is_woken_by_what_another_writes() {
    let kafka = orders();
    let mut reader = Client::connect(&kafka, 1);
    reader.send(1, 17, &fetch(&kafka, 3_600_000));
    let mut writer = Client::connect(&kafka, 1);
    writer.ask(12, &produce(1, "wake up"));
    let (_, answer) = reader.receive::<FetchRequest>(17);
    assert!(
        !answer.responses[0].partitions[0]
            .records
            .as_ref()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_fetch_without_new_records_is_answered_in_time() {
    let kafka = orders();
    let request = fetch(&kafka, 100);
    let started = Instant::now();
    let answer = Client::connect(&kafka, 1).ask(17, &request);
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(
        answer.responses[0].partitions[0]
            .records
            .as_ref()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_fault_cuts_the_connection_and_the_next_one_works() {
    let kafka = orders();
    kafka.inject(Fault::disconnect(When::AfterHandling).api(ApiKey::PRODUCE));
    let mut client = Client::connect(&kafka, 1);
    client.send(1, 12, &produce(1, "a"));
    assert!(client.is_closed());
    assert_eq!(kafka.records("orders").len(), 1);
    Client::connect(&kafka, 1).ask(12, &produce(1, "b"));
}

#[test]
fn a_client_that_is_not_let_in_is_told_why_and_cut_off() {
    let sasl = SaslConfig::new([SaslMechanism::Plain]).with_user("alice", "alice-secret");
    let kafka = MockCluster::builder().sasl(sasl).start_blocking().unwrap();
    let log_in = |password: &str| {
        let mut client = Client::connect(&kafka, 1);
        let plain = SaslHandshakeRequest::default().with_mechanism("PLAIN".to_owned());
        assert_eq!(client.ask(1, &plain).error_code, ErrorCode::NONE);
        let message = format!("\0alice\0{password}");
        let message = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
        let answer = client.ask(2, &message);
        (client, answer.error_message)
    };
    let (mut client, told) = log_in("alice-secret");
    assert_eq!(told, None);
    assert_eq!(client.ask(12, &MetadataRequest::default()).brokers.len(), 1);
    let (mut client, told) = log_in("wrong");
    assert!(told.unwrap().contains("Invalid username or password"));
    assert!(client.is_closed());
}

#[test]
fn a_silenced_connection_stays_open_and_can_be_left() {
    let kafka = orders();
    kafka.inject(Fault::new(kafka_mock::cluster::Effect::Silence(
        When::BeforeHandling,
    )));
    let mut client = Client::connect(&kafka, 1);
    client.send(1, 12, &produce(1, "a"));
    let deadline = Instant::now() + TIME_LIMIT;
    while kafka.requests().is_empty() {
        assert!(Instant::now() < deadline, "the request does not arrive");
        std::thread::yield_now();
    }
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let error = client.read_a_byte().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    drop(client);
    Client::connect(&kafka, 1).ask(12, &produce(1, "b"));
}

#[test]
fn a_killed_broker_is_gone_and_comes_back_on_its_port() {
    let kafka = MockCluster::builder()
        .brokers(2)
        .topic("orders", 1)
        .start_blocking()
        .unwrap();
    let mut client = Client::connect(&kafka, 1);
    client.ask(12, &produce(1, "a"));
    kafka.kill_broker(BrokerId(1)).unwrap();
    assert!(client.is_closed());
    let address = kafka.address(BrokerId(1)).unwrap();
    assert!(is_refused(&address));
    kafka.kill_broker(BrokerId(1)).unwrap();

    let answer = Client::connect(&kafka, 2).ask(12, &produce(-1, "b"));
    assert_eq!(answer.responses[0].partition_responses[0].base_offset, 1);

    kafka.restart_broker(BrokerId(1)).unwrap();
    kafka.restart_broker(BrokerId(1)).unwrap();
    let answer = Client::connect(&kafka, 1).ask(12, &MetadataRequest::default());
    assert_eq!(answer.brokers.len(), 2);
    assert!(matches!(
        kafka.kill_broker(BrokerId(9)),
        Err(MockError::Cluster(_))
    ));
    assert!(matches!(
        kafka.restart_broker(BrokerId(9)),
        Err(MockError::Cluster(_))
    ));
}

#[test]
fn the_port_of_a_killed_broker_is_given_to_nobody_else() {
    let kafka = orders();
    kafka.kill_broker(BrokerId(1)).unwrap();
    let address = kafka.address(BrokerId(1)).unwrap();
    assert_eq!(
        std::net::TcpListener::bind(&address).unwrap_err().kind(),
        ErrorKind::AddrInUse
    );
    kafka.restart_broker(BrokerId(1)).unwrap();
    Client::connect(&kafka, 1).ask(12, &produce(1, "a"));
}

#[test]
fn garbage_and_impossible_lengths_close_the_connection() {
    let kafka = orders();
    let too_large = (100 * 1024 * 1024 + 1_u32).to_be_bytes();
    let cases = [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\xff\xff\xff\xff",
        &too_large,
        b"\0\0\0\0",
    ];
    for bytes in cases {
        let mut client = Client::connect(&kafka, 1);
        client.stream.write_all(bytes).unwrap();
        assert!(client.is_closed(), "{bytes:?}");
    }
}

#[test]
fn half_a_frame_disturbs_no_other_connection() {
    let kafka = orders();
    let mut client = Client::connect(&kafka, 1);
    // A length of nearly 100 MiB, of which nothing follows.
    client
        .stream
        .write_all(&[0x06, 0x3f, 0xff, 0xff, 0])
        .unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.is_closed());
}

#[test]
fn what_is_answered_before_garbage_still_arrives() {
    let kafka = orders();
    let mut client = Client::connect(&kafka, 1);
    client.send(1, 12, &produce(1, "a"));
    client.stream.write_all(b"\xff\xff\xff\xff").unwrap();
    assert_eq!(client.receive::<ProduceRequest>(12).0, 1);
    assert!(client.is_closed());
}

#[test]
fn nothing_listens_after_shutdown_or_drop() {
    for end in [MockCluster::shutdown as fn(_), drop] {
        let kafka = orders();
        let address = kafka.bootstrap_servers();
        let _kept = keep_port(&address);
        let mut client = Client::connect(&kafka, 1);
        client.ask(12, &produce(1, "a"));
        end(kafka);
        assert!(client.is_closed());
        assert!(is_refused(&address));
    }
}

fn is_refused(address: &str) -> bool {
    let outcome = TcpStream::connect(address);
    outcome.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Without listening there, so that no other test is given the port when its broker is gone.
#[must_use]
fn keep_port(address: &str) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    #[cfg(unix)]
    socket.set_reuseport(true).unwrap();
    socket.bind(address.parse::<SocketAddr>().unwrap()).unwrap();
    socket
}

#[test]
fn a_wait_that_times_out_returns_how_many_records_there_are() {
    let kafka = orders();
    Client::connect(&kafka, 1).ask(12, &produce(1, "a"));
    let error = kafka
        .wait_for_records_blocking("orders", 2, Duration::from_millis(10))
        .unwrap_err();
    assert!(
        matches!(
            error,
            MockError::TooFewRecords {
                found: 1,
                wanted: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn waiting_is_for_async_programs_too() {
    let kafka = MockCluster::builder()
        .topic("orders", 1)
        .start()
        .await
        .unwrap();
    let address = kafka.bootstrap_servers();
    let version = ProduceRequest::version(12).unwrap();
    let frame = encode_request(1, None, version, &produce(0, "a")).unwrap();
    let (records, ()) = tokio::join!(kafka.wait_for_records("orders", 1, TIME_LIMIT), async {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(&frame).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    assert_eq!(records.unwrap().len(), 1);
}

#[test]
fn the_model_can_be_asked_and_changed_directly() {
    let kafka = orders();
    kafka.create_topic("more", 2).unwrap();
    kafka.grow_topic("more", 3).unwrap();
    assert_eq!(
        kafka.with_cluster(|cluster| cluster.partitions("more")),
        Some(3)
    );
    kafka.delete_topic("more").unwrap();
    kafka.with_cluster(|cluster| cluster.disconnected(BrokerId(1), ConnectionId(99)));
    assert!(kafka.delete_topic("more").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_to_a_connection_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        framed in any::<bool>(),
    ) {
        // One cluster for all cases: what one connection says must not harm the next.
        static KAFKA: std::sync::LazyLock<MockCluster> = std::sync::LazyLock::new(orders);
        let mut client = Client::connect(&KAFKA, 1);
        let length = (bytes.len() as u32).to_be_bytes();
        let length = if framed { &length[..] } else { &[] };
        // The other side may be gone before all is written.
        let _ = client.stream.write_all(&[length, &bytes].concat());
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        let _ = client.stream.read_to_end(&mut Vec::new());
        let answer = Client::connect(&KAFKA, 1).ask(12, &MetadataRequest::default());
        prop_assert_eq!(answer.brokers.len(), 1);
    }
}

#[test]
fn brokers_listen_on_the_ports_that_were_chosen_and_not_on_those_of_others() {
    let (kafka, first) = on_two_free_ports();
    let expected = format!("127.0.0.1:{first},127.0.0.1:{}", first + 1);
    assert_eq!(kafka.bootstrap_servers(), expected);

    let second = MockCluster::builder().port(first + 1).start_blocking();
    let taken = matches!(second, Err(MockError::Listen { port, .. }) if port == first + 1);
    assert!(taken, "{second:?}");

    // A client is still connected when it ends, and the next one takes its place.
    let mut client = Client::connect(&kafka, 1);
    client.ask(9, &MetadataRequest::default());
    drop(kafka);
    assert!(client.is_closed());
    let again = MockCluster::builder().brokers(2).port(first);
    assert_eq!(
        again.start_blocking().unwrap().bootstrap_servers(),
        expected
    );

    let beyond = MockCluster::builder().brokers(2).port(u16::MAX);
    assert!(beyond.start_blocking().is_err());
}

/// Two brokers, and the port of the first. A port that was free may be somebody's a moment later: then others are
/// tried.
fn on_two_free_ports() -> (MockCluster, u16) {
    loop {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let first = free.local_addr().unwrap().port();
        drop(free);
        let kafka = MockCluster::builder().brokers(2).port(first);
        if let Ok(kafka) = kafka.start_blocking() {
            return (kafka, first);
        }
    }
}

#[test]
fn each_request_and_its_answer_are_told_and_one_that_waits_twice() {
    let (sender, exchanges) = std::sync::mpsc::channel();
    let kafka = MockCluster::builder()
        .topic("orders", 1)
        .on_exchange(move |seen| {
            drop(sender.send(seen.clone()));
            panic!("a test's watcher, whose panic is of no consequence");
        })
        .start_blocking()
        .unwrap();
    let pause = Duration::from_millis(5);
    kafka.inject(Fault::delay(When::AfterHandling, pause).tagged(7));
    let mut client = Client::connect(&kafka, 1);
    client.ask(9, &MetadataRequest::default());
    client.ask(9, &MetadataRequest::default());
    drop(kafka);
    let told: Vec<_> = exchanges.iter().collect();
    let answers: Vec<_> = told
        .iter()
        .map(|seen| (matches!(seen.answer, Answer::Send(_)), &*seen.struck))
        .collect();
    assert_eq!(answers, [(false, &[7][..]), (true, &[]), (true, &[])]);
    assert_eq!(told[0].answer, Answer::Delayed);
    assert_eq!(told[0].request, told[1].request);
    assert!(told.iter().all(|seen| seen.broker == BrokerId(1)));
}
