//! CreatePartitions: every topic by itself; on any broker, as if it were the controller.

use std::collections::BTreeMap;

use kafka_wire::{
    ErrorCode,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse,
        create_partitions::{CreatePartitionsTopic, CreatePartitionsTopicResult},
    },
};

use super::{
    super::{BrokerId, admin::PARTITIONS_MAX, partition::Partition},
    Call, Cluster, Outcome, Pause, Target,
    create_topics::{Refused, refused},
};

impl Cluster {
    pub(super) fn create_partitions(
        &mut self,
        call: &Call,
        request: CreatePartitionsRequest,
        pause: Pause,
    ) -> Outcome {
        let mut counts = BTreeMap::new();
        for topic in &request.topics {
            *counts.entry(topic.name.clone()).or_insert(0) += 1;
        }
        let mut results = Vec::new();
        let once = request.topics.iter().filter(|it| counts[&it.name] == 1);
        let many = self.grows_by_too_many(once);
        for asked in &request.topics {
            match counts.remove(&asked.name) {
                None => {}
                Some(1) if many => results.push(
                    CreatePartitionsTopicResult::default()
                        .with_name(asked.name.clone())
                        .with_error_code(ErrorCode::POLICY_VIOLATION)
                        .with_error_message(Some(TOO_MANY.to_owned())),
                ),
                Some(1) => results.push(self.grow_one(call, asked, request.validate_only)),
                Some(_) => results.push(
                    CreatePartitionsTopicResult::default()
                        .with_name(asked.name.clone())
                        .with_error_code(ErrorCode::INVALID_REQUEST)
                        .with_error_message(Some("Duplicate topic name.".to_owned())),
                ),
            }
        }
        let response = CreatePartitionsResponse::default()
            .with_results(results)
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<CreatePartitionsRequest>(&response))
    }

    /// Whether all topics together would get more partitions than a request may create.
    fn grows_by_too_many<'a>(
        &self,
        topics: impl Iterator<Item = &'a CreatePartitionsTopic>,
    ) -> bool {
        let added = topics.map(|asked| {
            let present = self.partitions(&asked.name);
            let added = present.map(|it| i64::from(asked.count) - i64::from(it));
            added.unwrap_or(0).max(0)
        });
        added.sum::<i64>() > i64::from(PARTITIONS_MAX)
    }

    fn grow_one(
        &mut self,
        call: &Call,
        asked: &CreatePartitionsTopic,
        validate_only: bool,
    ) -> CreatePartitionsTopicResult {
        let mut explained = None;
        let target = Target {
            topic: Some(&asked.name),
            partition: None,
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            match cluster.grow_as_asked(asked, validate_only) {
                Ok(()) => ErrorCode::NONE,
                Err((code, message)) => {
                    explained = Some(message);
                    code
                }
            }
        });
        CreatePartitionsTopicResult::default()
            .with_name(asked.name.clone())
            .with_error_code(error_code)
            .with_error_message(explained)
    }

    fn grow_as_asked(
        &mut self,
        asked: &CreatePartitionsTopic,
        validate_only: bool,
    ) -> Result<(), Refused> {
        let first_new = self.topic(&asked.name).map_err(refused)?.config.partitions;
        if asked.count == first_new {
            let message = format!("Topic already has {first_new} partition(s).");
            return Err((ErrorCode::INVALID_PARTITIONS, message));
        }
        self.may_grow(&asked.name, asked.count).map_err(refused)?;
        self.check_new_assignments(asked)?;
        if validate_only {
            return Ok(());
        }
        self.grow_topic(&asked.name, asked.count).map_err(refused)?;
        let assignments = asked.assignments.iter().flatten();
        for (index, assignment) in (first_new..).zip(assignments) {
            let replicas = assignment.broker_ids.iter().map(|&id| BrokerId(id));
            let placed = Partition::new(replicas.collect(), &self.brokers);
            let topic = self.topics.get_mut(&asked.name);
            if let Some(partition) = topic.and_then(|topic| topic.partition_mut(index)) {
                *partition = placed;
            }
        }
        Ok(())
    }

    /// As many as there are new partitions, each of as many replicas as the others have.
    fn check_new_assignments(&self, asked: &CreatePartitionsTopic) -> Result<(), Refused> {
        let Some(assignments) = &asked.assignments else {
            return Ok(());
        };
        let topic = self.topic(&asked.name).map_err(refused)?;
        let added = usize::try_from(asked.count - topic.config.partitions).unwrap_or(0);
        if assignments.len() != added {
            let given = assignments.len();
            let message = format!("{given} assignments are not those of {added} new partitions");
            return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        let replicas = usize::try_from(topic.config.replication_factor).unwrap_or(0);
        for assignment in assignments {
            self.check_replicas(&assignment.broker_ids, replicas)?;
        }
        Ok(())
    }
}

const TOO_MANY: &str = "Excessively large number of additional partitions per request.";
