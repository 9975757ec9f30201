//! ApiVersions: what is served. No features are finalized, for nothing here depends on one.

use kafka_wire::{
    ApiKey, ErrorCode, Version, VersionRange, encode_response,
    messages::{ApiVersionsRequest, ApiVersionsResponse, api_versions::ApiVersion},
};

use super::{Answer, Call, Cluster, Outcome, Pause, SERVED, Target};

impl Cluster {
    pub(super) fn api_versions(
        &mut self,
        call: &Call,
        request: ApiVersionsRequest,
        pause: Pause,
    ) -> Outcome {
        let names = [
            &request.client_software_name,
            &request.client_software_version,
        ];
        let error_code = self.as_scripted(call, Target::default(), |_| {
            match call.version.number >= FIRST_WITH_NAMES && !names.into_iter().all(is_name) {
                true => ErrorCode::INVALID_REQUEST,
                false => ErrorCode::NONE,
            }
        });
        let response = ApiVersionsResponse {
            error_code,
            api_keys: SERVED.into_iter().map(advertised).collect(),
            throttle_time_ms: pause.throttle_time_ms(),
            ..ApiVersionsResponse::default()
        };
        Ok(call.answer::<ApiVersionsRequest>(&response))
    }

    /// The client is newer than we are: told in version 0, which everybody reads (KIP-511).
    pub(super) fn unsupported_api_versions(call: &Call) -> Answer {
        let ours = SERVED
            .into_iter()
            .filter(|(key, _)| *key == ApiKey::API_VERSIONS);
        let response = ApiVersionsResponse {
            error_code: ErrorCode::UNSUPPORTED_VERSION,
            api_keys: ours.map(advertised).collect(),
            ..ApiVersionsResponse::default()
        };
        let oldest = Version {
            number: 0,
            flexible: false,
        };
        Answer::Send(encode_response::<ApiVersionsRequest>(
            call.correlation_id,
            oldest,
            &response,
        ))
    }
}

fn advertised((api_key, versions): (ApiKey, VersionRange)) -> ApiVersion {
    let VersionRange { oldest, latest } = versions;
    // Versions below 3 are gone, but librdkafka wants to see them (KAFKA-18659).
    let min_version = if api_key == ApiKey::PRODUCE {
        0
    } else {
        oldest
    };
    ApiVersion {
        api_key,
        min_version,
        max_version: latest,
    }
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
