//! TLS of all connections of a producer: what the next is secured with, and whether any broker has agreed
//! on TLS yet.
//!
//! As long as none has, `security.protocol` may be wrong: a broker that closes the connection instead of
//! agreeing is asked whether it answers without TLS (`plain_question.rs`). No record passes here.

use std::time::Instant;

use crate::config::Provided;
use crate::security::{TlsClient, TlsConfig};
use crate::settings::Address;

/// TLS as the driver has it.
pub(super) struct Securing {
    client: TlsClient,
    /// What no warning may show.
    provided: Provided,
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
    pub(super) fn new(client: TlsClient, provided: Provided) -> Self {
        Self {
            client,
            provided,
            agreed: Agreed::Never,
        }
    }

    /// Reads files that have changed; a warning, if they cannot be used.
    pub(super) fn refresh(&mut self, now: Instant) -> Option<String> {
        let mut stale = self.client.refresh(now).err()?;
        for unusable in stale.problems_mut() {
            let (value, reason) = (&mut unusable.value, &mut unusable.reason);
            self.provided
                .hide_in_unusable(unusable.setting, value, reason);
        }
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

#[cfg(test)]
#[cfg(feature = "_tls")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ProducerConfig;

    #[test]
    fn a_warning_does_not_show_what_a_provider_gave() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hidden-place.pem");
        let (ca, now) = (kafka_mock::MockTls::new().unwrap(), Instant::now());
        std::fs::write(&path, ca.ca_pem()).unwrap();
        let place = directory.path().join("place");
        std::fs::write(&place, path.display().to_string()).unwrap();
        let class = "org.apache.kafka.common.config.provider.DirectoryConfigProvider";
        let config = ProducerConfig::new()
            .bootstrap_servers(["kafka:9093"])
            .set("security.protocol", "SSL")
            .set("config.providers", "dir")
            .set("config.providers.dir.class", class)
            .set("ssl.truststore.type", "PEM")
            .set(
                "ssl.truststore.location",
                format!("${{dir:{}:place}}", directory.path().display()),
            );
        let checked = config.check().unwrap();
        let tls = checked.settings.security.tls.as_ref().unwrap();
        let client = TlsClient::new(tls, now).unwrap();
        let mut securing = Securing::new(client, checked.provided);
        std::fs::remove_file(&path).unwrap();
        let warning = securing.refresh(now + Duration::from_secs(60)).unwrap();
        let told = "ssl.truststore.location=\"[hidden]\": cannot be read";
        assert!(warning.starts_with(told), "{warning}");
        assert!(!warning.contains("hidden-place"), "{warning}");
    }
}
