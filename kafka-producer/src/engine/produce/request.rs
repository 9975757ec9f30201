//! What the engine gives the driver to write.
//!
//! A produce request has no bytes yet: the driver compresses its batches where that is asked for, then calls
//! [`PendingProduce::frame`], which writes each header with its CRC-32C and lines the pieces up for one
//! vectored write. None of a batch's bytes is copied.

use std::fmt;
use std::sync::Arc;

use kafka_accumulator::Batch;
use kafka_wire::compression::Compression;
use kafka_wire::records::{Attributes, BatchHeader};
use kafka_wire::{EncodeError, FrameChunks, ProduceFrame, Uuid, Version};

use bytes::Bytes;

use crate::engine::produce::lane::slot::Number;
use crate::error::DeliveryError;

/// One request.
#[derive(Debug)]
pub struct Outgoing {
    /// Its correlation id, for [`Input::Written`](crate::engine::Input::Written).
    pub correlation_id: i32,
    /// Whether the engine wants to know when it is written.
    pub confirm: Confirm,
    /// Its content.
    pub payload: Payload,
}

/// Whether the engine wants to know when a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// The broker will answer.
    Answered,
    /// The broker will not (`acks=0`): writing it is the end.
    Written,
}

/// The content of a request.
pub enum Payload {
    /// A whole frame.
    Whole(Bytes),
    /// Batches, to be framed when the socket can take them.
    Produce(PendingProduce),
}

/// A frame may hold a password, so its bytes are not printed.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(frame) => write!(f, "Whole({} bytes)", frame.len()),
            Self::Produce(produce) => f.debug_tuple("Produce").field(produce).finish(),
        }
    }
}

/// A produce request whose batches are not framed yet.
#[derive(Debug)]
pub struct PendingProduce {
    pub(crate) version: Version,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Arc<str>,
    /// Whose batches belong to a transaction.
    pub(crate) transactional_id: Option<Arc<str>>,
    pub(crate) acks: i16,
    pub(crate) timeout_ms: i32,
    /// In the order of their topics.
    pub(crate) batches: Vec<NumberedBatch>,
}

/// One batch of a request, with the numbers of this attempt.
#[derive(Debug)]
pub(crate) struct NumberedBatch {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    /// `None` without idempotence.
    pub(crate) number: Option<Number>,
    pub(crate) batch: Arc<Batch<DeliveryError>>,
}

impl PendingProduce {
    /// The batches, for compression before [`frame`](Self::frame).
    pub fn batches(&self) -> impl Iterator<Item = &Arc<Batch<DeliveryError>>> {
        self.batches.iter().map(|numbered| &numbered.batch)
    }

    /// The same, each with the name of its topic.
    pub fn batches_by_topic(&self) -> impl Iterator<Item = (&str, &Arc<Batch<DeliveryError>>)> {
        let batches = self.batches.iter();
        batches.map(|numbered| (&*numbered.topic, &numbered.batch))
    }

    /// The request as it goes over the wire: one pass over each batch, for its checksum.
    ///
    /// # Errors
    /// When something in it is longer than the protocol can say: the client id, say, or all of it.
    pub fn frame(&self) -> Result<FrameChunks, EncodeError> {
        let topics = self.batches.chunk_by(NumberedBatch::is_of_topic_of);
        let mut frame = ProduceFrame::begin(
            self.version,
            self.correlation_id,
            Some(&self.client_id),
            self.transactional_id.as_deref(),
            self.acks,
            self.timeout_ms,
            topics.clone().count(),
        );
        frame.reserve(self.batches.len());
        for topic in topics {
            frame.topic(&topic[0].topic, topic[0].topic_id, topic.len());
            for numbered in topic {
                let (records, codec) = numbered.batch.records_and_codec();
                let header = numbered.header(self.attributes(codec)).encode(&records);
                frame.partition(numbered.partition, &header, records);
            }
        }
        frame.finish()
    }

    fn attributes(&self, codec: Compression) -> Attributes {
        let attributes = Attributes::new(codec);
        match self.transactional_id {
            Some(_) => attributes.transactional(),
            None => attributes,
        }
    }
}

impl NumberedBatch {
    /// Partitions of which metadata told at different times may be those of a topic and of the one
    /// that was made anew under its name.
    fn is_of_topic_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.topic, &other.topic) && self.topic_id == other.topic_id
    }

    fn header(&self, attributes: Attributes) -> BatchHeader {
        let unnumbered = unnumbered_header(&self.batch, attributes);
        match self.number {
            Some(number) => BatchHeader {
                producer_id: number.producer().id,
                producer_epoch: number.producer().epoch,
                base_sequence: number.sequence(),
                ..unnumbered
            },
            None => unnumbered,
        }
    }
}

/// The header of a batch without idempotence.
pub(crate) fn unnumbered_header(
    batch: &Batch<DeliveryError>,
    attributes: Attributes,
) -> BatchHeader {
    BatchHeader {
        attributes,
        last_offset_delta: batch.count() as i32 - 1,
        base_timestamp: batch.base_timestamp_ms(),
        max_timestamp: batch.max_timestamp_ms(),
        record_count: batch.count() as i32,
        ..BatchHeader::default()
    }
}
