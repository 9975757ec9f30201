//! When batches are sent, the partitions of their topic are weighed again.
//!
//! Nothing here changes what is sent.

use crate::engine::context::Context;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::sender::{Peers, Sender};
use crate::engine::timers::Timer;
use crate::settings::Adaptive;

impl Sender {
    /// A batch has come: comes back when it may have waited for too long.
    pub(super) fn watch_wait(&self, cx: &mut Context, key: LaneKey) {
        let timeout = cx.settings.partitioning.availability_timeout();
        if let Some(at) = timeout.and_then(|timeout| cx.now.checked_add(timeout)) {
            cx.timers.arm(Timer::Wait(key), at);
        }
    }

    /// A batch of this lane may have waited for too long. Nothing else may ever happen, if its broker is
    /// the only one that is written to.
    pub(crate) fn weigh_waiting(&self, p: &mut Peers<'_>, key: LaneKey) {
        let lane = &self.lanes[key];
        p.metadata.weigh(p.cx, p.nodes, &self.lanes, lane.topic());
        if lane.waits_since(p.cx.settings.accumulator.linger).is_some() {
            self.watch_wait(p.cx, key);
        }
    }

    /// A batch of this lane is being sent. One that has come is not noted: it is sent as well, or waits beside
    /// others that are.
    pub(super) fn note_traffic(&mut self, p: &Peers<'_>, key: LaneKey) {
        if p.cx.settings.partitioning.adaptive != Adaptive::Off {
            self.traffic.note(self.lanes[key].topic_number(), key);
        }
    }

    /// Weighs the partitions of topics of which enough batches were sent.
    pub(crate) fn weigh_topics(&mut self, p: &mut Peers<'_>) {
        while let Some(noted) = self.traffic.take() {
            if let Some(lane) = self.lanes.get(noted.lane) {
                let (cx, nodes, topic) = (&*p.cx, &*p.nodes, lane.topic());
                let metadata = &mut *p.metadata;
                metadata.weigh_after(cx, nodes, &self.lanes, topic, noted.batches);
            }
        }
    }
}
