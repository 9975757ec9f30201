//! What is sent most costs no allocation: the bytes are the value's own, or in the reused scratch.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use allocation_counter::measure;
use kafka_serde::{
    BigEndian, Boolean, Context, Framed, Headers, Latin1, List, Nullable, Raw, Role, Serializer,
    Utf8, Utf16, UuidText,
};

/// Serializes once to warm the scratch up, then counts the allocations of a hundred more.
fn steady_allocations<T: ?Sized>(serializer: &impl Serializer<T>, value: &T) -> u64 {
    let mut scratch = Vec::new();
    let mut run = || {
        let mut headers = Headers::new();
        let mut context = Context::new("orders", Role::Value, &mut headers);
        let bytes = serializer
            .serialize(&mut context, value, &mut scratch)
            .unwrap();
        std::hint::black_box(bytes);
    };
    run();
    measure(|| (0..100).for_each(|_| run())).count_total
}

#[test]
fn texts_and_bytes_are_serialized_without_allocating() {
    assert_eq!(
        steady_allocations(&Utf8, "a text of some length, in UTF-8: äöü"),
        0
    );
    assert_eq!(
        steady_allocations(&Utf16, "a text that must be written anew"),
        0
    );
    assert_eq!(steady_allocations(&Latin1, "äöü"), 0);
    assert_eq!(steady_allocations(&Raw, &[7_u8; 1000][..]), 0);
    assert_eq!(steady_allocations(&Nullable(Utf8), &Some("there")), 0);
}

#[test]
fn numbers_and_uuids_are_serialized_without_allocating() {
    assert_eq!(steady_allocations(&BigEndian, &i64::MIN), 0);
    assert_eq!(steady_allocations(&BigEndian, &7_i16), 0);
    assert_eq!(steady_allocations(&BigEndian, &1.5_f64), 0);
    assert_eq!(steady_allocations(&Boolean, &true), 0);
    assert_eq!(steady_allocations(&UuidText::default(), &[7_u8; 16]), 0);
}

#[test]
fn a_list_allocates_for_its_elements_once_however_long_it_is() {
    assert_eq!(
        steady_allocations(&List::variable_size(Utf8), &["a"; 50][..]),
        0
    );
    assert_eq!(
        steady_allocations(&List::constant_size(BigEndian), &[7_i32; 50][..]),
        100
    );
}

#[test]
fn static_headers_allocate_the_list_alone() {
    let count = measure(|| {
        let mut headers = Headers::new();
        headers.add("trace", "static").add("null", None::<&str>);
        std::hint::black_box(&headers);
    })
    .count_total;
    assert_eq!(count, 1);
    let none = measure(|| drop(std::hint::black_box(Headers::new()))).count_total;
    assert_eq!(none, 0);
}

#[test]
fn an_id_of_a_schema_is_put_before_a_value_without_allocating() {
    assert_eq!(steady_allocations(&Framed::new(7, Utf8), "lent"), 0);
    assert_eq!(steady_allocations(&Framed::new(7, Utf16), "written"), 0);
}
