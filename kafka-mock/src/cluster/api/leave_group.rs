//! LeaveGroup: members leave, and the others rebalance.

use kafka_wire::{
    ErrorCode,
    messages::{
        LeaveGroupRequest, LeaveGroupResponse,
        leave_group::{MemberIdentity, MemberResponse},
    },
};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn leave_group(
        &mut self,
        call: &Call,
        request: LeaveGroupRequest,
        pause: Pause,
    ) -> Outcome {
        let old = call.version.number < FIRST_WITH_MANY;
        let leaving = match old {
            true => vec![MemberIdentity::default().with_member_id(request.member_id)],
            false => request.members,
        };
        let mut members = Vec::new();
        let mut error_code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.members_leave(call, &request.group_id, &leaving) {
                Ok(left) => {
                    members = left;
                    ErrorCode::NONE
                }
                Err(code) => code,
            }
        });
        if !error_code.is_none() {
            members.clear();
        }
        if let Some(only) = members.pop_if(|_| old) {
            error_code = only.error_code;
        }
        let response = LeaveGroupResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code)
            .with_members(members);
        Ok(call.answer::<LeaveGroupRequest>(&response))
    }

    fn members_leave(
        &mut self,
        call: &Call,
        name: &str,
        leaving: &[MemberIdentity],
    ) -> Result<Vec<MemberResponse>, ErrorCode> {
        self.check_named_group(call, name)?;
        let mut told = Vec::new();
        let mut group = self.groups.get_mut(name);
        let left = leaving.iter().map(|it| {
            let instance = it.group_instance_id.as_deref();
            let left = match &mut group {
                Some(group) => group.classic.leave(&it.member_id, instance, &mut told),
                None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            };
            MemberResponse::default()
                .with_member_id(it.member_id.clone())
                .with_group_instance_id(it.group_instance_id.clone())
                .with_error_code(left.err().unwrap_or_default())
        });
        let left: Vec<_> = left.collect();
        if let Some(group) = group
            && left.iter().any(|it| it.error_code.is_none())
        {
            group.classic.have_left(call.now.instant, &mut told);
        }
        self.tell_members(name, told);
        Ok(left)
    }
}

/// KIP-345.
const FIRST_WITH_MANY: i16 = 3;
