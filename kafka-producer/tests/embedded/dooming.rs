//! A `send` that fails in a transaction: it can only be aborted, and its commit says what was missing.

use std::future::Future;

use kafka_mock::MockCluster;
use kafka_mock::cluster::Fault;
use kafka_producer::error::TransactionError;
use kafka_producer::serialize::{SerializeError, Utf8, from_fn};
use kafka_producer::{
    AbortableError, ConsumerGroupMetadata, ErrorCode, OffsetToCommit, Producer, ProducerRecord,
    SendError, Transaction, TrySendError, WaitsFor, blocking,
};
use kafka_wire::ApiKey;

use crate::scene::{TOPIC, configured, in_time, is_ready, kafka, record, text};

/// Short enough to be waited for, where a record waits in vain.
const SETTINGS: [(&str, &str); 4] = [
    ("transactional.id", "billing"),
    ("max.block.ms", "1000"),
    ("max.request.size", "20000"),
    ("buffer.memory", "30000"),
];

/// A producer that takes any text but "bad".
async fn transactional(kafka: &MockCluster) -> Producer<str, str> {
    let picky = from_fn(|_, value: &str, scratch| {
        if value == "bad" {
            return Err(SerializeError::new("the order", "its price is negative"));
        }
        scratch.clear();
        scratch.extend_from_slice(value.as_bytes());
        Ok(Some(scratch))
    });
    let builder = Producer::<str, str>::builder_with(Utf8, picky);
    let builder = configured(builder, &kafka.bootstrap_servers(), &SETTINGS);
    let producer = builder.build().unwrap();
    retry_while_it_times_out(async || producer.init_transactions().await).await;
    is_ready(&producer).await;
    producer
}

/// Asks until the call has an outcome: `max.block.ms` is short here.
async fn retry_while_it_times_out<T>(call: impl AsyncFn() -> Result<T, TransactionError>) -> T {
    loop {
        match in_time(call()).await {
            Ok(done) => return done,
            Err(TransactionError::TimedOut(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn begin(producer: &Producer<str, str>) -> Transaction<'_, str, str> {
    retry_while_it_times_out(async || producer.begin_transaction().await).await
}

/// The transaction has "kept" in it.
async fn with_a_record<'p>(producer: &'p Producer<str, str>) -> Transaction<'p, str, str> {
    let transaction = begin(producer).await;
    in_time(transaction.send_and_forget(record("kept")))
        .await
        .unwrap();
    transaction
}

/// Why the commit was refused: the error of the first `send` that failed.
async fn doomed(transaction: Transaction<'_, str, str>) -> SendError {
    let refused = in_time(transaction.commit()).await.unwrap_err();
    let TransactionError::Abortable(AbortableError::Send(first)) = &refused else {
        panic!("{refused:?}");
    };
    let message = format!("the transaction must be aborted: a record was not accepted: {first}");
    assert_eq!(refused.to_string(), message);
    SendError::clone(first)
}

async fn commits(producer: &Producer<str, str>, transaction: Transaction<'_, str, str>) {
    let outcome = in_time(transaction.commit()).await;
    if let Err(TransactionError::TimedOut(_)) = outcome {
        return retry_while_it_times_out(async || producer.wait_for_transaction().await).await;
    }
    outcome.unwrap();
}

fn committed(kafka: &MockCluster) -> Vec<String> {
    let records = kafka.committed_records(TOPIC);
    records.iter().map(text).collect()
}

async fn is_refused<T>(sent: impl Future<Output = Result<T, SendError>>) -> SendError {
    let refused = in_time(sent).await.err();
    refused.expect("it is refused")
}

#[tokio::test]
async fn a_transaction_in_which_a_send_failed_cannot_be_committed_whatever_the_reason() {
    let kafka = kafka(1, 1).await;
    let denied = Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    kafka.inject(denied.api(ApiKey::METADATA).topic("denied"));
    let producer = transactional(&kafka).await;
    let too_large = "x".repeat(25_000);
    let missing = record("tea").partition(9);
    let reasons = [
        ("max.request.size", record(&too_large)),
        ("partition 9", missing),
        (
            "TOPIC_AUTHORIZATION_FAILED",
            ProducerRecord::new("denied", "tea"),
        ),
        ("invalid topic name", ProducerRecord::new("a b", "tea")),
        ("topic unknown", ProducerRecord::new("unknown", "tea")),
        ("could not be serialized", record("bad")),
        ("timestamp -1", record("tea").timestamp_ms(-1)),
        ("partition -1", record("tea").partition(-1)),
    ];
    for (reason, refused) in reasons {
        let transaction = with_a_record(&producer).await;
        let error = is_refused(transaction.send(refused)).await;
        assert!(error.to_string().contains(reason), "{error}");
        let first = doomed(transaction).await;
        assert_eq!(first.to_string(), error.to_string());
        assert_eq!(first.code(), error.code());
    }
    let transaction = with_a_record(&producer).await;
    commits(&producer, transaction).await;
    assert_eq!(committed(&kafka), ["kept"], "only of the last transaction");
}

#[tokio::test]
async fn every_way_to_send_dooms_the_transaction_when_it_fails() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let too_large = "x".repeat(25_000);
    let large = || record(&too_large);
    for way in 0..4 {
        let transaction = with_a_record(&producer).await;
        let error = match way {
            0 => is_refused(transaction.send(large())).await,
            1 => is_refused(transaction.send_and_forget(large())).await,
            2 => is_refused(transaction.send_with(large(), |_| panic!("never called"))).await,
            _ => match transaction.try_send(large()) {
                Err(TrySendError::Refused(error)) => error,
                other => panic!("{other:?}"),
            },
        };
        assert!(matches!(error, SendError::RecordTooLarge { .. }), "{error}");
        let first = doomed(transaction).await;
        assert_eq!(first.to_string(), error.to_string(), "way {way}");
    }
    assert!(committed(&kafka).is_empty());
}

#[tokio::test]
async fn every_blocking_way_to_send_dooms_the_transaction_when_it_fails() {
    let kafka = kafka(1, 1).await;
    let producer = blocking::Producer::from(transactional(&kafka).await);
    let ended = tokio::task::spawn_blocking(move || {
        let too_large = "x".repeat(25_000);
        let large = || record(&too_large);
        for way in 0..4 {
            let transaction = loop {
                match producer.begin_transaction() {
                    Ok(transaction) => break transaction,
                    Err(TransactionError::TimedOut(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            };
            let refused = match way {
                0 => transaction.send(large()).is_err(),
                1 => transaction.send_and_forget(large()).is_err(),
                2 => transaction.send_with(large(), |_| {}).is_err(),
                _ => transaction.try_send(large()).is_err(),
            };
            assert!(refused);
            let refused = transaction.commit().unwrap_err();
            assert!(
                matches!(
                    refused,
                    TransactionError::Abortable(AbortableError::Send(_))
                ),
                "{refused:?}"
            );
        }
    });
    in_time(ended).await.unwrap();
}

#[tokio::test]
async fn a_commit_names_the_first_of_several_sends_that_failed() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let transaction = with_a_record(&producer).await;
    let first = is_refused(transaction.send(ProducerRecord::new("a b", "tea"))).await;
    // Whether the second is refused for a reason of its own or for the first is a matter of time.
    let _ = is_refused(transaction.send(record("bad"))).await;
    assert_eq!(doomed(transaction).await.to_string(), first.to_string());
}

#[tokio::test]
async fn a_record_that_would_have_to_wait_dooms_nothing() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let transaction = with_a_record(&producer).await;
    let Err(TrySendError::WouldWait(_, WaitsFor::Metadata)) =
        transaction.try_send(ProducerRecord::new("unknown", "tea"))
    else {
        panic!("nobody knows the topic yet");
    };
    commits(&producer, transaction).await;
    assert_eq!(committed(&kafka), ["kept"]);
}

#[tokio::test]
async fn a_send_that_is_dropped_while_it_waits_dooms_nothing() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let transaction = with_a_record(&producer).await;
    let mut waiting = Box::pin(transaction.send(ProducerRecord::new("unknown", "tea")));
    let polled = polled_once(&mut waiting).await;
    assert!(polled.is_none(), "it waits for its topic");
    drop(waiting);
    commits(&producer, transaction).await;
    assert_eq!(committed(&kafka), ["kept"]);
}

/// What one poll of it gives.
async fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    use std::pin::Pin;
    use std::task::Poll;
    std::future::poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn offsets_that_java_refuses_are_refused_by_name_and_nothing_of_them_is_sent() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let transaction = with_a_record(&producer).await;
    let group = ConsumerGroupMetadata::new("billing");
    let nameless = ConsumerGroupMetadata::new("");
    let no_member = ConsumerGroupMetadata::new("billing").member("", 1);
    let good = || OffsetToCommit::new(TOPIC, 0, 7);
    let negative = |offset| OffsetToCommit::new(TOPIC, 3, offset);
    let cases = [
        (
            negative(-1),
            &group,
            "the offset -1 for orders-3 is invalid: it must be 0 or more",
        ),
        (
            negative(i64::MIN),
            &group,
            "the offset -9223372036854775808 for orders-3 is invalid: it must be 0 or more",
        ),
        (
            good(),
            &nameless,
            "a consumer group has an id; this one is empty",
        ),
        (
            good(),
            &no_member,
            "a consumer group's generation goes with a member id; this one is empty",
        ),
    ];
    for (wrong, group, message) in cases {
        let refused = in_time(transaction.send_offsets([good(), wrong], group)).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, TransactionError::Misused(_)),
            "{refused:?}"
        );
        assert_eq!(refused.to_string(), message);
    }
    commits(&producer, transaction).await;
    let asked = kafka.requests();
    let offsets = [ApiKey::ADD_OFFSETS_TO_TXN, ApiKey::TXN_OFFSET_COMMIT];
    assert!(!asked.iter().any(|seen| offsets.contains(&seen.api)));
}
