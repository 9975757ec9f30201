//! AddPartitionsToTxn: partitions join a transaction, all or none.
//!
//! Clients speak versions 0 to 3. Newer ones are between brokers, for several transactions at
//! once, and may only ask whether a partition has joined (KIP-890).

use kafka_wire::{
    ErrorCode,
    messages::{
        AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
        add_partitions_to_txn::{
            AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopic,
            AddPartitionsToTxnTopicResult, AddPartitionsToTxnTransaction,
        },
    },
};

use super::{
    super::{
        acl::ResourceKind,
        transaction::{Identity, Participant},
    },
    Call, Cluster, Outcome, Pause, Scripted, Target,
};

impl Cluster {
    pub(super) fn add_partitions_to_txn(
        &mut self,
        call: &Call,
        request: AddPartitionsToTxnRequest,
        pause: Pause,
    ) -> Outcome {
        let mut response =
            AddPartitionsToTxnResponse::default().with_throttle_time_ms(pause.throttle_time_ms());
        if call.version.number < FIRST_BETWEEN_BROKERS {
            let transaction = AddPartitionsToTxnTransaction::default()
                .with_transactional_id(request.v3_and_below_transactional_id)
                .with_producer_id(request.v3_and_below_producer_id)
                .with_producer_epoch(request.v3_and_below_producer_epoch)
                .with_verify_only(false)
                .with_topics(request.v3_and_below_topics);
            response.results_by_topic_v3_and_below = self.add_partitions(call, &transaction);
        } else {
            let results = request.transactions.iter().map(|transaction| {
                let topic_results = self.add_partitions(call, transaction);
                AddPartitionsToTxnResult::default()
                    .with_transactional_id(transaction.transactional_id.clone())
                    .with_topic_results(topic_results)
            });
            response.results_by_transaction = results.collect();
        }
        Ok(call.answer::<AddPartitionsToTxnRequest>(&response))
    }

    fn add_partitions(
        &mut self,
        call: &Call,
        asked: &AddPartitionsToTxnTransaction,
    ) -> Vec<AddPartitionsToTxnTopicResult> {
        let id = asked.transactional_id.as_str();
        let denied = self.denial(call, ResourceKind::TransactionalId, id);
        let mut scripts = Vec::new();
        for (topic, partition) in places(&asked.topics) {
            let target = Target {
                topic: Some(topic),
                partition: Some(partition),
            };
            let denied = denied.map(Scripted::Refuse);
            scripts.push(match denied.or_else(|| self.scripted(call, target)) {
                Some(Scripted::Misreport(code)) => (ErrorCode::NONE, code),
                Some(Scripted::Refuse(code)) => (code, code),
                None => {
                    let topic = self.topics.get(topic);
                    let known = topic.is_some_and(|topic| topic.partition(partition).is_some());
                    let code = match known {
                        true => ErrorCode::NONE,
                        false => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    };
                    (code, code)
                }
            });
        }
        let refused = scripts.iter().any(|(refusal, _)| !refusal.is_none());
        let code = match refused {
            true => ErrorCode::OPERATION_NOT_ATTEMPTED,
            false => self.add_or_verify(call, asked).err().unwrap_or_default(),
        };
        let code = call.fenced_before(FIRST_WITH_FENCED, code);
        let mut codes = scripts.into_iter();
        let results = asked.topics.iter().map(|topic| {
            let results = topic.partitions.iter().map(|&partition_index| {
                let told = codes.next().map(|(_, told)| told).unwrap_or_default();
                AddPartitionsToTxnPartitionResult::default()
                    .with_partition_index(partition_index)
                    .with_partition_error_code(if told.is_none() { code } else { told })
            });
            AddPartitionsToTxnTopicResult::default()
                .with_name(topic.name.clone())
                .with_results_by_partition(results.collect())
        });
        results.collect()
    }

    fn add_or_verify(
        &mut self,
        call: &Call,
        asked: &AddPartitionsToTxnTransaction,
    ) -> Result<(), ErrorCode> {
        let id = asked.transactional_id.as_str();
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.check_transactional_id(call, id)?;
        let by = Identity {
            id: asked.producer_id,
            epoch: asked.producer_epoch,
        };
        let participants = places(&asked.topics).map(|(topic, index)| Participant::Partition {
            topic: topic.to_owned(),
            index,
        });
        if !asked.verify_only {
            return self.add_to_transaction(call.now, id, by, participants);
        }
        let transaction = self.known_transaction(id)?;
        for participant in participants {
            transaction.verify(by, &participant)?;
        }
        Ok(())
    }
}

fn places(topics: &[AddPartitionsToTxnTopic]) -> impl Iterator<Item = (&str, i32)> {
    let topics = topics.iter();
    topics.flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|&partition| (topic.name.as_str(), partition))
    })
}

/// KIP-890.
const FIRST_BETWEEN_BROKERS: i16 = 4;
/// KIP-588.
const FIRST_WITH_FENCED: i16 = 2;
