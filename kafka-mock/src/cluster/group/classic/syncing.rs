//! Members ask for their assignments, and the one who leads brings them.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use kafka_wire::ErrorCode;

use super::{
    super::{
        claim::{Claim, check_generation},
        classic_member::Waits,
        reply::{Synced, Ticket, Told},
    },
    ClassicGroup, State,
};

/// A member that asks for its assignment, or brings those of all.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Sync<'a> {
    pub(in crate::cluster) ticket: Ticket,
    pub(in crate::cluster) claim: Claim<'a>,
    pub(in crate::cluster) protocol_type: Option<&'a str>,
    pub(in crate::cluster) protocol: Option<&'a str>,
    pub(in crate::cluster) assignments: BTreeMap<&'a str, Bytes>,
}

impl ClassicGroup {
    /// A member asks for its assignment; if it leads, it brings those of all.
    pub(in crate::cluster) fn sync(&mut self, now: Instant, sync: Sync<'_>, told: &mut Vec<Told>) {
        let Sync { ticket, claim, .. } = sync;
        if let Err(code) = self.check_sync(&sync) {
            return told.push(Told::synced(ticket, Synced::refused(code)));
        }
        let id = claim.member_id;
        if let State::CompletingRebalance(syncing) | State::Stable(syncing) = &mut self.state {
            syncing.missing.remove(id);
        }
        let stable = matches!(self.state, State::Stable(_));
        let synced = self.synced(id, ErrorCode::NONE);
        let leads = self.leader.as_deref() == Some(id);
        if let Some(member) = self.member_mut(id) {
            match stable {
                true => told.push(Told::synced(ticket, synced)),
                false => member.waits = Waits::ForAssignment(ticket),
            }
        }
        if leads && !stable {
            for member in &mut self.members {
                let assignment = sync.assignments.get(member.id.as_str());
                member.assignment = assignment.cloned().unwrap_or_default();
            }
            self.tell_assignments(now, ErrorCode::NONE, told);
            if let State::CompletingRebalance(syncing) = &self.state {
                self.state = State::Stable(syncing.clone());
            }
            self.store();
        }
    }

    pub(super) fn check_sync(&self, sync: &Sync<'_>) -> Result<(), ErrorCode> {
        check_generation(self.known(sync.claim))?;
        let differs = |theirs: Option<&str>, ours: &Option<String>| {
            theirs.is_some_and(|theirs| ours.as_deref() != Some(theirs))
        };
        if differs(sync.protocol_type, &self.protocol_type)
            || differs(sync.protocol, &self.protocol)
        {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        match self.state {
            State::PreparingRebalance(_) => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            _ => Ok(()),
        }
    }

    pub(super) fn check_syncing(&mut self, now: Instant, told: &mut Vec<Told>) {
        let (State::CompletingRebalance(syncing) | State::Stable(syncing)) = &self.state else {
            return;
        };
        if syncing.missing.is_empty() || syncing.ends.is_none_or(|ends| ends > now) {
            return;
        }
        for id in syncing.missing.clone() {
            self.remove(&id);
        }
        self.prepare(now, told);
    }

    pub(super) fn synced(&self, id: &str, error_code: ErrorCode) -> Synced {
        let member = self.members.iter().find(|it| it.id == id);
        let names = error_code.is_none();
        Synced {
            error_code,
            protocol_type: self.protocol_type.clone().filter(|_| names),
            protocol: self.protocol.clone().filter(|_| names),
            assignment: member.map(|it| it.assignment.clone()).unwrap_or_default(),
        }
    }

    /// Answers those who wait for an assignment.
    pub(super) fn tell_assignments(&mut self, now: Instant, code: ErrorCode, told: &mut Vec<Told>) {
        let ids: Vec<_> = self.members.iter().map(|it| it.id.clone()).collect();
        for id in ids {
            let synced = self.synced(&id, code);
            if let Some(member) = self.member_mut(&id)
                && let Waits::ForAssignment(ticket) = member.waits
            {
                member.waits = Waits::No;
                member.seen(now);
                told.push(Told::synced(ticket, synced));
            }
        }
    }
}
