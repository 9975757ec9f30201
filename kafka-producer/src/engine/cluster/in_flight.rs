//! The requests of one connection that are not answered yet.
//!
//! A broker answers the requests of a connection in their order, so the oldest is always the one that
//! is answered next, and the one that times out first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kafka_wire::{ErrorCode, Version};

use crate::engine::cluster::expected_response::{BatchRef, ExpectedResponse};
use crate::engine::produce::lane_key::LaneKey;

/// The unanswered requests of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    requests: VecDeque<InFlightRequest>,
    /// How many of them are produce requests.
    produce: usize,
    next_correlation_id: i32,
}

/// One request on its way.
#[derive(Debug)]
pub(crate) struct InFlightRequest {
    pub(crate) version: Version,
    pub(crate) progress: Progress,
    pub(crate) expected: ExpectedResponse,
    correlation_id: i32,
    begun: Instant,
    /// When its connection is given up.
    deadline: Instant,
}

/// How far a request is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its batches are being compressed: nobody else is waited for.
    Compressing,
    /// The socket and the broker have had it since then.
    Sent { since: Instant },
}

/// A request that will not be answered, and what its owner is told instead of an error code of the
/// broker's.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) expected: ExpectedResponse,
    pub(crate) code: ErrorCode,
}

impl InFlightRequest {
    fn is_produce(&self) -> bool {
        matches!(self.expected, ExpectedResponse::Produce(_))
    }

    /// It was not answered by now, when its connection is lost.
    fn unanswered(self, now: Instant) -> Unanswered {
        let code = match self.deadline <= now {
            true => ErrorCode::REQUEST_TIMED_OUT,
            false => ErrorCode::NETWORK_EXCEPTION,
        };
        let expected = self.expected;
        Unanswered { expected, code }
    }
}

impl InFlight {
    /// Notes a request that is sent now, to be answered by `deadline`; its correlation id. Ids wrap
    /// around within the positive numbers.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        version: Version,
        deadline: Instant,
        expected: ExpectedResponse,
    ) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.checked_add(1).unwrap_or_default();
        let request = InFlightRequest {
            version,
            progress: Progress::Sent { since: now },
            expected,
            correlation_id,
            begun: now,
            deadline,
        };
        self.produce += usize::from(request.is_produce());
        self.requests.push_back(request);
        correlation_id
    }

    /// Takes the request that an answer with this id belongs to, which must be the oldest.
    pub(crate) fn answered(&mut self, correlation_id: i32) -> Option<InFlightRequest> {
        if self.requests.front()?.correlation_id != correlation_id {
            return None;
        }
        let request = self.requests.pop_front();
        self.count_out(request)
    }

    /// Whether any of them is such a one.
    pub(crate) fn any(&self, is: impl Fn(&ExpectedResponse) -> bool) -> bool {
        self.requests.iter().any(|request| is(&request.expected))
    }

    /// Takes a request that is not to be answered, by its id.
    pub(crate) fn withdraw(&mut self, correlation_id: i32) -> Option<InFlightRequest> {
        let is_it = |request: &InFlightRequest| request.correlation_id == correlation_id;
        let found = self.requests.iter().position(is_it)?;
        let request = self.requests.remove(found);
        self.count_out(request)
    }

    fn count_out(&mut self, request: Option<InFlightRequest>) -> Option<InFlightRequest> {
        let produce = request.as_ref().is_some_and(InFlightRequest::is_produce);
        self.produce -= usize::from(produce);
        request
    }

    /// Notes how far a request is.
    pub(crate) fn note(&mut self, correlation_id: i32, progress: Progress) {
        // The youngest are the ones that are not written yet.
        let mut youngest_first = self.requests.iter_mut().rev();
        if let Some(request) =
            youngest_first.find(|request| request.correlation_id == correlation_id)
        {
            request.progress = progress;
        }
    }

    /// The batches of a produce request that is one of them.
    pub(crate) fn batches_of(&self, correlation_id: i32) -> &[BatchRef] {
        let mut youngest_first = self.requests.iter().rev();
        let found = youngest_first.find(|request| request.correlation_id == correlation_id);
        match found.map(|request| &request.expected) {
            Some(ExpectedResponse::Produce(batches)) => batches,
            _ => &[],
        }
    }

    /// Whether batches are being compressed for one of them.
    pub(crate) fn is_compressing(&self) -> bool {
        self.requests
            .iter()
            .any(|request| request.progress == Progress::Compressing)
    }

    /// The lanes that an answer will be about; some of them more than once.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = LaneKey> {
        let requests = self.requests.iter();
        requests.flat_map(|request| request.expected.lanes())
    }

    /// How many produce requests there are: what `max.in.flight.requests.per.connection` bounds.
    pub(crate) fn produce(&self) -> usize {
        self.produce
    }

    /// When the oldest produce request was sent, or begun if it is not sent yet.
    pub(crate) fn oldest_produce_since(&self) -> Option<Instant> {
        let mut requests = self.requests.iter();
        let oldest = requests.find(|request| request.is_produce())?;
        Some(oldest.begun)
    }

    /// What is answered next.
    pub(crate) fn oldest(&self) -> Option<&ExpectedResponse> {
        self.requests.front().map(|request| &request.expected)
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// When the oldest request times out.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.requests.front().map(|request| request.deadline)
    }

    /// Gives every request more time for its answer.
    pub(crate) fn postpone(&mut self, by: Duration) {
        for request in &mut self.requests {
            request.deadline += by;
        }
    }

    /// Ends all of them, because the connection is lost.
    pub(crate) fn end(self, now: Instant) -> Vec<Unanswered> {
        let requests = self.requests.into_iter();
        requests.map(|request| request.unanswered(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(in_flight: &mut InFlight, now: Instant, expected: ExpectedResponse) -> i32 {
        in_flight.begin(now, Version::of(0, None), now + TIMEOUT, expected)
    }

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[test]
    fn only_the_oldest_request_can_be_answered() {
        let now = Instant::now();
        let mut in_flight = InFlight::default();
        let first = begin(&mut in_flight, now, ExpectedResponse::ApiVersions(None));
        let second = begin(&mut in_flight, now, ExpectedResponse::Produce(Vec::new()));
        assert!(in_flight.answered(second).is_none());
        assert!(in_flight.answered(first).is_some());
        assert_eq!((in_flight.len(), in_flight.produce()), (1, 1));
        assert!(in_flight.answered(second).is_some());
        assert_eq!((in_flight.len(), in_flight.produce()), (0, 0));
        assert!(in_flight.answered(second).is_none());
    }

    #[test]
    fn correlation_ids_wrap_to_zero() {
        let now = Instant::now();
        let mut in_flight = InFlight {
            next_correlation_id: i32::MAX,
            ..InFlight::default()
        };
        let mut next = || begin(&mut in_flight, now, ExpectedResponse::ApiVersions(None));
        assert_eq!((next(), next()), (i32::MAX, 0));
    }

    #[test]
    fn of_a_lost_connection_only_what_was_overdue_has_timed_out() {
        let start = Instant::now();
        let mut in_flight = InFlight::default();
        begin(&mut in_flight, start, ExpectedResponse::ApiVersions(None));
        let later = start + TIMEOUT / 2;
        begin(&mut in_flight, later, ExpectedResponse::InitProducerId);
        let ended = in_flight.end(start + TIMEOUT);
        let codes: Vec<ErrorCode> = ended.iter().map(|unanswered| unanswered.code).collect();
        let expected = [ErrorCode::REQUEST_TIMED_OUT, ErrorCode::NETWORK_EXCEPTION];
        assert_eq!(codes, expected);
    }
}
