//! What a program under test is configured with beside its flags: a file of properties, and
//! bootstrap addresses that somebody can be reached at. Connects to nobody.

use std::net::ToSocketAddrs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use kafka_producer::Address;

/// The properties in a file of Java's format.
pub(crate) fn properties(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the properties in {}", path.display()))?;
    kafka_producer::config::parse_properties(&text)
        .with_context(|| format!("in {}", path.display()))
}

/// As Kafka's client: one address that can be resolved is enough.
pub(crate) fn must_resolve(servers: &[Address]) -> Result<()> {
    let mut reasons = Vec::new();
    for server in servers {
        match (server.host.as_str(), server.port).to_socket_addrs() {
            Ok(addresses) if addresses.len() > 0 => return Ok(()),
            Ok(_) => reasons.push(format!("{server}: no address")),
            Err(error) => reasons.push(format!("{server}: {error}")),
        }
    }
    bail!(
        "none of the bootstrap servers can be resolved ({})",
        reasons.join("; ")
    )
}
