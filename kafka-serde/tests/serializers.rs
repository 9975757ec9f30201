//! What one would trip over when serializers are combined, shared and refused.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::error::Error;
use std::sync::Arc;

use kafka_serde::{
    BigEndian, Context, DefaultSerializer, Headers, List, Nullable, Raw, Role, SerializeError,
    Serializer, StringEncoding, Utf8, from_fn,
};

fn serialize<T: ?Sized>(
    serializer: &(impl Serializer<T> + ?Sized),
    value: &T,
) -> Result<Option<Vec<u8>>, SerializeError> {
    let mut headers = Headers::new();
    let mut context = Context::new("orders", Role::Value, &mut headers);
    let mut scratch = Vec::new();
    Ok(serializer
        .serialize(&mut context, value, &mut scratch)?
        .map(<[u8]>::to_vec))
}

#[test]
fn a_serializer_may_be_chosen_at_run_time_and_shared() {
    let boxed: Box<dyn Serializer<str>> = Box::new(Utf8);
    let shared: Arc<dyn Serializer<str>> = Arc::new(Raw);
    let lent: &dyn Serializer<str> = &Utf8;
    assert_eq!(serialize(&boxed, "a").unwrap().unwrap(), b"a");
    assert_eq!(serialize(&shared, "b").unwrap().unwrap(), b"b");
    assert_eq!(serialize(&lent, "c").unwrap().unwrap(), b"c");
}

#[test]
fn a_closure_may_lend_a_part_of_the_value() {
    struct Order {
        id: String,
    }
    let by_id = from_fn(|_, order: &Order, _| Ok(Some(order.id.as_bytes())));
    assert_eq!(
        serialize(&by_id, &Order { id: "o-1".into() })
            .unwrap()
            .unwrap(),
        b"o-1"
    );
}

#[test]
fn a_serializer_sees_topic_and_role_and_adds_headers() {
    let tagged = from_fn(|context: &mut Context<'_>, text: &str, scratch| {
        let tag = format!("{}/{:?}", context.topic, context.role);
        context.headers.add("written-by", tag);
        Utf8.serialize(context, text, scratch)
    });
    let mut headers = Headers::from([("first", "1")]);
    let mut context = Context::new("orders", Role::Key, &mut headers);
    tagged
        .serialize(&mut context, "a", &mut Vec::new())
        .unwrap();
    let expected = Headers::from([("first", "1"), ("written-by", "orders/Key")]);
    assert_eq!(headers, expected);
}

#[test]
fn null_and_empty_are_not_the_same() {
    assert_eq!(serialize(&Nullable(Utf8), &Some("")).unwrap(), Some(vec![]));
    assert_eq!(serialize(&Nullable(Utf8), &None::<&str>).unwrap(), None);
}

#[test]
fn a_list_of_constant_size_refuses_elements_of_another_size() {
    let error = serialize(&List::constant_size(Utf8), &["ab", "cd", "e"][..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "element 2 of the list has 1 bytes; those before it have 2"
    );
}

#[test]
fn a_list_says_which_element_was_refused() {
    let picky = from_fn(
        |context: &mut Context<'_>, number: &i32, scratch| match number {
            0.. => BigEndian.serialize(context, number, scratch),
            _ => Err(SerializeError::new("the amount", "it is negative")),
        },
    );
    let error = serialize(&List::constant_size(picky), &[1, -1][..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "element 1 of the list could not be serialized"
    );
    let cause = error.source().unwrap();
    assert_eq!(cause.to_string(), "the amount could not be serialized");
    assert_eq!(cause.source().unwrap().to_string(), "it is negative");
}

#[test]
fn a_list_of_lists_nests_the_format() {
    let nested = List::variable_size(List::constant_size(BigEndian));
    let bytes = serialize(&nested, &[vec![1_i16], vec![]][..])
        .unwrap()
        .unwrap();
    let inner = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];
    let empty = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    let expected = [
        &[1, 0, 0, 0, 2][..],
        &[0, 0, 0, 11],
        &inner,
        &[0, 0, 0, 9],
        &empty,
    ]
    .concat();
    assert_eq!(bytes, expected);
}

#[test]
fn every_java_name_of_an_encoding_is_known_in_any_case() {
    for (name, encoding) in [
        ("utf8", StringEncoding::Utf8),
        ("Utf-16", StringEncoding::Utf16),
        ("unicodebigunmarked", StringEncoding::Utf16Be),
        ("x-utf-16le", StringEncoding::Utf16Le),
        ("LATIN1", StringEncoding::Latin1),
        ("ascii", StringEncoding::Ascii),
    ] {
        assert_eq!(name.parse::<StringEncoding>().unwrap(), encoding, "{name}");
        assert_eq!(
            encoding.name().parse::<StringEncoding>().unwrap(),
            encoding,
            "{name}"
        );
    }
}

#[test]
fn an_encoding_of_the_role_comes_before_that_of_both() {
    let lookup = |name: &str| match name {
        "serializer.encoding" => Some("UTF-16"),
        "value.serializer.encoding" => Some("latin1"),
        _ => None,
    };
    let of = |role| StringEncoding::from_properties(role, lookup).unwrap();
    assert_eq!(
        (of(Role::Key), of(Role::Value)),
        (StringEncoding::Utf16, StringEncoding::Latin1)
    );
    let none = StringEncoding::from_properties(Role::Key, |_| None).unwrap();
    assert_eq!(none, StringEncoding::Utf8);
}

#[test]
fn the_default_serializer_of_each_type_is_the_one_java_has_for_it() {
    fn by_default<T: DefaultSerializer + ?Sized>(value: &T) -> Option<Vec<u8>> {
        serialize(&T::Serializer::default(), value).unwrap()
    }
    assert_eq!(by_default("text"), Some(b"text".to_vec()));
    assert_eq!(by_default(&String::from("text")), Some(b"text".to_vec()));
    assert_eq!(by_default(&[1_u8, 2][..]), Some(vec![1, 2]));
    assert_eq!(by_default(&vec![1_u8, 2]), Some(vec![1, 2]));
    assert_eq!(by_default(&[1_u8, 2]), Some(vec![1, 2]));
    assert_eq!(by_default(&-1_i16), Some(vec![255; 2]));
    assert_eq!(by_default(&-1_i32), Some(vec![255; 4]));
    assert_eq!(by_default(&-1_i64), Some(vec![255; 8]));
    assert_eq!(by_default(&1.0_f32), Some(vec![0x3f, 0x80, 0, 0]));
    assert_eq!(
        by_default(&f64::NAN),
        Some(vec![0x7f, 0xf8, 0, 0, 0, 0, 0, 0])
    );
    assert_eq!(by_default(&true), Some(vec![1]));
    assert_eq!(by_default(&()), None);
    assert_eq!(by_default(&Some("text".to_owned())), Some(b"text".to_vec()));
    assert_eq!(by_default(&None::<Vec<u8>>), None);
    #[cfg(feature = "bytes")]
    assert_eq!(
        by_default(&bytes::Bytes::from_static(b"text")),
        Some(b"text".to_vec())
    );
    #[cfg(feature = "uuid")]
    assert_eq!(
        by_default(&uuid::Uuid::nil()).unwrap(),
        b"00000000-0000-0000-0000-000000000000"
    );
}

#[cfg(feature = "json")]
#[test]
fn json_that_cannot_be_written_is_an_error_that_names_the_type() {
    use std::collections::HashMap;
    let map = HashMap::from([(vec![1], 2)]);
    let error = serialize(&kafka_serde::Json, &map).unwrap_err();
    assert!(error.to_string().contains("HashMap"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "key must be a string");
}
