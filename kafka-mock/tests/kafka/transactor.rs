//! A transactional client of one cluster, real or embedded, that notes what it is answered.

use std::time::Instant;

use kafka_wire::{
    ErrorCode,
    compression::Compression,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeProducersRequest, EndTxnRequest,
        FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsRequest,
        ProduceRequest, TxnOffsetCommitRequest,
        add_partitions_to_txn::AddPartitionsToTxnTopic,
        describe_producers::{PartitionResponse, TopicRequest},
        fetch::{FetchPartition, FetchTopic},
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
        produce::{PartitionProduceData, TopicProduceData},
        txn_offset_commit::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
    records::{Attributes, BatchHeader},
};

use crate::{
    batches::in_codec,
    broker::{Broker, TIME_LIMIT},
};

/// One client, and what it was answered so far.
pub(crate) struct Transactor<'a> {
    any: &'a Broker,
    leader: &'a Broker,
    pub(crate) topic: String,
    id: String,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    first_producer_id: Option<i64>,
    pub(crate) notes: Vec<String>,
}

/// The coordinator of a group (0) or of a transactional id (1).
pub(crate) fn coordinator_of(any: &Broker, key: &str, key_type: i8) -> Broker {
    let request = FindCoordinatorRequest::default()
        .with_key_type(key_type)
        .with_coordinator_keys(vec![key.to_owned()]);
    let found = settled(|| {
        let answer = any.ask(4, &request).coordinators.remove(0);
        (answer.error_code, answer)
    });
    any.other(found.node_id)
}

/// A batch of one record on its way.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) version: i16,
    pub(crate) partition: i32,
    pub(crate) sequence: i32,
}

impl<'a> Transactor<'a> {
    pub(crate) fn new(any: &'a Broker, leader: &'a Broker, topic: &str, id: &str) -> Self {
        Self {
            any,
            leader,
            topic: topic.to_owned(),
            id: id.to_owned(),
            producer_id: -1,
            epoch: -1,
            first_producer_id: None,
            notes: Vec::new(),
        }
    }

    /// The same id in another program.
    pub(crate) fn twin(&self) -> Self {
        Self {
            topic: self.topic.clone(),
            id: self.id.clone(),
            notes: Vec::new(),
            ..*self
        }
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    fn coordinator(&self, key: &str, key_type: i8) -> Broker {
        coordinator_of(self.any, key, key_type)
    }

    fn transactions(&self) -> Broker {
        self.coordinator(&self.id, 1)
    }

    /// Initializes, as who it is by `held`, until it is no longer told to wait.
    pub(crate) fn init(&mut self, version: i16, held: Option<(i64, i16)>) {
        let code = settled(|| {
            let code = self.try_init(version, held, 60_000);
            (code, code)
        });
        self.note(format!("init {code} {}", self.who()));
    }

    /// Initializes once, and says what came of it.
    pub(crate) fn try_init(
        &mut self,
        version: i16,
        held: Option<(i64, i16)>,
        timeout: i32,
    ) -> ErrorCode {
        let (producer_id, producer_epoch) = held.unwrap_or((-1, -1));
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(self.id.clone()))
            .with_transaction_timeout_ms(timeout)
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch);
        let coordinator = self.transactions();
        let answer = started(|| {
            let answer = coordinator.ask(version, &request);
            (answer.error_code, answer)
        });
        if answer.error_code.is_none() {
            (self.producer_id, self.epoch) = (answer.producer_id, answer.producer_epoch);
            self.first_producer_id.get_or_insert(self.producer_id);
        }
        answer.error_code
    }

    /// Its identity, in words that do not depend on the cluster.
    pub(crate) fn who(&self) -> String {
        let same = self.first_producer_id == Some(self.producer_id);
        let name = if same { "the first id" } else { "another id" };
        format!("{name} epoch {}", self.epoch)
    }

    pub(crate) fn try_add(&self, version: i16, partitions: &[i32]) -> Vec<ErrorCode> {
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.id.clone())
            .with_v3_and_below_producer_id(self.producer_id)
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![
                AddPartitionsToTxnTopic::default()
                    .with_name(self.topic.clone())
                    .with_partitions(partitions.to_vec()),
            ]);
        let answer = self.transactions().ask(version, &request);
        let topics = answer.results_by_topic_v3_and_below.into_iter();
        let results = topics.flat_map(|topic| topic.results_by_partition);
        let mut results: Vec<_> = results.collect();
        // Kafka answers in no particular order.
        results.sort_by_key(|it| it.partition_index);
        results.iter().map(|it| it.partition_error_code).collect()
    }

    /// Adds a partition, once the transaction before has ended.
    pub(crate) fn add(&mut self, version: i16, partition: i32) {
        let code = settled(|| {
            let code = self.try_add(version, &[partition])[0];
            (code, code)
        });
        self.note(format!("add {code}"));
    }

    pub(crate) fn add_offsets(&mut self, version: i16, group: &str) {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(self.id.clone())
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_group_id(group.to_owned());
        let code = settled(|| {
            let code = self.transactions().ask(version, &request).error_code;
            (code, code)
        });
        self.note(format!("add offsets {code}"));
    }

    pub(crate) fn commit_offset(&mut self, version: i16, group: &str, claim: (i32, &str)) {
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(self.id.clone())
            .with_group_id(group.to_owned())
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_generation_id_or_member_epoch(claim.0)
            .with_member_id(claim.1.to_owned())
            .with_topics(vec![
                TxnOffsetCommitRequestTopic::default()
                    .with_name(self.topic.clone())
                    .with_partitions(vec![
                        TxnOffsetCommitRequestPartition::default().with_committed_offset(7),
                    ]),
            ]);
        let code = settled(|| {
            let answer = self.coordinator(group, 0).ask(version, &request);
            let code = answer.topics[0].partitions[0].error_code;
            (code, code)
        });
        self.note(format!(
            "commit offset in version {version} as {claim:?} {code}"
        ));
    }

    pub(crate) fn produce(&mut self, record: Record) {
        let (code, offset) = settled(|| {
            let (code, offset) = self.try_produce(record, Attributes::default().transactional());
            (code, (code, offset))
        });
        self.note(format!("produce {code} at {offset}"));
    }

    /// Sends one record as it is, once; in a transaction, if the attributes say so.
    pub(crate) fn try_produce(&self, record: Record, attributes: Attributes) -> (ErrorCode, i64) {
        let header = BatchHeader {
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            base_sequence: record.sequence,
            attributes,
            ..BatchHeader::default()
        };
        let request = ProduceRequest::default()
            .with_transactional_id(Some(self.id.clone()))
            .with_acks(-1)
            .with_timeout_ms(10_000)
            .with_topic_data(vec![
                TopicProduceData::default()
                    .with_name(self.topic.clone())
                    .with_partition_data(vec![
                        PartitionProduceData::default()
                            .with_index(record.partition)
                            .with_records(Some(in_codec(header, &["v"], Compression::None))),
                    ]),
            ]);
        let answer = self.leader.ask(record.version, &request);
        let outcome = &answer.responses[0].partition_responses[0];
        (outcome.error_code, outcome.base_offset)
    }

    /// Ends the transaction, and becomes who the answer says.
    pub(crate) fn end(&mut self, version: i16, committed: bool) {
        let code = settled(|| {
            let code = self.try_end(version, committed);
            (code, code)
        });
        let what = if committed { "commit" } else { "abort" };
        self.note(format!("{what} {code} {}", self.who()));
    }

    pub(crate) fn try_end(&mut self, version: i16, committed: bool) -> ErrorCode {
        let request = EndTxnRequest::default()
            .with_transactional_id(self.id.clone())
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_committed(committed);
        let answer = self.transactions().ask(version, &request);
        if answer.error_code.is_none() && version >= 5 {
            (self.producer_id, self.epoch) = (answer.producer_id, answer.producer_epoch);
        }
        answer.error_code
    }

    /// What readers see of a partition, once no transaction is open in it.
    pub(crate) fn read(&mut self, partition: i32) {
        let wanted = FetchPartition::default()
            .with_partition(partition)
            .with_partition_max_bytes(1 << 20);
        let request = FetchRequest::default()
            .with_max_wait_ms(10)
            .with_isolation_level(1)
            .with_topics(vec![
                FetchTopic::default()
                    .with_topic(self.topic.clone())
                    .with_partitions(vec![wanted]),
            ]);
        let data = eventually(|| {
            let mut answer = self.leader.ask(12, &request);
            let data = answer.responses.remove(0).partitions.remove(0);
            (data.last_stable_offset == data.high_watermark).then_some(data)
        });
        let aborted = data.aborted_transactions.unwrap_or_default().into_iter();
        let aborted: Vec<_> = aborted.map(|it| it.first_offset).collect();
        let (stable, end) = (data.last_stable_offset, data.high_watermark);
        self.note(format!("read to {stable} of {end}, aborted at {aborted:?}"));
        let last = ListOffsetsRequest::default()
            .with_replica_id(-1)
            .with_isolation_level(1)
            .with_topics(vec![
                ListOffsetsTopic::default()
                    .with_name(self.topic.clone())
                    .with_partitions(vec![
                        ListOffsetsPartition::default()
                            .with_partition_index(partition)
                            .with_timestamp(-1),
                    ]),
            ]);
        let last = self.leader.ask(9, &last).topics[0].partitions[0].offset;
        self.note(format!("committed end {last}"));
    }

    /// What the leader remembers of its producer: epoch, last sequence, where its transaction
    /// begins.
    pub(crate) fn describe(&mut self, partition: i32) {
        let described = self.producers(partition);
        let states = described.active_producers.into_iter().map(|it| {
            format!(
                "epoch {} sequence {} open at {}",
                it.producer_epoch, it.last_sequence, it.current_txn_start_offset
            )
        });
        let states: Vec<_> = states.collect();
        self.note(format!("describe {} {states:?}", described.error_code));
    }

    /// Whether a transaction is open in this partition.
    pub(crate) fn is_open(&self, partition: i32) -> bool {
        let described = self.producers(partition);
        let mut producers = described.active_producers.iter();
        producers.any(|it| it.current_txn_start_offset >= 0)
    }

    fn producers(&self, partition: i32) -> PartitionResponse {
        let request = DescribeProducersRequest::default().with_topics(vec![
            TopicRequest::default()
                .with_name(self.topic.clone())
                .with_partition_indexes(vec![partition]),
        ]);
        let mut answer = self.leader.ask(0, &request);
        answer.topics.remove(0).partitions.remove(0)
    }
}

/// Asks until the answer is not that one must wait.
pub(crate) fn settled<T>(mut ask: impl FnMut() -> (ErrorCode, T)) -> T {
    eventually(|| {
        let (code, answer) = ask();
        let waiting = code == ErrorCode::CONCURRENT_TRANSACTIONS || is_starting(code);
        (!waiting).then_some(answer)
    })
}

/// Asks until the coordinator works.
fn started<T>(mut ask: impl FnMut() -> (ErrorCode, T)) -> T {
    eventually(|| {
        let (code, answer) = ask();
        (!is_starting(code)).then_some(answer)
    })
}

fn is_starting(code: ErrorCode) -> bool {
    [
        ErrorCode::NOT_COORDINATOR,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_ENOUGH_REPLICAS,
    ]
    .contains(&code)
}

pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    // A coordinator looks for what has timed out every ten seconds, and may find it busy.
    let deadline = Instant::now() + 3 * TIME_LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "still waiting");
    }
}
