//! Typed setters of security: the protocol, and a login. The files of `ssl.*` are set by name.

use std::sync::Arc;

use super::choices::SecurityProtocol;
use super::jaas::quote;
use super::producer_config::{GivenProvider, ProducerConfig};
use crate::security::{ScramHash, TokenProvider};

impl ProducerConfig {
    /// `security.protocol`: whether connections are encrypted, and whether there is a login.
    ///
    /// ```
    /// # use kafka_producer::{ProducerConfig, SecurityProtocol};
    /// let config = ProducerConfig::new().security_protocol(SecurityProtocol::SaslSsl);
    /// assert_eq!(config, ProducerConfig::new().set("security.protocol", "SASL_SSL"));
    /// ```
    pub fn security_protocol(self, protocol: SecurityProtocol) -> Self {
        self.set("security.protocol", protocol.name())
    }

    /// `sasl.mechanism=PLAIN`, and its login in `sasl.jaas.config`.
    ///
    /// ```
    /// # use kafka_producer::{ProducerConfig, SecurityProtocol};
    /// let config = ProducerConfig::new()
    ///     .bootstrap_servers(["kafka-1:9093"])
    ///     .security_protocol(SecurityProtocol::SaslSsl)
    ///     .sasl_plain("me", "my \"password\"");
    /// assert_eq!(config.check()?.sasl_mechanism(), Some("PLAIN"));
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn sasl_plain(self, username: &str, password: &str) -> Self {
        let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
        self.set("sasl.mechanism", "PLAIN")
            .login(module, username, password)
    }

    /// `sasl.mechanism=SCRAM-SHA-256` or `SCRAM-SHA-512`, and its login in `sasl.jaas.config`.
    ///
    /// ```
    /// # use kafka_producer::{ProducerConfig, SecurityProtocol, security::ScramHash};
    /// let config = ProducerConfig::new()
    ///     .bootstrap_servers(["kafka-1:9093"])
    ///     .security_protocol(SecurityProtocol::SaslSsl)
    ///     .sasl_scram(ScramHash::Sha512, "me", "my password");
    /// assert_eq!(config.check()?.sasl_mechanism(), Some("SCRAM-SHA-512"));
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn sasl_scram(self, hash: ScramHash, username: &str, password: &str) -> Self {
        let mechanism = match hash {
            ScramHash::Sha256 => "SCRAM-SHA-256",
            ScramHash::Sha512 => "SCRAM-SHA-512",
        };
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        self.set("sasl.mechanism", mechanism)
            .login(module, username, password)
    }

    /// `sasl.mechanism=OAUTHBEARER`, with the tokens of this provider.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use kafka_producer::security::{Token, TokenError, TokenProvider};
    /// use kafka_producer::{ProducerConfig, SecurityProtocol};
    ///
    /// #[derive(Debug)]
    /// struct Fixed;
    ///
    /// #[async_trait::async_trait]
    /// impl TokenProvider for Fixed {
    ///     async fn token(&self, _host: &str) -> Result<Token, TokenError> {
    ///         Ok(Token::new("eyJhbGciOiJub25lIn0.e30."))
    ///     }
    /// }
    ///
    /// let config = ProducerConfig::new()
    ///     .bootstrap_servers(["kafka-1:9093"])
    ///     .security_protocol(SecurityProtocol::SaslSsl)
    ///     .token_provider(Arc::new(Fixed));
    /// assert_eq!(config.check()?.sasl_mechanism(), Some("OAUTHBEARER"));
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn token_provider(mut self, provider: Arc<dyn TokenProvider>) -> Self {
        self.token_provider = Some(GivenProvider(provider));
        self.set("sasl.mechanism", "OAUTHBEARER")
    }

    fn login(self, module: &str, username: &str, password: &str) -> Self {
        let (username, password) = (quote(username), quote(password));
        let jaas = format!("{module} required username={username} password={password};");
        self.set("sasl.jaas.config", jaas)
    }
}
