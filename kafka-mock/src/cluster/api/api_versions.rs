//! ApiVersions: what is served, and at which level transactions and groups are (the features
//! `transaction.version`, KIP-890, and `group.version`, KIP-848). A client that means another broker or cluster is told so (KIP-1242).

use kafka_wire::{
    ApiKey, ErrorCode, Version, VersionRange, encode_response,
    messages::{
        ApiVersionsRequest, ApiVersionsResponse,
        api_versions::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
    },
};

use super::{super::call::sent, super::sasl::Sasl, Answer, Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn api_versions(
        &mut self,
        call: &Call,
        request: ApiVersionsRequest,
        pause: Pause,
    ) -> Outcome {
        if let Some(code) = self.objection(call, &request) {
            let refused = ApiVersionsResponse::default()
                .with_error_code(code)
                .with_throttle_time_ms(pause.throttle_time_ms());
            return Ok(call.answer::<ApiVersionsRequest>(&refused));
        }
        let error_code = self.as_scripted(call, Target::default(), |_| ErrorCode::NONE);
        if let Some(sasl) = &mut self.sasl
            && error_code.is_none()
        {
            sasl.versions_told(call.link);
        }
        let response = ApiVersionsResponse::default()
            .with_error_code(error_code)
            .with_api_keys(self.served(call.broker()).map(advertised).collect())
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_supported_features(supported(call.version.number))
            .with_finalized_features_epoch(self.features_epoch)
            .with_finalized_features(self.finalized());
        Ok(call.answer::<ApiVersionsRequest>(&response))
    }

    /// Why a broker tells a client nothing. Whom the client means is compared where other requests are
    /// served: on a listener that requires SASL that is after the login.
    fn objection(&self, call: &Call, request: &ApiVersionsRequest) -> Option<ErrorCode> {
        let version = call.version.number;
        let mut names = [
            &request.client_software_name,
            &request.client_software_version,
        ]
        .into_iter();
        if version >= FIRST_WITH_NAMES && !names.all(is_name) {
            return Some(ErrorCode::INVALID_REQUEST);
        }
        if version < FIRST_WITH_DESTINATION {
            return None;
        }
        let admitted = |sasl: &Sasl| sasl.is_authenticated(call.link);
        let (cluster, node) = (request.cluster_id.as_deref(), request.node_id);
        match cluster {
            // Both ids, or none.
            None => (node != NO_NODE).then_some(ErrorCode::INVALID_REQUEST),
            Some(_) if node == NO_NODE => Some(ErrorCode::INVALID_REQUEST),
            Some(_) if !self.sasl.as_ref().is_none_or(admitted) => None,
            Some(id) => {
                let meant = *id == *self.id.to_string() && node == call.broker().0;
                (!meant).then_some(ErrorCode::REBOOTSTRAP_REQUIRED)
            }
        }
    }

    fn finalized(&self) -> Vec<FinalizedFeatureKey> {
        let level = self.transaction_version;
        let feature = FinalizedFeatureKey::default()
            .with_name(TRANSACTION_VERSION.to_owned())
            .with_max_version_level(level)
            .with_min_version_level(level);
        let groups = FinalizedFeatureKey::default()
            .with_name(GROUP_VERSION.to_owned())
            .with_max_version_level(1)
            .with_min_version_level(1);
        // Level 0 is the same as none.
        let feature = Some(feature).filter(|_| level > 0);
        feature.into_iter().chain([groups]).collect()
    }

    /// The client is newer than the broker: answered in version 0, which every client reads
    /// (KIP-511).
    pub(super) fn unsupported_api_versions(&self, call: &Call) -> Answer {
        let ours = self
            .served(call.broker())
            .filter(|(key, _)| *key == ApiKey::API_VERSIONS);
        let response = ApiVersionsResponse::default()
            .with_error_code(ErrorCode::UNSUPPORTED_VERSION)
            .with_api_keys(ours.map(advertised).collect());
        let oldest = Version::of(0, None);
        sent(encode_response::<ApiVersionsRequest>(
            call.correlation_id,
            oldest,
            &response,
        ))
    }
}

/// Clients before version 4 cannot read a feature that begins with level 0 (KAFKA-17011).
fn supported(version: i16) -> Vec<SupportedFeatureKey> {
    let features = [(TRANSACTION_VERSION, 2), (GROUP_VERSION, 1)];
    let known = features.iter().filter(|_| version >= FIRST_WITH_LEVEL_0);
    let keys = known.map(|&(name, latest)| {
        SupportedFeatureKey::default()
            .with_name(name.to_owned())
            .with_min_version(0)
            .with_max_version(latest)
    });
    keys.collect()
}

fn advertised((api_key, versions): (ApiKey, VersionRange)) -> ApiVersion {
    let VersionRange { oldest, latest } = versions;
    // Versions below 3 are gone, but librdkafka requires them to be listed (KAFKA-18659).
    let min_version = if api_key == ApiKey::PRODUCE {
        0
    } else {
        oldest
    };
    ApiVersion::default()
        .with_api_key(api_key)
        .with_min_version(min_version)
        .with_max_version(latest)
}

/// Letters, digits, dashes and dots, no dash or dot at either end (KIP-511).
fn is_name(text: &String) -> bool {
    let bytes = text.as_bytes();
    let middle = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.".contains(byte);
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.iter().all(middle) && edge(bytes.first()) && edge(bytes.last())
}

/// KIP-511.
const FIRST_WITH_NAMES: i16 = 3;
const FIRST_WITH_LEVEL_0: i16 = 4;
/// KIP-1242.
const FIRST_WITH_DESTINATION: i16 = 5;
const NO_NODE: i32 = -1;
const TRANSACTION_VERSION: &str = "transaction.version";
/// KIP-848.
const GROUP_VERSION: &str = "group.version";
