//! Who we say we are, and whom we believe: what `security.protocol`, `ssl.*` and `sasl.*` come to.
//!
//! ```text
//! ProducerConfig ─check─▶ Security { tls, sasl }
//!                           │       └─▶ engine/cluster/handshake: the exchange on each connection
//!                           └─────────▶ driver/transport/tls: the bytes of each connection
//! ```
//!
//! What is here was checked when the producer was built, as far as that is possible without reading a
//! file or asking a server.

pub(crate) mod sasl;
mod secret;
mod tls;
pub(crate) mod token;

pub use sasl::{Login, Sasl, ScramHash};
pub use secret::Secret;
pub use tls::{Identity, Tls, TlsVersion, Trust};
#[cfg(all(feature = "_tls", feature = "oauth-oidc"))]
pub(crate) use tls::{JwtAlgorithm, sign};
#[cfg(feature = "_tls")]
pub(crate) use tls::{OurCertificate, explain};
#[cfg(feature = "tokio")]
pub(crate) use tls::{TlsClient, TlsConfig, Unusable};
pub use token::{Token, TokenError, TokenProvider};

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
