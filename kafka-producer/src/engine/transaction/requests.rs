//! What to ask a coordinator next, and how it is put.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::messages::add_partitions_to_txn::AddPartitionsToTxnTopic;
use kafka_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest,
    InitProducerIdRequest, TxnOffsetCommitRequest,
};

use super::coordinators::Role;
use super::membership::Membership;
use super::verdict::Request;
use super::{Echo, End, Ending, OffsetCommit, Phase, RequestState, Transactions};
use crate::engine::in_flight::What;
use crate::engine::lane::LaneKey;
use crate::engine::node::Link;
use crate::engine::verdict::TransactionVersion;
use crate::engine::{Engine, NodeId};
use crate::error::{AbortableError, FatalError};

/// From this version of InitProducerId on an epoch can be bumped (KIP-360).
const FIRST_WITH_EPOCH: i16 = 3;
/// From this version of TxnOffsetCommit on the member is checked (KIP-447).
const FIRST_WITH_MEMBER: i16 = 3;
/// Later versions of these follow the second protocol, or are for brokers.
const LAST_ADD_PARTITIONS: i16 = 3;
const LAST_COMMIT_OFFSETS_ONE: i16 = 4;
const LAST_END_ONE: i16 = 4;

/// A request about transactions, as it is remembered until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Who coordinates this?
    FindCoordinator(Role),
    /// An id and epoch, or the next epoch.
    InitProducerId,
    /// These partitions belong to the transaction.
    AddPartitions(Vec<LaneKey>),
    /// Offsets of this group belong to it.
    AddOffsets(Arc<str>),
    /// The offsets at the front of the queue, for this group.
    CommitOffsets(Arc<str>),
    /// It is over.
    End(End),
}

impl Ask {
    /// Who is to be asked; any broker, if that is the question.
    pub(super) fn role(&self) -> Role {
        match self {
            Self::FindCoordinator(role) => role.clone(),
            Self::CommitOffsets(group) => Role::Group(Arc::clone(group)),
            _ => Role::Transactions,
        }
    }

    /// The lanes that it is about.
    pub(crate) fn lanes(&self) -> &[LaneKey] {
        match self {
            Self::AddPartitions(keys) => keys,
            _ => &[],
        }
    }

    pub(super) fn request(&self) -> Request {
        match self {
            Self::FindCoordinator(_) => Request::FindCoordinator,
            Self::InitProducerId => Request::InitProducerId,
            Self::AddPartitions(_) => Request::AddPartitions,
            Self::AddOffsets(_) => Request::AddOffsets,
            Self::CommitOffsets(_) => Request::CommitOffsets,
            Self::End(End::Commit) => Request::Commit,
            Self::End(End::Abort) => Request::Abort,
        }
    }
}

impl Transactions {
    /// What has to be asked before anything else; `drained` if no batch is on its way.
    fn next_ask(&self, drained: bool) -> Option<Ask> {
        match &self.phase {
            Phase::Uninitialized | Phase::Ready(_) | Phase::Doomed(_) => None,
            Phase::Initializing | Phase::Renewing(_) => Some(Ask::InitProducerId),
            Phase::Open => self.next_addition(),
            Phase::Ending(Ending { how, .. }) => {
                let end = drained.then_some(Ask::End(*how));
                self.next_addition().or(end)
            }
        }
    }

    /// What the coordinators do not know yet of what belongs to the transaction.
    fn next_addition(&self) -> Option<Ask> {
        if self.version == TransactionVersion::One {
            let outside = |membership: &Membership| membership.is_to_be_told();
            let partitions = self.partitions.iter().filter(|(_, it)| outside(it));
            let partitions: Vec<LaneKey> = partitions.map(|(key, _)| *key).collect();
            if !partitions.is_empty() {
                return Some(Ask::AddPartitions(partitions));
            }
            if let Some((group, _)) = self.groups.iter().find(|(_, it)| outside(it)) {
                return Some(Ask::AddOffsets(Arc::clone(group)));
            }
        }
        let commit = self.offsets.front()?;
        Some(Ask::CommitOffsets(Arc::clone(&commit.group.id)))
    }

    /// The name of what a coordinator was asked, or should be, and has not answered.
    pub(super) fn unanswered_request(&self) -> Option<&'static str> {
        let ask = self.next_addition()?;
        Some(ask.request().name())
    }

    /// From here on it is unknown whether the coordinator knows.
    fn tried(&mut self, ask: &Ask) {
        self.note(ask, |membership| match membership {
            Membership::Wanted => Membership::Tried,
            known => known,
        });
    }

    /// And it will not be told by an answer.
    pub(super) fn unanswered(&mut self, ask: &Ask) {
        if self.version == TransactionVersion::One {
            self.note(ask, |membership| match membership {
                Membership::Tried => Membership::Unanswered,
                known => known,
            });
        }
        if !matches!(ask, Ask::FindCoordinator(_) | Ask::InitProducerId) {
            self.echo = Echo::Possible;
        }
        if let (Ask::CommitOffsets(_), Some(commit)) = (ask, self.offsets.front_mut()) {
            commit.echo = Echo::Possible;
        }
        if let Ask::End(_) = ask {
            self.end_unanswered();
        }
    }

    /// Whether offsets of an earlier call may come to this group behind those that are next.
    fn may_be_set_back(&self, group: &Arc<str>) -> bool {
        self.repeated.contains(group)
    }

    fn note(&mut self, ask: &Ask, change: fn(Membership) -> Membership) {
        let change = |membership: &mut Membership| *membership = change(*membership);
        match ask {
            Ask::AddPartitions(keys) => {
                for key in keys {
                    self.partitions.entry(*key).and_modify(change);
                }
            }
            Ask::AddOffsets(group) | Ask::CommitOffsets(group) => {
                self.groups.entry(Arc::clone(group)).and_modify(change);
            }
            Ask::FindCoordinator(_) | Ask::InitProducerId | Ask::End(_) => {}
        }
    }
}

impl Engine {
    /// Asks a coordinator whatever the transaction needs next.
    pub(in crate::engine) fn ask_for_transaction(&mut self) {
        while let Some(ask) = self.due_ask() {
            let known = self.transactions.as_ref();
            let begun = known.is_some_and(Transactions::has_begun_there);
            if matches!(ask, Ask::End(_)) && !begun {
                // The coordinator does not know of it, so there is nothing to be ended.
                self.transaction_ended(None);
                continue;
            }
            if let Ask::CommitOffsets(group) = &ask
                && known.is_some_and(|it| it.may_be_set_back(group))
            {
                let group = Arc::clone(group);
                self.doom(|| AbortableError::OffsetsInDoubt { group });
                continue;
            }
            return self.put(ask);
        }
    }

    fn due_ask(&mut self) -> Option<Ask> {
        self.transactions.as_ref()?;
        let drained = self.is_drained();
        let transactions = self.transactions.as_ref()?;
        let RequestState::Free { not_before } = transactions.request else {
            return None;
        };
        let ask = transactions.next_ask(drained)?;
        let needs_nobody = matches!(ask, Ask::End(_)) && !transactions.has_begun_there();
        (needs_nobody || not_before <= self.now).then_some(ask)
    }

    /// Asks the coordinator, once it is known and its connection is ready.
    fn put(&mut self, ask: Ask) {
        let role = ask.role();
        let known = self.transactions.as_ref();
        let known = known.and_then(|transactions| transactions.coordinators.of(&role));
        let Some(id) = known.filter(|id| self.nodes.contains_key(id)) else {
            return self.find_coordinator(role);
        };
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        match &node.link {
            // The end of both is a reason to look here again.
            _ if node.silent_until().is_some() => {}
            Link::Ready { .. } => self.send_to_coordinator(id, ask),
            Link::Resting => self.dial_when_rested(id),
            Link::Dialing { .. } | Link::Greeting { .. } => {}
        }
    }

    fn find_coordinator(&mut self, role: Role) {
        let Some(id) = self.any_node::<FindCoordinatorRequest>() else {
            if let Some(unsupported) = self.nobody_speaks::<FindCoordinatorRequest>() {
                self.fail_for_good(FatalError::Unsupported(unsupported));
            }
            return;
        };
        let Some(version) = self.newest::<FindCoordinatorRequest>(id) else {
            return;
        };
        let key = match &role {
            Role::Group(group) => group.to_string(),
            Role::Transactions => self.transactional_id(),
        };
        let batched = version.number >= 4;
        let request = FindCoordinatorRequest::default()
            .with_key(if batched { String::new() } else { key.clone() })
            .with_key_type(role.key_type())
            .with_coordinator_keys(if batched { vec![key] } else { Vec::new() });
        self.asked_coordinator(&Ask::FindCoordinator(role.clone()));
        self.ask(
            id,
            version,
            &request,
            What::Transaction(Ask::FindCoordinator(role)),
        );
    }

    fn send_to_coordinator(&mut self, id: NodeId, ask: Ask) {
        match ask {
            Ask::FindCoordinator(role) => self.find_coordinator(role),
            Ask::InitProducerId => self.ask_init(id),
            Ask::AddPartitions(keys) => self.ask_add_partitions(id, keys),
            Ask::AddOffsets(group) => self.ask_add_offsets(id, group),
            Ask::CommitOffsets(_) => self.ask_commit_offsets(id),
            Ask::End(end) => self.ask_end(id, end),
        }
    }

    fn ask_init(&mut self, id: NodeId) {
        let version = self.newest::<InitProducerIdRequest>(id);
        let Some(version) = version.filter(|version| version.number >= FIRST_WITH_EPOCH) else {
            return self.lacks::<InitProducerIdRequest>(id, FIRST_WITH_EPOCH);
        };
        let Some(transactions) = &self.transactions else {
            return;
        };
        let renewed = match transactions.phase {
            Phase::Renewing(_) => self.identity.producer(),
            _ => None,
        };
        let timeout_ms = transactions.settings.timeout.as_millis();
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(self.transactional_id()))
            .with_transaction_timeout_ms(i32::try_from(timeout_ms).unwrap_or(i32::MAX))
            .with_producer_id(renewed.map_or(-1, |producer| producer.id))
            .with_producer_epoch(renewed.map_or(-1, |producer| producer.epoch));
        self.asked_coordinator(&Ask::InitProducerId);
        self.ask(
            id,
            version,
            &request,
            What::Transaction(Ask::InitProducerId),
        );
    }

    fn ask_add_partitions(&mut self, id: NodeId, keys: Vec<LaneKey>) {
        let Some(version) = self.newest_to::<AddPartitionsToTxnRequest>(id, LAST_ADD_PARTITIONS)
        else {
            return self.lacks::<AddPartitionsToTxnRequest>(id, 0);
        };
        let mut topics: BTreeMap<Arc<str>, Vec<i32>> = BTreeMap::new();
        for key in &keys {
            let lane = &self.lanes[*key as usize];
            let partitions = topics.entry(Arc::clone(&lane.topic)).or_default();
            partitions.push(lane.partition);
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            AddPartitionsToTxnTopic::default()
                .with_name(name.to_string())
                .with_partitions(partitions)
        });
        let (producer_id, producer_epoch) = self.identity_on_wire();
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.transactional_id())
            .with_v3_and_below_producer_id(producer_id)
            .with_v3_and_below_producer_epoch(producer_epoch)
            .with_v3_and_below_topics(topics.collect());
        let ask = Ask::AddPartitions(keys);
        self.asked_coordinator(&ask);
        self.ask(id, version, &request, What::Transaction(ask));
    }

    fn ask_add_offsets(&mut self, id: NodeId, group: Arc<str>) {
        let Some(version) = self.newest::<AddOffsetsToTxnRequest>(id) else {
            return self.lacks::<AddOffsetsToTxnRequest>(id, 0);
        };
        let (producer_id, producer_epoch) = self.identity_on_wire();
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(self.transactional_id())
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_group_id(group.to_string());
        let ask = Ask::AddOffsets(group);
        self.asked_coordinator(&ask);
        self.ask(id, version, &request, What::Transaction(ask));
    }

    fn ask_commit_offsets(&mut self, id: NodeId) {
        let Some(transactions) = &self.transactions else {
            return;
        };
        let latest = match transactions.version {
            TransactionVersion::One => LAST_COMMIT_OFFSETS_ONE,
            TransactionVersion::Two => i16::MAX,
        };
        let Some(commit) = transactions.offsets.front() else {
            return;
        };
        let group = commit.group.clone();
        let told = group.generation >= 0 || !group.member_id.is_empty();
        let version = self.newest_to::<TxnOffsetCommitRequest>(id, latest);
        let Some(version) = version.filter(|it| it.number >= FIRST_WITH_MEMBER || !told) else {
            return self.lacks::<TxnOffsetCommitRequest>(id, FIRST_WITH_MEMBER);
        };
        let topics = offsets_by_topic(commit);
        let (producer_id, producer_epoch) = self.identity_on_wire();
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(self.transactional_id())
            .with_group_id(group.id.to_string())
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_generation_id(group.generation)
            .with_member_id(group.member_id)
            .with_group_instance_id(group.instance_id)
            .with_topics(topics);
        let ask = Ask::CommitOffsets(group.id);
        self.asked_coordinator(&ask);
        self.ask(id, version, &request, What::Transaction(ask));
    }

    fn ask_end(&mut self, id: NodeId, end: End) {
        let latest = match self.transactions.as_ref().map(Transactions::version) {
            Some(TransactionVersion::Two) => i16::MAX,
            _ => LAST_END_ONE,
        };
        let Some(version) = self.newest_to::<EndTxnRequest>(id, latest) else {
            return self.lacks::<EndTxnRequest>(id, 0);
        };
        let (producer_id, producer_epoch) = self.identity_on_wire();
        let request = EndTxnRequest::default()
            .with_transactional_id(self.transactional_id())
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_committed(end == End::Commit);
        self.asked_coordinator(&Ask::End(end));
        self.ask(id, version, &request, What::Transaction(Ask::End(end)));
    }

    fn asked_coordinator(&mut self, ask: &Ask) {
        if let Some(transactions) = &mut self.transactions {
            transactions.request = RequestState::Asked;
            transactions.tried(ask);
        }
    }

    fn transactional_id(&self) -> String {
        let transactions = self.transactions.as_ref();
        transactions.map_or_else(String::new, |it| it.id().to_string())
    }

    fn identity_on_wire(&self) -> (i64, i16) {
        let producer = self.identity.producer();
        producer.map_or((-1, -1), |producer| (producer.id, producer.epoch))
    }

    /// A broker that does not speak what transactions need, from this version on.
    fn lacks<R: kafka_wire::Request>(&mut self, id: NodeId, oldest: i16) {
        if let Some(node) = self.nodes.get(&id) {
            let mut unsupported = node.unsupported::<R>();
            unsupported.ours.oldest = oldest;
            self.fail_for_good(FatalError::Unsupported(unsupported));
        }
    }
}

fn offsets_by_topic(commit: &OffsetCommit) -> Vec<TxnOffsetCommitRequestTopic> {
    let mut topics: BTreeMap<&str, Vec<TxnOffsetCommitRequestPartition>> = BTreeMap::new();
    for offset in &commit.offsets {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(offset.partition)
            .with_committed_offset(offset.offset)
            .with_committed_leader_epoch(offset.leader_epoch.unwrap_or(-1).max(-1))
            // Kafka's own client sends an empty note where there is none.
            .with_committed_metadata(Some(offset.metadata.clone().unwrap_or_default()));
        topics.entry(&offset.topic).or_default().push(partition);
    }
    let topics = topics.into_iter();
    topics
        .map(|(name, partitions)| {
            TxnOffsetCommitRequestTopic::default()
                .with_name(name.to_owned())
                .with_partitions(partitions)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

    /// Java's `OffsetAndMetadata` takes any negative epoch for none.
    #[test]
    fn a_negative_leader_epoch_of_an_offset_is_none() {
        let offset = |epoch| OffsetToCommit::new("orders", 0, 7).leader_epoch(epoch);
        let commit = OffsetCommit {
            group: ConsumerGroupMetadata::new("billing"),
            offsets: [-5, -1, 0, 3].map(offset).to_vec(),
            deadline: Instant::now(),
            reply: None,
            echo: Echo::None,
        };
        let topics = offsets_by_topic(&commit);
        let epochs = topics[0].partitions.iter();
        let epochs: Vec<_> = epochs.map(|told| told.committed_leader_epoch).collect();
        assert_eq!(epochs, [-1, -1, 0, 3]);
    }
}
