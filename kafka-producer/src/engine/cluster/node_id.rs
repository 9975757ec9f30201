//! What the engine and its driver call a broker.

use std::fmt;

/// A broker: its id in the cluster, or a negative number for an entry of `bootstrap.servers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub i32);

impl NodeId {
    pub(crate) fn is_bootstrap(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            id if id < 0 => write!(f, "bootstrap server {}", -i64::from(id)),
            id => write!(f, "broker {id}"),
        }
    }
}
