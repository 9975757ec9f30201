//! Every attempt that engines made to send a batch: to whom, when, and whether the request came to a broker. What
//! errors tell of attempts is compared with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{BatchOutcome, Completion};
use kafka_producer::engine::{NodeId, Outgoing, Payload};
use kafka_producer::error::DeliveryError;

use crate::network::LinkId;

/// The attempts of each batch, by its completion.
#[derive(Default)]
pub(crate) struct Attempts {
    batches: BTreeMap<*const Completion<DeliveryError>, Batch>,
    /// The batches of each request.
    requests: BTreeMap<(LinkId, i32), Vec<*const Completion<DeliveryError>>>,
}

struct Batch {
    /// So that no other has its address.
    _completion: Arc<Completion<DeliveryError>>,
    made: Vec<Made>,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) node: NodeId,
    pub(crate) at: Instant,
    /// The request, unless there was no connection any more.
    request: Option<(LinkId, i32)>,
    pub(crate) came: Came,
}

/// Whether a request came to its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Yes,
    No,
}

impl Attempts {
    /// An engine has given a request to the connection to a broker, if there is one still.
    pub(crate) fn made(
        &mut self,
        node: NodeId,
        at: Instant,
        link: Option<LinkId>,
        outgoing: &Outgoing,
    ) {
        let Payload::Produce(order) = &outgoing.payload else {
            return;
        };
        let request = link.map(|link| (link, outgoing.correlation_id));
        for batch in order.batches() {
            let completion = Arc::clone(batch.completion());
            let key = Arc::as_ptr(&completion);
            if let Some(request) = request {
                self.requests.entry(request).or_default().push(key);
            }
            let batch = self.batches.entry(key).or_insert_with(|| Batch {
                _completion: completion,
                made: Vec::new(),
            });
            let came = Came::No;
            batch.made.push(Made {
                node,
                at,
                request,
                came,
            });
        }
    }

    /// A request has come to its broker.
    pub(crate) fn came(&mut self, link: LinkId, frame: &[u8]) {
        let Some(number) = frame.get(4..).and_then(|rest| rest.first_chunk()) else {
            return;
        };
        let request = (link, i32::from_be_bytes(*number));
        for key in self.requests.remove(&request).unwrap_or_default() {
            let made = self.batches.get_mut(&key).into_iter();
            let mut made = made.flat_map(|batch| &mut batch.made);
            if let Some(made) = made.find(|made| made.request == Some(request)) {
                made.came = Came::Yes;
            }
        }
    }

    /// Those of a record, by the completion of its batch and its place in that: a batch that was split has
    /// others after its own.
    pub(crate) fn of(&self, completion: &Completion<DeliveryError>, index: u32) -> Vec<Made> {
        let batch = self.batches.get(&std::ptr::from_ref(completion));
        let mut made = batch.map_or_else(Vec::new, |batch| batch.made.clone());
        if let Some(BatchOutcome::Split(pieces)) = completion.batch_outcome() {
            let mut before = pieces.iter().rev().filter(|(first, _)| *first <= index);
            if let Some((first, piece)) = before.next() {
                made.extend(self.of(piece, index - first));
            }
        }
        made
    }
}
