//! SyncGroup: a member asks for its assignment, and waits until the leader has brought it.

use kafka_wire::{
    ErrorCode,
    messages::{SyncGroupRequest, SyncGroupResponse},
};

use super::{
    super::group::{Claim, Sync},
    Call, Cluster, Outcome, Pause, Scripted, Target,
};

impl Cluster {
    pub(super) fn sync_group(
        &mut self,
        call: &Call,
        request: SyncGroupRequest,
        pause: Pause,
    ) -> Outcome {
        let refuse = |code: ErrorCode| {
            let response = SyncGroupResponse::default()
                .with_throttle_time_ms(pause.throttle_time_ms())
                .with_error_code(code);
            Ok(call.answer::<SyncGroupRequest>(&response))
        };
        let scripted = self.scripted(call, Target::default());
        if let Some(Scripted::Refuse(code)) = scripted {
            return refuse(code);
        }
        if let Err(code) = self.may_sync(call, &request) {
            return refuse(code);
        }
        let (name, ticket) = (request.group_id.as_str(), self.next_ticket());
        let assignments = request.assignments.iter();
        let sync = Sync {
            ticket,
            claim: Claim {
                generation: request.generation_id,
                member_id: &request.member_id,
                instance_id: request.group_instance_id.as_deref(),
            },
            protocol_type: request.protocol_type.as_deref(),
            protocol: request.protocol_name.as_deref(),
            assignments: assignments
                .map(|it| (it.member_id.as_str(), it.assignment.clone()))
                .collect(),
        };
        let mut told = Vec::new();
        match self.groups.get_mut(name) {
            Some(group) => group.classic.sync(call.now.instant, sync, &mut told),
            None => return refuse(ErrorCode::UNKNOWN_MEMBER_ID),
        }
        let outcome = self.answer_member(call, pause, (name, ticket), told);
        match scripted {
            Some(Scripted::Misreport(code)) => refuse(code),
            _ => outcome,
        }
    }

    fn may_sync(&mut self, call: &Call, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        let names = [&request.protocol_type, &request.protocol_name];
        let missing = names.into_iter().any(Option::is_none);
        if call.version.number >= FIRST_WITH_PROTOCOL && missing {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        self.check_named_group(call, &request.group_id)
    }
}

/// KIP-559.
const FIRST_WITH_PROTOCOL: i16 = 5;
