//! DescribeConfigs: of topics what they have, of brokers what topics inherit.

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs::{
            DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
        },
    },
};

use super::{
    super::{BrokerId, topic_config},
    Call, Cluster, Outcome, Pause, Target,
};

/// Name, value, and where the value comes from.
type Setting = (String, String, i8);

impl Cluster {
    pub(super) fn describe_configs(
        &mut self,
        call: &Call,
        request: DescribeConfigsRequest,
        pause: Pause,
    ) -> Outcome {
        let results = request
            .resources
            .into_iter()
            .map(|it| self.describe_one(call, it));
        let response = DescribeConfigsResponse::default()
            .with_results(results.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DescribeConfigsRequest>(&response))
    }

    fn describe_one(
        &mut self,
        call: &Call,
        asked: DescribeConfigsResource,
    ) -> DescribeConfigsResult {
        let DescribeConfigsResource {
            resource_type,
            resource_name,
            configuration_keys,
            ..
        } = asked;
        let mut settings = Vec::new();
        let target = Target {
            topic: Some(&resource_name),
            partition: None,
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            let found = match resource_type {
                TOPIC => cluster.topic_settings(&resource_name),
                BROKER => cluster.broker_settings(&resource_name),
                _ => Err(ErrorCode::INVALID_REQUEST),
            };
            found
                .map(|found| settings = found)
                .err()
                .unwrap_or_default()
        });
        let wanted = |(name, ..): &Setting| {
            configuration_keys
                .as_ref()
                .is_none_or(|keys| keys.contains(name))
        };
        DescribeConfigsResult::default()
            .with_error_code(error_code)
            .with_error_message(None)
            .with_resource_type(resource_type)
            .with_resource_name(resource_name)
            .with_configs(settings.into_iter().filter(wanted).map(told).collect())
    }

    fn topic_settings(&self, name: &str) -> Result<Vec<Setting>, ErrorCode> {
        let topic = self
            .topics
            .get(name)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let acting = topic_config::list(&topic.config);
        let others = topic.settings.iter();
        let others = others.filter(|(name, _)| acting.iter().all(|(known, _)| known != name));
        let others =
            others.map(|(name, value)| (name.clone(), value.clone(), DYNAMIC_TOPIC_CONFIG));
        let settings = acting.iter().map(|(name, value)| {
            let (value, source) = match topic.settings.get(*name) {
                Some(given) => (given, DYNAMIC_TOPIC_CONFIG),
                None => (value, DEFAULT_CONFIG),
            };
            ((*name).to_owned(), value.clone(), source)
        });
        Ok(settings.chain(others).collect())
    }

    fn broker_settings(&self, name: &str) -> Result<Vec<Setting>, ErrorCode> {
        // An empty name stands for the defaults of all brokers.
        let known = name
            .parse()
            .is_ok_and(|id| self.brokers.get(BrokerId(id)).is_some());
        if !known && !name.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let config = &self.config;
        let settings = [
            (
                "auto.create.topics.enable",
                config.auto_create_topics.to_string(),
            ),
            (
                "default.replication.factor",
                config.default_replication_factor.to_string(),
            ),
            ("message.max.bytes", config.message_max_bytes.to_string()),
            (
                "min.insync.replicas",
                config.min_insync_replicas.to_string(),
            ),
            ("num.partitions", config.default_partitions.to_string()),
            (
                "producer.id.expiration.ms",
                config.producer_id_expiration.as_millis().to_string(),
            ),
            (
                "socket.request.max.bytes",
                config.request_max_bytes.to_string(),
            ),
        ];
        let settings = settings.into_iter();
        Ok(settings
            .map(|(name, value)| (name.to_owned(), value, STATIC_BROKER_CONFIG))
            .collect())
    }
}

fn told((name, value, config_source): Setting) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(name)
        .with_value(Some(value))
        .with_config_source(config_source)
        .with_documentation(None)
}

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const DYNAMIC_TOPIC_CONFIG: i8 = 1;
const STATIC_BROKER_CONFIG: i8 = 4;
const DEFAULT_CONFIG: i8 = 5;
