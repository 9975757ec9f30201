//! Which broker answers for a group, when it is looked at, and who is told what.
//!
//! Members wait on their connections: a group answers a ticket, and the connection on which that
//! ticket waits is served. What is stored of a group survives its coordinator; the next one loads it.

use kafka_wire::{
    ErrorCode,
    messages::{
        JoinGroupRequest, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse,
        join_group::JoinGroupResponseMember,
    },
};

use super::{
    Cluster, Now,
    acl::ResourceKind,
    answer::Answer,
    call::{Call, Pause},
    coordinator::CoordinatorKind,
    delayed::{Delayed, DelayedMember, Outcome},
    group::{Group, Joined, Reply, Synced, Ticket, Told, Waits},
    timers::Due,
};

impl Cluster {
    /// Whether the broker that is asked coordinates this group.
    pub(super) fn check_group_coordinator(
        &mut self,
        call: &Call,
        group: &str,
    ) -> Result<(), ErrorCode> {
        if let Some(code) = self.denial(call, ResourceKind::Group, group) {
            return Err(code);
        }
        let key = (CoordinatorKind::Group, group);
        self.check_coordinator(call.now, call.broker(), key)
    }

    /// The same, for requests that need a name.
    pub(super) fn check_named_group(&mut self, call: &Call, group: &str) -> Result<(), ErrorCode> {
        if let Some(code) = self.denial(call, ResourceKind::Group, group) {
            return Err(code);
        }
        if group.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.check_group_coordinator(call, group)
    }

    /// The group of this name; a new one without members, if there is none.
    pub(super) fn group_or_new(&mut self, name: &str) -> &mut Group {
        let coordinator = self
            .coordinators
            .of(CoordinatorKind::Group, name, &self.brokers);
        let loaded_by = coordinator.epoch;
        let group = self.groups.entry(name.to_owned());
        group.or_insert_with(|| Group {
            loaded_by,
            ..Group::default()
        })
    }

    pub(super) fn next_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Members of this group were told something: they are answered. The group is looked at again
    /// when something is due.
    pub(super) fn tell_members(&mut self, name: &str, told: Vec<Told>) {
        for Told { ticket, reply } in told {
            let waiting = self
                .blocked
                .values_mut()
                .find_map(|it| match &mut it.delayed {
                    Delayed::Member(member) if member.ticket == ticket => Some(member),
                    _ => None,
                });
            // Nobody waits any more if the connection is gone.
            if let Some(member) = waiting {
                member.reply = Some(reply);
            }
        }
        self.arm_group(name);
    }

    /// The answer to a member's request, if it is among what was told; the others get theirs.
    pub(super) fn answer_member(
        &mut self,
        call: &Call,
        pause: Pause,
        (name, ticket): (&str, Ticket),
        mut told: Vec<Told>,
    ) -> Outcome {
        let own = told.iter().position(|it| it.ticket == ticket);
        let own = own.map(|place| told.swap_remove(place).reply);
        self.tell_members(name, told);
        let member = DelayedMember {
            call: *call,
            pause,
            ticket,
            reply: own,
        };
        resume_member(Box::new(member))
    }

    /// Something of a group is due.
    pub(super) fn check_group(&mut self, now: Now, name: &str) {
        let coordinator = *self
            .coordinators
            .of(CoordinatorKind::Group, name, &self.brokers);
        let works = coordinator.broker.is_some_and(|id| self.brokers.is_up(id));
        let waits = self.group_waits();
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        group.timer = None;
        if !works {
            // It is looked at again when its coordinator is back, or another one has it.
            return;
        }
        if coordinator.check_loaded(now.instant).is_err() {
            if let Some(at) = coordinator.ready_at() {
                group.timer = Some(at);
                self.timers.set(at, Due::Group(name.to_owned()));
            }
            return;
        }
        let mut told = Vec::new();
        group.check(now.instant, waits, &mut told);
        self.tell_members(name, told);
    }

    /// Sets the timer of a group, unless one comes earlier.
    fn arm_group(&mut self, name: &str) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        let Some(at) = group.deadline() else {
            return;
        };
        if group.timer.is_none_or(|timer| at < timer) {
            group.timer = Some(at);
            self.timers.set(at, Due::Group(name.to_owned()));
        }
    }

    fn group_waits(&self) -> Waits {
        Waits {
            initial_delay: self.config.group_initial_rebalance_delay,
            session_timeout: self.config.group_session_timeout,
        }
    }

    /// Coordinators have changed: those who have groups now load them.
    pub(super) fn reload_groups(&mut self) {
        let Some(now) = self.last_seen else {
            return;
        };
        let waits = self.group_waits();
        let names: Vec<_> = self.groups.keys().cloned().collect();
        for name in names {
            let coordinator = self
                .coordinators
                .of(CoordinatorKind::Group, &name, &self.brokers);
            let epoch = coordinator.epoch;
            let mut told = Vec::new();
            if let Some(group) = self.groups.get_mut(&name) {
                // Looked at in any case: a broker that was frozen may be back.
                group.timer = None;
                if group.loaded_by != epoch {
                    group.loaded_by = epoch;
                    group.reload(now, waits, &mut told);
                }
            }
            self.tell_members(&name, told);
        }
    }
}

/// Answers a member, if the group has decided.
pub(super) fn resume_member(mut member: Box<DelayedMember>) -> Result<Answer, Delayed> {
    match member.reply.take() {
        Some(Reply::Joined(joined)) => Ok(member
            .call
            .answer::<JoinGroupRequest>(&joined_response(joined, member.pause))),
        Some(Reply::Synced(synced)) => Ok(member
            .call
            .answer::<SyncGroupRequest>(&synced_response(synced, member.pause))),
        None => Err(Delayed::Member(member)),
    }
}

fn joined_response(joined: Joined, pause: Pause) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|it| {
        JoinGroupResponseMember::default()
            .with_member_id(it.member_id)
            .with_group_instance_id(it.instance_id)
            .with_metadata(it.metadata)
    });
    JoinGroupResponse::default()
        .with_throttle_time_ms(pause.throttle_time_ms())
        .with_error_code(joined.error_code)
        .with_generation_id(joined.generation.unwrap_or(NO_GENERATION))
        .with_protocol_type(joined.protocol_type)
        .with_protocol_name(joined.protocol)
        .with_leader(joined.leader)
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(joined.member_id)
        .with_members(members.collect())
}

fn synced_response(synced: Synced, pause: Pause) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_throttle_time_ms(pause.throttle_time_ms())
        .with_error_code(synced.error_code)
        .with_protocol_type(synced.protocol_type)
        .with_protocol_name(synced.protocol)
        .with_assignment(synced.assignment)
}

const NO_GENERATION: i32 = -1;
