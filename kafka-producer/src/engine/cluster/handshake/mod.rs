//! What comes before all else on a connection: what the broker speaks, and our credentials.

pub(crate) mod api_versions;
pub(crate) mod sasl;
