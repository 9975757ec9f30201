//! What goes through TLS arrives as without it.

use kafka_mock::{ClientCertificates, MockTls};

use crate::scene::{TIME_LIMIT, TOPIC, in_time, numbers, record, text, values};

use super::{kafka, known_to, producer, trusting};

#[tokio::test]
async fn records_arrive_in_order_with_any_acks_and_any_codec() {
    let authority = MockTls::new().unwrap();
    for settings in [
        &[][..],
        &[("acks", "1"), ("enable.idempotence", "false")],
        &[("acks", "0"), ("enable.idempotence", "false")],
        &[("compression.type", "lz4")],
        &[("compression.type", "gzip")],
        &[
            ("linger.ms", "0"),
            ("max.in.flight.requests.per.connection", "1"),
        ],
    ] {
        let kafka = kafka(&authority, 1).await;
        let producer = producer(&kafka, &trusting(&authority), settings);
        let sent = numbers(2_000);
        for value in &sent {
            in_time(producer.send_and_forget(record(value)))
                .await
                .unwrap();
        }
        let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
        assert!(report.is_clean(), "{settings:?}: {report:?}");
        let arrived = kafka.wait_for_records(TOPIC, sent.len(), TIME_LIMIT).await;
        arrived.unwrap();
        assert_eq!(values(&kafka), sent, "{settings:?}");
    }
}

#[tokio::test]
async fn requests_that_are_larger_than_any_buffer_arrive_whole() {
    let authority = MockTls::new().unwrap();
    for versions in [MockTls::only_1_2, MockTls::only_1_3] {
        let kafka = kafka(&versions(authority.clone()), 1).await;
        let settings = [
            ("max.request.size", "8000000"),
            ("batch.size", "4000000"),
            ("send.buffer.bytes", "16384"),
        ];
        let producer = producer(&kafka, &trusting(&authority), &settings);
        let sent: Vec<_> = (0..40)
            .map(|at| at.to_string().repeat(20_000 + at))
            .collect();
        for value in &sent {
            in_time(producer.send_and_forget(record(value)))
                .await
                .unwrap();
        }
        assert!(
            in_time(producer.close(TIME_LIMIT))
                .await
                .unwrap()
                .is_clean()
        );
        assert!(values(&kafka) == sent);
    }
}

#[tokio::test]
async fn a_transaction_is_committed() {
    let authority = MockTls::new().unwrap();
    let kafka = kafka(&authority, 2).await;
    let settings = [("transactional.id", "till-7")];
    let producer = producer(&kafka, &trusting(&authority), &settings);
    in_time(producer.init_transactions()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    for value in ["tea", "coffee"] {
        in_time(transaction.send_and_forget(record(value)))
            .await
            .unwrap();
    }
    in_time(transaction.commit()).await.unwrap();
    let mut committed: Vec<_> = kafka.committed_records(TOPIC).iter().map(text).collect();
    committed.sort();
    assert_eq!(committed, ["coffee", "tea"]);
}

#[tokio::test]
async fn a_client_that_is_known_is_let_in() {
    let authority = MockTls::new().unwrap();
    for asked in [ClientCertificates::Requested, ClientCertificates::Required] {
        for versions in [MockTls::only_1_2, MockTls::only_1_3] {
            let tls = versions(authority.clone()).client_certificates(asked);
            let kafka = kafka(&tls, 1).await;
            let producer = producer(&kafka, &known_to(&authority), &[]);
            let sent = in_time(producer.send(record("tea"))).await.unwrap();
            in_time(sent).await.unwrap();
        }
    }
    let tls = authority
        .clone()
        .client_certificates(ClientCertificates::Requested);
    let kafka = kafka(&tls, 1).await;
    let producer = producer(&kafka, &trusting(&authority), &[]);
    let sent = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(sent).await.unwrap();
}
