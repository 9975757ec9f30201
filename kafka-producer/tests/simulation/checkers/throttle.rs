//! A broker that asks for a pause is sent nothing before the latest pause it has asked for is over
//! (KIP-219), whatever else happens.

use std::collections::BTreeMap;
use std::time::Instant;

use kafka_producer::engine::NodeId;
use kafka_wire::ApiKey;

use crate::ground::Ground;

/// Until when a producer's brokers are to be left alone.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    until: BTreeMap<NodeId, Instant>,
    /// The same of what came in this round: if the producer gives a connection up in the same round, it
    /// may have done so before it heard of that.
    heard: Vec<(NodeId, Instant)>,
}

impl Pauses {
    /// A broker has asked for a pause.
    pub(crate) fn note(&mut self, node: NodeId, until: Instant) {
        self.heard.push((node, until));
    }

    /// The producer gives the connection up.
    pub(crate) fn gave_up(&mut self, node: NodeId) {
        self.heard.retain(|(heard, _)| *heard != node);
    }

    /// The round is over: what was heard counts.
    pub(crate) fn settle(&mut self) {
        for (node, until) in self.heard.drain(..) {
            let latest = self.until.entry(node).or_insert(until);
            *latest = until.max(*latest);
        }
    }

    /// A request is handed over for a broker.
    pub(crate) fn check(&self, ground: &Ground, node: NodeId, api: ApiKey) {
        let now = ground.now();
        let before = self.until.get(&node);
        // What waited for the end of a pause goes out in the round in which that comes, perhaps before the
        // producer hears of the next one. The pause may have been asked for under the broker's name as a
        // bootstrap server.
        let ends_now = self.until.values().any(|until| *until == now);
        let heard = self
            .heard
            .iter()
            .filter(|(heard, _)| *heard == node && !ends_now);
        let pauses = heard.map(|(_, until)| until).chain(before);
        if let Some(until) = pauses.max().filter(|until| **until > now) {
            let early = *until - now;
            ground.broken(
                "a pause that was asked for is kept",
                format!("{api} goes to {node} {early:?} too early"),
            );
        }
    }
}
