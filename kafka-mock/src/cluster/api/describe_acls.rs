//! DescribeAcls: the rules that there are, by resource.

use kafka_wire::{
    ErrorCode,
    messages::{AclDescription, DescribeAclsRequest, DescribeAclsResource, DescribeAclsResponse},
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
    pub(super) fn describe_acls(
        &mut self,
        call: &Call,
        request: DescribeAclsRequest,
        pause: Pause,
    ) -> Outcome {
        let mut response =
            DescribeAclsResponse::default().with_throttle_time_ms(pause.throttle_time_ms());
        response.error_code = self.as_scripted(call, Target::default(), |cluster| {
            let Some(authorizer) = &cluster.authorizer else {
                response.error_message = Some(DISABLED.1.to_owned());
                return DISABLED.0;
            };
            let filter = Filter {
                resource_type: request.resource_type_filter,
                resource_name: request.resource_name_filter.as_deref(),
                pattern_type: request.pattern_type_filter,
                principal: request.principal_filter.as_deref(),
                host: request.host_filter.as_deref(),
                operation: request.operation,
                permission_type: request.permission_type,
            };
            let acls = authorizer.acls.iter();
            response.resources = by_resource(acls.filter(|acl| filter.lets_through(acl)));
            ErrorCode::NONE
        });
        Ok(call.answer::<DescribeAclsRequest>(&response))
    }
}

fn by_resource<'a>(acls: impl Iterator<Item = &'a Acl>) -> Vec<DescribeAclsResource> {
    let mut resources: Vec<DescribeAclsResource> = Vec::new();
    for acl in acls {
        let it = acl.numbers();
        let described = AclDescription::default()
            .with_principal(it.principal.to_owned())
            .with_host(ANYWHERE.to_owned())
            .with_operation(it.operation)
            .with_permission_type(it.permission_type);
        let resource = DescribeAclsResource::default()
            .with_resource_type(it.resource_type)
            .with_resource_name(it.resource_name.to_owned())
            .with_pattern_type(it.pattern_type);
        let same = |other: &&mut DescribeAclsResource| {
            let keys = |it: &DescribeAclsResource| (it.resource_type, it.pattern_type);
            keys(other) == keys(&resource) && other.resource_name == resource.resource_name
        };
        match resources.iter_mut().find(same) {
            Some(known) => known.acls.push(described),
            None => resources.push(resource.with_acls(vec![described])),
        }
    }
    resources
}
