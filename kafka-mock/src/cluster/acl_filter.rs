//! ACLs in the numbers of requests: what they stand for, and which ACLs a filter lets through.

use super::acl::{Acl, AclOperation, AclResource, CLUSTER, Permission, ResourceKind};

/// An ACL as a request has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbers<'a> {
    pub(super) resource_type: i8,
    pub(super) resource_name: &'a str,
    pub(super) pattern_type: i8,
    pub(super) principal: &'a str,
    pub(super) operation: i8,
    pub(super) permission_type: i8,
}

/// Which ACLs a request is about; `ANY` and `None` stand for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter<'a> {
    pub(super) resource_type: i8,
    pub(super) resource_name: Option<&'a str>,
    pub(super) pattern_type: i8,
    pub(super) principal: Option<&'a str>,
    pub(super) host: Option<&'a str>,
    pub(super) operation: i8,
    pub(super) permission_type: i8,
}

impl Acl {
    pub(super) fn numbers(&self) -> Numbers<'_> {
        let mut operations = AclOperation::KNOWN.into_iter();
        let operation = operations.find(|(operation, ..)| *operation == self.operation);
        Numbers {
            resource_type: number_of(self.resource.kind),
            resource_name: &self.resource.name,
            pattern_type: match self.resource.is_prefix {
                true => PREFIXED,
                false => LITERAL,
            },
            principal: &self.principal,
            operation: operation.map_or(ANY, |(_, code, _)| code),
            permission_type: match self.permission {
                Permission::Deny => DENY,
                Permission::Allow => ALLOW,
            },
        }
    }
}

impl Numbers<'_> {
    /// The ACL, if the numbers stand for one.
    pub(super) fn acl(&self) -> Result<Acl, &'static str> {
        let mut kinds = KINDS.into_iter();
        let kind = kinds.find(|(_, code)| *code == self.resource_type);
        let (kind, _) = kind.ok_or("there are no such resources here")?;
        if kind == ResourceKind::Cluster && self.resource_name != CLUSTER {
            return Err("The only valid name for the CLUSTER resource is kafka-cluster");
        }
        if self.resource_name.is_empty() {
            return Err("Resource name should not be empty");
        }
        let mut operations = AclOperation::KNOWN.into_iter();
        let operation = operations.find(|(_, code, _)| *code == self.operation);
        let (operation, ..) = operation.ok_or("there is no such operation here")?;
        let is_prefix = match self.pattern_type {
            LITERAL => false,
            PREFIXED => true,
            _ => return Err("a pattern is literal or prefixed"),
        };
        if !self.principal.contains(':') {
            return Err(
                "Could not parse principal: no colon is present separating the principal type from the principal name",
            );
        }
        Ok(Acl {
            principal: self.principal.to_owned(),
            operation,
            resource: AclResource {
                kind,
                name: self.resource_name.to_owned(),
                is_prefix,
            },
            permission: match self.permission_type {
                DENY => Permission::Deny,
                ALLOW => Permission::Allow,
                _ => return Err("an ACL allows or denies"),
            },
        })
    }
}

impl Filter<'_> {
    pub(super) fn lets_through(&self, acl: &Acl) -> bool {
        let it = acl.numbers();
        let fits = |wanted: i8, has: i8| wanted == ANY || wanted == has;
        fits(self.resource_type, it.resource_type)
            && fits(self.operation, it.operation)
            && fits(self.permission_type, it.permission_type)
            && self.principal.is_none_or(|wanted| wanted == it.principal)
            && self.host.is_none_or(|wanted| wanted == ANYWHERE)
            && self.fits_name(&it)
    }

    fn fits_name(&self, it: &Numbers<'_>) -> bool {
        if ![ANY, MATCH, it.pattern_type].contains(&self.pattern_type) {
            return false;
        }
        let Some(wanted) = self.resource_name else {
            return true;
        };
        match self.pattern_type {
            MATCH if it.pattern_type == PREFIXED => wanted.starts_with(it.resource_name),
            MATCH => [wanted, "*"].contains(&it.resource_name),
            _ => wanted == it.resource_name,
        }
    }
}

fn number_of(kind: ResourceKind) -> i8 {
    let mut kinds = KINDS.into_iter();
    kinds
        .find_map(|(it, code)| (it == kind).then_some(code))
        .unwrap_or(ANY)
}

/// The only host: where a client is, is not looked at.
pub(super) const ANYWHERE: &str = "*";
/// `ResourceType`.
const KINDS: [(ResourceKind, i8); 4] = [
    (ResourceKind::Topic, 2),
    (ResourceKind::Group, 3),
    (ResourceKind::Cluster, 4),
    (ResourceKind::TransactionalId, 5),
];
const ANY: i8 = 1;
/// `PatternType`.
const MATCH: i8 = 2;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
/// `AclPermissionType`.
const DENY: i8 = 2;
const ALLOW: i8 = 3;
