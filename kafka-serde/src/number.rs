//! Numbers and truth values, in Java's byte order.

use crate::{Context, SerializeError, Serializer};

/// Numbers in network order, as Java's `Short-`, `Integer-`, `Long-`, `Float-`, `DoubleSerializer`.
///
/// A NaN of 32 bits keeps its bits, one of 64 bits becomes the canonical NaN: Java's float
/// serializer uses `floatToRawIntBits`, its double serializer `doubleToLongBits`.
///
/// ```
/// use kafka_serde::{BigEndian, Context, Headers, Role, Serializer};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Key, &mut headers);
/// assert_eq!(BigEndian.serialize(&mut context, &-2_i16, &mut scratch)?, Some(&[255, 254][..]));
/// assert_eq!(BigEndian.serialize(&mut context, &1.0_f32, &mut scratch)?, Some(&[63, 128, 0, 0][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BigEndian;

/// Tells how a number's bits are taken; the rest is the same for all.
macro_rules! big_endian {
    ($($number:ty => $bits:expr;)+) => {$(
        impl Serializer<$number> for BigEndian {
            #[inline]
            fn serialize<'a>(
                &self,
                _context: &mut Context<'_>,
                value: &'a $number,
                scratch: &'a mut Vec<u8>,
            ) -> Result<Option<&'a [u8]>, SerializeError> {
                let bits = $bits;
                scratch.clear();
                scratch.extend_from_slice(&bits(*value).to_be_bytes());
                Ok(Some(scratch))
            }
        }
    )+};
}

big_endian! {
    i16 => |number: i16| number;
    i32 => |number: i32| number;
    i64 => |number: i64| number;
    f32 => f32::to_bits;
    f64 => |number: f64| if number.is_nan() { CANONICAL_NAN } else { number.to_bits() };
}

/// One byte, 0 or 1 (Java's `BooleanSerializer`).
///
/// ```
/// use kafka_serde::{Boolean, Context, Headers, Role, Serializer};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// assert_eq!(Boolean.serialize(&mut context, &true, &mut scratch)?, Some(&[1][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Boolean;

impl Serializer<bool> for Boolean {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a bool,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        Ok(Some(if *value { &[1] } else { &[0] }))
    }
}

/// The one NaN that `Double.doubleToLongBits` knows.
const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;
