//! What bytes travel through to a broker.

mod plain;

pub(super) use plain::connect;
