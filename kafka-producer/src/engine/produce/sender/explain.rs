//! Why the records of a partition are still here: what is known of it is put together, and `reason.rs` says which
//! of it counts. Nothing is decided, and nothing sent because of it.

use std::sync::Arc;

use crate::engine::cluster::metadata::place::Place;
use crate::engine::produce::lane::Next;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::sender::blocked::cluster_obstacle;
use crate::engine::produce::sender::reason::{Facts, Load, Others, reason};
use crate::engine::produce::sender::{Peers, Sender};
use crate::engine::produce::stand::Stand;
use crate::error::WaitReason;
use crate::explanation::Standing;

impl Sender {
    /// What the records of a partition wait for now.
    pub(crate) fn explain(&mut self, p: &mut Peers<'_>, topic: &str, partition: i32) -> Standing {
        self.look_at_unrung(p, topic, partition);
        let place = p.metadata.place(topic, partition);
        let lane = place.and_then(|place| place.lane);
        if let Some(standing) = lane.and_then(|key| self.lane_standing(p, key)) {
            return standing;
        }
        match place {
            Some(place) if place.sends > 0 => sending(place.sends, missing(p, place)),
            _ => self.memory_standing(p),
        }
    }

    /// Looks at what rang, and at a queue whose caller has appended and is about to ring.
    fn look_at_unrung(&mut self, p: &mut Peers<'_>, topic: &str, partition: i32) {
        self.look_at_rung(p);
        let cluster = Arc::clone(&p.cx.handle.cluster());
        let queue = cluster
            .topic(topic)
            .and_then(|topic| topic.queue(partition));
        if let Some(queue) = queue.filter(|queue| !queue.is_empty())
            && let Some(key) = p.metadata.lane_for(queue, &mut self.lanes, p.cx.now)
        {
            self.look_at_queue(p, key);
        }
    }

    /// What a lane's batches wait for, if it has any.
    fn lane_standing(&self, p: &Peers<'_>, key: LaneKey) -> Option<Standing> {
        let lane = &self.lanes[key];
        let now = p.cx.now;
        let oldest = lane.oldest_stands(now)?;
        let behind = lane.queued_stand(now).filter(|_| lane.has_slots());
        let created = lane.oldest_created().unwrap_or(now);
        Some(Standing::Waiting {
            records: lane.records(),
            oldest: now.saturating_duration_since(created),
            reason: reason(self.facts(p, key, oldest), now),
            behind: behind.map(|stand| reason(self.facts(p, key, stand), now)),
        })
    }

    fn facts(&self, p: &Peers<'_>, key: LaneKey, stand: Stand) -> Facts {
        let lane = &self.lanes[key];
        let broker = match stand {
            Stand::InFlight { .. } | Stand::PresumedAppended => lane.oldest_sent_to(),
            _ => lane.leader(),
        };
        let load = broker.and_then(|id| {
            let (requests, oldest) = p.nodes.produce_in_flight(id)?;
            let full = requests >= p.cx.settings.max_in_flight;
            full.then_some(Load::Full { requests, oldest })
        });
        Facts {
            stand,
            others: others(self.next(p, key), stand),
            obstacle: self.obstacle_until(p, key),
            broker: broker.map_or_else(|| "its leader".into(), |id| p.nodes.name(id)),
            load: load.unwrap_or(Load::Open),
        }
    }

    /// What is in the way of a lane, and when its leader is tried again.
    fn obstacle_until(&self, p: &Peers<'_>, key: LaneKey) -> Option<WaitReason> {
        let why = self.standing_obstacle(p, key)?;
        Some(match self.lanes[key].leader() {
            Some(leader) => p.nodes.with_next_dial(p.cx.now, leader, why),
            None => why,
        })
    }

    /// That sends wait for memory, which records of other partitions take.
    fn memory_standing(&mut self, p: &mut Peers<'_>) -> Standing {
        let sends = p.cx.accumulator.waiting();
        let why = match sends {
            0 => None,
            _ => self.shortage(p, p.cx.now).map(Arc::new),
        };
        sending(sends, WaitReason::Memory { why })
    }
}

/// Whether a batch waits for answers about others, by what its lane can do next.
fn others(next: Next, stand: Stand) -> Others {
    match (next, stand) {
        (Next::WaitForAnswer, _)
        | (Next::Resend | Next::WaitUntil(_), Stand::Queued | Stand::Lingering { .. }) => {
            Others::Awaited
        }
        _ => Others::NotAwaited,
    }
}

/// What callers wait for that have no partition to write to.
fn missing(p: &Peers<'_>, place: Place) -> WaitReason {
    if place.partitions > 0 {
        let partitions = place.partitions;
        return WaitReason::NoPartition { partitions };
    }
    let since = place.since.unwrap_or(p.cx.now);
    WaitReason::TopicUnknown {
        asked: p.cx.now.saturating_duration_since(since),
        why: cluster_obstacle(p).map(Arc::new),
    }
}

/// That so many sends wait for this, if there are any.
fn sending(sends: usize, reason: WaitReason) -> Standing {
    match sends {
        0 => Standing::Nothing,
        _ => Standing::Sending { sends, reason },
    }
}
