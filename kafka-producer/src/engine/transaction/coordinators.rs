//! The brokers that coordinate this producer's transactions, and the groups whose offsets they commit.
//!
//! A coordinator is looked up when it is first needed, and again when it answers that it is not the
//! coordinator or its connection is lost: another broker may have taken over.

use std::collections::BTreeMap;

use kafka_wire::ErrorCode;
use kafka_wire::messages::find_coordinator::{Coordinator, FindCoordinatorResponse};

use super::ask::Role;
use crate::engine::cluster::node_id::NodeId;
use crate::readable::{is_readable, readable};
use crate::settings::Address;

/// The known coordinators.
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

    /// It may be another broker by now.
    pub(super) fn forget(&mut self, role: &Role) {
        self.known.remove(role);
    }

    /// This broker's connection is lost.
    pub(super) fn forget_node(&mut self, lost: NodeId) {
        self.known.retain(|_, node| *node != lost);
    }
}

/// Reads from an answer which broker coordinates, and its address, or why none does. An answer without
/// the name that was asked for is invalid.
pub(super) fn read(
    answer: FindCoordinatorResponse,
) -> Result<(NodeId, Address), (ErrorCode, Option<String>)> {
    let found = only(answer);
    if let Err(code) = found.error_code.ok() {
        return Err((code, found.error_message.map(readable)));
    }
    match u16::try_from(found.port) {
        Ok(port @ 1..) if found.node_id >= 0 && is_host(&found.host) => {
            let host = found.host;
            Ok((NodeId(found.node_id), Address { host, port }))
        }
        _ => {
            let message = found.error_message.map(readable);
            Err((ErrorCode::COORDINATOR_NOT_AVAILABLE, message))
        }
    }
}

/// Whether it can be dialed, and named in errors.
fn is_host(host: &str) -> bool {
    !host.is_empty() && is_readable(host)
}

/// The one coordinator that was asked for. In older versions it is in the answer itself.
fn only(answer: FindCoordinatorResponse) -> Coordinator {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(node_id: i32, host: &str, port: i32) -> FindCoordinatorResponse {
        FindCoordinatorResponse::default()
            .with_node_id(node_id)
            .with_host(host.to_owned())
            .with_port(port)
    }

    #[test]
    fn a_coordinator_that_cannot_be_connected_to_is_none() {
        let (id, address) = read(told(2, "kafka-2", 9092)).unwrap();
        assert_eq!(
            (id, &*address.host, address.port),
            (NodeId(2), "kafka-2", 9092)
        );
        for (node_id, host, port) in [
            (-1, "kafka-2", 9092),
            (2, "", 9092),
            (2, "kafka-2\u{1b}[2J", 9092),
            (2, "kafka-2", 0),
            (2, "kafka-2", 70_000),
        ] {
            let (code, _) = read(told(node_id, host, port)).unwrap_err();
            assert_eq!(code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
    }
}
