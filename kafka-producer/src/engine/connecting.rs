//! Callers of `connect`, and which servers have failed since each began to wait. Data only: `connect.rs` decides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::context::Context;
use crate::engine::notice::Notice;
use crate::error::{ConnectError, WaitReason};

/// The callers that wait.
#[derive(Debug, Default)]
pub(super) struct Connects {
    pub(super) list: Vec<Connect>,
}

/// A caller that waits.
#[derive(Debug)]
pub(super) struct Connect {
    /// `max.block.ms`.
    pub(super) limit: Duration,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<(), ConnectError>>,
    /// The servers that have failed since.
    pub(super) failed: BTreeMap<NodeId, WaitReason>,
}

impl Connects {
    /// A server cannot be used, because of `why`.
    pub(super) fn note_failure(&mut self, id: NodeId, why: &WaitReason) {
        for connect in &mut self.list {
            connect.failed.insert(id, why.clone());
        }
    }

    /// Ends every wait.
    pub(super) fn tell_all(&mut self, cx: &mut Context, answer: &Result<(), ConnectError>) {
        for connect in std::mem::take(&mut self.list) {
            connect.tell(cx, answer.clone());
        }
    }
}

impl Connect {
    pub(super) fn tell(self, cx: &mut Context, answer: Result<(), ConnectError>) {
        cx.notices.push(Notice::answer(self.reply, answer));
    }
}
