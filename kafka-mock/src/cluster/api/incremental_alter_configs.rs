//! IncrementalAlterConfigs: single settings of topics are set, deleted, appended to or subtracted
//! from; all changes of a topic, or none (KIP-339).

use std::collections::BTreeSet;

use kafka_wire::{
    ErrorCode,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs::{
            AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig,
        },
    },
};

use super::{
    super::{topic_config::Settings, topic_name, topic_setting},
    Call, Cluster, Outcome, Pause, Target,
    create_topics::Refused,
};

impl Cluster {
    pub(super) fn incremental_alter_configs(
        &mut self,
        call: &Call,
        request: IncrementalAlterConfigsRequest,
        pause: Pause,
    ) -> Outcome {
        let named = |it: &AlterConfigsResource| (it.resource_type, it.resource_name.clone());
        let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for resource in &request.resources {
            if !once.insert(named(resource)) {
                twice.insert(named(resource));
            }
        }
        let resources = request.resources.iter().map(|asked| {
            let answered = match twice.contains(&named(asked)) {
                true => Err(invalid("Each resource must appear at most once.")),
                false => Ok(()),
            };
            self.alter_one(call, asked, answered, request.validate_only)
        });
        let response = IncrementalAlterConfigsResponse::default()
            .with_responses(resources.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<IncrementalAlterConfigsRequest>(&response))
    }

    fn alter_one(
        &mut self,
        call: &Call,
        asked: &AlterConfigsResource,
        answered: Result<(), Refused>,
        validate_only: bool,
    ) -> AlterConfigsResourceResponse {
        let mut explained = None;
        let target = Target {
            topic: (asked.resource_type == TOPIC).then_some(asked.resource_name.as_str()),
            partition: None,
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            let altered = answered.and_then(|()| cluster.alter_as_asked(asked, validate_only));
            match altered {
                Ok(()) => ErrorCode::NONE,
                Err((code, message)) => {
                    explained = Some(message);
                    code
                }
            }
        });
        AlterConfigsResourceResponse::default()
            .with_error_code(error_code)
            .with_error_message(explained)
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name.clone())
    }

    /// Checks in Kafka's order: the request, the settings, and last whether there is such a topic.
    fn alter_as_asked(
        &mut self,
        asked: &AlterConfigsResource,
        validate_only: bool,
    ) -> Result<(), Refused> {
        check_changes(&asked.configs)?;
        if asked.resource_type != TOPIC {
            return Err(invalid("only settings of topics can be changed here"));
        }
        let name = asked.resource_name.as_str();
        let defaults = Settings::of(self.config.topic(1));
        let known = self.topics.get(name);
        let mut settings = match known {
            Some(topic) => Settings::new(topic.config.clone(), topic.settings.clone()),
            None => defaults.clone(),
        };
        if name.is_empty() {
            return Err(invalid("Default topic resources are not allowed."));
        }
        if let Some(reason) = topic_name::problem_with(name) {
            return Err((ErrorCode::INVALID_TOPIC_EXCEPTION, reason.to_owned()));
        }
        for change in &asked.configs {
            alter(&mut settings, &defaults, change)
                .map_err(|message| (ErrorCode::INVALID_CONFIG, message))?;
        }
        let Some(topic) = self.topics.get_mut(name) else {
            let message = format!("The topic '{name}' does not exist.");
            return Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message));
        };
        if !validate_only {
            (topic.config, topic.settings) = settings.into_parts();
            self.recheck_all();
        }
        Ok(())
    }
}

/// Each setting once, with an operation that there is, and with a value where it needs one.
fn check_changes(changes: &[AlterableConfig]) -> Result<(), Refused> {
    let mut seen = BTreeSet::new();
    for AlterableConfig {
        name,
        config_operation,
        value,
        ..
    } in changes
    {
        if !seen.insert(name) {
            return Err(invalid("Error due to duplicate config keys"));
        }
        if !(SET..=SUBTRACT).contains(config_operation) {
            let message = format!("Unknown operation {config_operation}");
            return Err((ErrorCode::UNKNOWN_SERVER_ERROR, message));
        }
        if value.is_none() && *config_operation != DELETE {
            return Err(invalid(format!("Null value not supported for : {name}")));
        }
    }
    Ok(())
}

fn alter(
    settings: &mut Settings,
    defaults: &Settings,
    change: &AlterableConfig,
) -> Result<(), String> {
    let (name, operation) = (change.name.as_str(), change.config_operation);
    let value = change.value.as_deref().unwrap_or_default();
    match operation {
        DELETE => return settings.unset(name, defaults),
        SET => return settings.set(name, value),
        _ => {}
    }
    if topic_setting::find(name).is_some_and(|it| !it.is_list()) {
        let verb = if operation == APPEND {
            "APPEND"
        } else {
            "SUBTRACT"
        };
        return Err(format!(
            "Can't {verb} to key {name} because its type is not LIST."
        ));
    }
    let current = settings.value(name);
    let mut parts: Vec<_> = current.split(',').filter(|it| !it.is_empty()).collect();
    for part in value.split(',') {
        match operation {
            APPEND if parts.contains(&part) => {}
            APPEND => parts.push(part),
            _ => parts.retain(|it| *it != part),
        }
    }
    let value = parts.join(",");
    settings.set(name, &value)
}

fn invalid(message: impl Into<String>) -> Refused {
    (ErrorCode::INVALID_REQUEST, message.into())
}

/// `ConfigResource.Type.TOPIC`.
const TOPIC: i8 = 2;
/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;
