//! What was asked of one broker and not answered yet.
//!
//! A broker answers the requests of a connection in their order, so the oldest question is always
//! the one answered next, and the one that times out first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kafka_wire::Version;

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::produce::lane::LaneKey;

/// The unanswered requests of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    requests: VecDeque<InFlightRequest>,
    produce: usize,
    next_correlation_id: i32,
}

/// One request on its way.
#[derive(Debug)]
pub(crate) struct InFlightRequest {
    pub(crate) correlation_id: i32,
    pub(crate) version: Version,
    /// When its connection is given up.
    pub(crate) deadline: Instant,
    pub(crate) progress: Progress,
    pub(crate) expected: ExpectedResponse,
}

/// How far a request is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its batches are being compressed: nobody else is waited for.
    Compressing,
    /// The socket and the broker have had it since then.
    Sent { since: Instant },
}

impl InFlight {
    /// The id of the next request; ids wrap around within the positive numbers.
    pub(crate) fn correlation_id(&mut self) -> i32 {
        let id = self.next_correlation_id;
        self.next_correlation_id = id.checked_add(1).unwrap_or_default();
        id
    }

    pub(crate) fn push(&mut self, asked: InFlightRequest) {
        self.produce += usize::from(matches!(asked.expected, ExpectedResponse::Produce(_)));
        self.requests.push_back(asked);
    }

    /// Takes the request that an answer with this id belongs to, which must be the oldest.
    pub(crate) fn answered(&mut self, correlation_id: i32) -> Option<InFlightRequest> {
        if self.requests.front()?.correlation_id != correlation_id {
            return None;
        }
        self.pop()
    }

    /// What is to be answered next.
    pub(crate) fn oldest(&self) -> Option<&ExpectedResponse> {
        self.requests.front().map(|asked| &asked.expected)
    }

    /// Takes a request back that was never written.
    pub(crate) fn withdrawn(&mut self, correlation_id: i32) -> Option<InFlightRequest> {
        let found = self
            .requests
            .iter()
            .position(|asked| asked.correlation_id == correlation_id)?;
        let asked = self.requests.remove(found)?;
        self.produce -= usize::from(matches!(asked.expected, ExpectedResponse::Produce(_)));
        Some(asked)
    }

    /// Notes how far a request is.
    pub(crate) fn note(&mut self, correlation_id: i32, progress: Progress) {
        // The youngest are the ones that are not written yet.
        let mut youngest_first = self.requests.iter_mut().rev();
        if let Some(asked) = youngest_first.find(|asked| asked.correlation_id == correlation_id) {
            asked.progress = progress;
        }
    }

    /// Whether batches are being compressed for one of them.
    pub(crate) fn is_compressing(&self) -> bool {
        self.requests
            .iter()
            .any(|asked| asked.progress == Progress::Compressing)
    }

    /// The lanes that an answer will be about; some of them more than once.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = LaneKey> {
        self.requests
            .iter()
            .flat_map(|asked| asked.expected.lanes())
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
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = InFlightRequest> {
        self.produce = 0;
        std::mem::take(&mut self.requests).into_iter()
    }

    fn pop(&mut self) -> Option<InFlightRequest> {
        let asked = self.requests.pop_front()?;
        self.produce -= usize::from(matches!(asked.expected, ExpectedResponse::Produce(_)));
        Some(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(in_flight: &mut InFlight, what: ExpectedResponse) -> i32 {
        let correlation_id = in_flight.correlation_id();
        let version = Version::of(0, None);
        in_flight.push(InFlightRequest {
            correlation_id,
            version,
            deadline: Instant::now(),
            progress: Progress::Sent {
                since: Instant::now(),
            },
            expected: what,
        });
        correlation_id
    }

    #[test]
    fn only_the_oldest_request_can_be_answered() {
        let mut in_flight = InFlight::default();
        let first = ask(&mut in_flight, ExpectedResponse::ApiVersions);
        let second = ask(&mut in_flight, ExpectedResponse::Produce(Vec::new()));
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
