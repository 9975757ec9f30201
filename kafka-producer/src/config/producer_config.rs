//! [`ProducerConfig`]: what was set, by Kafka's names. Nothing is checked before `check`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::environment;
use super::error::ConfigError;
#[cfg(feature = "tokio")]
use super::interceptors;
use super::other_names::{self, Meaning, OtherName};
use super::plugins::Plugins;
use super::properties_file::{Charset, read_properties_file};
use super::rules::{self, Checked};
#[cfg(feature = "tokio")]
use super::serializers::{self, SerializerTypes};
use super::table::{self, Property};
#[cfg(feature = "tokio")]
use crate::interceptor::SharedInterceptor;
use crate::security::TokenProvider;

/// The configuration of a producer: Kafka's names, defaults and rules.
///
/// Each property has a setter, and can be set by Kafka's name as well; what was set last counts, by
/// whatever name. Nothing is checked before [`check`](Self::check), which building a producer calls.
///
/// Settings come from code, from a `.properties` file, from environment variables, and with the feature
/// `serde` from JSON, TOML and the like. [`merge`](Self::merge) puts a later source over an earlier one.
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
    plugins: Plugins,
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

    /// Reads a `.properties` file exactly as Java and Kafka's tools do: in Latin-1, where other characters
    /// are written as `\uXXXX`.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let error = ProducerConfig::from_properties_file("no/such/file").unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read no/such/file: "));
    /// ```
    ///
    /// # Errors
    /// The file that cannot be read, or each line that is malformed.
    pub fn from_properties_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        read_properties_file(path.as_ref(), Charset::Latin1).map(Self::from_properties)
    }

    /// Reads a `.properties` file that is written in UTF-8, which is otherwise the same.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let error = ProducerConfig::from_utf8_properties_file("no/such/file").unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read no/such/file: "));
    /// ```
    ///
    /// # Errors
    /// The file that cannot be read or is not UTF-8, or each line that is malformed.
    pub fn from_utf8_properties_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        read_properties_file(path.as_ref(), Charset::Utf8).map(Self::from_properties)
    }

    /// Takes the environment variables of this process that begin with `prefix`:
    /// `KAFKA_PRODUCER_LINGER_MS` is `linger.ms`, if the prefix is `KAFKA_PRODUCER_`.
    ///
    /// As in Kafka's container images, `_` stands for a dot, `__` for an underscore, `___` for a dash, and
    /// capital letters for small ones. A variable that is empty sets the empty text.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let config = ProducerConfig::from_environment("KAFKA_PRODUCER_")?;
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Each of these variables whose value is not UTF-8.
    pub fn from_environment(prefix: &str) -> Result<Self, ConfigError> {
        Self::from_variables(prefix, std::env::vars_os())
    }

    /// The same with the variables that are passed in.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let variables = [("KAFKA_PRODUCER_LINGER_MS", "20"), ("HOME", "/root")];
    /// let config = ProducerConfig::from_variables("KAFKA_PRODUCER_", variables)?;
    /// assert_eq!(config, ProducerConfig::new().set("linger.ms", "20"));
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Each of these variables whose value is not UTF-8.
    pub fn from_variables<N, V>(
        prefix: &str,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        environment::properties(prefix, variables).map(Self::from_properties)
    }

    /// Puts another configuration over this one: what `later` sets replaces what was set before, also by
    /// another name of the same setting.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let file = ProducerConfig::from_properties([("acks", "1"), ("queue.buffering.max.ms", "5")]);
    /// let environment = ProducerConfig::from_properties([("linger.ms", "20")]);
    /// let both = ProducerConfig::from_properties([("acks", "1"), ("linger.ms", "20")]);
    /// assert_eq!(file.merge(environment), both);
    /// ```
    pub fn merge(mut self, later: Self) -> Self {
        self.put_over(later.explicit);
        self.token_provider = later.token_provider.or(self.token_provider);
        if later.plugins != Plugins::new() {
            self.plugins = later.plugins;
        }
        self
    }

    /// Sets a property by Kafka's name; a value that was set before, by whatever name, is replaced.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let config = ProducerConfig::new().set("linger.ms", "5").set("linger.ms", "20");
    /// assert_eq!(config, ProducerConfig::new().set("linger.ms", "20"));
    /// ```
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.put_over(BTreeMap::from([(name.into(), value.into())]));
        self
    }

    /// Replaces what was set before by another name of the same setting. Names that are set at the same
    /// time do not replace each other: `check` compares them.
    fn put_over(&mut self, later: BTreeMap<String, String>) {
        let is_replaced = |earlier: &String| later.keys().any(|later| replaces(later, earlier));
        self.explicit.retain(|earlier, _| !is_replaced(earlier));
        self.explicit.extend(later);
    }

    /// The names by which `partitioner.class`, `interceptor.classes`, `key.serializer` and `value.serializer`
    /// may choose the program's own types.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    /// use kafka_producer::config::Plugins;
    /// use kafka_producer::partition::RoundRobinPartitioner;
    ///
    /// let plugins = Plugins::new().partitioner("com.example.InTurn", || RoundRobinPartitioner);
    /// let config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]).plugins(plugins);
    /// assert!(config.set("partitioner.class", "com.example.InTurn").check().is_ok());
    /// ```
    pub fn plugins(mut self, plugins: Plugins) -> Self {
        self.plugins = plugins;
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
    ///
    /// # Errors
    /// Every problem: the setting, its value and what is allowed; then the warnings.
    pub fn check(&self) -> Result<Checked, ConfigError> {
        let provider = self.token_provider.as_ref().map(|given| &given.0);
        rules::check(&self.explicit, provider, &self.plugins, |_, _| {})
    }

    /// The same for a producer with these serializers, and makes the interceptors that it names.
    #[cfg(feature = "tokio")]
    pub(crate) fn check_for<K: ?Sized + 'static, V: ?Sized + 'static>(
        &self,
        types: &SerializerTypes,
    ) -> Result<(Checked, Vec<SharedInterceptor<K, V>>), ConfigError> {
        let provider = self.token_provider.as_ref().map(|given| &given.0);
        let plugins = &self.plugins;
        let mut named = Vec::new();
        let checked = rules::check(&self.explicit, provider, plugins, |values, findings| {
            serializers::compare(values, types, plugins, findings);
            interceptors::compare::<K, V>(values, plugins, findings);
            named = interceptors::named(values);
        })?;
        Ok((checked, interceptors::make(&named, plugins)))
    }
}

impl<N: Into<String>, V: Into<String>> Extend<(N, V)> for ProducerConfig {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
        self.put_over(pairs.collect());
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

/// Whether both are names of one setting, of which they are not parts.
fn replaces(later: &str, earlier: &str) -> bool {
    let setting = setting(later);
    let both_parts = is_part(later) && is_part(earlier);
    setting.is_some() && setting == self::setting(earlier) && !both_parts
}

/// Today's name of what a name sets, if it sets anything.
fn setting(name: &str) -> Option<&str> {
    other_names::named(name).map_or(Some(name), |row| row.today())
}

fn is_part(name: &str) -> bool {
    let row = other_names::named(name);
    row.is_some_and(|row| matches!(row.meaning, Meaning::Joined { .. }))
}

fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let is_shown = other_names::named(name).is_some_and(|other| !other.is_secret);
    match table::named(name) {
        Some(property) => property.shown(value),
        None if is_shown => value.into(),
        None => table::HIDDEN.into(),
    }
}
