//! Shows what a Kafka client and its broker say to each other: a line for each request and each answer.
//!
//! ```text
//! cargo run -- 127.0.0.1:9192 127.0.0.1:9092     # clients connect to the first, the broker is the second
//! ```
//!
//! For one broker without TLS. Where answers tell the broker's address, clients get the proxy's, so that they stay here.

mod addresses;

use std::error::Error;
use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use kafka_wire::bytes::{Bytes, BytesMut};
use kafka_wire::messages::ProduceRequest;
use kafka_wire::{ApiKey, FrameReader, Reader, RequestHeader, decode_request, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let addresses = std::env::args().skip(1).map(|text| text.parse());
    let addresses = addresses.collect::<Result<Vec<SocketAddr>, _>>()?;
    let [listen, broker] = addresses[..] else {
        return Err("usage: kafka-proxy LISTEN BROKER, as in 127.0.0.1:9192 127.0.0.1:9092".into());
    };
    let listener = TcpListener::bind(listen)?;
    let here = listener.local_addr()?;
    println!("clients connect to {here}");
    for client in listener.incoming() {
        serve(client?, broker, here)
            .unwrap_or_else(|error| eprintln!("kafka-proxy: {broker}: {error}"));
    }
    Ok(())
}

fn serve(client: TcpStream, broker: SocketAddr, here: SocketAddr) -> std::io::Result<()> {
    let broker = TcpStream::connect(broker)?;
    let (from, to) = (client.try_clone()?, broker.try_clone()?);
    let (asked, answered) = mpsc::channel(); // answers come in the order of their requests
    thread::spawn(move || pass(from, to, |frame| request(frame, &asked)));
    thread::spawn(move || pass(broker, client, |frame| response(frame, &answered, here)));
    Ok(())
}

/// Passes frames on until one side ends, and ends the other with it.
fn pass(mut from: TcpStream, mut to: TcpStream, show: impl Fn(Bytes) -> Outcome<Bytes>) {
    let mut pass_all = || -> Outcome<()> {
        let (frames, mut buffer, mut chunk) =
            (FrameReader::new(1 << 30), BytesMut::new(), [0; 65_536]);
        loop {
            while let Some(frame) = frames.next(&mut buffer)? {
                let frame = show(frame)?;
                to.write_all(&[&(frame.len() as u32).to_be_bytes(), &frame[..]].concat())?;
            }
            match from.read(&mut chunk)? {
                0 => return Ok(()),
                count => buffer.extend_from_slice(&chunk[..count]),
            }
        }
    };
    pass_all().unwrap_or_else(|error| eprintln!("kafka-proxy: a connection ends: {error}"));
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn request(frame: Bytes, asked: &Sender<RequestHeader>) -> Outcome<Bytes> {
    let mut body = Reader::new(frame.clone());
    let header = RequestHeader::decode(&mut body)?;
    match header.api_key {
        ApiKey::SASL_AUTHENTICATE => show(&header, "asks", "(not shown: it may hold a password)"),
        _ => match json::request_to_json(&header, body.clone())? {
            Some(json) => show(&header, "asks", json),
            None => show(&header, "asks", "(not known)"),
        },
    }
    let is_produce = header.api_key == ApiKey::PRODUCE;
    if !(is_produce && decode_request::<ProduceRequest>(&header, body)?.acks == 0) {
        asked.send(header)?; // without acks there is no answer
    }
    Ok(frame)
}

fn response(frame: Bytes, asked: &Receiver<RequestHeader>, here: SocketAddr) -> Outcome<Bytes> {
    let header = asked.recv()?;
    match json::response_to_json(header.api_key, header.api_version, frame.clone())? {
        Some((_, json)) => show(&header, "gets", json),
        None => show(&header, "gets", "(not known)"),
    }
    addresses::lead(&header, frame, here)
}

fn show(header: &RequestHeader, verb: &str, what: impl Display) {
    let (api, version, id) = (header.api_key, header.api_version, header.correlation_id);
    let client = header.client_id.as_deref().unwrap_or("a client");
    println!("{client} {verb} {api} v{version} #{id}: {what}");
}
