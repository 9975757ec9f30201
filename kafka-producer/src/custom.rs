//! What a program has of its own on the way of each record: interceptors, and a router.
//!
//! Most programs have neither. Their records go straight: one look per record tells that, and the compiler sees one
//! caller of that way, which it inlines. Nothing here sends.

use kafka_accumulator::Receipt;

use crate::append::{Destination, New, NotAppended, RecordAppender, SerializedRecord};
use crate::engine::Cluster;
use crate::error::DeliveryError;
use crate::interception::{self, Interceptors};
use crate::record::ProducerRecord;
use crate::router::{Route, SharedRouter};

/// What a program wants to see, or to decide, of every record before it is serialized.
pub(crate) struct Custom<K: ?Sized, V: ?Sized> {
    interceptors: Option<Interceptors<K, V>>,
    router: Option<SharedRouter<K, V>>,
}

impl<K: ?Sized, V: ?Sized> Custom<K, V> {
    /// `None` if there is neither.
    pub(crate) fn new(
        interceptors: Option<Interceptors<K, V>>,
        router: Option<SharedRouter<K, V>>,
    ) -> Option<Box<Self>> {
        let any = interceptors.is_some() || router.is_some();
        any.then(|| {
            Box::new(Self {
                interceptors,
                router,
            })
        })
    }

    /// Those that see what this thread sends.
    pub(crate) fn interceptors(&self) -> Option<&Interceptors<K, V>> {
        let interceptors = self.interceptors.as_ref();
        interceptors.filter(|_| !interception::is_running())
    }

    /// Where a record goes.
    pub(crate) fn destination(&self, record: &ProducerRecord<'_, K, V>) -> Destination {
        match (&self.router, record.partition) {
            (Some(router), None) => match router.route(record) {
                Route::Partitioner => Destination::Any,
                Route::Partition(partition) => Destination::Named(partition),
                Route::Number(number) => Destination::Number(number),
            },
            (_, named) => Destination::of(named),
        }
    }
}

/// How a record that is serialized gets to its batch.
pub(crate) trait Way {
    /// Where it goes, if it names this partition.
    fn destination(&self, named: Option<i32>) -> Destination;

    fn append<R: Receipt<DeliveryError>>(
        &self,
        to: &RecordAppender,
        cluster: &Cluster,
        topic: &str,
        record: &SerializedRecord<'_>,
        new: &mut New<'_>,
    ) -> Result<R, Box<NotAppended>>;
}

/// That of nearly all records.
pub(crate) struct Straight;

impl Way for Straight {
    #[inline(always)]
    fn destination(&self, named: Option<i32>) -> Destination {
        Destination::of(named)
    }

    #[inline(always)]
    fn append<R: Receipt<DeliveryError>>(
        &self,
        to: &RecordAppender,
        cluster: &Cluster,
        topic: &str,
        record: &SerializedRecord<'_>,
        new: &mut New<'_>,
    ) -> Result<R, Box<NotAppended>> {
        to.append(cluster, topic, record, None, new)
    }
}

/// That of records which the program's own types have seen: they have decided where it goes.
pub(crate) struct OutOfLine {
    pub(crate) destination: Destination,
}

impl Way for OutOfLine {
    fn destination(&self, _: Option<i32>) -> Destination {
        self.destination
    }

    fn append<R: Receipt<DeliveryError>>(
        &self,
        to: &RecordAppender,
        cluster: &Cluster,
        topic: &str,
        record: &SerializedRecord<'_>,
        new: &mut New<'_>,
    ) -> Result<R, Box<NotAppended>> {
        to.append_out_of_line(cluster, topic, record, None, new)
    }
}
