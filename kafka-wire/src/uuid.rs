//! Topic ids and the like: sixteen bytes, written as Kafka writes them.
//!
//! Kafka prints a UUID as 22 characters of unpadded, URL-safe base64, not with dashes.

use std::{fmt, str::FromStr};

/// A universally unique id, such as that of a topic (KIP-516).
///
/// ```
/// use kafka_wire::Uuid;
///
/// let id: Uuid = "AAECAwQFBgcICQoLDA0ODw".parse()?;
/// assert_eq!(id.0[15], 15);
/// assert_eq!(id.to_string(), "AAECAwQFBgcICQoLDA0ODw");
/// assert!(Uuid::ZERO.is_zero());
/// # Ok::<(), kafka_wire::UuidError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zeros, which stands for "none".
    pub const ZERO: Self = Self([0; 16]);

    /// Whether this stands for "none".
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        // 22 digits of 6 bits hold 132: the last digit carries four zero bits beyond the 128.
        let digit = |place: u32| match place {
            21 => (bits << 4) as usize & 0x3f,
            _ => (bits >> (122 - 6 * place)) as usize & 0x3f,
        };
        let text: [u8; 22] = std::array::from_fn(|place| ALPHABET[digit(place as u32)]);
        f.pad(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        let refuse = || UuidError {
            text: text.chars().take(64).collect(),
        };
        if text.len() != 22 {
            return Err(refuse());
        }
        let mut bits = 0_u128;
        for (place, byte) in text.bytes().enumerate() {
            let digit = ALPHABET
                .iter()
                .position(|&c| c == byte)
                .ok_or_else(refuse)? as u128;
            bits = match place {
                21 if digit & 0x0f != 0 => return Err(refuse()),
                21 => bits << 2 | digit >> 4,
                _ => bits << 6 | digit,
            };
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

/// A text that is not a UUID in Kafka's form.
///
/// ```
/// let error = "a topic".parse::<kafka_wire::Uuid>().unwrap_err();
/// assert_eq!(error.text, "a topic");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no UUID; allowed are 22 characters of unpadded URL-safe base64")]
#[non_exhaustive]
pub struct UuidError {
    /// The beginning of the text.
    pub text: String,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_survives_the_text() {
        for bit in 0..128 {
            let id = Uuid((1_u128 << bit).to_be_bytes());
            assert_eq!(id.to_string().parse(), Ok(id), "bit {bit}");
        }
        assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "AAAA",
            "AAECAwQFBgcICQoLDA0OD!",
            "AAECAwQFBgcICQoLDA0ODx",
            "ééééééééééé",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }
}
