//! CreateTopics: every topic by itself; on any broker, as if it were the controller.

use std::collections::BTreeMap;

use kafka_wire::{
    ErrorCode,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse,
        create_topics::{CreatableTopic, CreatableTopicConfigs, CreatableTopicResult},
        describe_configs::DescribeConfigsResourceResult,
    },
};

use super::{
    super::{
        AclOperation, BrokerId, ClusterError, TopicConfig,
        admin::PARTITIONS_MAX,
        partition::Partition,
        topic_config::{Given, Settings},
    },
    Call, Cluster, Outcome, Pause, Target,
    authorize::topic_named,
};

/// A code with its explanation.
pub(super) type Refused = (ErrorCode, String);

impl Cluster {
    pub(super) fn create_topics(
        &mut self,
        call: &Call,
        request: CreateTopicsRequest,
        pause: Pause,
    ) -> Outcome {
        let mut counts = BTreeMap::new();
        for topic in &request.topics {
            *counts.entry(topic.name.clone()).or_insert(0) += 1;
        }
        let mut topics = Vec::new();
        let once = request.topics.iter().filter(|it| counts[&it.name] == 1);
        let many = asks_for_too_many(once, self.config.default_partitions);
        for asked in &request.topics {
            match counts.remove(&asked.name) {
                None => {}
                Some(1) if many => topics.push(
                    CreatableTopicResult::default()
                        .with_name(asked.name.clone())
                        .with_error_code(ErrorCode::POLICY_VIOLATION)
                        .with_error_message(Some(TOO_MANY.to_owned())),
                ),
                Some(1) => topics.push(self.create_one(call, asked, request.validate_only)),
                Some(_) => topics.push(
                    CreatableTopicResult::default()
                        .with_name(asked.name.clone())
                        .with_error_code(ErrorCode::INVALID_REQUEST)
                        .with_error_message(Some("Duplicate topic name.".to_owned())),
                ),
            }
        }
        let response = CreateTopicsResponse::default()
            .with_topics(topics)
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<CreateTopicsRequest>(&response))
    }

    fn create_one(
        &mut self,
        call: &Call,
        asked: &CreatableTopic,
        validate_only: bool,
    ) -> CreatableTopicResult {
        let mut result = CreatableTopicResult::default()
            .with_name(asked.name.clone())
            .with_error_message(None);
        let target = Target {
            topic: Some(&asked.name),
            partition: None,
        };
        result.error_code = self.as_scripted(call, target, |cluster| {
            match cluster.create_as_asked(asked, validate_only) {
                Ok((config, settings)) => {
                    result.num_partitions = config.partitions;
                    result.replication_factor = config.replication_factor;
                    let settings = cluster.topic_settings(&settings);
                    result.configs = Some(settings.into_iter().map(told).collect());
                    ErrorCode::NONE
                }
                Err((code, message)) => {
                    result.error_message = Some(message);
                    code
                }
            }
        });
        if result.error_code == ErrorCode::TOPIC_AUTHORIZATION_FAILED {
            // Nothing is told of a topic that there may be.
            return result;
        }
        let created = self.topics.get(&asked.name);
        result.topic_id = created.map(|topic| topic.id).unwrap_or_default();
        let settings = AclOperation::DescribeConfigs;
        if result.error_code.is_none() && !self.allows(call, settings, topic_named(&asked.name)) {
            result.topic_config_error_code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
            (result.num_partitions, result.replication_factor) = (-1, -1);
            result.configs = Some(Vec::new());
        }
        result
    }

    fn create_as_asked(
        &mut self,
        asked: &CreatableTopic,
        validate_only: bool,
    ) -> Result<(TopicConfig, Given), Refused> {
        let (config, settings) = self.config_as_asked(asked)?;
        self.may_create(&asked.name, &config).map_err(refused)?;
        if validate_only {
            return Ok((config, settings));
        }
        self.create_topic(&asked.name, config.clone())
            .map_err(refused)?;
        if let Some(topic) = self.topics.get_mut(&asked.name) {
            topic.settings.clone_from(&settings);
            for assignment in &asked.assignments {
                let replicas = assignment
                    .broker_ids
                    .iter()
                    .map(|&id| BrokerId(id))
                    .collect();
                if let Some(partition) = topic.partition_mut(assignment.partition_index) {
                    *partition = Partition::new(replicas, &self.brokers);
                }
            }
        }
        Ok((config, settings))
    }

    fn config_as_asked(&self, asked: &CreatableTopic) -> Result<(TopicConfig, Given), Refused> {
        let mut settings = Settings::of(self.config.topic(self.config.default_partitions));
        let config = settings.config_mut();
        if asked.num_partitions != DEFAULT {
            config.partitions = asked.num_partitions;
        }
        if asked.replication_factor != DEFAULT as i16 {
            config.replication_factor = asked.replication_factor;
        }
        for setting in &asked.configs {
            let Some(value) = &setting.value else {
                let message = format!(
                    "Null value not supported for topic configs: {}",
                    setting.name
                );
                return Err((ErrorCode::INVALID_CONFIG, message));
            };
            settings
                .set(&setting.name, value)
                .map_err(|message| (ErrorCode::INVALID_CONFIG, message))?;
        }
        if !asked.assignments.is_empty() {
            self.check_assignments(asked)?;
            let config = settings.config_mut();
            config.partitions = asked.assignments.len() as i32;
            config.replication_factor = asked.assignments[0].broker_ids.len() as i16;
        }
        Ok(settings.into_parts())
    }

    /// Partitions 0 and on, each on the same number of different brokers that exist.
    fn check_assignments(&self, asked: &CreatableTopic) -> Result<(), Refused> {
        if asked.num_partitions != DEFAULT || asked.replication_factor != DEFAULT as i16 {
            let message = "partitions are assigned: their number and replicas must both be -1";
            return Err((ErrorCode::INVALID_REQUEST, message.to_owned()));
        }
        let refuse =
            |message: &str| Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, message.to_owned()));
        let mut indexes: Vec<_> = asked
            .assignments
            .iter()
            .map(|it| it.partition_index)
            .collect();
        indexes.sort_unstable();
        if !indexes.into_iter().eq(0..asked.assignments.len() as i32) {
            return refuse("partitions must be numbered from 0, each once");
        }
        let replicas = asked.assignments[0].broker_ids.len();
        for assignment in &asked.assignments {
            self.check_replicas(&assignment.broker_ids, replicas)?;
        }
        Ok(())
    }

    /// So many different brokers that exist.
    pub(super) fn check_replicas(&self, ids: &[i32], replicas: usize) -> Result<(), Refused> {
        let refuse =
            |message: &str| Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, message.to_owned()));
        let mut brokers = ids.to_vec();
        brokers.sort_unstable();
        brokers.dedup();
        if brokers.is_empty() || brokers.len() != ids.len() {
            return refuse("a partition needs replicas, each on another broker");
        }
        if brokers.len() != replicas {
            return refuse("all partitions must have the same number of replicas");
        }
        let known = |id: &i32| self.brokers.get(BrokerId(*id)).is_some();
        if !brokers.iter().all(known) {
            return refuse("a replica is assigned to a broker that does not exist");
        }
        Ok(())
    }
}

/// Whether all topics together would have as many partitions as no request may create, as with Kafka:
/// to add just so many is allowed.
fn asks_for_too_many<'a>(topics: impl Iterator<Item = &'a CreatableTopic>, default: i32) -> bool {
    let partitions = topics.map(|topic| {
        let given = match topic.num_partitions {
            DEFAULT => default,
            given => given.max(0),
        };
        match topic.assignments.len() {
            0 => i64::from(given),
            assigned => assigned as i64,
        }
    });
    partitions.sum::<i64>() >= i64::from(PARTITIONS_MAX)
}

/// All but what a setting falls back to.
fn told(setting: DescribeConfigsResourceResult) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(setting.name)
        .with_value(setting.value)
        .with_read_only(setting.read_only)
        .with_config_source(setting.config_source)
        .with_is_sensitive(setting.is_sensitive)
}

pub(super) fn refused(error: ClusterError) -> Refused {
    let code = match &error {
        ClusterError::UnknownTopic { .. } => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ClusterError::TopicExists { .. } => ErrorCode::TOPIC_ALREADY_EXISTS,
        ClusterError::InvalidTopicName { .. } => ErrorCode::INVALID_TOPIC_EXCEPTION,
        ClusterError::Partitions { .. } => ErrorCode::INVALID_PARTITIONS,
        ClusterError::Replicas { .. } => ErrorCode::INVALID_REPLICATION_FACTOR,
        ClusterError::TooManyPartitions { .. } => ErrorCode::POLICY_VIOLATION,
        _ => ErrorCode::UNKNOWN_SERVER_ERROR,
    };
    (code, error.to_string())
}

const TOO_MANY: &str = "Excessively large number of partitions per request.";
/// The cluster's default is wanted.
const DEFAULT: i32 = -1;
