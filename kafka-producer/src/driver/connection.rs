//! One open connection: frames in, requests out.
//!
//! A produce request is framed only when the socket has taken all before it: what waits here holds
//! no bytes but those of its batches. One request is one vectored write, unless the socket takes
//! only a part of it or it has more than 511 batches.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use kafka_wire::{FRAME_BYTES_MAX_DEFAULT, FrameChunks, FrameError, FrameReader};
use tokio::io::ReadBuf;

use super::compressor::{Compressed, Progress};
use super::transport::{ByCaller, ByTask, Failure, Transport, Turn};
use crate::engine::{Confirm, Outgoing, Payload, Traffic};

/// What a connection reports.
#[derive(Debug)]
pub(crate) enum Event {
    /// While it is opened: the broker's name has an address.
    Resolved,
    /// It is open.
    Opened,
    /// A frame came, without its length.
    Frame(Bytes),
    /// The batches of a request are being compressed.
    Compressing(i32),
    /// They are compressed, as far as they can be.
    Compressed(i32),
    /// A request that asked for this report was written whole.
    Written(i32),
    /// A request could not be framed.
    Unsendable(i32, Arc<str>),
    /// It can no longer be used.
    Lost(Arc<str>),
    /// It can no longer be used, for what TLS says.
    TlsFailed(Arc<str>),
}

impl From<Failure> for Event {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Network(why) | Failure::Unanswered(why) => Self::Lost(why.into()),
            Failure::Tls(why) => Self::TlsFailed(why.into()),
        }
    }
}

/// A socket and what is on its way through it.
pub(crate) struct Connection {
    transport: Transport,
    /// By which name the broker is known, if not by that of its address.
    canonical: Option<Arc<str>>,
    frames: FrameReader,
    read: BytesMut,
    /// In order; the first may wait for its compression.
    queue: VecDeque<(Outgoing, Compressed)>,
    /// Those of them whose compression was reported as begun and not as ended.
    compressing: Vec<(i32, Compressed)>,
    writing: Option<Writing>,
    /// Since it was last asked for.
    traffic: Traffic,
    state: State,
}

/// A request of which the socket has taken a part.
struct Writing {
    chunks: FrameChunks,
    /// All of it.
    bytes: usize,
    correlation_id: i32,
    confirm: Confirm,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The loss was reported; nothing more is.
    Lost,
}

impl Connection {
    pub(crate) fn new(transport: Transport, canonical: Option<Arc<str>>) -> Self {
        Self {
            transport,
            canonical,
            frames: FrameReader::new(FRAME_BYTES_MAX_DEFAULT),
            read: BytesMut::new(),
            queue: VecDeque::new(),
            compressing: Vec::new(),
            writing: None,
            traffic: Traffic::default(),
            state: State::Open,
        }
    }

    /// Whether code of others carries it, which is dropped on the producer's own thread.
    pub(crate) fn is_foreign(&self) -> bool {
        self.transport.is_foreign()
    }

    /// By which name the broker is known, if not by that of its address.
    pub(crate) fn canonical(&self) -> Option<&str> {
        self.canonical.as_deref()
    }

    /// What went through it since this was last asked.
    pub(crate) fn take_traffic(&mut self) -> Option<Traffic> {
        let any = !self.traffic.is_none();
        any.then(|| std::mem::take(&mut self.traffic))
    }

    /// Queues a request; it is framed when `ready`.
    pub(crate) fn push(&mut self, outgoing: Outgoing, ready: Compressed, tell: impl FnOnce(Event)) {
        // Though it may be done by now: both is reported, or nothing.
        if ready.is_work() {
            tell(Event::Compressing(outgoing.correlation_id));
            self.compressing
                .push((outgoing.correlation_id, ready.clone()));
        }
        self.queue.push_back((outgoing, ready));
    }

    /// Reads what is there, at most so much that other connections get their turn.
    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>, mut tell: impl FnMut(Event)) {
        if self.state == State::Lost {
            return;
        }
        for _ in 0..READS_PER_TURN {
            match self.read_some(context) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => return self.lose(closed(), &mut tell),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return self.fail(&error, &mut tell),
            }
            loop {
                match self.frames.next(&mut self.read) {
                    Ok(Some(frame)) => {
                        self.traffic.received();
                        tell(Event::Frame(frame));
                    }
                    Ok(None) => break,
                    Err(_) if is_tls_alert(&self.read) => {
                        return self.lose(Failure::Tls(SPEAKS_TLS.to_owned()), &mut tell);
                    }
                    Err(error) => {
                        return self.lose(Failure::Network(no_frame(&error)), &mut tell);
                    }
                }
            }
        }
        context.waker().wake_by_ref();
    }

    fn read_some(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut piece);
        let read = self.transport.poll_read(context, &mut buffer);
        read.map_ok(|()| {
            let bytes = buffer.filled();
            // Only now: frames of this turn still refer to the memory before, those of the turn before
            // no longer do, so that their memory is used again.
            if self.read.capacity() - self.read.len() < bytes.len() {
                self.read.reserve(READ_BYTES);
            }
            self.read.extend_from_slice(bytes);
            if !bytes.is_empty() {
                self.traffic.read(bytes.len());
            }
            bytes.len()
        })
    }

    /// Writes all that is ready and that the socket takes.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, mut tell: impl FnMut(Event)) {
        self.tell_compressed(&mut tell);
        self.write(tell, ByTask(context));
    }

    /// Writes without registering a waker; returns whether nothing is left.
    pub(crate) fn try_write(&mut self, tell: impl FnMut(Event)) -> bool {
        self.write(tell, ByCaller);
        self.writing.is_none() && self.queue.is_empty() && self.transport.is_flushed()
    }

    /// Reports requests that are compressed by now, whether or not the socket can take them.
    fn tell_compressed(&mut self, mut tell: impl FnMut(Event)) {
        self.compressing.retain(|(correlation_id, ready)| {
            let busy = ready.is_busy();
            if !busy {
                tell(Event::Compressed(*correlation_id));
            }
            busy
        });
    }

    fn write(&mut self, mut tell: impl FnMut(Event), mut turn: impl Turn) {
        while self.state == State::Open {
            if !self.transport.is_flushed() {
                match self.transport.flush(&mut turn) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return self.fail(&error, &mut tell),
                }
            }
            if !self.next_frame(&mut tell) {
                return;
            }
            let Some(writing) = &mut self.writing else {
                return;
            };
            let transport = &mut self.transport;
            match offer(&writing.chunks, |slices| transport.write(slices, &mut turn)) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => {
                    let why = "nothing could be written".to_owned();
                    return self.lose(Failure::Network(why), &mut tell);
                }
                Poll::Ready(Ok(written)) => {
                    self.traffic.wrote(written);
                    writing.chunks.advance(written);
                }
                Poll::Ready(Err(error)) => return self.fail(&error, &mut tell),
            }
        }
    }

    /// Takes the next request if none is being written; returns whether one is.
    fn next_frame(&mut self, tell: &mut impl FnMut(Event)) -> bool {
        if let Some(writing) = &self.writing {
            if !writing.chunks.is_empty() {
                return true;
            }
            self.traffic.sent(writing.bytes);
            if writing.confirm == Confirm::Written {
                tell(Event::Written(writing.correlation_id));
            }
            self.writing = None;
        }
        while let Some((_, ready)) = self.queue.front() {
            let failure = match ready.progress() {
                Progress::Busy => return false,
                Progress::Done => None,
                Progress::Failed(why) => Some(why),
            };
            let Some((outgoing, _)) = self.queue.pop_front() else {
                return false;
            };
            // Nothing is written before the engine knows how it was compressed.
            self.tell_compressed(&mut *tell);
            match failure {
                Some(why) => tell(Event::Unsendable(outgoing.correlation_id, why)),
                None => match Writing::new(outgoing) {
                    Ok(writing) => {
                        self.writing = Some(writing);
                        return true;
                    }
                    Err(unsendable) => tell(unsendable),
                },
            }
        }
        false
    }

    fn fail(&mut self, error: &io::Error, tell: &mut impl FnMut(Event)) {
        let failure = self.transport.explain(error);
        self.lose(failure, tell);
    }

    fn lose(&mut self, failure: Failure, tell: &mut impl FnMut(Event)) {
        self.state = State::Lost;
        tell(failure.into());
    }
}

/// What is wrong with what came instead of a frame.
fn no_frame(error: &FrameError) -> String {
    match error {
        FrameError::Text { .. } | FrameError::Tls => error.to_string(),
        _ => format!("{error}: is it a Kafka broker?"),
    }
}

fn closed() -> Failure {
    Failure::Network("the broker closed the connection".to_owned())
}

/// Whether this is how a broker that speaks TLS answers to a client that does not: with an alert of version 3.
fn is_tls_alert(read: &[u8]) -> bool {
    read.starts_with(&[0x15, 0x03])
}

const SPEAKS_TLS: &str =
    "the broker speaks TLS on this port: set security.protocol to SSL or SASL_SSL";

/// Calls `write` with the pieces of a frame, as many as one call can take.
fn offer<T>(chunks: &FrameChunks, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
    let mut few = [IoSlice::new(&[]); SLICES_FEW];
    let count = chunks.chunks_vectored(&mut few);
    if count < SLICES_FEW {
        return write(&few[..count]);
    }
    let mut many = [IoSlice::new(&[]); SLICES_MAX];
    let count = chunks.chunks_vectored(&mut many);
    write(&many[..count])
}

impl Writing {
    /// Frames a request.
    fn new(outgoing: Outgoing) -> Result<Self, Event> {
        let chunks = match outgoing.payload {
            Payload::Whole(frame) => FrameChunks::from(frame),
            Payload::Produce(order) => order.frame().map_err(|error| {
                Event::Unsendable(outgoing.correlation_id, error.to_string().into())
            })?,
        };
        Ok(Self {
            bytes: chunks.len(),
            chunks,
            correlation_id: outgoing.correlation_id,
            confirm: outgoing.confirm,
        })
    }
}

/// Answers to produce requests are small; a metadata answer takes several reads.
const READ_BYTES: usize = 4 * 1024;
const READS_PER_TURN: usize = 16;
/// Pieces of most frames; a batch is two.
const SLICES_FEW: usize = 64;
/// Pieces that one call takes (`IOV_MAX` of Linux): 511 batches.
const SLICES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use kafka_wire::messages::ProduceRequest;
    use kafka_wire::{ProduceFrame, Request, Uuid};

    use std::cell::RefCell;

    use tokio::net::TcpStream;

    use super::super::transport::Socket;
    use super::*;

    fn frame_of(batches: i32) -> FrameChunks {
        let version = ProduceRequest::version(ProduceRequest::STABLE_VERSIONS.latest).unwrap();
        let mut frame = ProduceFrame::begin(version, 1, Some("app"), None, -1, 30_000, 1);
        frame.topic("orders", Uuid::ZERO, batches as usize);
        for partition in 0..batches {
            frame.partition(partition, &[0; 61], Bytes::from_static(b"records"));
        }
        frame.finish().unwrap()
    }

    /// A socket that takes what the function says.
    struct Told<F>(F);

    impl<F: FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>> Turn for Told<F> {
        fn write(&mut self, _: &mut Socket, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
            (self.0)(slices)
        }

        fn flush(&mut self, _: &mut Socket) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn bytes_in(slices: &[IoSlice<'_>]) -> usize {
        slices.iter().map(|slice| slice.len()).sum()
    }

    #[test]
    fn one_call_takes_a_request_of_511_batches() {
        for batches in [1, 12, 31, 32, 33, 511] {
            let frame = frame_of(batches);
            assert_eq!(offer(&frame, bytes_in), frame.len(), "{batches} batches");
        }
        let larger = frame_of(512);
        assert!(offer(&larger, bytes_in) < larger.len());
    }

    #[tokio::test]
    async fn a_request_is_one_call_if_the_socket_takes_it() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = TcpStream::connect(address).await.unwrap();
        let mut connection = Connection::new(Transport::Plain(Socket::Tcp(socket)), None);
        for correlation_id in 0..3 {
            let outgoing = Outgoing {
                correlation_id,
                confirm: Confirm::Written,
                payload: Payload::Whole(Bytes::from_static(b"\0\0\0\x02hi")),
            };
            connection.push(outgoing, Compressed::at_once(), |event| panic!("{event:?}"));
        }
        let (mut calls, mut written) = (0, Vec::new());
        let tell = |event| match event {
            Event::Written(correlation_id) => written.push(correlation_id),
            other => panic!("{other:?}"),
        };
        let socket = Told(|slices: &[IoSlice<'_>]| {
            calls += 1;
            Poll::Ready(Ok(bytes_in(slices)))
        });
        connection.write(tell, socket);
        assert_eq!((calls, written), (3, vec![0, 1, 2]));
    }

    #[tokio::test]
    async fn a_request_that_is_compressed_is_told_of_though_the_socket_is_full() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = TcpStream::connect(address).await.unwrap();
        let mut connection = Connection::new(Transport::Plain(Socket::Tcp(socket)), None);
        let told = RefCell::new(Vec::new());
        let tell = |event| told.borrow_mut().push(format!("{event:?}"));
        let (ready, finish) = Compressed::of_one();
        for (correlation_id, ready) in [(0, Compressed::at_once()), (1, ready)] {
            let outgoing = Outgoing {
                correlation_id,
                confirm: Confirm::Written,
                payload: Payload::Whole(Bytes::from_static(b"\0\0\0\x02hi")),
            };
            connection.push(outgoing, ready, tell);
        }
        let full = || Told(|_: &[IoSlice<'_>]| Poll::Pending);
        connection.tell_compressed(tell);
        connection.write(tell, full());
        assert_eq!(*told.borrow(), ["Compressing(1)"]);
        finish();
        connection.tell_compressed(tell);
        connection.write(tell, full());
        assert_eq!(*told.borrow(), ["Compressing(1)", "Compressed(1)"]);
    }
}
