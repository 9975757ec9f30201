//! Before a transactional batch is appended, its transaction's coordinator is asked (KIP-890).
//!
//! Old clients have added the partition themselves, and the coordinator only confirms it; from
//! version 12 of Produce on it is added by this question. Once a batch of the transaction is in
//! the log, the coordinator is not asked any more: the log knows that the transaction is open.

use std::collections::BTreeMap;

use kafka_wire::{ErrorCode, messages::ProduceRequest, records::Attributes};

use super::{
    super::{
        CoordinatorKind, Defect, Now,
        acl::ResourceKind,
        producer_state::Start,
        transaction::{Identity, Participant},
        validate::Refusal,
    },
    Call, Cluster,
};

/// Partitions of a request, by their places in it, whose transaction is not what it should be.
pub(super) type Unverified = BTreeMap<(usize, usize), Refusal>;

/// What a client knows of verification, by the version it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    /// It does not know `TRANSACTION_ABORTABLE`.
    Old,
    KnowsAbortable,
    /// The broker adds the partition for it.
    IsAdded,
}

impl Client {
    pub(super) fn of_produce(version: i16) -> Self {
        match version {
            ..=10 => Self::Old,
            11 => Self::KnowsAbortable,
            _ => Self::IsAdded,
        }
    }

    pub(super) fn of_offset_commit(version: i16) -> Self {
        match version {
            ..=3 => Self::Old,
            4 => Self::KnowsAbortable,
            _ => Self::IsAdded,
        }
    }
}

/// What the first bytes of a transactional batch say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransactionalHeader {
    by: Identity,
    base_sequence: i32,
}

impl Cluster {
    /// What of a request may not be appended, as far as transactions are concerned.
    pub(super) fn verify(&mut self, call: &Call, request: &ProduceRequest) -> Unverified {
        let mut unverified = Unverified::new();
        let Some(id) = request.transactional_id.as_deref() else {
            return unverified;
        };
        if self.refusal_of(call, request).is_some() {
            return unverified;
        }
        for (n, topic) in request.topic_data.iter().enumerate() {
            let Ok((name, _)) = self.named_topic(&topic.name, topic.topic_id) else {
                continue;
            };
            if self.denial(call, ResourceKind::Topic, name).is_some() {
                continue;
            }
            let name = name.to_owned();
            for (m, asked) in topic.partition_data.iter().enumerate() {
                let batch = asked.records.as_deref().unwrap_or_default();
                let Some(header) = transactional_header(batch) else {
                    continue;
                };
                if let Err(refusal) = self.verify_one(call, id, (&name, asked.index), header) {
                    unverified.insert((n, m), refusal);
                }
            }
        }
        unverified
    }

    fn verify_one(
        &mut self,
        call: &Call,
        transactional_id: &str,
        (topic, index): (&str, i32),
        header: TransactionalHeader,
    ) -> Result<(), Refusal> {
        let broker = call.broker();
        let found = self.topics.get_mut(topic);
        let found = found.and_then(|topic| topic.partition_mut(index));
        let Some(partition) = found.filter(|partition| partition.leader == Some(broker)) else {
            // The append returns the error.
            return Ok(());
        };
        let TransactionalHeader { by, base_sequence } = header;
        if partition.producers.is_ongoing(by.id, by.epoch) {
            return Ok(());
        }
        let client = Client::of_produce(call.version.number);
        let start = match client {
            Client::IsAdded => Start::AtZero,
            Client::Old | Client::KnowsAbortable => Start::Anywhere,
        };
        partition
            .producers
            .expect(by.id, by.epoch, base_sequence, start);
        let asked = Participant::Partition {
            topic: topic.to_owned(),
            index,
        };
        self.ask_coordinator(call.now, transactional_id, by, asked, client)
    }

    /// Adds a participant to a transaction, or checks that it was added; the error is one that the
    /// client knows.
    pub(super) fn ask_coordinator(
        &mut self,
        now: Now,
        transactional_id: &str,
        by: Identity,
        asked: Participant,
        client: Client,
    ) -> Result<(), Refusal> {
        let answer = self.coordinator_says(now, transactional_id, by, asked, client);
        let code = match answer {
            Ok(()) => return Ok(()),
            Err(code) => code,
        };
        let unable = || {
            let message = "Unable to verify the partition has been added to the transaction";
            Refusal::new(ErrorCode::NOT_ENOUGH_REPLICAS, message)
        };
        Err(match code {
            ErrorCode::PRODUCER_FENCED if self.has_defect(Defect::AcceptOldEpoch) => return Ok(()),
            ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH.into(),
            ErrorCode::TRANSACTION_ABORTABLE if client == Client::Old => {
                let message = "Partition was not added to the transaction";
                Refusal::new(ErrorCode::INVALID_TXN_STATE, message)
            }
            ErrorCode::CONCURRENT_TRANSACTIONS if client < Client::IsAdded => unable(),
            ErrorCode::NETWORK_EXCEPTION
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::NOT_COORDINATOR => unable(),
            code => code.into(),
        })
    }

    fn coordinator_says(
        &mut self,
        now: Now,
        transactional_id: &str,
        by: Identity,
        asked: Participant,
        client: Client,
    ) -> Result<(), ErrorCode> {
        let kind = CoordinatorKind::Transaction;
        let coordinator = self.coordinator(kind, transactional_id);
        let coordinator = coordinator.ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)?;
        if !self.brokers.is_up(coordinator) {
            return Err(ErrorCode::NETWORK_EXCEPTION);
        }
        self.check_coordinator(now, coordinator, (kind, transactional_id))?;
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        if client == Client::IsAdded {
            return self.add_to_transaction(now, transactional_id, by, [asked]);
        }
        self.known_transaction(transactional_id)?.verify(by, &asked)
    }
}

/// The producer and the sequence of a batch, if it claims to be transactional.
pub(super) fn transactional_header(batch: &[u8]) -> Option<TransactionalHeader> {
    let header = batch.first_chunk::<HEADER_BYTES>()?;
    let short = |at: usize| i16::from_be_bytes([header[at], header[at + 1]]);
    let attributes = Attributes::from_bits(short(ATTRIBUTES_AT));
    if header[MAGIC_AT] != MAGIC || !attributes.is_transactional() {
        return None;
    }
    let int = |at: usize| i32::from_be_bytes(std::array::from_fn(|n| header[at + n]));
    let by = Identity {
        id: i64::from_be_bytes(std::array::from_fn(|n| header[PRODUCER_ID_AT + n])),
        epoch: short(PRODUCER_EPOCH_AT),
    };
    Some(TransactionalHeader {
        by,
        base_sequence: int(BASE_SEQUENCE_AT),
    })
}

/// Where a batch says what it is, and whose.
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;
const ATTRIBUTES_AT: usize = 21;
const PRODUCER_ID_AT: usize = 43;
const PRODUCER_EPOCH_AT: usize = 51;
const BASE_SEQUENCE_AT: usize = 53;
const HEADER_BYTES: usize = 57;
