//! Callers of `warm_up`, and what each still waits for. Data only: `warm_up.rs` decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::context::Context;
use crate::engine::notice::Notice;
use crate::error::{SendError, WaitReason};

/// The callers that wait.
#[derive(Debug, Default)]
pub(super) struct WarmUps {
    pub(super) list: Vec<WarmUp>,
}

/// A caller that waits.
#[derive(Debug)]
pub(super) struct WarmUp {
    since: Instant,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<(), SendError>>,
    /// The topics that have a partition without a leader, or were not looked at: the others are not looked at
    /// again.
    pub(super) topics: Vec<Arc<str>>,
    /// Leaders that are not ready, each with a topic that needs it.
    pub(super) leaders: BTreeMap<NodeId, Arc<str>>,
    /// The last of the topics, for messages.
    pub(super) last: Option<Arc<str>>,
}

impl WarmUp {
    pub(super) fn new(
        topics: Vec<Arc<str>>,
        since: Instant,
        deadline: Instant,
        reply: oneshot::Sender<Result<(), SendError>>,
    ) -> Self {
        Self {
            since,
            deadline,
            reply,
            last: topics.last().cloned(),
            topics,
            leaders: BTreeMap::new(),
        }
    }

    pub(super) fn tell(self, cx: &mut Context, answer: Result<(), SendError>) {
        cx.notices.push(Notice::answer(self.reply, answer));
    }

    /// The error of a caller that waits for too long.
    pub(super) fn timed_out(&self, now: Instant, missing: Missing) -> SendError {
        SendError::NotReady {
            topic: missing.topic,
            waited: now.saturating_duration_since(self.since),
            last: missing.why,
        }
    }
}

/// What a caller waits for.
pub(super) struct Missing {
    pub(super) topic: Arc<str>,
    pub(super) why: Option<WaitReason>,
}
