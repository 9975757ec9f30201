//! Calls the interceptors of a producer, and sees to it that each record is told of exactly once.
//!
//! ```text
//! send ─on_send─▶ serialize, append ─▶ batch ─▶ outcome ─on_acknowledgement─▶ callback
//!                      └─ not accepted, or dropped ────on_acknowledgement─▶ error
//! ```
//!
//! It is called by `send.rs` before a record is serialized, and with the outcome by the completion of its batch, or by
//! whoever gives the record up. Calls run under no lock of ours, and a panic ends with the call.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kafka_accumulator::{Completion, Delivered, catch_panic};
use kafka_serde::Headers;

use crate::append::{SerializedRecord, WaitsFor};
use crate::callback::OnOutcome;
use crate::delivery::{OutcomeCallback, RecordFacts, metadata};
use crate::error::{DeliveryError, SendError};
use crate::interceptor::{
    Acknowledgement, InterceptedRecord, InterceptorError, OnAcknowledgement, SharedInterceptor,
    Unacknowledged,
};
use crate::own_thread;
use crate::record::{ProducerRecord, RecordMetadata};
use crate::warnings;

/// The interceptors of a producer: at least one.
pub(crate) struct Interceptors<K: ?Sized, V: ?Sized> {
    chain: Arc<Chain<K, V>>,
    /// The same for those who do not know the types.
    told: Arc<dyn Told>,
}

struct Chain<K: ?Sized, V: ?Sized> {
    interceptors: Vec<SharedInterceptor<K, V>>,
    client_id: Arc<str>,
}

/// Who is told of outcomes.
trait Told: Send + Sync {
    /// Calls the interceptors, and then those who wait for this record alone.
    fn tell(&self, acknowledgement: &Acknowledgement<'_>, waiting: Vec<OnAcknowledgement>);
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Interceptors<K, V> {
    /// Those of the producer of this name; `None` if there are none.
    pub(crate) fn new(
        interceptors: Vec<SharedInterceptor<K, V>>,
        client_id: Arc<str>,
    ) -> Option<Self> {
        let any = !interceptors.is_empty();
        any.then(|| {
            let chain = Arc::new(Chain {
                interceptors,
                client_id,
            });
            let told = Arc::clone(&chain) as Arc<dyn Told>;
            Self { chain, told }
        })
    }
}

impl<K: ?Sized, V: ?Sized> Interceptors<K, V> {
    /// What all of them have made of a record. An interceptor that fails leaves it as it was.
    pub(crate) fn on_send<'r: 'a, 'a>(
        &'a self,
        record: &mut ProducerRecord<'r, K, V>,
    ) -> InterceptedRecord<'a, K, V> {
        let mut record = InterceptedRecord::taken_from(record, Some(&self.chain.client_id));
        let _running = Running::begin();
        for interceptor in &self.chain.interceptors {
            let earlier = record.take_on_acknowledgement();
            let before = record.clone();
            if let Err(failure) = failure_of(|| interceptor.on_send(&mut record)) {
                record = before;
                self.chain.report("on_send", &record.topic, &failure);
            }
            record.put_first(earlier);
        }
        record
    }

    /// For the one outcome of a record that they have seen, for which these wait.
    pub(crate) fn ticket(
        &self,
        record: &ProducerRecord<'_, K, V>,
        waiting: Vec<OnAcknowledgement>,
    ) -> Arc<Ticket> {
        Arc::new(Ticket {
            waiting: Mutex::new(Some(waiting)),
            told: Arc::clone(&self.told),
            topic: record.topic.into(),
            partition: record.partition,
            headers: OnceLock::new(),
        })
    }
}

/// Why a call of `on_send` has failed.
fn failure_of(call: impl FnOnce() -> Result<(), InterceptorError>) -> Result<(), String> {
    match catch_panic(call) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

impl<K: ?Sized, V: ?Sized> Chain<K, V> {
    #[cold]
    fn report(&self, call: &str, topic: &str, failure: &str) {
        let warning = format!("{call} of an interceptor failed for a record of {topic}: {failure}");
        warnings::tell(&warning, &self.client_id);
    }
}

impl<K: ?Sized, V: ?Sized> Told for Chain<K, V> {
    fn tell(&self, acknowledgement: &Acknowledgement<'_>, waiting: Vec<OnAcknowledgement>) {
        let _running = Running::begin();
        for interceptor in &self.interceptors {
            self.call(acknowledgement, || {
                interceptor.on_acknowledgement(acknowledgement)
            });
        }
        for told in waiting {
            self.call(acknowledgement, || told(acknowledgement));
        }
    }
}

impl<K: ?Sized, V: ?Sized> Chain<K, V> {
    fn call(&self, acknowledgement: &Acknowledgement<'_>, call: impl FnOnce()) {
        if let Err(panic) = catch_panic(call) {
            let topic = acknowledgement.topic;
            self.report("on_acknowledgement", topic, &panic.to_string());
        }
    }
}

/// Right to tell the outcome of one record: the first to use it does. Whoever drops the last reference to an
/// unused one tells that the record was dropped.
pub(crate) struct Ticket {
    told: Arc<dyn Told>,
    /// Who waits for this outcome; none once it was told.
    waiting: Mutex<Option<Vec<OnAcknowledgement>>>,
    topic: Arc<str>,
    /// The one that the record names.
    partition: Option<i32>,
    /// Once they are all there.
    headers: OnceLock<Headers>,
}

impl Ticket {
    /// These are the record's headers.
    pub(crate) fn set_headers(&self, headers: &Headers) {
        self.headers.get_or_init(|| headers.clone());
    }

    fn completed(
        &self,
        completion: &Completion<DeliveryError>,
        outcome: Result<Delivered, &DeliveryError>,
        facts: RecordFacts,
    ) {
        let delivered = outcome.map(|delivered| metadata(completion, delivered, facts));
        let outcome = delivered
            .as_ref()
            .map_err(|error| Unacknowledged::Failed(error));
        self.tell(Some(completion.partition()), outcome);
    }

    /// The record was not accepted.
    pub(crate) fn not_accepted(&self, error: &SendError) {
        self.tell(self.partition, Err(Unacknowledged::NotAccepted(error)));
    }

    /// The record was given back.
    pub(crate) fn given_back(&self, waits_for: WaitsFor) {
        self.tell(self.partition, Err(Unacknowledged::WouldWait(waits_for)));
    }

    fn tell(&self, partition: Option<i32>, outcome: Result<&RecordMetadata, Unacknowledged<'_>>) {
        let Some(waiting) = self.take_waiting() else {
            return;
        };
        let headers = self.headers.get_or_init(Headers::new);
        let acknowledgement = Acknowledgement::new(&self.topic, partition, headers, outcome);
        self.told.tell(&acknowledgement, waiting);
    }

    fn take_waiting(&self) -> Option<Vec<OnAcknowledgement>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.take()
    }
}

/// The interceptors are told of the outcome, and then whoever else is.
pub(crate) struct Intercepted<C> {
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) then: C,
}

impl<C: OnOutcome> OnOutcome for Intercepted<C> {
    fn callback_of(self, record: &SerializedRecord<'_>) -> Option<OutcomeCallback> {
        self.ticket.set_headers(record.headers);
        let (ticket, facts) = (self.ticket, record.facts());
        let then = self.then.callback_of(record);
        Some(Box::new(move |completion, outcome| {
            ticket.completed(completion, outcome, facts);
            if let Some(then) = then {
                then(completion, outcome);
            }
        }))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tell(self.partition, Err(Unacknowledged::Dropped));
    }
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a call of an interceptor, whose own records are not intercepted.
pub(crate) fn is_running() -> bool {
    RUNNING.get()
}

/// Until it is dropped, this thread is in a call of an interceptor.
struct Running {
    before: bool,
    _in_callback: own_thread::Entered,
}

impl Running {
    fn begin() -> Self {
        Self {
            before: RUNNING.replace(true),
            _in_callback: own_thread::enter_callback(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(self.before);
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for Interceptors<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interceptors")
            .field("count", &self.chain.interceptors.len())
            .finish_non_exhaustive()
    }
}
