//! CreateAcls: rules about who may do what, each by itself.

use kafka_wire::{
    ErrorCode,
    messages::{AclCreation, AclCreationResult, CreateAclsRequest, CreateAclsResponse},
};

use super::{
    super::acl_filter::{ANYWHERE, Numbers},
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn create_acls(
        &mut self,
        call: &Call,
        request: CreateAclsRequest,
        pause: Pause,
    ) -> Outcome {
        let results = request.creations.iter().map(|asked| {
            let mut message = None;
            let code = self.as_scripted(call, Target::default(), |cluster| {
                match cluster.create_acl(asked) {
                    Ok(()) => ErrorCode::NONE,
                    Err((code, why)) => {
                        message = Some(why.to_owned());
                        code
                    }
                }
            });
            AclCreationResult::default()
                .with_error_code(code)
                .with_error_message(message)
        });
        let response = CreateAclsResponse::default()
            .with_results(results.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<CreateAclsRequest>(&response))
    }

    /// One that is there already is not added again.
    fn create_acl(&mut self, asked: &AclCreation) -> Result<(), (ErrorCode, &'static str)> {
        let invalid = |why| (ErrorCode::INVALID_REQUEST, why);
        let authorizer = self.authorizer.as_mut().ok_or(DISABLED)?;
        if asked.host != ANYWHERE {
            return Err(invalid("no host but * is looked at here"));
        }
        let numbers = Numbers {
            resource_type: asked.resource_type,
            resource_name: &asked.resource_name,
            pattern_type: asked.resource_pattern_type,
            principal: &asked.principal,
            operation: asked.operation,
            permission_type: asked.permission_type,
        };
        let acl = numbers.acl().map_err(invalid)?;
        if !authorizer.acls.contains(&acl) {
            authorizer.acls.push(acl);
        }
        Ok(())
    }
}

/// What is told where nobody is asked who may do what.
pub(super) const DISABLED: (ErrorCode, &str) =
    (ErrorCode::SECURITY_DISABLED, "No Authorizer is configured.");
