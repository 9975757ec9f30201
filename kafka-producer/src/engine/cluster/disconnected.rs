//! What the senders of requests get back when no answer will come: data only.

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::in_flight::Unanswered;
use crate::engine::cluster::node_id::NodeId;
use crate::error::WaitReason;

/// What is left of a connection that has failed.
#[derive(Debug)]
#[must_use = "the senders of its requests must learn of it"]
pub(crate) struct Disconnected {
    pub(crate) id: NodeId,
    /// What was wrong, for messages.
    pub(crate) obstacle: WaitReason,
    /// Its requests without an answer, oldest first.
    pub(crate) unanswered: Vec<Unanswered>,
}

impl Disconnected {
    /// The request that the broker had to answer next: it may be why the broker closed the connection.
    pub(crate) fn oldest(&self) -> Option<&ExpectedResponse> {
        self.unanswered.first().map(|request| &request.expected)
    }
}

/// Why a request was not sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The connection was closed just before; the request was not added to it and is returned.
    NoConnection(ExpectedResponse),
    /// It could not be written. The connection was closed for it, and it is among the unanswered.
    Lost(Disconnected),
}

/// Whether a request was sent.
pub(crate) type Sent = Result<(), Unsent>;
