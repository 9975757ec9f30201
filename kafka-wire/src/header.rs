//! What stands before the body of a request or a response.
//!
//! ```text
//! request  v1: API key · version · correlation id · client id      v2: the same, then tags
//! response v0: correlation id                                      v1: the same, then tags
//! ```
//!
//! Flexible versions have the later header; but the response to ApiVersions always has the
//! earlier one, because a client reads it before it knows what the broker speaks (KIP-511).

use bytes::{BufMut, BytesMut};

use crate::{
    api_key::ApiKey,
    decode_error::DecodeError,
    encode_error::EncodeError,
    message::skip_tags,
    version::Version,
    wire::{Reader, Wire, put_string},
};

/// The header of a request.
///
/// ```
/// use bytes::BytesMut;
/// use kafka_wire::{ApiKey, Reader, RequestHeader};
///
/// let header = RequestHeader::new(ApiKey::PRODUCE, 9, 7).with_client_id(Some("app".to_owned()));
/// let mut out = BytesMut::new();
/// header.encode(&mut out)?;
/// assert_eq!(RequestHeader::decode(&mut Reader::new(out.freeze()))?, header);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHeader {
    /// What is asked.
    pub api_key: ApiKey,
    /// The version, which may be one that is not implemented.
    pub api_version: i16,
    /// The number that the response repeats.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// The header of a request from a client without a name.
    #[must_use]
    pub fn new(api_key: ApiKey, api_version: i16, correlation_id: i32) -> Self {
        Self {
            api_key,
            api_version,
            correlation_id,
            client_id: None,
        }
    }

    /// The same header with another client id.
    #[must_use]
    pub fn with_client_id(self, client_id: Option<String>) -> Self {
        Self { client_id, ..self }
    }

    /// The version of the request, as its API key and number tell it.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::of(self.api_version, self.api_key.first_flexible())
    }

    /// Appends this header.
    ///
    /// # Errors
    /// When the client id is longer than the protocol allows.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let version = self.version();
        put_request_header(
            out,
            self.api_key,
            version,
            self.correlation_id,
            self.client_id.as_deref(),
        )
    }

    /// Takes a header off the front of a request, so that the body is next.
    ///
    /// # Errors
    /// When the bytes are not a header.
    pub fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        let header = Self {
            api_key: input.field("api_key", Version::ZERO)?,
            api_version: input.field("api_version", Version::ZERO)?,
            correlation_id: input.field("correlation_id", Version::ZERO)?,
            // Never compact, so that brokers can read it in versions they do not know.
            client_id: input.field("client_id", Version::ZERO)?,
        };
        if header.version().flexible {
            skip_tags(input)?;
        }
        Ok(header)
    }
}

/// The version of the header of a request: 2 if it is flexible, else 1.
///
/// ```
/// use kafka_wire::{ApiKey, request_header_version};
///
/// assert_eq!(request_header_version(ApiKey::PRODUCE, 8), 1);
/// assert_eq!(request_header_version(ApiKey::PRODUCE, 9), 2);
/// ```
#[must_use]
pub fn request_header_version(api_key: ApiKey, api_version: i16) -> i16 {
    1 + i16::from(Version::of(api_version, api_key.first_flexible()).flexible)
}

/// The version of the header of a response: 1 if it is flexible, else 0; 0 for ApiVersions.
///
/// ```
/// use kafka_wire::{ApiKey, response_header_version};
///
/// assert_eq!(response_header_version(ApiKey::PRODUCE, 9), 1);
/// assert_eq!(response_header_version(ApiKey::API_VERSIONS, 4), 0);
/// ```
#[must_use]
pub fn response_header_version(api_key: ApiKey, api_version: i16) -> i16 {
    let version = Version::of(api_version, api_key.first_flexible());
    i16::from(version.flexible && api_key != ApiKey::API_VERSIONS)
}

pub(crate) fn put_request_header(
    out: &mut BytesMut,
    api_key: ApiKey,
    version: Version,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<(), EncodeError> {
    out.put_i16(api_key.0);
    out.put_i16(version.number);
    out.put_i32(correlation_id);
    put_string(out, client_id, Version::ZERO).map_err(|error| error.in_field("client_id"))?;
    if version.flexible {
        out.put_u8(NO_TAGS);
    }
    Ok(())
}

pub(crate) fn put_response_header(
    out: &mut BytesMut,
    api_key: ApiKey,
    version: Version,
    correlation_id: i32,
) {
    out.put_i32(correlation_id);
    if response_header_version(api_key, version.number) == 1 {
        out.put_u8(NO_TAGS);
    }
}

pub(crate) fn read_response_header(
    input: &mut Reader,
    api_key: ApiKey,
    version: Version,
) -> Result<i32, DecodeError> {
    let correlation_id = i32::decode(input, Version::ZERO)?;
    if response_header_version(api_key, version.number) == 1 {
        skip_tags(input)?;
    }
    Ok(correlation_id)
}

/// An empty section of tagged fields.
pub(crate) const NO_TAGS: u8 = 0;
