//! People ask at any time why a record is still here: as long as it has no outcome, they are told what it waits
//! for; and if they are told that it is in a request, there is one.

use std::sync::Arc;

use futures_channel::oneshot;
use kafka_producer::Standing;
use kafka_producer::engine::{Command, Input};
use kafka_producer::error::WaitReason;

use crate::ledger::LaneName;
use crate::world::World;

impl World {
    /// Asks an engine, after some of its rounds, about one of the records that wait.
    pub(crate) fn ask_why(&mut self, client: usize) {
        let mut random = fastrand::Rng::with_seed(self.plan.seed ^ self.counts.rounds);
        if random.u32(..8) > 0 || self.clients[client].has_ended() {
            return;
        }
        let waiting = self.ground.ledger.borrow().undecided_of(client);
        let Some(id) = random.choice(waiting) else {
            return;
        };
        let ledger = self.ground.ledger.borrow();
        let Some(lane) = ledger.entry(id).map(|entry| entry.lane.clone()) else {
            return;
        };
        drop(ledger);
        let (reply, mut answer) = oneshot::channel();
        self.clients[client].producer.handle.ask(Command::Explain {
            topic: Arc::clone(&lane.topic),
            partition: lane.partition,
            reply,
        });
        let now = self.now();
        self.clients[client].engine.handle(now, Input::Rung);
        self.act(client);
        let ledger = self.ground.ledger.borrow();
        if ledger.entry(id).is_none_or(|entry| entry.is_decided()) {
            return;
        }
        self.counts.explained += 1;
        let answer = answer.try_recv();
        let Ok(Some(Standing::Waiting { reason, .. })) = answer else {
            let story = format!("record {id} of {lane:?} waits, and who asks is told {answer:?}");
            return self.ground.broken(PROMISE, story);
        };
        if matches!(reason, WaitReason::InFlight { .. }) && !self.is_on_its_way(&lane) {
            let story = format!("nothing of {lane:?} is in a request, but {reason}");
            self.ground.broken(PROMISE, story);
        }
    }

    /// Whether an answer is owed about a batch of this partition.
    fn is_on_its_way(&self, lane: &LaneName) -> bool {
        let links = self.clients[lane.client].links.values();
        let owed = links
            .filter_map(|id| self.links.get(id))
            .flat_map(|link| &link.owed);
        let mut batches = owed.flat_map(|owed| &owed.batches);
        batches.any(|batch| **batch.topic() == *lane.topic && batch.partition() == lane.partition)
    }
}

const PROMISE: &str = "who asks is told what a record waits for";
