//! What a coordinator's answer changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_wire::messages::add_partitions_to_txn::AddPartitionsToTxnTopicResult;
use kafka_wire::messages::txn_offset_commit::TxnOffsetCommitResponseTopic;
use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, EndTxnResponse,
    FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, TxnOffsetCommitRequest,
};
use kafka_wire::{DecodeError, ErrorCode, Version};

use super::calls::Call;
use super::coordinators::{self, Role};
use super::verdict::{Request, Verdict, verdict};
use super::{
    Echo, End, Ending, Membership, OffsetCommit, Phase, RequestState, Transactions, is_turned_away,
};
use crate::engine::identity::ProducerId;
use crate::engine::produce::lane::LaneKey;
use crate::engine::produce::verdict::TransactionVersion;
use crate::engine::timers::Timer;
use crate::engine::{Ask, Engine, NodeId};
use crate::error::{AbortableError, FatalError, TransactionError, WaitReason, own_words};
use crate::settings::Address;

/// What is told of a transaction whose coordinator cannot be asked any more.
const MAY_BE_COMMITTED: &str =
    "What became of EndTxn(commit) is not known: the transaction may be committed.";

/// How soon a first partition is added again while the transaction before is being ended.
const SOON: Duration = Duration::from_millis(20);

impl Engine {
    /// A request about transactions was answered.
    pub(in crate::engine) fn transaction_answered(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
        ask: Ask,
    ) -> Result<(), DecodeError> {
        let not_before = self.cx.now;
        if let Some(transactions) = &mut self.transactions {
            transactions.request = RequestState::Free { not_before };
        }
        let unread = ask.clone();
        self.read_transactional(id, version, frame, ask)
            // Whatever it says, it was done or not.
            .inspect_err(|_| self.transaction_unanswered(&unread))
    }

    fn read_transactional(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
        ask: Ask,
    ) -> Result<(), DecodeError> {
        match ask {
            Ask::FindCoordinator(role) => {
                self.read::<FindCoordinatorRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.coordinator_found(role, answer);
                })
            }
            Ask::InitProducerId => {
                self.read::<InitProducerIdRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    let told = ProducerId::told(answer.producer_id, answer.producer_epoch);
                    if engine.granted(&Ask::InitProducerId, answer.error_code) {
                        match told {
                            Some(producer) => engine.initialized(producer),
                            None => engine.rest(WaitReason::Unanswered {
                                request: "InitProducerId",
                            }),
                        }
                    }
                })
            }
            Ask::AddPartitions(keys) => {
                self.read::<AddPartitionsToTxnRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.partitions_added(keys, &answer.results_by_topic_v3_and_below);
                })
            }
            Ask::AddOffsets(group) => {
                self.read::<AddOffsetsToTxnRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.group_added(group, answer.error_code);
                })
            }
            Ask::CommitOffsets(group) => {
                self.read::<TxnOffsetCommitRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.offsets_committed(group, &answer.topics);
                })
            }
            Ask::End(end) => self.read::<EndTxnRequest, _>(version, frame, |engine, answer| {
                engine.throttle(id, answer.throttle_time_ms);
                engine.end_answered(end, &answer);
            }),
        }
    }

    /// A request about transactions will not be answered.
    pub(in crate::engine) fn transaction_unanswered(&mut self, ask: &Ask) {
        if let Some(transactions) = &mut self.transactions {
            transactions.unanswered(ask);
        }
        if let Ask::CommitOffsets(group) = ask {
            self.offsets_answered(group, ErrorCode::NETWORK_EXCEPTION);
        }
        let request = ask.request().name();
        self.rest(WaitReason::Unanswered { request });
    }

    /// A broker is gone, and with it whatever it coordinated.
    pub(in crate::engine) fn forget_coordinator(&mut self, lost: NodeId) {
        if let Some(transactions) = &mut self.transactions {
            transactions.coordinators.forget_node(lost);
        }
    }

    fn coordinator_found(&mut self, role: Role, answer: FindCoordinatorResponse) {
        let found = coordinators::only(answer);
        let usable = found
            .error_code
            .ok()
            .and_then(|()| coordinators::usable(&found));
        let port = match usable {
            Ok(port) => port,
            Err(code) => {
                let message = found.error_message.map(Into::into);
                return self.act(&Ask::FindCoordinator(role), code, message);
            }
        };
        let id = NodeId(found.node_id);
        let address = Address {
            host: found.host,
            port,
        };
        match self.nodes.get_mut(&id) {
            None => self.make_known(id, address),
            // Metadata will tell of a move if there was one; a connection that stands is good.
            Some(node) if node.is_resting() => node.address = address,
            Some(_) => {}
        }
        if let Some(transactions) = &mut self.transactions {
            transactions.coordinators.found(role, id);
        }
    }

    fn partitions_added(&mut self, keys: Vec<LaneKey>, topics: &[AddPartitionsToTxnTopicResult]) {
        let mut worst = (Verdict::Done, ErrorCode::NONE);
        let mut concerned: Vec<String> = Vec::new();
        for key in keys {
            let lane = &self.lanes[key as usize];
            let code = code_of(topics, &lane.topic, lane.partition);
            let judged = code.map(|code| (verdict(Request::AddPartitions, code), code));
            let (judged, code) = judged.unwrap_or((Verdict::Retry, ErrorCode::NETWORK_EXCEPTION));
            if judged == Verdict::Abortable && code != ErrorCode::OPERATION_NOT_ATTEMPTED {
                concerned.push(lane.topic.to_string());
            }
            if rank(judged, code) > rank(worst.0, worst.1) {
                worst = (judged, code);
            }
            self.partition_judged(key, judged, code);
        }
        concerned.dedup();
        let (judged, code) = worst;
        if judged == Verdict::Done {
            return self.succeeded();
        }
        let message = match concerned.is_empty() {
            true => code.message().to_owned(),
            false => format!("{} (topics: {})", code.message(), concerned.join(", ")),
        };
        self.act(&Ask::AddPartitions(Vec::new()), code, Some(message.into()));
    }

    /// Notes what is known of one partition's place in the transaction.
    fn partition_judged(&mut self, key: LaneKey, judged: Verdict, code: ErrorCode) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let Some(membership) = transactions.partitions.remove(&key) else {
            return;
        };
        let known = match judged {
            Verdict::Done => Some(Membership::Inside),
            Verdict::Abortable => membership.refused(),
            // Passed over in silence.
            _ if code == ErrorCode::NETWORK_EXCEPTION => Some(Membership::Unanswered),
            _ => Some(membership.turned_away()),
        };
        transactions
            .partitions
            .extend(known.map(|known| (key, known)));
        self.list(key);
    }

    fn group_added(&mut self, group: Arc<str>, code: ErrorCode) {
        let judged = verdict(Request::AddOffsets, code);
        if let Some(transactions) = &mut self.transactions
            && let Some(membership) = transactions.groups.remove(&group)
        {
            let known = match judged {
                Verdict::Done => Some(Membership::Inside),
                Verdict::Abortable => membership.refused(),
                _ => Some(membership.turned_away()),
            };
            let group = Arc::clone(&group);
            transactions
                .groups
                .extend(known.map(|known| (group, known)));
        }
        self.granted(&Ask::AddOffsets(group), code);
    }

    /// Some of the offsets may have been taken; only the others are sent again. If nobody waits for
    /// them any more, because the transaction will be aborted, the group may belong to it all the same.
    fn offsets_committed(&mut self, group: Arc<str>, topics: &[TxnOffsetCommitResponseTopic]) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let worst = match transactions.offsets.front_mut() {
            Some(commit) => commit.answered(topics),
            None => {
                let told = topics.iter().flat_map(|topic| &topic.partitions);
                worst(told.map(|told| told.error_code))
            }
        };
        let done = |commit: &OffsetCommit| commit.offsets.is_empty();
        if transactions.offsets.front().is_some_and(done)
            && let Some(done) = transactions.offsets.pop_front()
        {
            if done.echo == Echo::Possible {
                transactions.repeated.insert(Arc::clone(&done.group.id));
            }
            done.end(Ok(()), &mut self.cx.notices);
        }
        self.offsets_answered(&group, worst);
        self.granted(&Ask::CommitOffsets(group), worst);
    }

    /// With the second protocol it is the offsets that add their group.
    fn offsets_answered(&mut self, group: &Arc<str>, code: ErrorCode) {
        if let Some(transactions) = &mut self.transactions
            && transactions.version == TransactionVersion::Two
            && !is_turned_away(code)
            && let Some(membership) = transactions.groups.get_mut(group)
        {
            *membership = Membership::Inside;
        }
    }

    fn end_answered(&mut self, end: End, answer: &EndTxnResponse) {
        if self.granted(&Ask::End(end), answer.error_code) {
            let told = ProducerId::told(answer.producer_id, answer.producer_epoch);
            self.transaction_ended(told);
        }
    }

    /// Does what follows from a code that stands for the whole answer; whether it was a success.
    fn granted(&mut self, ask: &Ask, code: ErrorCode) -> bool {
        if code == ErrorCode::NONE {
            self.succeeded();
            return true;
        }
        self.act(ask, code, None);
        false
    }

    fn succeeded(&mut self) {
        if let Some(transactions) = &mut self.transactions {
            transactions.failures = 0;
            transactions.last_obstacle = None;
        }
    }

    /// Does what follows from an error.
    fn act(&mut self, ask: &Ask, code: ErrorCode, message: Option<Arc<str>>) {
        let request = ask.request();
        let message = own_words(message).unwrap_or_else(|| code.message().into());
        let obstacle = WaitReason::Refused {
            request: request.name(),
            code,
            message: Some(Arc::clone(&message)),
        };
        let may_be_committed = self.may_be_committed();
        let judged = match may_be_committed {
            true => verdict(request, code).of_what_may_be_committed(code),
            false => verdict(request, code),
        };
        if judged.leaves_open()
            && let (Ask::End(_), Some(transactions)) = (ask, &mut self.transactions)
        {
            transactions.end_unanswered();
        }
        match judged {
            Verdict::Done => self.succeeded(),
            Verdict::Retry => self.rest(obstacle),
            Verdict::RetrySoon => self.rest_a_little(obstacle),
            Verdict::Relocate => {
                if let Some(transactions) = &mut self.transactions {
                    transactions.coordinators.forget(&ask.role());
                }
                self.rest(obstacle);
            }
            Verdict::Abortable => self.must_abort(
                request,
                AbortableError::Refused {
                    request: request.name(),
                    code,
                    message,
                },
            ),
            Verdict::Gone => self.gone(AbortableError::Refused {
                request: request.name(),
                code,
                message,
            }),
            Verdict::Fatal => {
                let message = match may_be_committed {
                    true => format!("{message} {MAY_BE_COMMITTED}").into(),
                    false => message,
                };
                self.fail_for_good(FatalError::of(code, Some(message)));
            }
        }
    }

    fn may_be_committed(&self) -> bool {
        let transactions = self.transactions.as_ref();
        transactions.is_some_and(Transactions::may_be_committed)
    }

    /// The end of the transaction before takes a moment; once something was added it has passed.
    fn rest_a_little(&mut self, why: WaitReason) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        if transactions.has_begun_there() {
            return self.rest(why);
        }
        let not_before = self.cx.now + SOON;
        transactions.request = RequestState::Free { not_before };
        transactions.last_obstacle = Some(why);
        self.cx.timers.arm(Timer::Transaction, not_before);
    }

    /// A coordinator will not go on with what is being done, but with the next.
    fn must_abort(&mut self, request: Request, why: AbortableError) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        match &transactions.phase {
            Phase::Initializing => {
                transactions.phase = Phase::Uninitialized;
                let refused = || Err(TransactionError::Abortable(why.clone()));
                transactions.tell(Call::Init, refused, &mut self.cx.notices);
            }
            // The coordinator knows nothing that could be ended: begin anew with it. What could not
            // be added needs no end.
            Phase::Ending(Ending {
                how: End::Abort, ..
            }) if request == Request::Abort => self.gone(why),
            Phase::Renewing(_) => {
                let code = why.code().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR);
                self.fail_for_good(FatalError::of(code, Some(why.to_string().into())));
            }
            _ => self.doom(|| why),
        }
    }
}

fn code_of(
    topics: &[AddPartitionsToTxnTopicResult],
    topic: &str,
    partition: i32,
) -> Option<ErrorCode> {
    let topics = topics.iter().filter(|told| told.name == topic);
    let mut partitions = topics.flat_map(|told| &told.results_by_partition);
    let told = partitions.find(|told| told.partition_index == partition)?;
    Some(told.partition_error_code)
}

impl OffsetCommit {
    /// Keeps the offsets that were not taken; the code that stands for all.
    fn answered(&mut self, topics: &[TxnOffsetCommitResponseTopic]) -> ErrorCode {
        let mut codes = Vec::with_capacity(self.offsets.len());
        self.offsets.retain(|offset| {
            let partitions = topics.iter().filter(|topic| *topic.name == *offset.topic);
            let mut partitions = partitions.flat_map(|topic| &topic.partitions);
            let told = partitions.find(|told| told.partition_index == offset.partition);
            let code = told.map_or(ErrorCode::NETWORK_EXCEPTION, |told| told.error_code);
            codes.push(code);
            verdict(Request::CommitOffsets, code) != Verdict::Done
        });
        worst(codes)
    }
}

/// The code of an answer about offsets that stands for all of its codes.
fn worst(codes: impl IntoIterator<Item = ErrorCode>) -> ErrorCode {
    let rank = |code: &ErrorCode| rank(verdict(Request::CommitOffsets, *code), *code);
    codes
        .into_iter()
        .max_by_key(rank)
        .unwrap_or(ErrorCode::NONE)
}

/// Of several verdicts on one request the worst counts; of equals what says more.
fn rank(verdict: Verdict, code: ErrorCode) -> (u8, bool) {
    let rank = match verdict {
        Verdict::Done => 0,
        Verdict::RetrySoon => 1,
        Verdict::Retry => 2,
        Verdict::Relocate => 3,
        Verdict::Abortable => 4,
        Verdict::Gone => 5,
        Verdict::Fatal => 6,
    };
    (rank, code != ErrorCode::OPERATION_NOT_ATTEMPTED)
}
