//! The ways to send, and what waiting, dropping and flushing do to a record.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kafka_mock::cluster::{BrokerId, Fault, When};
use kafka_producer::error::TransactionError;
use kafka_producer::{
    Delivery, Producer, ProducerRecord, RecordMetadata, Status, TrySendError, WaitsFor,
};
use kafka_wire::{ApiKey, records::TimestampType};

use crate::scene::{
    FOR_EVER, TIME_LIMIT, TOPIC, in_time, kafka, numbers, producer, record, text, until_told,
    values,
};

#[tokio::test]
async fn an_awaited_delivery_tells_where_the_record_lies() {
    let kafka = kafka(1, 3).await;
    let producer = producer(&kafka, &[]);
    for offset in 0..3 {
        let record = record("tea").key("customer-7").partition(2);
        let delivery = in_time(producer.send(record.timestamp_ms(1_000 + offset))).await;
        let metadata = in_time(delivery.unwrap()).await.unwrap();
        assert_eq!(&*metadata.topic, TOPIC);
        assert_eq!((metadata.partition, metadata.offset), (2, Some(offset)));
        assert_eq!(metadata.timestamp_ms, 1_000 + offset);
        assert_eq!(metadata.timestamp_type, TimestampType::CreateTime);
        assert_eq!(
            (metadata.key_bytes, metadata.value_bytes),
            (Some(10), Some(3))
        );
    }
    let log = kafka.records(TOPIC);
    assert_eq!(log.len(), 3);
    assert_eq!(log[1].key.as_deref(), Some(&b"customer-7"[..]));
    assert_eq!(text(&log[1]), "tea");
    assert_eq!(
        (log[1].timestamp, log[1].timestamp_type),
        (1_001, TimestampType::CreateTime)
    );
}

#[tokio::test]
async fn metadata_tells_the_size_of_what_was_serialized_and_null_from_empty() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let (tell, told) = mpsc::channel();
    let empty = record("").key("");
    let callback = move |outcome: Result<RecordMetadata, &_>| tell.send(outcome.unwrap()).unwrap();
    in_time(producer.send_with(empty, callback)).await.unwrap();
    in_time(producer.flush()).await.unwrap();
    let metadata = told.recv().unwrap();
    assert_eq!(
        (metadata.key_bytes, metadata.value_bytes),
        (Some(0), Some(0))
    );
    let null = ProducerRecord::bare(TOPIC);
    let metadata = in_time(in_time(producer.send(null)).await.unwrap())
        .await
        .unwrap();
    assert_eq!((metadata.key_bytes, metadata.value_bytes), (None, None));
}

/// Compiles only if every call may be made in a task that changes its thread.
#[test]
fn all_futures_may_be_spawned_on_any_runtime() {
    fn check<T: Send>(_: &T) {}
    fn calls(producer: &Producer<str, str>, record: fn() -> ProducerRecord<'static, str, str>) {
        check(&producer.send(record()));
        check(&producer.send_and_forget(record()));
        check(&producer.send_with(record(), |_| {}));
        check(&producer.flush());
        check(&producer.close(Duration::ZERO));
        check(&producer.warm_up([TOPIC]));
        check(&producer.partitions_for(TOPIC));
        check(&producer.reserve(TOPIC, 1));
    }
    let _: fn(&_, _) = calls;
}

#[tokio::test]
async fn a_dropped_delivery_cancels_nothing() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let sent = numbers(500);
    for value in &sent {
        drop(in_time(producer.send(record(value))).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    assert_eq!(values(&kafka), sent);
}

#[tokio::test]
async fn forgotten_records_are_sent_as_all_others_are_and_wait_as_they_do() {
    let kafka = kafka(1, 1).await;
    let small = [("buffer.memory", "20000"), ("batch.size", "1000")];
    let producer = producer(&kafka, &small);
    let sent = numbers(5_000);
    for value in &sent {
        in_time(producer.send_and_forget(record(value)))
            .await
            .unwrap();
    }
    in_time(producer.flush()).await.unwrap();
    assert_eq!(values(&kafka), sent);
}

#[tokio::test]
async fn a_forgotten_record_that_fails_is_told_of_by_its_transaction() {
    let kafka = kafka(1, 1).await;
    let config = kafka.with_cluster(|cluster| cluster.config().topic(1));
    let small = config.with_max_message_bytes(500);
    kafka.create_topic_with("small", small).unwrap();
    let producer = producer(&kafka, &[("transactional.id", "till")]);
    in_time(producer.init_transactions()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let large = "x".repeat(600);
    let record = ProducerRecord::new("small", &*large);
    in_time(transaction.send_and_forget(record)).await.unwrap();
    let error = in_time(transaction.commit()).await.unwrap_err();
    assert!(matches!(error, TransactionError::Abortable(_)), "{error}");
}

#[tokio::test]
async fn callbacks_of_a_partition_are_called_in_the_order_of_its_log() {
    let kafka = kafka(3, 3).await;
    let producer = producer(&kafka, &[("batch.size", "200")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..300_i64 {
        let told = Arc::clone(&told);
        let value = number.to_string();
        let record = record(&value).partition((number % 3) as i32);
        let sent = producer.send_with(record, move |outcome| {
            let metadata = outcome.unwrap();
            let told_of = (metadata.partition, metadata.offset.unwrap(), number);
            told.lock().unwrap().push(told_of);
        });
        in_time(sent).await.unwrap();
    }
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 300);
    for partition in 0..3 {
        let of_it: Vec<_> = told.iter().filter(|told| told.0 == partition).collect();
        let expected = (0..100).map(|at| (partition, at, at * 3 + i64::from(partition)));
        assert!(
            of_it.into_iter().copied().eq(expected),
            "partition {partition}"
        );
    }
}

#[tokio::test]
async fn a_callback_may_send() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let again = producer.clone();
    let (tell, told) = mpsc::channel();
    let callback = move |_: Result<_, &_>| {
        let sent = again.try_send(record("second")).map(drop);
        tell.send(sent.is_ok()).unwrap();
    };
    in_time(producer.send_with(record("first"), callback))
        .await
        .unwrap();
    in_time(kafka.wait_for_records(TOPIC, 2, TIME_LIMIT))
        .await
        .unwrap();
    assert!(told.recv().unwrap());
    assert_eq!(values(&kafka), ["first", "second"]);
}

#[tokio::test]
async fn try_send_hands_the_record_back_until_its_topic_is_known() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let first = record("tea")
        .key("k")
        .partition(0)
        .timestamp_ms(5)
        .header("a", "b");
    let Err(TrySendError::WouldWait(first, WaitsFor::Metadata)) = producer.try_send(first) else {
        panic!("the topic cannot be known yet");
    };
    assert_eq!(
        (first.topic, first.key, first.value),
        (TOPIC, Some("k"), Some("tea"))
    );
    assert_eq!((first.partition, first.timestamp_ms), (Some(0), Some(5)));
    assert_eq!(first.headers.last("a"), Some(Some(&b"b"[..])));
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let delivery = producer.try_send(first).unwrap();
    assert_eq!(in_time(delivery).await.unwrap().offset, Some(0));
}

#[tokio::test]
async fn a_try_send_alone_makes_the_topic_known() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let metadata = in_time(async {
        loop {
            match producer.try_send(record("tea")) {
                Ok(delivery) => return delivery.await.unwrap(),
                Err(TrySendError::WouldWait(..)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!(metadata.await.offset, Some(0));
}

#[tokio::test]
async fn try_send_hands_the_record_back_while_memory_is_used_up() {
    let kafka = kafka(1, 1).await;
    let small = [
        ("buffer.memory", "40000"),
        ("batch.size", "10000"),
        ("linger.ms", "0"),
    ];
    let producer = producer(&kafka, &small);
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    kafka.kill_broker(BrokerId(1)).unwrap();
    let value = "x".repeat(3_000);
    let mut accepted = 0;
    let refused = loop {
        assert!(
            accepted < 20,
            "{accepted} records of 3 kB are in 40 kB of memory"
        );
        match producer.try_send(record(&value)) {
            Ok(_) => accepted += 1,
            Err(TrySendError::WouldWait(record, WaitsFor::Memory { .. })) => break record,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(accepted >= 4, "{accepted}");
    assert_eq!(refused.value, Some(&*value));
    kafka.restart_broker(BrokerId(1)).unwrap();
    // Memory comes back with the acknowledgements, at any time after the first.
    let mut refused = Some(refused);
    let metadata = in_time(async {
        loop {
            match producer.try_send(refused.take().unwrap()) {
                Ok(delivery) => return delivery.await.unwrap(),
                Err(TrySendError::WouldWait(record, WaitsFor::Memory { .. })) => {
                    refused = Some(record)
                }
                Err(error) => panic!("{error}"),
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(metadata.await.offset, Some(accepted));
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert_eq!(producer.memory_in_use(), 0);
}

#[test]
fn a_program_without_async_sends_in_all_ways() {
    let described = kafka_mock::MockCluster::builder().topic(TOPIC, 1);
    let kafka = described.start_blocking().unwrap();
    let builder = crate::scene::builder(&kafka.bootstrap_servers(), &[]);
    let producer = kafka_producer::blocking::Producer::from(builder.build().unwrap());
    let metadata = producer.send(record("0")).unwrap().wait().unwrap();
    assert_eq!(metadata.offset, Some(0));
    drop(producer.send(record("1")).unwrap());
    let (tell, told) = mpsc::channel();
    let callback = move |outcome: Result<_, &_>| tell.send(outcome.is_ok()).unwrap();
    producer.send_with(record("2"), callback).unwrap();
    drop(producer.try_send(record("3")).unwrap());
    producer.send_and_forget(record("4")).unwrap();
    producer.flush().unwrap();
    assert_eq!(values(&kafka), numbers(5));
    assert!(told.recv_timeout(TIME_LIMIT).unwrap());
    assert!(producer.close(TIME_LIMIT).unwrap().is_clean());
}

#[tokio::test]
async fn a_send_dropped_while_it_waits_for_its_topic_has_enqueued_nothing() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    {
        let mut send = pin!(producer.send(record("dropped")));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(send.as_mut().poll(&mut context), Poll::Pending));
    }
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    drop(in_time(producer.send(record("kept"))).await.unwrap());
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert_eq!(report.delivered, 1);
    assert_eq!(values(&kafka), ["kept"]);
}

#[tokio::test]
async fn a_send_dropped_while_it_waits_for_memory_has_enqueued_nothing() {
    let kafka = kafka(1, 1).await;
    let small = [("buffer.memory", "20000"), ("batch.size", "10000")];
    let producer = producer(&kafka, &small);
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    kafka.kill_broker(BrokerId(1)).unwrap();
    let value = "x".repeat(9_000);
    let mut accepted = 0;
    while let Ok(delivery) = producer.try_send(record(&value)) {
        accepted += 1;
        drop(delivery);
    }
    {
        let mut send = pin!(producer.send(record(&value)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(send.as_mut().poll(&mut context), Poll::Pending));
    }
    kafka.restart_broker(BrokerId(1)).unwrap();
    in_time(producer.flush()).await.unwrap();
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean());
    assert_eq!(producer.memory_in_use(), 0);
    assert_eq!(kafka.records(TOPIC).len(), accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_awaited_by_many_tasks() {
    let kafka = kafka(3, 6).await;
    let producer = producer(&kafka, &[]);
    let (sent, mut tasks) = (numbers(400), Vec::new());
    for values in sent.chunks(50) {
        let mut deliveries = Vec::new();
        for value in values {
            deliveries.push(
                in_time(producer.send(record(value).key(value)))
                    .await
                    .unwrap(),
            );
        }
        tasks.push(tokio::spawn(async move {
            let mut places = Vec::new();
            for delivery in deliveries {
                let metadata = delivery.await.unwrap();
                places.push((metadata.partition, metadata.offset.unwrap()));
            }
            places
        }));
    }
    let mut told = Vec::new();
    for task in tasks {
        told.extend(in_time(task).await.unwrap());
    }
    let log = kafka.records(TOPIC);
    for (value, place) in sent.iter().zip(told) {
        let lies = log.iter().find(|record| text(record) == *value).unwrap();
        assert_eq!((lies.partition, lies.offset), place);
    }
    assert_eq!(log.len(), 400);
}

#[tokio::test]
async fn a_delivery_that_changes_its_task_wakes_the_new_one() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    let mut delivery = in_time(producer.send(record("tea"))).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(&mut delivery).poll(&mut context).is_pending());
    let task = tokio::spawn(delivery);
    in_time(producer.flush()).await.unwrap();
    assert!(in_time(task).await.unwrap().is_ok());
}

#[tokio::test]
async fn flush_does_not_linger_and_leaves_nothing_pending() {
    let kafka = kafka(3, 4).await;
    let producer = producer(&kafka, &FOR_EVER);
    let values = numbers(40);
    let mut deliveries: Vec<Delivery> = Vec::new();
    for value in &values {
        deliveries.push(
            in_time(producer.send(record(value).key(value)))
                .await
                .unwrap(),
        );
    }
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.status() == Status::Pending)
    );
    in_time(producer.flush()).await.unwrap();
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.status() == Status::Delivered)
    );
    assert_eq!(kafka.records(TOPIC).len(), 40);
}

#[tokio::test]
async fn flush_returns_after_the_callbacks() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let (tell, told) = mpsc::channel();
    let (_never, wait) = mpsc::channel::<()>();
    let callback = move |_: Result<_, &_>| {
        let _ = wait.recv_timeout(Duration::from_millis(200));
        tell.send(()).unwrap();
    };
    in_time(producer.send_with(record("tea"), callback))
        .await
        .unwrap();
    in_time(producer.flush()).await.unwrap();
    assert!(told.try_recv().is_ok(), "the callback has not run yet");
}

#[tokio::test]
async fn flush_of_nothing_returns_at_once() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    in_time(producer.flush()).await.unwrap();
    in_time(producer.flush()).await.unwrap();
}

#[tokio::test]
async fn a_flush_that_is_dropped_has_hurried_the_records() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    {
        let mut flush = pin!(producer.flush());
        let mut context = Context::from_waker(Waker::noop());
        assert!(flush.as_mut().poll(&mut context).is_pending());
    }
    assert!(in_time(delivery).await.is_ok());
}

#[tokio::test]
async fn null_empty_and_repeated_parts_arrive_as_they_were_sent() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let headers = record("")
        .key("")
        .header("h", "1")
        .header("h", None::<&str>)
        .header("", "");
    for record in [
        headers,
        ProducerRecord::tombstone(TOPIC, "k"),
        ProducerRecord::bare(TOPIC),
    ] {
        drop(in_time(producer.send(record)).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    let log = kafka.records(TOPIC);
    let parts = |at: usize| (log[at].key.as_deref(), log[at].value.as_deref());
    assert_eq!(parts(0), (Some(&b""[..]), Some(&b""[..])));
    assert_eq!(parts(1), (Some(&b"k"[..]), None));
    assert_eq!(parts(2), (None, None));
    let headers: Vec<_> = log[0]
        .headers
        .iter()
        .map(|(key, value)| (&**key, value.as_deref()))
        .collect();
    assert_eq!(
        headers,
        [("h", Some(&b"1"[..])), ("h", None), ("", Some(&b""[..]))]
    );
}

#[tokio::test]
async fn without_batching_every_record_is_a_request_of_its_own() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("batch.size", "0")]);
    let sent = numbers(50);
    for value in &sent {
        drop(in_time(producer.send(record(value))).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    assert_eq!(values(&kafka), sent);
    let requests = kafka.requests().into_iter();
    assert_eq!(
        requests.filter(|seen| seen.api == ApiKey::PRODUCE).count(),
        50
    );
}

#[tokio::test]
async fn without_acks_the_offset_is_not_known_but_the_record_is_there() {
    let kafka = kafka(1, 1).await;
    let settings = [("acks", "0"), ("enable.idempotence", "false")];
    let producer = producer(&kafka, &settings);
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    assert_eq!(in_time(delivery).await.unwrap().offset, None);
    in_time(kafka.wait_for_records(TOPIC, 1, TIME_LIMIT))
        .await
        .unwrap();
}

#[tokio::test]
async fn partitions_are_told_without_sending() {
    let kafka = kafka(1, 7).await;
    let producer = producer(&kafka, &[]);
    assert_eq!(in_time(producer.partitions_for(TOPIC)).await.unwrap(), 7);
    assert!(kafka.records(TOPIC).is_empty());
}

#[tokio::test]
async fn records_wait_together_while_a_broker_is_slow() {
    const SLOW: Duration = Duration::from_millis(300);
    let requests = until_told(async || {
        let kafka = kafka(1, 1).await;
        let slow = Fault::delay(When::BeforeHandling, SLOW);
        kafka.inject(slow.api(ApiKey::PRODUCE));
        let one_in_flight = [
            ("max.in.flight.requests.per.connection", "1"),
            ("linger.ms", "0"),
        ];
        let producer = producer(&kafka, &one_in_flight);
        let (sent, started) = (numbers(500), Instant::now());
        for value in &sent {
            drop(producer.send(record(value)).await.unwrap());
        }
        // Else the broker was not slow for all of them.
        let in_time = started.elapsed() < SLOW;
        producer.flush().await.unwrap();
        assert_eq!(values(&kafka), sent);
        let requests = kafka.requests().into_iter();
        let requests = requests.filter(|seen| seen.api == ApiKey::PRODUCE);
        in_time.then_some(requests.count())
    })
    .await;
    assert!(requests <= 10, "{requests} requests for 500 small records");
}
