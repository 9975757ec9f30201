//! What consumers write into the bytes of the classic protocol: topics they want, partitions they get.
//!
//! Both begin with a version; later versions only add to the end. Bytes that are something else say
//! nothing.

use bytes::Bytes;
use kafka_wire::{DecodeError, Reader, Version, Wire};

/// The topics of a subscription.
pub(in crate::cluster) fn subscribed(bytes: &Bytes) -> Vec<String> {
    let topics = |input: &mut Reader| Vec::<String>::decode(input, OLDEST);
    read(bytes, topics).unwrap_or_default()
}

/// The partitions of an assignment.
pub(in crate::cluster) fn assigned(bytes: &Bytes) -> Vec<(String, i32)> {
    let partitions = |input: &mut Reader| {
        let mut all = Vec::new();
        for _ in 0..i32::decode(input, OLDEST)? {
            let topic = String::decode(input, OLDEST)?;
            let partitions = Vec::<i32>::decode(input, OLDEST)?;
            all.extend(partitions.into_iter().map(|it| (topic.clone(), it)));
        }
        Ok(all)
    };
    read(bytes, partitions).unwrap_or_default()
}

fn read<T>(
    bytes: &Bytes,
    body: impl FnOnce(&mut Reader) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut input = Reader::new(bytes.clone());
    i16::decode(&mut input, OLDEST)?;
    body(&mut input)
}

/// With lengths of fixed width.
const OLDEST: Version = Version::of(0, None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_consumers_write_is_read_and_other_bytes_say_nothing() {
        let subscription = b"\0\x01\0\0\0\x02\0\x01a\0\x01b\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(subscribed(&Bytes::from_static(subscription)), ["a", "b"]);
        let assignment = b"\0\0\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x03\xff\xff\xff\xff";
        let both = [("a".to_owned(), 0), ("a".to_owned(), 3)];
        assert_eq!(assigned(&Bytes::from_static(assignment)), both);
        for bytes in [&b""[..], b"\0", b"\0\0\x7f\xff\xff\xff", b"range"] {
            let bytes = Bytes::from_static(bytes);
            assert!(subscribed(&bytes).is_empty() && assigned(&bytes).is_empty());
        }
    }
}
