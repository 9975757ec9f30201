//! Requests about groups, each to its handler.

use kafka_wire::ApiKey;

use super::{Answer, Cluster, Outcome, Raw};

impl Cluster {
    pub(super) fn serve_group(&mut self, raw: Raw) -> Outcome {
        match raw.call.api {
            ApiKey::JOIN_GROUP => {
                let client = raw.header.client_id.clone();
                self.run(raw, |cluster, call, request, pause| {
                    cluster.join_group(call, request, pause, client)
                })
            }
            ApiKey::SYNC_GROUP => self.run(raw, Self::sync_group),
            ApiKey::HEARTBEAT => self.run(raw, Self::heartbeat),
            ApiKey::LEAVE_GROUP => self.run(raw, Self::leave_group),
            ApiKey::OFFSET_COMMIT => self.run(raw, Self::offset_commit),
            ApiKey::OFFSET_FETCH => self.run(raw, Self::offset_fetch),
            ApiKey::DESCRIBE_GROUPS => self.run(raw, Self::describe_groups),
            ApiKey::LIST_GROUPS => self.run(raw, Self::list_groups),
            ApiKey::DELETE_GROUPS => self.run(raw, Self::delete_groups),
            ApiKey::OFFSET_DELETE => self.run(raw, Self::offset_delete),
            _ => Ok(Answer::Close),
        }
    }
}
