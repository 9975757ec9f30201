//! ConsumerGroupHeartbeat: a member joins, is alive, leaves, and learns what it may read (KIP-848).

use std::time::Duration;

use kafka_wire::{
    ErrorCode,
    messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        consumer_group_heartbeat::{Assignment, TopicPartitions},
    },
};

use super::{
    super::group::{
        Assignor, Beat, Beaten, Claim, JOINS, LEAVES, LEFT_FOR_A_WHILE, Partitions, TopicSizes,
        by_topic,
    },
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn consumer_group_heartbeat(
        &mut self,
        call: &Call,
        mut request: ConsumerGroupHeartbeatRequest,
        pause: Pause,
        client_id: Option<String>,
    ) -> Outcome {
        let mut response = ConsumerGroupHeartbeatResponse::default();
        response.error_code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.consumer_beats(call, &mut request, client_id.unwrap_or_default()) {
                Ok(beaten) => {
                    let interval = cluster.config.group_heartbeat_interval.as_millis();
                    let interval = i32::try_from(interval).unwrap_or(i32::MAX);
                    response.heartbeat_interval_ms = match beaten.epoch {
                        JOINS.. => interval,
                        // It has left.
                        _ => 0,
                    };
                    response.member_epoch = beaten.epoch;
                    response.assignment = beaten.assignment.as_ref().map(assignment);
                    ErrorCode::NONE
                }
                Err(code) => code,
            }
        });
        if response.error_code.is_none() {
            response.member_id = Some(request.member_id);
        }
        response.throttle_time_ms = pause.throttle_time_ms();
        Ok(call.answer::<ConsumerGroupHeartbeatRequest>(&response))
    }

    fn consumer_beats(
        &mut self,
        call: &Call,
        request: &mut ConsumerGroupHeartbeatRequest,
        client_id: String,
    ) -> Result<Beaten, ErrorCode> {
        check(request, call.version.number)?;
        let name = request.group_id.clone();
        self.check_group_coordinator(call, &name)?;
        if request.member_id.is_empty() {
            // Before version 1 a member may leave that to the broker (KIP-1082).
            request.member_id = self.random.uuid().to_string();
        }
        let known = self
            .topics
            .iter()
            .map(|(name, topic)| (name.to_owned(), (topic.id, topic.config.partitions)));
        let known: TopicSizes = known.collect();
        let beaten = self.act_of_consumer(call, request, client_id, &known);
        self.tell_members(&name, Vec::new());
        beaten
    }

    fn act_of_consumer(
        &mut self,
        call: &Call,
        request: &ConsumerGroupHeartbeatRequest,
        client_id: String,
        known: &TopicSizes,
    ) -> Result<Beaten, ErrorCode> {
        let session_timeout = self.config.group_session_timeout;
        let joins = request.member_epoch == JOINS;
        let name = request.group_id.as_str();
        let not_found = ErrorCode::GROUP_ID_NOT_FOUND;
        let group = match joins {
            true => self.group_or_new(name).as_consumer(),
            false => self
                .groups
                .get_mut(name)
                .and_then(|group| group.consumer_mut()),
        };
        let group = group.ok_or(not_found)?;
        let claim = Claim {
            generation: request.member_epoch,
            member_id: &request.member_id,
            instance_id: request.instance_id.as_deref(),
        };
        if matches!(request.member_epoch, LEAVES | LEFT_FOR_A_WHILE) {
            group.leave(claim)?;
            return Ok(Beaten {
                epoch: request.member_epoch,
                assignment: None,
            });
        }
        let beat = Beat {
            claim,
            client_id,
            rack_id: request.rack_id.clone(),
            rebalance_timeout: u64::try_from(request.rebalance_timeout_ms)
                .ok()
                .map(Duration::from_millis),
            topics: request
                .subscribed_topic_names
                .as_ref()
                .map(|names| names.iter().cloned().collect()),
            assignor: request.server_assignor.as_deref().and_then(Assignor::named),
            owned: request.topic_partitions.as_deref().map(partitions),
            session_timeout,
        };
        group.beat(call.now.instant, beat, known)
    }
}

/// Whether a request says what it has to, and nothing else.
fn check(request: &ConsumerGroupHeartbeatRequest, version: i16) -> Result<(), ErrorCode> {
    let empty = |text: &Option<String>| text.as_deref() == Some("");
    let owns = request.topic_partitions.as_ref();
    let is_named = !request.member_id.is_empty();
    let valid = match request.member_epoch {
        _ if request.group_id.is_empty() => false,
        _ if empty(&request.instance_id) || empty(&request.rack_id) => false,
        JOINS => {
            (is_named || version < FIRST_WITH_CLIENTS_ID)
                && request.rebalance_timeout_ms >= 0
                && owns.is_some_and(Vec::is_empty)
                && (request.subscribed_topic_names.is_some()
                    || request.subscribed_topic_regex.is_some())
        }
        LEFT_FOR_A_WHILE => is_named && request.instance_id.is_some(),
        LEAVES.. => is_named,
        _ => false,
    };
    if !valid {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    if request
        .subscribed_topic_regex
        .as_ref()
        .is_some_and(|it| !it.is_empty())
    {
        return Err(ErrorCode::INVALID_REGULAR_EXPRESSION);
    }
    let assignor = request.server_assignor.as_deref();
    match assignor.is_none_or(|name| Assignor::named(name).is_some()) {
        true => Ok(()),
        false => Err(ErrorCode::UNSUPPORTED_ASSIGNOR),
    }
}

fn partitions(topics: &[TopicPartitions]) -> Partitions {
    let partitions = topics.iter().flat_map(|topic| {
        let numbers = topic.partitions.iter();
        numbers.map(|&number| (topic.topic_id, number))
    });
    partitions.collect()
}

fn assignment(partitions: &Partitions) -> Assignment {
    let topics = by_topic(partitions)
        .into_iter()
        .map(|(topic_id, partitions)| {
            TopicPartitions::default()
                .with_topic_id(topic_id)
                .with_partitions(partitions)
        });
    Assignment::default().with_topic_partitions(topics.collect())
}

/// KIP-1082.
const FIRST_WITH_CLIENTS_ID: i16 = 1;
