//! Callbacks and interceptors: called with each outcome, in order, where nothing may be waited for.

use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;

use kafka_producer::mock::Failure;
use kafka_producer::{
    Acknowledgement, ErrorCode, InterceptedRecord, InterceptorError, Producer, ProducerInterceptor,
};

use crate::scene::{TOPIC, record, scene, values};

#[test]
fn callbacks_are_called_in_the_order_of_the_outcomes() {
    let (producer, broker) = scene(&[]);
    let (tell, told) = mpsc::channel();
    broker.hold();
    for value in 0..3 {
        let tell = tell.clone();
        let callback = move |outcome: Result<_, &_>| tell.send((value, outcome.is_ok())).unwrap();
        pollster::block_on(producer.send_with(record(value, "tea"), callback)).unwrap();
    }
    assert!(told.try_recv().is_err(), "they are held");
    broker.fail_next(Failure::refused(ErrorCode::INVALID_RECORD));
    broker.release();
    assert_eq!(
        told.try_iter().collect::<Vec<_>>(),
        [(0, false), (1, true), (2, true)]
    );
}

#[test]
fn a_callback_may_send_and_ask_and_may_not_wait() {
    let (producer, broker) = scene(&[]);
    let (tell, told) = mpsc::channel();
    let (inside, watching) = (producer.clone(), broker.clone());
    let callback = move |_: Result<_, &_>| {
        for value in ["b", "c", "d"] {
            drop(inside.try_send(record(0, value)).unwrap());
        }
        let flushed = pollster::block_on(inside.flush());
        tell.send((watching.records(TOPIC).len(), flushed.is_err()))
            .unwrap();
    };
    pollster::block_on(producer.send_with(record(0, "a"), callback)).unwrap();
    assert_eq!(
        told.recv().unwrap(),
        (1, true),
        "the others are decided after it"
    );
    let records = broker.records(TOPIC);
    assert_eq!(values(&records), ["a", "b", "c", "d"]);
    let offsets: Vec<_> = records.iter().map(|record| record.offset()).collect();
    assert_eq!(offsets, [0, 1, 2, 3].map(Some));
}

#[test]
fn a_callback_that_panics_takes_nothing_with_it() {
    let (producer, broker) = scene(&[]);
    let panics = |_: Result<_, &_>| panic!("as this test wants it");
    pollster::block_on(producer.send_with(record(0, "a"), panics)).unwrap();
    pollster::block_on(producer.send_and_forget(record(0, "b"))).unwrap();
    assert_eq!(broker.records(TOPIC).len(), 2);
}

struct Stamp(mpsc::Sender<Option<i64>>);

impl<K: ?Sized, V: ?Sized> ProducerInterceptor<K, V> for Stamp {
    fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
        record.headers.add("stamp", "shop");
        Ok(())
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        let outcome = acknowledgement.outcome.as_ref();
        self.0
            .send(outcome.ok().and_then(|stored| stored.offset))
            .unwrap();
    }
}

#[test]
fn interceptors_see_records_and_outcomes() {
    let (tell, told) = mpsc::channel();
    let builder = Producer::<str, str>::builder().interceptor(Stamp(tell));
    let (producer, broker) = builder.build_mock([(TOPIC, 1)]).unwrap();
    broker.fail_next(Failure::expired());
    for value in ["a", "b"] {
        drop(producer.try_send(record(0, value)).unwrap());
    }
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [None, Some(0)]);
    let stamp = ("stamp".to_owned(), Some("shop".into()));
    assert_eq!(broker.records(TOPIC)[0].headers, [stamp]);
}

#[test]
fn threads_that_send_at_once_lose_nothing() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let (producer, broker) = scene(&[]);
    let barrier = Arc::new(Barrier::new(THREADS));
    let sending = (0..THREADS).map(|_| {
        let (producer, barrier) = (producer.clone(), Arc::clone(&barrier));
        thread::spawn(move || {
            barrier.wait();
            let send = |_| producer.try_send(record(0, "tea")).unwrap();
            let deliveries: Vec<_> = (0..EACH).map(send).collect();
            let offset = |delivery: kafka_producer::Delivery| delivery.wait().unwrap().offset;
            deliveries.into_iter().map(offset).collect::<Vec<_>>()
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut offsets = Vec::new();
    for thread in sending {
        let told = thread.join().unwrap();
        assert!(told.is_sorted(), "in the order in which it was sent");
        offsets.extend(told);
    }
    offsets.sort();
    let all: Vec<_> = (0..(THREADS * EACH) as i64).map(Some).collect();
    assert_eq!(offsets, all);
    assert_eq!(broker.records(TOPIC).len(), THREADS * EACH);
}
