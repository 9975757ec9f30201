//! What a request on its way is answered with, and whom the answer concerns.
//!
//! It is noted when a request is sent, beside its correlation id (`in_flight.rs`), and read when the
//! response comes, or when it is known that none will. Data only: nothing is decided here.

use std::sync::Arc;

use crate::engine::cluster::destination::Destination;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::transaction::ask::Ask;

/// The response that is expected, and what it is about.
#[derive(Debug)]
pub(crate) enum ExpectedResponse {
    /// What the broker speaks; and where the connection is meant to lead, if it was told.
    ApiVersions(Option<Destination>),
    /// Whether the broker takes our SASL mechanism.
    SaslHandshake,
    /// What the broker says to what the mechanism has said.
    SaslAuthenticate,
    /// The cluster: its brokers, and these topics.
    Metadata { topics: Vec<Arc<str>> },
    /// A producer id.
    InitProducerId,
    /// How long the broker remembers a producer.
    DescribeConfigs,
    /// Whether these batches are in the log.
    DescribeProducers(Vec<BatchRef>),
    /// Whether the log that this was seen of is that of the topic the batch was sent to.
    TopicId(BatchRef, Evidence),
    /// Which metrics are wanted.
    Subscription,
    /// Whether metrics were taken.
    MetricsPush,
    /// Something about transactions.
    Transaction(Ask),
    /// What became of these batches.
    Produce(Vec<BatchRef>),
}

impl ExpectedResponse {
    /// Whether it is part of a login, or of its renewal.
    pub(crate) fn is_of_login(&self) -> bool {
        matches!(self, Self::SaslHandshake | Self::SaslAuthenticate)
    }

    /// The lanes that it is about; perhaps some of them more than once.
    pub(crate) fn lanes(&self) -> Vec<LaneKey> {
        match self {
            Self::Produce(batches) | Self::DescribeProducers(batches) => {
                batches.iter().map(|batch| batch.lane).collect()
            }
            Self::TopicId(batch, _) => vec![batch.lane],
            Self::Transaction(ask) => ask.lanes().to_vec(),
            Self::ApiVersions(_)
            | Self::SaslHandshake
            | Self::SaslAuthenticate
            | Self::Metadata { .. }
            | Self::InitProducerId
            | Self::DescribeConfigs
            | Self::Subscription
            | Self::MetricsPush => Vec::new(),
        }
    }
}

/// A batch that was sent: its lane, and what identifies it there (`Slot::serial`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchRef {
    pub(crate) lane: LaneKey,
    pub(crate) serial: u64,
}

/// What was seen of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A later batch was acknowledged.
    Acknowledged,
    /// A later one is in: the log takes this sequence next.
    Sequence(i32),
    /// The batch is not in, so that none of those behind it are.
    Gap,
}
