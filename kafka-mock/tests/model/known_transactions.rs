//! What coordinators tell of transactions: listed by filters, and described one by one.

use std::time::Duration;

use kafka_mock::cluster::{ClusterConfig, CoordinatorKind, Fault};
use kafka_wire::{
    ApiKey, ErrorCode,
    messages::{
        AddOffsetsToTxnRequest, DescribeTransactionsRequest, ListTransactionsRequest,
        describe_transactions::TransactionState,
    },
};

use crate::{
    driver::{Driver, ONE, START_MS, TWO},
    transactor::{BOTH, ID, Talk, Transactor, begin, coordinator, init, init_request, pass},
};

const MARKER_DELAY: Duration = Duration::from_millis(500);

fn slow() -> Driver {
    Driver::with(ClusterConfig::default().with_marker_delay(MARKER_DELAY..=MARKER_DELAY))
}

fn describe(driver: &mut Driver, id: &str) -> TransactionState {
    let coordinator = driver.cluster.coordinator(CoordinatorKind::Transaction, id);
    let request =
        DescribeTransactionsRequest::default().with_transactional_ids(vec![id.to_owned()]);
    let mut answer = driver.ask(coordinator.unwrap(), 0, &request);
    answer.transaction_states.remove(0)
}

/// State, start after the start of the test, and partitions of the only transaction.
fn described(driver: &mut Driver) -> (String, i64, Vec<(String, Vec<i32>)>) {
    let told = describe(driver, ID);
    assert_eq!(told.error_code, ErrorCode::NONE);
    let started = told.transaction_start_time_ms;
    let started = if started < 0 {
        started
    } else {
        started - START_MS
    };
    let topics = told.topics.into_iter();
    let topics = topics.map(|it| (it.topic, it.partitions));
    (told.transaction_state, started, topics.collect())
}

#[test]
fn a_transaction_is_described_in_each_of_its_states() {
    for talk in BOTH {
        let mut driver = slow();
        let mut client = begin(&mut driver, talk);
        let told = |state: &str, started, partitions: &[i32]| {
            let topics = vec![("t".to_owned(), partitions.to_vec())];
            let topics = topics.into_iter().filter(|(_, it)| !it.is_empty());
            (state.to_owned(), started, topics.collect())
        };
        assert_eq!(described(&mut driver), told("Empty", -1, &[]));
        for (end, prepared, complete) in [
            (
                Transactor::commit as fn(&mut Transactor, &mut Driver) -> ErrorCode,
                "PrepareCommit",
                "CompleteCommit",
            ),
            (Transactor::abort, "PrepareAbort", "CompleteAbort"),
        ] {
            pass(&mut driver, Duration::from_millis(7));
            let started = driver.now.wall_ms - START_MS;
            client.write(&mut driver, 1, "a");
            pass(&mut driver, Duration::from_millis(7));
            client.write(&mut driver, 0, "b");
            assert_eq!(described(&mut driver), told("Ongoing", started, &[0, 1]));
            assert_eq!(end(&mut client, &mut driver), ErrorCode::NONE);
            assert_eq!(described(&mut driver), told(prepared, started, &[0, 1]));
            pass(&mut driver, MARKER_DELAY);
            assert_eq!(described(&mut driver), told(complete, started, &[]));
        }
        let answer = init(&mut driver, &init_request());
        assert_eq!(answer.error_code, ErrorCode::NONE);
        assert_eq!(described(&mut driver), told("Empty", -1, &[]));
        let whole = describe(&mut driver, ID);
        assert_eq!(
            (whole.producer_id, whole.producer_epoch),
            (answer.producer_id, answer.producer_epoch)
        );
        assert_eq!(whole.transaction_timeout_ms, 60_000);
    }
}

#[test]
fn an_abort_of_nothing_begins_when_it_ends() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::Second);
    pass(&mut driver, Duration::from_millis(9));
    assert_eq!(client.abort(&mut driver), ErrorCode::NONE);
    let expected = ("CompleteAbort".to_owned(), 9, Vec::new());
    assert_eq!(described(&mut driver), expected);
}

#[test]
fn offsets_are_described_as_a_partition_of_the_topic_that_keeps_them() {
    let mut driver = Driver::new(1);
    let client = begin(&mut driver, Talk::First);
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(ID.to_owned())
        .with_producer_id(client.producer_id)
        .with_producer_epoch(client.epoch)
        .with_group_id("tx".to_owned());
    let code = driver.ask(ONE, 3, &request).error_code;
    assert_eq!(code, ErrorCode::NONE);
    // Where "tx" belongs by Java's hash.
    let topics = vec![("__consumer_offsets".to_owned(), vec![3716 % 50])];
    assert_eq!(described(&mut driver), ("Ongoing".to_owned(), 0, topics));
}

#[test]
fn ids_without_a_transaction_are_refused_as_kafka_refuses_them() {
    let mut driver = Driver::new(2);
    begin(&mut driver, Talk::Second);
    let code = |driver: &mut Driver, id| describe(driver, id).error_code;
    let unknown = ErrorCode::TRANSACTIONAL_ID_NOT_FOUND;
    assert_eq!(code(&mut driver, "other"), unknown);
    assert_eq!(code(&mut driver, ""), ErrorCode::INVALID_REQUEST);
    let elsewhere = match coordinator(&mut driver) {
        ONE => TWO,
        _ => ONE,
    };
    let request =
        DescribeTransactionsRequest::default().with_transactional_ids(vec![ID.to_owned()]);
    let answer = driver.ask(elsewhere, 0, &request);
    let code = answer.transaction_states[0].error_code;
    assert_eq!(code, ErrorCode::NOT_COORDINATOR);
    let listed = driver.ask(elsewhere, 1, &ListTransactionsRequest::default());
    assert_eq!(listed.transaction_states, []);
}

/// The transactional ids that these filters let through, and the states that nobody knows.
fn list(
    driver: &mut Driver,
    version: i16,
    request: &ListTransactionsRequest,
) -> (Vec<String>, Vec<String>) {
    let answer = driver.ask(ONE, version, request);
    assert_eq!(answer.error_code, ErrorCode::NONE);
    let states = answer.transaction_states.into_iter();
    let listed = states.map(|it| format!("{} {}", it.transactional_id, it.transaction_state));
    (listed.collect(), answer.unknown_state_filters)
}

#[test]
fn transactions_are_listed_by_state_producer_and_duration() {
    let mut driver = Driver::new(1);
    let empty = init_request().with_transactional_id(Some("empty".to_owned()));
    let empty = init(&mut driver, &empty).producer_id;
    let mut client = begin(&mut driver, Talk::Second);
    client.write(&mut driver, 0, "a");
    pass(&mut driver, Duration::from_millis(100));

    let all = ListTransactionsRequest::default();
    let both = vec!["empty Empty".to_owned(), "tx Ongoing".to_owned()];
    let nobody: Vec<String> = Vec::new();
    let mut check = |version, request: &ListTransactionsRequest, expected: &[String]| {
        let (listed, unknown) = list(&mut driver, version, request);
        assert_eq!((listed, unknown), (expected.to_vec(), Vec::new()));
    };
    for version in 0..=1 {
        check(version, &all, &both);
        let states = |names: &[&str]| {
            let names = names.iter().map(|it| (*it).to_owned());
            all.clone().with_state_filters(names.collect())
        };
        check(version, &states(&["Ongoing"]), &both[1..]);
        check(version, &states(&["Empty", "Dead"]), &both[..1]);
        check(version, &states(&["CompleteCommit"]), &nobody);
        let ids = all.clone().with_producer_id_filters(vec![empty, 77]);
        check(version, &ids, &both[..1]);
        check(
            version,
            &ids.with_state_filters(vec!["Ongoing".into()]),
            &nobody,
        );
    }
    let longer = |ms| all.clone().with_duration_filter(ms);
    check(1, &longer(-1), &both);
    check(1, &longer(0), &both);
    check(1, &longer(99), &both);
    // One that never began is older than all, as in Kafka.
    check(1, &longer(100), &both[..1]);

    let odd = all.with_state_filters(vec!["ongoing".to_owned(), "Ongoing".to_owned()]);
    let expected = (both[1..].to_vec(), vec!["ongoing".to_owned()]);
    assert_eq!(list(&mut driver, 1, &odd), expected);
}

#[test]
fn a_fault_refuses_to_list_and_to_describe() {
    let mut driver = Driver::new(1);
    begin(&mut driver, Talk::Second);
    let refused = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    for api in [ApiKey::LIST_TRANSACTIONS, ApiKey::DESCRIBE_TRANSACTIONS] {
        driver.cluster.inject(Fault::refuse(refused).api(api));
    }
    let listed = driver.ask(ONE, 1, &ListTransactionsRequest::default());
    assert_eq!(listed.error_code, refused);
    assert_eq!(listed.transaction_states, []);
    assert_eq!(describe(&mut driver, ID).error_code, refused);
    assert_eq!(describe(&mut driver, ID).error_code, ErrorCode::NONE);
}
