//! The proxy between a client and a broker that are a few lines each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use kafka_wire::bytes::{Bytes, BytesMut};
use kafka_wire::messages::{MetadataRequest, MetadataResponse, MetadataResponseBroker};
use kafka_wire::{
    FrameReader, Reader, Request, RequestHeader, decode_request, decode_response, encode_request,
    encode_response,
};

const VERSION: i16 = 9;

fn read(stream: &mut TcpStream) -> Bytes {
    let (frames, mut buffer, mut chunk) = (FrameReader::new(1 << 20), BytesMut::new(), [0; 4_096]);
    loop {
        if let Some(frame) = frames.next(&mut buffer).unwrap() {
            return frame;
        }
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0, "the connection has ended");
        buffer.extend_from_slice(&chunk[..count]);
    }
}

/// Answers one question: it is at port 9092 of `broker.example`.
fn broker() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        let mut body = Reader::new(read(&mut client));
        let header = RequestHeader::decode(&mut body).unwrap();
        decode_request::<MetadataRequest>(&header, body).unwrap();
        let broker = MetadataResponseBroker::default();
        let broker = broker
            .with_host("broker.example".to_owned())
            .with_port(9092);
        let answer = MetadataResponse::default().with_brokers(vec![broker]);
        let version = MetadataRequest::version(header.api_version).unwrap();
        let id = header.correlation_id;
        let frame = encode_response::<MetadataRequest>(id, version, &answer).unwrap();
        client.write_all(&frame).unwrap();
    });
    address
}

struct Proxy(Child);

impl Proxy {
    fn before(broker: SocketAddr) -> (Self, BufReader<ChildStdout>) {
        let mut proxy = Command::new(env!("CARGO_BIN_EXE_kafka-proxy"));
        proxy.args(["127.0.0.1:0", &broker.to_string()]);
        let mut proxy = proxy.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(proxy.stdout.take().unwrap());
        (Self(proxy), lines)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn next(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn it_shows_what_passes_and_clients_stay_with_it() {
    let (_proxy, mut lines) = Proxy::before(broker());
    let said = next(&mut lines);
    let here: SocketAddr = said
        .strip_prefix("clients connect to ")
        .unwrap()
        .parse()
        .unwrap();

    let mut client = TcpStream::connect(here).unwrap();
    let version = MetadataRequest::version(VERSION).unwrap();
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let frame = encode_request(7, Some("till"), version, &request).unwrap();
    client.write_all(&frame).unwrap();
    let (id, answer) = decode_response::<MetadataRequest>(read(&mut client), version).unwrap();

    assert_eq!(id, 7);
    let broker = &answer.brokers[0];
    assert_eq!(
        (&*broker.host, broker.port),
        ("127.0.0.1", i32::from(here.port()))
    );
    let asked = next(&mut lines);
    assert!(asked.starts_with("till asks Metadata v9 #7: {"), "{asked}");
    let answered = next(&mut lines);
    assert!(
        answered.contains(r#""host":"broker.example""#),
        "{answered}"
    );
}
