//! What a person who runs the program should know: a state that has changed, told once. Data and its words only:
//! `reports.rs` decides what is told, and the driver where it goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::AuthenticationError;

/// Something that a person should know. `Display` is a sentence with what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A broker cannot be reached.
    Unreachable {
        /// Its id and its address.
        broker: Arc<str>,
        /// The system's words, or what was wrong with an answer.
        why: Arc<str>,
    },
    /// The connection to a broker was lost.
    Lost {
        /// Its id and its address.
        broker: Arc<str>,
        /// The system's words.
        why: Arc<str>,
        /// How many of its requests were not answered.
        unanswered: usize,
    },
    /// A broker of which something was told answers.
    Back {
        /// Its id and its address.
        broker: Arc<str>,
    },
    /// A broker has refused to authenticate the producer, or cannot be authenticated.
    NotAuthenticated(AuthenticationError),
    /// A broker asks to be left alone, because a quota is used up (KIP-219).
    Throttled {
        /// Its id and its address.
        broker: Arc<str>,
        /// For how long.
        time: Duration,
    },
    /// A connection, or all of them, led to another broker or cluster.
    Elsewhere(String),
    /// The producer begins anew with the bootstrap servers.
    Rebootstrap {
        /// Why.
        why: Arc<str>,
    },
    /// A topic that somebody writes to does not exist.
    TopicUnknown {
        /// Its name.
        topic: Arc<str>,
    },
    /// It does now.
    TopicKnown {
        /// Its name.
        topic: Arc<str>,
    },
    /// Somebody writes to a partition that its topic does not have.
    PartitionUnknown {
        /// The topic's name.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// How many partitions there are.
        partitions: i32,
    },
    /// Nobody leads a partition that is written to.
    Leaderless {
        /// Of the partition.
        topic: Arc<str>,
        /// Of the topic.
        partition: i32,
    },
    /// Somebody does again.
    Led {
        /// Of the partition.
        topic: Arc<str>,
        /// Of the topic.
        partition: i32,
        /// The id of its leader.
        leader: i32,
    },
    /// The producer goes on under another id or epoch.
    Renewed {
        /// The id.
        producer_id: i64,
        /// The epoch.
        epoch: i16,
    },
    /// The open transaction cannot be committed any more.
    Doomed {
        /// Why.
        why: Arc<str>,
    },
    /// A caller has waited for memory in vain.
    MemoryFull {
        /// What the oldest batch waits for, if that is known.
        why: Option<Arc<str>>,
    },
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Something is wrong, and somebody may have to do something.
    Warning,
    /// It is well, or gets well by itself.
    Information,
}

impl Event {
    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Lost { unanswered: 0, .. }
            | Self::Back { .. }
            | Self::Throttled { .. }
            | Self::TopicKnown { .. }
            | Self::Led { .. }
            | Self::Renewed { .. } => Weight::Information,
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::NotAuthenticated(_)
            | Self::Elsewhere(_)
            | Self::Rebootstrap { .. }
            | Self::TopicUnknown { .. }
            | Self::PartitionUnknown { .. }
            | Self::Leaderless { .. }
            | Self::Doomed { .. }
            | Self::MemoryFull { .. } => Weight::Warning,
        }
    }

    /// The broker that it is about.
    pub fn broker(&self) -> Option<&str> {
        match self {
            Self::Unreachable { broker, .. }
            | Self::Lost { broker, .. }
            | Self::Back { broker }
            | Self::Throttled { broker, .. } => Some(broker),
            Self::NotAuthenticated(refused) => Some(&refused.broker),
            _ => None,
        }
    }

    /// The topic that it is about.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::TopicUnknown { topic }
            | Self::TopicKnown { topic }
            | Self::PartitionUnknown { topic, .. }
            | Self::Leaderless { topic, .. }
            | Self::Led { topic, .. } => Some(topic),
            _ => None,
        }
    }

    /// The partition of the topic.
    pub fn partition(&self) -> Option<i32> {
        match self {
            Self::PartitionUnknown { partition, .. }
            | Self::Leaderless { partition, .. }
            | Self::Led { partition, .. } => Some(*partition),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { broker, why } => {
                write!(f, "{broker} cannot be reached: {why}; it is tried again")
            }
            Self::Lost {
                broker,
                why,
                unanswered: 0,
            } => write!(
                f,
                "the connection to {broker} was lost: {why}; nothing was on its way"
            ),
            Self::Lost {
                broker,
                why,
                unanswered,
            } => write!(
                f,
                "the connection to {broker} was lost: {why}; {unanswered} request(s) had no answer, and what may be \
                 sent again is"
            ),
            Self::Back { broker } => write!(f, "{broker} answers again"),
            Self::NotAuthenticated(refused) => write!(
                f,
                "{refused}; what needs this broker fails until that is mended"
            ),
            Self::Throttled { broker, time } => {
                let time_ms = time.as_millis();
                write!(
                    f,
                    "{broker} asks to be left alone for {time_ms} ms, because a quota is used up: records for it wait"
                )
            }
            Self::Elsewhere(what) => f.write_str(what),
            Self::Rebootstrap { why } => write!(
                f,
                "all known brokers are left, and the bootstrap servers asked: {why}"
            ),
            Self::TopicUnknown { topic } => write!(
                f,
                "topic {topic} does not exist: records for it wait for max.block.ms, and then fail"
            ),
            Self::TopicKnown { topic } => write!(f, "topic {topic} exists now"),
            Self::PartitionUnknown {
                topic,
                partition,
                partitions,
            } => partition_unknown(f, topic, *partition, *partitions),
            Self::Leaderless { topic, partition } => write!(
                f,
                "{topic}-{partition} has no leader: its records wait until one is elected, for \
                 delivery.timeout.ms at most"
            ),
            Self::Led {
                topic,
                partition,
                leader,
            } => write!(f, "{topic}-{partition} is led by broker {leader} now"),
            Self::Renewed { producer_id, epoch } => write!(
                f,
                "the producer goes on as id {producer_id}, epoch {epoch}, because a batch has failed or its number \
                 was refused; nothing is sent twice"
            ),
            Self::Doomed { why } => write!(
                f,
                "the transaction cannot be committed any more, and is to be aborted: {why}"
            ),
            Self::MemoryFull { why } => memory_full(f, why.as_deref()),
        }
    }
}

fn partition_unknown(
    f: &mut fmt::Formatter<'_>,
    topic: &str,
    partition: i32,
    partitions: i32,
) -> fmt::Result {
    let last = partitions - 1;
    write!(
        f,
        "partition {partition} of topic {topic} does not exist: it has {partitions} (0 to {last}); records for it wait for \
         max.block.ms, and then fail"
    )
}

fn memory_full(f: &mut fmt::Formatter<'_>, why: Option<&str>) -> fmt::Result {
    f.write_str("a send has waited for buffer.memory in vain: ")?;
    match why {
        Some(why) => write!(f, "the oldest batch waits, because {why}"),
        None => f.write_str("the brokers do not keep up"),
    }
}
