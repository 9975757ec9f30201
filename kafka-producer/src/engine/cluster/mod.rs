//! The brokers and what they have told of the cluster.

pub(crate) mod apply;
pub(crate) mod connection;
pub(crate) mod disconnected;
pub(crate) mod expected_response;
pub(crate) mod features;
pub(crate) mod handshake;
pub(crate) mod in_flight;
pub(crate) mod metadata;
pub(crate) mod node;
pub(crate) mod node_id;
pub(crate) mod nodes;
pub(crate) mod rebootstrap;
pub(crate) mod route;
pub(crate) mod snapshot;
pub(crate) mod unsupported;
pub(crate) mod versions;
