//! The coordinators of these tests, and the calls of an application around a transaction.
//!
//! Two brokers lead no partition: 8 coordinates the transactions, 9 the consumer groups. What they
//! are asked they grant, unless a test has named codes to answer first ([`Stage::refuses`]) or
//! answers by hand.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use futures_channel::oneshot;
use kafka_producer::engine::{Command, NodeId, Transacted, TransactionCall};
use kafka_producer::error::{AbortableError, FatalError, Misuse, TimedOut, TransactionError};
use kafka_producer::settings::{Guarantee, Settings, TransactionSettings};
use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit};
use kafka_wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_wire::messages::api_versions::FinalizedFeatureKey;
use kafka_wire::messages::find_coordinator::Coordinator as Found;
use kafka_wire::messages::txn_offset_commit::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, ApiVersionsResponse, EndTxnRequest, EndTxnResponse,
    FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_wire::{ApiKey, ErrorCode};

use super::requests::{Ask, ID};
use crate::stage::{Stage, TOPIC, ms, settings};
use crate::wires::{Asked, Map, What};

/// Who coordinates the transactions.
pub(crate) const COORDINATOR: i32 = 8;
/// Who coordinates the consumer groups.
pub(crate) const GROUPS: i32 = 9;
/// The consumer group of every test.
pub(crate) const GROUP: &str = "billing";

/// What the coordinators know and are told to answer.
#[derive(Debug)]
pub(crate) struct Coordinators {
    /// Who coordinates the transactions now.
    pub(crate) transactions: i32,
    /// The finalized level of `transaction.version`; 0: none is told.
    pub(crate) level: i16,
    /// The newest version of these that is spoken; -1: none.
    pub(crate) latest: BTreeMap<ApiKey, i16>,
    /// The id and epoch that were given last, or are given first.
    pub(crate) producer: (i64, i16),
    /// The id and epoch of a transaction that is kept over its producer; -1: none is.
    pub(crate) kept: (i64, i16),
    /// Asked of the producer by the next answer.
    pub(crate) throttle_time_ms: i32,
    /// What is answered before anything is granted; `None` in a key: whichever partition.
    refusals: BTreeMap<(ApiKey, Option<i32>), VecDeque<ErrorCode>>,
    story: Vec<String>,
    /// The version in which each was asked last.
    pub(crate) spoken: BTreeMap<ApiKey, i16>,
}

impl Default for Coordinators {
    fn default() -> Self {
        Self {
            transactions: COORDINATOR,
            level: 1,
            latest: BTreeMap::new(),
            producer: (7000, -1),
            kept: (-1, -1),
            throttle_time_ms: 0,
            refusals: BTreeMap::new(),
            story: Vec::new(),
            spoken: BTreeMap::new(),
        }
    }
}

impl Coordinators {
    /// What a greeting tells of transactions.
    pub(crate) fn introduce(&self, answer: &mut ApiVersionsResponse) {
        for api in &mut answer.api_keys {
            if let Some(latest) = self.latest.get(&api.api_key) {
                api.max_version = *latest;
            }
        }
        answer.api_keys.retain(|api| api.max_version >= 0);
        if self.level > 0 {
            answer.finalized_features_epoch = self.level.into();
            answer.finalized_features = vec![
                FinalizedFeatureKey::default()
                    .with_name("transaction.version".to_owned())
                    .with_max_version_level(self.level)
                    .with_min_version_level(0),
            ];
        }
    }

    /// Notes what was asked.
    pub(crate) fn saw(&mut self, asked: &Asked) {
        let header = &asked.header;
        self.spoken.insert(header.api_key, header.api_version);
        match &asked.what {
            What::Transaction(ask) => self.story.push(ask.to_string()),
            What::Produce { batches, .. } => {
                let names = batches.iter();
                let names = names.map(|sent| match sent.topic.is_empty() {
                    true => format!(" {TOPIC}-{}", sent.partition),
                    false => format!(" {}-{}", sent.topic, sent.partition),
                });
                self.story
                    .push(format!("Produce{}", names.collect::<String>()));
            }
            _ => {}
        }
    }

    fn refusal(&mut self, api: ApiKey, partition: Option<i32>) -> ErrorCode {
        let codes = self.refusals.get_mut(&(api, partition));
        codes.and_then(VecDeque::pop_front).unwrap_or_default()
    }

    /// Answers with what was ordered, or grants.
    pub(crate) fn answer(&mut self, asked: &Asked, ask: &Ask) -> Bytes {
        let code = self.refusal(asked.header.api_key, None);
        self.answer_with(asked, ask, code)
    }

    fn answer_with(&mut self, asked: &Asked, ask: &Ask, code: ErrorCode) -> Bytes {
        let throttle_time_ms = std::mem::take(&mut self.throttle_time_ms);
        match ask {
            Ask::FindCoordinator { key, key_type } => {
                let node = match key_type {
                    1 => self.transactions,
                    _ => GROUPS,
                };
                let answer = found(asked, key, node, code);
                asked.answer::<FindCoordinatorRequest>(&answer)
            }
            Ask::InitProducerId { producer, .. } => {
                if code == ErrorCode::NONE {
                    let base = [self.producer, *producer].into_iter().max();
                    self.producer = after(base.unwrap_or(self.producer));
                }
                asked.answer::<InitProducerIdRequest>(
                    &InitProducerIdResponse::default()
                        .with_throttle_time_ms(throttle_time_ms)
                        .with_error_code(code)
                        .with_producer_id(self.producer.0)
                        .with_producer_epoch(self.producer.1)
                        .with_ongoing_txn_producer_id(self.kept.0)
                        .with_ongoing_txn_producer_epoch(self.kept.1),
                )
            }
            Ask::AddPartitions { partitions, .. } => {
                let results = self.partitions_added(partitions, code);
                asked.answer::<AddPartitionsToTxnRequest>(
                    &AddPartitionsToTxnResponse::default()
                        .with_throttle_time_ms(throttle_time_ms)
                        .with_results_by_topic_v3_and_below(results),
                )
            }
            Ask::AddOffsets { .. } => asked.answer::<AddOffsetsToTxnRequest>(
                &AddOffsetsToTxnResponse::default()
                    .with_throttle_time_ms(throttle_time_ms)
                    .with_error_code(code),
            ),
            Ask::CommitOffsets { offsets, .. } => {
                let topics = offsets.iter().map(|(name, index, _)| {
                    let alone = self.refusal(ApiKey::TXN_OFFSET_COMMIT, Some(*index));
                    offset_committed(name, *index, [code, alone])
                });
                let topics = topics.collect();
                asked.answer::<TxnOffsetCommitRequest>(
                    &TxnOffsetCommitResponse::default()
                        .with_throttle_time_ms(throttle_time_ms)
                        .with_topics(topics),
                )
            }
            Ask::End { .. } => {
                if code == ErrorCode::NONE && asked.header.api_version >= 5 {
                    self.producer = after(self.producer);
                }
                asked.answer::<EndTxnRequest>(
                    &EndTxnResponse::default()
                        .with_throttle_time_ms(throttle_time_ms)
                        .with_error_code(code)
                        .with_producer_id(self.producer.0)
                        .with_producer_epoch(self.producer.1),
                )
            }
        }
    }

    fn partitions_added(
        &mut self,
        partitions: &[(String, i32)],
        code: ErrorCode,
    ) -> Vec<AddPartitionsToTxnTopicResult> {
        let results = partitions.iter().map(|(name, partition_index)| {
            let alone = self.refusal(ApiKey::ADD_PARTITIONS_TO_TXN, Some(*partition_index));
            let result = AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*partition_index)
                .with_partition_error_code(worse([code, alone]));
            AddPartitionsToTxnTopicResult::default()
                .with_name(name.clone())
                .with_results_by_partition(vec![result])
        });
        results.collect()
    }
}

/// The next epoch, or the next id when the epochs are used up.
fn after((id, epoch): (i64, i16)) -> (i64, i16) {
    match epoch < i16::MAX - 1 {
        true => (id, epoch + 1),
        false => (id + 1, 0),
    }
}

fn worse(codes: [ErrorCode; 2]) -> ErrorCode {
    let refusal = codes.into_iter().find(|code| *code != ErrorCode::NONE);
    refusal.unwrap_or(ErrorCode::NONE)
}

fn found(asked: &Asked, key: &str, node_id: i32, code: ErrorCode) -> FindCoordinatorResponse {
    let node_id = match code {
        ErrorCode::NONE => node_id,
        _ => -1,
    };
    let (host, port) = (format!("broker-{node_id}"), 9092);
    if asked.header.api_version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(code)
            .with_node_id(node_id)
            .with_host(host)
            .with_port(port);
    }
    FindCoordinatorResponse::default().with_coordinators(vec![
        Found::default()
            .with_key(key.to_owned())
            .with_node_id(node_id)
            .with_host(host)
            .with_port(port)
            .with_error_code(code)
            .with_error_message(None),
    ])
}

fn offset_committed(
    name: &str,
    partition_index: i32,
    codes: [ErrorCode; 2],
) -> TxnOffsetCommitResponseTopic {
    TxnOffsetCommitResponseTopic::default()
        .with_name(name.to_owned())
        .with_partitions(vec![
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(partition_index)
                .with_error_code(worse(codes)),
        ])
}

/// The settings of a transactional producer.
pub(crate) fn transactional() -> Settings {
    Settings {
        guarantee: Guarantee::Transactional(TransactionSettings {
            id: ID.into(),
            timeout: ms(60_000),
            two_phase_commit: false,
        }),
        ..settings()
    }
}

/// The same, whose transactions may be prepared.
pub(crate) fn two_phase() -> Settings {
    let mut settings = transactional();
    if let Guarantee::Transactional(transactions) = &mut settings.guarantee {
        transactions.two_phase_commit = true;
    }
    settings
}

/// A call on its way.
#[derive(Debug)]
pub(crate) struct Call(oneshot::Receiver<Result<Transacted, TransactionError>>);

impl Call {
    #[track_caller]
    pub(crate) fn is_pending(&mut self) {
        let told = self.0.try_recv();
        assert!(matches!(told, Ok(None)), "it has ended: {told:?}");
    }

    #[track_caller]
    pub(crate) fn ended(&mut self) -> Result<(), TransactionError> {
        self.answered().map(drop)
    }

    #[track_caller]
    pub(crate) fn answered(&mut self) -> Result<Transacted, TransactionError> {
        let told = self.0.try_recv().expect("every call is answered");
        told.expect("the call has ended")
    }

    #[track_caller]
    pub(crate) fn done(&mut self) {
        let ended = self.ended();
        assert!(ended.is_ok(), "{ended:?}");
    }

    #[track_caller]
    pub(crate) fn abortable(&mut self) -> AbortableError {
        match self.ended() {
            Err(TransactionError::Abortable(why)) => why,
            other => panic!("not abortable: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn fatal(&mut self) -> FatalError {
        match self.ended() {
            Err(TransactionError::Fatal(why)) => why,
            other => panic!("not fatal: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn timed_out(&mut self) -> TimedOut {
        match self.ended() {
            Err(TransactionError::TimedOut(what)) => what,
            other => panic!("not timed out: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn misused(&mut self) -> Misuse {
        match self.ended() {
            Err(TransactionError::Misused(misuse)) => misuse,
            other => panic!("not refused as misuse: {other:?}"),
        }
    }
}

impl Stage {
    /// A stage whose engine knows [`TOPIC`] and has not initialized transactions; the cluster's
    /// `transaction.version` is `level`.
    pub(crate) fn uninitialized(level: i16, leaders: &[i32]) -> Self {
        Self::uninitialized_with(transactional(), level, leaders)
    }

    pub(crate) fn uninitialized_with(settings: Settings, level: i16, leaders: &[i32]) -> Self {
        let mut map = Map::of(TOPIC, leaders);
        map.brokers.extend([COORDINATOR, GROUPS]);
        let mut stage = Self::bare(settings, map);
        stage.coordinators.level = level;
        stage.know(TOPIC);
        stage
    }

    /// The same, initialized: with epoch 0, between two transactions.
    pub(crate) fn transactional(level: i16, leaders: &[i32]) -> Self {
        Self::transactional_with(transactional(), level, leaders)
    }

    pub(crate) fn transactional_with(settings: Settings, level: i16, leaders: &[i32]) -> Self {
        let mut stage = Self::uninitialized_with(settings, level, leaders);
        stage.init().done();
        stage.story();
        stage
    }

    /// The same, with a transaction open.
    pub(crate) fn begun(level: i16, leaders: &[i32]) -> Self {
        let mut stage = Self::transactional(level, leaders);
        stage.begin().done();
        stage
    }

    /// The same with a record of partition 0 in it, acknowledged by broker 1.
    pub(crate) fn under_way(level: i16, leaders: &[i32]) -> Self {
        let mut stage = Self::begun(level, leaders);
        stage.warm_up(0, 1);
        stage.story();
        stage
    }

    pub(crate) fn transact(&mut self, call: TransactionCall) -> Call {
        self.transact_until(call, self.now + self.settings.max_block)
    }

    pub(crate) fn transact_until(&mut self, call: TransactionCall, deadline: Instant) -> Call {
        let (reply, answer) = oneshot::channel();
        self.handle.ask(Command::Transact {
            call,
            deadline,
            reply,
        });
        self.tick();
        Call(answer)
    }

    pub(crate) fn init(&mut self) -> Call {
        self.transact(TransactionCall::Init)
    }

    pub(crate) fn begin(&mut self) -> Call {
        self.transact(TransactionCall::Begin)
    }

    pub(crate) fn commit(&mut self) -> Call {
        self.transact(TransactionCall::Commit)
    }

    pub(crate) fn abort(&mut self) -> Call {
        self.transact(TransactionCall::Abort)
    }

    /// How the transaction has ended, asked after a call that timed out.
    pub(crate) fn outcome(&mut self) -> Call {
        self.transact(TransactionCall::Wait)
    }

    /// The transaction is dropped.
    pub(crate) fn abandon(&mut self) {
        self.transact(TransactionCall::Abandon).done();
    }

    /// Commits offsets of `payments` with the transaction: partition n of it at the nth offset.
    pub(crate) fn send_offsets(&mut self, offsets: &[i64]) -> Call {
        self.send_offsets_of(ConsumerGroupMetadata::new(GROUP), offsets)
    }

    pub(crate) fn send_offsets_of(
        &mut self,
        group: ConsumerGroupMetadata,
        offsets: &[i64],
    ) -> Call {
        let offsets = offsets.iter().zip(0..);
        let offsets =
            offsets.map(|(&at, partition)| OffsetToCommit::new("payments", partition, at));
        self.transact(TransactionCall::SendOffsets {
            offsets: offsets.collect(),
            group,
        })
    }

    /// The next requests of this kind are answered with these codes.
    pub(crate) fn refuses(&mut self, api: ApiKey, codes: &[ErrorCode]) {
        let refusals = self.coordinators.refusals.entry((api, None));
        refusals.or_default().extend(codes);
    }

    /// The same for one partition in them.
    pub(crate) fn refuses_partition(&mut self, api: ApiKey, partition: i32, codes: &[ErrorCode]) {
        let refusals = self.coordinators.refusals.entry((api, Some(partition)));
        refusals.or_default().extend(codes);
    }

    /// Whether everything that was to be refused was asked.
    pub(crate) fn has_refused_all(&self) -> bool {
        self.coordinators.refusals.values().all(VecDeque::is_empty)
    }

    /// What was asked of leaders and coordinators since this was called last.
    pub(crate) fn story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.coordinators.story)
    }

    /// Which broker has the unanswered question about transactions, and what it is.
    pub(crate) fn question(&self) -> Option<(NodeId, Ask)> {
        let mut connections = self.connections.iter();
        connections.find_map(|(&node, unanswered)| match &unanswered.front()?.what {
            What::Transaction(ask) => Some((node, ask.clone())),
            _ => None,
        })
    }

    /// Answers that question, and goes on by itself.
    pub(crate) fn reply(&mut self, code: ErrorCode) {
        let (node, ask) = self.question().expect("a coordinator is asked something");
        let asked = &self.connections[&node][0];
        let frame = self.coordinators.answer_with(asked, &ask, code);
        self.respond(node, frame);
        self.settle();
    }

    /// From here on questions of this kind wait for [`Stage::reply`].
    pub(crate) fn keeps(&mut self, api: ApiKey) {
        self.by_hand.insert(api);
    }

    /// No question does any more.
    pub(crate) fn lets_go(&mut self) {
        self.by_hand.clear();
        self.settle();
    }
}
