//! Frames: how requests and responses follow each other in a stream of bytes.
//!
//! ```text
//! [ length: 4 bytes │ header │ body ] [ length │ header │ body ] …
//! ```
//!
//! Both directions are here, for clients and for servers. What is read from a socket goes through
//! [`FrameReader`], which splits it; a frame is then whole, without its length. Nothing here
//! touches a socket.

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    api_key::ApiKey,
    decode_error::DecodeError,
    encode_error::{EncodeError, EncodeProblem},
    error_code::ErrorCode,
    header::{RequestHeader, put_request_header, put_response_header, read_response_header},
    message::{Message, Request},
    version::Version,
    wire::{Reader, Wire},
};

/// A whole frame, length included, that asks for `request`.
///
/// ```
/// use kafka_wire::{Request, encode_request, messages::MetadataRequest};
///
/// let version = MetadataRequest::version(0)?;
/// let all_topics = MetadataRequest::default().with_topics(Some(vec![]));
/// let frame = encode_request(7, Some("app"), version, &all_topics)?;
/// assert_eq!(&frame[..], b"\0\0\0\x11\0\x03\0\0\0\0\0\x07\0\x03app\0\0\0\0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When something in it is longer than the protocol allows; nothing is cut.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: Option<&str>,
    version: Version,
    request: &R,
) -> Result<Bytes, EncodeError> {
    framed(|out| {
        put_request_header(out, R::KEY, version, correlation_id, client_id)?;
        request.encode(out, version)
    })
}

/// The request in a frame whose header says that it is an `R`.
///
/// A server reads the header first, to know what `R` is, then leaves the rest to this.
///
/// ```
/// use kafka_wire::{Reader, Request, RequestHeader, decode_request, encode_request};
/// use kafka_wire::messages::EndTxnRequest;
///
/// let sent = EndTxnRequest::default().with_transactional_id("t".into());
/// let frame = encode_request(1, None, EndTxnRequest::version(3)?, &sent)?.slice(4..);
///
/// let mut input = Reader::new(frame);
/// let header = RequestHeader::decode(&mut input)?;
/// assert_eq!(header.api_key, EndTxnRequest::KEY);
/// assert_eq!(decode_request::<EndTxnRequest>(&header, input)?, sent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the version is not implemented, or the bytes are not such a request.
pub fn decode_request<R: Request>(
    header: &RequestHeader,
    mut body: Reader,
) -> Result<R, DecodeError> {
    let request = R::decode(&mut body, R::version(header.api_version)?)?;
    body.finish()?;
    Ok(request)
}

/// A whole frame, length included, that answers request `R`.
///
/// ```
/// use kafka_wire::{Request, encode_response, messages::EndTxnRequest};
///
/// let response = Default::default();
/// let frame = encode_response::<EndTxnRequest>(7, EndTxnRequest::version(0)?, &response)?;
/// assert_eq!(&frame[..], b"\0\0\0\x0a\0\0\0\x07\0\0\0\0\0\0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When something in it is longer than the protocol allows; nothing is cut.
pub fn encode_response<R: Request>(
    correlation_id: i32,
    version: Version,
    response: &R::Response,
) -> Result<Bytes, EncodeError> {
    framed(|out| {
        put_response_header(out, R::KEY, version, correlation_id);
        response.encode(out, version)
    })
}

/// The correlation id and the response in a frame (without its length) that answers request `R`,
/// which was sent in `version`.
///
/// A broker that does not know the version of an ApiVersions request answers with
/// [`UNSUPPORTED_VERSION`](ErrorCode::UNSUPPORTED_VERSION) in version 0 (KIP-511); that is read
/// too.
///
/// Bytes after the last field are skipped, as Kafka's own client does: some brokers write them (the
/// mock cluster of librdkafka 2.12, after its metadata). ApiVersions must end with its last field:
/// it is the answer that shows whether a Kafka broker listens there.
///
/// ```
/// use kafka_wire::{Request, decode_response, messages::EndTxnRequest};
///
/// let frame = &b"\0\0\0\x07\0\0\0\0\0\0"[..];
/// let (id, response) = decode_response::<EndTxnRequest>(frame.into(), EndTxnRequest::version(0)?)?;
/// assert_eq!(id, 7);
/// assert!(response.error_code.is_none());
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the bytes are not such a response.
pub fn decode_response<R: Request>(
    frame: Bytes,
    version: Version,
) -> Result<(i32, R::Response), DecodeError> {
    decode_response_as::<R, R::Response>(frame, version)
}

/// The same for callers that need a part of the response: `T` has its fields, some of them
/// [`Skipped`](crate::Skipped).
///
/// # Errors
/// When the bytes are not such a response.
pub fn decode_response_as<R: Request, T: Message>(
    frame: Bytes,
    version: Version,
) -> Result<(i32, T), DecodeError> {
    let mut input = Reader::new(frame);
    let correlation_id = read_response_header(&mut input, R::KEY, version)?;
    let body = input.clone();
    let response = decode_body::<R, T>(input, version).or_else(|error| {
        let unsupported = ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes();
        if R::KEY == ApiKey::API_VERSIONS && body.peek().starts_with(&unsupported) {
            return decode_body::<R, T>(body, Version::ZERO);
        }
        Err(error)
    })?;
    Ok((correlation_id, response))
}

/// The correlation id of a response frame (without its length), which tells its request.
///
/// ```
/// assert_eq!(kafka_wire::correlation_id(b"\0\0\0\x07...")?, 7);
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the frame is shorter than that.
pub fn correlation_id(frame: &[u8]) -> Result<i32, DecodeError> {
    let mut input = Reader::new(Bytes::copy_from_slice(&frame[..frame.len().min(4)]));
    i32::decode(&mut input, Version::ZERO)
}

/// Splits what comes from a socket into frames.
///
/// ```
/// use bytes::BytesMut;
/// use kafka_wire::FrameReader;
///
/// let frames = FrameReader::new(1024);
/// let mut buffer = BytesMut::from(&b"\0\0\0\x02hi\0\0\0\x03t"[..]);
/// assert_eq!(frames.next(&mut buffer)?.as_deref(), Some(&b"hi"[..]));
/// assert_eq!(frames.next(&mut buffer)?, None); // more must be read
/// buffer.extend_from_slice(b"wo");
/// assert_eq!(frames.next(&mut buffer)?.as_deref(), Some(&b"two"[..]));
/// # Ok::<(), kafka_wire::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FrameReader {
    frame_bytes_max: usize,
}

impl FrameReader {
    /// A reader that refuses frames above `frame_bytes_max`, their length not counted.
    ///
    /// ```
    /// use kafka_wire::{FRAME_BYTES_MAX_DEFAULT, FrameReader};
    ///
    /// let frames = FrameReader::new(FRAME_BYTES_MAX_DEFAULT);
    /// ```
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max }
    }

    /// Takes the next frame off the front of `buffer`, without its length; none if it is not
    /// all there yet. The frame shares the buffer's memory.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use kafka_wire::FrameReader;
    ///
    /// let mut buffer = BytesMut::from(&[0, 0, 0, 2, b'o'][..]);
    /// assert_eq!(FrameReader::new(100).next(&mut buffer)?, None); // a byte is missing
    /// # Ok::<(), kafka_wire::FrameError>(())
    /// ```
    ///
    /// # Errors
    /// When the length is negative or too large. Nothing more can be read from the stream then.
    pub fn next(&self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = self.length(buffer)? else {
            return Ok(None);
        };
        if buffer.len() - LENGTH_BYTES < length {
            return Ok(None);
        }
        buffer.advance(LENGTH_BYTES);
        Ok(Some(buffer.split_to(length).freeze()))
    }

    /// How many bytes must still be read until [`next`](Self::next) has a frame; zero if it has.
    ///
    /// Useful before reading a large frame; but the other side may announce more than it sends, so
    /// do not reserve all of it at once.
    ///
    /// ```
    /// use kafka_wire::FrameReader;
    ///
    /// assert_eq!(FrameReader::new(100).missing_bytes(&[0, 0, 0, 2, b'o'])?, 1);
    /// # Ok::<(), kafka_wire::FrameError>(())
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn missing_bytes(&self, buffer: &[u8]) -> Result<usize, FrameError> {
        let whole = self
            .length(buffer)?
            .map_or(LENGTH_BYTES, |length| LENGTH_BYTES + length);
        Ok(whole.saturating_sub(buffer.len()))
    }

    fn length(&self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(&bytes) = buffer.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(bytes);
        match usize::try_from(length) {
            Ok(length) if length <= self.frame_bytes_max => Ok(Some(length)),
            _ => Err(self.refuse(bytes, length)),
        }
    }

    #[cold]
    fn refuse(&self, bytes: [u8; LENGTH_BYTES], length: i32) -> FrameError {
        match bytes {
            // A record of TLS: an alert (21) or a handshake (22), of version 3.x.
            [0x15 | 0x16, 0x03, 0..=4, _] => FrameError::Tls,
            text if text
                .iter()
                .all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')) =>
            {
                FrameError::Text {
                    start: String::from_utf8_lossy(&text).into_owned(),
                }
            }
            _ if length < 0 => FrameError::NegativeLength { length },
            _ => FrameError::TooLarge {
                length: length as usize,
                limit: self.frame_bytes_max,
            },
        }
    }
}

/// A stream that is not made of frames, or of too large ones.
///
/// ```
/// use kafka_wire::{FrameError, FrameReader};
///
/// let of_http = FrameReader::new(100).missing_bytes(b"HTTP/1.1 400 Bad Request");
/// assert!(matches!(of_http, Err(FrameError::Text { .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame above the limit.
    #[error("a frame of {length} bytes is announced; allowed are {limit}")]
    TooLarge {
        /// Bytes announced.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A negative length.
    #[error("a frame of {length} bytes is announced; the length cannot be negative")]
    NegativeLength {
        /// The length as read.
        length: i32,
    },
    /// The other side speaks TLS where plaintext was expected.
    #[error("this is no Kafka frame but TLS: the port expects an encrypted connection")]
    Tls,
    /// The other side speaks in text, as HTTP servers and others do.
    #[error("this is no Kafka frame but text that begins with `{start}`: not a Kafka port")]
    Text {
        /// The first bytes.
        start: String,
    },
}

/// Writes a frame: what `fill` writes, with its length before it.
fn framed(
    fill: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::with_capacity(FRAME_BYTES_GUESS);
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    fill(&mut out)?;
    let length = frame_length(out.len())?;
    out[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(out.freeze())
}

/// The length that stands before a frame of so many bytes, itself included.
pub(crate) fn frame_length(whole_bytes: usize) -> Result<i32, EncodeError> {
    let bytes = whole_bytes - LENGTH_BYTES;
    i32::try_from(bytes).map_err(|_| EncodeError::new(EncodeProblem::FrameTooLarge { bytes }))
}

fn decode_body<R: Request, T: Message>(
    mut input: Reader,
    version: Version,
) -> Result<T, DecodeError> {
    let response = T::decode(&mut input, version)?;
    if R::KEY == ApiKey::API_VERSIONS {
        input.finish()?;
    }
    Ok(response)
}

/// The most a broker accepts unless it is told otherwise (`socket.request.max.bytes`).
pub const FRAME_BYTES_MAX_DEFAULT: usize = 100 * 1024 * 1024;

pub(crate) const LENGTH_BYTES: usize = 4;

/// Most requests fit into this without growing.
const FRAME_BYTES_GUESS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> FrameError {
        FrameReader::new(1000)
            .next(&mut BytesMut::from(bytes))
            .unwrap_err()
    }

    #[test]
    fn a_frame_is_found_whatever_the_pieces_it_comes_in() {
        let stream = b"\0\0\0\0\0\0\0\x05hello\0\0\0\x01!";
        for piece in 1..stream.len() {
            let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
            for bytes in stream.chunks(piece) {
                buffer.extend_from_slice(bytes);
                while let Some(frame) = FrameReader::new(5).next(&mut buffer).unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, ["", "hello", "!"], "in pieces of {piece}");
        }
    }

    #[test]
    fn a_length_is_refused_before_its_bytes_arrive() {
        assert_eq!(
            refusal(b"\0\0\x03\xe9"),
            FrameError::TooLarge {
                length: 1001,
                limit: 1000
            }
        );
        assert_eq!(
            refusal(b"\xff\xff\xff\xfe"),
            FrameError::NegativeLength { length: -2 }
        );
    }

    #[test]
    fn a_server_that_is_not_kafka_is_recognised() {
        assert_eq!(
            refusal(b"HTTP/1.1 400"),
            FrameError::Text {
                start: "HTTP".to_owned()
            }
        );
        assert_eq!(refusal(b"\x15\x03\x03\x00\x02\x02\x46"), FrameError::Tls);
    }

    #[test]
    fn missing_bytes_count_down_to_zero() {
        let frames = FrameReader::new(10);
        let missing = |bytes: &[u8]| frames.missing_bytes(bytes).unwrap();
        assert_eq!(missing(b""), 4);
        assert_eq!(missing(b"\0\0\0\x02"), 2);
        assert_eq!(missing(b"\0\0\0\x02hi more"), 0);
    }
}
