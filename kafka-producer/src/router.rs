//! Routers: where a record goes, as a program decides that knows its types.
//!
//! A [`Partitioner`](crate::partition::Partitioner) sees the bytes of key and value; a router sees the record before
//! it is serialized, with its headers. It is asked first, and once for each record: before the topic is known, if
//! the record has to wait for that. So it names a partition, or a number of which the partition is made.

use std::sync::Arc;

use crate::record::ProducerRecord;

/// Decides where records go by their keys, values and headers.
///
/// A function does, too. It is not asked about a record that names its partition. It is called on the thread that
/// sends, and may be called by many at once. If it panics, so does the `send`; nothing was accepted then.
///
/// ```
/// use kafka_producer::{Producer, ProducerRecord, Route};
///
/// /// All orders of a customer go to one partition, whatever else is in their keys.
/// struct OrderKey {
///     customer: u32,
///     number: u64,
/// }
///
/// fn by_customer(record: &ProducerRecord<'_, OrderKey, str>) -> Route {
///     match record.key {
///         Some(key) => Route::Number(key.customer),
///         None => Route::Partitioner,
///     }
/// }
///
/// # struct Text;
/// # impl kafka_producer::serialize::Serializer<OrderKey> for Text {
/// #     fn serialize<'a>(
/// #         &self,
/// #         _: &mut kafka_producer::serialize::Context<'_>,
/// #         key: &'a OrderKey,
/// #         scratch: &'a mut Vec<u8>,
/// #     ) -> Result<Option<&'a [u8]>, kafka_producer::serialize::SerializeError> {
/// #         scratch.extend_from_slice(&key.number.to_be_bytes());
/// #         Ok(Some(scratch))
/// #     }
/// # }
/// let builder = Producer::<OrderKey, str>::builder_with(Text, kafka_producer::serialize::Utf8)
///     .router(by_customer);
/// ```
pub trait Router<K: ?Sized, V: ?Sized>: Send + Sync {
    /// Where this record goes.
    fn route(&self, record: &ProducerRecord<'_, K, V>) -> Route;
}

/// What a router says of a record.
///
/// ```
/// use kafka_producer::{ProducerRecord, Route};
///
/// fn urgent_ones_to_the_first(record: &ProducerRecord<'_, str, str>) -> Route {
///     match record.headers.iter().any(|(name, _)| name == "urgent") {
///         true => Route::Partition(0),
///         false => Route::Partitioner,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// Where the partitioner sends it.
    Partitioner,
    /// To this partition, as if the record named it.
    Partition(i32),
    /// To the partition of this number modulo how many the topic has. Numbers should be spread evenly: the number
    /// of a customer, say, or a hash.
    Number(u32),
}

/// One for all threads.
pub(crate) type SharedRouter<K, V> = Arc<dyn Router<K, V>>;

impl<K: ?Sized, V: ?Sized, F> Router<K, V> for F
where
    F: Fn(&ProducerRecord<'_, K, V>) -> Route + Send + Sync,
{
    fn route(&self, record: &ProducerRecord<'_, K, V>) -> Route {
        self(record)
    }
}
