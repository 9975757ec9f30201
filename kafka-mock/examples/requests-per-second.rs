//! How many requests a second a broker answers, whoever wrote it: a topic of many partitions is created, then each kind
//! of request is asked over some connections at once, the next one when the last is answered.
//!
//! ```text
//! cargo run --release -p kafka-mock --example requests-per-second -- 127.0.0.1:9092 --pid 4711
//! ```

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use bytes::{Bytes, BytesMut};
use clap::Parser;
use kafka_wire::compression::Compression;
use kafka_wire::messages::{
    ApiVersionsRequest, CreatableTopic, CreateTopicsRequest, FetchPartition, FetchRequest,
    FetchTopic, MetadataRequest, MetadataRequestTopic, PartitionProduceData, ProduceRequest,
    TopicProduceData,
};
use kafka_wire::records::{BatchBuilder, BatchHeader, RecordParts};
use kafka_wire::{
    ErrorCode, FRAME_BYTES_MAX_DEFAULT, FrameReader, Request, VersionRange, decode_response,
    encode_request,
};

/// Asks a broker as fast as it answers.
#[derive(Clone, Parser)]
struct Options {
    /// The broker, which leads all partitions.
    broker: SocketAddr,
    /// How many partitions its topic has.
    #[arg(long, default_value_t = 1_000)]
    partitions: i32,
    /// How many connections ask at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..))]
    connections: i32,
    /// For how long each kind of request is asked.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The broker's process, whose memory is told.
    #[arg(long)]
    pid: Option<u32>,
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[allow(clippy::print_stderr, reason = "it tells why it ends")]
fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("requests-per-second: {error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, reason = "printing is what this program is for")]
fn run(options: &Options) -> Outcome<()> {
    let say = |what: &str, figure: String| println!("{what:<28} {figure:>12}");
    say("memory at first, MB", memory_mb(options.pid)?);
    Connection::open(options.broker)?.create_topic(options.partitions)?;
    say("memory with the topic, MB", memory_mb(options.pid)?);
    say(
        "Produce, 100 B, per s",
        measure(options, Connection::produce)?,
    );
    say(
        "Fetch, one batch, per s",
        measure(options, Connection::fetch)?,
    );
    say(
        "Metadata, all of it, per s",
        measure(options, Connection::metadata)?,
    );
    say("memory at last, MB", memory_mb(options.pid)?);
    Ok(())
}

/// The rate of one kind of request over all connections.
fn measure(options: &Options, ask: fn(&mut Connection, i32) -> Outcome<()>) -> Outcome<String> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs(options.seconds);
    let asked = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.connections)
            .map(|number| scope.spawn(move || ask_until(until, options, number, ask)))
            .collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(asked) => asked,
            Err(_) => Err("a connection's thread has panicked".into()),
        });
        ended.sum::<Outcome<u64>>()
    })?;
    Ok(format!(
        "{:.0}",
        asked as f64 / begun.elapsed().as_secs_f64()
    ))
}

/// Asks, each time of another partition, and returns how often.
fn ask_until(
    until: Instant,
    options: &Options,
    number: i32,
    ask: fn(&mut Connection, i32) -> Outcome<()>,
) -> Outcome<u64> {
    let mut connection = Connection::open(options.broker)?;
    let mine = (number..options.partitions).step_by(options.connections as usize);
    let mut asked = 0;
    for partition in mine.cycle() {
        if Instant::now() >= until {
            break;
        }
        ask(&mut connection, partition)?;
        asked += 1;
    }
    Ok(asked)
}

/// A connection, and what the broker speaks.
struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    spoken: Vec<(i16, VersionRange)>,
    batch: Bytes,
}

impl Connection {
    fn open(broker: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(broker)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let mut batch = BatchBuilder::new(BatchHeader::default());
        batch.push(0, &RecordParts::new(None, Some(&[b'x'; 100])))?;
        let mut this = Self {
            stream,
            buffer: BytesMut::new(),
            spoken: Vec::new(),
            batch: batch.build(Compression::None)?,
        };
        let versions = this.ask_in(0, &ApiVersionsRequest::default())?;
        let keys = versions.api_keys.iter();
        this.spoken = keys
            .map(|it| {
                (
                    it.api_key.0,
                    VersionRange::new(it.min_version, it.max_version),
                )
            })
            .collect();
        Ok(this)
    }

    fn create_topic(&mut self, partitions: i32) -> Outcome<()> {
        let topic = CreatableTopic::default()
            .with_name(TOPIC.to_owned())
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        // Not every stand-in can: then the topic has to be there.
        if let Some(latest) = self.latest::<CreateTopicsRequest>(7) {
            let created = self.ask_in(latest, &request)?;
            let code = created.topics.first().map(|it| it.error_code);
            refuse(code.filter(|code| *code != ErrorCode::TOPIC_ALREADY_EXISTS))?;
        }
        Ok(())
    }

    fn produce(&mut self, partition: i32) -> Outcome<()> {
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(self.batch.clone()));
        let topic = TopicProduceData::default()
            .with_name(TOPIC.to_owned())
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(1_000)
            .with_topic_data(vec![topic]);
        let response = self.ask(12, &request)?;
        let topic = response.responses.first();
        let partition = topic.and_then(|it| it.partition_responses.first());
        refuse(partition.map(|it| it.error_code))
    }

    fn fetch(&mut self, partition: i32) -> Outcome<()> {
        let partition = FetchPartition::default()
            .with_partition(partition)
            .with_partition_max_bytes(1);
        let topic = FetchTopic::default()
            .with_topic(TOPIC.to_owned())
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_max_bytes(1)
            .with_topics(vec![topic]);
        let response = self.ask(12, &request)?;
        let topic = response.responses.first();
        let partition = topic.and_then(|it| it.partitions.first());
        refuse(partition.map(|it| it.error_code))
    }

    fn metadata(&mut self, _: i32) -> Outcome<()> {
        let topic = MetadataRequestTopic::default().with_name(Some(TOPIC.to_owned()));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        let response = self.ask(9, &request)?;
        refuse(response.topics.first().map(|it| it.error_code))
    }

    /// Asks in the latest version that both speak, and that names topics.
    fn ask<R: Request>(&mut self, most: i16, request: &R) -> Outcome<R::Response> {
        let version = self.latest::<R>(most).ok_or("no common version")?;
        self.ask_in(version, request)
    }

    fn latest<R: Request>(&self, most: i16) -> Option<i16> {
        let theirs = self.spoken.iter().find(|(key, _)| *key == R::KEY.0)?.1;
        let ours = VersionRange::new(R::VERSIONS.oldest, most);
        Some(ours.intersection(theirs)?.latest)
    }

    fn ask_in<R: Request>(&mut self, version: i16, request: &R) -> Outcome<R::Response> {
        let version = R::version(version)?;
        let frame = encode_request(1, Some("requests-per-second"), version, request)?;
        self.stream.write_all(&frame)?;
        Ok(decode_response::<R>(self.read()?, version)?.1)
    }

    fn read(&mut self) -> Outcome<Bytes> {
        let frames = FrameReader::new(FRAME_BYTES_MAX_DEFAULT);
        let mut chunk = [0; 65_536];
        loop {
            if let Some(frame) = frames.next(&mut self.buffer)? {
                return Ok(frame);
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                count => self.buffer.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

/// Whatever is not answered with success is no answer that counts.
fn refuse(code: Option<ErrorCode>) -> Outcome<()> {
    match code {
        Some(code) if !code.is_none() => Err(format!("the broker answers {code}").into()),
        Some(_) => Ok(()),
        None => Err("the broker answers nothing".into()),
    }
}

/// What a process holds in memory.
fn memory_mb(pid: Option<u32>) -> Outcome<String> {
    let Some(pid) = pid else {
        return Ok("?".to_owned());
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    let kilobytes: f64 = kilobytes.ok_or("no VmRSS")?.parse()?;
    Ok(format!("{:.1}", kilobytes / 1024.0))
}

const TOPIC: &str = "orders";
/// A broker that does not answer for so long is taken for dead.
const ANSWER_MAX: Duration = Duration::from_secs(10);
