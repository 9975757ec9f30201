//! A sink of records, where a stream of `futures` ends in Kafka (feature `sink`).
//!
//! It sends as [`Producer::send_with`](crate::Producer::send_with) does: a record is taken when it is in its batch or
//! waits for that, and outcomes are not waited for before the sink is flushed.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_sink::Sink;

use crate::callback::Call;
use crate::error::{DeliveryError, InCallback, SendError};
use crate::owned_record::OwnedRecord;
use crate::producer::Producer;
use crate::record::{ProducerRecord, RecordMetadata};

/// What [`Producer::sink`] returns.
///
/// It is ready when the record before it is in its batch: so a stream is held up while memory is full or a topic is
/// not known, at most `max.block.ms` for each record. To flush it is to wait until everything that was sent to the
/// **producer** has an outcome; to close it is to flush it, and the producer stays open.
///
/// The first record that fails is an error of the next call that can tell, and of that one alone: what was accepted
/// besides is sent all the same. Dropped, the sink loses nothing but a record that waits; so does a `start_send` that
/// no `poll_ready` went before, against the contract of [`Sink`].
///
/// ```no_run
/// # use kafka_producer::{OwnedRecord, Producer, SinkError};
/// # use futures_sink::Sink;
/// # use std::{future::poll_fn, pin::pin};
/// type Order = OwnedRecord<String, String>;
///
/// # async fn example(producer: Producer<str, str>, orders: Vec<Order>) -> Result<(), SinkError> {
/// let mut sink = pin!(producer.sink());
/// for order in orders {
///     poll_fn(|context| Sink::<Order>::poll_ready(sink.as_mut(), context)).await?;
///     sink.as_mut().start_send(order)?;
/// }
/// poll_fn(|context| Sink::<Order>::poll_flush(sink.as_mut(), context)).await
/// # }
/// ```
///
/// With the crate `futures` that is `orders.map(Ok).forward(producer.sink()).await`.
#[must_use = "a sink does nothing unless records are sent to it"]
pub struct RecordSink<K: ?Sized, V: ?Sized> {
    producer: Producer<K, V>,
    /// The record that was sent last, while it waits.
    waiting: Option<Boxed<Result<(), SendError>>>,
    flush: Option<Boxed<Result<(), InCallback>>>,
    failed: Arc<Mutex<Option<DeliveryError>>>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why a sink did not take a record, or what became of one that it took.
///
/// ```
/// use kafka_producer::SinkError;
///
/// fn is_lost(error: &SinkError) -> bool {
///     matches!(error, SinkError::NotAccepted(_))
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A record was not accepted.
    #[error(transparent)]
    NotAccepted(#[from] SendError),
    /// A record was accepted, and has failed.
    #[error(transparent)]
    Failed(#[from] DeliveryError),
    /// It was flushed in a callback, which must not wait.
    #[error(transparent)]
    InCallback(#[from] InCallback),
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// A sink of records: the end of a stream (feature `sink`).
    ///
    /// [`RecordSink`] has an example.
    pub fn sink(&self) -> RecordSink<K, V> {
        RecordSink {
            producer: self.clone(),
            waiting: None,
            flush: None,
            failed: Arc::default(),
        }
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> RecordSink<K, V> {
    fn ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        ready!(self.accepted(context))?;
        Poll::Ready(self.take_failure())
    }

    /// Whether the record that was sent last is in its batch.
    fn accepted(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(()));
        };
        let appended = ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        Poll::Ready(appended)
    }

    fn send(&mut self, mut record: ProducerRecord<'_, K, V>) -> Result<(), SinkError> {
        self.producer.check_not_transactional()?;
        // One that was begun before does not wait for this record.
        self.flush = None;
        let failed = Arc::clone(&self.failed);
        let note = move |outcome: Result<RecordMetadata, &DeliveryError>| {
            if let Err(error) = outcome {
                let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| error.clone());
            }
        };
        let sender = self.producer.sender();
        if let Err(not_appended) = sender.try_append::<()>(&mut record, Call(note)) {
            let producer = self.producer.clone();
            self.waiting = Some(Box::pin(async move {
                producer.sender().append_pending(not_appended).await
            }));
        }
        Ok(())
    }

    fn flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        ready!(self.accepted(context))?;
        let producer = &self.producer;
        let flush = self.flush.get_or_insert_with(|| {
            let producer = producer.clone();
            Box::pin(async move { producer.flush().await })
        });
        let flushed = ready!(flush.as_mut().poll(context));
        self.flush = None;
        flushed?;
        Poll::Ready(self.take_failure())
    }

    fn take_failure(&self) -> Result<(), SinkError> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// What a sink of either kind of record does alike.
macro_rules! polled {
    () => {
        type Error = SinkError;

        fn poll_ready(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Result<(), SinkError>> {
            self.ready(context)
        }

        fn poll_flush(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Result<(), SinkError>> {
            self.flush(context)
        }

        fn poll_close(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Result<(), SinkError>> {
            self.flush(context)
        }
    };
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Sink<ProducerRecord<'_, K, V>> for RecordSink<K, V> {
    polled!();

    fn start_send(
        mut self: Pin<&mut Self>,
        record: ProducerRecord<'_, K, V>,
    ) -> Result<(), SinkError> {
        self.send(record)
    }
}

impl<K, V, K2, V2> Sink<OwnedRecord<K2, V2>> for RecordSink<K, V>
where
    K: ?Sized + 'static,
    V: ?Sized + 'static,
    K2: Borrow<K>,
    V2: Borrow<V>,
{
    polled!();

    fn start_send(mut self: Pin<&mut Self>, record: OwnedRecord<K2, V2>) -> Result<(), SinkError> {
        self.send(record.lend())
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for RecordSink<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSink")
            .field("is_waiting", &self.waiting.is_some())
            .finish_non_exhaustive()
    }
}
