//! A stream that a [`Dialer`](crate::Dialer) has opened.
//!
//! It is code of others, but nothing waits in it: it is polled by the task, on the producer's own thread, and
//! never by a caller's step. Whatever it does wrong, a panic included, is an error of this connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use kafka_accumulator::{Panic, catch_panic};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dialer::BoxedStream;

/// A stream of others.
pub(crate) struct Foreign {
    /// Always there, but while it is dropped.
    stream: Option<BoxedStream>,
    flush: Flush,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flush {
    Done,
    /// Bytes that it took may stand in its own buffer.
    Due,
}

impl Foreign {
    pub(crate) fn new(stream: BoxedStream) -> Self {
        Self {
            stream: Some(stream),
            flush: Flush::Done,
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.flush == Flush::Done
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.call(|stream| stream.poll_read(context, buffer))
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flush = Flush::Due;
        let given: usize = slices.iter().map(|slice| slice.len()).sum();
        let written = self.call(|stream| stream.poll_write_vectored(context, slices));
        match written {
            Poll::Ready(Ok(written)) if written > given => Poll::Ready(Err(io::Error::other(
                "the dialer's stream took more than it was given",
            ))),
            written => written,
        }
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flush == Flush::Due {
            std::task::ready!(self.call(|stream| stream.poll_flush(context)))?;
            self.flush = Flush::Done;
        }
        Poll::Ready(Ok(()))
    }

    fn call<T>(
        &mut self,
        call: impl FnOnce(Pin<&mut BoxedStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let stream = Pin::new(stream);
        catch_panic(|| call(stream)).unwrap_or_else(|panic| Poll::Ready(Err(defect(&panic))))
    }
}

fn defect(panic: &Panic) -> io::Error {
    io::Error::other(format!("the dialer's stream panicked: {panic}"))
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let stream = self.stream.take();
        let _ = catch_panic(|| drop(stream));
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Panics, or takes more than there is.
    struct Defective {
        takes: Option<usize>,
    }

    impl AsyncRead for Defective {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            panic!("a stream's defect")
        }
    }

    impl AsyncWrite for Defective {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(self.takes.expect("a stream's defect")))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Drop for Defective {
        fn drop(&mut self) {
            panic!("a destructor's defect");
        }
    }

    fn told<T: std::fmt::Debug>(polled: Poll<io::Result<T>>) -> String {
        match polled {
            Poll::Ready(Err(error)) => error.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_stream_that_is_defective_is_an_error_of_its_connection() {
        let mut context = Context::from_waker(Waker::noop());
        let slices = [IoSlice::new(b"tea")];
        for (takes, expected) in [
            (None, "the dialer's stream panicked: a stream's defect"),
            (Some(4), "the dialer's stream took more than it was given"),
            (Some(3), "Ready(Ok(3))"),
        ] {
            let mut stream = Foreign::new(Box::new(Defective { takes }));
            let mut piece = [0; 8];
            let read = stream.poll_read(&mut context, &mut ReadBuf::new(&mut piece));
            assert_eq!(
                told(read),
                "the dialer's stream panicked: a stream's defect"
            );
            assert!(stream.is_flushed());
            assert_eq!(told(stream.poll_write(&mut context, &slices)), expected);
            assert!(stream.poll_flush(&mut context).is_pending() && !stream.is_flushed());
        }
    }
}
