//! Brokers that lie: each breaks the promise it says it breaks.

use kafka_mock::cluster::{ClusterConfig, CoordinatorKind, Defect, TransactionOutcome};
use kafka_wire::{
    ErrorCode,
    messages::{
        TxnOffsetCommitRequest,
        txn_offset_commit::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
};

use crate::{
    driver::{Driver, ONE, batch, batch_under, stamped},
    transactor::{ID, Talk, Transactor, begin, committed, init, init_request, markers},
};

fn liar(defect: Defect) -> Driver {
    Driver::with(
        ClusterConfig::default()
            .with_brokers(2)
            .with_defect(Some(defect)),
    )
}

#[test]
fn an_acknowledged_batch_may_not_be_appended() {
    let mut driver = liar(Defect::AckBeforeAppend);
    let acknowledged = (0..100).filter(|_| driver.verdict(batch(&["v"])).is_none());
    assert_eq!(acknowledged.count(), 100);
    assert!(driver.cluster.record_count("t") < 100);
}

#[test]
fn an_acknowledged_batch_may_be_with_the_leader_only() {
    let delay = std::time::Duration::from_secs(1);
    let mut driver = Driver::with(
        ClusterConfig::default()
            .with_brokers(2)
            .with_replication_delay(delay..=delay)
            .with_defect(Some(Defect::AckBeforeReplication)),
    );
    assert_eq!(driver.verdict(batch(&["v"])), ErrorCode::NONE);
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(driver.cluster.record_count("t"), 0);
}

#[test]
fn an_acknowledged_batch_may_have_another_offset() {
    let outcome = liar(Defect::WrongOffset).produce(batch(&["v"]));
    assert_eq!(
        (outcome.error_code, outcome.base_offset),
        (ErrorCode::NONE, 1)
    );
}

#[test]
fn a_batch_sent_again_may_be_there_twice() {
    let mut driver = liar(Defect::AcceptAnySequence);
    for sequence in [0, 0, 7] {
        let batch = batch_under(stamped(7, 0, sequence), &["v"]);
        assert_eq!(driver.verdict(batch), ErrorCode::NONE);
    }
    assert_eq!(driver.cluster.record_count("t"), 3);
}

#[test]
fn a_fenced_producer_may_still_write() {
    let mut driver = liar(Defect::AcceptOldEpoch);
    let mut old = begin(&mut driver, Talk::Second);
    old.write(&mut driver, 0, "a");
    init(&mut driver, &init_request());
    begin(&mut driver, Talk::Second);
    let zombie = old.produce(&mut driver, 0, "b");
    assert_eq!(zombie.error_code, ErrorCode::NONE);
}

#[test]
fn a_new_leader_may_know_no_producer() {
    let mut driver = liar(Defect::ForgetProducers);
    driver.produce(batch_under(stamped(7, 0, 0), &["v"]));
    driver.cluster.kill_broker(ONE).unwrap();
    driver.produce(batch_under(stamped(7, 0, 0), &["v"]));
    assert_eq!(driver.cluster.record_count("t"), 2);
}

#[test]
fn a_new_leader_may_lack_the_last_batch() {
    let mut driver = liar(Defect::LoseTail);
    driver.produce(batch(&["a"]));
    driver.produce(batch(&["b"]));
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(driver.cluster.record_count("t"), 1);
}

#[test]
fn an_aborted_transaction_may_hang_or_be_committed() {
    for defect in [Defect::ForgetAbortMarker, Defect::CommitAborted] {
        let mut driver = liar(defect);
        let mut client = begin(&mut driver, Talk::Second);
        client.write(&mut driver, 0, "a");
        assert_eq!(client.abort(&mut driver), ErrorCode::NONE);
        if defect == Defect::CommitAborted {
            assert_eq!(committed(&driver), ["a"]);
            assert_eq!(markers(&driver, 0)[0].2, TransactionOutcome::Commit);
        } else {
            assert_eq!(driver.cluster.hanging_transactions().len(), 1);
        }
    }
}

/// Commits offset 7 of partition 0 of `t` for group `g`.
fn commit_offset(driver: &mut Driver, client: &Transactor) -> ErrorCode {
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(ID.to_owned())
        .with_group_id("g".to_owned())
        .with_producer_id(client.producer_id)
        .with_producer_epoch(client.epoch)
        .with_topics(vec![
            TxnOffsetCommitRequestTopic::default()
                .with_name("t".to_owned())
                .with_partitions(vec![
                    TxnOffsetCommitRequestPartition::default().with_committed_offset(7),
                ]),
        ]);
    let broker = driver.cluster.coordinator(CoordinatorKind::Group, "g");
    let answer = driver.ask(broker.unwrap(), 5, &request);
    answer.topics[0].partitions[0].error_code
}

#[test]
fn offsets_of_a_committed_transaction_may_vanish() {
    for defect in [None, Some(Defect::ForgetOffsets)] {
        let mut driver = Driver::with(ClusterConfig::default().with_defect(defect));
        let mut client = begin(&mut driver, Talk::Second);
        assert_eq!(commit_offset(&mut driver, &client), ErrorCode::NONE);
        let offset = |driver: &Driver| {
            let committed = driver.cluster.committed_offset("g", "t", 0);
            committed.map(|it| it.offset)
        };
        assert_eq!(offset(&driver), None, "not before the transaction commits");
        client.commit(&mut driver);
        assert_eq!(offset(&driver), defect.is_none().then_some(7));
    }
}
