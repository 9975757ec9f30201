//! Dialers and streams that stall, fail and panic: each costs its connection, and no record.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use kafka_producer::{BoxedStream, Dialer};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};
use tokio::net::TcpStream;

use crate::{builder, is_told, kafka, sends};

/// What is wrong.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    /// Written bytes stand in a buffer until they are flushed.
    Buffers,
    /// The first connections take some bytes of a large request, then nothing more, like a host that is gone.
    Stalls,
    /// The first connections panic when they are read.
    PanicsInRead,
    /// The first dials panic.
    PanicsInDial,
}

/// TCP, with something wrong.
#[derive(Debug)]
struct Tcp {
    wrong: Wrong,
    dials: Arc<AtomicU32>,
}

/// A stream that takes so many bytes and never more, or panics.
struct Broken {
    stream: TcpStream,
    wrong: Wrong,
    takes_bytes: usize,
}

const FIRST: u32 = 4;

#[async_trait::async_trait]
impl Dialer for Tcp {
    async fn dial(&self, host: &str, port: u16, deadline: Instant) -> io::Result<BoxedStream> {
        let dials = self.dials.fetch_add(1, Ordering::Relaxed);
        // Timers of tokio's work as its sockets do.
        let stream = TcpStream::connect((host, port));
        let stream = tokio::time::timeout_at(deadline.into(), stream).await??;
        let wrong = match dials < FIRST {
            true => self.wrong,
            false => Wrong::Nothing,
        };
        match (wrong, self.wrong) {
            (Wrong::PanicsInDial, _) => panic!("a dialer's defect"),
            (_, Wrong::Buffers) => Ok(Box::new(BufWriter::with_capacity(1 << 16, stream))),
            (Wrong::Nothing, _) => Ok(Box::new(stream)),
            _ => Ok(Box::new(Broken {
                stream,
                wrong,
                takes_bytes: 300,
            })),
        }
    }
}

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.wrong {
            Wrong::PanicsInRead => panic!("a stream's defect"),
            _ => Pin::new(&mut self.stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Broken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let takes = bytes.len().min(self.takes_bytes);
        if takes == 0 {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(context, &bytes[..takes]);
        if let Poll::Ready(Ok(written)) = written {
            self.takes_bytes -= written;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// All records arrive, after so many dials at least.
async fn arrives(wrong: Wrong, dials_min: u32) {
    let kafka = kafka().await;
    let dials = Arc::default();
    let dialer = Tcp {
        wrong,
        dials: Arc::clone(&dials),
    };
    let producer = builder(&kafka.bootstrap_servers(), dialer)
        .set("request.timeout.ms", "300")
        .set("reconnect.backoff.ms", "1");
    sends(&kafka, producer.build().unwrap(), 200).await;
    let dials = dials.load(Ordering::Relaxed);
    assert!(dials >= dials_min, "{wrong:?}: {dials}");
}

#[tokio::test]
async fn a_stream_with_a_buffer_is_flushed() {
    // The broker goes on with the connection of the bootstrap server, whose address is its own.
    arrives(Wrong::Buffers, 1).await;
}

#[tokio::test]
async fn a_broker_that_reads_no_more_is_given_up_and_its_records_go_on_another_connection() {
    arrives(Wrong::Stalls, FIRST + 1).await;
}

#[tokio::test]
async fn a_panic_of_a_stream_or_a_dialer_costs_that_connection_alone() {
    arrives(Wrong::PanicsInRead, FIRST + 1).await;
    arrives(Wrong::PanicsInDial, FIRST + 1).await;
}

#[tokio::test]
async fn a_broker_that_reads_no_more_is_told_of_with_request_timeout_ms() {
    let kafka = kafka().await;
    let dialer = Stalled;
    let hasty = builder(&kafka.bootstrap_servers(), dialer)
        .set("request.timeout.ms", "300")
        .set("max.block.ms", "800");
    is_told(
        &hasty.build().unwrap(),
        "no answer within request.timeout.ms=300",
    )
    .await;
}

/// Opens streams that take nothing at all.
#[derive(Debug)]
struct Stalled;

#[async_trait::async_trait]
impl Dialer for Stalled {
    async fn dial(&self, host: &str, port: u16, _: Instant) -> io::Result<BoxedStream> {
        Ok(Box::new(Broken {
            stream: TcpStream::connect((host, port)).await?,
            wrong: Wrong::Stalls,
            takes_bytes: 0,
        }))
    }
}
