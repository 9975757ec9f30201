//! What people are told of a record that a real Kafka refuses: while it waits, and when it has failed.

use kafka_producer::error::{AttemptEnd, WaitReason};
use kafka_producer::{ErrorCode, ProducerRecord, Standing};

use crate::cluster::{create_topic, in_time, producer};

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_record_that_is_refused_is_explained_while_it_waits_and_tells_its_attempt() {
    let topic = create_topic("explained", 1, &[("max.message.bytes", "1000")]);
    // It lingers until it is flushed.
    let producer = producer(&[
        ("linger.ms", "86400000"),
        ("delivery.timeout.ms", "90000000"),
    ]);
    let value = "tea".repeat(1000);
    let sent = in_time(producer.send(ProducerRecord::new(&topic, &value))).await;
    let delivery = sent.unwrap();
    let explanation = in_time(producer.explain(&topic, 0)).await.unwrap();
    match &explanation.standing {
        Standing::Waiting {
            records, reason, ..
        } => {
            assert_eq!(*records, 1);
            assert!(matches!(reason, WaitReason::Lingering { .. }), "{reason}");
        }
        _ => panic!("{explanation}"),
    }
    in_time(producer.flush()).await.unwrap();
    let error = in_time(delivery).await.unwrap_err();
    let attempts: Vec<_> = error.timeline().attempts().collect();
    let [attempt] = attempts[..] else {
        panic!("{}", error.timeline());
    };
    let code = ErrorCode::MESSAGE_TOO_LARGE;
    assert!(
        matches!(&attempt.end, AttemptEnd::Refused { code: it, .. } if *it == code),
        "{attempt}"
    );
    assert!(attempt.address.is_some(), "{attempt}");
    assert!(attempt.sent <= attempt.ended, "{attempt}");
    let explanation = in_time(producer.explain(&topic, 0)).await.unwrap();
    assert_eq!(explanation.standing, Standing::Nothing);
}
