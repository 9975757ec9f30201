//! Metadata: who the brokers are, and who leads which partition.
//!
//! A request for an unknown topic creates it and is answered `UNKNOWN_TOPIC_OR_PARTITION`; the next
//! request finds it, as in Kafka.

use kafka_wire::{
    ErrorCode,
    messages::{
        MetadataRequest, MetadataResponse,
        metadata::{
            MetadataRequestTopic, MetadataResponseBroker, MetadataResponsePartition,
            MetadataResponseTopic,
        },
    },
};

use super::{super::topic_name, BrokerId, Call, Cluster, Outcome, Partition, Pause, Target};

impl Cluster {
    pub(super) fn metadata(
        &mut self,
        call: &Call,
        request: MetadataRequest,
        pause: Pause,
    ) -> Outcome {
        let all = match &request.topics {
            None => true,
            Some(topics) => topics.is_empty() && call.version.number == 0,
        };
        let wanted = if all {
            self.every_topic(call)
        } else {
            request.topics.unwrap_or_default()
        };
        let auto_create = request.allow_auto_topic_creation && self.config.auto_create_topics;
        let topics = wanted
            .into_iter()
            .map(|topic| self.topic_metadata(call, topic, auto_create));
        let response = MetadataResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_topics(topics.collect())
            .with_brokers(self.broker_metadata())
            .with_cluster_id(Some(self.id.to_string()))
            .with_controller_id(self.controller().map_or(NO_BROKER, |id| id.0));
        Ok(call.answer::<MetadataRequest>(&response))
    }

    /// Every topic that who asks may see.
    fn every_topic(&self, call: &Call) -> Vec<MetadataRequestTopic> {
        let topic = |name: &str| MetadataRequestTopic::default().with_name(Some(name.to_owned()));
        let names = self.topics.names();
        let seen = names.filter(|name| self.denied_name(call, name).is_none());
        seen.map(topic).collect()
    }

    fn broker_metadata(&self) -> Vec<MetadataResponseBroker> {
        let brokers = self.brokers.listed().map(|(id, broker)| {
            MetadataResponseBroker::default()
                .with_node_id(id.0)
                .with_host(broker.host.clone())
                .with_port(i32::from(broker.port))
                .with_rack(broker.rack.clone())
        });
        brokers.collect()
    }

    fn topic_metadata(
        &mut self,
        call: &Call,
        asked: MetadataRequestTopic,
        auto_create: bool,
    ) -> MetadataResponseTopic {
        let name = asked.name.unwrap_or_default();
        let asked_by_id = name.is_empty();
        let found = self.named_topic(&name, asked.topic_id);
        let found = found.map(|(name, _)| name.to_owned());
        let known = found.as_deref().unwrap_or(&name);
        let mut answer = MetadataResponseTopic::default()
            .with_name(Some(known.to_owned()).filter(|name| !name.is_empty()))
            .with_topic_id(asked.topic_id);
        // Null is possible from version 12 on, for an id that is not known.
        if call.version.number < FIRST_WITH_NULL_NAME {
            answer.name.get_or_insert_default();
        }
        let target = Target {
            topic: Some(known),
            partition: None,
        };
        answer.error_code = self.as_scripted(call, target, |cluster| match &found {
            Ok(name) => {
                cluster.fill_topic(name, &mut answer);
                ErrorCode::NONE
            }
            Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => {
                let auto_create = auto_create.then(|| cluster.allows_creation(call, &name));
                cluster.unknown_name(&name, auto_create)
            }
            Err(code) => *code,
        });
        if asked_by_id && answer.error_code == ErrorCode::TOPIC_AUTHORIZATION_FAILED {
            // The id is no secret, the name is.
            answer.name = (call.version.number < FIRST_WITH_NULL_NAME).then(String::new);
        }
        answer
    }

    fn fill_topic(&self, name: &str, answer: &mut MetadataResponseTopic) {
        if let Some(topic) = self.topics.get(name) {
            let partitions = (0..).zip(&topic.partitions);
            answer.topic_id = topic.id;
            answer.partitions = partitions
                .map(|(index, it)| self.partition_metadata(index, it))
                .collect();
        }
    }

    /// Whether it is to be created, and if so, whether who asks may do that.
    fn unknown_name(&mut self, name: &str, auto_create: Option<bool>) -> ErrorCode {
        if auto_create == Some(false) {
            return ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        }
        if topic_name::problem_with(name).is_some() {
            return ErrorCode::INVALID_TOPIC_EXCEPTION;
        }
        if auto_create.is_some() {
            let config = self.config.topic(self.config.default_partitions);
            // It fails if too few brokers are alive; then the topic stays unknown.
            let _ = self.create_topic(name, config);
        }
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    }

    fn partition_metadata(&self, index: i32, partition: &Partition) -> MetadataResponsePartition {
        let numbers = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
        let dead = partition
            .replicas
            .iter()
            .filter(|id| !self.brokers.is_listed(**id));
        MetadataResponsePartition::default()
            .with_error_code(match partition.leader {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::LEADER_NOT_AVAILABLE,
            })
            .with_partition_index(index)
            .with_leader_id(partition.leader.map_or(NO_BROKER, |id| id.0))
            .with_leader_epoch(partition.leader_epoch)
            .with_replica_nodes(numbers(&partition.replicas))
            .with_isr_nodes(numbers(&partition.in_sync))
            .with_offline_replicas(dead.map(|id| id.0).collect())
    }
}

const NO_BROKER: i32 = -1;
const FIRST_WITH_NULL_NAME: i16 = 12;
