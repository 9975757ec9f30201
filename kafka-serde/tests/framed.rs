//! What one would trip over with ids of schemas: nulls, nesting, headers, and bytes that were never framed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use kafka_serde::{
    BigEndian, Context, FrameError, Framed, Headers, List, Nullable, Raw, Role, SchemaId,
    SerializeError, Serializer, Utf8, from_fn, parse_message_indexes,
};
use proptest::collection::vec;
use proptest::prelude::*;

const GUID: SchemaId = SchemaId::Guid([0xab; 16]);

fn serialize<T: ?Sized>(
    serializer: &impl Serializer<T>,
    role: Role,
    value: &T,
) -> (Result<Option<Vec<u8>>, SerializeError>, Headers) {
    let mut headers = Headers::new();
    let mut scratch = b"left over from the record before".to_vec();
    let mut context = Context::new("orders", role, &mut headers);
    let outcome = serializer.serialize(&mut context, value, &mut scratch);
    let outcome = outcome.map(|bytes| bytes.map(<[u8]>::to_vec));
    (outcome, headers)
}

fn bytes<T: ?Sized>(serializer: &impl Serializer<T>, value: &T) -> Vec<u8> {
    serialize(serializer, Role::Value, value)
        .0
        .unwrap()
        .unwrap()
}

#[test]
fn a_null_has_no_schema() {
    for schema in [SchemaId::Id(7), GUID] {
        let framed = Framed::new(schema, Nullable(Utf8));
        let (outcome, headers) = serialize(&framed, Role::Value, &None::<&str>);
        assert_eq!(outcome.unwrap(), None);
        assert!(headers.is_empty());
    }
}

#[test]
fn an_empty_value_has_a_schema() {
    assert_eq!(bytes(&Framed::new(7, Utf8), ""), [0, 0, 0, 0, 7]);
}

#[test]
fn key_and_value_have_headers_of_their_own() {
    for (role, name) in [
        (Role::Key, "__key_schema_id"),
        (Role::Value, "__value_schema_id"),
    ] {
        let (outcome, headers) = serialize(&Framed::new(GUID, Utf8), role, "tea");
        assert_eq!(outcome.unwrap().unwrap(), b"tea");
        assert_eq!(headers.iter().count(), 1);
        let header = headers.last(name).unwrap().unwrap();
        assert_eq!(SchemaId::parse(header), Ok((GUID, &[][..])));
    }
}

#[test]
fn an_error_of_the_payload_leaves_no_header_and_the_next_value_is_whole() {
    let picky = from_fn(|context, text: &str, scratch| match text {
        "" => Err(SerializeError::new("the text", "it is empty")),
        text => Utf8.serialize(context, text, scratch),
    });
    let by_header = Framed::new(GUID, &picky);
    let (outcome, headers) = serialize(&by_header, Role::Value, "");
    assert!(outcome.is_err() && headers.is_empty());
    let framed = Framed::new(7, &picky);
    assert!(serialize(&framed, Role::Value, "").0.is_err());
    assert_eq!(bytes(&framed, "tea"), b"\0\0\0\0\x07tea");
}

#[test]
fn what_is_framed_may_be_framed_again_or_stand_in_a_list() {
    let twice = Framed::new(1, Framed::new(2, BigEndian));
    assert_eq!(bytes(&twice, &3_i16), [0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 3]);
    let list = Framed::new(1, List::variable_size(Framed::new(2, BigEndian)));
    let expected = b"\0\0\0\0\x01\x01\0\0\0\x01\0\0\0\x07\0\0\0\0\x02\0\x03";
    assert_eq!(bytes(&list, &[3_i16][..]), expected);
}

#[test]
fn the_last_message_indexes_count_and_none_are_none() {
    let framed = Framed::new(7, Raw).message_indexes(&[1, 2]);
    assert_eq!(
        bytes(&framed.clone().message_indexes(&[0]), b"."),
        *b"\0\0\0\0\x07\0."
    );
    assert_eq!(bytes(&framed.message_indexes(&[]), b"."), *b"\0\0\0\0\x07.");
}

#[test]
fn bytes_without_an_id_are_told_why() {
    let too_short = |bytes, needed| FrameError::TooShort { bytes, needed };
    for (input, expected) in [
        (&b""[..], too_short(0, 5)),
        (&b"\0"[..], too_short(1, 5)),
        (&b"\0\0\0\0"[..], too_short(4, 5)),
        (&b"\x01"[..], too_short(1, 17)),
        (&[1; 16][..], too_short(16, 17)),
        (&b"\x02\0\0\0\0"[..], FrameError::UnknownMagic { byte: 2 }),
        (&b"{\"id\": 7}"[..], FrameError::UnknownMagic { byte: b'{' }),
    ] {
        assert_eq!(SchemaId::parse(input), Err(expected), "{input:?}");
    }
}

#[test]
fn message_indexes_that_no_schema_has_are_refused() {
    let too_short = |bytes, needed| FrameError::TooShort { bytes, needed };
    for (input, expected) in [
        (&b""[..], too_short(0, 1)),
        (&b"\x80"[..], too_short(1, 2)),
        // Two indexes, of which one is there.
        (&b"\x04\x02"[..], too_short(1, 2)),
        (&b"\x04\x02\x80"[..], too_short(1, 2)),
        // A count of -1, and an index of -1.
        (&b"\x01."[..], FrameError::BadMessageIndex),
        (&b"\x02\x01"[..], FrameError::BadMessageIndex),
        // A count, and an index, of 65536.
        (&b"\x80\x80\x08."[..], FrameError::BadMessageIndex),
        (&b"\x02\x80\x80\x08"[..], FrameError::BadMessageIndex),
        // A number that does not end.
        (&[0xff; 20][..], FrameError::BadMessageIndex),
        // More indexes than bytes.
        (&b"\xfe\xff\x07"[..], too_short(0, 65_535)),
    ] {
        assert_eq!(parse_message_indexes(input), Err(expected), "{input:?}");
    }
}

#[test]
fn an_error_says_what_was_expected() {
    for (error, text) in [
        (
            FrameError::UnknownMagic { byte: 123 },
            "the first byte is 123: 0 comes before the id of a schema, 1 before its GUID",
        ),
        (
            FrameError::BadMessageIndex,
            "a message index is negative or beyond 65535: perhaps the payload is not Protobuf",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        id in any::<u32>(), guid in any::<[u8; 16]>(), indexes in vec(any::<u16>(), 1..6),
        payload in vec(any::<u8>(), 0..40),
    ) {
        let framed = Framed::new(id, Raw).message_indexes(&indexes);
        let written = bytes(&framed, &payload);
        let (schema, rest) = SchemaId::parse(&written).unwrap();
        prop_assert_eq!(schema, SchemaId::Id(id));
        prop_assert_eq!(parse_message_indexes(rest).unwrap(), (indexes.clone(), &payload[..]));

        let framed = Framed::new(SchemaId::Guid(guid), Raw).message_indexes(&indexes);
        let (outcome, headers) = serialize(&framed, Role::Key, &payload);
        prop_assert_eq!(outcome.unwrap().unwrap(), payload);
        let header = headers.last("__key_schema_id").flatten().unwrap();
        let (schema, rest) = SchemaId::parse(header).unwrap();
        prop_assert_eq!(schema, SchemaId::Guid(guid));
        prop_assert_eq!(parse_message_indexes(rest).unwrap(), (indexes, &[][..]));
    }

    #[test]
    fn no_bytes_make_reading_panic(input in vec(any::<u8>(), 0..40)) {
        if let Ok((_, rest)) = SchemaId::parse(&input) {
            prop_assert!(input.ends_with(rest));
        }
        if let Ok((indexes, rest)) = parse_message_indexes(&input) {
            prop_assert!(!indexes.is_empty() && input.ends_with(rest));
        }
    }
}
