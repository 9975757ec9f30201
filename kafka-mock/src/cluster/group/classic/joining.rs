//! Members join, and a generation begins with those who have.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_wire::ErrorCode;

use super::{
    super::{
        claim::{Claim, check_member},
        classic_member::{Member, Profile, Waits},
        reply::{Joined, JoinedMember, Synced, Ticket, Told},
    },
    ClassicGroup, Joining, State, Syncing,
};

/// A member that joins.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Join<'a> {
    pub(in crate::cluster) ticket: Ticket,
    /// Empty, if it has none.
    pub(in crate::cluster) member_id: &'a str,
    /// The id it is given in that case.
    pub(in crate::cluster) new_id: String,
    pub(in crate::cluster) profile: Profile,
    pub(in crate::cluster) client: Client,
    /// `group.initial.rebalance.delay.ms`.
    pub(in crate::cluster) delay: Duration,
}

/// What a client knows of the protocol, by the version it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) enum Client {
    Old,
    /// It joins with an id that it was given before (KIP-394).
    ComesBackWithItsId,
    /// A leader that comes back can be told to assign nothing (KIP-814).
    SkipsAssignment,
}

impl ClassicGroup {
    /// A member joins, or joins again; those who need not wait any more are told.
    pub(in crate::cluster) fn join(&mut self, now: Instant, join: Join<'_>, told: &mut Vec<Told>) {
        let refusal = match join.member_id {
            _ if !self.supports(&join.profile) => Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL),
            "" => return self.join_new(now, join, told),
            id if self.pending.contains_key(id) => {
                let id = id.to_owned();
                return self.add(now, id, join, told);
            }
            id => check_member(self.known(Claim {
                generation: self.generation,
                member_id: id,
                instance_id: join.profile.instance_id.as_deref(),
            })),
        };
        match refusal {
            Ok(()) => self.join_again(now, join, told),
            Err(code) => told.push(Told::joined(
                join.ticket,
                Joined::refused(code, join.member_id),
            )),
        }
    }

    pub(super) fn join_new(&mut self, now: Instant, join: Join<'_>, told: &mut Vec<Told>) {
        let id = join.new_id.clone();
        let instance = join.profile.instance_id.as_deref();
        if let Some(instance) = instance {
            return match self.with_instance(instance) {
                Some(old) => self.replace(now, old, join, told),
                None => self.add(now, id, join, told),
            };
        }
        if join.client == Client::Old {
            return self.add(now, id, join, told);
        }
        let code = ErrorCode::MEMBER_ID_REQUIRED;
        told.push(Told::joined(join.ticket, Joined::refused(code, &id)));
        self.pending.insert(id, now + join.profile.session_timeout);
    }

    pub(super) fn add(&mut self, now: Instant, id: String, join: Join<'_>, told: &mut Vec<Told>) {
        if self.members.is_empty() {
            self.protocol_type = Some(join.profile.protocol_type.clone());
        }
        self.pending.remove(&id);
        self.leader.get_or_insert_with(|| id.clone());
        let mut member = Member::new(id, join.profile);
        member.waits = Waits::ForGeneration(join.ticket);
        member.session_ends = Some(now + NEW_MEMBER_TIMEOUT);
        self.members.push(member);
        if let State::PreparingRebalance(Joining::First { somebody_came, .. }) = &mut self.state {
            *somebody_came = true;
        }
        self.rebalance(now, join.delay, told);
    }

    pub(super) fn join_again(&mut self, now: Instant, join: Join<'_>, told: &mut Vec<Told>) {
        let leads = self.leader.as_deref() == Some(join.member_id);
        let generation = self.joined(join.member_id, leads);
        let Some(member) = self.member_mut(join.member_id) else {
            return;
        };
        let same = member.profile.protocols == join.profile.protocols;
        let stays = match self.state {
            State::Empty | State::PreparingRebalance(_) => false,
            State::CompletingRebalance(_) => same,
            State::Stable(_) => same && !leads,
        };
        if stays {
            return told.push(Told::joined(join.ticket, generation));
        }
        self.update(join.member_id, join.ticket, join.profile);
        self.rebalance(now, join.delay, told);
    }

    /// A static member is back, under another id: who has the old one is fenced.
    pub(super) fn replace(
        &mut self,
        now: Instant,
        old: String,
        join: Join<'_>,
        told: &mut Vec<Told>,
    ) {
        let led_by = self.leader.clone().unwrap_or_default();
        let id = join.new_id;
        let Some(member) = self.member_mut(&old) else {
            return;
        };
        match std::mem::replace(&mut member.waits, Waits::No) {
            Waits::No => {}
            Waits::ForGeneration(ticket) => {
                let fenced = Joined::refused(ErrorCode::FENCED_INSTANCE_ID, &old);
                told.push(Told::joined(ticket, fenced));
            }
            Waits::ForAssignment(ticket) => {
                told.push(Told::synced(
                    ticket,
                    Synced::refused(ErrorCode::FENCED_INSTANCE_ID),
                ));
            }
        }
        member.id.clone_from(&id);
        member.seen(now);
        if self.leader.as_ref() == Some(&old) {
            self.leader = Some(id.clone());
        }
        self.update(&id, join.ticket, join.profile);
        match self.state {
            State::Stable(_) if self.select_protocol() == self.protocol => {
                let leads = self.leader.as_ref() == Some(&id);
                let mut joined = self.joined(&id, leads);
                match join.client {
                    Client::SkipsAssignment => joined.skip_assignment = leads,
                    // It takes the old id for the leader's, so that it does not assign.
                    _ => {
                        joined.leader = led_by;
                        joined.members = Vec::new();
                    }
                }
                self.tell_generation(now, &id, joined, told);
                self.store();
            }
            State::Stable(_) | State::CompletingRebalance(_) => {
                self.rebalance(now, join.delay, told);
            }
            State::Empty | State::PreparingRebalance(_) => self.complete_if_joined(now, told),
        }
    }

    pub(super) fn update(&mut self, id: &str, ticket: Ticket, profile: Profile) {
        if let Some(member) = self.member_mut(id) {
            member.profile.protocols = profile.protocols;
            member.profile.rebalance_timeout = profile.rebalance_timeout;
            member.profile.session_timeout = profile.session_timeout;
            member.waits = Waits::ForGeneration(ticket);
        }
    }

    /// Members have to join again, unless they are being waited for already.
    pub(super) fn rebalance(&mut self, now: Instant, delay: Duration, told: &mut Vec<Told>) {
        match self.state {
            State::Empty => {
                let left = self.rebalance_timeout().saturating_sub(delay);
                self.state = State::PreparingRebalance(Joining::First {
                    ends: now + delay,
                    left,
                    somebody_came: false,
                });
                self.check_joining(now, delay, told);
            }
            State::PreparingRebalance(_) => self.complete_if_joined(now, told),
            State::CompletingRebalance(_) | State::Stable(_) => self.prepare(now, told),
        }
    }

    pub(super) fn prepare(&mut self, now: Instant, told: &mut Vec<Told>) {
        if matches!(self.state, State::CompletingRebalance(_)) {
            for member in &mut self.members {
                member.assignment = Bytes::new();
            }
            self.tell_assignments(now, ErrorCode::REBALANCE_IN_PROGRESS, told);
        }
        let ends = now + self.rebalance_timeout();
        self.state = State::PreparingRebalance(Joining::Again { ends });
        self.complete_if_joined(now, told);
    }

    pub(super) fn complete_if_joined(&mut self, now: Instant, told: &mut Vec<Told>) {
        let again = matches!(self.state, State::PreparingRebalance(Joining::Again { .. }));
        if again && self.pending.is_empty() && self.members.iter().all(Member::has_joined) {
            self.begin_generation(now, told);
        }
    }

    /// The next generation begins with those who are here.
    pub(super) fn begin_generation(&mut self, now: Instant, told: &mut Vec<Told>) {
        let gone = |it: &Member| !it.has_joined() && !it.is_static();
        let gone: Vec<_> = self.members.iter().filter(|it| gone(it)).collect();
        let gone: Vec<_> = gone.into_iter().map(|it| it.id.clone()).collect();
        for id in gone {
            self.remove(&id);
        }
        if !self.members.is_empty() && !self.elect() {
            // Members may ask for no time at all: then it is not looked at over and over within an instant.
            let ends = now + self.rebalance_timeout().max(LEADERLESS_PAUSE_MIN);
            self.state = State::PreparingRebalance(Joining::Again { ends });
            return;
        }
        self.generation = self.generation.wrapping_add(1);
        self.protocol = self.select_protocol();
        if self.members.is_empty() {
            self.state = State::Empty;
            self.store();
            return;
        }
        let ids: Vec<_> = self.members.iter().map(|it| it.id.clone()).collect();
        for id in &ids {
            let joined = self.joined(id, self.leader.as_ref() == Some(id));
            self.tell_generation(now, id, joined, told);
        }
        self.state = State::CompletingRebalance(Syncing {
            missing: ids.into_iter().collect(),
            ends: Some(now + self.rebalance_timeout()),
        });
    }

    /// Whether somebody who is here leads.
    pub(super) fn elect(&mut self) -> bool {
        let leader = self
            .members
            .iter()
            .find(|it| Some(&it.id) == self.leader.as_ref());
        if leader.is_some_and(Member::has_joined) {
            return true;
        }
        let next = self.members.iter().find(|it| it.has_joined());
        let next = next.map(|it| it.id.clone());
        let found = next.is_some();
        self.leader = next.or_else(|| self.leader.take());
        found
    }

    pub(super) fn check_joining(&mut self, now: Instant, delay: Duration, told: &mut Vec<Told>) {
        match self.state {
            State::PreparingRebalance(Joining::First {
                ends,
                left,
                somebody_came: true,
            }) if ends <= now && !left.is_zero() => {
                self.state = State::PreparingRebalance(Joining::First {
                    ends: now + delay.min(left),
                    left: left.saturating_sub(delay),
                    somebody_came: false,
                });
            }
            State::PreparingRebalance(Joining::First { ends, .. } | Joining::Again { ends })
                if ends <= now =>
            {
                self.begin_generation(now, told);
            }
            _ => {}
        }
    }

    /// Whether a member with these protocols can be in this group.
    pub(super) fn supports(&self, profile: &Profile) -> bool {
        if self.is_empty() {
            return !profile.protocol_type.is_empty() && !profile.protocols.is_empty();
        }
        let all = |name: &String| self.members.iter().all(|it| it.supports(name));
        self.protocol_type.as_ref() == Some(&profile.protocol_type)
            && profile.protocols.iter().any(|(name, _)| all(name))
    }

    /// The protocol that most members prefer, of those that all of them know.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let known = |name: &str| self.members.iter().all(|it| it.supports(name));
        let votes = self.members.iter().filter_map(|it| {
            let mut names = it.profile.protocols.iter().map(|(name, _)| name.as_str());
            names.find(|name| known(name))
        });
        let mut counts = BTreeMap::<&str, usize>::new();
        for name in votes {
            *counts.entry(name).or_default() += 1;
        }
        let chosen = counts.into_iter().max_by_key(|(_, count)| *count);
        chosen.map(|(name, _)| name.to_owned())
    }

    /// The generation, as a member is told of it.
    pub(super) fn joined(&self, id: &str, leads: bool) -> Joined {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().filter(|_| leads);
        let members: Vec<JoinedMember> = members.map(|it| it.described(protocol)).collect();
        Joined {
            error_code: ErrorCode::NONE,
            generation: Some(self.generation),
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: id.to_owned(),
            members,
        }
    }

    pub(super) fn tell_generation(
        &mut self,
        now: Instant,
        id: &str,
        joined: Joined,
        told: &mut Vec<Told>,
    ) {
        let Some(member) = self.member_mut(id) else {
            return;
        };
        if let Waits::ForGeneration(ticket) = member.waits {
            told.push(Told::joined(ticket, joined));
            member.waits = Waits::No;
        }
        member.is_new = false;
        member.seen(now);
    }
}

/// Nobody leads before this is over.
const LEADERLESS_PAUSE_MIN: Duration = Duration::from_millis(100);
/// How long a new member may wait for its first generation, as in Kafka.
const NEW_MEMBER_TIMEOUT: Duration = Duration::from_secs(300);
