//! Bad input: each is a clear error, at once or when its time is up, and nothing else is lost.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use kafka_mock::cluster::{BrokerId, Fault};
use kafka_producer::config::Problem;
use kafka_producer::serialize::{Role, SerializeError, Utf8, from_fn};
use kafka_producer::{
    BuildError, ErrorCode, FatalError, Persistence, Producer, ProducerBuilder, ProducerConfig,
    ProducerRecord, SendError,
};
use kafka_wire::ApiKey;

use crate::scene::{
    TIME_LIMIT, TOPIC, builder, configured, in_time, is_ready, kafka, producer, record, until_told,
    values,
};

/// Nobody listens there: the port is reserved, and binding it takes privileges.
const NOBODY: &str = "127.0.0.1:1";

#[tokio::test]
async fn a_record_that_cannot_be_serialized_is_refused_and_the_next_one_goes() {
    let kafka = kafka(1, 1).await;
    let picky = from_fn(|_, value: &str, scratch| {
        if value == "bad" {
            return Err(SerializeError::new("the order", "its price is negative"));
        }
        scratch.clear();
        scratch.extend_from_slice(value.as_bytes());
        Ok(Some(scratch))
    });
    let builder = Producer::<str, str>::builder_with(Utf8, picky);
    let producer = configured(builder, &kafka.bootstrap_servers(), &[]);
    let producer = producer.build().unwrap();
    let error = in_time(producer.send(record("bad"))).await.unwrap_err();
    let SendError::Serialize {
        role,
        topic,
        reason,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((*role, &**topic), (Role::Value, TOPIC));
    assert!(matches!(**reason, SerializeError::Failed { .. }));
    assert_eq!(
        error.to_string(),
        "the value (str) of a record for topic orders: the order could not be serialized: \
         its price is negative"
    );
    let good = in_time(producer.send(record("good"))).await.unwrap();
    assert!(in_time(good).await.is_ok());
    assert_eq!(values(&kafka), ["good"]);
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_refused_with_those_that_do() {
    let kafka = kafka(1, 3).await;
    let producer = producer(&kafka, &[("max.block.ms", "100")]);
    is_ready(&producer).await;
    for wrong in [3, i32::MAX] {
        let error = in_time(producer.send(record("tea").partition(wrong)))
            .await
            .unwrap_err();
        let known = matches!(error, SendError::PartitionOutOfRange { partition, partitions: 3, .. } if partition == wrong);
        assert!(known, "{error}");
        let message =
            format!("partition {wrong} of topic orders does not exist: it has 3 (0 to 2) after ");
        assert!(error.to_string().starts_with(&message), "{error}");
    }
    let good = in_time(producer.send(record("good").partition(2)))
        .await
        .unwrap();
    assert!(in_time(good).await.is_ok());
}

#[tokio::test]
async fn what_java_refuses_of_a_record_is_refused_by_name_at_once_even_without_a_cluster() {
    // Who waited for a cluster would wait for longer than the test may take.
    let a_long_wait = [("max.block.ms", "86400000")];
    let alone = builder(NOBODY, &a_long_wait).build().unwrap();
    let kafka = kafka(1, 1).await;
    let connected = producer(&kafka, &[]);
    is_ready(&connected).await;
    for producer in [&alone, &connected] {
        for partition in [-1, i32::MIN] {
            let wrong = || record("tea").partition(partition);
            let message = format!(
                "partition {partition} for topic orders is invalid: it must be 0 or more, or left out \
                 for the partitioner to choose"
            );
            let error = in_time(producer.send(wrong())).await.unwrap_err();
            assert_eq!(error.to_string(), message);
            let error = producer.try_send(wrong()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        for timestamp_ms in [-1, -5, i64::MIN] {
            let wrong = || record("tea").timestamp_ms(timestamp_ms);
            let message = format!(
                "timestamp {timestamp_ms} of a record for topic orders is invalid: it must be 0 or \
                 more, or left out for the time of sending"
            );
            let error = in_time(producer.send(wrong())).await.unwrap_err();
            assert_eq!(error.to_string(), message);
            let error = in_time(producer.send_and_forget(wrong())).await;
            assert_eq!(error.unwrap_err().to_string(), message);
            let error = in_time(producer.send_with(wrong(), |_| panic!("never called"))).await;
            assert_eq!(error.unwrap_err().to_string(), message);
            let error = producer.try_send(wrong()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
    let first = record("tea").timestamp_ms(0).partition(0);
    let delivery = in_time(connected.send(first)).await.unwrap();
    assert_eq!(in_time(delivery).await.unwrap().timestamp_ms, 0);
    assert_eq!(values(&kafka), ["tea"]);
}

#[tokio::test]
async fn an_invalid_topic_name_is_refused_at_once_even_without_a_cluster() {
    // Who waited for a cluster would wait for longer than the test may take.
    let a_long_wait = [("max.block.ms", "86400000")];
    let producer = builder(NOBODY, &a_long_wait).build().unwrap();
    let long = "x".repeat(250);
    for name in [
        "",
        ".",
        "..",
        "two words",
        "a/b",
        "caf\u{e9}",
        "a\0b",
        &long,
    ] {
        let error = in_time(producer.send(ProducerRecord::new(name, "tea")))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, SendError::InvalidTopic { topic, .. } if topic == name),
            "{error}"
        );
        let error = in_time(producer.warm_up([name])).await.unwrap_err();
        assert!(matches!(error, SendError::InvalidTopic { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_record_over_max_request_size_is_refused_and_one_just_under_goes() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("max.request.size", "10000")]);
    let mut largest = 0;
    for bytes in 9_900..10_001 {
        let value = "x".repeat(bytes);
        match in_time(producer.send(record(&value))).await {
            Ok(delivery) => {
                assert_eq!(
                    largest,
                    bytes.saturating_sub(1) * usize::from(bytes > 9_900)
                );
                largest = bytes;
                assert!(in_time(delivery).await.is_ok(), "{bytes}");
            }
            Err(SendError::RecordTooLarge {
                bytes: size,
                setting,
                limit,
                ..
            }) => {
                assert_eq!((setting, limit), ("max.request.size", 10_000));
                assert!(size > limit && size < bytes + 100, "{size} for {bytes}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    // As Kafka's client measures: 61 bytes of batch, 21 at most for the record itself, 5 for null
    // key, length of the value and number of headers.
    assert_eq!(largest, 9_913);
}

#[tokio::test]
async fn a_record_over_buffer_memory_is_refused_at_once() {
    let kafka = kafka(1, 1).await;
    let settings = [("buffer.memory", "20000"), ("max.request.size", "1000000")];
    let producer = producer(&kafka, &settings);
    let value = "x".repeat(30_000);
    let error = in_time(producer.send(record(&value))).await.unwrap_err();
    let SendError::RecordTooLarge { setting, limit, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((setting, limit), ("buffer.memory", 20_000));
    let good = in_time(producer.send(record("good"))).await.unwrap();
    assert!(in_time(good).await.is_ok());
}

#[tokio::test]
async fn a_topic_that_cannot_be_is_given_up_after_max_block_ms_while_others_go_on() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("max.block.ms", "700")]);
    is_ready(&producer).await;
    let last = until_told(async || {
        let started = Instant::now();
        let unknown = producer.send(ProducerRecord::new("unknown", "tea"));
        let good = async {
            let delivery = producer.send(record("good")).await.unwrap();
            delivery.await.unwrap()
        };
        let (unknown, _) = tokio::join!(unknown, good);
        let (error, elapsed) = (unknown.unwrap_err(), started.elapsed());
        let SendError::TopicUnknown {
            topic,
            waited,
            last,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(&**topic, "unknown");
        assert!(
            *waited >= Duration::from_millis(700) && *waited <= elapsed,
            "{waited:?}"
        );
        last.clone().map(|last| (last, *waited, error.to_string()))
    })
    .await;
    let (last, waited, error) = last;
    let message = format!(
        "topic unknown does not exist, and was not created within {} ms",
        waited.as_millis()
    );
    assert!(error.starts_with(&message), "{error}");
    let last = last.to_string();
    assert!(last.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{last}");
    assert!(values(&kafka).iter().all(|value| value == "good"));
}

#[tokio::test]
async fn a_topic_that_is_refused_to_us_is_an_error_at_once() {
    let kafka = kafka(1, 1).await;
    let denied = Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    kafka.inject(denied.api(ApiKey::METADATA).topic(TOPIC));
    let producer = producer(&kafka, &[]);
    let error = in_time(producer.send(record("tea"))).await.unwrap_err();
    let SendError::TopicRefused { topic, code, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (&**topic, *code),
        (TOPIC, ErrorCode::TOPIC_AUTHORIZATION_FAILED)
    );
    let good = in_time(producer.send(record("good"))).await.unwrap();
    assert!(in_time(good).await.is_ok());
}

#[tokio::test]
async fn a_full_buffer_is_an_error_after_max_block_ms_and_usable_again_later() {
    let kafka = kafka(1, 1).await;
    let settings = [
        ("buffer.memory", "40000"),
        ("batch.size", "10000"),
        ("max.block.ms", "500"),
    ];
    let producer = producer(&kafka, &settings);
    is_ready(&producer).await;
    kafka.kill_broker(BrokerId(1)).unwrap();
    let value = "x".repeat(9_000);
    let (mut accepted, mut started) = (Vec::new(), Instant::now());
    let error = loop {
        match in_time(producer.send(record(&value))).await {
            Ok(delivery) => accepted.push(delivery),
            Err(error) => break error,
        }
        started = Instant::now();
        assert!(
            accepted.len() <= 4,
            "40 kB of memory hold {} records",
            accepted.len()
        );
    };
    assert!(started.elapsed() >= Duration::from_millis(500));
    let SendError::BufferExhausted {
        waited,
        buffer_memory,
        ref last,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(last.is_some(), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("the broker's part of buffer.memory=40000 is full (reason: broker 1 at "),
        "{told}"
    );
    assert!(waited >= Duration::from_millis(500), "{waited:?}");
    assert_eq!(buffer_memory, 40_000);
    assert!(producer.memory_in_use() <= 40_000);

    kafka.restart_broker(BrokerId(1)).unwrap();
    for (offset, delivery) in (0..).zip(accepted) {
        assert_eq!(in_time(delivery).await.unwrap().offset, Some(offset));
    }
    for _ in 0..20 {
        until_told(async || match producer.send(record(&value)).await {
            Ok(_) => Some(()),
            Err(SendError::BufferExhausted { .. }) => None,
            Err(error) => panic!("{error}"),
        })
        .await;
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn a_send_waiting_for_memory_goes_on_as_soon_as_there_is_some() {
    let kafka = kafka(1, 1).await;
    let settings = [
        ("buffer.memory", "30000"),
        ("batch.size", "10000"),
        ("linger.ms", "60000"),
    ];
    let producer = producer(&kafka, &settings);
    let value = "x".repeat(4_000);
    // Nothing lingers while somebody waits for memory.
    for _ in 0..50 {
        drop(in_time(producer.send(record(&value))).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    assert_eq!(kafka.records(TOPIC).len(), 50);
}

fn problems<K: ?Sized + 'static, V: ?Sized + 'static>(
    built: Result<Producer<K, V>, BuildError>,
) -> Vec<Problem> {
    match built {
        Err(BuildError::Config(error)) => error.problems().to_vec(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was built"),
    }
}

async fn names_of_problems(builder: ProducerBuilder<str, str>) -> Vec<&'static str> {
    let problems = problems(builder.build());
    problems.iter().filter_map(Problem::name).collect()
}

#[tokio::test]
async fn every_problem_of_a_configuration_is_listed() {
    let contradictory = [
        ("enable.idempotence", "true"),
        ("acks", "1"),
        ("max.in.flight.requests.per.connection", "6"),
        ("linger.ms", "soon"),
        ("delivery.timeout.ms", "10"),
        ("compression.type", "zip"),
    ];
    let names = names_of_problems(builder(NOBODY, &contradictory)).await;
    for name in ["linger.ms", "compression.type"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let contradictory = &[
        contradictory[0],
        contradictory[1],
        contradictory[2],
        contradictory[4],
    ];
    let names = names_of_problems(builder(NOBODY, contradictory)).await;
    for name in [
        "acks",
        "max.in.flight.requests.per.connection",
        "delivery.timeout.ms",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

#[tokio::test]
async fn a_problem_names_the_property_the_value_and_what_is_allowed() {
    let error = builder(NOBODY, &[("acks", "2")]).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "acks=\"2\": must be one of all, -1, 0, 1; for more replicas than the leader: all"
    );
}

#[tokio::test]
async fn bootstrap_servers_without_a_valid_address_are_a_problem_of_the_configuration() {
    for servers in [
        "",
        " ",
        "localhost",
        "localhost:port",
        "localhost:0",
        ":9092",
        "a b:9092",
    ] {
        let names = names_of_problems(builder(servers, &[])).await;
        assert_eq!(names, ["bootstrap.servers"], "{servers:?}");
    }
    let unset = Producer::<str, str>::builder().config(ProducerConfig::new());
    assert_eq!(names_of_problems(unset).await, ["bootstrap.servers"]);
}

#[tokio::test]
async fn an_unknown_property_is_warned_of_with_the_one_that_was_meant() {
    static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let builder = builder(NOBODY, &[("linger.sm", "5")]);
    let builder = builder.on_warning(|warning| WARNINGS.lock().unwrap().push(warning.to_string()));
    builder.build().unwrap();
    let warnings = WARNINGS.lock().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("linger.sm") && warnings[0].contains("linger.ms"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn bootstrap_servers_that_cannot_be_reached_are_named_with_the_obstacle() {
    let producer = builder(NOBODY, &[("max.block.ms", "600")]).build().unwrap();
    let message = until_told(async || {
        let started = Instant::now();
        let error = producer.send(record("tea")).await.unwrap_err();
        assert!(started.elapsed() >= Duration::from_millis(600));
        Some(error.to_string()).filter(|message| message.contains(NOBODY))
    })
    .await;
    assert!(message.to_lowercase().contains("refused"), "{message}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named_with_the_obstacle() {
    let nowhere = "no-such-host.invalid:9092";
    let producer = builder(nowhere, &[("max.block.ms", "1000")])
        .build()
        .unwrap();
    // How long a resolver takes to say so is up to the network.
    until_told(async || {
        let error = producer.send(record("tea")).await.unwrap_err();
        error.to_string().contains(nowhere).then_some(())
    })
    .await;
}

#[tokio::test]
async fn dead_bootstrap_servers_among_living_ones_do_no_harm() {
    let kafka = kafka(1, 1).await;
    let servers = format!(
        "{NOBODY},no-such-host.invalid:9092,{}",
        kafka.bootstrap_servers()
    );
    for _ in 0..5 {
        let producer = builder(&servers, &[]).build().unwrap();
        let delivery = in_time(producer.send(record("tea"))).await.unwrap();
        assert!(in_time(delivery).await.is_ok());
    }
}

#[tokio::test]
async fn a_batch_over_the_topics_limit_fails_alone_and_is_not_in_the_log() {
    let kafka = kafka(1, 1).await;
    let config = kafka.with_cluster(|cluster| cluster.config().topic(1));
    let small = config.with_max_message_bytes(1_000);
    kafka.create_topic_with("small", small).unwrap();
    let producer = producer(&kafka, &[]);
    let value = "x".repeat(2_000);
    let large = in_time(producer.send(ProducerRecord::new("small", &*value)))
        .await
        .unwrap();
    let error = in_time(large).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MESSAGE_TOO_LARGE));
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    for good in [record("good"), ProducerRecord::new("small", "good")] {
        let delivery = in_time(producer.send(good)).await.unwrap();
        assert_eq!(in_time(delivery).await.unwrap().offset, Some(0));
    }
}

#[tokio::test]
async fn names_that_have_no_address_in_time_end_the_producer() {
    let hasty = [("bootstrap.resolve.timeout.ms", "1")];
    let producer = builder("no-such-broker.invalid:9092", &hasty);
    let producer = producer.build().unwrap();
    for _ in 0..2 {
        let error = in_time(producer.send(record("tea"))).await.unwrap_err();
        let SendError::Fatal(FatalError::BootstrapUnresolved { limit, .. }) = &error else {
            panic!("{error}");
        };
        assert_eq!(*limit, Duration::from_millis(1), "{error}");
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
}
