//! The first request on every connection, and how its answer is read (KIP-35, KIP-511).
//!
//! ```text
//! ApiVersions, our newest ──understood──▶ told
//!            └─not spoken─▶ ApiVersions, the broker's newest or 0 ──▶ told, or refused
//! ```

use bytes::Bytes;
use kafka_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_wire::{DecodeError, ErrorCode, Request, Version, decode_response};

use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::versions::Versions;

/// What the answer to ApiVersions says.
#[derive(Debug)]
pub(crate) enum Greeting {
    /// The broker speaks these.
    Told(ApiVersionsResponse),
    /// The broker tells nothing, because of this code; what it speaks of ApiVersions, if it says so.
    Refused(ApiVersionsResponse),
    /// The broker does not speak the version that it was asked in: ask in this one.
    AskIn(i16),
}

/// The version that a broker is asked in first.
pub(crate) const FIRST_VERSION: i16 = ApiVersionsRequest::STABLE_VERSIONS.latest;

/// The version from which on a broker is told whom it should be (KIP-1242).
pub(crate) const FIRST_WITH_DESTINATION: i16 = 5;

/// What a broker is told of us when it is asked what it speaks, and whom we mean, if that is known: both
/// ids or none.
pub(crate) fn request(meant: Option<&Destination>) -> ApiVersionsRequest {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(SOFTWARE_NAME.to_owned())
        .with_client_software_version(env!("CARGO_PKG_VERSION").to_owned());
    match meant {
        Some(meant) => request
            .with_cluster_id(Some(meant.cluster.to_string()))
            .with_node_id(meant.node.0),
        None => request,
    }
}

/// Reads the answer to a request of that version.
pub(crate) fn read(frame: Bytes, version: Version) -> Result<Greeting, DecodeError> {
    let unsupported = says_unsupported(&frame) && version.number > 0;
    let answer = match decode_response::<ApiVersionsRequest>(frame, version) {
        Ok((_, answer)) => answer,
        // The code is all that can be read of it.
        Err(_) if unsupported => return Ok(Greeting::AskIn(0)),
        Err(error) => return Err(error),
    };
    Ok(match answer.error_code {
        // The broker says in version 0 what it speaks instead.
        _ if unsupported => {
            let ours = Versions::new(&answer).newest_to::<ApiVersionsRequest>(version.number - 1);
            Greeting::AskIn(ours.map_or(0, |version| version.number))
        }
        ErrorCode::NONE => Greeting::Told(answer),
        _ => Greeting::Refused(answer),
    })
}

/// Whether an answer to ApiVersions begins with that code: it stands behind the correlation id in
/// every version, whatever follows.
fn says_unsupported(frame: &[u8]) -> bool {
    let code = frame.get(4..).and_then(<[u8]>::first_chunk);
    code.is_some_and(|code| ErrorCode(i16::from_be_bytes(*code)) == ErrorCode::UNSUPPORTED_VERSION)
}

/// The name that brokers note of their clients.
const SOFTWARE_NAME: &str = "kafka-producer-rs";

#[cfg(test)]
mod tests {
    use super::*;

    fn answered_in(asked: i16, answer: &[u8]) -> Greeting {
        let version = ApiVersionsRequest::version(asked).unwrap();
        let mut frame = vec![0, 0, 0, 7];
        frame.extend_from_slice(answer);
        read(frame.into(), version).unwrap()
    }

    /// UNSUPPORTED_VERSION.
    const CODE: [u8; 2] = [0, 35];

    #[test]
    fn who_does_not_speak_our_version_is_asked_in_its_own() {
        let code_alone = answered_in(FIRST_VERSION, &CODE);
        assert!(matches!(code_alone, Greeting::AskIn(0)), "{code_alone:?}");
        // Version 0 of the answer: one api, which is ApiVersions up to version 2.
        let one = [0, 0, 0, 1, 0, 18, 0, 0, 0, 2];
        let told = answered_in(FIRST_VERSION, &[&CODE[..], &one].concat());
        assert!(matches!(told, Greeting::AskIn(2)), "{told:?}");
    }

    #[test]
    fn who_refuses_the_oldest_version_is_not_asked_again() {
        let none = [0, 0, 0, 0];
        let refused = answered_in(0, &[&CODE[..], &none].concat());
        assert!(matches!(refused, Greeting::Refused(_)), "{refused:?}");
        let told = answered_in(0, &[0, 0, 0, 0, 0, 0]);
        assert!(matches!(told, Greeting::Told(_)), "{told:?}");
    }
}
