//! Requests of administrators, each to its handler.

use kafka_wire::ApiKey;

use super::{Cluster, Outcome, Raw};

impl Cluster {
    pub(super) fn serve_admin(&mut self, raw: Raw) -> Outcome {
        match raw.call.api {
            ApiKey::CREATE_TOPICS => self.run(raw, Self::create_topics),
            ApiKey::DELETE_TOPICS => self.run(raw, Self::delete_topics),
            ApiKey::CREATE_PARTITIONS => self.run(raw, Self::create_partitions),
            ApiKey::DELETE_RECORDS => self.run(raw, Self::delete_records_as_asked),
            ApiKey::DESCRIBE_CONFIGS => self.run(raw, Self::describe_configs),
            ApiKey::INCREMENTAL_ALTER_CONFIGS => self.run(raw, Self::incremental_alter_configs),
            ApiKey::DESCRIBE_CLUSTER => self.run(raw, Self::describe_cluster),
            ApiKey::DESCRIBE_PRODUCERS => self.run(raw, Self::describe_producers),
            ApiKey::DESCRIBE_TRANSACTIONS => self.run(raw, Self::describe_transactions),
            ApiKey::LIST_TRANSACTIONS => self.run(raw, Self::list_transactions),
            ApiKey::CREATE_ACLS => self.run(raw, Self::create_acls),
            ApiKey::DESCRIBE_ACLS => self.run(raw, Self::describe_acls),
            ApiKey::DELETE_ACLS => self.run(raw, Self::delete_acls),
            ApiKey::DESCRIBE_CLIENT_QUOTAS => self.run(raw, Self::describe_client_quotas),
            ApiKey::ALTER_CLIENT_QUOTAS => self.run(raw, Self::alter_client_quotas),
            _ => self.serve_group(raw),
        }
    }
}
