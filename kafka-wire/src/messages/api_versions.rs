//! ApiVersions (18): what a broker speaks. The first request on every connection.
//!
//! Its response has the oldest header whatever its version, and a broker that does not know the
//! version asked for answers in version 0 (KIP-511); see `frame`.

use crate::{
    ApiKey, ErrorCode,
    message::{request, wire_struct},
};

request! {
    ApiVersionsRequest => ApiVersionsResponse: API_VERSIONS, versions 0..=5, flexible 3..;
}

wire_struct! {
    /// Asks a broker what it speaks; the first request on a connection.
    pub struct ApiVersionsRequest {
        /// What the client calls itself (KIP-511).
        client_software_name: String, in 3.., else dropped;
        /// Version of the client.
        client_software_version: String, in 3.., else dropped;
        /// Id of the cluster that the client means to reach, given with the node (KIP-1242); null if
        /// not known.
        cluster_id: Option<String>, in 5.., default None, else dropped;
        /// The node that the client means to reach; -1 if not known.
        node_id: i32, in 5.., default -1, else dropped;
    }
}

wire_struct! {
    /// What the broker speaks.
    pub struct ApiVersionsResponse {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// What the broker serves.
        api_keys: Vec<ApiVersion>;
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// Features the broker can run (KIP-584).
        supported_features: Vec<SupportedFeatureKey>, in 3.., tag 0, else dropped;
        /// Grows with each change of the finalized features; -1 if not known.
        finalized_features_epoch: i64, in 3.., tag 1, default -1, else dropped;
        /// Features the whole cluster has agreed on; valid if the epoch is.
        finalized_features: Vec<FinalizedFeatureKey>, in 3.., tag 2, else dropped;
        /// Whether a KRaft controller is ready to take over from ZooKeeper.
        zk_migration_ready: bool, in 3.., tag 3, else dropped;
    }

    /// The versions of one API.
    pub struct ApiVersion {
        /// The API.
        api_key: ApiKey;
        /// Oldest version.
        min_version: i16;
        /// Latest version.
        max_version: i16;
    }

    /// The versions of one feature that the broker can run.
    pub struct SupportedFeatureKey {
        /// Name of the feature.
        name: String;
        /// Oldest version.
        min_version: i16;
        /// Latest version.
        max_version: i16;
    }

    /// The level of one feature that the cluster has agreed on.
    pub struct FinalizedFeatureKey {
        /// Name of the feature.
        name: String;
        /// Highest level agreed on.
        max_version_level: i16;
        /// Lowest level agreed on.
        min_version_level: i16;
    }
}
