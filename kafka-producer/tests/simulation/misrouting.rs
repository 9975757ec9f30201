//! Addresses that lead to each other's brokers for a while, and the promise that no record is sent to a broker
//! that is not the one that was meant (KIP-1242).
//!
//! As in `logins.rs`, which plans have that is decided apart: the stories of the other seeds stay as they are.

use std::time::Duration;

use bytes::Bytes;
use kafka_wire::ApiKey;
use kafka_wire::ErrorCode;

use crate::faults::{FaultKind, Relief, Spared};
use crate::network::LinkId;
use crate::plan::{FIRST_PORT, Plan};
use crate::reading::Asked;
use crate::world::{Event, World};

/// Every seventh seed.
const EACH: u64 = 7;
const REMAINDER: u64 = 3;

impl Plan {
    /// Lets addresses be exchanged, if it is the turn of this seed.
    pub(crate) fn exchange_addresses(&mut self) {
        if self.seed % EACH != REMAINDER || self.cluster.brokers < 2 {
            return;
        }
        let random = &mut fastrand::Rng::with_seed(self.seed ^ 0x4d15);
        for (_, kind) in &mut self.faults {
            if random.u32(..4) == 0 {
                *kind = FaultKind::Misroute;
            }
        }
    }
}

impl World {
    /// The addresses of two brokers lead to each other's; mostly their connections end with that.
    pub(crate) fn misroute(&mut self) -> Result<(), Spared> {
        if self.plan.cluster.brokers < 2 {
            return Err(Spared::NoOtherBroker);
        }
        let one = self.any_broker();
        let mut others: Vec<_> = self.cluster.brokers().filter(|id| *id != one).collect();
        self.random.shuffle(&mut others);
        let other = others[0];
        let port = |id: i32| FIRST_PORT + id as u16 - 1;
        let (a, b) = (port(one.0), port(other.0));
        let detours = &mut self.ailments.detours;
        if detours.contains_key(&a) || detours.contains_key(&b) {
            return Err(Spared::AlreadyThere);
        }
        detours.insert(a, b);
        detours.insert(b, a);
        self.ground
            .trace
            .tell("network", || format!("leads to {other} instead of {one}"));
        if self.random.u32(..4) > 0 {
            for broker in [one, other] {
                for link in self.links_of(broker) {
                    self.cut(link);
                }
            }
        }
        let time = self.some_time(Duration::from_millis(20), Duration::from_millis(2_500));
        let back = self.now() + time;
        self.agenda.push(back, Event::Relief(Relief::Way(a, b)));
        Ok(())
    }

    pub(crate) fn restore_way(&mut self, a: u16, b: u16) {
        self.ailments.detours.remove(&a);
        self.ailments.detours.remove(&b);
    }

    /// Counts the brokers that say that they are others than those that were meant.
    pub(crate) fn note_misrouted(&mut self, asked: Option<Asked>, frame: &Bytes) {
        let is_greeting = asked.is_some_and(|asked| asked.api() == ApiKey::API_VERSIONS);
        let code = frame.get(8..).and_then(|frame| frame.first_chunk());
        let code = code.map(|code| ErrorCode(i16::from_be_bytes(*code)));
        if is_greeting && code == Some(ErrorCode::REBOOTSTRAP_REQUIRED) {
            self.counts.misrouted += 1;
        }
    }

    /// No record is sent to a broker that is not the one that was meant.
    pub(crate) fn check_way(&self, id: LinkId, frame: &[u8]) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        if let Some(broker) = link.broker
            && Asked::of(frame).api() == ApiKey::PRODUCE
            && link.node.0 != broker.0
        {
            let story = format!("records for {} are sent to {broker}", link.node);
            self.ground
                .broken("records go to whom they are meant for", story);
        }
    }
}
