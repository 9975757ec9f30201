//! What keeps requests from a broker, for messages.

use std::time::Instant;

use super::{Link, Node};
use crate::error::WaitReason;

impl Node {
    /// What keeps requests from being sent to it now.
    pub(crate) fn obstacle(&self, now: Instant) -> Option<WaitReason> {
        let broker = self.name();
        if let Some(until) = self.silent_until.filter(|until| *until > now) {
            let left = until - now;
            return Some(WaitReason::Throttled { broker, left });
        }
        match &self.link {
            Link::Ready(..) => None,
            link => {
                let last = self.obstacle.as_ref().map(|it| it.why.clone());
                Some(last.unwrap_or(match link {
                    Link::Greeting(_) => WaitReason::Silent { broker },
                    _ => WaitReason::Connecting { broker },
                }))
            }
        }
    }

    /// The same, but `None` for a broker that was not dialed yet: the next request dials it.
    pub(crate) fn known_obstacle(&self, now: Instant) -> Option<WaitReason> {
        let untried = |obstacle: &WaitReason| {
            self.is_resting() && matches!(obstacle, WaitReason::Connecting { .. })
        };
        self.obstacle(now).filter(|obstacle| !untried(obstacle))
    }
}
