//! A whole frame as JSON, whatever it asks or answers: for programs that show what passes by.
//!
//! Frames are whole, without their length, as [`FrameReader`](crate::FrameReader) takes them off a stream.

use bytes::Bytes;
use serde_json::Value;

use super::value::Json;
use crate::{
    api_key::ApiKey,
    decode_error::DecodeError,
    frame::{decode_request, decode_response},
    header::RequestHeader,
    message::{Message, Request},
    messages,
    wire::Reader,
};

/// A request as JSON, from what follows its header; none of an API that is not in
/// [`messages`](crate::messages). A SaslAuthenticate request shows what it holds, passwords too.
///
/// ```
/// use kafka_wire::{Reader, Request, RequestHeader, encode_request, json, messages::EndTxnRequest};
///
/// let request = EndTxnRequest::default().with_transactional_id("t".to_owned());
/// let frame = encode_request(7, None, EndTxnRequest::version(0)?, &request)?.slice(4..);
/// let mut body = Reader::new(frame);
/// let header = RequestHeader::decode(&mut body)?;
/// let shown = json::request_to_json(&header, body)?.expect("an API that is known");
/// assert_eq!(shown["transactionalId"], "t");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the version is not implemented, or the bytes are not such a request.
pub fn request_to_json(header: &RequestHeader, body: Reader) -> Result<Option<Value>, DecodeError> {
    type Show = fn(&RequestHeader, Reader) -> Result<Value, DecodeError>;
    macro_rules! of_each {
        ($($request:ident,)*) => {
            [$((messages::$request::KEY, request::<messages::$request> as Show),)*]
        };
    }
    let known = crate::for_each_request!(of_each);
    let mut fitting = known.into_iter().filter(|(key, _)| *key == header.api_key);
    let show = fitting.next().map(|(_, show)| show(header, body));
    show.transpose()
}

/// The correlation id and the response as JSON, from a frame that answers a request to this API in this version; none
/// of an API that is not in [`messages`](crate::messages).
///
/// ```
/// use kafka_wire::{ApiKey, json};
///
/// let frame = &b"\0\0\0\x07\0\0\0\0\0\0"[..];
/// let (id, shown) = json::response_to_json(ApiKey::END_TXN, 0, frame.into())?.expect("an API that is known");
/// assert_eq!((id, &shown["errorCode"]), (7, &0.into()));
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the version is not implemented, or the bytes are not such a response.
pub fn response_to_json(
    api_key: ApiKey,
    api_version: i16,
    frame: Bytes,
) -> Result<Option<(i32, Value)>, DecodeError> {
    type Show = fn(i16, Bytes) -> Result<(i32, Value), DecodeError>;
    macro_rules! of_each {
        ($($request:ident,)*) => {
            [$((messages::$request::KEY, response::<messages::$request> as Show),)*]
        };
    }
    let known = crate::for_each_request!(of_each);
    let mut fitting = known.into_iter().filter(|(key, _)| *key == api_key);
    let show = fitting.next().map(|(_, show)| show(api_version, frame));
    show.transpose()
}

fn request<R: Request + Json>(header: &RequestHeader, body: Reader) -> Result<Value, DecodeError> {
    let version = R::version(header.api_version)?;
    Ok(decode_request::<R>(header, body)?.to_json(version))
}

fn response<R: Request>(api_version: i16, frame: Bytes) -> Result<(i32, Value), DecodeError>
where
    R::Response: Message + Json,
{
    let version = R::version(api_version)?;
    let (correlation_id, response) = decode_response::<R>(frame, version)?;
    Ok((correlation_id, response.to_json(version)))
}
