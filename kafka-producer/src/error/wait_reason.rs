//! What keeps a record, or a caller, waiting: the answer to "why was it not sent?" when its time is
//! up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_wire::{ApiKey, ErrorCode, VersionRange};

use super::authentication::AuthenticationError;
use super::readable::readable_debug;

/// What is in the way of a record that is not sent, or of a call that is not done.
///
/// ```
/// use kafka_producer::error::{DeliveryError, WaitReason};
///
/// fn is_network(error: &DeliveryError) -> bool {
///     matches!(error.history().wait_reason, Some(WaitReason::Connection { .. }))
/// }
/// assert_eq!(WaitReason::NoBroker.to_string(), "the cluster knows of no broker");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// A broker could not be reached, or its connection was lost.
    #[non_exhaustive]
    Connection {
        /// Its id and its address, as the cluster or `bootstrap.servers` tells it.
        broker: Arc<str>,
        /// The system's words, or what was wrong with an answer.
        reason: Arc<str>,
    },
    /// A connection to a broker is being made, or is still silent.
    #[non_exhaustive]
    Connecting {
        /// Its id and its address.
        broker: Arc<str>,
    },
    /// A server has accepted the connection, and has not said anything yet.
    #[non_exhaustive]
    Silent {
        /// Its id and its address.
        broker: Arc<str>,
    },
    /// A broker throttles the producer (KIP-219).
    #[non_exhaustive]
    Throttled {
        /// Its id and its address.
        broker: Arc<str>,
        /// For how much longer.
        left: Duration,
    },
    /// A broker lacks an API that is needed.
    Unsupported(Unsupported),
    /// A broker has refused to authenticate the producer, or cannot be authenticated.
    Authentication(AuthenticationError),
    /// None of the servers to begin with can be used.
    NoServer(NoServer),
    /// The cluster knows of no broker.
    NoBroker,
    /// No leader of the partition is known, or it is not among the cluster's brokers.
    #[non_exhaustive]
    NoLeader {
        /// Why none is known.
        why: Option<Arc<Self>>,
    },
    /// There is no producer id yet.
    #[non_exhaustive]
    NoProducerId {
        /// Why not.
        why: Option<Arc<Self>>,
    },
    /// The transaction's coordinator has not registered this partition yet.
    #[non_exhaustive]
    Coordinator {
        /// Why not.
        why: Option<Arc<Self>>,
    },
    /// A broker has refused a request.
    #[non_exhaustive]
    Refused {
        /// Which, by its name in the protocol.
        request: &'static str,
        /// Its error code.
        code: ErrorCode,
        /// Its message.
        message: Option<Arc<str>>,
    },
    /// A request has no answer yet, or had one without a result.
    #[non_exhaustive]
    Unanswered {
        /// Which, by its name in the protocol.
        request: &'static str,
    },
    /// A broker could not be reached, and is tried again later.
    #[non_exhaustive]
    Unreachable {
        /// Why it could not.
        why: Arc<Self>,
        /// The time to the next attempt.
        next: Duration,
    },
    /// The topic is not known yet.
    #[non_exhaustive]
    TopicUnknown {
        /// For how long it has been asked about.
        asked: Duration,
        /// Why it is not known.
        why: Option<Arc<Self>>,
    },
    /// The topic has no such partition, as far as is known.
    #[non_exhaustive]
    NoPartition {
        /// How many it has.
        partitions: i32,
    },
    /// The batch takes more records (`linger.ms`).
    #[non_exhaustive]
    Lingering {
        /// For how much longer.
        left: Duration,
    },
    /// The batch pauses between two attempts (`retry.backoff.ms`).
    #[non_exhaustive]
    BackingOff {
        /// For how much longer.
        left: Duration,
        /// What the last attempt ended with.
        after: Option<ErrorCode>,
    },
    /// The batch was sent, and is not answered.
    #[non_exhaustive]
    InFlight {
        /// The broker's id and its address.
        broker: Arc<str>,
        /// How long ago.
        since: Duration,
    },
    /// The leader has as many produce requests as it may (`max.in.flight.requests.per.connection`).
    #[non_exhaustive]
    WindowFull {
        /// Its id and its address.
        broker: Arc<str>,
        /// How many.
        requests: usize,
        /// How long ago the oldest was sent.
        oldest: Duration,
    },
    /// Other batches of the partition must be answered first, for the order.
    EarlierBatch,
    /// The leader has the batch in its log; the next acknowledgement tells whether all replicas have it.
    #[non_exhaustive]
    Unconfirmed {
        /// Its id and its address.
        broker: Arc<str>,
    },
    /// Memory (`buffer.memory`) that others' records take.
    #[non_exhaustive]
    Memory {
        /// What the oldest of those records wait for.
        why: Option<Arc<Self>>,
    },
    /// Nothing: it is sent next.
    Due,
}

impl WaitReason {
    /// A broker has refused a request, without a message.
    pub(crate) fn refused(request: &'static str, code: ErrorCode) -> Self {
        let message = None;
        Self::Refused {
            request,
            code,
            message,
        }
    }

    /// The protocol's error code, where one is the reason.
    ///
    /// ```
    /// use kafka_producer::error::WaitReason;
    ///
    /// assert_eq!(WaitReason::NoBroker.code(), None);
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Unsupported(_) => Some(ErrorCode::UNSUPPORTED_VERSION),
            Self::NoLeader { why }
            | Self::NoProducerId { why }
            | Self::Coordinator { why }
            | Self::TopicUnknown { why, .. }
            | Self::Memory { why } => why.as_ref()?.code(),
            Self::BackingOff { after, .. } => *after,
            _ => None,
        }
    }
}

/// A code with the broker's message, or with the protocol's.
pub(super) fn told(
    f: &mut fmt::Formatter<'_>,
    code: ErrorCode,
    message: &Option<Arc<str>>,
) -> fmt::Result {
    match message {
        Some(message) => write!(f, "{code:?}: {message}"),
        None => write!(f, "{code}"),
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection { broker, reason } => write!(f, "{broker}: {reason}"),
            Self::Connecting { broker } => write!(f, "{broker}: not connected yet"),
            Self::Silent { broker } => write!(f, "{broker}: {SILENT}"),
            Self::Throttled { broker, left } => {
                let left_ms = left.as_millis();
                write!(
                    f,
                    "{broker} asks to be left alone for {left_ms} ms (throttled)"
                )
            }
            Self::Unsupported(unsupported) => write!(f, "{unsupported}"),
            Self::Authentication(refused) => write!(f, "{refused}"),
            Self::NoServer(servers) => write!(f, "{servers}"),
            Self::NoBroker => f.write_str("the cluster knows of no broker"),
            Self::NoLeader { why } => with_reason(f, "the partition has no leader", why),
            Self::NoProducerId { why } => with_reason(f, "there is no producer id yet", why),
            Self::Coordinator { why } => {
                with_reason(f, "the transaction's coordinator is waited for", why)
            }
            Self::Refused {
                request,
                code,
                message,
            } => {
                write!(f, "{request} was refused: ")?;
                told(f, *code, message)
            }
            Self::Unanswered { request } => write!(f, "{request} was not answered"),
            Self::NoPartition { partitions } => {
                write!(
                    f,
                    "the topic has {partitions} partition(s), as far as is known"
                )
            }
            Self::TopicUnknown { asked, why } => {
                let asked_ms = asked.as_millis();
                let what = format!("the topic is not known, and asked about for {asked_ms} ms");
                with_reason(f, &what, why)
            }
            Self::Memory { why } => with_reason(f, "buffer.memory is taken by other records", why),
            in_time => in_time.tell_time(f),
        }
    }
}

impl WaitReason {
    /// In words, where it ends by itself or by an answer.
    fn tell_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { why, next } => {
                let next_ms = next.as_millis();
                write!(
                    f,
                    "{why}; the next attempt to connect is due in {next_ms} ms"
                )
            }
            Self::Lingering { left } => {
                let left_ms = left.as_millis();
                write!(f, "it lingers for {left_ms} ms more (linger.ms)")
            }
            Self::BackingOff { left, after } => {
                let left_ms = left.as_millis();
                write!(f, "it is sent again in {left_ms} ms")?;
                after.map_or(Ok(()), |code| write!(f, ", after {code:?}"))
            }
            Self::InFlight { broker, since } => {
                let since_ms = since.as_millis();
                write!(
                    f,
                    "in a request to {broker}, sent {since_ms} ms ago and not answered"
                )
            }
            Self::WindowFull {
                broker,
                requests,
                oldest,
            } => {
                let oldest_ms = oldest.as_millis();
                write!(
                    f,
                    "{broker} has not answered {requests} produce request(s), the oldest of {oldest_ms} ms ago \
                     (max.in.flight.requests.per.connection)"
                )
            }
            Self::EarlierBatch => {
                f.write_str("other batches of the partition must be answered first")
            }
            Self::Unconfirmed { broker } => write!(
                f,
                "it is in the log of {broker}, and the next acknowledgement tells whether for good"
            ),
            _ => f.write_str("nothing is in the way: it is sent next"),
        }
    }
}

/// What a server that is silent has done.
const SILENT: &str = "it accepts connections and has not answered yet: is it a Kafka broker?";

fn with_reason(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    why: &Option<Arc<WaitReason>>,
) -> fmt::Result {
    match why {
        Some(why) => write!(f, "{what} ({why})"),
        None => f.write_str(what),
    }
}

/// None of the servers that were tried can be used.
///
/// ```
/// use kafka_producer::error::{SendError, WaitReason};
///
/// fn is_cluster_away(error: &SendError) -> bool {
///     matches!(error, SendError::TopicUnknown { last: Some(WaitReason::NoServer(_)), .. })
/// }
/// assert!(!is_cluster_away(&SendError::Closed));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoServer {
    /// Those of `bootstrap.servers`; and the brokers of the cluster, if they were known.
    pub failures: Arc<[ServerFailure]>,
}

/// A server, and why it cannot be used.
///
/// ```
/// use kafka_producer::error::ServerFailure;
///
/// fn log(failure: &ServerFailure) {
///     eprintln!("{failure}"); // 127.0.0.1:9092: Connection refused
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerFailure {
    /// Its address, as `bootstrap.servers` or the cluster tells it.
    pub server: Arc<str>,
    /// Why it cannot be used.
    pub why: WaitReason,
}

impl NoServer {
    pub(crate) fn new(failures: Vec<ServerFailure>) -> Self {
        Self {
            failures: failures.into(),
        }
    }
}

impl ServerFailure {
    pub(crate) fn new(server: Arc<str>, why: WaitReason) -> Self {
        Self { server, why }
    }
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let silent = |failure: &ServerFailure| {
            let why = &failure.why;
            matches!(
                why,
                WaitReason::Connection { .. }
                    | WaitReason::Connecting { .. }
                    | WaitReason::Silent { .. }
            )
        };
        f.write_str(match self.failures.iter().all(silent) {
            true => "no bootstrap server answers: ",
            false => "no bootstrap server can be used: ",
        })?;
        for (index, failure) in self.failures.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{failure}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.server;
        match &self.why {
            WaitReason::Connection { reason, .. } => write!(f, "{server}: {reason}"),
            WaitReason::Connecting { .. } => write!(f, "{server}: not connected yet"),
            WaitReason::Silent { .. } => write!(f, "{server}: {SILENT}"),
            // These name it themselves.
            WaitReason::Authentication(_)
            | WaitReason::Unsupported(_)
            | WaitReason::Throttled { .. } => write!(f, "{}", self.why),
            why => write!(f, "{server}: {why}"),
        }
    }
}

/// A broker and this producer have no version of an API in common.
///
/// ```
/// use kafka_producer::SendError;
///
/// fn outdated_broker(error: &SendError) -> Option<&str> {
///     match error {
///         SendError::Unsupported(unsupported) => Some(&unsupported.broker),
///         _ => None,
///     }
/// }
/// assert_eq!(outdated_broker(&SendError::Closed), None);
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Unsupported {
    /// The broker's id and its address.
    pub broker: Arc<str>,
    /// The API that is needed.
    pub api: ApiKey,
    /// The versions that the broker speaks; `None`: none.
    pub theirs: Option<VersionRange>,
    /// The versions that this producer speaks.
    pub ours: VersionRange,
}

readable_debug!(struct Unsupported { broker, api, theirs, ours });

impl Unsupported {
    /// What would help.
    fn remedy(&self) -> &'static str {
        match self.theirs {
            Some(theirs) if theirs.oldest > self.ours.latest => "it takes a newer producer",
            Some(_) if self.api == ApiKey::API_VERSIONS => "it refuses those that both speak",
            _ if self.api == ApiKey::INIT_PRODUCER_ID && self.ours.oldest == 0 => {
                "set enable.idempotence=false, or use Kafka 0.11 or newer"
            }
            _ if self.ours.oldest >= 3 && self.api != ApiKey::PRODUCE => {
                "transactions take Kafka 2.5 or newer"
            }
            // Every broker does.
            None if self.api == ApiKey::METADATA => {
                "it is the port of a controller (KRaft): name a port of a broker in bootstrap.servers"
            }
            _ if self.api == ApiKey::METADATA || self.api == ApiKey::PRODUCE => {
                "it takes Kafka 0.11 or newer"
            }
            _ => "it takes a newer Kafka",
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            broker,
            api,
            theirs,
            ours,
        } = self;
        let api = api.name().unwrap_or("an API");
        match theirs {
            Some(theirs) => write!(f, "{broker} speaks {api} {theirs}, this producer {ours}")?,
            None => write!(f, "{broker} does not speak {api} (this producer: {ours})")?,
        }
        write!(f, ": {}", self.remedy())
    }
}

/// For the end of a message: the reason, if it is known.
pub(super) fn because(last: &Option<WaitReason>) -> String {
    last.as_ref()
        .map(|last| format!(" (reason: {last})"))
        .unwrap_or_default()
}
