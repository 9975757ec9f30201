//! Two-phase commit (KIP-939): what is prepared outlives its producer and every timeout.

use std::time::Duration;

use kafka_mock::cluster::{ClusterConfig, TransactionOutcome, TransactionState, TwoPhaseCommit};
use kafka_wire::{
    ApiKey, ErrorCode,
    messages::{ApiVersionsRequest, InitProducerIdResponse},
};

use crate::{
    driver::{Driver, ONE},
    transactor::{Talk, Transactor, committed, coordinator, init_request, markers, pass},
};

fn taking_part(two_phase: TwoPhaseCommit) -> Driver {
    Driver::with(ClusterConfig::default().with_two_phase_commit(two_phase))
}

fn init(driver: &mut Driver, keep: bool) -> InitProducerIdResponse {
    let request = init_request()
        .with_enable2_pc(true)
        .with_keep_prepared_txn(keep);
    let broker = coordinator(driver);
    driver.ask(broker, 6, &request)
}

fn client(answer: &InitProducerIdResponse) -> Transactor {
    assert_eq!(answer.error_code, ErrorCode::NONE);
    Transactor {
        producer_id: answer.producer_id,
        epoch: answer.producer_epoch,
        sequences: [0, 0],
        talk: Talk::Second,
    }
}

fn ongoing(answer: &InitProducerIdResponse) -> (i64, i16) {
    (
        answer.ongoing_txn_producer_id,
        answer.ongoing_txn_producer_epoch,
    )
}

#[test]
fn a_transaction_that_may_be_prepared_never_times_out() {
    let mut driver = taking_part(TwoPhaseCommit::On);
    let mut first = client(&init(&mut driver, false));
    first.write(&mut driver, 0, "a");
    pass(&mut driver, Duration::from_secs(86_400));
    let states: Vec<_> = driver
        .cluster
        .transactions()
        .iter()
        .map(|it| it.state)
        .collect();
    assert_eq!(states, [TransactionState::Open]);
    assert_eq!(first.commit(&mut driver), ErrorCode::NONE);
    assert_eq!(committed(&driver), ["a"]);
}

#[test]
fn what_is_kept_is_ended_by_the_producer_for_which_it_was_and_by_no_other() {
    for outcome in [TransactionOutcome::Commit, TransactionOutcome::Abort] {
        let mut driver = taking_part(TwoPhaseCommit::On);
        let mut first = client(&init(&mut driver, false));
        first.write(&mut driver, 0, "a");
        let answer = init(&mut driver, true);
        assert_eq!(ongoing(&answer), (first.producer_id, first.epoch));
        // One that comes later still takes its place.
        let replaced = client(&answer);
        let answer = init(&mut driver, true);
        assert_eq!(ongoing(&answer), (first.producer_id, first.epoch));
        let mut second = client(&answer);
        assert_eq!(second.epoch, first.epoch + 2);
        let kept_for = driver.cluster.transactions()[0].kept_for;
        assert_eq!(kept_for, Some((second.producer_id, second.epoch)));
        for mut other in [first, replaced] {
            assert_eq!(other.commit(&mut driver), ErrorCode::PRODUCER_FENCED);
        }
        assert_eq!(second.end(&mut driver, outcome), ErrorCode::NONE);
        assert_eq!(markers(&driver, 0), [(1, first.epoch + 1, outcome)]);
        let seen = committed(&driver);
        assert_eq!(
            seen.len(),
            usize::from(outcome == TransactionOutcome::Commit)
        );
        second.write(&mut driver, 0, "b");
        assert_eq!(second.commit(&mut driver), ErrorCode::NONE);
        assert_eq!(committed(&driver).len(), seen.len() + 1);
        assert_eq!(driver.cluster.hanging_transactions(), []);
    }
}

#[test]
fn who_does_not_ask_for_it_to_be_kept_has_it_aborted() {
    let mut driver = taking_part(TwoPhaseCommit::On);
    let mut first = client(&init(&mut driver, false));
    first.write(&mut driver, 0, "a");
    init(&mut driver, true);
    assert_eq!(
        init(&mut driver, false).error_code,
        ErrorCode::CONCURRENT_TRANSACTIONS
    );
    let answer = init(&mut driver, true);
    assert_eq!(ongoing(&answer), (-1, -1));
    let mut last = client(&answer);
    last.write(&mut driver, 0, "b");
    assert_eq!(last.commit(&mut driver), ErrorCode::NONE);
    assert_eq!(committed(&driver), ["b"]);
}

#[test]
fn brokers_that_do_not_take_part_say_so() {
    let unauthorized = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    for (two_phase, keep, code) in [
        (TwoPhaseCommit::Off, false, unauthorized),
        (TwoPhaseCommit::Off, true, unauthorized),
        (TwoPhaseCommit::WithoutKeeping, false, ErrorCode::NONE),
        (
            TwoPhaseCommit::WithoutKeeping,
            true,
            ErrorCode::UNSUPPORTED_VERSION,
        ),
        (TwoPhaseCommit::On, true, ErrorCode::NONE),
    ] {
        let mut driver = taking_part(two_phase);
        let answer = init(&mut driver, keep);
        assert_eq!(answer.error_code, code, "{two_phase:?}");
    }
    for (two_phase, expected) in [(TwoPhaseCommit::NotOffered, 5), (TwoPhaseCommit::Off, 6)] {
        let mut driver = taking_part(two_phase);
        let named = ApiVersionsRequest::default()
            .with_client_software_name("tests".to_owned())
            .with_client_software_version("1".to_owned());
        let answer = driver.ask(ONE, 4, &named);
        let mut apis = answer.api_keys.iter();
        let init = apis.find(|api| api.api_key == ApiKey::INIT_PRODUCER_ID);
        assert_eq!(init.map(|api| api.max_version), Some(expected));
    }
}
