//! What a coordinator's answer changes.

use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::messages::add_partitions_to_txn::AddPartitionsToTxnTopicResult;
use kafka_wire::messages::find_coordinator::FindCoordinatorResponse;
use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest,
    InitProducerIdRequest, InitProducerIdResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_wire::{DecodeError, ErrorCode, Request, Version, decode_response};

use super::ask::{Ask, End, RequestKind, Role};
use super::coordinators;
use super::phase::{Phase, StaleRequest};
use super::transactional::Transactional;
use super::verdict::{Verdict, verdict};
use crate::engine::cluster::features::Features;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::context::Context;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::verdict::TransactionVersion;
use crate::error::{AbortableError, FatalError, TransactionError, WaitReason, own_words};
use crate::prepared::{CompletedTxn, PreparedTxnState};
use crate::settings::Address;

/// The error for a transaction whose coordinator cannot be asked any more.
const MAY_BE_COMMITTED: &str =
    "What became of EndTxn(commit) is not known: the transaction may be committed.";

/// An answer, with what was asked.
#[derive(Debug)]
pub(crate) enum Answer {
    FindCoordinator(Role, FindCoordinatorResponse),
    InitProducerId(InitProducerIdResponse),
    Resume(PreparedTxnState, EndTxnResponse),
    AddPartitions(Vec<LaneKey>, AddPartitionsToTxnResponse),
    AddOffsets(Arc<str>, AddOffsetsToTxnResponse),
    CommitOffsets(Arc<str>, TxnOffsetCommitResponse),
    End(End, EndTxnResponse),
}

impl Answer {
    /// Reads the answer to this.
    pub(crate) fn read(ask: Ask, version: Version, frame: Bytes) -> Result<Self, DecodeError> {
        fn body<R: Request>(frame: Bytes, version: Version) -> Result<R::Response, DecodeError> {
            decode_response::<R>(frame, version).map(|(_, answer)| answer)
        }
        Ok(match ask {
            Ask::FindCoordinator(role) => {
                Self::FindCoordinator(role, body::<FindCoordinatorRequest>(frame, version)?)
            }
            Ask::InitProducerId => {
                Self::InitProducerId(body::<InitProducerIdRequest>(frame, version)?)
            }
            Ask::Resume(stored) => Self::Resume(stored, body::<EndTxnRequest>(frame, version)?),
            Ask::AddPartitions(keys) => {
                Self::AddPartitions(keys, body::<AddPartitionsToTxnRequest>(frame, version)?)
            }
            Ask::AddOffsets(group) => {
                Self::AddOffsets(group, body::<AddOffsetsToTxnRequest>(frame, version)?)
            }
            Ask::CommitOffsets(group) => {
                Self::CommitOffsets(group, body::<TxnOffsetCommitRequest>(frame, version)?)
            }
            Ask::End(end) => Self::End(end, body::<EndTxnRequest>(frame, version)?),
        })
    }

    /// For how long the broker asks not to get requests.
    pub(crate) fn throttle_time_ms(&self) -> i32 {
        match self {
            Self::FindCoordinator(_, answer) => answer.throttle_time_ms,
            Self::InitProducerId(answer) => answer.throttle_time_ms,
            Self::Resume(_, answer) => answer.throttle_time_ms,
            Self::AddPartitions(_, answer) => answer.throttle_time_ms,
            Self::AddOffsets(_, answer) => answer.throttle_time_ms,
            Self::CommitOffsets(_, answer) => answer.throttle_time_ms,
            Self::End(_, answer) => answer.throttle_time_ms,
        }
    }
}

/// What the engine must do after an answer.
#[derive(Debug)]
pub(crate) enum FollowUp {
    Nothing,
    /// A coordinator listens there.
    Met(NodeId, Address),
    /// The producer cannot be used any more.
    Fatal(FatalError),
}

impl Transactional {
    /// A request was answered.
    pub(super) fn answered(
        &mut self,
        cx: &mut Context,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
        answer: Answer,
    ) -> FollowUp {
        self.request.free(cx.now);
        let refused = match answer {
            Answer::FindCoordinator(role, answer) => {
                return self.coordinator_told(cx, role, answer);
            }
            Answer::InitProducerId(answer) if self.is_declined(cx, answer.error_code) => Ok(()),
            Answer::InitProducerId(answer) => {
                let told = ProducerId::told(answer.producer_id, answer.producer_epoch);
                let kept = ProducerId::told(
                    answer.ongoing_txn_producer_id,
                    answer.ongoing_txn_producer_epoch,
                );
                self.check(cx, &Ask::InitProducerId, answer.error_code)
                    .map(|()| match told {
                        Some(told) => {
                            self.initialized(cx, lanes, identity, features, (told, kept));
                        }
                        None => self
                            .request
                            .pause(cx, unanswered(RequestKind::InitProducerId)),
                    })
            }
            Answer::Resume(stored, answer) => self
                .check(cx, &Ask::Resume(stored), answer.error_code)
                .map(|()| self.resumed(CompletedTxn::Committed)),
            Answer::AddPartitions(keys, answer) => {
                return self.partitions_added(
                    cx,
                    lanes,
                    &keys,
                    &answer.results_by_topic_v3_and_below,
                );
            }
            Answer::AddOffsets(group, answer) => {
                let code = answer.error_code;
                let judged = verdict(RequestKind::AddOffsets, code);
                self.members.group_judged(&group, judged);
                self.check(cx, &Ask::AddOffsets(group), code)
            }
            Answer::CommitOffsets(group, answer) => {
                let code = self.offsets.answered(&answer.topics, &mut cx.notices);
                self.group_added_by_offsets(&group, code);
                self.check(cx, &Ask::CommitOffsets(group), code)
            }
            Answer::End(end, answer) => {
                let given = ProducerId::told(answer.producer_id, answer.producer_epoch);
                self.check(cx, &Ask::End(end), answer.error_code)
                    .map(|()| self.ended(cx, lanes, identity, features, given))
            }
        };
        refused.err().unwrap_or(FollowUp::Nothing)
    }

    /// A request will not be answered.
    pub(super) fn unanswered(&mut self, cx: &mut Context, ask: &Ask) {
        if self.version == TransactionVersion::One {
            self.members.unanswered(ask);
        }
        match ask {
            Ask::FindCoordinator(_) | Ask::InitProducerId => {}
            _ => self.stale = StaleRequest::Possible,
        }
        match ask {
            Ask::CommitOffsets(group) => {
                self.offsets.unanswered();
                self.group_added_by_offsets(group, ErrorCode::NETWORK_EXCEPTION);
            }
            Ask::End(_) => self.phase.end_unanswered(),
            _ => {}
        }
        self.request.pause(cx, unanswered(ask.kind()));
    }

    /// In version 2 of the protocol, the offsets themselves add their group to the transaction.
    fn group_added_by_offsets(&mut self, group: &Arc<str>, code: ErrorCode) {
        if self.version == TransactionVersion::Two {
            self.members.offsets_answered(group, code);
        }
    }

    fn coordinator_told(
        &mut self,
        cx: &mut Context,
        role: Role,
        answer: FindCoordinatorResponse,
    ) -> FollowUp {
        match coordinators::read(answer) {
            Ok((id, address)) => {
                self.coordinators.found(role, id);
                FollowUp::Met(id, address)
            }
            Err((code, message)) => {
                let message = message.map(Into::into);
                self.refused(cx, &Ask::FindCoordinator(role), code, message)
            }
        }
    }

    fn partitions_added(
        &mut self,
        cx: &mut Context,
        lanes: &Lanes,
        keys: &[LaneKey],
        topics: &[AddPartitionsToTxnTopicResult],
    ) -> FollowUp {
        let mut worst = (Verdict::Done, ErrorCode::NONE);
        let mut concerned: Vec<&str> = Vec::new();
        for &key in keys {
            let lane = &lanes[key];
            let code = code_of(topics, lane.topic(), lane.partition());
            let judged = code.map(|code| (verdict(RequestKind::AddPartitions, code), code));
            let (judged, code) = judged.unwrap_or((Verdict::Retry, ErrorCode::NETWORK_EXCEPTION));
            if judged == Verdict::Abortable && code != ErrorCode::OPERATION_NOT_ATTEMPTED {
                concerned.push(lane.topic());
            }
            if judged.rank(code) > worst.0.rank(worst.1) {
                worst = (judged, code);
            }
            self.members.partition_judged(key, judged, code);
        }
        concerned.dedup();
        let (judged, code) = worst;
        if judged == Verdict::Done {
            self.request.succeeded();
            return FollowUp::Nothing;
        }
        let message = match concerned.is_empty() {
            true => code.message().to_owned(),
            false => format!("{} (topics: {})", code.message(), concerned.join(", ")),
        };
        let ask = Ask::AddPartitions(Vec::new());
        self.refused(cx, &ask, code, Some(message.into()))
    }

    /// Handles the code of a whole answer. `Err` with what follows, unless it is a success.
    fn check(&mut self, cx: &mut Context, ask: &Ask, code: ErrorCode) -> Result<(), FollowUp> {
        if code == ErrorCode::NONE {
            self.request.succeeded();
            return Ok(());
        }
        Err(self.refused(cx, ask, code, None))
    }

    /// Does what follows from an error.
    fn refused(
        &mut self,
        cx: &mut Context,
        ask: &Ask,
        code: ErrorCode,
        message: Option<Arc<str>>,
    ) -> FollowUp {
        let kind = ask.kind();
        let refusal = Refusal::new(kind, code, message);
        let may_be_committed = self.phase.may_be_committed();
        let judged = match may_be_committed {
            true => verdict(kind, code).of_what_may_be_committed(code),
            false => verdict(kind, code),
        };
        if judged.leaves_open() && matches!(ask, Ask::End(_)) {
            self.phase.end_unanswered();
        }
        match judged {
            Verdict::Done => self.request.succeeded(),
            // Once something was added, the transaction before has ended: there is another reason.
            Verdict::RetrySoon if !self.members.need_end() => {
                self.request.pause_a_little(cx, refusal.obstacle());
            }
            Verdict::Retry | Verdict::RetrySoon => self.request.pause(cx, refusal.obstacle()),
            Verdict::Relocate => {
                self.coordinators.forget(&ask.role());
                self.request.pause(cx, refusal.obstacle());
            }
            Verdict::Abortable => return self.failed(cx, kind, refusal.abortable()),
            Verdict::Gone if kind == RequestKind::Resume => self.resumed(CompletedTxn::NotOpen),
            Verdict::Gone => self.not_known_there(refusal.abortable()),
            Verdict::Fatal => return FollowUp::Fatal(refusal.fatal(may_be_committed)),
        }
        FollowUp::Nothing
    }

    /// A coordinator refuses to go on with this transaction, but will accept the next one.
    fn failed(&mut self, cx: &mut Context, kind: RequestKind, why: AbortableError) -> FollowUp {
        if self.stays_uncommitted(cx, &why) {
            return FollowUp::Nothing;
        }
        match &self.phase {
            Phase::Initializing(_) => {
                self.refuse_to_initialize(cx, &TransactionError::Abortable(why));
            }
            // The coordinator has no transaction to end: start again with the next epoch. What could
            // not be added need not be ended.
            Phase::Ending(ending) if ending.how == End::Abort && kind == RequestKind::Abort => {
                self.not_known_there(why);
            }
            Phase::Renewing(_) => {
                let code = why.code().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR);
                let message = Some(why.to_string().into());
                return FollowUp::Fatal(FatalError::of(code, message));
            }
            _ => self.must_abort(cx, || why),
        }
        FollowUp::Nothing
    }
}

/// The error that callers get for the code of a coordinator.
struct Refusal {
    kind: RequestKind,
    code: ErrorCode,
    message: Arc<str>,
}

impl Refusal {
    fn new(kind: RequestKind, code: ErrorCode, message: Option<Arc<str>>) -> Self {
        let message = own_words(message).unwrap_or_else(|| code.message().into());
        Self {
            kind,
            code,
            message,
        }
    }

    fn obstacle(self) -> WaitReason {
        WaitReason::Refused {
            request: self.kind.name(),
            code: self.code,
            message: Some(self.message),
        }
    }

    fn abortable(self) -> AbortableError {
        AbortableError::Refused {
            request: self.kind.name(),
            code: self.code,
            message: self.message,
        }
    }

    fn fatal(self, may_be_committed: bool) -> FatalError {
        let message = match may_be_committed {
            true => format!("{} {MAY_BE_COMMITTED}", self.message).into(),
            false => self.message,
        };
        FatalError::of(self.code, Some(message))
    }
}

fn unanswered(kind: RequestKind) -> WaitReason {
    let request = kind.name();
    WaitReason::Unanswered { request }
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
