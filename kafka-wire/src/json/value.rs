//! What has a JSON form: messages, by the macro that declares them, and the types of their fields.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    api_key::ApiKey, error_code::ErrorCode, field_path, sealed::Sealed, uuid::Uuid,
    version::Version,
};

/// A value with a JSON form.
///
/// ```
/// use kafka_wire::{Request, json::Json, messages::InitProducerIdRequest};
///
/// let version = InitProducerIdRequest::version(1)?;
/// let json = serde_json::json!({ "transactionalId": null, "transactionTimeoutMs": 1000 });
/// let request = InitProducerIdRequest::from_json(&json, version)?;
/// assert_eq!(request.transaction_timeout_ms, 1000);
/// assert_eq!(request.to_json(version), json);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Json: Sized + Sealed {
    /// This value as `version` has it.
    fn to_json(&self, version: Version) -> Value;

    /// Reads what [`to_json`](Self::to_json) writes.
    ///
    /// # Errors
    /// When a field of the version is missing or is of another type.
    fn from_json(value: &Value, version: Version) -> Result<Self, JsonError>;
}

/// JSON that is not the message it should be.
///
/// ```
/// use kafka_wire::{Request, json::Json, messages::EndTxnRequest};
///
/// let version = EndTxnRequest::version(0)?;
/// let error = EndTxnRequest::from_json(&serde_json::json!({}), version).unwrap_err();
/// assert_eq!(error.to_string(), "`transactional_id`: nothing, where a value is expected");
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {found}, where {expected} is expected")]
#[non_exhaustive]
pub struct JsonError {
    /// Path of the field.
    pub field: String,
    /// What is there.
    pub found: String,
    /// What should be.
    pub expected: &'static str,
}

impl JsonError {
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.field = field_path::join(name, &self.field);
        self
    }
}

pub(crate) fn missing(field: &str) -> JsonError {
    JsonError {
        field: field.to_owned(),
        found: "nothing".to_owned(),
        expected: "a value",
    }
}

pub(crate) fn object(value: &Value) -> Result<&Map<String, Value>, JsonError> {
    value
        .as_object()
        .ok_or_else(|| unexpected(value, "an object"))
}

/// `topic_id` as `topicId`.
pub(crate) fn camel_case(name: &str) -> String {
    // A field may be named by a keyword of Rust's.
    let mut words = name.trim_start_matches("r#").split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

fn unexpected(value: &Value, expected: &'static str) -> JsonError {
    JsonError {
        field: String::new(),
        found: value.to_string(),
        expected,
    }
}

macro_rules! integers {
    ($($type:ty, $expected:literal;)*) => {$(
        impl Json for $type {
            fn to_json(&self, _: Version) -> Value {
                (*self).into()
            }

            fn from_json(value: &Value, _: Version) -> Result<Self, JsonError> {
                let number = value.as_i64().and_then(|number| Self::try_from(number).ok());
                number.ok_or_else(|| unexpected(value, $expected))
            }
        }
    )*};
}

integers! {
    i8, "an integer of 8 bits";
    i16, "an integer of 16 bits";
    u16, "an unsigned integer of 16 bits";
    i32, "an integer of 32 bits";
    u32, "an unsigned integer of 32 bits";
    i64, "an integer of 64 bits";
}

impl Json for f64 {
    fn to_json(&self, _: Version) -> Value {
        (*self).into()
    }

    fn from_json(value: &Value, _: Version) -> Result<Self, JsonError> {
        value.as_f64().ok_or_else(|| unexpected(value, "a number"))
    }
}

impl Json for bool {
    fn to_json(&self, _: Version) -> Value {
        (*self).into()
    }

    fn from_json(value: &Value, _: Version) -> Result<Self, JsonError> {
        value
            .as_bool()
            .ok_or_else(|| unexpected(value, "true or false"))
    }
}

/// Numbers with a name for each.
macro_rules! named_numbers {
    ($($type:ty),*) => {$(
        impl Json for $type {
            fn to_json(&self, version: Version) -> Value {
                self.0.to_json(version)
            }

            fn from_json(value: &Value, version: Version) -> Result<Self, JsonError> {
                i16::from_json(value, version).map(Self)
            }
        }
    )*};
}

named_numbers!(ErrorCode, ApiKey);

impl Json for Uuid {
    fn to_json(&self, _: Version) -> Value {
        self.to_string().into()
    }

    fn from_json(value: &Value, _: Version) -> Result<Self, JsonError> {
        let id = value.as_str().and_then(|text| text.parse().ok());
        id.ok_or_else(|| unexpected(value, "a UUID in base64"))
    }
}

impl Json for String {
    fn to_json(&self, _: Version) -> Value {
        self.as_str().into()
    }

    fn from_json(value: &Value, _: Version) -> Result<Self, JsonError> {
        value
            .as_str()
            .map(Self::from)
            .ok_or_else(|| unexpected(value, "a string"))
    }
}

impl Json for Bytes {
    fn to_json(&self, _: Version) -> Value {
        let digit = |nibble: u8| char::from(HEX_DIGITS[usize::from(nibble)]);
        let digits = self.iter().flat_map(|b| [digit(b >> 4), digit(b & 0xf)]);
        digits.collect::<String>().into()
    }

    fn from_json(value: &Value, _: Version) -> Result<Self, JsonError> {
        let bytes = value.as_str().and_then(|text| {
            let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
            let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
            let pairs = digits.chunks(2);
            Some(pairs.map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
        });
        bytes.ok_or_else(|| unexpected(value, "bytes in hex"))
    }
}

impl<T: Json> Json for Vec<T> {
    fn to_json(&self, version: Version) -> Value {
        self.iter()
            .map(|element| element.to_json(version))
            .collect()
    }

    fn from_json(value: &Value, version: Version) -> Result<Self, JsonError> {
        let elements = value
            .as_array()
            .ok_or_else(|| unexpected(value, "an array"))?;
        let element = |(index, value)| {
            T::from_json(value, version).map_err(|error| error.in_field(&format!("[{index}]")))
        };
        elements.iter().enumerate().map(element).collect()
    }
}

impl<T: Json> Json for Option<T> {
    fn to_json(&self, version: Version) -> Value {
        self.as_ref()
            .map_or(Value::Null, |value| value.to_json(version))
    }

    fn from_json(value: &Value, version: Version) -> Result<Self, JsonError> {
        match value {
            Value::Null => Ok(None),
            value => T::from_json(value, version).map(Some),
        }
    }
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
