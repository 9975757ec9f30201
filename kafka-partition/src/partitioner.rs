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
/// Later versions may tell more (queue lengths for the adaptive choice of KIP-794) through new
/// parts of [`TopicView`] and new provided methods: what is written today keeps compiling.
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
    /// Called once per record, also when the record has to wait for memory afterwards.
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32;

    /// The open batch of `partition` is full: a sticky partitioner should choose another.
    ///
    /// Called by the thread that appended, once per full batch, and for batches that are sent early
    /// (linger, flush) as soon as `batch.size` bytes went to the partition, so that slow producers
    /// spread evenly, too (KIP-794). Calling it too often only makes smaller batches; choices by
    /// key do not depend on it.
    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        let _ = (topic, partition);
    }
}

impl<P: Partitioner + ?Sized> Partitioner for Arc<P> {
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        (**self).partition(topic, record)
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        (**self).batch_filled(topic, partition);
    }
}

impl<P: Partitioner + ?Sized> Partitioner for Box<P> {
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        (**self).partition(topic, record)
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        (**self).batch_filled(topic, partition);
    }
}
