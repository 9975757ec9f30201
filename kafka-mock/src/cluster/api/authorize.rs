//! What each request needs to be allowed, and what it is told if it is not: as in Kafka's `KafkaApis`.
//!
//! `acl` decides; handlers ask here before anything else, and topics are never told apart from those that there are
//! not.

use kafka_wire::{ApiKey, ErrorCode};

use super::{
    super::{
        CoordinatorKind,
        acl::{AclOperation, Resource, ResourceKind},
    },
    Call, Cluster,
};

impl Cluster {
    /// What is answered instead of what the request asks of this resource; `None` if it is allowed.
    pub(in crate::cluster) fn denial(
        &self,
        call: &Call,
        kind: ResourceKind,
        name: &str,
    ) -> Option<ErrorCode> {
        // Looked at first: without ACLs this costs nothing.
        self.authorizer.as_ref()?;
        let needed = operation_on(call.api, kind)?;
        let resource = match kind {
            ResourceKind::Cluster => Resource::CLUSTER,
            _ => Resource { kind, name },
        };
        // What is to be deleted must be seen, too.
        let unseen = call.api == ApiKey::DELETE_TOPICS
            && !self.allows(call, AclOperation::Describe, resource);
        let allowed = self.allows(call, needed, resource) && !unseen
            || is_cluster_enough(call.api) && self.allows(call, needed, Resource::CLUSTER);
        (!allowed).then_some(code_about(kind))
    }

    /// The same for a topic that is asked for by name, whether there is one or not.
    pub(super) fn denied_name(&self, call: &Call, name: &str) -> Option<ErrorCode> {
        match name.is_empty() {
            // It is asked for by its id.
            true => None,
            false => self.denial(call, ResourceKind::Topic, name),
        }
    }

    /// Whether who asks may do this.
    pub(super) fn allows(
        &self,
        call: &Call,
        operation: AclOperation,
        resource: Resource<'_>,
    ) -> bool {
        self.authorizer
            .as_ref()
            .is_none_or(|authorizer| authorizer.allows(&self.principal(call), operation, resource))
    }

    /// Whether who asks may have a producer id without a transactional one: they may if they may write anywhere
    /// (KIP-679).
    pub(super) fn allows_idempotence(&self, call: &Call) -> bool {
        self.authorizer.as_ref().is_none_or(|authorizer| {
            let principal = self.principal(call);
            let by_itself = AclOperation::IdempotentWrite;
            authorizer.allows(&principal, by_itself, Resource::CLUSTER)
                || authorizer.allows_any(&principal, AclOperation::Write, ResourceKind::Topic)
        })
    }

    /// Whether asking for a topic may create it.
    pub(super) fn allows_creation(&self, call: &Call, topic: &str) -> bool {
        let create = AclOperation::Create;
        self.allows(call, create, Resource::CLUSTER)
            || self.allows(call, create, topic_named(topic))
    }

    fn principal(&self, call: &Call) -> String {
        let user = self.sasl.as_ref();
        let user = user.and_then(|sasl| sasl.user(call.link));
        format!("User:{}", user.unwrap_or(NOBODY))
    }

    /// Whether this broker may be asked about a transactional id, and by this client.
    pub(super) fn check_transactional_id(
        &mut self,
        call: &Call,
        id: &str,
    ) -> Result<(), ErrorCode> {
        if let Some(code) = self.denial(call, ResourceKind::TransactionalId, id) {
            return Err(code);
        }
        let key = (CoordinatorKind::Transaction, id);
        self.check_coordinator(call.now, call.broker(), key)
    }
}

pub(super) fn topic_named(name: &str) -> Resource<'_> {
    Resource {
        kind: ResourceKind::Topic,
        name,
    }
}

/// What a request needs on a resource of this kind that it names.
fn operation_on(api: ApiKey, kind: ResourceKind) -> Option<AclOperation> {
    match kind {
        ResourceKind::Topic => operation_on_topic(api),
        ResourceKind::Group => operation_on_group(api),
        ResourceKind::TransactionalId => match api {
            ApiKey::FIND_COORDINATOR
            | ApiKey::DESCRIBE_TRANSACTIONS
            | ApiKey::LIST_TRANSACTIONS => Some(AclOperation::Describe),
            _ => Some(AclOperation::Write),
        },
        ResourceKind::Cluster => match api {
            ApiKey::DESCRIBE_CONFIGS | ApiKey::DESCRIBE_CLIENT_QUOTAS => {
                Some(AclOperation::DescribeConfigs)
            }
            ApiKey::INCREMENTAL_ALTER_CONFIGS | ApiKey::ALTER_CLIENT_QUOTAS => {
                Some(AclOperation::AlterConfigs)
            }
            ApiKey::CREATE_ACLS | ApiKey::DELETE_ACLS => Some(AclOperation::Alter),
            ApiKey::DESCRIBE_ACLS => Some(AclOperation::Describe),
            _ => None,
        },
    }
}

fn operation_on_topic(api: ApiKey) -> Option<AclOperation> {
    match api {
        ApiKey::PRODUCE | ApiKey::ADD_PARTITIONS_TO_TXN => Some(AclOperation::Write),
        ApiKey::FETCH
        | ApiKey::OFFSET_COMMIT
        | ApiKey::TXN_OFFSET_COMMIT
        | ApiKey::OFFSET_DELETE
        | ApiKey::DESCRIBE_PRODUCERS => Some(AclOperation::Read),
        ApiKey::METADATA
        | ApiKey::LIST_OFFSETS
        | ApiKey::OFFSET_FETCH
        | ApiKey::CONSUMER_GROUP_HEARTBEAT
        | ApiKey::CONSUMER_GROUP_DESCRIBE
        | ApiKey::DESCRIBE_TRANSACTIONS => Some(AclOperation::Describe),
        ApiKey::CREATE_TOPICS => Some(AclOperation::Create),
        ApiKey::DELETE_TOPICS | ApiKey::DELETE_RECORDS => Some(AclOperation::Delete),
        ApiKey::CREATE_PARTITIONS => Some(AclOperation::Alter),
        ApiKey::DESCRIBE_CONFIGS => Some(AclOperation::DescribeConfigs),
        ApiKey::INCREMENTAL_ALTER_CONFIGS => Some(AclOperation::AlterConfigs),
        _ => None,
    }
}

fn operation_on_group(api: ApiKey) -> Option<AclOperation> {
    match api {
        ApiKey::FIND_COORDINATOR
        | ApiKey::OFFSET_FETCH
        | ApiKey::DESCRIBE_GROUPS
        | ApiKey::CONSUMER_GROUP_DESCRIBE
        | ApiKey::LIST_GROUPS => Some(AclOperation::Describe),
        ApiKey::DELETE_GROUPS | ApiKey::OFFSET_DELETE => Some(AclOperation::Delete),
        _ => Some(AclOperation::Read),
    }
}

/// Whether who may do it to the cluster may do it to each topic or group.
fn is_cluster_enough(api: ApiKey) -> bool {
    let such = [
        ApiKey::CREATE_TOPICS,
        ApiKey::DELETE_TOPICS,
        ApiKey::LIST_GROUPS,
    ];
    such.contains(&api)
}

fn code_about(kind: ResourceKind) -> ErrorCode {
    match kind {
        ResourceKind::Topic => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ResourceKind::Group => ErrorCode::GROUP_AUTHORIZATION_FAILED,
        ResourceKind::TransactionalId => ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ResourceKind::Cluster => ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
    }
}

/// Who has not authenticated.
const NOBODY: &str = "ANONYMOUS";
