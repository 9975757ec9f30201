//! TLS of all connections of a producer: what the next is secured with, and what it means when brokers
//! close connections instead of agreeing on TLS.
//!
//! A listener without TLS takes the beginning of TLS for a frame that is too long, and closes the
//! connection. So may a broker that is going down, or what stands in front of it, and that is no reason
//! to give records up. So it counts only for a producer that no broker has ever agreed on TLS with, and
//! only if it happens several times in a row.

use std::time::Instant;

use hashbrown::HashMap;

use super::opening::ToSecure;
use super::transport::Failure;
use crate::engine::NodeId;
use crate::security::TlsClient;
use crate::settings::Address;

/// TLS as the driver has it.
pub(super) struct Securing {
    client: TlsClient,
    history: History,
}

enum History {
    /// `security.protocol` is right.
    Agreed,
    /// How often in a row each broker has closed the connection.
    NeverAgreed(HashMap<NodeId, u32>),
}

impl Securing {
    pub(super) fn new(client: TlsClient) -> Self {
        Self {
            client,
            history: History::NeverAgreed(HashMap::new()),
        }
    }

    /// What a connection to this address is secured with; and a warning, if files have changed that cannot be
    /// used.
    pub(super) fn next(&mut self, address: &Address, now: Instant) -> (ToSecure, Option<String>) {
        let stale = self.client.refresh(now).err();
        let to_secure = ToSecure {
            host: address.host.clone(),
            config: self.client.config(),
        };
        (to_secure, stale.map(|stale| stale.to_string()))
    }

    /// A broker has agreed on TLS.
    pub(super) fn agreed(&mut self) {
        self.history = History::Agreed;
    }

    /// What the failure of a handshake means.
    pub(super) fn judge(&mut self, id: NodeId, failure: Failure) -> Failure {
        let History::NeverAgreed(closed) = &mut self.history else {
            return failure;
        };
        let Failure::Unanswered(_) = failure else {
            closed.remove(&id);
            return failure;
        };
        let times = closed.entry(id).or_default();
        *times += 1;
        match *times >= CLOSED_IN_A_ROW {
            true => Failure::Tls(NO_TLS.to_owned()),
            false => failure,
        }
    }
}

/// With the least pauses of `reconnect.backoff.ms` it takes well below a second.
const CLOSED_IN_A_ROW: u32 = 3;

const NO_TLS: &str = "the broker closes the connection instead of answering to TLS: if its listener is without TLS, set \
     security.protocol to PLAINTEXT or SASL_PLAINTEXT";
