//! Where each broker was dialed last, for what errors tell of attempts. Nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::cluster::node_id::NodeId;
use crate::settings::Address;

/// The addresses of brokers that were dialed.
#[derive(Debug, Default)]
pub(crate) struct Addresses(BTreeMap<NodeId, Arc<str>>);

impl Addresses {
    /// A connection to a broker is being made, or goes on under its name.
    pub(crate) fn note(&mut self, id: NodeId, address: &Address) {
        self.0.insert(id, address.to_string().into());
    }

    /// Where that is, if it was ever dialed.
    pub(crate) fn of(&self, id: NodeId) -> Option<Arc<str>> {
        self.0.get(&id).map(Arc::clone)
    }

    /// Lets go of all but these.
    pub(crate) fn keep(&mut self, is_known: impl Fn(NodeId) -> bool) {
        self.0.retain(|id, _| is_known(*id));
    }
}
