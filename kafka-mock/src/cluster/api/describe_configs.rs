//! DescribeConfigs: of topics every setting that Kafka has, of a broker those that can be chosen here;
//! each with its type, where its value comes from, and what it falls back to. What a setting does is not told.

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs::{
            DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
            DescribeConfigsSynonym,
        },
    },
};

use super::{
    super::{
        BrokerId, ClusterConfig, UncleanElection,
        topic_config::Given,
        topic_name,
        topic_setting::{self, TopicSetting},
    },
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn describe_configs(
        &mut self,
        call: &Call,
        request: DescribeConfigsRequest,
        pause: Pause,
    ) -> Outcome {
        let resources = request.resources.into_iter();
        let results = resources.map(|it| {
            let mut result = self.describe_one(call, it);
            if !request.include_synonyms {
                for setting in &mut result.configs {
                    setting.synonyms.clear();
                }
            }
            result
        });
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
            topic: (resource_type == TOPIC).then_some(resource_name.as_str()),
            partition: None,
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            let found = match resource_type {
                TOPIC => cluster.settings_of_topic(&resource_name),
                BROKER => cluster.settings_of_broker(call.broker(), &resource_name),
                _ => Err(ErrorCode::INVALID_REQUEST),
            };
            found
                .map(|found| settings = found)
                .err()
                .unwrap_or_default()
        });
        let wanted = configuration_keys.unwrap_or_default();
        settings.retain(|it| wanted.is_empty() || wanted.contains(&it.name));
        DescribeConfigsResult::default()
            .with_error_code(error_code)
            .with_error_message(None)
            .with_resource_type(resource_type)
            .with_resource_name(resource_name)
            .with_configs(settings)
    }

    fn settings_of_topic(
        &self,
        name: &str,
    ) -> Result<Vec<DescribeConfigsResourceResult>, ErrorCode> {
        if topic_name::problem_with(name).is_some() {
            return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
        }
        let topic = self.topics.get(name);
        let topic = topic.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        Ok(self.topic_settings(&topic.settings))
    }

    /// Every setting of a topic that was given these.
    pub(super) fn topic_settings(&self, given: &Given) -> Vec<DescribeConfigsResourceResult> {
        let settings = topic_setting::all().map(|setting| {
            let own = given.get(setting.name);
            let own = own.map(|value| synonym(setting.name, value, DYNAMIC_TOPIC_CONFIG));
            let mut synonyms = Vec::from_iter(own);
            if let Some(of_brokers) = setting.of_brokers {
                synonyms.extend(self.synonyms_of_broker(of_brokers, setting.default));
            }
            told(setting, synonyms)
        });
        settings.collect()
    }

    /// What can be chosen of a broker, which tells of itself only.
    fn settings_of_broker(
        &self,
        broker: BrokerId,
        name: &str,
    ) -> Result<Vec<DescribeConfigsResourceResult>, ErrorCode> {
        // An empty name stands for what was changed for all brokers at run time: nothing.
        if name.is_empty() {
            return Ok(Vec::new());
        }
        if name.parse() != Ok(broker.0) {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let settings = BROKER_SETTINGS.iter().map(|setting| {
            let synonyms = self.synonyms_of_broker(setting.name, setting.default);
            first_of(synonyms, setting.default)
                .with_name(setting.name.to_owned())
                .with_read_only(setting.change == Change::AtStart)
                .with_config_type(setting.type_number)
        });
        Ok(settings.collect())
    }

    /// What a broker was started with, if that differs from Kafka's default, and that.
    fn synonyms_of_broker(&self, name: &str, default: &str) -> Vec<DescribeConfigsSynonym> {
        let known = BROKER_SETTINGS.iter().find(|it| it.name == name);
        let own = known.map(|it| (it.value)(&self.config));
        let own = own.filter(|value| value != default);
        let own = own.map(|value| synonym(name, &value, STATIC_BROKER_CONFIG));
        let default = synonym(name, default, DEFAULT_CONFIG);
        own.into_iter().chain([default]).collect()
    }
}

fn told(
    setting: &TopicSetting,
    synonyms: Vec<DescribeConfigsSynonym>,
) -> DescribeConfigsResourceResult {
    first_of(synonyms, setting.default)
        .with_name(setting.name.to_owned())
        .with_config_type(setting.type_number())
}

/// The first that is set counts.
fn first_of(synonyms: Vec<DescribeConfigsSynonym>, default: &str) -> DescribeConfigsResourceResult {
    let (value, source) = match synonyms.first() {
        Some(first) => (first.value.clone(), first.source),
        None => (Some(default.to_owned()), DEFAULT_CONFIG),
    };
    DescribeConfigsResourceResult::default()
        .with_value(value)
        .with_config_source(source)
        .with_synonyms(synonyms)
        .with_documentation(None)
}

fn synonym(name: &str, value: &str, source: i8) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(name.to_owned())
        .with_value(Some(value.to_owned()))
        .with_source(source)
}

/// A setting of brokers that can be chosen here, with Kafka's default.
struct BrokerSetting {
    name: &'static str,
    type_number: i8,
    default: &'static str,
    change: Change,
    value: fn(&ClusterConfig) -> String,
}

/// When a broker's setting can be changed in Kafka.
#[derive(PartialEq, Eq)]
enum Change {
    AtStart,
    AtAnyTime,
}

const fn setting(
    name: &'static str,
    type_number: i8,
    default: &'static str,
    change: Change,
    value: fn(&ClusterConfig) -> String,
) -> BrokerSetting {
    BrokerSetting {
        name,
        type_number,
        default,
        change,
        value,
    }
}

#[rustfmt::skip]
static BROKER_SETTINGS: [BrokerSetting; 8] = [
    setting("auto.create.topics.enable", BOOLEAN, "true", Change::AtStart, |it| it.auto_create_topics.to_string()),
    setting("default.replication.factor", INT, "1", Change::AtStart, |it| it.default_replication_factor.to_string()),
    setting("message.max.bytes", INT, "1048588", Change::AtAnyTime, |it| it.message_max_bytes.to_string()),
    setting("min.insync.replicas", INT, "1", Change::AtAnyTime, |it| it.min_insync_replicas.to_string()),
    setting("num.partitions", INT, "1", Change::AtStart, |it| it.default_partitions.to_string()),
    setting("producer.id.expiration.ms", INT, "86400000", Change::AtAnyTime, |it| it.producer_id_expiration.as_millis().to_string()),
    setting("socket.request.max.bytes", INT, "104857600", Change::AtStart, |it| it.request_max_bytes.to_string()),
    setting("unclean.leader.election.enable", BOOLEAN, "false", Change::AtAnyTime, |it| (it.unclean_election == UncleanElection::Allowed).to_string()),
];

/// `ConfigResource.Type`.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// `DescribeConfigsResponse.ConfigSource`.
const DYNAMIC_TOPIC_CONFIG: i8 = 1;
const STATIC_BROKER_CONFIG: i8 = 4;
const DEFAULT_CONFIG: i8 = 5;
/// `DescribeConfigsResponse.ConfigType`.
const BOOLEAN: i8 = 1;
const INT: i8 = 3;
