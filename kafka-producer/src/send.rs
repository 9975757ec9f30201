//! The one path of all sends: serialize, append, and wait if need be.
//!
//! ```text
//! send, send_and_forget, send_with, try_send          of Producer, Transaction, blocking
//!   └─▶ try_append ─(interceptors)─serialize─▶ RecordAppender::append ─▶ a receipt
//!            └─ it has to wait ─▶ PendingRecord ─▶ append_pending ─▶ a receipt
//! ```
//!
//! What the calls differ in is what they get of the record ([`SendReceipt`]), and how they wait. In the
//! steady state a send waits for nothing, locks the partition that it writes to and nothing else, and
//! allocates nothing. Whether a producer may send outside of a transaction is not asked here.

use std::any::type_name;
use std::cell::Cell;
use std::fmt;
use std::mem;
use std::sync::Arc;

use kafka_accumulator::Reservation;
use kafka_serde::{Context, Headers, Role, SerializeError, Serializer};

use crate::append::{Destination, NotAppended, RecordAppender, SerializedRecord, WaitsFor};
use crate::callback::{Nobody, OnOutcome};
use crate::clock;
use crate::custom::{Custom, OutOfLine, Straight, Way};
use crate::delivery::{Delivery, OutcomeCallback, SendReceipt};
use crate::engine::Snapshot;
use crate::error::{InCallback, SendError};
use crate::interception::{Intercepted, Interceptors};
use crate::own_thread;
use crate::pending::PendingRecord;
use crate::record::ProducerRecord;

/// What every handle of a producer sends through.
pub(crate) struct RecordSender<K: ?Sized, V: ?Sized> {
    appender: RecordAppender,
    key_serializer: Arc<dyn Serializer<K>>,
    value_serializer: Arc<dyn Serializer<V>>,
    /// What the program has of its own, if anything: nothing is asked of each record then but whether.
    custom: Option<Box<Custom<K, V>>>,
}

impl<K: ?Sized, V: ?Sized> RecordSender<K, V> {
    pub(crate) fn new(
        appender: RecordAppender,
        key_serializer: Arc<dyn Serializer<K>>,
        value_serializer: Arc<dyn Serializer<V>>,
        custom: Option<Box<Custom<K, V>>>,
    ) -> Self {
        Self {
            appender,
            key_serializer,
            value_serializer,
            custom,
        }
    }

    pub(crate) fn appender(&self) -> &RecordAppender {
        &self.appender
    }

    /// Appends a record; waits for metadata and memory if need be, at most `max.block.ms`.
    pub(crate) async fn append<R: SendReceipt>(
        &self,
        mut record: ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, SendError> {
        match self.try_append(&mut record, on_outcome) {
            Ok(receipt) => Ok(receipt),
            Err(not_appended) => self.append_pending(not_appended).await,
        }
    }

    /// Waits with a record that [`try_append`](Self::try_append) did not append.
    pub(crate) async fn append_pending<R: SendReceipt>(
        &self,
        not_appended: Box<NotAppended<PendingRecord>>,
    ) -> Result<R, SendError> {
        if let Err(in_callback) = own_thread::may_await("send") {
            return Err(self.refuse_to_wait(*not_appended, in_callback));
        }
        let appended = match *not_appended {
            NotAppended::Waits(pending) => pending.append(&self.appender).await,
            NotAppended::Refused(error) => Err(error),
        };
        appended.inspect_err(|_| self.count_refused())
    }

    /// Why a record is not accepted that must not be waited for here.
    pub(crate) fn refuse_to_wait(
        &self,
        not_appended: NotAppended<PendingRecord>,
        in_callback: InCallback,
    ) -> SendError {
        self.count_refused();
        match not_appended {
            NotAppended::Waits(pending) => pending.refuse(in_callback.into()),
            NotAppended::Refused(error) => error,
        }
    }

    /// Counts a record that is not accepted.
    fn count_refused(&self) {
        self.appender.handle().measurements().callers().refused();
    }

    /// Appends a record if that is possible without waiting, with memory that others do not wait for.
    /// Else returns what it would have to wait for, with the record as it was.
    pub(crate) fn append_now<'a>(
        &self,
        mut record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        let intercepted = |custom: &Custom<K, V>| custom.interceptors().is_some();
        let is_intercepted = self.custom.as_deref().is_some_and(intercepted);
        let headers = HeadersBefore::of(&record, is_intercepted);
        let timestamp_ms = record.timestamp_ms;
        let not_appended = match self.try_append(&mut record, Nobody) {
            Ok(delivery) => return Ok(delivery),
            Err(not_appended) => *not_appended,
        };
        let pending = match not_appended {
            NotAppended::Waits(pending) => pending,
            NotAppended::Refused(error) => {
                self.count_refused();
                return Err(TrySendError::Refused(error));
            }
        };
        pending.append_now(&self.appender).map_err(|waits_for| {
            headers.restore(&mut record.headers);
            record.timestamp_ms = timestamp_ms;
            TrySendError::WouldWait(record, waits_for)
        })
    }

    /// Serializes a record and appends it if it need not wait. It has a timestamp from here on, or is taken
    /// over by interceptors.
    // By reference: a record that is handed on by value is copied at each step.
    #[inline(always)]
    pub(crate) fn try_append<R: SendReceipt>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, Box<NotAppended<PendingRecord>>> {
        match &self.custom {
            None => self.append_as_it_is(record, Straight, on_outcome),
            Some(custom) => self.append_custom(custom, record, on_outcome),
        }
    }

    /// Appends what interceptors make of a record, where a router says.
    #[inline(never)]
    fn append_custom<R: SendReceipt>(
        &self,
        custom: &Custom<K, V>,
        record: &mut ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, Box<NotAppended<PendingRecord>>> {
        match custom.interceptors() {
            Some(interceptors) => self.append_intercepted(custom, interceptors, record, on_outcome),
            None => self.append_routed(custom, record, on_outcome),
        }
    }

    fn append_intercepted<R: SendReceipt>(
        &self,
        custom: &Custom<K, V>,
        interceptors: &Interceptors<K, V>,
        record: &mut ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, Box<NotAppended<PendingRecord>>> {
        let mut record = interceptors.on_send(record);
        let waiting = record.take_on_acknowledgement();
        let mut record = record.lend();
        let ticket = interceptors.ticket(&record, waiting);
        let intercepted = Intercepted {
            ticket: Arc::clone(&ticket),
            then: on_outcome,
        };
        let appended = self.append_routed(custom, &mut record, intercepted);
        appended.map_err(|not_appended| {
            ticket.set_headers(&record.headers);
            Box::new(match *not_appended {
                NotAppended::Waits(pending) => NotAppended::Waits(pending.with_ticket(ticket)),
                NotAppended::Refused(error) => {
                    ticket.not_accepted(&error);
                    NotAppended::Refused(error)
                }
            })
        })
    }

    fn append_routed<R: SendReceipt>(
        &self,
        custom: &Custom<K, V>,
        record: &mut ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, Box<NotAppended<PendingRecord>>> {
        let destination = custom.destination(record);
        self.append_as_it_is(record, OutOfLine { destination }, on_outcome)
    }

    /// Appends a record with the memory of its permit, if it needs that.
    pub(crate) fn append_reserved(
        &self,
        mut record: ProducerRecord<'_, K, V>,
        reserved: Reservation,
        record_bytes: usize,
    ) -> Result<Delivery, SendError> {
        let topic = record.topic;
        let appended = match self.try_append(&mut record, Nobody) {
            Ok(delivery) => Ok(delivery),
            Err(not_appended) => match *not_appended {
                NotAppended::Refused(error) => Err(error),
                NotAppended::Waits(pending) => pending
                    .append_reserved(&self.appender, reserved)
                    .map_err(|not_appended| {
                        let (why, pending) = *not_appended;
                        let bytes = pending.bytes();
                        pending.refuse(not_covered(topic, why, bytes, record_bytes))
                    }),
            },
        };
        appended.inspect_err(|_| self.count_refused())
    }

    #[inline(always)]
    fn append_as_it_is<R: SendReceipt>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        way: impl Way,
        on_outcome: impl OnOutcome,
    ) -> Result<R, Box<NotAppended<PendingRecord>>> {
        let mut scratch = ThreadScratch::take();
        let appended = self.append_via(record, way, on_outcome, &mut scratch);
        scratch.put_back();
        appended
    }

    #[inline(always)]
    fn append_via<R: SendReceipt>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        way: impl Way,
        on_outcome: impl OnOutcome,
        scratch: &mut ThreadScratch,
    ) -> Result<R, Box<NotAppended<PendingRecord>>> {
        let topic = record.topic;
        let headers = &mut record.headers;
        let (keys, values) = (&*self.key_serializer, &*self.value_serializer);
        let key = serialize(
            keys,
            topic,
            Role::Key,
            record.key,
            headers,
            &mut scratch.key,
        )?;
        let value = serialize(
            values,
            topic,
            Role::Value,
            record.value,
            headers,
            &mut scratch.value,
        )?;
        let timestamp_ms = *record.timestamp_ms.get_or_insert_with(clock::now_ms);
        if timestamp_ms < 0 {
            return Err(invalid_timestamp(topic, timestamp_ms).into());
        }
        let serialized = SerializedRecord {
            destination: way.destination(record.partition),
            timestamp_ms,
            key,
            value,
            headers,
        };
        let cluster = self.appender.latest_cluster(&mut scratch.snapshot);
        let mut new = serialized.for_batch(on_outcome.callback_of(&serialized));
        match way.append(&self.appender, cluster, topic, &serialized, &mut new) {
            Ok(appended) => Ok(R::new(appended, serialized.facts())),
            Err(why) => Err(pending(*why, topic, serialized, new.callback.take())),
        }
    }
}

/// Why a permit does not do for a record of so many bytes.
#[cold]
fn not_covered(topic: &str, why: NotAppended, bytes: usize, record_bytes: usize) -> SendError {
    match why {
        NotAppended::Refused(error) => error,
        NotAppended::Waits(WaitsFor::Memory { .. }) if bytes > record_bytes => {
            SendError::RecordTooLarge {
                bytes,
                setting: "what was reserved",
                limit: record_bytes,
            }
        }
        NotAppended::Waits(waits_for) => SendError::WouldWait {
            topic: topic.into(),
            waits_for: waits_for.to_string().into(),
        },
    }
}

/// Headers of a record that may be given back.
enum HeadersBefore {
    /// Serializers add to them.
    First(usize),
    /// Interceptors do with them what they like.
    All(Headers),
}

impl HeadersBefore {
    fn of<K: ?Sized, V: ?Sized>(record: &ProducerRecord<'_, K, V>, is_intercepted: bool) -> Self {
        match is_intercepted {
            true => Self::All(record.headers.clone()),
            false => Self::First(record.headers.len()),
        }
    }

    fn restore(self, headers: &mut Headers) {
        *headers = match self {
            Self::First(count) => mem::take(headers).into_iter().take(count).collect(),
            Self::All(before) => before,
        };
    }
}

/// Why a `try_send` did not accept a record.
///
/// ```
/// use kafka_producer::{Delivery, TrySendError};
///
/// fn accepted(sent: Result<Delivery, TrySendError<'_, str, str>>) -> Option<Delivery> {
///     match sent {
///         Ok(delivery) => Some(delivery),
///         Err(TrySendError::WouldWait(record, _)) => {
///             eprintln!("later: {:?}", record.value);
///             None
///         }
///         Err(other) => panic!("{other}"),
///     }
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError<'a, K: ?Sized, V: ?Sized> {
    /// It would have to wait: for metadata of its topic (asked for by this very call) or for
    /// memory. Here it is again.
    #[error("the record would have to wait for {}", .1)]
    WouldWait(ProducerRecord<'a, K, V>, WaitsFor),
    /// It can never be accepted.
    #[error(transparent)]
    Refused(SendError),
}

impl<K: fmt::Debug + ?Sized, V: fmt::Debug + ?Sized> fmt::Debug for TrySendError<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            _ if !f.alternate() => fmt::Display::fmt(self, f),
            Self::WouldWait(record, waits_for) => {
                let mut told = f.debug_tuple("WouldWait");
                told.field(record).field(waits_for).finish()
            }
            Self::Refused(error) => f.debug_tuple("Refused").field(error).finish(),
        }
    }
}

impl<K: ?Sized, V: ?Sized> TrySendError<'_, K, V> {
    /// The same without the record, for who does not send it later: it borrows nothing, so that it can be
    /// returned.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord, SendError};
    ///
    /// fn send_now(producer: &Producer<str, str>, value: &str) -> Result<(), SendError> {
    ///     let record = ProducerRecord::new("clicks", value);
    ///     let delivery = producer.try_send(record).map_err(|error| error.into_owned())?;
    ///     drop(delivery);
    ///     Ok(())
    /// }
    /// ```
    pub fn into_owned(self) -> SendError {
        match self {
            Self::WouldWait(record, waits_for) => SendError::WouldWait {
                topic: record.topic.into(),
                waits_for: waits_for.to_string().into(),
            },
            Self::Refused(error) => error,
        }
    }
}

/// What a thread keeps between its sends.
#[derive(Default)]
struct ThreadScratch {
    /// Where serializers write what they cannot lend.
    key: Vec<u8>,
    value: Vec<u8>,
    /// The latest snapshot of a cluster that it has seen, of whichever producer.
    snapshot: Snapshot,
}

thread_local! {
    /// Taken while it is in use: a serializer that sends records itself finds none.
    static SCRATCH: Cell<Option<Box<ThreadScratch>>> = const { Cell::new(None) };
}

impl ThreadScratch {
    /// The thread's own, or a new one, which a thread that is ending gets each time.
    #[inline(always)]
    fn take() -> Box<Self> {
        let kept = SCRATCH.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_default()
    }

    /// Keeps it for the next record, but no more memory than [`KEPT_SCRATCH_BYTES`] for each buffer.
    #[inline(always)]
    fn put_back(mut self: Box<Self>) {
        if self.key.capacity() > KEPT_SCRATCH_BYTES || self.value.capacity() > KEPT_SCRATCH_BYTES {
            self.shrink();
        }
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(self)));
    }

    #[cold]
    fn shrink(&mut self) {
        for buffer in [&mut self.key, &mut self.value] {
            if buffer.capacity() > KEPT_SCRATCH_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}

#[inline(always)]
fn serialize<'a, T: ?Sized>(
    serializer: &dyn Serializer<T>,
    topic: &str,
    role: Role,
    data: Option<&'a T>,
    headers: &mut Headers,
    scratch: &'a mut Vec<u8>,
) -> Result<Option<&'a [u8]>, Box<NotAppended<PendingRecord>>> {
    let Some(data) = data else {
        return Ok(None);
    };
    let mut context = Context::new(topic, role, headers);
    serializer
        .serialize(&mut context, data, scratch)
        .map_err(|source| unserializable(topic, role, type_name::<T>(), source).into())
}

/// A record that has to wait, with copies of its bytes; or the error.
#[cold]
fn pending(
    why: NotAppended,
    topic: &str,
    serialized: SerializedRecord<'_>,
    callback: Option<OutcomeCallback>,
) -> Box<NotAppended<PendingRecord>> {
    if let Destination::Named(partition @ ..0) = serialized.destination {
        // Whatever else is the matter: waiting does not change that.
        let topic = topic.into();
        return SendError::InvalidPartition { topic, partition }.into();
    }
    Box::new(match why {
        NotAppended::Waits(waits_for) => {
            NotAppended::Waits(PendingRecord::new(topic, &serialized, callback, waits_for))
        }
        NotAppended::Refused(error) => NotAppended::Refused(error),
    })
}

#[cold]
fn unserializable(
    topic: &str,
    role: Role,
    type_name: &'static str,
    error: SerializeError,
) -> SendError {
    let (topic, reason) = (topic.into(), Arc::new(error));
    SendError::Serialize {
        role,
        topic,
        type_name,
        reason,
    }
}

#[cold]
fn invalid_timestamp(topic: &str, timestamp_ms: i64) -> SendError {
    let topic = topic.into();
    SendError::InvalidTimestamp {
        topic,
        timestamp_ms,
    }
}

/// What a thread keeps of each of its two buffers: what the largest record takes by default
/// (`max.request.size`), so that only threads that send larger ones allocate for each of them.
const KEPT_SCRATCH_BYTES: usize = 1 << 20;
