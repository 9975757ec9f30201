//! What the public types promise beside their methods: threads may share them, and an error names
//! each of its causes once.

use std::error::Error;

use kafka_serde::{
    Ascii, BigEndian, Boolean, Context, FrameError, Framed, FromFn, HeaderIter, HeaderValue,
    Headers, IntoHeaders, Latin1, List, Nullable, Raw, Role, SchemaId, SerializeError, Serializer,
    StringEncoding, StringSerializer, Utf8, Utf16, UuidText, Void, WholeBuffer,
};

fn shared_by_threads<T: Send + Sync + ?Sized>() {}

#[test]
fn every_public_type_may_be_sent_to_and_shared_by_threads() {
    shared_by_threads::<(Ascii, Latin1, StringSerializer, Utf8, Utf16, StringEncoding)>();
    shared_by_threads::<(BigEndian, Boolean, Raw, UuidText, Void, WholeBuffer)>();
    shared_by_threads::<(FromFn<fn()>, List<Utf8>, Nullable<Utf8>)>();
    shared_by_threads::<(Headers, HeaderIter<'static>, HeaderValue, IntoHeaders)>();
    shared_by_threads::<(Context<'static>, Role, SerializeError)>();
    shared_by_threads::<(FrameError, Framed<Utf8>, SchemaId)>();
    #[cfg(feature = "avro")]
    shared_by_threads::<kafka_serde::Avro<'static>>();
    #[cfg(feature = "cbor")]
    shared_by_threads::<kafka_serde::Cbor>();
    #[cfg(feature = "messagepack")]
    shared_by_threads::<kafka_serde::MessagePack>();
    #[cfg(feature = "protobuf")]
    shared_by_threads::<kafka_serde::Protobuf>();
    shared_by_threads::<dyn Serializer<str>>();
}

#[test]
fn an_error_names_its_cause_once() {
    let error = SerializeError::new("the order", "its price is negative");
    let cause = error.source().unwrap().to_string();
    assert_eq!(cause, "its price is negative");
    assert!(!error.to_string().contains(&cause));
}
