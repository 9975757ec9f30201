//! A group of the classic protocol: members join, one of them says who reads what, all are told.
//!
//! ```text
//!          join                    all joined, or time is over          the leader has synced
//! Empty ────────▶ PreparingRebalance ────────▶ CompletingRebalance ────────▶ Stable
//!   ▲              │      ▲                            │                       │
//!   └─nobody left──┘      └──── somebody joins, leaves, or is silent too long ─┘
//! ```
//!
//! A group that was deleted is Dead: nothing is left of it here. The rules are those of Kafka 4's
//! `ClassicGroup` and `GroupMetadataManager`. Time is an argument, requests that wait are numbers, and
//! nothing here knows brokers or connections.

mod joining;
mod syncing;

pub(in crate::cluster) use self::{
    joining::{Client, Join},
    syncing::Sync,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use kafka_wire::ErrorCode;

use super::{
    claim::{Claim, Commit, Instance, Known, Phase, check_commit, check_generation, check_member},
    classic_member::{Member, Profile, Waits},
    reply::{Joined, Synced, Told},
    state::GroupState,
};

#[derive(Clone, Debug, Default)]
pub(in crate::cluster) struct ClassicGroup {
    state: State,
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    /// In the order in which they joined.
    members: Vec<Member>,
    /// Ids that were given to members who have not used them yet, and how long they are good.
    pending: BTreeMap<String, Instant>,
    /// What the next coordinator would load.
    stored: Stored,
}

#[derive(Clone, Debug, Default)]
pub(super) enum State {
    #[default]
    Empty,
    PreparingRebalance(Joining),
    CompletingRebalance(Syncing),
    Stable(Syncing),
}

/// Members are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Joining {
    /// Those of an empty group, as long as new ones come.
    First {
        ends: Instant,
        left: Duration,
        somebody_came: bool,
    },
    Again {
        ends: Instant,
    },
}

/// Members who have not asked for their assignment, and when they have to.
#[derive(Clone, Debug, Default)]
pub(super) struct Syncing {
    missing: BTreeSet<String>,
    ends: Option<Instant>,
}

/// A generation as it is stored.
#[derive(Clone, Debug, Default)]
struct Stored {
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: Vec<Member>,
}

impl ClassicGroup {
    /// A group with these members, who are in their generation for good.
    pub(super) fn with_members(generation: i32, members: Vec<(String, Profile)>) -> Self {
        let members = members.into_iter().map(|(id, profile)| Member {
            is_new: false,
            ..Member::new(id, profile)
        });
        let members: Vec<_> = members.collect();
        let first = members.first();
        let mut group = Self {
            generation,
            protocol_type: first.map(|it| it.profile.protocol_type.clone()),
            protocol: first.and_then(|it| Some(it.profile.protocols.first()?.0.clone())),
            leader: first.map(|it| it.id.clone()),
            members,
            ..Self::default()
        };
        group.store();
        group.restore();
        group
    }

    pub(in crate::cluster) fn state(&self) -> GroupState {
        match self.state {
            State::Empty => GroupState::Empty,
            State::PreparingRebalance(_) => GroupState::PreparingRebalance,
            State::CompletingRebalance(_) => GroupState::CompletingRebalance,
            State::Stable(_) => GroupState::Stable,
        }
    }

    pub(in crate::cluster) fn is_empty(&self) -> bool {
        matches!(self.state, State::Empty)
    }

    pub(in crate::cluster) fn generation(&self) -> i32 {
        self.generation
    }

    pub(in crate::cluster) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// The protocol, once the members have their assignments.
    pub(in crate::cluster) fn stable_protocol(&self) -> Option<&str> {
        let protocol = self.protocol.as_deref();
        protocol.filter(|_| matches!(self.state, State::Stable(_)))
    }

    /// The protocol that was chosen last.
    pub(in crate::cluster) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    pub(in crate::cluster) fn members(&self) -> &[Member] {
        &self.members
    }

    /// A member is alive.
    pub(in crate::cluster) fn heartbeat(
        &mut self,
        now: Instant,
        claim: Claim<'_>,
    ) -> Result<(), ErrorCode> {
        check_generation(self.known(claim))?;
        if let Some(member) = self.member_mut(claim.member_id) {
            member.seen(now);
        }
        match self.state {
            State::PreparingRebalance(_) => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            _ => Ok(()),
        }
    }

    /// A member leaves; the others are told once all who leave together have left.
    pub(in crate::cluster) fn leave(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        told: &mut Vec<Told>,
    ) -> Result<(), ErrorCode> {
        let claim = Claim {
            generation: self.generation,
            member_id,
            instance_id,
        };
        let id = match (member_id, instance_id) {
            ("", instance) => {
                let fixed = instance.and_then(|instance| self.with_instance(instance));
                fixed.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?
            }
            (id, _) if self.pending.contains_key(id) => id.to_owned(),
            (id, _) => check_member(self.known(claim)).map(|()| id.to_owned())?,
        };
        self.dismiss(&id, told);
        Ok(())
    }

    /// Those who left are gone: the others rebalance.
    pub(in crate::cluster) fn have_left(&mut self, now: Instant, told: &mut Vec<Told>) {
        match self.state {
            State::Empty => {}
            _ => self.rebalance(now, Duration::ZERO, told),
        }
    }

    /// Whether this member may commit offsets; if so, it has shown that it is alive.
    pub(in crate::cluster) fn commit(
        &mut self,
        now: Instant,
        claim: Claim<'_>,
        commit: Commit,
    ) -> Result<(), ErrorCode> {
        check_commit(claim, self.known(claim), commit)?;
        let quiet = matches!(self.state, State::CompletingRebalance(_));
        if let Some(member) = self.member_mut(claim.member_id)
            && commit == Commit::Plain
            && !quiet
        {
            member.seen(now);
        }
        Ok(())
    }

    /// Does what is due by now.
    pub(in crate::cluster) fn check(
        &mut self,
        now: Instant,
        delay: Duration,
        told: &mut Vec<Told>,
    ) {
        let before = self.pending.len();
        self.pending.retain(|_, ends| *ends > now);
        let mut gone = Vec::new();
        for member in &mut self.members {
            if member.expires(now) {
                gone.push(member.id.clone());
            }
        }
        for id in &gone {
            self.dismiss(id, told);
        }
        if !gone.is_empty() {
            self.have_left(now, told);
        } else if self.pending.len() < before {
            self.complete_if_joined(now, told);
        }
        self.check_joining(now, delay, told);
        self.check_syncing(now, told);
    }

    /// When there is something to check next.
    pub(in crate::cluster) fn deadline(&self) -> Option<Instant> {
        let state = match &self.state {
            State::PreparingRebalance(Joining::First { ends, .. } | Joining::Again { ends }) => {
                Some(*ends)
            }
            State::CompletingRebalance(syncing) | State::Stable(syncing) => {
                syncing.ends.filter(|_| !syncing.missing.is_empty())
            }
            State::Empty => None,
        };
        let sessions = self.members.iter().filter_map(|it| it.session_ends);
        let pending = self.pending.values().copied();
        state.into_iter().chain(sessions).chain(pending).min()
    }

    /// Another broker coordinates the group now: it loads what was stored, and those who wait have
    /// to ask it.
    pub(in crate::cluster) fn reload(&mut self, now: Instant, told: &mut Vec<Told>) {
        let code = ErrorCode::NOT_COORDINATOR;
        for member in &self.members {
            match member.waits {
                Waits::No => {}
                Waits::ForGeneration(ticket) => {
                    told.push(Told::joined(ticket, Joined::refused(code, &member.id)));
                }
                Waits::ForAssignment(ticket) => {
                    told.push(Told::synced(ticket, Synced::refused(code)));
                }
            }
        }
        self.restore();
        for member in &mut self.members {
            member.seen(now);
        }
    }

    fn store(&mut self) {
        let members = self.members.iter().map(|it| Member {
            waits: Waits::No,
            session_ends: None,
            ..it.clone()
        });
        self.stored = Stored {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: members.collect(),
        };
    }

    fn restore(&mut self) {
        let Stored {
            generation,
            protocol_type,
            protocol,
            leader,
            members,
        } = self.stored.clone();
        self.state = match members.is_empty() {
            true => State::Empty,
            false => State::Stable(Syncing::default()),
        };
        self.generation = generation;
        self.protocol_type = protocol_type;
        self.protocol = protocol;
        self.leader = leader;
        self.members = members;
        self.pending.clear();
    }

    fn known(&self, claim: Claim<'_>) -> Known {
        let member = self.members.iter().find(|it| it.id == claim.member_id);
        let instance = claim
            .instance_id
            .map(|instance| self.with_instance(instance));
        Known {
            phase: match self.state {
                State::Empty => Phase::Empty,
                State::CompletingRebalance(_) => Phase::Completing,
                _ => Phase::Other,
            },
            is_member: member.is_some(),
            instance: match instance {
                None => Instance::NotClaimed,
                Some(None) => Instance::Nobody,
                Some(Some(id)) if id == claim.member_id => Instance::ThisMember,
                Some(Some(_)) => Instance::Another,
            },
            is_current: claim.generation == self.generation,
        }
    }

    fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.iter().map(|it| it.profile.rebalance_timeout);
        timeouts.max().unwrap_or_default()
    }

    fn with_instance(&self, instance: &str) -> Option<String> {
        let mut members = self.members.iter();
        let fixed = members.find(|it| it.profile.instance_id.as_deref() == Some(instance));
        fixed.map(|it| it.id.clone())
    }

    fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|it| it.id == id)
    }

    fn remove(&mut self, id: &str) {
        self.members.retain(|it| it.id != id);
        self.pending.remove(id);
        if let State::CompletingRebalance(syncing) | State::Stable(syncing) = &mut self.state {
            syncing.missing.remove(id);
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.first().map(|it| it.id.clone());
        }
    }

    /// Takes a member out, and refuses what it waits for.
    fn dismiss(&mut self, id: &str, told: &mut Vec<Told>) {
        let code = ErrorCode::UNKNOWN_MEMBER_ID;
        match self.member_mut(id).map_or(Waits::No, |it| it.waits) {
            Waits::No => {}
            Waits::ForGeneration(ticket) => {
                told.push(Told::joined(ticket, Joined::refused(code, "")))
            }
            Waits::ForAssignment(ticket) => told.push(Told::synced(ticket, Synced::refused(code))),
        }
        self.remove(id);
    }
}
