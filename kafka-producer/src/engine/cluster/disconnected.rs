//! What the owners of requests get back, because nobody will answer: data only.

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::in_flight::Unanswered;
use crate::engine::cluster::node_id::NodeId;
use crate::error::WaitReason;

/// What is left of a connection that has failed.
#[derive(Debug)]
#[must_use = "the owners of its requests are to be told"]
pub(crate) struct Disconnected {
    pub(crate) id: NodeId,
    /// What was wrong, for people.
    pub(crate) obstacle: WaitReason,
    /// What it was asked, oldest first.
    pub(crate) unanswered: Vec<Unanswered>,
}

impl Disconnected {
    /// What the broker was to answer next: it may be what it has hung up on.
    pub(crate) fn oldest(&self) -> Option<&ExpectedResponse> {
        self.unanswered.first().map(|request| &request.expected)
    }
}

/// Why a request was not sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// What was done just before has ended the connection: the request is its owner's again.
    NoConnection(ExpectedResponse),
    /// It cannot be written. The connection was given up for it, and it is among the unanswered.
    Lost(Disconnected),
}

/// Whether a request was sent.
pub(crate) type Sent = Result<(), Unsent>;
