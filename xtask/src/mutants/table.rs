//! The mutants: one wrong decision each, where it is taken.
//!
//! A text must occur exactly once in its file. When the code changes, the mutant changes with it;
//! the test at the end holds both together.

use anyhow::{Result, ensure};

/// One wrong decision.
pub(super) struct Mutant {
    pub(super) name: &'static str,
    /// What should be seen to break.
    pub(super) breaks: &'static str,
    pub(super) file: &'static str,
    /// The kinds of faults under which it shows; none: it shows when nothing goes wrong.
    pub(super) faults: Faults,
    from: &'static str,
    to: &'static str,
}

impl Mutant {
    /// The text of its file, with the wrong decision.
    pub(super) fn applied_to(&self, sound: &str) -> Result<String> {
        let times = sound.matches(self.from).count();
        ensure!(
            times == 1,
            "{} has {times} times, not once: {}",
            self.file,
            self.from
        );
        Ok(sound.replace(self.from, self.to))
    }
}

/// Kinds of faults, by the names that the simulation has for them.
pub(super) type Faults = &'static [&'static str];

/// How the brokers of the model can lie, what that breaks, and under which faults it shows.
pub(super) const DEFECTS: [(&str, &str, Faults); 10] = [
    ("AckBeforeAppend", "acknowledged is in the log", &[]),
    (
        "AckBeforeReplication",
        "acknowledged is in the log",
        &["Kill"],
    ),
    ("WrongOffset", "acknowledged is in the log", &[]),
    ("AcceptAnySequence", "nothing is there twice", &["Swallow"]),
    (
        "AcceptOldEpoch",
        "transactions are all or nothing",
        &["Rival"],
    ),
    (
        "ForgetProducers",
        "nothing is there twice",
        &["MoveLeader", "Swallow"],
    ),
    ("LoseTail", "acknowledged is in the log", &["MoveLeader"]),
    ("ForgetAbortMarker", "transactions are all or nothing", &[]),
    ("CommitAborted", "transactions are all or nothing", &[]),
    (
        "ForgetOffsets",
        "offsets are committed with their transaction",
        &[],
    ),
];

const ANSWER: &str = "kafka-producer/src/engine/answer.rs";
const ABSORB: &str = "kafka-producer/src/engine/absorb.rs";
const ATTEND: &str = "kafka-producer/src/engine/attend.rs";
const BACKOFF: &str = "kafka-producer/src/engine/backoff.rs";
const CONNECT: &str = "kafka-producer/src/engine/connect.rs";
const DISPATCH: &str = "kafka-producer/src/engine/dispatch.rs";
const EXPIRATION: &str = "kafka-producer/src/engine/expiration.rs";
const INQUIRY: &str = "kafka-producer/src/engine/inquiry.rs";
const LANE: &str = "kafka-producer/src/engine/lane.rs";
const REMEMBERED: &str = "kafka-producer/src/engine/remembered.rs";
const METADATA: &str = "kafka-producer/src/engine/metadata.rs";
const NODE: &str = "kafka-producer/src/engine/node.rs";
const REQUESTS: &str = "kafka-producer/src/engine/transaction/requests.rs";
const SPLIT: &str = "kafka-producer/src/engine/split.rs";
const VERDICT: &str = "kafka-producer/src/engine/verdict.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a retry gets another sequence",
        breaks: "when the faults stop, everything goes on",
        file: DISPATCH,
        faults: &["Swallow"],
        from: "            base_sequence: slot.sequence,\n",
        to: "            base_sequence: slot.sequence + i32::from(slot.attempts > 1),\n",
    },
    Mutant {
        name: "a timeout counts as delivered",
        breaks: "acknowledged is in the log",
        file: VERDICT,
        faults: &["Swallow", "Misreport"],
        from: "ErrorCode::REQUEST_TIMED_OUT => Verdict::Retry(NotNeeded, Possible)",
        to: "ErrorCode::REQUEST_TIMED_OUT => Verdict::DeliverWithoutOffset",
    },
    Mutant {
        name: "what was tried is said not to be there",
        breaks: "not persisted is not in the log",
        file: ANSWER,
        faults: &["Silence"],
        from: "let ambiguous = slot.ambiguity != Ambiguity::None || in_flight;",
        to: "let ambiguous = slot.ambiguity != Ambiguity::None && in_flight;",
    },
    Mutant {
        name: "an abort is a commit",
        breaks: "transactions are all or nothing",
        file: REQUESTS,
        faults: &[],
        from: "            committed: end == End::Commit,\n",
        to: "            committed: end == End::Commit || end == End::Abort,\n",
    },
    Mutant {
        name: "the end does not wait for batches",
        breaks: "transactions are all or nothing",
        file: REQUESTS,
        faults: &["Refuse"],
        from: "let end = drained.then_some(Ask::End(*how));",
        to: "let end = (drained || *how == End::Commit).then_some(Ask::End(*how));",
    },
    Mutant {
        name: "the end does not wait for offsets",
        breaks: "offsets are committed with their transaction",
        file: REQUESTS,
        faults: &["MoveCoordinator", "Obstruct"],
        from: "                self.next_addition().or(end)\n",
        to: "                end.or_else(|| self.next_addition())\n",
    },
    Mutant {
        name: "offsets go without their member",
        breaks: "offsets are committed with their transaction",
        file: REQUESTS,
        faults: &["Rebalance"],
        from: "generation_id: group.generation,\n            member_id: group.member_id,",
        to: "generation_id: -1,\n            member_id: String::new(),",
    },
    Mutant {
        name: "partitions are not added",
        breaks: "when the faults stop, everything goes on",
        file: REQUESTS,
        faults: &[],
        from: "            if !partitions.is_empty() {\n",
        to: "            if partitions.len() > 1_000 {\n",
    },
    Mutant {
        name: "the window is one wider",
        breaks: "the window is kept",
        file: DISPATCH,
        faults: &[],
        from: "if in_flight.produce() >= self.settings.max_in_flight {",
        to: "if in_flight.produce() > self.settings.max_in_flight {",
    },
    Mutant {
        name: "a broken sequence goes on",
        breaks: "when the faults stop, everything goes on",
        file: LANE,
        faults: &["Stall", "Freeze"],
        from: "            Numbering::Running { producer, next } => {\n                self.numbering = Numbering::Broken {",
        to: "            Numbering::Running { .. } if of == of => {}\n            Numbering::Running { producer, next } => {\n                self.numbering = Numbering::Broken {",
    },
    Mutant {
        name: "the first batch goes in company",
        breaks: "order is the order of send",
        file: LANE,
        faults: &["Refuse"],
        from: "self.writer(identity).is_none_or(remembered)",
        to: "self.writer(identity).is_none_or(remembered) || true",
    },
    Mutant {
        name: "nothing expires",
        breaks: "every record ends within delivery.timeout.ms",
        file: ATTEND,
        faults: &["Freeze"],
        from: "Timer::Expiry(lane) => self.expire_lane(lane),",
        to: "Timer::Expiry(_) => {}",
    },
    Mutant {
        name: "a failure keeps its memory",
        breaks: "memory is bounded by buffer.memory, and given back",
        file: ANSWER,
        faults: &["Refuse"],
        from: "        self.doom(|| AbortableError::Delivery(error.clone()));\n        self.end(batch, fate);\n",
        to: "        self.doom(|| AbortableError::Delivery(error.clone()));\n        std::mem::forget(Arc::clone(&batch));\n        self.end(batch, fate);\n",
    },
    Mutant {
        name: "a split loses its second half",
        breaks: "acknowledged is in the log",
        file: SPLIT,
        faults: &[],
        from: "Some(vec![piece(front)?, piece(back)?])",
        to: "Some(vec![piece(front)?, piece(&records[..back.len().min(front.len())])?])",
    },
    Mutant {
        name: "a topic made anew has old epochs",
        breaks: "when the faults stop, everything goes on",
        file: LANE,
        faults: &["RecreateTopic", "MoveLeader"],
        from: "        self.leader_epoch = -1;\n        self.begin_anew(self.next_serial);\n",
        to: "        self.begin_anew(self.next_serial);\n",
    },
    Mutant {
        name: "a deposed leader is believed",
        breaks: "not persisted is not in the log",
        file: VERDICT,
        faults: &["MoveLeader", "Freeze", "Stall"],
        from: "            Append::NotExcluded => Verdict::Retry(Needed, Possible),\n",
        to: "            Append::NotExcluded => Verdict::Retry(Needed, Refused),\n",
    },
    Mutant {
        name: "metadata are asked for once",
        breaks: "when the faults stop, everything goes on",
        file: CONNECT,
        faults: &["Swallow", "CutAll"],
        from: "                self.metadata_failed();\n",
        to: "",
    },
    Mutant {
        name: "a flush forgets what is on its way",
        breaks: "flush waits for everything",
        file: ATTEND,
        faults: &[],
        from: "            lane.queue.seal_open();\n            let held = undecided.len();\n",
        to: "            lane.queue.seal_open();\n            undecided.clear();\n            let held = undecided.len();\n",
    },
    Mutant {
        name: "failures are not counted",
        breaks: "the close report is what happened",
        file: ANSWER,
        faults: &["Freeze"],
        from: "Persistence::NotPersisted => self.tally.failed += u64::from(records),",
        to: "Persistence::NotPersisted => self.tally.failed += u64::from(records > 1_000),",
    },
    Mutant {
        name: "what a leader knows never ages",
        breaks: "order is the order of send",
        file: REMEMBERED,
        faults: &["Lull", "Refuse"],
        from: "last.producer.id == producer.id && memory.keeps(last.append))",
        to: "last.producer.id == producer.id && (memory.keeps(last.append) || true))",
    },
    Mutant {
        name: "a record dated back is young",
        breaks: "nothing is there twice",
        file: EXPIRATION,
        faults: &["Swallow", "CutAll"],
        from: "wall_ms.saturating_sub(last.timestamp_ms)",
        to: "wall_ms.saturating_sub(last.timestamp_ms).min(0)",
    },
    Mutant {
        name: "an attempt that is too old is repeated",
        breaks: "nothing is there twice",
        file: LANE,
        faults: &["Swallow", "CutAll"],
        from: "return self.has_lapsed(memory).then_some(Next::MayBeForgotten);",
        to: "return self.oldest_created().is_none().then_some(Next::MayBeForgotten);",
    },
    Mutant {
        name: "a request without an answer never arrives",
        breaks: "nothing is there twice",
        file: LANE,
        faults: &["SlowDown", "CutOne"],
        from: "&& memory.may_still_arrive(stray.given_up)",
        to: "&& !memory.may_still_arrive(stray.given_up)",
    },
    Mutant {
        name: "what a forgetful broker lacks is not there",
        breaks: "nothing is there twice",
        file: INQUIRY,
        faults: &["SlowDown"],
        from: "Place::Next if lapsed && lane.slots[position].ambiguity == Ambiguity::Adrift => {",
        to: "Place::Next if lapsed && lane.slots[position].attempts > 1_000_000 => {",
    },
    Mutant {
        name: "a broker that asks for a pause gets batches",
        breaks: "a pause that was asked for is kept",
        file: DISPATCH,
        faults: &["Throttle"],
        from: "if node.lanes.is_empty() || node.silent_until().is_some() {",
        to: "if node.lanes.is_empty() {",
    },
    Mutant {
        name: "a shorter pause ends a longer one",
        breaks: "a pause that was asked for is kept",
        file: NODE,
        faults: &["Throttle"],
        from: "let until = before.max(now + time);",
        to: "let until = now + time;",
    },
    Mutant {
        name: "a question is not held back",
        breaks: "a pause that was asked for is kept",
        file: NODE,
        faults: &["Throttle"],
        from: "                silence.held_back.push(outgoing);\n                None\n",
        to: "                let _ = &silence.held_back;\n                Some(outgoing)\n",
    },
    Mutant {
        name: "who was forgotten may be disturbed",
        breaks: "a pause that was asked for is kept",
        file: ABSORB,
        faults: &["Throttle", "Rebootstrap"],
        from: "            node.resume(left, self.now);\n",
        to: "            let _ = (left, Node::resume);\n",
    },
    Mutant {
        name: "the next question does not wait",
        breaks: "nobody asks more often than there is reason to",
        file: METADATA,
        faults: &["MoveLeader", "Refuse"],
        from: ".then(|| self.pace.earliest(now))",
        to: ".then_some(now)",
    },
    Mutant {
        name: "the pause between questions does not grow",
        breaks: "nobody asks more often than there is reason to",
        file: BACKOFF,
        faults: &["Rebootstrap"],
        from: "        self.failures = self.failures.saturating_add(1);\n",
        to: "        self.failures = self.failures.max(1);\n",
    },
    Mutant {
        name: "what is missing is new",
        breaks: "nobody asks more often than there is reason to",
        file: METADATA,
        faults: &["Kill", "MoveLeader"],
        from: "            self.missing.insert(Arc::clone(topic));\n        }\n    }\n",
        to: "            self.missing.insert(Arc::clone(topic));\n            self.new.insert(Arc::clone(topic));\n        }\n    }\n",
    },
    Mutant {
        name: "what was forgotten is new",
        breaks: "nobody asks more often than there is reason to",
        file: METADATA,
        faults: &["Deny"],
        from: ".is_none_or(|until| until <= now)",
        to: ".is_none_or(|_| true)",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_has_its_place_in_the_code() {
        for mutant in MUTANTS {
            let file = crate::shell::workspace().join(mutant.file);
            let sound = std::fs::read_to_string(&file).unwrap();
            let broken = mutant.applied_to(&sound);
            let broken = broken.unwrap_or_else(|error| panic!("{}: {error}", mutant.name));
            assert_ne!(broken, sound, "{}", mutant.name);
        }
    }

    #[test]
    fn every_kind_of_fault_is_one_that_the_simulation_has() {
        let file = "kafka-producer/tests/simulation/faults/mod.rs";
        let kinds = std::fs::read_to_string(crate::shell::workspace().join(file)).unwrap();
        let of_mutants = MUTANTS.iter().flat_map(|mutant| mutant.faults);
        let of_defects = DEFECTS.iter().flat_map(|(_, _, faults)| *faults);
        for fault in of_mutants.chain(of_defects) {
            assert!(kinds.contains(&format!("(Self::{fault}, ")), "{fault}");
        }
    }
}
