//! One connection: frames in, answers out, in order.
//!
//! While an answer is delayed nothing more is handled, as in Kafka, and little is read: enough to
//! notice that the client is gone. What is read but not handled, and answered but not written, is
//! bounded.

use std::{io, sync::Arc};

use bytes::{Buf, BytesMut};
use kafka_wire::FrameReader;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::shared::Shared;
use crate::cluster::{Answer, BrokerId, ConnectionId};

/// Whose connection it is.
pub(super) struct Served {
    pub(super) shared: Arc<Shared>,
    pub(super) broker: BrokerId,
    pub(super) id: ConnectionId,
    pub(super) frames: FrameReader,
}

/// Serves a connection until either side closes it.
pub(super) async fn serve(
    served: Served,
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
) {
    let Served {
        shared,
        broker,
        id,
        frames,
    } = served;
    let held = shared.connected(broker, id);
    let guard = Guard { shared, broker, id };
    let (input, output) = (BytesMut::new(), BytesMut::new());
    let phase = Phase::Open;
    // The error is of no interest: the client sees the connection end.
    let _ = Connection {
        guard,
        reader,
        writer,
        held,
        frames,
        input,
        output,
        phase,
    }
    .run()
    .await;
}

/// Has the cluster forget the connection, however its task ends.
struct Guard {
    shared: Arc<Shared>,
    broker: BrokerId,
    id: ConnectionId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.disconnected(self.broker, self.id);
    }
}

struct Connection<R, W> {
    guard: Guard,
    reader: R,
    writer: W,
    held: mpsc::UnboundedReceiver<Answer>,
    frames: FrameReader,
    /// Read, not handled.
    input: BytesMut,
    /// Answered, not written.
    output: BytesMut,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The next request may be handled.
    Open,
    /// An answer is delayed.
    Waiting,
    /// Nothing is handled any more; what was answered is still written.
    Closing,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    async fn run(mut self) -> io::Result<()> {
        loop {
            self.handle_input();
            if self.phase == Phase::Closing && self.output.is_empty() {
                return self.writer.shutdown().await;
            }
            let reads = self.wants_to_read();
            if reads {
                self.make_room();
            }
            tokio::select! {
                read = self.reader.read_buf(&mut self.input), if reads => {
                    if read? == 0 {
                        return Ok(());
                    }
                }
                written = self.writer.write(&self.output), if !self.output.is_empty() => {
                    self.output.advance(written?);
                    if self.output.is_empty() {
                        // What TLS may still hold back.
                        self.writer.flush().await?;
                    }
                }
                Some(answer) = self.held.recv() => self.take(answer),
            }
        }
    }

    /// Handles what was read, until an answer is delayed or too many answers are not read.
    fn handle_input(&mut self) {
        while self.phase == Phase::Open && self.output.len() < OUTPUT_BYTES_MAX {
            match self.frames.next(&mut self.input) {
                Ok(None) => return,
                Err(_) => self.phase = Phase::Closing,
                Ok(Some(frame)) => {
                    let Guard { shared, broker, id } = &self.guard;
                    let answer = shared.handle(*broker, *id, frame);
                    self.take(answer);
                }
            }
        }
    }

    fn take(&mut self, answer: Answer) {
        self.phase = match answer {
            Answer::Delayed => Phase::Waiting,
            Answer::Close => Phase::Closing,
            Answer::Nothing => Phase::Open,
            Answer::Cut(start) => {
                self.output.extend_from_slice(&start);
                Phase::Closing
            }
            Answer::Send(frame) => {
                self.output.extend_from_slice(&frame);
                Phase::Open
            }
        };
    }

    /// Room for the frame that is announced, but never much more than what has arrived.
    fn make_room(&mut self) {
        let missing = self.frames.missing_bytes(&self.input).unwrap_or(0);
        self.input
            .reserve(missing.clamp(READ_BYTES_MIN, READ_BYTES_MAX));
    }

    fn wants_to_read(&self) -> bool {
        match self.phase {
            Phase::Open => self.output.len() < OUTPUT_BYTES_MAX,
            Phase::Waiting => self.input.len() < UNHANDLED_BYTES_MAX,
            Phase::Closing => false,
        }
    }
}

/// How much is read at once.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;
/// Beyond this, a client that does not read its answers is not read either.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What is read while an answer is delayed.
const UNHANDLED_BYTES_MAX: usize = 64 * 1024;
