//! A group of KIP-848: members say what they want, the broker says who reads what.
//!
//! The epoch of the group grows when members or topics change. A new assignment is made for it, and each
//! member gets there by itself, heartbeat by heartbeat: a partition is given to nobody before the member
//! that has it says that it has given it up. The rules are those of Kafka 4's `ConsumerGroup`,
//! `GroupMetadataManager` and `CurrentAssignmentBuilder`. Members that speak the classic protocol cannot be
//! in such a group here, and nobody subscribes by a regular expression. A new assignment is made at once;
//! Kafka may wait since the last one (`group.consumer.min.assignment.interval.ms`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use kafka_wire::ErrorCode;

use super::{
    assignor::{Assignor, Partitions, TopicSize, Wish},
    claim::{Claim, Commit},
    consumer_member::{ConsumerMember, Phase, Target},
    state::GroupState,
};

/// Topics that there are, by name.
pub(in crate::cluster) type TopicSizes = BTreeMap<String, TopicSize>;

#[derive(Clone, Debug)]
pub(in crate::cluster) struct ConsumerGroup {
    epoch: i32,
    /// In the order in which they joined.
    members: Vec<ConsumerMember>,
    /// The topics that members want, as they were when the epoch last grew.
    topics: TopicSizes,
    /// Who is to read what, by member, and since which epoch.
    target: BTreeMap<String, Partitions>,
    target_epoch: i32,
}

/// What a member says in a heartbeat: all of it, or what has changed.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Beat<'a> {
    pub(in crate::cluster) claim: Claim<'a>,
    pub(in crate::cluster) client_id: String,
    pub(in crate::cluster) rack_id: Option<String>,
    pub(in crate::cluster) rebalance_timeout: Option<Duration>,
    pub(in crate::cluster) topics: Option<BTreeSet<String>>,
    pub(in crate::cluster) assignor: Option<Assignor>,
    pub(in crate::cluster) owned: Option<Partitions>,
    /// `group.consumer.session.timeout.ms`.
    pub(in crate::cluster) session_timeout: Duration,
}

/// What a member is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Beaten {
    pub(in crate::cluster) epoch: i32,
    /// If it has changed, or the member has said all of itself.
    pub(in crate::cluster) assignment: Option<Partitions>,
}

impl Default for ConsumerGroup {
    fn default() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            members: Vec::new(),
            topics: TopicSizes::new(),
            target: BTreeMap::new(),
            target_epoch: FIRST_EPOCH,
        }
    }
}

impl ConsumerGroup {
    pub(in crate::cluster) fn state(&self) -> GroupState {
        let settled = |it: &ConsumerMember| it.is_settled_in(self.target_epoch);
        match self.members.is_empty() {
            true => GroupState::Empty,
            false if self.epoch > self.target_epoch => GroupState::Assigning,
            false if self.members.iter().all(settled) => GroupState::Stable,
            false => GroupState::Reconciling,
        }
    }

    pub(in crate::cluster) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(in crate::cluster) fn target_epoch(&self) -> i32 {
        self.target_epoch
    }

    pub(in crate::cluster) fn members(&self) -> &[ConsumerMember] {
        &self.members
    }

    /// What a member is to read.
    pub(in crate::cluster) fn target_of(&self, member_id: &str) -> Option<&Partitions> {
        self.target.get(member_id)
    }

    pub(in crate::cluster) fn has(&self, member_id: &str) -> bool {
        self.members.iter().any(|it| it.id == member_id)
    }

    /// The assignor that most members want.
    pub(in crate::cluster) fn assignor(&self) -> Assignor {
        let mut votes = BTreeMap::<Assignor, usize>::new();
        for assignor in self.members.iter().filter_map(|it| it.assignor) {
            *votes.entry(assignor).or_default() += 1;
        }
        let chosen = votes.into_iter().max_by_key(|&(_, count)| count);
        chosen.map(|(assignor, _)| assignor).unwrap_or_default()
    }

    /// A member joins or is alive, and learns what it may read.
    pub(in crate::cluster) fn beat(
        &mut self,
        now: Instant,
        beat: Beat<'_>,
        known: &TopicSizes,
    ) -> Result<Beaten, ErrorCode> {
        let place = self.place_of(&beat)?;
        let joins = beat.claim.generation == JOINS;
        let full =
            beat.rebalance_timeout.is_some() && beat.topics.is_some() && beat.owned.is_some();
        let changed = learn(&mut self.members[place], now, &beat);
        let wanted = self.members.iter().flat_map(|it| &it.topics);
        let wanted = wanted.filter_map(|it| Some((it.clone(), *known.get(it)?)));
        let topics: TopicSizes = wanted.collect();
        if changed || topics != self.topics {
            self.topics = topics;
            self.epoch += 1;
        }
        if self.epoch > self.target_epoch {
            self.assign();
        }
        let had = self.members[place].assigned.clone();
        self.reconcile(now, place, beat.owned.as_ref());
        let member = &self.members[place];
        let told = joins || full || member.assigned != had;
        Ok(Beaten {
            epoch: member.epoch,
            assignment: told.then(|| member.assigned.clone()),
        })
    }

    /// Where the member is among the others; at the end, if it is new.
    fn place_of(&mut self, beat: &Beat<'_>) -> Result<usize, ErrorCode> {
        let Claim {
            generation,
            member_id,
            instance_id,
        } = beat.claim;
        let joins = generation == JOINS;
        let fixed = instance_id.and_then(|instance| self.with_instance(instance));
        if let Some(place) = fixed.filter(|_| joins) {
            return self.replace(place, member_id);
        }
        let own = self.members.iter().position(|it| it.id == member_id);
        match (instance_id, fixed, own) {
            (Some(_), Some(fixed), own) if own != Some(fixed) => Err(ErrorCode::FENCED_INSTANCE_ID),
            (Some(_), None, _) if !joins => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            (_, _, Some(place)) => self.check_epoch(place, beat).map(|()| place),
            (_, _, None) if !joins => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            (_, _, None) => {
                self.members.push(ConsumerMember::new(member_id.to_owned()));
                Ok(self.members.len() - 1)
            }
        }
    }

    /// A static member is back: it goes on as the one that has left for a while.
    fn replace(&mut self, place: usize, member_id: &str) -> Result<usize, ErrorCode> {
        let member = &mut self.members[place];
        if member.id != member_id && member.epoch != LEFT_FOR_A_WHILE {
            return Err(ErrorCode::UNRELEASED_INSTANCE_ID);
        }
        let old = std::mem::replace(&mut member.id, member_id.to_owned());
        member.epoch = 0;
        member.previous_epoch = 0;
        if let Some(target) = self.target.remove(&old) {
            self.target.insert(member_id.to_owned(), target);
        }
        Ok(place)
    }

    /// An epoch that is one behind is good for a member that has not heard of the next.
    fn check_epoch(&self, place: usize, beat: &Beat<'_>) -> Result<(), ErrorCode> {
        let member = &self.members[place];
        let claimed = beat.claim.generation;
        let owned = beat.owned.as_ref();
        let knows_less = owned.is_some_and(|owned| owned.is_subset(&member.assigned));
        match claimed == member.epoch || (claimed == member.previous_epoch && knows_less) {
            true => Ok(()),
            false => Err(ErrorCode::FENCED_MEMBER_EPOCH),
        }
    }

    fn assign(&mut self) {
        let wishes = self.members.iter().map(|it| {
            let topics = it.topics.iter().filter_map(|name| self.topics.get(name));
            Wish {
                member_id: &it.id,
                topics: topics.copied().collect(),
                had: self.target.get(&it.id).cloned().unwrap_or_default(),
            }
        });
        let wishes: Vec<_> = wishes.collect();
        let target = self.assignor().assign(&wishes);
        self.target = target;
        self.target_epoch = self.epoch;
    }

    fn reconcile(&mut self, now: Instant, place: usize, owned: Option<&Partitions>) {
        let others = (0..)
            .zip(&self.members)
            .filter(|(other, _)| *other != place);
        let taken: Partitions = others.flat_map(|(_, it)| it.holds()).copied().collect();
        let member = &mut self.members[place];
        let none = Partitions::new();
        let target = Target {
            epoch: self.target_epoch,
            partitions: self.target.get(&member.id).unwrap_or(&none),
            taken: &taken,
        };
        member.reconcile(now, target, owned);
    }

    /// A member leaves, or does so for a while.
    pub(in crate::cluster) fn leave(&mut self, claim: Claim<'_>) -> Result<(), ErrorCode> {
        let place = match claim.instance_id {
            None => self.members.iter().position(|it| it.id == claim.member_id),
            Some(instance) => self.with_instance(instance),
        };
        let place = place.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        let member = &mut self.members[place];
        if member.id != claim.member_id {
            return Err(ErrorCode::FENCED_INSTANCE_ID);
        }
        match claim.generation {
            LEFT_FOR_A_WHILE => {
                member.epoch = LEFT_FOR_A_WHILE;
                member.phase = Phase::Settled;
            }
            _ => self.remove(place),
        }
        Ok(())
    }

    fn remove(&mut self, place: usize) {
        let member = self.members.remove(place);
        self.target.remove(&member.id);
        self.epoch += 1;
        if self.members.is_empty() {
            self.target_epoch = self.epoch;
        }
    }

    /// Whether this member may commit offsets (`ConsumerGroup.validateOffsetCommit`).
    pub(in crate::cluster) fn commit(
        &self,
        claim: Claim<'_>,
        commit: Commit,
    ) -> Result<(), ErrorCode> {
        if claim.generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        match (self.check_member(claim), commit) {
            (Err(ErrorCode::STALE_MEMBER_EPOCH), Commit::Transactional) => {
                Err(ErrorCode::ILLEGAL_GENERATION)
            }
            (checked, _) => checked,
        }
    }

    /// Whether it is a member in this epoch.
    pub(in crate::cluster) fn check_member(&self, claim: Claim<'_>) -> Result<(), ErrorCode> {
        let member = self.members.iter().find(|it| it.id == claim.member_id);
        match member.map(|it| it.epoch == claim.generation) {
            None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            Some(false) => Err(ErrorCode::STALE_MEMBER_EPOCH),
            Some(true) => Ok(()),
        }
    }

    /// Those who were silent or kept what they had to give up for too long are gone.
    pub(in crate::cluster) fn check(&mut self, now: Instant) {
        let over = |it: &ConsumerMember| it.deadline().is_some_and(|ends| ends <= now);
        while let Some(place) = self.members.iter().position(over) {
            self.remove(place);
        }
    }

    pub(in crate::cluster) fn deadline(&self) -> Option<Instant> {
        self.members
            .iter()
            .filter_map(ConsumerMember::deadline)
            .min()
    }

    /// Another broker coordinates the group now: sessions begin anew.
    pub(in crate::cluster) fn reload(&mut self, now: Instant, session_timeout: Duration) {
        for member in &mut self.members {
            member.session_ends = Some(now + session_timeout);
        }
    }

    fn with_instance(&self, instance: &str) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|it| it.instance_id.as_deref() == Some(instance))
    }
}

/// Takes over what a member says; whether that changes who reads what.
fn learn(member: &mut ConsumerMember, now: Instant, beat: &Beat<'_>) -> bool {
    member.session_ends = Some(now + beat.session_timeout);
    member.client_id.clone_from(&beat.client_id);
    if let Some(instance) = beat.claim.instance_id {
        member.instance_id = Some(instance.to_owned());
    }
    if let Some(rack) = &beat.rack_id {
        member.rack_id = Some(rack.clone());
    }
    member.rebalance_timeout = beat.rebalance_timeout.unwrap_or(member.rebalance_timeout);
    let before = (member.topics.clone(), member.assignor);
    if let Some(topics) = &beat.topics {
        member.topics.clone_from(topics);
    }
    member.assignor = beat.assignor.or(member.assignor);
    before != (member.topics.clone(), member.assignor)
}

/// As of a group that was just created; its first member makes it grow.
const FIRST_EPOCH: i32 = 1;
/// The epoch of a member that joins.
pub(in crate::cluster) const JOINS: i32 = 0;
/// That of a member that leaves.
pub(in crate::cluster) const LEAVES: i32 = -1;
/// That of a static member that leaves and will be back.
pub(in crate::cluster) const LEFT_FOR_A_WHILE: i32 = -2;
