//! From a configuration to a running producer.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Accumulator, Doorbell};
use kafka_partition::{
    DefaultPartitioner, Partitioner, RoundRobinPartitioner, UniformStickyPartitioner,
};
use kafka_serde::{DefaultSerializer, Serializer};

use crate::append::{RecordAppender, SharedPartitioner};
use crate::blocking;
use crate::config::{Checked, ConfigError, PartitionerClass, ProducerConfig, Warning};
use crate::driver;
use crate::engine::{Desk, Engine};
use crate::error::DeliveryError;
use crate::producer::Producer;
use crate::settings::{Acks, Settings};
use crate::warnings;

/// Configures a [`Producer`].
///
/// The most used settings have methods of their own; [`config`](Self::config) takes all of them,
/// [`set`](Self::set) one by its Kafka name. Whatever is set later wins. Nothing is checked before
/// the producer is built, and then everything at once.
///
/// ```
/// use std::time::Duration;
/// use kafka_producer::Producer;
///
/// let builder = Producer::<str, str>::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .linger(Duration::from_millis(20))
///     .set("compression.type", "lz4");
/// ```
pub struct ProducerBuilder<K: ?Sized, V: ?Sized> {
    config: ProducerConfig,
    key_serializer: Arc<dyn Serializer<K>>,
    value_serializer: Arc<dyn Serializer<V>>,
    partitioner: Option<SharedPartitioner>,
    on_warning: Option<fn(&Warning)>,
}

/// Why a producer was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration is not consistent; all of its problems are listed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused a thread or an event queue.
    #[error("the producer's thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl<K, V> Producer<K, V>
where
    K: DefaultSerializer + ?Sized + 'static,
    V: DefaultSerializer + ?Sized + 'static,
{
    /// Configures a producer with the default serializers of `K` and `V`.
    pub fn builder() -> ProducerBuilder<K, V> {
        Self::builder_with(K::Serializer::default(), V::Serializer::default())
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// Configures a producer with these serializers.
    ///
    /// ```
    /// use kafka_producer::{Producer, serde::{BigEndian, Latin1}};
    /// let builder = Producer::<i64, str>::builder_with(BigEndian, Latin1);
    /// ```
    pub fn builder_with(
        key_serializer: impl Serializer<K> + 'static,
        value_serializer: impl Serializer<V> + 'static,
    ) -> ProducerBuilder<K, V> {
        ProducerBuilder::new(Arc::new(key_serializer), Arc::new(value_serializer))
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> ProducerBuilder<K, V> {
    fn new(
        key_serializer: Arc<dyn Serializer<K>>,
        value_serializer: Arc<dyn Serializer<V>>,
    ) -> Self {
        Self {
            config: ProducerConfig::new(),
            key_serializer,
            value_serializer,
            partitioner: None,
            on_warning: None,
        }
    }

    /// Starts from this configuration instead of the one built so far.
    #[must_use]
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets one property by its Kafka name.
    #[must_use]
    pub fn set(self, name: &str, value: impl Into<String>) -> Self {
        self.with(|config| config.set(name, value))
    }

    /// `bootstrap.servers`: brokers to begin with; one that answers is enough.
    #[must_use]
    pub fn bootstrap_servers(self, servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(|config| config.bootstrap_servers(servers))
    }

    /// `acks`.
    #[must_use]
    pub fn acks(self, acks: Acks) -> Self {
        self.with(|config| config.acks(acks))
    }

    /// `linger.ms`.
    #[must_use]
    pub fn linger(self, linger: std::time::Duration) -> Self {
        self.with(|config| config.linger(linger))
    }

    /// Chooses partitions with this instead of `partitioner.class`.
    #[must_use]
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Is told what is odd about the configuration: unknown names, settings without effect.
    ///
    /// Without it, that is told as events of `tracing` (target `kafka_producer`); and on standard error
    /// if no subscriber was set.
    #[must_use]
    pub fn on_warning(mut self, tell: fn(&Warning)) -> Self {
        self.on_warning = Some(tell);
        self
    }

    /// Checks the whole configuration and starts the producer. It connects when it is first used.
    ///
    /// # Errors
    /// [`BuildError::Config`] names every problem, with its value and what is allowed.
    pub async fn build(self) -> Result<Producer<K, V>, BuildError> {
        self.start()
    }

    /// Like [`build`](Self::build), for programs without async.
    ///
    /// # Errors
    /// See [`build`](Self::build).
    pub fn build_blocking(self) -> Result<blocking::Producer<K, V>, BuildError> {
        self.start().map(Into::into)
    }

    fn with(mut self, change: impl FnOnce(ProducerConfig) -> ProducerConfig) -> Self {
        self.config = change(self.config);
        self
    }

    fn start(self) -> Result<Producer<K, V>, BuildError> {
        let Checked {
            settings,
            partitioner,
            warnings,
        } = self.config.check()?;
        warnings::tell(&warnings, &settings.client_id, self.on_warning);
        let partitioner = self.partitioner.unwrap_or_else(|| by_class(partitioner));
        let settings = Arc::new(within_a_frame(settings));
        let doorbell = Arc::new(Doorbell::new());
        let accumulator = Arc::new(Accumulator::new(
            settings.accumulator,
            Arc::clone(&doorbell),
            DeliveryError::abandoned,
        ));
        let desk = Arc::new(Desk::new(Arc::clone(&doorbell)));
        let engine = Engine::new(
            Arc::clone(&settings),
            Arc::clone(&accumulator),
            Arc::clone(&desk),
            seed(&settings),
            Instant::now(),
        );
        driver::spawn(engine, Arc::clone(&settings), doorbell)?;
        let appender = RecordAppender::new(settings, accumulator, desk, partitioner);
        Ok(Producer::new(
            appender,
            self.key_serializer,
            self.value_serializer,
        ))
    }
}

/// A frame's length is an `i32`: whatever the settings allow, batch and request stay below that.
fn within_a_frame(mut settings: Settings) -> Settings {
    settings.max_request_bytes = settings.max_request_bytes.min(REQUEST_BYTES_MAX);
    let batch_size = settings.accumulator.batch_size;
    settings.accumulator.batch_size = batch_size.min(REQUEST_BYTES_MAX);
    settings
}

/// Two GiB, less what stands around the records.
const REQUEST_BYTES_MAX: usize = i32::MAX as usize - (1 << 20);

fn by_class(class: PartitionerClass) -> SharedPartitioner {
    match class {
        PartitionerClass::Default => Arc::new(DefaultPartitioner::new()),
        PartitionerClass::RoundRobin => Arc::new(RoundRobinPartitioner),
        PartitionerClass::UniformSticky => Arc::new(UniformStickyPartitioner),
    }
}

/// Differs from producer to producer, so that they do not back off in step.
fn seed(settings: &Settings) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write(settings.client_id.as_bytes());
    hasher.finish()
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for ProducerBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
