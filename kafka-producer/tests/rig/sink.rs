//! The broker on a socket: reads as fast as it can and checks nothing.
//!
//! A thread per connection, which ends with the connection; the one that accepts ends with the
//! process. It may keep the answers to produce requests to itself: then the producer does all it
//! can and comes to rest, whatever the machine is busy with.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;
use kafka_producer::Address;

use super::broker::Broker;

pub(crate) struct Sink {
    broker: Arc<Broker>,
}

/// What becomes of produce requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Prompt,
    /// They are read, and never answered.
    Withheld,
}

impl Sink {
    pub(crate) fn start(partitions: i32, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::new("127.0.0.1", listener.local_addr().unwrap().port());
        let broker = Arc::new(Broker::new(address, partitions));
        let sink = Self {
            broker: Arc::clone(&broker),
        };
        spawn("sink", move || {
            for stream in listener.incoming() {
                let (stream, broker) = (stream.unwrap(), Arc::clone(&broker));
                spawn("sink connection", move || {
                    // It ends when the producer closes the connection.
                    let _ = serve(stream, &broker, answers);
                });
            }
        });
        sink
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        self.broker.address.to_string()
    }

    /// Requests of any kind so far.
    pub(crate) fn frames(&self) -> usize {
        self.broker.frames()
    }

    /// Produce requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.broker.requests()
    }

    /// Batches in them.
    pub(crate) fn batches(&self) -> usize {
        self.broker.batches()
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).unwrap();
}

fn serve(mut stream: TcpStream, broker: &Broker, answers: Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame)?;
        let before = broker.requests();
        let answer = broker.answer(Bytes::from(frame));
        let is_produce = broker.requests() > before;
        if let Some(answer) = answer.filter(|_| !is_produce || answers == Answers::Prompt) {
            stream.write_all(&answer)?;
        }
    }
}
