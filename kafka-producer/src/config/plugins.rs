//! Names for a program's own types, by which settings choose them.
//!
//! Java finds a class by its name while the program runs; Rust cannot. So a program says which of its types a
//! name stands for, and a file that is shared with Java programs can be used as it is.

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use kafka_partition::Partitioner;

use crate::metrics::MetricsReporter;

/// Names that a program gives to types of its own, as values of `partitioner.class`, `metric.reporters`,
/// `key.serializer` and `value.serializer`. What is named later goes before what was named earlier, and before Kafka's classes.
///
/// ```
/// use kafka_producer::config::Plugins;
/// use kafka_producer::partition::RoundRobinPartitioner;
/// use kafka_producer::{Producer, ProducerConfig};
///
/// let plugins = Plugins::new().partitioner("com.example.InTurn", || RoundRobinPartitioner);
/// let config = ProducerConfig::from_properties([
///     ("bootstrap.servers", "localhost:9092"),
///     ("partitioner.class", "com.example.InTurn"),
/// ]);
/// let producer = Producer::<str, str>::builder().config(config.plugins(plugins)).build()?;
/// # Ok::<(), kafka_producer::BuildError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "names have an effect in a configuration only"]
pub struct Plugins {
    partitioners: Vec<(String, PartitionerFactory)>,
    reporters: Vec<(String, ReporterFactory)>,
    serializers: Vec<(String, TypeId)>,
}

/// Makes the partitioner of one producer.
#[derive(Clone)]
pub(crate) struct PartitionerFactory(Arc<dyn Fn() -> Arc<dyn Partitioner> + Send + Sync>);

/// Makes a reporter of one producer's metrics.
#[derive(Clone)]
pub(crate) struct ReporterFactory(Arc<dyn Fn() -> Box<dyn MetricsReporter> + Send + Sync>);

impl Plugins {
    /// No names.
    ///
    /// ```
    /// use kafka_producer::config::Plugins;
    ///
    /// let plugins = Plugins::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `partitioner.class` choose what `make` makes, once for each producer.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    /// use kafka_producer::config::{PartitionerClass, Plugins};
    /// use kafka_producer::partition::UniformStickyPartitioner;
    ///
    /// let plugins = Plugins::new().partitioner("com.example.Any", || UniformStickyPartitioner);
    /// let config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]).plugins(plugins);
    /// let checked = config.set("partitioner.class", "com.example.Any").check()?;
    /// assert_eq!(checked.partitioner(), PartitionerClass::Plugin);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn partitioner<P, F>(mut self, name: impl Into<String>, make: F) -> Self
    where
        P: Partitioner + 'static,
        F: Fn() -> P + Send + Sync + 'static,
    {
        let make = PartitionerFactory(Arc::new(move || Arc::new(make())));
        self.partitioners.push((name.into(), make));
        self
    }

    /// Lets `metric.reporters` name what `make` makes, once for each producer. Names in it that are not given are
    /// passed over with a warning; that of Java's `JmxReporter`, which is the default, without.
    ///
    /// ```
    /// use kafka_producer::Producer;
    /// use kafka_producer::config::Plugins;
    /// use kafka_producer::metrics::MetricsSnapshot;
    ///
    /// let print = || |metrics: &MetricsSnapshot| println!("{metrics}");
    /// let producer = Producer::<str, str>::builder()
    ///     .bootstrap_servers(["localhost:9092"])
    ///     .set("metric.reporters", "com.example.PrintingReporter")
    ///     .plugins(Plugins::new().metrics_reporter("com.example.PrintingReporter", print))
    ///     .build()?;
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn metrics_reporter<R, F>(mut self, name: impl Into<String>, make: F) -> Self
    where
        R: MetricsReporter + 'static,
        F: Fn() -> R + Send + Sync + 'static,
    {
        let make = ReporterFactory(Arc::new(move || Box::new(make())));
        self.reporters.push((name.into(), make));
        self
    }

    /// Lets `key.serializer` and `value.serializer` name the serializer `S`, with which the producer is
    /// built.
    ///
    /// ```
    /// use kafka_producer::Producer;
    /// use kafka_producer::config::Plugins;
    /// use kafka_producer::serialize::{Context, SerializeError, Serializer, Utf8};
    ///
    /// struct Shouted;
    ///
    /// impl Serializer<str> for Shouted {
    ///     fn serialize<'a>(
    ///         &self,
    ///         _context: &mut Context<'_>,
    ///         value: &'a str,
    ///         scratch: &'a mut Vec<u8>,
    ///     ) -> Result<Option<&'a [u8]>, SerializeError> {
    ///         scratch.clear();
    ///         scratch.extend(value.bytes().map(|byte| byte.to_ascii_uppercase()));
    ///         Ok(Some(scratch))
    ///     }
    /// }
    ///
    /// let producer = Producer::<str, str>::builder_with(Utf8, Shouted)
    ///     .bootstrap_servers(["localhost:9092"])
    ///     .set("value.serializer", "com.example.ShoutedSerializer")
    ///     .plugins(Plugins::new().serializer::<Shouted>("com.example.ShoutedSerializer"))
    ///     .build()?;
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn serializer<S: 'static>(mut self, name: impl Into<String>) -> Self {
        self.serializers.push((name.into(), TypeId::of::<S>()));
        self
    }

    pub(super) fn partitioner_named(&self, name: &str) -> Option<PartitionerFactory> {
        let mut later_first = self.partitioners.iter().rev();
        let (_, make) = later_first.find(|(given, _)| given == name)?;
        Some(make.clone())
    }

    pub(super) fn reporter_named(&self, name: &str) -> Option<ReporterFactory> {
        let mut later_first = self.reporters.iter().rev();
        let (_, make) = later_first.find(|(given, _)| given == name)?;
        Some(make.clone())
    }

    pub(super) fn partitioner_names(&self) -> impl Iterator<Item = &str> {
        self.partitioners.iter().map(|(name, _)| &**name)
    }

    #[cfg(feature = "tokio")]
    pub(super) fn serializer_named(&self, name: &str) -> Option<TypeId> {
        let mut later_first = self.serializers.iter().rev();
        later_first
            .find(|(given, _)| given == name)
            .map(|(_, serializer)| *serializer)
    }

    /// Which names a type has.
    #[cfg(feature = "tokio")]
    pub(super) fn names_of(&self, serializer: TypeId) -> impl Iterator<Item = &str> {
        let named = self
            .serializers
            .iter()
            .filter(move |(_, named)| *named == serializer);
        named.map(|(name, _)| &**name)
    }
}

impl PartitionerFactory {
    #[cfg(feature = "tokio")]
    pub(crate) fn make(&self) -> Arc<dyn Partitioner> {
        (self.0)()
    }
}

/// Functions are the same only if they are the same one.
impl PartialEq for PartitionerFactory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl ReporterFactory {
    #[cfg(feature = "tokio")]
    pub(crate) fn make(&self) -> Box<dyn MetricsReporter> {
        (self.0)()
    }
}

impl PartialEq for ReporterFactory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ReporterFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name::<Self>())
    }
}

impl PartialEq for Plugins {
    fn eq(&self, other: &Self) -> bool {
        self.partitioners == other.partitioners
            && self.reporters == other.reporters
            && self.serializers == other.serializers
    }
}

impl Eq for Plugins {}

impl fmt::Debug for PartitionerFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name::<Self>())
    }
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serializers = self.serializers.iter().map(|(name, _)| name);
        let names = self.partitioners.iter().map(|(name, _)| name);
        let reporters = self.reporters.iter().map(|(name, _)| name);
        let names = names.chain(reporters).chain(serializers);
        f.debug_set().entries(names).finish()
    }
}
