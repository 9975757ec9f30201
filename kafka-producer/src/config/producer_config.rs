//! [`ProducerConfig`]: what was set, by Kafka's names. Nothing is checked before `check`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::error::ConfigError;
use super::other_names::{self, OtherName};
use super::properties_file;
use super::rules::{self, Checked};
use super::table::{self, Property};
use crate::security::TokenProvider;

/// The configuration of a producer: Kafka's names, defaults and rules.
///
/// Each property has a setter, and can be set by Kafka's name as well; what was set last counts.
/// Nothing is checked before [`check`](Self::check), which building a producer calls.
///
/// ```
/// use std::time::Duration;
/// use kafka_producer::ProducerConfig;
///
/// let config = ProducerConfig::from_properties([
///     ("bootstrap.servers", "kafka-1:9092,kafka-2:9092"),
///     ("compression.type", "none"),
/// ])
/// .linger(Duration::from_millis(20))
/// .set("batch.size", "65536");
///
/// let checked = config.check()?;
/// assert_eq!(checked.bootstrap_servers().len(), 2);
/// assert!(checked.warnings().is_empty());
/// # Ok::<(), kafka_producer::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "a configuration does nothing until a producer is built from it"]
pub struct ProducerConfig {
    /// What was set, as Kafka would write it, whether the name is known or not.
    pub(super) explicit: BTreeMap<String, String>,
    pub(super) token_provider: Option<GivenProvider>,
}

/// A provider is the same as another only if it is that one.
#[derive(Clone)]
pub(super) struct GivenProvider(pub(super) Arc<dyn TokenProvider>);

impl PartialEq for GivenProvider {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for GivenProvider {}

impl ProducerConfig {
    /// All defaults; `bootstrap.servers`, which has none, must be set.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert!(config.check().is_ok());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads pairs of Kafka's names and values.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let config = ProducerConfig::from_properties([("bootstrap.servers", "localhost:9092")]);
    /// assert!(config.check().is_ok());
    /// ```
    pub fn from_properties<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let mut config = Self::new();
        config.extend(pairs);
        config
    }

    /// Reads a `.properties` file as Java writes it, in UTF-8.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let error = ProducerConfig::from_properties_file("no/such/file").unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read no/such/file: "));
    /// ```
    pub fn from_properties_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        properties_file::read_properties_file(path.as_ref()).map(Self::from_properties)
    }

    /// Sets a property by Kafka's name; a value that was set before is replaced.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let config = ProducerConfig::new().set("linger.ms", "5").set("linger.ms", "20");
    /// assert_eq!(config, ProducerConfig::new().set("linger.ms", "20"));
    /// ```
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.explicit.insert(name.into(), value.into());
        self
    }

    /// Every property that Kafka has, with its default, its range and what it does here.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// for property in ProducerConfig::properties() {
    ///     println!("{property}");
    /// }
    /// ```
    pub fn properties() -> impl Iterator<Item = &'static Property> + Clone {
        table::all()
    }

    /// Names that are understood beside those of today's Kafka: those of its older versions, and
    /// librdkafka's. Each causes a warning that says what to write today.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let config = ProducerConfig::new().set("metadata.broker.list", "localhost:9092");
    /// let checked = config.check()?;
    /// assert_eq!(checked.bootstrap_servers()[0].host, "localhost");
    /// assert_eq!(
    ///     checked.warnings()[0].to_string(),
    ///     "metadata.broker.list is an older name: write bootstrap.servers=localhost:9092",
    /// );
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn other_names() -> impl Iterator<Item = &'static OtherName> + Clone {
        other_names::all()
    }

    /// Checks everything at once, by Kafka's rules.
    ///
    /// ```
    /// use kafka_producer::{Acks, ProducerConfig};
    ///
    /// let config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]).acks(Acks::Leader);
    /// let checked = config.check()?;
    /// assert_eq!(checked.acks(), Acks::Leader);
    /// assert_eq!(checked.warnings().len(), 1); // without acks=all there is no idempotence
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn check(&self) -> Result<Checked, ConfigError> {
        let provider = self.token_provider.as_ref().map(|given| &given.0);
        rules::check(&self.explicit, provider)
    }
}

impl<N: Into<String>, V: Into<String>> Extend<(N, V)> for ProducerConfig {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.explicit.extend(pairs);
    }
}

/// Hides the values of passwords, and those of unknown names, which may be passwords.
impl fmt::Debug for ProducerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .explicit
            .iter()
            .map(|(name, value)| (name, shown(name, value)));
        f.debug_map().entries(shown).finish()
    }
}

fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    let is_shown = other_names::named(name).is_some_and(|other| !other.is_secret);
    match table::named(name) {
        Some(property) => property.shown(value),
        None if is_shown => value,
        None => table::HIDDEN,
    }
}
