//! Answers that can be read and are not what was asked: something lacks, is told twice, or is about
//! what nobody asked for.

use bytes::Bytes;
use kafka_wire::messages::ProduceRequest;
use kafka_wire::messages::metadata::MetadataRequest;
use kafka_wire::{ApiKey, Request, Uuid, decode_response, encode_response};

/// What is done to the next answer of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mangling {
    /// One partition of a Produce answer lacks.
    PartitionLacks,
    /// One is told twice.
    PartitionTwice,
    /// One is told that was not asked about.
    PartitionForeign,
    /// One topic of a Metadata answer lacks.
    TopicLacks,
    TopicTwice,
    TopicForeign,
}

impl Mangling {
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        [
            Self::PartitionLacks,
            Self::PartitionTwice,
            Self::PartitionForeign,
            Self::TopicLacks,
            Self::TopicTwice,
            Self::TopicForeign,
        ][random.usize(..6)]
    }

    fn api(self) -> ApiKey {
        match self {
            Self::PartitionLacks | Self::PartitionTwice | Self::PartitionForeign => ApiKey::PRODUCE,
            Self::TopicLacks | Self::TopicTwice | Self::TopicForeign => ApiKey::METADATA,
        }
    }

    /// The answer as it is sent instead, if it is one to such a request.
    pub(crate) fn of(self, api: ApiKey, version: i16, frame: &Bytes) -> Option<Bytes> {
        if api != self.api() {
            return None;
        }
        match self.api() {
            ApiKey::PRODUCE => self.produced(version, frame),
            _ => self.described(version, frame),
        }
    }

    fn produced(self, version: i16, frame: &Bytes) -> Option<Bytes> {
        let version = ProduceRequest::version(version).ok()?;
        let (number, mut answer) =
            decode_response::<ProduceRequest>(frame.slice(4..), version).ok()?;
        let partitions = &mut answer.responses.last_mut()?.partition_responses;
        let last = partitions.last()?.clone();
        match self {
            Self::PartitionLacks => drop(partitions.pop()),
            Self::PartitionTwice => partitions.push(last),
            _ => {
                let mut foreign = last;
                foreign.index = FOREIGN_PARTITION;
                partitions.push(foreign);
            }
        }
        encode_response::<ProduceRequest>(number, version, &answer).ok()
    }

    fn described(self, version: i16, frame: &Bytes) -> Option<Bytes> {
        let version = MetadataRequest::version(version).ok()?;
        let (number, mut answer) =
            decode_response::<MetadataRequest>(frame.slice(4..), version).ok()?;
        let last = answer.topics.last()?.clone();
        match self {
            Self::TopicLacks => drop(answer.topics.pop()),
            Self::TopicTwice => answer.topics.push(last),
            _ => {
                let mut foreign = last;
                foreign.name = Some("foreign".to_owned());
                foreign.topic_id = Uuid([0xf0; 16]);
                answer.topics.push(foreign);
            }
        }
        encode_response::<MetadataRequest>(number, version, &answer).ok()
    }
}

/// No topic of a plan has that many.
const FOREIGN_PARTITION: i32 = 99;
