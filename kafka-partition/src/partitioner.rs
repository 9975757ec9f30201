//! What every partitioner is: called once per record, and told once per full batch.
//!
//! It stands between serialization and the accumulator. All threads that send share one
//! partitioner, so its state is atomic, or belongs to the topic's
//! [`StickyState`](crate::StickyState). It never waits: topic and leaders are already known.

use std::fmt::Debug;
use std::sync::Arc;

use crate::topic::{RecordView, TopicView};

/// Chooses the partition of a record that names none.
///
/// Later versions may tell more through new parts of [`TopicView`] and new provided methods: what is
/// written today keeps compiling.
///
/// ```
/// use kafka_partition::{DefaultPartitioner, RecordView, Partitioner, StickyState, TopicView};
///
/// /// Audit records go to the last partition, all others as usual.
/// #[derive(Debug, Default)]
/// struct AuditLast(DefaultPartitioner);
///
/// impl Partitioner for AuditLast {
///     fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
///         match record.key {
///             Some(key) if key.starts_with(b"audit-") => topic.last_partition(),
///             _ => self.0.partition(topic, record),
///         }
///     }
///
///     fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
///         self.0.batch_filled(topic, partition);
///     }
/// }
///
/// let sticky = StickyState::new(1);
/// let topic = TopicView::new("orders", 3, &[], &sticky);
/// let audit = RecordView::new(Some(b"audit-9"), None);
/// assert_eq!(AuditLast::default().partition(&topic, &audit), 2);
/// ```
pub trait Partitioner: Send + Sync + Debug {
    /// The record's partition, in `0..topic.partitions`.
    ///
    /// Called once per record, also when the record has to wait for memory afterwards: a partitioner
    /// that counts records skips no partition (KAFKA-9965).
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32;

    /// The open batch of `partition` is full: a sticky partitioner should choose another.
    ///
    /// Called by the thread that appended, once per full batch, and in the midst of a batch that begins
    /// with `batch.size` bytes sent early before it, if it gets as large. Calling it too often only makes
    /// smaller batches; choices by key do not depend on it.
    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        let _ = (topic, partition);
    }

    /// The record would open a batch in `partition`, to which `batch.size` bytes went in batches that
    /// were sent before they were full (linger, flush): where it goes instead, or `partition`.
    ///
    /// A sticky partitioner moves on here, between two batches, so that slow producers spread evenly,
    /// too, and leave no fractional batches behind (KIP-794). One that counts records stays. Provided:
    /// the record stays, and the next ones go where [`batch_filled`](Self::batch_filled) leads.
    fn move_on(&self, topic: &TopicView<'_>, record: &RecordView<'_>, partition: i32) -> i32 {
        let _ = record;
        self.batch_filled(topic, partition);
        partition
    }
}

impl<P: Partitioner + ?Sized> Partitioner for Arc<P> {
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        (**self).partition(topic, record)
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        (**self).batch_filled(topic, partition);
    }

    fn move_on(&self, topic: &TopicView<'_>, record: &RecordView<'_>, partition: i32) -> i32 {
        (**self).move_on(topic, record, partition)
    }
}

impl<P: Partitioner + ?Sized> Partitioner for Box<P> {
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        (**self).partition(topic, record)
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        (**self).batch_filled(topic, partition);
    }

    fn move_on(&self, topic: &TopicView<'_>, record: &RecordView<'_>, partition: i32) -> i32 {
        (**self).move_on(topic, record, partition)
    }
}
