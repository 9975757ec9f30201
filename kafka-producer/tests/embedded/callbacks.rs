//! What callbacks and wakers, which are other people's code, may meet and may do: no lock of ours, no
//! caller's thread; and whatever they do, the producer goes on.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_producer::partition::{Partitioner, RecordView, TopicView};
use kafka_producer::serialize::{self, SerializeError, Serializer};
use kafka_producer::{Delivery, Producer, ProducerRecord, SendError, TransactionError, blocking};

use crate::scene::{FOR_EVER, TIME_LIMIT, TOPIC, builder, configured, record};

/// What `call` gives on a thread of its own, which must not take forever.
fn in_a_thread<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(call()));
    let result = result.recv_timeout(TIME_LIMIT);
    result.expect("it hangs, or its thread has panicked")
}

fn kafka(partitions: i32) -> MockCluster {
    let described = MockCluster::builder().topic(TOPIC, partitions);
    described.without_auto_create().start_blocking().unwrap()
}

fn producer(kafka: &MockCluster, settings: &[(&str, &str)]) -> Producer<str, str> {
    let builder = builder(&kafka.bootstrap_servers(), settings);
    builder.build().unwrap()
}

fn poll_once(future: &mut (impl Future + Unpin), waker: &Waker) {
    let mut context = Context::from_waker(waker);
    assert!(Pin::new(future).poll(&mut context).is_pending());
}

fn this_thread() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Takes a lock when it is woken, and tells on which thread that was.
struct Locking {
    lock: Arc<Mutex<()>>,
    woken: Mutex<mpsc::Sender<String>>,
}

impl Wake for Locking {
    fn wake(self: Arc<Self>) {
        let _taken = self.lock.lock().unwrap();
        self.woken.lock().unwrap().send(this_thread()).unwrap();
    }
}

/// An idle producer's callers do its next step, and this one ends a record.
#[test]
fn a_transaction_is_given_up_by_who_holds_a_lock_that_its_callbacks_and_wakers_take() {
    in_a_thread(|| {
        let kafka = kafka(1);
        let settings = [("transactional.id", "billing"), FOR_EVER[0], FOR_EVER[1]];
        let producer = producer(&kafka, &settings);
        pollster::block_on(producer.init_transactions()).unwrap();
        for round in 0..20 {
            let begun = pollster::block_on(producer.begin_transaction());
            let transaction = begun.unwrap();
            let lock = Arc::new(Mutex::new(()));
            let (tell, told) = mpsc::channel();
            let (taken, called) = (Arc::clone(&lock), tell.clone());
            let callback = move |outcome: Result<_, &_>| {
                let _taken = taken.lock().unwrap();
                assert!(outcome.is_err());
                called.send(this_thread()).unwrap();
            };
            pollster::block_on(transaction.send_with(record("lingers"), callback)).unwrap();
            let sent = pollster::block_on(transaction.send(record("lingers, too")));
            let mut delivery = sent.unwrap();
            let waker = Waker::from(Arc::new(Locking {
                lock: Arc::clone(&lock),
                woken: Mutex::new(tell),
            }));
            poll_once(&mut delivery, &waker);

            let held = lock.lock().unwrap();
            match round % 2 {
                0 => drop(transaction),
                _ => poll_once(&mut Box::pin(transaction.abort()), Waker::noop()),
            }
            let closing = producer.clone();
            let closed = (round == 19).then(|| {
                let close = move || pollster::block_on(closing.close(Duration::from_secs(1)));
                thread::spawn(close)
            });
            assert!(told.try_recv().is_err());
            drop(held);
            for _ in 0..2 {
                let thread = told.recv().unwrap();
                assert!(thread.starts_with("kafka-producer"), "{thread:?}");
            }
            if let Some(closed) = closed {
                closed.join().unwrap().unwrap();
            }
        }
    });
}

/// Close ends the waits for a topic and for memory at once, and all others when its time is up.
#[test]
fn who_closes_holds_a_lock_that_the_wakers_of_all_waits_take() {
    in_a_thread(|| {
        let kafka = kafka(1);
        let settings = [
            FOR_EVER[0],
            FOR_EVER[1],
            ("buffer.memory", "20000"),
            ("batch.size", "16384"),
        ];
        let producer = producer(&kafka, &settings);
        pollster::block_on(producer.warm_up([TOPIC])).unwrap();
        kafka.kill_broker(kafka_mock::cluster::BrokerId(1)).unwrap();
        let large = "x".repeat(12_000);
        let mut delivery = pollster::block_on(producer.send(record(&large))).unwrap();

        let lock = Arc::new(Mutex::new(()));
        let (tell, told) = mpsc::channel();
        let waker = Waker::from(Arc::new(Locking {
            lock: Arc::clone(&lock),
            woken: Mutex::new(tell),
        }));
        poll_once(&mut delivery, &waker);
        let unknown = ProducerRecord::new("unknown", "tea");
        let mut waits: [Pin<Box<dyn Future<Output = ()>>>; 4] = [
            Box::pin(async { drop(producer.warm_up(["unknown"]).await) }),
            Box::pin(async { drop(producer.send(unknown).await) }),
            Box::pin(async { drop(producer.send(record(&large)).await) }),
            Box::pin(async { producer.flush().await.unwrap() }),
        ];
        waits.iter_mut().for_each(|wait| poll_once(wait, &waker));
        let held = lock.lock().unwrap();
        poll_once(&mut Box::pin(producer.close(Duration::ZERO)), Waker::noop());
        assert!(told.try_recv().is_err());
        drop(held);
        for wait in &mut waits {
            pollster::block_on(wait);
        }
        assert!(pollster::block_on(delivery).is_err());
        pollster::block_on(producer.close(TIME_LIMIT)).unwrap();
        drop(waker);
        for thread in told.try_iter() {
            assert!(thread.starts_with("kafka-producer"), "{thread:?}");
        }
    });
}

/// Panics, and again when what was thrown is dropped.
struct Relapsing;

impl Drop for Relapsing {
    fn drop(&mut self) {
        panic!("again, when the panic is dropped");
    }
}

/// Sends through a transaction when it is woken, and tells what came of it.
struct SendsInTransaction {
    transaction: Mutex<Option<blocking::Transaction<'static, str, str>>>,
    sent: Mutex<mpsc::Sender<Result<(), SendError>>>,
}

impl Wake for SendsInTransaction {
    fn wake(self: Arc<Self>) {
        let transaction = self.transaction.lock().unwrap();
        let unknown = ProducerRecord::new("unknown", "tea");
        let sent = transaction.as_ref().unwrap().send(unknown).map(drop);
        self.sent.lock().unwrap().send(sent).unwrap();
    }
}

#[test]
fn a_blocking_send_that_may_not_wait_where_it_is_called_forbids_the_commit() {
    in_a_thread(|| {
        let kafka = kafka(1);
        let settings = [("transactional.id", "billing"), FOR_EVER[0], FOR_EVER[1]];
        let producer = blocking::Producer::from(producer(&kafka, &settings));
        let producer: &'static _ = Box::leak(Box::new(producer));
        producer.init_transactions().unwrap();
        let transaction = producer.begin_transaction().unwrap();
        let mut delivery = transaction.send(record("lingers")).unwrap();
        let (tell, told) = mpsc::channel();
        let task = Arc::new(SendsInTransaction {
            transaction: Mutex::new(Some(transaction)),
            sent: Mutex::new(tell),
        });
        poll_once(&mut delivery, &Waker::from(Arc::clone(&task)));
        producer.flush().unwrap();

        let sent = told.recv().unwrap();
        assert!(matches!(sent, Err(SendError::InCallback(_))), "{sent:?}");
        let transaction = task.transaction.lock().unwrap().take().unwrap();
        let committed = transaction.commit();
        assert!(
            matches!(committed, Err(TransactionError::Abortable(_))),
            "{committed:?}"
        );
    });
}

struct Throwing;

impl Wake for Throwing {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any(Relapsing);
    }
}

/// Panics at what is asked for.
#[derive(Debug)]
struct Fussy;

impl Serializer<str> for Fussy {
    fn serialize<'a>(
        &self,
        _: &mut serialize::Context<'_>,
        value: &'a str,
        _: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        assert!(value != "unserializable");
        Ok(Some(value.as_bytes()))
    }
}

impl Partitioner for Fussy {
    fn partition(&self, _: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        assert!(record.value != Some(b"out of place"));
        0
    }
}

#[test]
fn whatever_panics_of_other_peoples_code_every_record_has_its_outcome_and_close_returns() {
    in_a_thread(|| {
        let kafka = kafka(1);
        let builder = Producer::<str, str>::builder_with(Fussy, Fussy).partitioner(Fussy);
        let servers = kafka.bootstrap_servers();
        let builder = configured(builder, &servers, &FOR_EVER);
        let producer = blocking::Producer::from(builder.build().unwrap());
        let mut deliveries = Vec::new();
        for round in 0..3 {
            let throw = |_: Result<_, &_>| std::panic::panic_any(Relapsing);
            producer.send_with(record("callback"), throw).unwrap();
            let mut woken = producer.send(record("waker")).unwrap();
            poll_once(&mut woken, &Waker::from(Arc::new(Throwing)));
            deliveries.push(woken);
            for value in ["unserializable", "out of place"] {
                let sending = producer.clone();
                let refused = thread::spawn(move || sending.send(record(value)).map(drop));
                assert!(refused.join().is_err(), "{value} panics in who sends it");
            }
            deliveries.push(producer.send(record("innocent")).unwrap());
            producer.flush().unwrap();
            let delivered = |delivery: &Delivery| matches!(delivery.try_outcome(), Some(Ok(_)));
            assert!(deliveries.iter().all(delivered), "round {round}");
        }
        assert!(producer.close(TIME_LIMIT).unwrap().is_clean());
        assert_eq!(kafka.records(TOPIC).len(), 9);
    });
}

type Call = (&'static str, fn(&blocking::Producer<str, str>) -> String);

/// Every call that waits, and what it says.
const WAITING_CALLS: [Call; 17] = [
    ("send", |it| error(it.send(unknown()).map(drop))),
    ("send", |it| error(it.send_and_forget(unknown()))),
    ("send", |it| error(it.send_with(unknown(), |_| {}))),
    ("flush", |it| error(it.flush())),
    ("warm_up", |it| error(it.warm_up(["unknown"]))),
    ("close", |it| error(it.close(TIME_LIMIT).map(drop))),
    ("wait", |it| error(it.send(record("x")).unwrap().wait())),
    ("init_transactions", |it| error(it.init_transactions())),
    ("begin_transaction", |it| {
        error(it.begin_transaction().map(drop))
    }),
    ("wait_for_transaction", |it| {
        error(it.wait_for_transaction())
    }),
    ("send", |it| awaited(it.as_async().send(unknown()))),
    ("flush", |it| awaited(it.as_async().flush())),
    ("close", |it| awaited(it.as_async().close(TIME_LIMIT))),
    ("warm_up", |it| awaited(it.as_async().warm_up(["unknown"]))),
    ("partitions_for", |it| {
        awaited(it.as_async().partitions_for("unknown"))
    }),
    ("begin_transaction", |it| {
        awaited(it.as_async().begin_transaction())
    }),
    ("awaiting a delivery", |it| {
        awaited(it.send(record("x")).unwrap())
    }),
];

fn unknown() -> ProducerRecord<'static, str, str> {
    ProducerRecord::new("unknown", "tea")
}

fn error<T, E: std::fmt::Display>(result: Result<T, E>) -> String {
    result
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

fn awaited<T, E: std::fmt::Display>(future: impl Future<Output = Result<T, E>>) -> String {
    error(pollster::block_on(future))
}

#[test]
fn in_a_callback_what_would_wait_is_refused_at_once_and_what_does_not_is_done() {
    in_a_thread(|| {
        let kafka = kafka(1);
        let producer = blocking::Producer::from(producer(&kafka, &FOR_EVER));
        for (name, call) in WAITING_CALLS {
            let (tell, told) = mpsc::channel();
            let used = producer.clone();
            let callback = move |_: Result<_, &_>| {
                let sent = used.send_and_forget(record("not waited for"));
                tell.send((call(&used), sent.is_ok())).unwrap();
            };
            producer.send_with(record("1"), callback).unwrap();
            producer.flush().unwrap();
            let (said, sent) = told.recv().unwrap();
            let expected = format!("{name} would wait for ever");
            assert!(said.contains(&expected), "{expected}: {said:?}");
            assert!(said.contains("use what does not wait"), "{said}");
            assert!(sent, "{name}");
        }
        producer.flush().unwrap();
        assert!(producer.close(TIME_LIMIT).unwrap().is_clean());
    });
}

#[test]
fn a_transaction_is_not_waited_for_in_a_callback_of_its_own() {
    type Transaction = blocking::Transaction<'static, str, str>;
    type Ending = (&'static str, fn(Transaction) -> String);
    const CALLS: [Ending; 3] = [
        ("send_offsets", |it| {
            let group = kafka_producer::ConsumerGroupMetadata::new("billing");
            error(it.send_offsets([], &group))
        }),
        ("commit", |it| error(it.commit())),
        ("abort", |it| error(it.abort())),
    ];
    in_a_thread(|| {
        let kafka = kafka(1);
        let settings = [("transactional.id", "billing"), FOR_EVER[0], FOR_EVER[1]];
        let producer = Box::leak(Box::new(blocking::Producer::from(producer(
            &kafka, &settings,
        ))));
        producer.init_transactions().unwrap();
        for (name, call) in CALLS {
            let (tell, told) = mpsc::channel();
            let (give, given) = mpsc::channel::<Transaction>();
            let transaction = producer.begin_transaction().unwrap();
            let callback = move |_: Result<_, &_>| {
                tell.send(call(given.recv().unwrap())).unwrap();
            };
            transaction.send_with(record("1"), callback).unwrap();
            give.send(transaction).unwrap();
            producer.flush().unwrap();
            let said = told.recv().unwrap();
            assert!(said.starts_with(name), "{name}: {said:?}");
        }
        producer.begin_transaction().unwrap().commit().unwrap();
    });
}
