//! Offsets of a consumer that are committed with a transaction (KIP-98, KIP-447).
//!
//! A program that consumes, transforms and produces sends the offsets it has consumed with the
//! records it has made of them: both become visible together or not at all. The consumer is not part
//! of this crate: any may be used, and its group and offsets are passed in.

use std::sync::Arc;

use crate::error::Misuse;

/// An offset to be committed for a group: the next one that it is to consume.
///
/// ```
/// use kafka_producer::OffsetToCommit;
///
/// let offset = OffsetToCommit::new("orders", 3, 1042).metadata("after the coffee break");
/// assert_eq!((offset.partition, offset.offset), (3, 1042));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OffsetToCommit {
    /// The topic that was consumed.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// The offset after the last record that was consumed, 0 or more.
    pub offset: i64,
    /// The leader epoch of that record, if it is known (KIP-320); a negative one is none.
    pub leader_epoch: Option<i32>,
    /// Any text, stored with the offset.
    pub metadata: Option<String>,
}

impl OffsetToCommit {
    /// The group goes on with `offset` in this partition.
    ///
    /// ```
    /// let offset = kafka_producer::OffsetToCommit::new("orders", 3, 1042);
    /// assert_eq!(offset.leader_epoch, None);
    /// ```
    pub fn new(topic: impl Into<Arc<str>>, partition: i32, offset: i64) -> Self {
        Self {
            topic: topic.into(),
            partition,
            offset,
            leader_epoch: None,
            metadata: None,
        }
    }

    /// Whether the protocol can carry its names.
    pub(crate) fn check_lengths(&self) -> Result<(), Misuse> {
        fits("topic of an offset", &self.topic)?;
        fits(
            "metadata of an offset",
            self.metadata.as_deref().unwrap_or_default(),
        )
    }

    /// With the leader epoch of the last record that was consumed.
    ///
    /// ```
    /// let offset = kafka_producer::OffsetToCommit::new("orders", 3, 1042).leader_epoch(7);
    /// assert_eq!(offset.leader_epoch, Some(7));
    /// ```
    #[must_use]
    pub fn leader_epoch(mut self, leader_epoch: i32) -> Self {
        self.leader_epoch = Some(leader_epoch);
        self
    }

    /// With this text, which is stored with the offset.
    ///
    /// ```
    /// let offset = kafka_producer::OffsetToCommit::new("orders", 3, 1042).metadata("by hand");
    /// assert_eq!(offset.metadata.as_deref(), Some("by hand"));
    /// ```
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = Some(metadata.into());
        self
    }
}

/// The protocol limits the length of its strings.
fn fits(what: &'static str, name: &str) -> Result<(), Misuse> {
    match name.len() {
        0..=kafka_wire::STRING_BYTES_MAX => Ok(()),
        bytes => Err(Misuse::TooLong { what, bytes }),
    }
}

/// The consumer group, and the member of it, whose offsets are sent: the group's coordinator checks
/// them, so that a member that was replaced commits nothing (KIP-447).
///
/// ```
/// use kafka_producer::ConsumerGroupMetadata;
///
/// let group = ConsumerGroupMetadata::new("billing").member("consumer-1-6f1c", 7);
/// assert_eq!(group.generation, 7);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConsumerGroupMetadata {
    /// `group.id`, which is not empty.
    pub id: Arc<str>,
    /// The generation in which it was joined; -1: unknown, and not checked.
    pub generation: i32,
    /// The member's id in that generation; empty: unknown.
    pub member_id: String,
    /// `group.instance.id` of a static member.
    pub instance_id: Option<String>,
}

impl ConsumerGroupMetadata {
    /// A group of which only the id is known: its members are not checked.
    ///
    /// ```
    /// let group = kafka_producer::ConsumerGroupMetadata::new("billing");
    /// assert_eq!(group.generation, -1);
    /// ```
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            generation: -1,
            member_id: String::new(),
            instance_id: None,
        }
    }

    /// Whether the protocol can carry its names.
    pub(crate) fn check_lengths(&self) -> Result<(), Misuse> {
        fits("id of the group", &self.id)?;
        fits("id of the group's member", &self.member_id)?;
        fits(
            "group instance id",
            self.instance_id.as_deref().unwrap_or_default(),
        )
    }

    /// As this member of this generation.
    ///
    /// ```
    /// let group = kafka_producer::ConsumerGroupMetadata::new("billing").member("consumer-1-6f1c", 7);
    /// assert_eq!(group.member_id, "consumer-1-6f1c");
    /// ```
    #[must_use]
    pub fn member(mut self, member_id: impl Into<String>, generation: i32) -> Self {
        self.member_id = member_id.into();
        self.generation = generation;
        self
    }

    /// As a static member (KIP-345).
    ///
    /// ```
    /// let group = kafka_producer::ConsumerGroupMetadata::new("billing").instance("till-7");
    /// assert_eq!(group.instance_id.as_deref(), Some("till-7"));
    /// ```
    #[must_use]
    pub fn instance(mut self, instance_id: impl Into<String>) -> Self {
        self.instance_id = Some(instance_id.into());
        self
    }
}

/// Rejects what no coordinator would accept, by the rules of Kafka's own client.
#[cfg(feature = "tokio")]
pub(crate) fn check(
    offsets: &[OffsetToCommit],
    group: &ConsumerGroupMetadata,
) -> Result<(), Misuse> {
    if group.id.is_empty() {
        return Err(Misuse::NoGroupId);
    }
    if group.generation > 0 && group.member_id.is_empty() {
        return Err(Misuse::NoMemberId);
    }
    match offsets.iter().find(|offset| offset.offset < 0) {
        None => Ok(()),
        Some(invalid) => Err(Misuse::NegativeOffset {
            topic: Arc::clone(&invalid.topic),
            partition: invalid.partition,
            offset: invalid.offset,
        }),
    }
}
