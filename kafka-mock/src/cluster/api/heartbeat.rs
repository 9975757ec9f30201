//! Heartbeat: a member is alive, and learns whether it has to join again.

use kafka_wire::{
    ErrorCode,
    messages::{HeartbeatRequest, HeartbeatResponse},
};

use super::{super::group::Claim, Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn heartbeat(
        &mut self,
        call: &Call,
        request: HeartbeatRequest,
        pause: Pause,
    ) -> Outcome {
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            let alive = cluster.member_is_alive(call, &request);
            alive.err().unwrap_or_default()
        });
        let response = HeartbeatResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code);
        Ok(call.answer::<HeartbeatRequest>(&response))
    }

    fn member_is_alive(
        &mut self,
        call: &Call,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let name = request.group_id.as_str();
        self.check_named_group(call, name)?;
        let claim = Claim {
            generation: request.generation_id,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
        };
        let group = self.groups.get_mut(name);
        let group = group.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        let alive = group.classic.heartbeat(call.now.instant, claim);
        self.tell_members(name, Vec::new());
        alive
    }
}
