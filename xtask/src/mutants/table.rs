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

/// How the brokers of the model can lie, and what that breaks.
pub(super) const DEFECTS: [(&str, &str); 10] = [
    ("AckBeforeAppend", "acknowledged is in the log"),
    ("AckBeforeReplication", "acknowledged is in the log"),
    ("WrongOffset", "acknowledged is in the log"),
    ("AcceptAnySequence", "nothing is there twice"),
    ("AcceptOldEpoch", "transactions are all or nothing"),
    ("ForgetProducers", "nothing is there twice"),
    ("LoseTail", "acknowledged is in the log"),
    ("ForgetAbortMarker", "transactions are all or nothing"),
    ("CommitAborted", "transactions are all or nothing"),
    (
        "ForgetOffsets",
        "offsets are committed with their transaction",
    ),
];

const ANSWER: &str = "kafka-producer/src/engine/answer.rs";
const ATTEND: &str = "kafka-producer/src/engine/attend.rs";
const CONNECT: &str = "kafka-producer/src/engine/connect.rs";
const DISPATCH: &str = "kafka-producer/src/engine/dispatch.rs";
const LANE: &str = "kafka-producer/src/engine/lane.rs";
const REQUESTS: &str = "kafka-producer/src/engine/transaction/requests.rs";
const SPLIT: &str = "kafka-producer/src/engine/split.rs";
const VERDICT: &str = "kafka-producer/src/engine/verdict.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a retry gets another sequence",
        breaks: "when the faults stop, everything goes on",
        file: DISPATCH,
        from: "            base_sequence: slot.sequence,\n",
        to: "            base_sequence: slot.sequence + i32::from(slot.attempts > 1),\n",
    },
    Mutant {
        name: "a timeout counts as delivered",
        breaks: "acknowledged is in the log",
        file: VERDICT,
        from: "ErrorCode::REQUEST_TIMED_OUT => Verdict::Retry(NotNeeded, Possible)",
        to: "ErrorCode::REQUEST_TIMED_OUT => Verdict::DeliverWithoutOffset",
    },
    Mutant {
        name: "what was tried is said not to be there",
        breaks: "not persisted is not in the log",
        file: ANSWER,
        from: "let ambiguous = slot.ambiguity != Ambiguity::None || in_flight;",
        to: "let ambiguous = slot.ambiguity != Ambiguity::None && in_flight;",
    },
    Mutant {
        name: "an abort is a commit",
        breaks: "transactions are all or nothing",
        file: REQUESTS,
        from: "            committed: end == End::Commit,\n",
        to: "            committed: end == End::Commit || end == End::Abort,\n",
    },
    Mutant {
        name: "the end does not wait for batches",
        breaks: "transactions are all or nothing",
        file: REQUESTS,
        from: "let end = drained.then_some(Ask::End(*how));",
        to: "let end = (drained || *how == End::Commit).then_some(Ask::End(*how));",
    },
    Mutant {
        name: "the end does not wait for offsets",
        breaks: "offsets are committed with their transaction",
        file: REQUESTS,
        from: "                self.next_addition().or(end)\n",
        to: "                end.or_else(|| self.next_addition())\n",
    },
    Mutant {
        name: "partitions are not added",
        breaks: "when the faults stop, everything goes on",
        file: REQUESTS,
        from: "            if !partitions.is_empty() {\n",
        to: "            if partitions.len() > 1_000 {\n",
    },
    Mutant {
        name: "the window is one wider",
        breaks: "the window is kept",
        file: DISPATCH,
        from: "if in_flight.produce() >= self.settings.max_in_flight {",
        to: "if in_flight.produce() > self.settings.max_in_flight {",
    },
    Mutant {
        name: "a broken sequence goes on",
        breaks: "when the faults stop, everything goes on",
        file: LANE,
        from: "            Numbering::Running { producer, next } => {\n                self.numbering = Numbering::Broken {",
        to: "            Numbering::Running { .. } if of == of => {}\n            Numbering::Running { producer, next } => {\n                self.numbering = Numbering::Broken {",
    },
    Mutant {
        name: "the first batch goes in company",
        breaks: "order is the order of send",
        file: LANE,
        from: "!identity.is_needed() || identity.producer().is_none_or(known)",
        to: "!identity.is_needed() || identity.producer().is_none_or(known) || true",
    },
    Mutant {
        name: "nothing expires",
        breaks: "every record ends within delivery.timeout.ms",
        file: ATTEND,
        from: "Timer::Expiry(lane) => self.expire_lane(lane),",
        to: "Timer::Expiry(_) => {}",
    },
    Mutant {
        name: "a failure keeps its memory",
        breaks: "memory is bounded by buffer.memory, and given back",
        file: ANSWER,
        from: "        self.doom(|| AbortableError::Delivery(error.clone()));\n        self.end(slot.batch, Fate::Failed(error));\n",
        to: "        self.doom(|| AbortableError::Delivery(error.clone()));\n        std::mem::forget(Arc::clone(&slot.batch));\n        self.end(slot.batch, Fate::Failed(error));\n",
    },
    Mutant {
        name: "a split loses its second half",
        breaks: "acknowledged is in the log",
        file: SPLIT,
        from: "Some(vec![piece(front)?, piece(back)?])",
        to: "Some(vec![piece(front)?, piece(&records[..back.len().min(front.len())])?])",
    },
    Mutant {
        name: "a topic made anew has old epochs",
        breaks: "when the faults stop, everything goes on",
        file: LANE,
        from: "            self.leader_epoch = -1;\n",
        to: "",
    },
    Mutant {
        name: "a deposed leader is believed",
        breaks: "not persisted is not in the log",
        file: VERDICT,
        from: "        | ErrorCode::UNKNOWN_TOPIC_ID => Verdict::Retry(Needed, Possible),\n",
        to: "        | ErrorCode::UNKNOWN_TOPIC_ID => Verdict::Retry(Needed, Refused),\n",
    },
    Mutant {
        name: "metadata are asked for once",
        breaks: "when the faults stop, everything goes on",
        file: CONNECT,
        from: "                self.metadata_failed();\n",
        to: "",
    },
    Mutant {
        name: "a flush forgets what is on its way",
        breaks: "flush waits for everything",
        file: ATTEND,
        from: "            lane.queue.seal_open();\n            let held = undecided.len();\n",
        to: "            lane.queue.seal_open();\n            undecided.clear();\n            let held = undecided.len();\n",
    },
    Mutant {
        name: "failures are not counted",
        breaks: "the close report is what happened",
        file: ANSWER,
        from: "Persistence::NotPersisted => self.tally.failed += u64::from(records),",
        to: "Persistence::NotPersisted => self.tally.failed += u64::from(records > 1_000),",
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
}
