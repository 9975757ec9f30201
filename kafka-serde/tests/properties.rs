//! What holds for every value: nothing panics, what can be lent is lent, what is written reads back.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use kafka_serde::{
    BigEndian, Context, HeaderValue, Headers, List, Nullable, Raw, Role, Serializer,
    StringEncoding, StringSerializer, Utf8, UuidText,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const ENCODINGS: [StringEncoding; 6] = [
    StringEncoding::Utf8,
    StringEncoding::Utf16,
    StringEncoding::Utf16Be,
    StringEncoding::Utf16Le,
    StringEncoding::Latin1,
    StringEncoding::Ascii,
];

/// What the serializer writes, given a scratch that is not empty.
fn bytes_of<T: ?Sized>(serializer: &impl Serializer<T>, value: &T) -> Vec<u8> {
    let mut headers = Headers::new();
    let mut context = Context::new("orders", Role::Key, &mut headers);
    let mut scratch = vec![0xaa; 5];
    serializer
        .serialize(&mut context, value, &mut scratch)
        .unwrap()
        .unwrap()
        .to_vec()
}

/// Where the bytes that the serializer gives begin in memory.
fn place_of<T: ?Sized>(serializer: &impl Serializer<T>, value: &T) -> *const u8 {
    let mut headers = Headers::new();
    let mut context = Context::new("orders", Role::Key, &mut headers);
    serializer
        .serialize(&mut context, value, &mut Vec::new())
        .unwrap()
        .unwrap()
        .as_ptr()
}

/// Takes a big-endian count or size from the front.
fn take_i32(bytes: &mut &[u8]) -> i32 {
    let (head, rest) = bytes.split_first_chunk().unwrap();
    *bytes = rest;
    i32::from_be_bytes(*head)
}

proptest! {
    #[test]
    fn bytes_and_utf8_are_lent_without_a_copy(bytes in vec(any::<u8>(), 0..100), text in ".*") {
        prop_assert_eq!(bytes_of(&Raw, &bytes), &bytes[..]);
        prop_assert_eq!(place_of(&Raw, &bytes), bytes.as_ptr());
        prop_assert_eq!(bytes_of(&Utf8, &text), text.as_bytes());
        prop_assert_eq!(place_of(&Utf8, &text), text.as_ptr());
    }

    #[test]
    fn integers_are_big_endian(short: i16, int: i32, long: i64) {
        prop_assert_eq!(bytes_of(&BigEndian, &short), short.to_be_bytes());
        prop_assert_eq!(bytes_of(&BigEndian, &int), int.to_be_bytes());
        prop_assert_eq!(bytes_of(&BigEndian, &long), long.to_be_bytes());
    }

    #[test]
    fn a_float_keeps_its_bits_and_a_double_all_but_those_of_a_nan(
        single: u32,
        double: u64,
        payload in 1..1_u64 << 52,
    ) {
        prop_assert_eq!(bytes_of(&BigEndian, &f32::from_bits(single)), single.to_be_bytes());
        let number = f64::from_bits(double);
        if !number.is_nan() {
            prop_assert_eq!(bytes_of(&BigEndian, &number), double.to_be_bytes());
        }
        let nan = f64::from_bits(0xfff0_0000_0000_0000 | payload);
        prop_assert_eq!(bytes_of(&BigEndian, &nan), 0x7ff8_0000_0000_0000_u64.to_be_bytes());
    }

    #[test]
    fn every_encoding_takes_every_text(text in any::<String>()) {
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mark: &[u8] = if text.is_empty() { &[] } else { &[0xfe, 0xff] };
        for encoding in ENCODINGS {
            let bytes = bytes_of(&StringSerializer::new(encoding), &text);
            match encoding {
                StringEncoding::Utf8 => prop_assert_eq!(&bytes[..], text.as_bytes()),
                StringEncoding::Utf16 => prop_assert_eq!(bytes, [mark, &big].concat()),
                StringEncoding::Utf16Be => prop_assert_eq!(&bytes, &big),
                StringEncoding::Utf16Le => prop_assert_eq!(&bytes, &little),
                _ => prop_assert_eq!(bytes.len(), text.chars().count()),
            }
        }
    }

    #[test]
    fn any_name_of_an_encoding_is_an_encoding_or_an_error(name in ".{0,20}") {
        match name.parse::<StringEncoding>() {
            Ok(encoding) => prop_assert!(ENCODINGS.contains(&encoding)),
            Err(error) => prop_assert!(error.to_string().contains("ISO-8859-1")),
        }
    }

    #[test]
    fn a_uuid_is_36_characters_that_spell_its_bytes(bytes: [u8; 16]) {
        let text = String::from_utf8(bytes_of(&UuidText::default(), &bytes)).unwrap();
        prop_assert_eq!(text.len(), 36);
        prop_assert_eq!(hex::decode(text.replace('-', "")).unwrap(), bytes);
    }

    #[test]
    fn a_list_of_constant_size_reads_back(list in vec(option::of(any::<i32>()), 0..50)) {
        let written = bytes_of(&List::constant_size(Nullable(BigEndian)), &list);
        let mut bytes = written.strip_prefix(&[0]).unwrap();
        let nulls: Vec<i32> = (0..take_i32(&mut bytes)).map(|_| take_i32(&mut bytes)).collect();
        let read: Vec<Option<i32>> = (0..take_i32(&mut bytes))
            .map(|index| (!nulls.contains(&index)).then(|| take_i32(&mut bytes)))
            .collect();
        prop_assert_eq!(read, list);
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn a_list_of_variable_size_reads_back(list in vec(option::of(".{0,9}"), 0..50)) {
        let written = bytes_of(&List::variable_size(Nullable(Utf8)), &list);
        let mut bytes = written.strip_prefix(&[1]).unwrap();
        let mut read = Vec::new();
        for _ in 0..take_i32(&mut bytes) {
            read.push(usize::try_from(take_i32(&mut bytes)).ok().map(|size| {
                let (text, rest) = bytes.split_at(size);
                bytes = rest;
                String::from_utf8(text.to_vec()).unwrap()
            }));
        }
        prop_assert_eq!(read, list);
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn headers_keep_order_duplicates_and_nulls(
        pairs in vec(("[ab]{0,2}", option::of(vec(any::<u8>(), 0..4))), 0..20),
        removed in "[ab]{0,2}",
    ) {
        let mut headers: Headers = pairs.iter().cloned().collect();
        let expected: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
        prop_assert_eq!(headers.iter().collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(headers.iter().len(), pairs.len());

        let of_key = |(key, value)| (key == removed).then_some(value);
        let all: Vec<_> = expected.iter().copied().filter_map(of_key).collect();
        prop_assert_eq!(headers.all(&removed).collect::<Vec<_>>(), all.clone());
        prop_assert_eq!(headers.last(&removed), all.last().copied());
        prop_assert_eq!(headers.remove(&removed), all.len());
        prop_assert_eq!(headers.len(), pairs.len() - all.len());
        prop_assert!(headers.iter().all(|(key, _)| key != removed));
    }

    #[test]
    fn a_header_value_is_its_bytes_however_it_is_held(bytes in vec(any::<u8>(), 0..20)) {
        let owned = HeaderValue::from(bytes.clone());
        let leaked: &'static [u8] = bytes.clone().leak();
        prop_assert_eq!(&owned, &HeaderValue::from(leaked));
        prop_assert_eq!(owned.as_bytes(), Some(&bytes[..]));
        prop_assert_ne!(owned, HeaderValue::NULL);
    }
}
