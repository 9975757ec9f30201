//! ListGroups: the groups that a broker coordinates.

use kafka_wire::{
    ErrorCode,
    messages::{ListGroupsRequest, ListGroupsResponse, list_groups::ListedGroup},
};

use super::{super::group::Group, Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn list_groups(
        &mut self,
        call: &Call,
        request: ListGroupsRequest,
        pause: Pause,
    ) -> Outcome {
        let mut groups = Vec::new();
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            let names: Vec<_> = cluster.groups.keys().cloned().collect();
            for name in names {
                match cluster.check_group_coordinator(call, &name) {
                    Ok(()) => {}
                    Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => {
                        groups.clear();
                        return ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
                    }
                    Err(_) => continue,
                }
                if let Some(group) = cluster.groups.get(&name) {
                    groups.push(listed(name, group));
                }
            }
            ErrorCode::NONE
        });
        let wanted = |filter: &[String], value: &str| {
            let mut filter = filter.iter();
            filter.len() == 0 || filter.any(|it| it.trim().eq_ignore_ascii_case(value))
        };
        groups.retain(|it| {
            wanted(&request.states_filter, &it.group_state)
                && wanted(&request.types_filter, &it.group_type)
        });
        let response = ListGroupsResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code)
            .with_groups(groups);
        Ok(call.answer::<ListGroupsRequest>(&response))
    }
}

fn listed(name: String, group: &Group) -> ListedGroup {
    let protocol_type = group.classic.protocol_type().unwrap_or_default();
    ListedGroup::default()
        .with_group_id(name)
        .with_protocol_type(protocol_type.to_owned())
        .with_group_state(group.classic.state().to_string())
        .with_group_type("classic".to_owned())
}
