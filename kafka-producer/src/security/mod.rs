//! How connections are secured, and by what broker and producer know each other: what `security.protocol`,
//! `ssl.*` and `sasl.*` come to.
//!
//! ```text
//! ProducerConfig ─check─▶ Security { tls, sasl }
//!                           │       └─▶ engine/cluster/handshake: the exchange on each connection
//!                           └─────────▶ driver/transport/tls: the bytes of each connection
//! ```
//!
//! What is here was checked when the producer was built, as far as that is possible without reading a
//! file or asking a server.
//!
//! Users need what the setters of [`ProducerConfig`](crate::ProducerConfig) take:
//!
//! ```
//! use kafka_producer::security::ScramHash;
//! use kafka_producer::{ProducerConfig, SecurityProtocol};
//!
//! let config = ProducerConfig::new()
//!     .bootstrap_servers(["kafka-1:9093"])
//!     .security_protocol(SecurityProtocol::SaslSsl)
//!     .sasl_scram(ScramHash::Sha512, "me", "my password");
//! assert!(config.check().is_ok());
//! ```
//!
//! What the checked settings are made of is public with the feature `unstable-engine`, and hidden, as the
//! settings are.

#[cfg_attr(
    not(feature = "unstable-engine"),
    allow(
        dead_code,
        unreachable_pub,
        reason = "what is public in it is so with the feature `unstable-engine`"
    )
)]
mod connection;
#[cfg_attr(
    not(feature = "unstable-engine"),
    allow(
        dead_code,
        unreachable_pub,
        reason = "what is public in it is so with the feature `unstable-engine`"
    )
)]
pub(crate) mod sasl;
mod secret;
#[cfg_attr(
    not(feature = "unstable-engine"),
    allow(
        dead_code,
        unreachable_pub,
        reason = "what is public in it is so with the feature `unstable-engine`"
    )
)]
mod tls;
pub(crate) mod token;

#[cfg(not(feature = "unstable-engine"))]
pub(crate) use self::{
    connection::Security,
    sasl::{Credentials, Sasl},
    tls::{Identity, Tls, TlsVersion, Trust},
};
#[cfg(feature = "unstable-engine")]
#[doc(hidden)]
pub use self::{
    connection::Security,
    sasl::{Credentials, Sasl},
    tls::{Identity, Tls, TlsVersion, Trust},
};
pub use sasl::ScramHash;
pub use secret::Secret;
#[cfg(all(feature = "_tls", feature = "oauth-oidc"))]
pub(crate) use tls::{JwtAlgorithm, sign};
#[cfg(feature = "_tls")]
pub(crate) use tls::{OurCertificate, explain};
#[cfg(feature = "tokio")]
pub(crate) use tls::{TlsClient, TlsConfig, Unusable};
pub use token::{Token, TokenError, TokenProvider};
