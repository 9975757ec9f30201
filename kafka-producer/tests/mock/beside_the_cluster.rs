//! The same application against a producer without a broker and against the embedded cluster: both see the same.

use kafka_mock::MockCluster;
use kafka_producer::mock::{MockBroker, MockRecord};
use kafka_producer::partition::RoundRobinPartitioner;
use kafka_producer::serialize::{Context, SerializeError, Utf8, from_fn};
use kafka_producer::{
    ConsumerGroupMetadata, OffsetToCommit, Producer, ProducerBuilder, ProducerRecord,
};

const TOPICS: [(&str, i32); 2] = [("orders", 5), ("clicks", 2)];

/// Of an order; a negative one cannot be serialized.
struct Cents(i64);

fn serialized<'a>(
    context: &mut Context<'_>,
    amount: &'a Cents,
    scratch: &'a mut Vec<u8>,
) -> Result<Option<&'a [u8]>, SerializeError> {
    if amount.0 < 0 {
        return Err(SerializeError::new("the amount", "it is negative"));
    }
    context.headers.add("unit", "cent");
    scratch.clear();
    // Larger amounts take more bytes, so that one can be too large.
    scratch.resize(amount.0 as usize, b'c');
    Ok(Some(scratch))
}

fn builder(settings: &[(&str, &str)]) -> ProducerBuilder<str, Cents> {
    let builder = Producer::builder_with(Utf8, from_fn(serialized))
        .partitioner(RoundRobinPartitioner)
        .set("max.request.size", "2000");
    settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.set(name, *value))
}

/// The application: sends to here and there, and tells what it was told.
async fn application(producer: &Producer<str, Cents>) -> Vec<String> {
    let mut told = Vec::new();
    for number in 0..20 {
        let amount = Cents(100 + number);
        let customer = format!("customer-{}", number % 7);
        let mut record = ProducerRecord::new("orders", &amount).timestamp_ms(1_700_000_000_000);
        if number % 3 > 0 {
            record = record.key(&*customer).header("source", "shop");
        }
        if number % 5 == 0 {
            record = record.partition(4);
        }
        let outcome = producer.send(record).await.unwrap().await;
        told.push(format!("{:?}", outcome.unwrap()));
    }
    for refused in [Cents(1_900), Cents(-1)] {
        let record = ProducerRecord::new("orders", &refused).key("customer-1");
        let error = producer.send(record).await.unwrap_err();
        told.push(error.to_string());
    }
    let (fits, bad_partition) = (Cents(1), Cents(2));
    let record = ProducerRecord::new("orders", &bad_partition).partition(-7);
    told.push(producer.send(record).await.unwrap_err().to_string());
    let deleted = ProducerRecord::tombstone("orders", "customer-2").timestamp_ms(7);
    told.push(format!("{:?}", producer.send(deleted).await.unwrap().await));
    producer
        .send_and_forget(ProducerRecord::new("clicks", &fits).timestamp_ms(8))
        .await
        .unwrap();
    producer.flush().await.unwrap();
    told.push(producer.partitions_for("clicks").await.unwrap().to_string());
    told
}

/// Partition, offset, timestamp, key, value and headers.
type Seen = (
    i32,
    i64,
    i64,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(String, Option<Vec<u8>>)>,
);

fn seen_by_mock(records: Vec<MockRecord>) -> Vec<Seen> {
    let seen = |record: MockRecord| {
        let offset = record.offset().unwrap();
        let headers = record.headers.into_iter();
        let headers = headers.map(|(name, value)| (name, value.map(Vec::from)));
        (
            record.partition,
            offset,
            record.timestamp_ms,
            record.key.map(Vec::from),
            record.value.map(Vec::from),
            headers.collect(),
        )
    };
    sorted(records.into_iter().map(seen))
}

fn seen_by_cluster(records: Vec<kafka_mock::MockRecord>) -> Vec<Seen> {
    let seen = |record: kafka_mock::MockRecord| {
        let headers = record.headers.into_iter();
        let headers = headers.map(|(name, value)| (name, value.map(Vec::from)));
        (
            record.partition,
            record.offset,
            record.timestamp,
            record.key.map(Vec::from),
            record.value.map(Vec::from),
            headers.collect(),
        )
    };
    sorted(records.into_iter().map(seen))
}

fn sorted(seen: impl Iterator<Item = Seen>) -> Vec<Seen> {
    let mut seen: Vec<_> = seen.collect();
    seen.sort();
    seen
}

async fn cluster() -> MockCluster {
    let described = TOPICS
        .iter()
        .fold(MockCluster::builder(), |cluster, (name, partitions)| {
            cluster.topic(*name, *partitions)
        });
    described.start().await.unwrap()
}

fn mock(settings: &[(&str, &str)]) -> (Producer<str, Cents>, MockBroker) {
    builder(settings).build_mock(TOPICS).unwrap()
}

fn real(kafka: &MockCluster, settings: &[(&str, &str)]) -> Producer<str, Cents> {
    let builder = builder(settings).bootstrap_servers([kafka.bootstrap_servers()]);
    builder.build().unwrap()
}

#[tokio::test]
async fn an_application_and_the_log_see_the_same_with_and_without_a_cluster() {
    let (without, broker) = mock(&[]);
    let told_without = application(&without).await;
    let kafka = cluster().await;
    let told_with = application(&real(&kafka, &[])).await;
    assert_eq!(told_without, told_with);
    assert!(told_with.iter().any(|told| told.contains("negative")));
    assert!(
        told_with
            .iter()
            .any(|told| told.contains("max.request.size=2000"))
    );
    for (topic, count) in [("orders", 21), ("clicks", 1)] {
        let seen = seen_by_mock(broker.records(topic));
        assert_eq!(seen.len(), count, "{topic}");
        assert_eq!(seen, seen_by_cluster(kafka.records(topic)), "{topic}");
    }
}

/// A transactional application: commits, aborts, and is told of a record that failed.
async fn billing(producer: &Producer<str, Cents>) -> Vec<String> {
    let mut told = Vec::new();
    told.push(producer.begin_transaction().await.unwrap_err().to_string());
    producer.init_transactions().await.unwrap();
    told.push(producer.init_transactions().await.unwrap_err().to_string());
    let group = ConsumerGroupMetadata::new("billing");
    for number in 0..3 {
        let amount = Cents(10 + number);
        let record = || {
            let record = ProducerRecord::new("orders", &amount).timestamp_ms(number);
            record.partition((number % 2) as i32)
        };
        told.push(format!("{:?}", producer.send(record()).await.unwrap_err()));
        let transaction = producer.begin_transaction().await.unwrap();
        let delivery = transaction.send(record()).await.unwrap();
        let offsets = [OffsetToCommit::new("clicks", 0, 100 + number)];
        transaction.send_offsets(offsets, &group).await.unwrap();
        let ended = match number {
            1 => {
                told.push(format!("{:?}", delivery.await));
                transaction.abort().await
            }
            _ => transaction.commit().await,
        };
        told.push(format!("{ended:?}"));
        told.push(format!("{:?}", producer.wait_for_transaction().await));
    }
    let transaction = producer.begin_transaction().await.unwrap();
    let bad = Cents(-1);
    let refused = transaction.send(ProducerRecord::new("orders", &bad)).await;
    told.push(refused.unwrap_err().to_string());
    told.push(transaction.commit().await.unwrap_err().to_string());
    told.push(format!("{:?}", producer.wait_for_transaction().await));
    let transaction = producer.begin_transaction().await.unwrap();
    transaction.commit().await.unwrap();
    told
}

#[tokio::test]
async fn transactions_end_the_same_with_and_without_a_cluster() {
    let settings = [("transactional.id", "billing-1")];
    let (without, broker) = mock(&settings);
    let told_without = billing(&without).await;
    let kafka = cluster().await;
    let told_with = billing(&real(&kafka, &settings)).await;
    assert_eq!(told_without, told_with);
    let all = seen_by_mock(broker.records("orders"));
    assert_eq!(all.len(), 3);
    assert_eq!(all, seen_by_cluster(kafka.records("orders")));
    let committed = seen_by_mock(broker.committed_records("orders"));
    assert_eq!(committed.len(), 2);
    assert_eq!(
        committed,
        seen_by_cluster(kafka.committed_records("orders"))
    );
    let offsets: Vec<_> = broker.committed_offsets();
    let offsets: Vec<_> = offsets.iter().map(|(_, offset)| offset.offset).collect();
    assert_eq!(offsets, [100, 102]);
}
