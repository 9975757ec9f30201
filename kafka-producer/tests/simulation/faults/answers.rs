//! Answers that are refusals, come late, not at all, or are not what was asked.

use std::time::Duration;

use bytes::Bytes;
use kafka_mock::cluster::{Effect, Fault, When};
use kafka_wire::{ApiKey, ErrorCode};

use super::{FaultKind, Spared, ms};
use crate::mangling::Mangling;
use crate::network::Link;
use crate::world::{Event, World};

impl World {
    pub(super) fn send_garbage(&mut self) -> Result<(), Spared> {
        let link = self.any_link()?;
        if self.links.get(&link).is_none_or(Link::is_amid_an_answer) {
            return Err(Spared::AmidAnAnswer);
        }
        let length = self.random.usize(..20) as u32;
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend((0..length).map(|_| self.random.u8(..)));
        if let Some(first) = bytes.get_mut(4) {
            // No number that was asked, or the next answer would be taken for another's.
            *first |= 0x80;
        }
        self.ground.trace.tell("network", || "garbage is sent");
        let at = self.now();
        self.agenda
            .push(at, Event::ToClient(link, Bytes::from(bytes)));
        Ok(())
    }

    /// The next answers are not what they should be.
    pub(super) fn plan_mangling(&mut self) {
        for _ in 0..self.random.u32(1..4) {
            let mangling = Mangling::any(&mut self.random);
            self.ailments.manglings.push_back(mangling);
        }
    }

    /// Faults that the model knows itself.
    pub(super) fn inject(&mut self, kind: FaultKind) -> Result<(), Spared> {
        let times = self.random.u32(1..5);
        let when = match self.random.bool() {
            true => When::BeforeHandling,
            false => When::AfterHandling,
        };
        let old = !self.plan.cluster.version_caps.is_empty();
        let random = &mut self.random;
        let fault = match kind {
            FaultKind::Refuse => Fault::refuse(one_of(random, &REFUSALS)),
            FaultKind::Misreport => Fault::misreport(one_of(random, &[7, 20, 56])),
            FaultKind::Swallow if random.u32(..3) == 0 => Fault::cut(random.usize(..64)),
            FaultKind::Swallow => Fault::disconnect(when),
            FaultKind::Delay => Fault::delay(when, ms(random.u64(5..1_500))),
            FaultKind::Silence => Fault::new(Effect::Silence(when)),
            FaultKind::Throttle => Fault::throttle(pause(random)),
            FaultKind::Rebootstrap if old => return Err(Spared::WrongVersions),
            FaultKind::Rebootstrap => Fault::rebootstrap(),
            FaultKind::Deny => denial(random),
            _ => obstruction(random),
        };
        let fault = match kind {
            FaultKind::Swallow | FaultKind::Delay if random.bool() => fault.api(ApiKey::PRODUCE),
            _ => fault,
        };
        let effect = fault.effect();
        if kind == FaultKind::Deny
            && let Effect::Refuse(code) = effect
        {
            self.ailments.denied.insert(code);
        }
        self.ground
            .trace
            .tell("cluster", || format!("{effect:?}, {times} times"));
        self.cluster.inject(fault.times(times).tagged(kind as u32));
        Ok(())
    }
}

fn one_of(random: &mut fastrand::Rng, codes: &[i16]) -> ErrorCode {
    ErrorCode(codes[random.usize(..codes.len())])
}

/// Mostly short, now and then longer than a request may take.
fn pause(random: &mut fastrand::Rng) -> Duration {
    match random.u32(..4) {
        0 => ms(random.u64(1_000..4_000)),
        _ => ms(random.u64(1..400)),
    }
}

/// Questions beside Produce that are refused or not answered.
fn obstruction(random: &mut fastrand::Rng) -> Fault {
    const OBSTRUCTIONS: [(ApiKey, &[i16]); 8] = [
        (ApiKey::INIT_PRODUCER_ID, &[14, 15, 16, 51]),
        (ApiKey::METADATA, &[3, 5]),
        (ApiKey::FIND_COORDINATOR, &[15]),
        (ApiKey::ADD_PARTITIONS_TO_TXN, &[14, 15, 16, 51]),
        (ApiKey::ADD_OFFSETS_TO_TXN, &[14, 15, 16, 51]),
        (ApiKey::TXN_OFFSET_COMMIT, &[14, 15, 16, 7]),
        (ApiKey::END_TXN, &[14, 15, 16, 51]),
        (ApiKey::DESCRIBE_PRODUCERS, &[3, 6, 29]),
    ];
    let (api, codes) = OBSTRUCTIONS[random.usize(..OBSTRUCTIONS.len())];
    match random.u32(..4) {
        0 => Fault::disconnect(When::BeforeHandling).api(api),
        1 => Fault::disconnect(When::AfterHandling).api(api),
        _ => Fault::refuse(ErrorCode(codes[random.usize(..codes.len())])).api(api),
    }
}

/// A right that is missing, or a state that cannot be: nothing of it is worth another try.
fn denial(random: &mut fastrand::Rng) -> Fault {
    const DENIALS: [(ApiKey, &[i16]); 8] = [
        (ApiKey::PRODUCE, &[29, 31, 53]),
        (ApiKey::INIT_PRODUCER_ID, &[31, 53]),
        (ApiKey::METADATA, &[29, 17]),
        (ApiKey::FIND_COORDINATOR, &[53]),
        (ApiKey::ADD_PARTITIONS_TO_TXN, &[29, 53]),
        (ApiKey::ADD_OFFSETS_TO_TXN, &[30, 53]),
        (ApiKey::TXN_OFFSET_COMMIT, &[12, 22, 25, 28, 29, 30, 53]),
        (ApiKey::END_TXN, &[53]),
    ];
    let (api, codes) = DENIALS[random.usize(..DENIALS.len())];
    Fault::refuse(one_of(random, codes)).api(api)
}

/// Most of them worth a retry, some final.
const REFUSALS: [i16; 15] = [2, 3, 5, 6, 14, 19, 56, 74, 75, 89, 100, -1, 17, 44, 87];
