//! What was asked of one broker and not answered yet.
//!
//! A broker answers the requests of a connection in their order, so the oldest question is always
//! the one answered next, and the one that times out first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_wire::Version;

use crate::engine::produce::lane::LaneKey;
use crate::engine::produce::unresolved::topic_id::Evidence;
use crate::engine::transaction::ask::Ask;

/// The unanswered requests of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    requests: VecDeque<Asked>,
    produce: usize,
    next_correlation_id: i32,
}

/// One request on its way.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) correlation_id: i32,
    pub(crate) version: Version,
    /// When its connection is given up.
    pub(crate) deadline: Instant,
    pub(crate) way: Way,
    pub(crate) what: What,
}

/// How far a request is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its batches are being compressed: nobody else is waited for.
    Compressing,
    /// The socket and the broker have had it since then.
    Out { since: Instant },
}

/// Which answer is expected.
#[derive(Debug)]
pub(crate) enum What {
    /// What the broker speaks.
    ApiVersions,
    /// The cluster: its brokers, and these topics.
    Metadata { topics: Vec<Arc<str>> },
    /// A producer id.
    ProducerId,
    /// How long the broker remembers a producer.
    Expiration,
    /// Whether these batches are in the log.
    Inquiry(Vec<Sent>),
    /// Whether the log that this was seen of is that of the topic the batch was sent to.
    TopicCheck(Sent, Evidence),
    /// Something about transactions.
    Transaction(Ask),
    /// The fate of these batches.
    Produce(Vec<Sent>),
}

impl What {
    fn lanes(&self) -> Vec<LaneKey> {
        match self {
            Self::Produce(sent) | Self::Inquiry(sent) => {
                sent.iter().map(|sent| sent.lane).collect()
            }
            Self::TopicCheck(about, _) => vec![about.lane],
            Self::Transaction(ask) => ask.lanes().to_vec(),
            Self::ApiVersions | Self::Metadata { .. } | Self::ProducerId | Self::Expiration => {
                Vec::new()
            }
        }
    }
}

/// One batch in a produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) lane: LaneKey,
    pub(crate) serial: u64,
}

impl InFlight {
    /// The id of the next request; ids wrap around within the positive numbers.
    pub(crate) fn correlation_id(&mut self) -> i32 {
        let id = self.next_correlation_id;
        self.next_correlation_id = id.checked_add(1).unwrap_or_default();
        id
    }

    pub(crate) fn push(&mut self, asked: Asked) {
        self.produce += usize::from(matches!(asked.what, What::Produce(_)));
        self.requests.push_back(asked);
    }

    /// Takes the request that an answer with this id belongs to, which must be the oldest.
    pub(crate) fn answered(&mut self, correlation_id: i32) -> Option<Asked> {
        if self.requests.front()?.correlation_id != correlation_id {
            return None;
        }
        self.pop()
    }

    /// What is to be answered next.
    pub(crate) fn oldest(&self) -> Option<&What> {
        self.requests.front().map(|asked| &asked.what)
    }

    /// Takes a request back that was never written.
    pub(crate) fn withdrawn(&mut self, correlation_id: i32) -> Option<Asked> {
        let found = self
            .requests
            .iter()
            .position(|asked| asked.correlation_id == correlation_id)?;
        let asked = self.requests.remove(found)?;
        self.produce -= usize::from(matches!(asked.what, What::Produce(_)));
        Some(asked)
    }

    /// Notes how far a request is.
    pub(crate) fn note(&mut self, correlation_id: i32, way: Way) {
        // The youngest are the ones that are not written yet.
        let mut youngest_first = self.requests.iter_mut().rev();
        if let Some(asked) = youngest_first.find(|asked| asked.correlation_id == correlation_id) {
            asked.way = way;
        }
    }

    /// Whether batches are being compressed for one of them.
    pub(crate) fn is_compressing(&self) -> bool {
        self.requests
            .iter()
            .any(|asked| asked.way == Way::Compressing)
    }

    /// The lanes that an answer will be about; some of them more than once.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = LaneKey> {
        self.requests.iter().flat_map(|asked| asked.what.lanes())
    }

    /// How many produce requests there are: what `max.in.flight.requests.per.connection` bounds.
    pub(crate) fn produce(&self) -> usize {
        self.produce
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// When the oldest request times out.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.requests.front().map(|asked| asked.deadline)
    }

    /// Gives every request more time for its answer.
    pub(crate) fn postpone(&mut self, by: Duration) {
        for asked in &mut self.requests {
            asked.deadline += by;
        }
    }

    /// Takes everything, because the connection is lost.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Asked> {
        self.produce = 0;
        std::mem::take(&mut self.requests).into_iter()
    }

    fn pop(&mut self) -> Option<Asked> {
        let asked = self.requests.pop_front()?;
        self.produce -= usize::from(matches!(asked.what, What::Produce(_)));
        Some(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(in_flight: &mut InFlight, what: What) -> i32 {
        let correlation_id = in_flight.correlation_id();
        let version = Version::of(0, None);
        in_flight.push(Asked {
            correlation_id,
            version,
            deadline: Instant::now(),
            way: Way::Out {
                since: Instant::now(),
            },
            what,
        });
        correlation_id
    }

    #[test]
    fn only_the_oldest_request_can_be_answered() {
        let mut in_flight = InFlight::default();
        let first = ask(&mut in_flight, What::ApiVersions);
        let second = ask(&mut in_flight, What::Produce(Vec::new()));
        assert!(in_flight.answered(second).is_none());
        assert!(in_flight.answered(first).is_some());
        assert_eq!((in_flight.len(), in_flight.produce()), (1, 1));
        assert!(in_flight.answered(second).is_some());
        assert_eq!((in_flight.len(), in_flight.produce()), (0, 0));
        assert!(in_flight.answered(second).is_none());
    }

    #[test]
    fn correlation_ids_wrap_to_zero() {
        let mut in_flight = InFlight {
            next_correlation_id: i32::MAX,
            ..InFlight::default()
        };
        assert_eq!(in_flight.correlation_id(), i32::MAX);
        assert_eq!(in_flight.correlation_id(), 0);
    }
}
