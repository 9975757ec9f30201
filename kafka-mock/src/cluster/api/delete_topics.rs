//! DeleteTopics: by name, or by id from version 6 on.

use kafka_wire::{
    ErrorCode,
    messages::{
        DeleteTopicsRequest, DeleteTopicsResponse,
        delete_topics::{DeletableTopicResult, DeleteTopicState},
    },
};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn delete_topics(
        &mut self,
        call: &Call,
        request: DeleteTopicsRequest,
        pause: Pause,
    ) -> Outcome {
        let named = request
            .topic_names
            .into_iter()
            .map(|name| DeleteTopicState::default().with_name(Some(name)));
        let asked = named.chain(request.topics);
        let responses = asked.map(|topic| self.delete_one(call, topic)).collect();
        let response = DeleteTopicsResponse::default()
            .with_responses(responses)
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DeleteTopicsRequest>(&response))
    }

    fn delete_one(&mut self, call: &Call, asked: DeleteTopicState) -> DeletableTopicResult {
        let DeleteTopicState { name, topic_id, .. } = asked;
        let found = self.named_topic(name.as_deref().unwrap_or_default(), topic_id);
        let found = found.map(|(name, topic)| (name.to_owned(), topic.id));
        let known = found.as_ref().ok().map(|(name, _)| name.as_str());
        let target = Target {
            topic: known.or(name.as_deref()),
            partition: None,
        };
        let error_code = self.as_scripted(call, target, |cluster| match &found {
            Ok((name, _)) => match cluster.delete_topic(name) {
                Ok(()) => ErrorCode::NONE,
                Err(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            },
            Err(code) => *code,
        });
        let (known_name, known_id) = found.map_or((None, topic_id), |(name, id)| (Some(name), id));
        DeletableTopicResult::default()
            .with_name(known_name.or(name))
            .with_topic_id(known_id)
            .with_error_code(error_code)
            .with_error_message(None)
    }
}
