//! TLS of all connections of a producer: what the next is secured with, and whether any broker has agreed
//! on TLS yet.
//!
//! As long as none has, `security.protocol` may be wrong: a broker that closes the connection instead of
//! agreeing is asked whether it answers without TLS (`plain_question.rs`). No record passes here.

use std::time::Instant;

use crate::security::{TlsClient, TlsConfig};
use crate::settings::Address;

/// TLS as the driver has it.
pub(super) struct Securing {
    client: TlsClient,
    agreed: Agreed,
}

/// What TLS begins with, as soon as there is a socket.
pub(super) struct ToSecure {
    /// Whose certificate it must be.
    pub(super) host: String,
    pub(super) config: TlsConfig,
    pub(super) agreed: Agreed,
}

/// Whether any broker has agreed on TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreed {
    Never,
    /// `security.protocol` is right.
    Before,
}

impl Securing {
    pub(super) fn new(client: TlsClient) -> Self {
        Self {
            client,
            agreed: Agreed::Never,
        }
    }

    /// Reads files that have changed; a warning, if they cannot be used.
    pub(super) fn refresh(&mut self, now: Instant) -> Option<String> {
        let stale = self.client.refresh(now).err()?;
        Some(stale.to_string())
    }

    /// What a connection to this address is secured with.
    pub(super) fn next(&self, address: &Address) -> ToSecure {
        ToSecure {
            host: address.host.clone(),
            config: self.client.config(),
            agreed: self.agreed,
        }
    }

    /// A broker has agreed on TLS.
    pub(super) fn agreed(&mut self) {
        self.agreed = Agreed::Before;
    }
}
