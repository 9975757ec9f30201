//! Whom to ask: the brokers that coordinate this producer's transactions and the groups whose
//! offsets they commit.
//!
//! A coordinator is looked up when it is first needed, and again when it says that it is none, or
//! when its connection is lost: another broker may have taken over meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::ErrorCode;
use kafka_wire::messages::find_coordinator::{Coordinator, FindCoordinatorResponse};

use crate::engine::NodeId;

/// What a broker coordinates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The transactions of this producer.
    Transactions,
    /// This consumer group.
    Group(Arc<str>),
}

impl Role {
    /// The protocol's number for it.
    pub(super) fn key_type(&self) -> i8 {
        match self {
            Self::Group(_) => 0,
            Self::Transactions => 1,
        }
    }
}

/// The coordinators that are known.
#[derive(Debug, Default)]
pub(super) struct Coordinators {
    known: BTreeMap<Role, NodeId>,
}

impl Coordinators {
    pub(super) fn of(&self, role: &Role) -> Option<NodeId> {
        self.known.get(role).copied()
    }

    pub(super) fn found(&mut self, role: Role, node: NodeId) {
        self.known.insert(role, node);
    }

    /// It may be another by now.
    pub(super) fn forget(&mut self, role: &Role) {
        self.known.remove(role);
    }

    /// This broker's connection is lost.
    pub(super) fn forget_node(&mut self, lost: NodeId) {
        self.known.retain(|_, node| *node != lost);
    }
}

/// The one coordinator that was asked for; older versions tell it in the answer itself.
pub(super) fn only(answer: FindCoordinatorResponse) -> Coordinator {
    let FindCoordinatorResponse {
        error_code,
        error_message,
        node_id,
        host,
        port,
        coordinators,
        ..
    } = answer;
    let alone = Coordinator::default()
        .with_key(String::new())
        .with_node_id(node_id)
        .with_host(host)
        .with_port(port)
        .with_error_code(error_code)
        .with_error_message(error_message);
    coordinators.into_iter().next().unwrap_or(alone)
}

/// Whether what was answered can be connected to; an answer without a name is no answer.
pub(super) fn usable(found: &Coordinator) -> Result<u16, ErrorCode> {
    match u16::try_from(found.port) {
        Ok(port @ 1..) if found.node_id >= 0 && !found.host.is_empty() => Ok(port),
        _ => Err(ErrorCode::COORDINATOR_NOT_AVAILABLE),
    }
}
