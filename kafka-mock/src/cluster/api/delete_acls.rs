//! DeleteAcls: rules are taken back, as many as a filter lets through.

use kafka_wire::{
    ErrorCode,
    messages::{
        DeleteAclsFilter, DeleteAclsFilterResult, DeleteAclsMatchingAcl, DeleteAclsRequest,
        DeleteAclsResponse,
    },
};

use super::{
    super::{
        Acl,
        acl_filter::{ANYWHERE, Filter},
    },
    Call, Cluster, Outcome, Pause, Target,
    create_acls::DISABLED,
};

impl Cluster {
    pub(super) fn delete_acls(
        &mut self,
        call: &Call,
        request: DeleteAclsRequest,
        pause: Pause,
    ) -> Outcome {
        let results = request.filters.iter().map(|asked| {
            let mut result = DeleteAclsFilterResult::default();
            result.error_code = self.as_scripted(call, Target::default(), |cluster| match cluster
                .delete_matching(asked)
            {
                Some(deleted) => {
                    result.matching_acls = deleted.iter().map(told).collect();
                    ErrorCode::NONE
                }
                None => {
                    result.error_message = Some(DISABLED.1.to_owned());
                    DISABLED.0
                }
            });
            result
        });
        let response = DeleteAclsResponse::default()
            .with_filter_results(results.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DeleteAclsRequest>(&response))
    }

    /// What was deleted; none if nobody is asked who may do what.
    fn delete_matching(&mut self, asked: &DeleteAclsFilter) -> Option<Vec<Acl>> {
        let filter = Filter {
            resource_type: asked.resource_type_filter,
            resource_name: asked.resource_name_filter.as_deref(),
            pattern_type: asked.pattern_type_filter,
            principal: asked.principal_filter.as_deref(),
            host: asked.host_filter.as_deref(),
            operation: asked.operation,
            permission_type: asked.permission_type,
        };
        let acls = &mut self.authorizer.as_mut()?.acls;
        Some(
            acls.extract_if(.., |acl| filter.lets_through(acl))
                .collect(),
        )
    }
}

fn told(acl: &Acl) -> DeleteAclsMatchingAcl {
    let it = acl.numbers();
    DeleteAclsMatchingAcl::default()
        .with_resource_type(it.resource_type)
        .with_resource_name(it.resource_name.to_owned())
        .with_pattern_type(it.pattern_type)
        .with_principal(it.principal.to_owned())
        .with_host(ANYWHERE.to_owned())
        .with_operation(it.operation)
        .with_permission_type(it.permission_type)
}
