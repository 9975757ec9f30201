//! The engine without its driver: one thread, sockets of the standard library, and nothing else. The engine does no
//! I/O and knows no runtime, so another loop may do that for it. Its API is not stable (`unstable-engine`).
//!
//! ```text
//! cargo run -p kafka-producer --features unstable-engine --example engine-by-hand -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_accumulator::{Accumulator, Doorbell, NewRecord};
use kafka_producer::engine::{
    Action, Engine, EngineHandle, Input, NodeId, Notices, Outgoing, Payload, Seed,
};
use kafka_producer::{DeliveryError, ProducerConfig};
use kafka_wire::records::RecordParts;

/// Longer than a broker may take to answer.
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let servers = std::env::args().nth(1);
    let servers = servers.unwrap_or_else(|| "localhost:9092".into());
    let checked = ProducerConfig::new().bootstrap_servers([servers]).check()?;
    let (settings, doorbell) = (
        Arc::new(checked.settings().clone()),
        Arc::new(Doorbell::new()),
    );
    let bell = Arc::clone(&doorbell);
    // An error below ends the program before its batch has an outcome.
    let accumulator = Accumulator::new(settings.accumulator, bell, DeliveryError::abandoned);
    let accumulator = Arc::new(accumulator);
    let handle = Arc::new(EngineHandle::new(doorbell));
    let (for_engine, asked) = (Arc::clone(&accumulator), Arc::clone(&handle));
    let engine = Engine::new(
        settings,
        for_engine,
        asked,
        Seed::for_tests(42),
        Instant::now(),
    );
    let mut driver = (engine, BTreeMap::new());

    let now = Instant::now();
    let mut known = handle.ask_for_topic("orders".into(), None, now, now + LIMIT);
    loop {
        match known.try_recv()? {
            Some(told) => break told?,
            None => round(&mut driver)?,
        }
    }
    let cluster = handle.cluster();
    let queue = cluster.topic("orders").and_then(|topic| topic.queue(0));
    let queue = queue.ok_or("orders-0 has no leader")?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let timestamp_ms = i64::try_from(since_1970.as_millis())?;
    let mut record = NewRecord::new(timestamp_ms, RecordParts::new(None, Some(b"2 x tea")));
    let appended = accumulator.append(queue, &mut record, None, Instant::now);
    let delivery = appended.map_err(|error| format!("{error:?}"))?.delivery;
    loop {
        match delivery.try_outcome() {
            Some(outcome) => {
                println!("{:?}", outcome?);
                return Ok(());
            }
            None => round(&mut driver)?,
        }
    }
}

/// Tells the engine the time, and does what it asks for.
fn round((engine, sockets): &mut (Engine, BTreeMap<NodeId, TcpStream>)) -> io::Result<()> {
    engine.handle(Instant::now(), Input::Tick);
    while let Some(action) = engine.poll() {
        let input = match action {
            Action::Dial(node, address, _) => {
                let socket = TcpStream::connect(address.to_string())?;
                socket.set_read_timeout(Some(LIMIT))?;
                sockets.insert(node, socket);
                Input::Opened(node)
            }
            Action::Send(node, request) => Input::Received(node, ask(&sockets[&node], &request)?),
            Action::Rename(from, to) => {
                let socket = sockets.remove(&from);
                sockets.extend(socket.map(|socket| (to, socket)));
                continue;
            }
            Action::Drop(node) => {
                sockets.remove(&node);
                continue;
            }
            _ => continue,
        };
        engine.handle(Instant::now(), input);
    }
    let mut notices = Notices::default();
    engine.hand_over(&mut notices);
    notices.tell();
    Ok(())
}

/// Writes a request and reads its answer, without its length.
fn ask(mut socket: &TcpStream, request: &Outgoing) -> io::Result<Bytes> {
    match &request.payload {
        Payload::Whole(frame) => socket.write_all(frame)?,
        Payload::Produce(batches) => {
            let frame = batches.frame().map_err(io::Error::other)?;
            socket.write_all(&frame.into_bytes())?;
        }
    }
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut answer)?;
    Ok(answer.into())
}
