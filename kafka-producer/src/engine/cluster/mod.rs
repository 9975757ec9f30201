//! The brokers and what they have told of the cluster.

pub(crate) mod addresses;
pub(crate) mod node_id;

pub(crate) mod expected_response;
pub(crate) mod in_flight;
pub(crate) mod versions;

pub(crate) mod bootstrapping;
pub(crate) mod connection;
pub(crate) mod destination;
pub(crate) mod disconnected;
pub(crate) mod handshake;
pub(crate) mod node;
pub(crate) mod nodes;
pub(crate) mod refusal;
pub(crate) mod sasl_demand;

pub(crate) mod election;
pub(crate) mod features;
pub(crate) mod freshness;
pub(crate) mod metadata;
pub(crate) mod snapshot;
pub(crate) mod topic_entry;
pub(crate) mod topic_waiters;
pub(crate) mod updates;
