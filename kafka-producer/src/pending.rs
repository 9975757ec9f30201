//! A record that has to wait: for its topic, then for memory, with its bytes copied.
//!
//! Both waits together end after `max.block.ms`. Nothing is in a batch before the last step, which
//! does not wait; so a `send` that is dropped on the way leaves nothing behind.

use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Reservation, ReserveError};
use kafka_serde::Headers;

use crate::append::{Obstacle, RecordAppender, SerializedRecord};
use crate::delivery::Delivery;
use crate::error::SendError;
use crate::producer::{OutcomeCallback, WaitsFor};

/// The record and what it waits for.
pub(crate) struct PendingRecord {
    topic: Arc<str>,
    partition: Option<i32>,
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
    callback: Option<OutcomeCallback>,
    needs: Needs,
}

/// What a record waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The partitions of its topic, or the one that it names.
    Topic,
    /// Memory for a new batch in the partition that was chosen for it.
    Memory {
        /// Kept, so that the partitioner is asked once.
        partition: i32,
        /// How much.
        bytes: usize,
    },
}

impl PendingRecord {
    pub(crate) fn new(
        topic: &str,
        record: &SerializedRecord<'_>,
        callback: Option<OutcomeCallback>,
        needs: Needs,
    ) -> Self {
        Self {
            topic: topic.into(),
            partition: record.partition,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.clone(),
            callback,
            needs,
        }
    }

    /// What does not wait: takes memory that is there, though others wait for the backlog to get
    /// smaller; else says what it would have to wait for, and asks for the topic.
    pub(crate) fn try_complete(mut self, appender: &RecordAppender) -> Result<Delivery, WaitsFor> {
        match self.needs {
            Needs::Topic => {
                // Nobody waits for the answer: it is in the next snapshot.
                drop(appender.ask_for(&self.topic, self.partition));
                Err(WaitsFor::Metadata)
            }
            Needs::Memory { bytes, .. } => {
                let reserved = appender.accumulator.reserve_despite_backlog(bytes);
                let reserved = reserved.ok_or(WaitsFor::Memory)?;
                self.try_append(appender, Some(reserved))
                    .map_err(|_| WaitsFor::Memory)
            }
        }
    }

    /// Waits until the record is in its batch, at most `max.block.ms`.
    pub(crate) async fn complete(
        mut self,
        appender: &RecordAppender,
    ) -> Result<Delivery, SendError> {
        let since = Instant::now();
        let deadline = since + appender.settings.max_block;
        loop {
            let reserved = match self.needs {
                Needs::Topic => {
                    // Borrowing `self` across an await would make the future of `send` not `Send`.
                    let name = Arc::clone(&self.topic);
                    let wait = appender
                        .desk
                        .ask_for_topic(name, self.partition, since, deadline);
                    wait.await.unwrap_or_else(|_| Err(appender.refusal()))?;
                    None
                }
                Needs::Memory { bytes, .. } => {
                    Some(wait_for_memory(appender, bytes, since, deadline).await?)
                }
            };
            match self.try_append(appender, reserved) {
                Ok(delivery) => return Ok(delivery),
                Err(obstacle) => match *obstacle {
                    Obstacle::NoTopic => self.needs = Needs::Topic,
                    Obstacle::NoMemory { partition, bytes } => {
                        self.needs = Needs::Memory { partition, bytes };
                    }
                    Obstacle::Refused(error) => return Err(error),
                },
            }
        }
    }

    fn try_append(
        &mut self,
        appender: &RecordAppender,
        reserved: Option<Reservation>,
    ) -> Result<Delivery, Box<Obstacle>> {
        let partition = match self.needs {
            Needs::Topic => self.partition,
            Needs::Memory { partition, .. } => Some(partition),
        };
        let record = SerializedRecord {
            partition,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        };
        let cluster = appender.desk.cluster();
        let mut new = record.for_batch(self.callback.take());
        let appended = appender.append(&cluster, &self.topic, &record, reserved, &mut new);
        self.callback = new.callback;
        appended.map(|inner| Delivery::new(inner, self.timestamp_ms))
    }
}

async fn wait_for_memory(
    appender: &RecordAppender,
    bytes: usize,
    since: Instant,
    deadline: Instant,
) -> Result<Reservation, SendError> {
    let buffer_memory = appender.accumulator.memory_total();
    let error = match appender.accumulator.reserve(bytes, deadline).await {
        Ok(reserved) => return Ok(reserved),
        Err(error) => error,
    };
    Err(match error {
        ReserveError::TimedOut { .. } => SendError::BufferExhausted {
            waited: since.elapsed(),
            buffer_memory,
            last: appender.desk.why_short(since).await,
        },
        ReserveError::TooLarge { .. } => SendError::RecordTooLarge {
            bytes,
            setting: "buffer.memory",
            limit: buffer_memory,
        },
        _ => appender.refusal(),
    })
}
