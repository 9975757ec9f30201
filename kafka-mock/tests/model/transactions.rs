//! Transactions, in both generations: what commits, what aborts, who is fenced.

use std::time::Duration;

use kafka_mock::cluster::{
    ClusterConfig, Fault, TransactionFacts, TransactionOutcome, TransactionState,
};
use kafka_wire::{
    ApiKey, ErrorCode,
    messages::{ApiVersionsRequest, FetchRequest},
};

use crate::{
    driver::{Driver, ONE, TWO, batch, batch_under, stamped},
    transactor::{
        BOTH, ID, Talk, Transactor, begin, committed, coordinator, init, init_request, markers,
        pass,
    },
};

const MARKER_DELAY: Duration = Duration::from_millis(500);

fn slow() -> Driver {
    Driver::with(ClusterConfig::default().with_marker_delay(MARKER_DELAY..=MARKER_DELAY))
}

fn state(driver: &Driver) -> TransactionState {
    let [TransactionFacts { state, .. }] = driver.cluster.transactions()[..] else {
        panic!("there is one");
    };
    state
}

#[test]
fn a_committed_transaction_is_read_whole_and_an_aborted_one_not_at_all() {
    for talk in BOTH {
        let mut driver = Driver::new(1);
        let mut client = begin(&mut driver, talk);
        client.write(&mut driver, 0, "a");
        client.write(&mut driver, 1, "b");
        assert_eq!(committed(&driver), [""; 0], "{talk:?}");
        assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
        assert_eq!(committed(&driver), ["a", "b"]);
        client.write(&mut driver, 0, "c");
        assert_eq!(client.abort(&mut driver), ErrorCode::NONE);
        client.write(&mut driver, 0, "d");
        assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
        assert_eq!(committed(&driver), ["a", "d", "b"]);
        assert_eq!(driver.cluster.record_count("t"), 4, "markers do not count");
        assert_eq!(driver.cluster.hanging_transactions(), []);
    }
}

#[test]
fn an_open_transaction_hides_what_follows_it() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::Second);
    driver.produce(batch(&["before"]));
    client.write(&mut driver, 0, "open");
    driver.produce(batch(&["behind"]));
    assert_eq!(committed(&driver), ["before"]);
    let facts = driver.cluster.partition_facts("t", 0).unwrap();
    assert_eq!(
        (
            facts.last_stable_offset,
            facts.high_watermark,
            facts.log_end
        ),
        (1, 3, 3)
    );
    client.commit(&mut driver);
    assert_eq!(committed(&driver), ["before", "open", "behind"]);
}

#[test]
fn readers_of_committed_records_are_told_what_was_aborted() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::Second);
    client.write(&mut driver, 0, "a");
    client.abort(&mut driver);
    client.write(&mut driver, 0, "b");
    let read = |driver: &mut Driver, isolation_level| {
        let request = FetchRequest::default()
            .with_isolation_level(isolation_level)
            .with_max_wait_ms(0)
            .with_topics(vec![
                kafka_wire::messages::fetch::FetchTopic::default()
                    .with_topic("t".to_owned())
                    .with_partitions(vec![
                        kafka_wire::messages::fetch::FetchPartition::default()
                            .with_partition_max_bytes(1 << 20),
                    ]),
            ]);
        let mut answer = driver.ask(ONE, 12, &request);
        answer.responses.remove(0).partitions.remove(0)
    };
    let committed = read(&mut driver, 1);
    let aborted = committed.aborted_transactions.unwrap();
    assert_eq!(
        (
            aborted.len(),
            aborted[0].producer_id,
            aborted[0].first_offset
        ),
        (1, client.producer_id, 0)
    );
    assert_eq!(
        (committed.last_stable_offset, committed.high_watermark),
        (2, 3)
    );
    let all = read(&mut driver, 0);
    assert_eq!(all.aborted_transactions, None);
    assert!(all.records.unwrap().len() > committed.records.unwrap().len());
}

#[test]
fn the_epoch_grows_with_each_transaction_of_the_second_generation_only() {
    let epochs = |talk| {
        let mut driver = Driver::new(1);
        let mut client = begin(&mut driver, talk);
        let mut epochs = vec![client.epoch];
        for outcome in [TransactionOutcome::Commit, TransactionOutcome::Abort] {
            client.write(&mut driver, 0, "v");
            client.end(&mut driver, outcome);
            epochs.push(client.epoch);
        }
        let markers: Vec<_> = markers(&driver, 0).into_iter().map(|it| it.1).collect();
        (epochs, markers)
    };
    assert_eq!(epochs(Talk::First), (vec![0, 0, 0], vec![0, 0]));
    assert_eq!(epochs(Talk::Second), (vec![0, 1, 2], vec![1, 2]));
}

#[test]
fn a_partition_must_be_added_before_an_old_client_writes_to_it() {
    let mut driver = Driver::new(1);
    let client = begin(&mut driver, Talk::First);
    let request = client.request(&driver, 0, "a");
    let codes = [9, 10, 11].map(|version| {
        let answer = driver.ask(ONE, version, &request);
        answer.responses[0].partition_responses[0].error_code
    });
    let old = ErrorCode::INVALID_TXN_STATE;
    assert_eq!(codes, [old, old, ErrorCode::TRANSACTION_ABORTABLE]);
    assert_eq!(driver.cluster.record_count("t"), 0);
}

#[test]
fn a_new_client_fences_the_old_one_and_aborts_what_it_left_open() {
    for talk in BOTH {
        let mut driver = Driver::new(1);
        let mut old = begin(&mut driver, talk);
        old.write(&mut driver, 0, "a");
        let answer = init(&mut driver, &init_request());
        assert_eq!(answer.error_code, ErrorCode::CONCURRENT_TRANSACTIONS);
        let mut new = begin(&mut driver, talk);
        assert_eq!(new.producer_id, old.producer_id);
        // One for the fence, one for the new client.
        assert_eq!(new.epoch, 2);
        assert_eq!(old.commit(&mut driver), ErrorCode::PRODUCER_FENCED);
        assert_eq!(
            old.add_in(&mut driver, 1, &[0]),
            [ErrorCode::INVALID_PRODUCER_EPOCH]
        );
        assert_eq!(old.add(&mut driver, 0), ErrorCode::PRODUCER_FENCED);
        let outcome = old.produce(&mut driver, 0, "zombie");
        assert_eq!(outcome.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
        new.write(&mut driver, 0, "b");
        new.commit(&mut driver);
        assert_eq!(committed(&driver), ["b"]);
    }
}

#[test]
fn at_the_first_level_a_fenced_producer_cannot_recover() {
    let mut driver = Driver::with(ClusterConfig::default().with_transaction_version(1));
    let mut old = begin(&mut driver, Talk::First);
    old.write(&mut driver, 0, "a");
    init(&mut driver, &init_request());
    let held = init_request()
        .with_producer_id(old.producer_id)
        .with_producer_epoch(old.epoch);
    let answer = init(&mut driver, &held);
    assert_eq!(answer.error_code, ErrorCode::PRODUCER_FENCED);
    assert_eq!(begin(&mut driver, Talk::First).epoch, 2);
    assert_eq!(markers(&driver, 0), [(1, 1, TransactionOutcome::Abort)]);
}

#[test]
fn a_producer_that_names_itself_goes_on_in_the_next_epoch() {
    let mut driver = Driver::new(1);
    let client = begin(&mut driver, Talk::First);
    let recover = |driver: &mut Driver, producer_id, producer_epoch| {
        let request = init_request()
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch);
        let answer = init(driver, &request);
        (answer.error_code, answer.producer_epoch)
    };
    let id = client.producer_id;
    assert_eq!(recover(&mut driver, id, 0), (ErrorCode::NONE, 1));
    assert_eq!(recover(&mut driver, id, 0), (ErrorCode::NONE, 1), "again");
    assert_eq!(recover(&mut driver, id, 1), (ErrorCode::NONE, 2));
    let fenced = (ErrorCode::PRODUCER_FENCED, -1);
    assert_eq!(recover(&mut driver, id, 0), fenced);
    assert_eq!(recover(&mut driver, id + 1, 2), fenced);
    let request = init_request().with_producer_id(id).with_producer_epoch(0);
    let broker = coordinator(&mut driver);
    let old = driver.ask(broker, 3, &request).error_code;
    assert_eq!(old, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(recover(&mut driver, id, -1).0, ErrorCode::INVALID_REQUEST);
}

#[test]
fn exhausted_epochs_end_in_a_new_producer_id() {
    for talk in BOTH {
        let mut driver = Driver::new(1);
        let first = begin(&mut driver, talk);
        let mut client = first;
        while client.epoch < i16::MAX - 1 {
            client = begin(&mut driver, talk);
        }
        assert_eq!(client.producer_id, first.producer_id);
        client.write(&mut driver, 0, "a");
        assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
        if talk == Talk::Second {
            assert_ne!(client.producer_id, first.producer_id);
            assert_eq!(client.epoch, 0);
            let mut retry = Transactor {
                producer_id: first.producer_id,
                epoch: i16::MAX - 1,
                ..client
            };
            assert_eq!(retry.commit(&mut driver), ErrorCode::NONE);
            assert_eq!(retry, client);
        } else {
            let next = begin(&mut driver, talk);
            assert_ne!(next.producer_id, first.producer_id);
            assert_eq!(next.epoch, 0);
        }
        assert_eq!(committed(&driver), ["a"]);
    }
}

#[test]
fn no_transaction_begins_while_markers_are_written() {
    for talk in BOTH {
        let mut driver = slow();
        let mut client = begin(&mut driver, talk);
        client.write(&mut driver, 0, "a");
        let before = client;
        assert_eq!(client.commit(&mut driver), ErrorCode::NONE, "it is decided");
        assert_eq!(committed(&driver), [""; 0]);
        assert_eq!(
            state(&driver),
            TransactionState::Decided(TransactionOutcome::Commit)
        );
        let concurrent = ErrorCode::CONCURRENT_TRANSACTIONS;
        assert_eq!({ before }.commit(&mut driver), concurrent);
        assert_eq!(client.add(&mut driver, 0), concurrent);
        assert_eq!(init(&mut driver, &init_request()).error_code, concurrent);
        pass(&mut driver, MARKER_DELAY);
        assert_eq!(committed(&driver), ["a"]);
        client.write(&mut driver, 0, "b");
    }
}

#[test]
fn a_broker_asks_for_a_while_before_it_says_that_another_transaction_is_ending() {
    let mut driver = slow();
    let mut client = begin(&mut driver, Talk::Second);
    client.write(&mut driver, 0, "a");
    client.commit(&mut driver);
    let request = client.request(&driver, 0, "b");
    assert_eq!(
        driver.send(ONE, 13, &request),
        kafka_mock::cluster::Answer::Delayed
    );
    let releases = driver.next_releases();
    assert_eq!((releases.len(), driver.elapsed_ms()), (1, 100));
    pass(&mut driver, MARKER_DELAY - Duration::from_millis(150));
    let request = client.request(&driver, 0, "b");
    assert_eq!(
        driver.send(ONE, 13, &request),
        kafka_mock::cluster::Answer::Delayed
    );
    assert_eq!(driver.next_releases().len(), 1);
    assert_eq!(
        driver.cluster.record_count("t"),
        2,
        "it was written this time"
    );
}

#[test]
fn an_end_that_is_asked_for_again_is_answered_as_before() {
    for talk in BOTH {
        let mut driver = Driver::new(1);
        let mut client = begin(&mut driver, talk);
        client.write(&mut driver, 0, "a");
        let before = client;
        client.commit(&mut driver);
        let mut again = before;
        assert_eq!(again.commit(&mut driver), ErrorCode::NONE);
        assert_eq!(again.epoch, client.epoch);
        assert_eq!({ before }.abort(&mut driver), ErrorCode::INVALID_TXN_STATE);
        assert_eq!(markers(&driver, 0).len(), 1);
    }
}

#[test]
fn an_empty_transaction_can_be_aborted_by_the_second_generation_only() {
    for talk in BOTH {
        let mut driver = Driver::new(1);
        let mut client = begin(&mut driver, talk);
        assert_eq!(client.commit(&mut driver), ErrorCode::INVALID_TXN_STATE);
        let expected = match talk {
            Talk::First => (ErrorCode::INVALID_TXN_STATE, 0),
            Talk::Second => (ErrorCode::NONE, 1),
        };
        assert_eq!((client.abort(&mut driver), client.epoch), expected);
    }
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_may_recover() {
    for talk in BOTH {
        let mut driver = Driver::new(1);
        let mut client = begin(&mut driver, talk);
        client.write(&mut driver, 0, "a");
        pass(&mut driver, Duration::from_secs(59));
        assert_eq!(state(&driver), TransactionState::Open);
        pass(&mut driver, Duration::from_secs(11));
        let aborted = TransactionState::Complete(TransactionOutcome::Abort);
        assert_eq!(state(&driver), aborted);
        let outcome = client.produce(&mut driver, 0, "b");
        assert_eq!(outcome.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
        let code = client.commit(&mut driver);
        let expected = match talk {
            Talk::First => ErrorCode::PRODUCER_FENCED,
            Talk::Second => ErrorCode::INVALID_TXN_STATE,
        };
        assert_eq!(code, expected);
        let recover = init_request()
            .with_producer_id(client.producer_id)
            .with_producer_epoch(client.epoch);
        let answer = init(&mut driver, &recover);
        assert_eq!(
            (answer.error_code, answer.producer_epoch),
            (ErrorCode::NONE, 1),
            "the epoch that the abort gave it"
        );
    }
}

#[test]
fn a_timeout_must_not_be_longer_than_the_broker_allows() {
    let mut driver = Driver::new(1);
    for (timeout, code) in [
        (0, ErrorCode::INVALID_TRANSACTION_TIMEOUT),
        (900_000, ErrorCode::NONE),
        (900_001, ErrorCode::INVALID_TRANSACTION_TIMEOUT),
    ] {
        let request = init_request().with_transaction_timeout_ms(timeout);
        assert_eq!(init(&mut driver, &request).error_code, code, "{timeout}");
    }
}

#[test]
fn partitions_are_added_all_or_none() {
    let mut driver = Driver::new(1);
    let client = begin(&mut driver, Talk::First);
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let skipped = ErrorCode::OPERATION_NOT_ATTEMPTED;
    assert_eq!(
        client.add_in(&mut driver, 3, &[0, 7, 1]),
        [skipped, unknown, skipped]
    );
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let fault = Fault::refuse(denied).api(ApiKey::ADD_PARTITIONS_TO_TXN);
    driver.cluster.inject(fault.partition("t", 1));
    assert_eq!(client.add_in(&mut driver, 3, &[0, 1]), [skipped, denied]);
    assert_eq!(state(&driver), TransactionState::Empty);
    assert_eq!(client.add_in(&mut driver, 3, &[0, 1]), [ErrorCode::NONE; 2]);
}

#[test]
fn a_batch_without_the_transaction_is_refused_while_it_is_open() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::Second);
    client.write(&mut driver, 0, "a");
    let plain = batch_under(stamped(client.producer_id, client.epoch, 1), &["b"]);
    assert_eq!(driver.verdict(plain), ErrorCode::INVALID_TXN_STATE);
}

#[test]
fn a_later_batch_does_not_overtake_one_that_is_still_refused() {
    let mut driver = slow();
    let mut client = begin(&mut driver, Talk::Second);
    client.write(&mut driver, 0, "a");
    client.commit(&mut driver);
    // The first batch of the next transaction, in a partition that never saw this producer.
    let first = client.request(&driver, 1, "b");
    assert_eq!(
        driver.send(ONE, 13, &first),
        kafka_mock::cluster::Answer::Delayed
    );
    driver.next_releases();
    pass(&mut driver, MARKER_DELAY);
    let later = Transactor {
        sequences: [0, 1],
        ..client
    };
    let outcome = later.produce(&mut driver, 1, "c");
    assert_eq!(outcome.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    client.write(&mut driver, 1, "b");
    client.write(&mut driver, 1, "c");
}

#[test]
fn only_the_coordinator_answers_and_only_when_it_has_loaded() {
    let load = Duration::from_millis(300);
    let mut driver = Driver::with(
        ClusterConfig::default()
            .with_brokers(2)
            .with_coordinator_load(load..=load),
    );
    let mut client = begin(&mut driver, Talk::First);
    client.write(&mut driver, 0, "a");
    let old = coordinator(&mut driver);
    let new = if old == ONE { TWO } else { ONE };
    let kind = kafka_mock::cluster::CoordinatorKind::Transaction;
    driver.cluster.move_coordinator(kind, ID, new).unwrap();
    let answer = driver.ask(old, 5, &init_request());
    assert_eq!(answer.error_code, ErrorCode::NOT_COORDINATOR);
    let loading = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    assert_eq!(client.commit(&mut driver), loading);
    pass(&mut driver, load);
    assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
    assert_eq!(committed(&driver), ["a"]);
}

#[test]
fn the_level_of_transactions_is_told_and_can_change() {
    let mut driver = Driver::new(1);
    let named = ApiVersionsRequest::default()
        .with_client_software_name("t".to_owned())
        .with_client_software_version("1".to_owned());
    let level = |driver: &mut Driver| {
        let answer = driver.ask(ONE, 4, &named);
        let features = answer.finalized_features.iter();
        let features = features.filter(|it| it.name != "group.version");
        let levels: Vec<_> = features
            .map(|it| (it.name.clone(), it.max_version_level))
            .collect();
        (answer.finalized_features_epoch, levels)
    };
    let name = "transaction.version".to_owned();
    assert_eq!(level(&mut driver), (1, vec![(name.clone(), 2)]));
    driver.cluster.set_transaction_version(1);
    assert_eq!(level(&mut driver), (2, vec![(name, 1)]));
    driver.cluster.set_transaction_version(0);
    assert_eq!(level(&mut driver), (3, vec![]));
}
