//! What compression may not change: which records arrive, and in which order.

use kafka_mock::cluster::ClusterConfig;
use kafka_mock::{MockCluster, MockRecord};
use kafka_producer::{ErrorCode, Persistence, ProducerRecord};
use kafka_wire::ApiKey;
use kafka_wire::compression::Compression;

use crate::scene::{TOPIC, in_time, kafka, producer, record, text, values};

const CODECS: [(&str, Compression); 4] = [
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

/// Batches that take long to compress stand before such that take no time.
#[tokio::test]
async fn batches_that_are_compressed_at_the_same_time_leave_in_order() {
    for (codec, _) in CODECS {
        let kafka = kafka(1, 1).await;
        let settings = [
            ("compression.type", codec),
            ("batch.size", "2000"),
            ("linger.ms", "0"),
        ];
        let producer = producer(&kafka, &settings);
        let sent: Vec<_> = (0..400)
            .map(|number| match number % 20 {
                0 => format!("{number} {}", noise(number, 50_000)),
                _ => format!("{number} {}", "tea ".repeat(10)),
            })
            .collect();
        for value in &sent {
            drop(in_time(producer.send(record(value))).await.unwrap());
        }
        in_time(producer.flush()).await.unwrap();
        assert!(values(&kafka) == sent, "{codec}");
    }
}

#[tokio::test]
async fn a_batch_that_does_not_shrink_goes_uncompressed_beside_those_that_do() {
    for (name, codec) in CODECS {
        let kafka = kafka(1, 1).await;
        let producer = producer(&kafka, &[("compression.type", name)]);
        // The first has nothing in it that occurs twice.
        let sent = ["0123456789abcdefghijklmnop".to_owned(), "tea ".repeat(100)];
        for value in &sent {
            let delivery = in_time(producer.send(record(value))).await.unwrap();
            in_time(delivery).await.unwrap();
        }
        let log = kafka.records(TOPIC);
        let codecs: Vec<_> = log.iter().map(|record| record.compression).collect();
        assert_eq!(codecs, [Compression::None, codec]);
        assert_eq!(log.iter().map(text).collect::<Vec<_>>(), sent);
    }
}

#[tokio::test]
async fn each_topic_has_its_codec() {
    let topics = ["clicks", "logs", "metrics", TOPIC];
    let described = topics
        .iter()
        .fold(MockCluster::builder(), |builder, topic| {
            builder.topic(*topic, 1)
        });
    let kafka = described.start().await.unwrap();
    let by_topic = (
        "compression.type.by.topic",
        "clicks:zstd,logs:none,metrics:snappy",
    );
    let producer = producer(&kafka, &[("compression.type", "gzip"), by_topic]);
    let value = "tea ".repeat(100);
    for topic in topics {
        let record = ProducerRecord::new(topic, &*value);
        drop(in_time(producer.send(record)).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    let codec = |topic| {
        let log = kafka.records(topic);
        assert_eq!(
            log.iter().map(text).collect::<Vec<_>>(),
            [&*value],
            "{topic}"
        );
        log[0].compression
    };
    let expected = [
        Compression::Zstd,
        Compression::None,
        Compression::Snappy,
        Compression::Gzip,
    ];
    assert_eq!(topics.map(codec), expected);
    let sent = |topic| {
        let tags = [("topic", topic)];
        producer
            .metrics()
            .number("producer-topic-metrics", "compression-rate", &tags)
    };
    assert_eq!(sent("logs"), Some(1.0));
    assert!(sent("clicks").unwrap() < 0.5);
}

#[tokio::test]
async fn only_topics_whose_codec_a_broker_lacks_are_refused() {
    let described = MockCluster::builder().topic(TOPIC, 1).topic("clicks", 1);
    let config = ClusterConfig::default().with_version_caps(vec![(ApiKey::PRODUCE, 6)]);
    let kafka = described.config(config).start().await.unwrap();
    let producer = producer(
        &kafka,
        &[
            ("compression.type.by.topic", "clicks:zstd"),
            ("linger.ms", "20"),
        ],
    );
    let value = "tea ".repeat(100);
    let clicks = in_time(producer.send(ProducerRecord::new("clicks", &*value)))
        .await
        .unwrap();
    let order = in_time(producer.send(record(&value))).await.unwrap();
    in_time(order).await.unwrap();
    let error = in_time(clicks).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
    assert_eq!(values(&kafka).len(), 1);
}

#[tokio::test]
async fn batches_of_all_cores_are_read_back_whole() {
    for (name, codec) in CODECS {
        let kafka = kafka(3, 12).await;
        let settings = [("compression.type", name), ("batch.size", "4000")];
        let producer = producer(&kafka, &settings);
        let mut sent: Vec<_> = (0..3_000)
            .map(|number| noise(number, 20).repeat(5))
            .collect();
        for value in &sent {
            drop(in_time(producer.send(record(value))).await.unwrap());
        }
        in_time(producer.flush()).await.unwrap();
        let log = kafka.records(TOPIC);
        let mut read: Vec<_> = log.iter().map(text).collect();
        read.sort();
        sent.sort();
        assert!(read == sent, "{name}");
        let compressed = |record: &MockRecord| record.compression == codec;
        assert!(log.iter().any(compressed), "{name}: nothing was compressed");
    }
}

/// Text of lower-case letters that no codec finds a word in, the same for the same number.
fn noise(number: u64, bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number);
    (0..bytes).map(|_| random.lowercase()).collect()
}

#[tokio::test]
async fn zstd_is_refused_by_name_before_it_is_sent_to_a_broker_of_before_kafka_2_1() {
    let described = MockCluster::builder().topic(TOPIC, 1);
    let config = ClusterConfig::default().with_version_caps(vec![(ApiKey::PRODUCE, 6)]);
    let kafka = described.config(config).start().await.unwrap();
    let producer = producer(&kafka, &[("compression.type", "zstd")]);
    let value = "tea ".repeat(100);
    let delivery = in_time(producer.send(record(&value))).await.unwrap();
    let error = in_time(delivery).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    let words = "broker 1 cannot take compression.type=zstd";
    assert!(error.to_string().contains(words), "{error}");
    let asked = kafka.requests();
    assert!(!asked.iter().any(|seen| seen.api == ApiKey::PRODUCE));
}
