//! From a configuration to a running producer: everything is checked, then the parts are put together
//! and the thread is started.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Accumulator, Doorbell};
use kafka_partition::{
    DefaultPartitioner, Partitioner, RoundRobinPartitioner, UniformStickyPartitioner,
};
use kafka_serde::{DefaultSerializer, Serializer};
use kafka_wire::compression::Compression;

use crate::append::{RecordAppender, SharedPartitioner};
use crate::config::{
    Acks, Checked, ChosenPartitioner, ConfigError, PartitionerClass, Plugins, Problem,
    ProducerConfig, Provided, ReporterFactory, SerializerType, SerializerTypes, Warning,
};
use crate::custom::Custom;
use crate::dialer::Dialer;
use crate::driver::{self, Network};
use crate::engine::{Engine, EngineHandle, Seed};
use crate::error::DeliveryError;
use crate::error::readable::readable_debug;
use crate::interception::Interceptors;
use crate::interceptor::{ProducerInterceptor, SharedInterceptor};
use crate::metrics::MetricsReporter;
use crate::producer::Producer;
use crate::reporting;
use crate::router::{Router, SharedRouter};
use crate::security::{TlsClient, Unusable};
use crate::settings::Settings;
use crate::warnings::{self, WarningHandler};

/// Configures a [`Producer`], or a [`blocking::Producer`](crate::blocking::Producer): each has a
/// `builder()`, and `P` is what [`build`](Self::build) returns.
///
/// The most used settings have methods of their own; [`config`](Self::config) takes all of them,
/// [`set`](Self::set) one by its Kafka name. What is set later wins. Nothing is checked before the
/// producer is built, and then everything at once.
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
#[must_use = "nothing is built before `build` is called"]
pub struct ProducerBuilder<K: ?Sized, V: ?Sized, P = Producer<K, V>> {
    config: ProducerConfig,
    key_serializer: Arc<dyn Serializer<K>>,
    value_serializer: Arc<dyn Serializer<V>>,
    serializer_types: SerializerTypes,
    partitioner: Option<SharedPartitioner>,
    interceptors: Vec<SharedInterceptor<K, V>>,
    router: Option<SharedRouter<K, V>>,
    dialer: Option<Arc<dyn Dialer>>,
    on_warning: Option<WarningHandler>,
    reporters: Vec<Box<dyn MetricsReporter>>,
    product: PhantomData<fn() -> P>,
}

/// Why a producer was not built.
///
/// ```
/// use kafka_producer::{BuildError, Producer};
///
/// match Producer::<str, str>::builder().set("linger.ms", "soon").build() {
///     Err(BuildError::Config(error)) => assert!(error.to_string().contains("linger.ms=\"soon\"")),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration is not consistent; all of its problems are listed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused a thread or an event queue.
    #[error("the producer's thread could not be started: {0}")]
    Thread(std::io::Error),
    /// The operating system gives no random numbers, which SASL needs.
    #[error("the operating system gives no random numbers for SASL: {0}")]
    Random(std::io::Error),
}

readable_debug!(
    enum BuildError {
        Config(error),
        Thread(error),
        Random(error),
    }
);

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// Configures a producer with the default serializers of `K` and `V`.
    ///
    /// ```
    /// use kafka_producer::Producer;
    ///
    /// let builder = Producer::<str, [u8]>::builder().bootstrap_servers(["localhost:9092"]);
    /// ```
    ///
    /// References have no default serializer: records lend what a producer of `str` sends.
    ///
    /// ```compile_fail
    /// let builder = kafka_producer::Producer::<&str, &str>::builder();
    /// ```
    pub fn builder() -> ProducerBuilder<K, V>
    where
        K: DefaultSerializer,
        V: DefaultSerializer,
    {
        Self::builder_with(K::Serializer::default(), V::Serializer::default())
    }

    /// Configures a producer with these serializers.
    ///
    /// ```
    /// use kafka_producer::Producer;
    /// use kafka_producer::serialize::{BigEndian, Latin1};
    ///
    /// let builder = Producer::<i64, str>::builder_with(BigEndian, Latin1);
    /// ```
    pub fn builder_with(
        key_serializer: impl Serializer<K> + 'static,
        value_serializer: impl Serializer<V> + 'static,
    ) -> ProducerBuilder<K, V> {
        ProducerBuilder::new(key_serializer, value_serializer)
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static, P: From<Producer<K, V>>> ProducerBuilder<K, V, P> {
    pub(crate) fn new<A, B>(key_serializer: A, value_serializer: B) -> Self
    where
        A: Serializer<K> + 'static,
        B: Serializer<V> + 'static,
    {
        Self {
            config: ProducerConfig::new(),
            key_serializer: Arc::new(key_serializer),
            value_serializer: Arc::new(value_serializer),
            serializer_types: SerializerTypes {
                key: SerializerType::of::<K, A>(),
                value: SerializerType::of::<V, B>(),
            },
            partitioner: None,
            interceptors: Vec::new(),
            router: None,
            dialer: None,
            on_warning: None,
            reporters: Vec::new(),
            product: PhantomData,
        }
    }

    /// Starts from this configuration instead of the one built so far.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerConfig};
    ///
    /// let config = ProducerConfig::from_properties([("bootstrap.servers", "localhost:9092")]);
    /// let producer = Producer::<str, str>::builder().config(config).build()?;
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets one property by its Kafka name.
    ///
    /// ```
    /// let builder = kafka_producer::Producer::<str, str>::builder().set("compression.type", "lz4");
    /// ```
    pub fn set(self, name: &str, value: impl Into<String>) -> Self {
        self.with(|config| config.set(name, value))
    }

    /// `bootstrap.servers`: brokers to begin with; one that answers is enough.
    ///
    /// ```
    /// let servers = ["kafka-1:9092", "kafka-2:9092"];
    /// let builder = kafka_producer::Producer::<str, str>::builder().bootstrap_servers(servers);
    /// ```
    pub fn bootstrap_servers(self, servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(|config| config.bootstrap_servers(servers))
    }

    /// `acks`.
    ///
    /// ```
    /// use kafka_producer::{Acks, Producer};
    ///
    /// let builder = Producer::<str, str>::builder().acks(Acks::Leader);
    /// ```
    pub fn acks(self, acks: Acks) -> Self {
        self.with(|config| config.acks(acks))
    }

    /// `linger.ms`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = kafka_producer::Producer::<str, str>::builder().linger(Duration::from_millis(20));
    /// ```
    pub fn linger(self, linger: std::time::Duration) -> Self {
        self.with(|config| config.linger(linger))
    }

    /// `compression.type`.
    ///
    /// ```
    /// use kafka_producer::{Compression, Producer};
    ///
    /// let builder = Producer::<str, str>::builder().compression(Compression::Zstd);
    /// ```
    pub fn compression(self, codec: Compression) -> Self {
        self.with(|config| config.compression(codec))
    }

    /// Chooses partitions with this instead of `partitioner.class`.
    ///
    /// ```
    /// use kafka_producer::{Producer, partition::RoundRobinPartitioner};
    ///
    /// let builder = Producer::<str, str>::builder().partitioner(RoundRobinPartitioner);
    /// ```
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Decides where records go by what they are before they are serialized; what it leaves to the partitioner goes
    /// where that says.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord, Route};
    ///
    /// let builder = Producer::<i64, str>::builder()
    ///     .router(|record: &ProducerRecord<'_, i64, str>| match record.key {
    ///         Some(customer) => Route::Number(*customer as u32),
    ///         None => Route::Partitioner,
    ///     });
    /// ```
    pub fn router(mut self, router: impl Router<K, V> + 'static) -> Self {
        self.router = Some(Arc::new(router));
        self
    }

    /// Adds an interceptor to the end of the chain, which begins with those of `interceptor.classes`.
    ///
    /// ```
    /// use kafka_producer::{Acknowledgement, Producer, ProducerInterceptor};
    ///
    /// struct Failures;
    ///
    /// impl<K: ?Sized, V: ?Sized> ProducerInterceptor<K, V> for Failures {
    ///     fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
    ///         if let Err(error) = acknowledgement.outcome {
    ///             eprintln!("a record for {}: {error}", acknowledgement.topic);
    ///         }
    ///     }
    /// }
    ///
    /// let builder = Producer::<str, str>::builder().interceptor(Failures);
    /// ```
    pub fn interceptor(mut self, interceptor: impl ProducerInterceptor<K, V> + 'static) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// The names by which settings may choose the program's own types
    /// ([`ProducerConfig::plugins`]).
    ///
    /// ```
    /// use kafka_producer::config::Plugins;
    /// use kafka_producer::{Producer, partition::RoundRobinPartitioner};
    ///
    /// let plugins = Plugins::new().partitioner("com.example.InTurn", || RoundRobinPartitioner);
    /// let builder = Producer::<str, str>::builder()
    ///     .plugins(plugins)
    ///     .set("partitioner.class", "com.example.InTurn");
    /// ```
    pub fn plugins(self, plugins: Plugins) -> Self {
        self.with(|config| config.plugins(plugins))
    }

    /// Opens connections with this instead of TCP: through a proxy, for example. The examples `socks5` and
    /// `http-connect` have dialers.
    ///
    /// ```
    /// use std::{io, time::Instant};
    /// use kafka_producer::{BoxedStream, Dialer, Producer};
    ///
    /// #[derive(Debug)]
    /// struct Nowhere;
    ///
    /// #[async_trait::async_trait]
    /// impl Dialer for Nowhere {
    ///     async fn dial(&self, host: &str, _port: u16, _deadline: Instant) -> io::Result<BoxedStream> {
    ///         Err(io::Error::other(format!("there is no way to {host}")))
    ///     }
    /// }
    ///
    /// let builder = Producer::<str, str>::builder().dialer(Nowhere);
    /// ```
    pub fn dialer(mut self, dialer: impl Dialer + 'static) -> Self {
        self.dialer = Some(Arc::new(dialer));
        self
    }

    /// Gives the producer's metrics to this at an interval, on a thread of its own; beside those of
    /// `metric.reporters`, and those that were given before.
    ///
    /// ```
    /// use kafka_producer::Producer;
    /// use kafka_producer::metrics::MetricsSnapshot;
    ///
    /// let builder = Producer::<str, str>::builder().metrics_reporter(|metrics: &MetricsSnapshot| {
    ///     let errors = metrics.number("producer-metrics", "record-error-total", &[]);
    ///     println!("{errors:?} records have failed");
    /// });
    /// ```
    pub fn metrics_reporter(mut self, reporter: impl MetricsReporter + 'static) -> Self {
        self.reporters.push(Box::new(reporter));
        self
    }

    /// Calls `handler` with each warning about the configuration (unknown names, settings without
    /// effect), while the producer is built.
    ///
    /// Without a handler the warnings are events of `tracing`, or of `log` if only that is set up, with
    /// the target `kafka_producer`. If neither is, they are written to standard error, so that a
    /// misspelt setting does not go unnoticed.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use kafka_producer::Producer;
    ///
    /// let (sender, warnings) = mpsc::channel();
    /// let producer = Producer::<str, str>::builder()
    ///     .bootstrap_servers(["localhost:9092"])
    ///     .set("liger.ms", "20")
    ///     .on_warning(move |warning| drop(sender.send(warning.to_string())))
    ///     .build()?;
    /// assert!(warnings.recv()?.contains("did you mean linger.ms?"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_warning(mut self, handler: impl FnMut(&Warning) + Send + 'static) -> Self {
        self.on_warning = Some(Box::new(handler));
        self
    }

    /// Checks the whole configuration and starts the producer. It connects when it is first used.
    ///
    /// ```
    /// use kafka_producer::{BuildError, Producer};
    ///
    /// let built = Producer::<str, str>::builder().set("acks", "2").build();
    /// let Err(BuildError::Config(error)) = built else { panic!("it is built") };
    /// assert_eq!(error.problems().len(), 2); // acks, and bootstrap.servers is missing
    /// ```
    ///
    /// # Errors
    /// [`BuildError::Config`] names every problem, with its value and what is allowed.
    pub fn build(self) -> Result<P, BuildError> {
        self.start().map(P::from)
    }

    /// The producer, with what it shares with its engine, for whoever takes the place of that: there is no engine and
    /// no thread.
    #[cfg(feature = "mock")]
    pub(crate) fn build_without_engine(self) -> Result<(P, Shared), BuildError> {
        let this = self.bootstrap_servers(["mock:9092"]);
        let (checked, mut interceptors) = this.config.check_for(&this.serializer_types)?;
        let settings = Arc::new(within_a_frame(checked.settings));
        warnings::report(&checked.warnings, &settings.client_id, this.on_warning);
        interceptors.extend(this.interceptors);
        let interceptors = Interceptors::new(interceptors, Arc::clone(&settings.client_id));
        let partitioner = this.partitioner;
        let partitioner = partitioner.unwrap_or_else(|| chosen(checked.partitioner));
        let shared = Shared::new(settings);
        let producer = Producer::new(
            shared.appender(partitioner),
            this.key_serializer,
            this.value_serializer,
            Custom::new(interceptors, this.router),
        );
        Ok((producer.into(), shared))
    }

    fn with(mut self, change: impl FnOnce(ProducerConfig) -> ProducerConfig) -> Self {
        self.config = change(self.config);
        self
    }

    fn start(self) -> Result<Producer<K, V>, BuildError> {
        let (checked, mut interceptors) = self.config.check_for(&self.serializer_types)?;
        let Checked {
            settings,
            partitioner,
            reporters,
            warnings,
            provided,
        } = checked;
        let tls = settings.security.tls.as_ref();
        let tls = tls.map(|tls| TlsClient::new(tls, Instant::now()));
        let tls = tls
            .transpose()
            .map_err(|found| unusable(found, &warnings, &provided))?;
        warnings::report(&warnings, &settings.client_id, self.on_warning);
        let partitioner = self.partitioner.unwrap_or_else(|| chosen(partitioner));
        let settings = Arc::new(within_a_frame(settings));
        let (engine, appender, doorbell) = assemble(&settings, partitioner, seed(&settings)?);
        let dialer = self.dialer;
        let network = Network {
            tls,
            provided,
            dialer,
        };
        let made = reporters.iter().map(ReporterFactory::make);
        let reporters = self.reporters.into_iter().chain(made).collect();
        let running = reporting::start(appender.metrics_source(), reporters);
        let running = running.map_err(BuildError::Thread)?;
        interceptors.extend(self.interceptors);
        let interceptors = Interceptors::new(interceptors, Arc::clone(&settings.client_id));
        driver::spawn(engine, settings, doorbell, network, running).map_err(BuildError::Thread)?;
        Ok(Producer::new(
            appender,
            self.key_serializer,
            self.value_serializer,
            Custom::new(interceptors, self.router),
        ))
    }
}

/// What was found out by reading what `ssl.*` names.
fn unusable(found: Vec<Unusable>, warnings: &[Warning], provided: &Provided) -> ConfigError {
    let problem = |unusable: Unusable| {
        let (name, mut value, mut reason) = (unusable.setting, unusable.value, unusable.reason);
        provided.hide_in_unusable(name, &mut value, &mut reason);
        Problem::Unusable {
            name,
            value,
            reason,
        }
    };
    ConfigError::new(found.into_iter().map(problem).collect(), warnings.to_vec())
}

/// The parts of a producer, each knowing those that it works with. The doorbell is what wakes the thread
/// that the engine is to run on.
pub(crate) fn assemble(
    settings: &Arc<Settings>,
    partitioner: SharedPartitioner,
    seed: Seed,
) -> (Engine, RecordAppender, Arc<Doorbell>) {
    let shared = Shared::new(Arc::clone(settings));
    let appender = shared.appender(partitioner);
    let doorbell = Arc::clone(shared.accumulator.doorbell());
    let now = Instant::now();
    let engine = Engine::new(
        shared.settings,
        shared.accumulator,
        shared.handle,
        seed,
        now,
    );
    (engine, appender, doorbell)
}

/// What callers and an engine share.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) handle: Arc<EngineHandle>,
}

impl Shared {
    fn new(settings: Arc<Settings>) -> Self {
        let doorbell = Arc::new(Doorbell::new());
        let accumulator = Accumulator::new(
            settings.accumulator,
            Arc::clone(&doorbell),
            DeliveryError::abandoned,
        );
        Self {
            settings,
            accumulator: Arc::new(accumulator),
            handle: Arc::new(EngineHandle::new(doorbell)),
        }
    }

    fn appender(&self, partitioner: SharedPartitioner) -> RecordAppender {
        let (settings, accumulator) = (&self.settings, &self.accumulator);
        RecordAppender::new(
            Arc::clone(settings),
            Arc::clone(accumulator),
            Arc::clone(&self.handle),
            partitioner,
        )
    }
}

/// A frame's length is an `i32`: batches and requests stay below that, whatever the settings allow.
fn within_a_frame(mut settings: Settings) -> Settings {
    settings.max_request_bytes = settings.max_request_bytes.min(REQUEST_BYTES_MAX);
    let batch_size = settings.accumulator.batch_size;
    settings.accumulator.batch_size = batch_size.min(REQUEST_BYTES_MAX);
    settings
}

/// Two GiB, less what a request has beside its records.
const REQUEST_BYTES_MAX: usize = i32::MAX as usize - (1 << 20);

fn chosen(partitioner: ChosenPartitioner) -> SharedPartitioner {
    match partitioner {
        ChosenPartitioner::Plugin(factory) => factory.make(),
        ChosenPartitioner::BuiltIn(PartitionerClass::RoundRobin) => Arc::new(RoundRobinPartitioner),
        ChosenPartitioner::BuiltIn(PartitionerClass::UniformSticky) => {
            Arc::new(UniformStickyPartitioner)
        }
        // No setting chooses the built-in class `Plugin`.
        ChosenPartitioner::BuiltIn(PartitionerClass::Default | PartitionerClass::Plugin) => {
            Arc::new(DefaultPartitioner::new())
        }
    }
}

/// Different for each producer, so that their backoffs do not coincide. The secret is needed for SASL
/// alone.
fn seed(settings: &Settings) -> Result<Seed, BuildError> {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write(settings.client_id.as_bytes());
    let mut secret = [0; 32];
    if settings.security.sasl.is_some() {
        getrandom::fill(&mut secret).map_err(|error| BuildError::Random(error.into()))?;
    }
    Ok(Seed {
        chance: hasher.finish(),
        secret,
    })
}

impl<K: ?Sized, V: ?Sized, P> fmt::Debug for ProducerBuilder<K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
