//! A record that has to wait: for metadata of its topic, then for memory, with its bytes copied.
//!
//! Both waits together end after `max.block.ms`, and it is the engine that ends them. Nothing is in a
//! batch before the last step, which does not wait; so a `send` that is dropped on the way leaves nothing
//! behind.

use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Queue, Reservation, Reserve, ReserveError};
use kafka_serde::Headers;

use crate::append::{Destination, NotAppended, RecordAppender, SerializedRecord, WaitsFor};
use crate::delivery::{OutcomeCallback, SendReceipt};
use crate::engine::Wait;
use crate::error::{DeliveryError, SendError};
use crate::interception::Ticket;
use crate::timed::Timed;

/// The record and what it waits for.
pub(crate) struct PendingRecord {
    topic: Arc<str>,
    destination: Destination,
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
    callback: Option<OutcomeCallback>,
    /// If it is intercepted.
    ticket: Option<Arc<Ticket>>,
    waits_for: WaitsFor,
}

impl PendingRecord {
    pub(crate) fn new(
        topic: &str,
        record: &SerializedRecord<'_>,
        callback: Option<OutcomeCallback>,
        waits_for: WaitsFor,
    ) -> Self {
        Self {
            topic: topic.into(),
            destination: record.destination,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.clone(),
            callback,
            ticket: None,
            waits_for,
        }
    }

    /// Its outcome is to be told to interceptors.
    pub(crate) fn with_ticket(mut self, ticket: Arc<Ticket>) -> Self {
        self.ticket = Some(ticket);
        self
    }

    /// How many bytes key, value and headers take.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len));
        let parts = [&self.key, &self.value].map(|part| part.as_ref().map_or(0, Vec::len));
        parts.into_iter().chain(headers).sum()
    }

    /// The record is not accepted, for this reason.
    pub(crate) fn refuse(self, error: SendError) -> SendError {
        if let Some(ticket) = &self.ticket {
            ticket.not_accepted(&error);
        }
        error
    }

    /// Appends the record if it can be done without waiting, with memory that is there though others
    /// wait for the backlog to get smaller. Else returns what it would have to wait for; its topic has
    /// been asked for then.
    pub(crate) fn append_now<R: SendReceipt>(
        mut self,
        appender: &RecordAppender,
    ) -> Result<R, WaitsFor> {
        let appended = self.try_append_now(appender);
        if let (Err(waits_for), Some(ticket)) = (&appended, &self.ticket) {
            ticket.given_back(*waits_for);
        }
        appended
    }

    fn try_append_now<R: SendReceipt>(&mut self, appender: &RecordAppender) -> Result<R, WaitsFor> {
        match self.waits_for {
            WaitsFor::Metadata => {
                // Nobody waits for the answer: it is in the next snapshot.
                drop(appender.ask_for(&self.topic, self.named()));
                Err(self.waits_for)
            }
            WaitsFor::Memory { partition, bytes } => {
                let queue = appender.queue(&self.topic, partition);
                let reserved = queue.and_then(|queue| queue.reserve_despite_backlog(bytes));
                let reserved = reserved.ok_or(self.waits_for)?;
                self.try_append(appender, Some(reserved))
                    .map_err(|_| self.waits_for)
            }
        }
    }

    /// Waits until the record is in its batch, at most `max.block.ms`.
    pub(crate) async fn append<R: SendReceipt>(
        mut self,
        appender: &RecordAppender,
    ) -> Result<R, SendError> {
        let appended = self.wait_and_append(appender).await;
        appended.map_err(|error| self.refuse(error))
    }

    async fn wait_and_append<R: SendReceipt>(
        &mut self,
        appender: &RecordAppender,
    ) -> Result<R, SendError> {
        let since = Instant::now();
        let deadline = since + appender.max_block();
        loop {
            let reserved = match self.waits_for {
                WaitsFor::Metadata => {
                    // Borrowing `self` across an await would make the future of `send` not `Send`.
                    let name = Arc::clone(&self.topic);
                    let handle = appender.handle();
                    let _timed = Timed::begin(handle, Wait::Metadata);
                    let wait = handle.ask_for_topic(name, self.named(), since, deadline);
                    wait.await.unwrap_or_else(|_| Err(appender.why_closed()))?;
                    None
                }
                WaitsFor::Memory { partition, bytes } => {
                    // Without its queue the partition is gone, and the topic is to be asked for.
                    match appender.queue(&self.topic, partition) {
                        Some(queue) => {
                            Some(wait_for_memory(appender, &queue, bytes, since, deadline).await?)
                        }
                        None => None,
                    }
                }
            };
            match self.try_append(appender, reserved) {
                Ok(receipt) => return Ok(receipt),
                Err(not_appended) => match *not_appended {
                    NotAppended::Waits(waits_for) => self.waits_for = waits_for,
                    NotAppended::Refused(error) => return Err(error),
                },
            }
        }
    }

    /// The partition that the record names.
    fn named(&self) -> Option<i32> {
        match self.destination {
            Destination::Named(partition) => Some(partition),
            Destination::Any | Destination::Chosen(_) | Destination::Number(_) => None,
        }
    }

    /// Appends the record with memory that was reserved for it before, or with other memory; it does not wait.
    pub(crate) fn append_reserved<R: SendReceipt>(
        mut self,
        appender: &RecordAppender,
        reserved: Reservation,
    ) -> Result<R, Box<(NotAppended, Self)>> {
        let appended = match self.waits_for {
            WaitsFor::Metadata => Err(Box::new(NotAppended::Waits(self.waits_for))),
            WaitsFor::Memory { .. } => self.try_append(appender, Some(reserved)),
        };
        appended.map_err(|why| Box::new((*why, self)))
    }

    fn try_append<R: SendReceipt>(
        &mut self,
        appender: &RecordAppender,
        reserved: Option<Reservation>,
    ) -> Result<R, Box<NotAppended>> {
        let destination = match (self.destination, self.waits_for) {
            (Destination::Any, WaitsFor::Memory { partition, .. }) => {
                Destination::Chosen(partition)
            }
            (destination, _) => destination,
        };
        let record = SerializedRecord {
            destination,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        };
        let cluster = appender.handle().cluster();
        let mut new = record.for_batch(self.callback.take());
        let appended =
            appender.append_out_of_line(&cluster, &self.topic, &record, reserved, &mut new);
        self.callback = new.callback;
        appended.map(|appended| R::new(appended, record.facts()))
    }
}

async fn wait_for_memory(
    appender: &RecordAppender,
    queue: &Arc<Queue<DeliveryError>>,
    bytes: usize,
    since: Instant,
    deadline: Instant,
) -> Result<Reservation, SendError> {
    granted(appender, queue.reserve(bytes, deadline), bytes, since).await
}

/// What the wait for memory gives, which began `since`; or why there is none.
pub(crate) async fn granted(
    appender: &RecordAppender,
    reserve: Reserve,
    bytes: usize,
    since: Instant,
) -> Result<Reservation, SendError> {
    let buffer_memory = appender.accumulator().memory_total();
    let timed = Timed::begin(appender.handle(), Wait::Memory);
    let error = match reserve.await {
        Ok(reserved) => return Ok(reserved),
        Err(error) => error,
    };
    drop(timed);
    Err(match error {
        ReserveError::TimedOut { .. } => {
            appender.handle().measurements().callers().exhausted();
            SendError::BufferExhausted {
                waited: since.elapsed(),
                buffer_memory,
                last: appender.handle().why_short(since).await,
            }
        }
        ReserveError::TooLarge { .. } => SendError::RecordTooLarge {
            bytes,
            setting: "buffer.memory",
            limit: buffer_memory,
        },
        _ => appender.why_closed(),
    })
}
