//! DeleteGroups: groups without members, and their offsets, are gone.

use kafka_wire::{
    ErrorCode,
    messages::{DeleteGroupsRequest, DeleteGroupsResponse, delete_groups::DeletableGroupResult},
};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn delete_groups(
        &mut self,
        call: &Call,
        request: DeleteGroupsRequest,
        pause: Pause,
    ) -> Outcome {
        let names = request.groups_names.into_iter();
        let results = names.map(|name| {
            let error_code = self.as_scripted(call, Target::default(), |cluster| {
                let deleted = cluster.delete_group(call, &name);
                deleted.err().unwrap_or_default()
            });
            DeletableGroupResult::default()
                .with_error_code(error_code)
                .with_group_id(name)
        });
        let response = DeleteGroupsResponse::default()
            .with_results(results.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DeleteGroupsRequest>(&response))
    }

    fn delete_group(&mut self, call: &Call, name: &str) -> Result<(), ErrorCode> {
        self.check_group_coordinator(call, name)?;
        let group = self.groups.get(name);
        let group = group.ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        if !group.classic.is_empty() {
            return Err(ErrorCode::NON_EMPTY_GROUP);
        }
        self.groups.remove(name);
        Ok(())
    }
}
