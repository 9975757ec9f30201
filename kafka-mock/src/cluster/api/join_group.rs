//! JoinGroup: a member joins its group, and waits for the others.

use std::time::Duration;

use kafka_wire::{
    ErrorCode,
    messages::{JoinGroupRequest, JoinGroupResponse},
};

use super::{
    super::group::{Client, Join, Joined, Profile, Told},
    Call, Cluster, Outcome, Pause, Scripted, Target,
};

impl Cluster {
    pub(super) fn join_group(
        &mut self,
        call: &Call,
        request: JoinGroupRequest,
        pause: Pause,
        client_id: Option<String>,
    ) -> Outcome {
        let refuse = |code: ErrorCode| {
            let response = JoinGroupResponse::default()
                .with_throttle_time_ms(pause.throttle_time_ms())
                .with_error_code(code)
                .with_protocol_name(None)
                .with_member_id(request.member_id.clone());
            Ok(call.answer::<JoinGroupRequest>(&response))
        };
        let scripted = self.scripted(call, Target::default());
        if let Some(Scripted::Refuse(code)) = scripted {
            return refuse(code);
        }
        if let Err(code) = self.may_join(call, &request) {
            return refuse(code);
        }
        let (name, ticket) = (request.group_id.as_str(), self.next_ticket());
        let client_id = client_id.unwrap_or_default();
        let named = request.group_instance_id.as_deref().unwrap_or(&client_id);
        let new_id = format!("{named}-{}", self.random.uuid());
        let join = Join {
            ticket,
            member_id: &request.member_id,
            new_id,
            profile: profile(&request, client_id),
            client: match call.version.number {
                ..FIRST_WITH_KNOWN_ID => Client::Old,
                FIRST_WITH_KNOWN_ID..FIRST_THAT_SKIPS => Client::ComesBackWithItsId,
                _ => Client::SkipsAssignment,
            },
            delay: self.config.group_initial_rebalance_delay,
        };
        let mut told = Vec::new();
        if request.member_id.is_empty() || self.groups.contains_key(name) {
            let group = &mut self.group_or_new(name).classic;
            group.join(call.now.instant, join, &mut told);
        } else {
            let code = ErrorCode::UNKNOWN_MEMBER_ID;
            told.push(Told::joined(
                ticket,
                Joined::refused(code, &request.member_id),
            ));
        }
        let outcome = self.answer_member(call, pause, (name, ticket), told);
        match scripted {
            Some(Scripted::Misreport(code)) => refuse(code),
            _ => outcome,
        }
    }

    fn may_join(&mut self, call: &Call, request: &JoinGroupRequest) -> Result<(), ErrorCode> {
        self.check_named_group(call, &request.group_id)?;
        let session = milliseconds(request.session_timeout_ms);
        match self.config.group_session_timeouts.contains(&session) {
            true => Ok(()),
            false => Err(ErrorCode::INVALID_SESSION_TIMEOUT),
        }
    }
}

fn profile(request: &JoinGroupRequest, client_id: String) -> Profile {
    let session_timeout = milliseconds(request.session_timeout_ms);
    let protocols = request.protocols.iter();
    Profile {
        instance_id: request.group_instance_id.clone(),
        client_id,
        session_timeout,
        rebalance_timeout: match request.rebalance_timeout_ms {
            // Before version 1.
            ..0 => session_timeout,
            ms => milliseconds(ms),
        },
        protocol_type: request.protocol_type.clone(),
        protocols: protocols
            .map(|it| (it.name.clone(), it.metadata.clone()))
            .collect(),
    }
}

fn milliseconds(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// KIP-394.
const FIRST_WITH_KNOWN_ID: i16 = 4;
/// KIP-814.
const FIRST_THAT_SKIPS: i16 = 9;
