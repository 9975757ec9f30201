//! What every partitioner is: one question per record, one notice per full batch.
//!
//! It stands between serialization and the accumulator. An implementation is shared by all
//! threads that send, so whatever it remembers is atomic, or belongs to the topic's
//! [`StickyState`](crate::StickyState). It never waits: topic and leaders are already known.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{Keyed, TopicView};

/// Chooses the partition of a record that names none.
///
/// Later versions may tell more (queue lengths for the adaptive choice of KIP-794) through new
/// parts of [`TopicView`] and new provided methods: what is written today keeps compiling.
///
/// ```
/// use kafka_partition::{DefaultPartitioner, Keyed, Partitioner, StickyState, TopicView};
///
/// /// Audit records go to the last partition, all others as usual.
/// #[derive(Debug, Default)]
/// struct AuditLast(DefaultPartitioner);
///
/// impl Partitioner for AuditLast {
///     fn partition(&self, topic: &TopicView<'_>, record: &Keyed<'_>) -> i32 {
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
/// let audit = Keyed { key: Some(b"audit-9"), value: None };
/// assert_eq!(AuditLast::default().partition(&topic, &audit), 2);
/// ```
pub trait Partitioner: Send + Sync + Debug {
    /// The record's partition, in `0..topic.partitions`.
    ///
    /// Called once per record, also when the record has to wait for memory afterwards.
    fn partition(&self, topic: &TopicView<'_>, record: &Keyed<'_>) -> i32;

    /// The open batch of `partition` got its fill: a sticky choice of it should move on.
    ///
    /// To be called by the thread that appended, once per batch that is full. A caller whose
    /// batches leave early (linger, flush) calls it as well once `batch.size` bytes went to the
    /// partition, so that slow producers spread evenly too (KIP-794). Saying it too often costs
    /// nothing but smaller batches; keyed choices do not depend on it.
    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        let _ = (topic, partition);
    }
}

impl<P: Partitioner + ?Sized> Partitioner for Arc<P> {
    fn partition(&self, topic: &TopicView<'_>, record: &Keyed<'_>) -> i32 {
        (**self).partition(topic, record)
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        (**self).batch_filled(topic, partition);
    }
}

impl<P: Partitioner + ?Sized> Partitioner for Box<P> {
    fn partition(&self, topic: &TopicView<'_>, record: &Keyed<'_>) -> i32 {
        (**self).partition(topic, record)
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        (**self).batch_filled(topic, partition);
    }
}
