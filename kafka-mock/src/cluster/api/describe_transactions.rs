//! DescribeTransactions: what a coordinator knows of transactional ids (KIP-664).

use std::collections::BTreeMap;

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeTransactionsRequest, DescribeTransactionsResponse,
        describe_transactions::{TopicData, TransactionState},
    },
};

use super::{
    super::{
        coordinator::OFFSETS_TOPIC,
        transaction::{Participant, Transaction},
    },
    Call, Cluster, Outcome, Pause, Scripted, Target,
    list_transactions::state_of,
};

impl Cluster {
    pub(super) fn describe_transactions(
        &mut self,
        call: &Call,
        request: DescribeTransactionsRequest,
        pause: Pause,
    ) -> Outcome {
        let ids = request.transactional_ids.into_iter();
        let states = ids.map(|id| {
            let described = match self.described_transaction(call, &id) {
                Ok(transaction) => told(transaction),
                Err(code) => TransactionState::default().with_error_code(code),
            };
            described.with_transactional_id(id)
        });
        let response = DescribeTransactionsResponse::default()
            .with_transaction_states(states.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DescribeTransactionsRequest>(&response))
    }

    fn described_transaction(&mut self, call: &Call, id: &str) -> Result<&Transaction, ErrorCode> {
        if let Some(Scripted::Refuse(code) | Scripted::Misreport(code)) =
            self.scripted(call, Target::default())
        {
            return Err(code);
        }
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.check_transactional_id(call, id)?;
        let known = self.transactions.get(id);
        known.ok_or(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)
    }
}

fn told(transaction: &Transaction) -> TransactionState {
    let mut topics = BTreeMap::<&str, Vec<i32>>::new();
    for participant in transaction.participants() {
        let (topic, index) = match participant {
            Participant::Partition { topic, index } => (topic.as_str(), *index),
            Participant::Offsets(index) => (OFFSETS_TOPIC, *index),
        };
        topics.entry(topic).or_default().push(index);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        TopicData::default()
            .with_topic(topic.to_owned())
            .with_partitions(partitions)
    });
    let timeout_ms = transaction.timeout.as_millis();
    TransactionState::default()
        .with_transaction_state(state_of(transaction).to_owned())
        .with_transaction_timeout_ms(i32::try_from(timeout_ms).unwrap_or(i32::MAX))
        .with_transaction_start_time_ms(transaction.started_ms)
        .with_producer_id(transaction.producer_id)
        .with_producer_epoch(transaction.epoch)
        .with_topics(topics.collect())
}
