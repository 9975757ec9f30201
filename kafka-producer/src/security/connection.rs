//! How each connection is secured, after every check: by TLS, by a login, by both or by neither.

use super::sasl::Sasl;
use super::tls::Tls;

/// How connections are secured; without either, by nothing (`security.protocol=PLAINTEXT`).
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// `SSL` and `SASL_SSL`.
    pub tls: Option<Tls>,
    /// `SASL_PLAINTEXT` and `SASL_SSL`.
    pub sasl: Option<Sasl>,
}

impl Security {
    /// Whether there is either.
    pub(crate) fn is_on(&self) -> bool {
        self.tls.is_some() || self.sasl.is_some()
    }
}
