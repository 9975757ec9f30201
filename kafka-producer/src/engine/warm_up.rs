//! Callers that wait until the first record of some topics needs no more than its own round trip: the leaders of
//! all their partitions are connected, secured and authenticated, and there is a producer id. What is missing is
//! dialed; nothing is asked here, and no record is touched.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::produce::sender::blocked::cluster_obstacle;
use crate::engine::timers::Timer;
use crate::engine::warming::{Missing, WarmUp};
use crate::error::SendError;
use crate::settings::Guarantee;

impl Engine {
    /// A caller waits from now on.
    pub(super) fn warm_up(&mut self, warm_up: WarmUp) {
        self.warm_ups.list.push(warm_up);
    }

    /// Answers those that wait for nothing more, and those whose time is over.
    pub(super) fn see_to_warm_ups(&mut self) {
        if self.warm_ups.list.is_empty() {
            return;
        }
        for mut warm_up in std::mem::take(&mut self.warm_ups.list) {
            if warm_up.reply.is_canceled() {
                continue;
            }
            self.look_at_topics(&mut warm_up);
            let answer = match self.missing(&mut warm_up) {
                Ok(None) => Ok(()),
                Ok(Some(missing)) if warm_up.deadline <= self.cx.now => {
                    Err(warm_up.timed_out(self.cx.now, missing))
                }
                Ok(Some(_)) => {
                    self.cx.timers.arm(Timer::WarmUp, warm_up.deadline);
                    self.warm_ups.list.push(warm_up);
                    continue;
                }
                Err(refused) => Err(refused),
            };
            warm_up.tell(&mut self.cx, answer);
        }
    }

    /// Ends every wait.
    pub(super) fn refuse_warm_ups(&mut self, error: &SendError) {
        for warm_up in std::mem::take(&mut self.warm_ups.list) {
            warm_up.tell(&mut self.cx, Err(error.clone()));
        }
    }

    /// Notes the leaders of the topics that were not looked at yet.
    fn look_at_topics(&self, warm_up: &mut WarmUp) {
        let leaders = &mut warm_up.leaders;
        warm_up.topics.retain(|topic| {
            let Some(all) = self.metadata.leaders(topic, self.sender.lanes()) else {
                return true;
            };
            for leader in all {
                leaders.entry(leader).or_insert_with(|| Arc::clone(topic));
            }
            false
        });
    }

    /// What a caller waits for; what can be done for it is begun. `Err`: in vain.
    fn missing(&mut self, warm_up: &mut WarmUp) -> Result<Option<Missing>, SendError> {
        warm_up.leaders.retain(|id, _| !self.nodes.is_warm(*id));
        for (id, topic) in std::mem::take(&mut warm_up.leaders) {
            if let Some(why) = self.nodes.refusal_in_pause(self.cx.now, id) {
                return Err(SendError::Authentication(why));
            }
            match self.nodes.knows(id) {
                true => drop(warm_up.leaders.insert(id, topic)),
                // It may have another leader.
                false => warm_up.topics.push(topic),
            }
            self.nodes.dial_when_rested(&mut self.cx, id);
        }
        if let Some((id, topic)) = warm_up.leaders.first_key_value() {
            let why = self.nodes.obstacle(self.cx.now, *id);
            let topic = Arc::clone(topic);
            return Ok(Some(Missing { topic, why }));
        }
        let (_, peers) = self.sender_and_peers();
        let why = cluster_obstacle(&peers);
        if let Some(topic) = warm_up.topics.first().cloned() {
            return Ok(Some(Missing { topic, why }));
        }
        let lacks_id = self.cx.settings.guarantee == Guarantee::Idempotent
            && self.sender.identity().producer().is_none();
        let topic = warm_up.last.clone().filter(|_| lacks_id);
        Ok(topic.map(|topic| {
            let why = self.sender.identity_refusal().cloned().or(why);
            Missing { topic, why }
        }))
    }
}
