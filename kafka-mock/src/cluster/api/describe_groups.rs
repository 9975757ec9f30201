//! DescribeGroups: state and members of groups.
//!
//! A group that does not exist is Dead; only clients that know KIP-1043 are told an error.

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeGroupsRequest, DescribeGroupsResponse,
        describe_groups::{DescribedGroup, DescribedGroupMember},
    },
};

use super::{super::group::ClassicGroup, Call, Cluster, Outcome, Pause, Scripted, Target};

impl Cluster {
    pub(super) fn describe_groups(
        &mut self,
        call: &Call,
        request: DescribeGroupsRequest,
        pause: Pause,
    ) -> Outcome {
        let operations = match request.include_authorized_operations {
            true => ALL_OPERATIONS,
            false => i32::MIN,
        };
        let names = request.groups.into_iter();
        let groups = names.map(|name| {
            let described = match self.may_describe(call, &name) {
                Ok(()) => self.described(call, &name),
                Err(code) => DescribedGroup::default().with_error_code(code),
            };
            let operations = match described.error_code.is_none() {
                true => operations,
                false => i32::MIN,
            };
            described
                .with_group_id(name)
                .with_authorized_operations(operations)
        });
        let response = DescribeGroupsResponse::default()
            .with_groups(groups.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DescribeGroupsRequest>(&response))
    }

    /// What a fault or the wrong coordinator says about a group.
    pub(super) fn may_describe(&mut self, call: &Call, name: &str) -> Result<(), ErrorCode> {
        match self.scripted(call, Target::default()) {
            Some(Scripted::Refuse(code) | Scripted::Misreport(code)) => Err(code),
            None => self.check_group_coordinator(call, name),
        }
    }

    fn described(&self, call: &Call, name: &str) -> DescribedGroup {
        match self.groups.get(name) {
            Some(group) => describe(&group.classic),
            None => {
                let dead = DescribedGroup::default().with_group_state("Dead".to_owned());
                match call.version.number {
                    ..FIRST_WITH_ERROR => dead,
                    _ => dead
                        .with_error_code(ErrorCode::GROUP_ID_NOT_FOUND)
                        .with_error_message(Some(format!("Group {name} not found."))),
                }
            }
        }
    }
}

fn describe(group: &ClassicGroup) -> DescribedGroup {
    let protocol = group.stable_protocol();
    let members = group.members().iter().map(|it| {
        let member = DescribedGroupMember::default()
            .with_member_id(it.id.clone())
            .with_group_instance_id(it.profile.instance_id.clone())
            .with_client_id(it.profile.client_id.clone())
            .with_client_host(HOST.to_owned());
        match protocol {
            Some(protocol) => member
                .with_member_metadata(it.metadata(protocol))
                .with_member_assignment(it.assignment.clone()),
            None => member,
        }
    });
    DescribedGroup::default()
        .with_group_state(group.state().to_string())
        .with_protocol_type(group.protocol_type().unwrap_or_default().to_owned())
        .with_protocol_data(protocol.unwrap_or_default().to_owned())
        .with_members(members.collect())
}

/// Clients are on this machine.
pub(super) const HOST: &str = "/127.0.0.1";
/// READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS, as bits: everybody may do all there is.
pub(super) const ALL_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
/// KIP-1043.
const FIRST_WITH_ERROR: i16 = 6;
