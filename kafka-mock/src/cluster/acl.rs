//! Who may do what: ACLs, decided as by Apache Kafka's `StandardAuthorizer`.
//!
//! Plain data and a pure decision: `api::authorize` says which request needs what. Hosts are not looked at.

use super::setters::settings;

/// An ACL: a principal may, or may not, do something to some resources.
///
/// ```
/// use kafka_mock::cluster::{Acl, AclOperation, AclResource};
///
/// let _ = Acl::allow("User:alice", AclOperation::Write, AclResource::topic("orders"));
/// let _ = Acl::deny("User:*", AclOperation::All, AclResource::group("billing-").prefixed());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    pub(super) principal: String,
    pub(super) operation: AclOperation,
    pub(super) resource: AclResource,
    pub(super) permission: Permission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    Allow,
    Deny,
}

impl Acl {
    /// The principal may do it, unless another ACL denies it. A principal is `User:NAME`, `User:*` is everybody, and
    /// who has not authenticated is `User:ANONYMOUS`.
    ///
    /// ```
    /// use kafka_mock::cluster::{Acl, AclOperation, AclResource};
    ///
    /// let _ = Acl::allow("User:*", AclOperation::Read, AclResource::topic("*"));
    /// ```
    #[must_use]
    pub fn allow(
        principal: impl Into<String>,
        operation: AclOperation,
        resource: AclResource,
    ) -> Self {
        Self {
            principal: principal.into(),
            operation,
            resource,
            permission: Permission::Allow,
        }
    }

    /// The principal may not do it, whatever another ACL allows.
    ///
    /// ```
    /// use kafka_mock::cluster::{Acl, AclOperation, AclResource};
    ///
    /// let _ = Acl::deny("User:bob", AclOperation::IdempotentWrite, AclResource::cluster());
    /// ```
    #[must_use]
    pub fn deny(
        principal: impl Into<String>,
        operation: AclOperation,
        resource: AclResource,
    ) -> Self {
        Self {
            permission: Permission::Deny,
            ..Self::allow(principal, operation, resource)
        }
    }

    fn is_about(&self, principal: &str) -> bool {
        self.principal == EVERYBODY || self.principal == principal
    }

    fn covers_by_name(&self, operation: AclOperation) -> bool {
        self.operation == operation || self.operation == AclOperation::All
    }

    /// Whether it allows or denies this operation. What is allowed implies more, what is denied does not.
    fn covers(&self, operation: AclOperation) -> bool {
        self.covers_by_name(operation)
            || self.permission == Permission::Allow && self.operation.implies(operation)
    }
}

/// What may be done, by Kafka's names.
///
/// ```
/// use kafka_mock::cluster::AclOperation;
///
/// assert_eq!(AclOperation::named("DescribeConfigs"), Some(AclOperation::DescribeConfigs));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AclOperation {
    /// All of them.
    All,
    /// Records and offsets are read, or a group is joined.
    Read,
    /// Records are written, or a transactional id is used.
    Write,
    /// Topics are created.
    Create,
    /// Topics, records, groups are deleted.
    Delete,
    /// Partitions are added.
    Alter,
    /// It is seen. Implied by `Read`, `Write`, `Delete` and `Alter`.
    Describe,
    /// What brokers do among themselves; no client needs it here.
    ClusterAction,
    /// Settings are seen. Implied by `AlterConfigs`.
    DescribeConfigs,
    /// Settings are changed.
    AlterConfigs,
    /// Idempotent producers get an id, as they do who may write to any topic.
    IdempotentWrite,
    /// A transaction is prepared (KIP-939).
    TwoPhaseCommit,
}

impl AclOperation {
    /// All operations, with Kafka's codes and names.
    pub(super) const KNOWN: [(Self, i8, &str); 12] = [
        (Self::All, 2, "All"),
        (Self::Read, 3, "Read"),
        (Self::Write, 4, "Write"),
        (Self::Create, 5, "Create"),
        (Self::Delete, 6, "Delete"),
        (Self::Alter, 7, "Alter"),
        (Self::Describe, 8, "Describe"),
        (Self::ClusterAction, 9, "ClusterAction"),
        (Self::DescribeConfigs, 10, "DescribeConfigs"),
        (Self::AlterConfigs, 11, "AlterConfigs"),
        (Self::IdempotentWrite, 12, "IdempotentWrite"),
        (Self::TwoPhaseCommit, 15, "TwoPhaseCommit"),
    ];

    /// The operation that Kafka's tools call so.
    ///
    /// ```
    /// assert_eq!(kafka_mock::cluster::AclOperation::named("write"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut known = Self::KNOWN.into_iter();
        known.find_map(|(it, _, its_name)| (its_name == name).then_some(it))
    }

    fn implies(self, other: Self) -> bool {
        match other {
            Self::Describe => matches!(self, Self::Read | Self::Write | Self::Delete | Self::Alter),
            Self::DescribeConfigs => self == Self::AlterConfigs,
            _ => false,
        }
    }
}

/// The resources that an ACL is about: those with this name, all if the name is `*`, or those whose names begin so.
///
/// ```
/// use kafka_mock::cluster::AclResource;
///
/// assert_ne!(AclResource::topic("or").prefixed(), AclResource::topic("or"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclResource {
    pub(super) kind: ResourceKind,
    pub(super) name: String,
    pub(super) is_prefix: bool,
}

/// What kinds of resources there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceKind {
    Topic,
    Group,
    TransactionalId,
    Cluster,
}

impl AclResource {
    fn new(kind: ResourceKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            is_prefix: false,
        }
    }

    /// The topic of this name.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::AclResource::topic("orders");
    /// ```
    #[must_use]
    pub fn topic(name: impl Into<String>) -> Self {
        Self::new(ResourceKind::Topic, name)
    }

    /// The consumer group of this name.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::AclResource::group("billing");
    /// ```
    #[must_use]
    pub fn group(name: impl Into<String>) -> Self {
        Self::new(ResourceKind::Group, name)
    }

    /// This `transactional.id`.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::AclResource::transactional_id("till-7");
    /// ```
    #[must_use]
    pub fn transactional_id(id: impl Into<String>) -> Self {
        Self::new(ResourceKind::TransactionalId, id)
    }

    /// The cluster itself.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::AclResource::cluster();
    /// ```
    #[must_use]
    pub fn cluster() -> Self {
        Self::new(ResourceKind::Cluster, CLUSTER)
    }

    /// All of this kind whose names begin so.
    ///
    /// ```
    /// let _ = kafka_mock::cluster::AclResource::topic("eu-").prefixed();
    /// ```
    #[must_use]
    pub fn prefixed(mut self) -> Self {
        self.is_prefix = true;
        self
    }

    fn is_wildcard(&self) -> bool {
        !self.is_prefix && self.name == WILDCARD
    }

    fn includes(&self, resource: Resource<'_>) -> bool {
        let fits = match self.is_prefix {
            true => resource.name.starts_with(&self.name),
            false => self.name == WILDCARD || self.name == resource.name,
        };
        self.kind == resource.kind && fits
    }
}

/// One resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resource<'a> {
    pub(super) kind: ResourceKind,
    pub(super) name: &'a str,
}

impl Resource<'static> {
    pub(super) const CLUSTER: Self = Self {
        kind: ResourceKind::Cluster,
        name: CLUSTER,
    };
}

settings! {
    /// What decides who may do what: `authorizer.class.name=…StandardAuthorizer`. By default nobody may do anything,
    /// as in Kafka.
    ///
    /// ```
    /// use kafka_mock::cluster::{Acl, AclOperation, AclResource, Authorizer};
    ///
    /// let orders = AclResource::topic("orders");
    /// let _ = Authorizer::default()
    ///     .with_super_users(vec!["User:admin".to_owned()])
    ///     .with_acls(vec![Acl::allow("User:alice", AclOperation::Write, orders)]);
    /// ```
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Authorizer {
        /// `super.users`: who may do everything.
        pub super_users: Vec<String>,
        /// `allow.everyone.if.no.acl.found`: whether everybody may do what no ACL is about.
        pub allow_everyone_if_no_acl_found: bool,
        /// The ACLs; their order is of no meaning.
        pub acls: Vec<Acl>,
    }
}

impl Authorizer {
    /// One that lets everybody do what no ACL is about.
    ///
    /// ```
    /// let open = kafka_mock::cluster::Authorizer::open();
    /// assert!(open.allow_everyone_if_no_acl_found && open.acls.is_empty());
    /// ```
    #[must_use]
    pub fn open() -> Self {
        Self::default().with_allow_everyone_if_no_acl_found(true)
    }

    /// One denial is enough; without any, one ACL that allows it. A resource that has ACLs, but none for this, is
    /// closed to all others.
    pub(super) fn allows(
        &self,
        principal: &str,
        operation: AclOperation,
        resource: Resource<'_>,
    ) -> bool {
        if self.super_users.iter().any(|it| it == principal) {
            return true;
        }
        let mut found = self
            .acls
            .iter()
            .filter(|acl| acl.resource.includes(resource));
        let mut decided = None;
        let mut has_acls = false;
        for acl in found.by_ref() {
            has_acls = true;
            if acl.is_about(principal) && acl.covers(operation) {
                match acl.permission {
                    Permission::Deny => return false,
                    Permission::Allow => decided = Some(true),
                }
            }
        }
        decided.unwrap_or(!has_acls && self.allow_everyone_if_no_acl_found)
    }

    /// Whether the principal may do it to any resource of this kind: one that is allowed, and not denied by name or
    /// by a prefix.
    pub(super) fn allows_any(
        &self,
        principal: &str,
        operation: AclOperation,
        kind: ResourceKind,
    ) -> bool {
        // A name that no resource has, for super users and for what is allowed by default.
        let unnamed = Resource { kind, name: "\0" };
        if self.allows(principal, operation, unnamed) {
            return true;
        }
        let acls = self.acls.iter().filter(|acl| {
            acl.resource.kind == kind && acl.is_about(principal) && acl.covers_by_name(operation)
        });
        let (denied, allowed): (Vec<_>, Vec<_>) =
            acls.partition(|acl| acl.permission == Permission::Deny);
        if denied.iter().any(|acl| acl.resource.is_wildcard()) {
            return false;
        }
        let dominates = |denied: &AclResource, allowed: &AclResource| match denied.is_prefix {
            true => allowed.name.starts_with(&denied.name),
            false => denied == allowed,
        };
        allowed.iter().any(|allowed| {
            let mut denied = denied.iter();
            allowed.resource.is_wildcard()
                || !denied.any(|denied| dominates(&denied.resource, &allowed.resource))
        })
    }
}

const EVERYBODY: &str = "User:*";
const WILDCARD: &str = "*";
/// Kafka's name of the only resource of this kind.
pub(super) const CLUSTER: &str = "kafka-cluster";

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "User:alice";

    fn topic(name: &str) -> Resource<'_> {
        Resource {
            kind: ResourceKind::Topic,
            name,
        }
    }

    fn with(acls: &[Acl]) -> Authorizer {
        Authorizer::default().with_acls(acls.to_vec())
    }

    #[test]
    fn an_allowed_operation_implies_that_its_resource_is_seen_and_a_denied_one_implies_nothing() {
        use AclOperation::*;
        for (allowed, ..) in AclOperation::KNOWN {
            for (asked, ..) in AclOperation::KNOWN {
                let resource = || AclResource::topic("t");
                let implied = match (allowed, asked) {
                    (All, _) | (Read | Write | Delete | Alter, Describe) => true,
                    (AlterConfigs, DescribeConfigs) => true,
                    (allowed, asked) => allowed == asked,
                };
                let authorizer = with(&[Acl::allow(WHO, allowed, resource())]);
                assert_eq!(authorizer.allows(WHO, asked, topic("t")), implied);
                let denied = Acl::deny(WHO, allowed, resource());
                let authorizer = with(&[Acl::allow(WHO, All, resource()), denied]);
                let is_denied = allowed == All || allowed == asked;
                assert_eq!(authorizer.allows(WHO, asked, topic("t")), !is_denied);
            }
        }
    }

    #[test]
    fn an_acl_is_about_its_name_all_names_or_those_that_begin_so_and_about_one_kind() {
        let write = AclOperation::Write;
        let allows = |resource: AclResource, name: &str| {
            with(&[Acl::allow(WHO, write, resource)]).allows(WHO, write, topic(name))
        };
        assert!(allows(AclResource::topic("ab"), "ab"));
        assert!(!allows(AclResource::topic("ab"), "abc"));
        assert!(allows(AclResource::topic("ab").prefixed(), "abc"));
        assert!(!allows(AclResource::topic("ab").prefixed(), "a"));
        assert!(allows(AclResource::topic("*"), "abc"));
        assert!(!allows(AclResource::topic("*").prefixed(), "abc"));
        assert!(!allows(AclResource::group("ab"), "ab"));
    }

    #[test]
    fn who_is_not_named_is_let_through_only_by_a_setting_and_only_where_no_acl_is() {
        let write = AclOperation::Write;
        let bobs = Acl::allow("User:bob", write, AclResource::topic("t"));
        let closed = with(std::slice::from_ref(&bobs));
        assert!(!closed.allows(WHO, write, topic("t")));
        assert!(!closed.allows(WHO, write, topic("free")));
        assert!(closed.allows("User:bob", write, topic("t")));
        let open = Authorizer::open().with_acls(vec![bobs]);
        assert!(!open.allows(WHO, write, topic("t")));
        assert!(open.allows(WHO, write, topic("free")));
        let superior = closed.with_super_users(vec![WHO.to_owned()]);
        assert!(superior.allows(WHO, write, topic("t")));
    }

    #[test]
    fn some_topic_may_be_written_to_if_one_is_allowed_that_no_denial_covers() {
        let any =
            |acls: &[Acl]| with(acls).allows_any(WHO, AclOperation::Write, ResourceKind::Topic);
        let allow = |resource| Acl::allow(WHO, AclOperation::Write, resource);
        let deny = |resource| Acl::deny("User:*", AclOperation::All, resource);
        let ab = || AclResource::topic("ab");
        assert!(!any(&[]));
        assert!(any(&[allow(ab())]));
        assert!(any(&[allow(AclResource::topic("*"))]));
        assert!(!any(&[Acl::allow("User:bob", AclOperation::Write, ab())]));
        assert!(!any(&[Acl::allow(WHO, AclOperation::Read, ab())]));
        assert!(!any(&[allow(ab()), deny(ab())]));
        assert!(!any(&[
            allow(ab()),
            deny(AclResource::topic("a").prefixed())
        ]));
        assert!(!any(&[allow(ab()), deny(AclResource::topic("*"))]));
        assert!(any(&[allow(ab().prefixed()), deny(ab())]));
        assert!(any(&[allow(ab()), deny(AclResource::topic("abc"))]));
        assert!(Authorizer::open().allows_any(WHO, AclOperation::Write, ResourceKind::Topic));
    }
}
