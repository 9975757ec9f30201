//! A transactional client of the model, in both generations.

use std::time::Duration;

use kafka_mock::cluster::{BrokerId, CoordinatorKind, LogContent, TransactionOutcome};
use kafka_wire::{
    ErrorCode,
    messages::{
        AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, InitProducerIdResponse,
        ProduceRequest, add_partitions_to_txn::AddPartitionsToTxnTopic,
        produce::PartitionProduceResponse,
    },
    records::{Attributes, BatchHeader},
};

use crate::driver::{ACKS_ALL, Driver, batch_under, only_outcome, produce_request, stamped};

pub(crate) const ID: &str = "tx";

/// The id, epoch and sequences that a client of this transactional id sends, and which protocol it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transactor {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) sequences: [i32; 2],
    pub(crate) talk: Talk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Adds partitions itself.
    First,
    /// Is added by what it writes (KIP-890).
    Second,
}

pub(crate) const BOTH: [Talk; 2] = [Talk::First, Talk::Second];

pub(crate) fn coordinator(driver: &mut Driver) -> BrokerId {
    driver
        .cluster
        .coordinator(CoordinatorKind::Transaction, ID)
        .expect("somebody coordinates")
}

pub(crate) fn init_request() -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(Some(ID.to_owned()))
        .with_transaction_timeout_ms(60_000)
}

pub(crate) fn init(driver: &mut Driver, request: &InitProducerIdRequest) -> InitProducerIdResponse {
    let broker = coordinator(driver);
    driver.ask(broker, 5, request)
}

pub(crate) fn begin(driver: &mut Driver, talk: Talk) -> Transactor {
    let answer = init(driver, &init_request());
    assert_eq!(answer.error_code, ErrorCode::NONE);
    Transactor {
        producer_id: answer.producer_id,
        epoch: answer.producer_epoch,
        sequences: [0, 0],
        talk,
    }
}

impl Transactor {
    /// Adds a partition of `t`, as clients of the first generation do.
    pub(crate) fn add(&self, driver: &mut Driver, partition: i32) -> ErrorCode {
        self.add_in(driver, 3, &[partition])[0]
    }

    pub(crate) fn add_in(
        &self,
        driver: &mut Driver,
        version: i16,
        partitions: &[i32],
    ) -> Vec<ErrorCode> {
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(ID.to_owned())
            .with_v3_and_below_producer_id(self.producer_id)
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![
                AddPartitionsToTxnTopic::default()
                    .with_name("t".to_owned())
                    .with_partitions(partitions.to_vec()),
            ]);
        let broker = coordinator(driver);
        let answer = driver.ask(broker, version, &request);
        let topics = answer.results_by_topic_v3_and_below.into_iter();
        let results = topics.flat_map(|topic| topic.results_by_partition);
        results.map(|it| it.partition_error_code).collect()
    }

    /// A request for one batch of one record, with the next sequence.
    pub(crate) fn request(&self, driver: &Driver, partition: i32, value: &str) -> ProduceRequest {
        let header = BatchHeader {
            attributes: Attributes::default().transactional(),
            ..stamped(
                self.producer_id,
                self.epoch,
                self.sequences[partition as usize],
            )
        };
        let topic_id = driver.topic_id("t");
        let batch = batch_under(header, &[value]);
        produce_request(topic_id, partition, ACKS_ALL, batch)
            .with_transactional_id(Some(ID.to_owned()))
    }

    pub(crate) fn version(&self) -> i16 {
        match self.talk {
            Talk::First => 11,
            Talk::Second => 13,
        }
    }

    /// Sends one record to a partition of `t`, without adding it before.
    pub(crate) fn produce(
        &self,
        driver: &mut Driver,
        partition: i32,
        value: &str,
    ) -> PartitionProduceResponse {
        let request = self.request(driver, partition, value);
        let leader = driver.cluster.leader("t", partition).unwrap();
        only_outcome(driver.ask(leader.expect("somebody leads"), self.version(), &request))
    }

    /// Writes one record, with all that this takes.
    pub(crate) fn write(&mut self, driver: &mut Driver, partition: i32, value: &str) {
        if self.talk == Talk::First {
            assert_eq!(self.add(driver, partition), ErrorCode::NONE);
        }
        let outcome = self.produce(driver, partition, value);
        assert_eq!(outcome.error_code, ErrorCode::NONE, "{value}");
        self.sequences[partition as usize] += 1;
    }

    /// Ends the transaction, and becomes who the answer says.
    pub(crate) fn end(&mut self, driver: &mut Driver, outcome: TransactionOutcome) -> ErrorCode {
        let version = match self.talk {
            Talk::First => 4,
            Talk::Second => 5,
        };
        let request = EndTxnRequest::default()
            .with_transactional_id(ID.to_owned())
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_committed(outcome == TransactionOutcome::Commit);
        let broker = coordinator(driver);
        let answer = driver.ask(broker, version, &request);
        if answer.error_code.is_none() && self.talk == Talk::Second {
            if (answer.producer_id, answer.producer_epoch) != (self.producer_id, self.epoch) {
                self.sequences = [0, 0];
            }
            self.producer_id = answer.producer_id;
            self.epoch = answer.producer_epoch;
        }
        answer.error_code
    }

    pub(crate) fn commit(&mut self, driver: &mut Driver) -> ErrorCode {
        self.end(driver, TransactionOutcome::Commit)
    }

    pub(crate) fn abort(&mut self, driver: &mut Driver) -> ErrorCode {
        self.end(driver, TransactionOutcome::Abort)
    }
}

/// The values that a reader of committed records sees.
pub(crate) fn committed(driver: &Driver) -> Vec<String> {
    let records = driver.cluster.committed_records("t").into_iter();
    let text = |value: Option<bytes::Bytes>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    records.map(|record| text(record.value)).collect()
}

/// The markers in a partition of `t`: offset, epoch, outcome.
pub(crate) fn markers(driver: &Driver, partition: i32) -> Vec<(i64, i16, TransactionOutcome)> {
    let log = driver.cluster.log("t", partition).unwrap().into_iter();
    let markers = log.filter_map(|entry| match entry.content {
        LogContent::Marker(outcome) => Some((entry.offset, entry.producer_epoch, outcome)),
        _ => None,
    });
    markers.collect()
}

/// Lets the model's own work go on for so long.
pub(crate) fn pass(driver: &mut Driver, by: Duration) {
    driver.advance(by);
    let _ = driver.cluster.tick(driver.now);
}
