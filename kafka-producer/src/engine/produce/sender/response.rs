//! What became of a produce request: its response is taken apart, and each batch is judged by its lane.

use std::collections::VecDeque;
use std::sync::Arc;

use kafka_wire::messages::produce::{LeaderIdAndEpoch, PartitionProduceResponse, ProduceResponse};
use kafka_wire::{ErrorCode, Version};

use crate::engine::cluster::election::Election;
use crate::engine::cluster::expected_response::BatchRef;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::judge::{Consequence, Loss, PartitionOutcome};
use crate::engine::produce::sender::{Peers, Sender};
use crate::engine::produce::verdict::{Kind, TransactionVersion};
use crate::error::FatalError;
use crate::settings::Guarantee;

impl Sender {
    /// A produce request was answered. `Err` says that no batch will be accepted any more.
    pub(crate) fn produced(
        &mut self,
        p: &mut Peers<'_>,
        version: Version,
        sent: Vec<BatchRef>,
        answer: ProduceResponse,
    ) -> Result<(), FatalError> {
        let mut open = VecDeque::from(sent);
        let told = (version, answer.throttle_time_ms.max(0) as u32);
        let mut fatal = None;
        for topic in answer.responses {
            for partition in topic.partition_responses {
                // Brokers answer in the order of the request, which is that of `open`; but nothing
                // says that they must.
                let is_about = |sent: &BatchRef| {
                    let lane = &self.lanes[sent.lane];
                    lane.is_of(&topic.name, topic.topic_id, partition.index)
                };
                let found = open.iter().position(is_about);
                if let Some(sent) = found.and_then(|found| open.remove(found)) {
                    note(&mut fatal, self.answered(p, told, sent, partition));
                }
            }
        }
        // What the answer passes over in silence may or may not have been appended.
        if !open.is_empty() {
            note(&mut fatal, self.unanswered(p, open, &Loss::untold()));
        }
        fatal.map_or(Ok(()), Err)
    }

    fn answered(
        &mut self,
        p: &mut Peers<'_>,
        (version, throttle_time_ms): (Version, u32),
        sent: BatchRef,
        answer: PartitionProduceResponse,
    ) -> Result<(), FatalError> {
        self.follow_leader(p, sent, &answer.current_leader);
        self.judge(
            p,
            sent,
            &mut PartitionOutcome::told(answer, version, throttle_time_ms),
        )
    }

    /// A refused batch may come with the name of the new leader (KIP-951).
    fn follow_leader(&mut self, p: &mut Peers<'_>, batch: BatchRef, told: &LeaderIdAndEpoch) {
        let leader = NodeId(told.leader_id);
        let lane = &self.lanes[batch.lane];
        if leader.is_bootstrap()
            || !lane.may_follow_leader(batch.serial, told.leader_epoch)
            || !p.nodes.knows(leader)
        {
            return;
        }
        let told = Election::of(Some(leader), told.leader_epoch);
        if self.lanes.elect(batch.lane, told, p.cx.now).is_some() {
            self.follow_election(p, batch.lane);
        }
    }

    /// These batches will never be answered for.
    pub(crate) fn unanswered(
        &mut self,
        p: &mut Peers<'_>,
        sent: impl IntoIterator<Item = BatchRef>,
        loss: &Loss,
    ) -> Result<(), FatalError> {
        let mut fatal = None;
        for sent in sent {
            self.lanes[sent.lane].unanswered(sent.serial, loss, p.cx.now);
            let mut unanswered = PartitionOutcome::lost(loss);
            note(&mut fatal, self.judge(p, sent, &mut unanswered));
        }
        fatal.map_or(Ok(()), Err)
    }

    /// `acks=0`: written is delivered, to an offset nobody knows.
    pub(crate) fn written(
        &mut self,
        p: &mut Peers<'_>,
        sent: Vec<BatchRef>,
    ) -> Result<(), FatalError> {
        let mut fatal = None;
        for sent in sent {
            let mut written = PartitionOutcome::of(ErrorCode::NONE);
            note(&mut fatal, self.judge(p, sent, &mut written));
        }
        fatal.map_or(Ok(()), Err)
    }

    /// The driver could not frame a request: its batches cannot be sent, ever.
    pub(crate) fn unsendable(&mut self, p: &mut Peers<'_>, sent: Vec<BatchRef>, why: &Arc<str>) {
        for BatchRef { lane, serial } in sent {
            if self.lanes[lane].has(serial) {
                self.lanes[lane].unsendable(p.cx, serial, why);
                self.list(p, lane);
            }
        }
    }

    /// Applies the verdict on one batch.
    fn judge(
        &mut self,
        p: &mut Peers<'_>,
        BatchRef { lane: key, serial }: BatchRef,
        outcome: &mut PartitionOutcome,
    ) -> Result<(), FatalError> {
        p.transactions.batch_answered(key, outcome.code());
        let kind = kind(p);
        let memory = self.memory();
        let consequence = self.lanes[key].judge(p.cx, &memory, kind, serial, outcome);
        if !self.lanes[key].is_idle() {
            self.list(p, key);
        }
        match consequence {
            Consequence::Nothing => {}
            Consequence::RefreshMetadata => p.metadata.request_anew(self.lanes[key].topic()),
            Consequence::Fail(fatal) => return Err(fatal),
        }
        Ok(())
    }
}

/// Keeps the first reason for which no batch will be accepted any more.
fn note(fatal: &mut Option<FatalError>, judged: Result<(), FatalError>) {
    if let Err(reason) = judged {
        fatal.get_or_insert(reason);
    }
}

/// Who is judged.
fn kind(p: &Peers<'_>) -> Kind {
    match p.cx.settings.guarantee {
        Guarantee::Plain(_) => Kind::Plain,
        Guarantee::Idempotent => Kind::Idempotent,
        Guarantee::Transactional(_) => {
            let version = p.transactions.version();
            Kind::Transactional(version.unwrap_or(TransactionVersion::One))
        }
    }
}
