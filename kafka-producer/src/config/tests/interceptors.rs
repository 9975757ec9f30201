//! `interceptor.classes`: which names are accepted, and for which types of records.

use super::*;

#[test]
fn interceptors_of_java_are_refused_with_what_to_use_instead() {
    refused(
        &[("interceptor.classes", "com.example.Audit")],
        "interceptor.classes=\"com.example.Audit\": must be left unset, because classes of Java cannot be \
         run: Plugins::interceptor gives the name to an interceptor of the program's own, and the builder \
         takes one without a name",
    );
}

#[cfg(feature = "tokio")]
#[test]
fn an_interceptor_is_named_for_the_types_of_a_producers_records() {
    struct Audit;
    impl<K: ?Sized, V: ?Sized> crate::ProducerInterceptor<K, V> for Audit {}
    let plugins = Plugins::new()
        .interceptor::<i64, str, _>("com.example.Audit", || Audit)
        .interceptor::<str, str, _>("com.example.Other", || Audit)
        .interceptor::<str, str, _>("com.example.Audit", || Audit);
    let told = |classes: &str| {
        let builder = crate::Producer::<str, str>::builder().plugins(plugins.clone());
        let builder = builder.set("bootstrap.servers", "localhost:9092");
        let built = builder.set("interceptor.classes", classes).build();
        built
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(told("com.example.Audit, com.example.Other"), "");
    let unknown = told("com.example.Metrics");
    let expected = "must be com.example.Audit, or com.example.Other, or left unset";
    assert!(unknown.contains(expected), "{unknown}");
    let twice = told("com.example.Audit,com.example.Audit");
    assert!(
        twice.ends_with("must be a list with each name once"),
        "{twice}"
    );

    let of_numbers = crate::Producer::<str, i64>::builder().plugins(plugins.clone());
    let of_numbers = of_numbers.set("bootstrap.servers", "localhost:9092");
    let built = of_numbers
        .set("interceptor.classes", "com.example.Audit")
        .build();
    assert_eq!(
        built.unwrap_err().to_string(),
        "interceptor.classes=\"com.example.Audit\": must be an interceptor for keys of type str and values \
         of type i64, because those are the producer's records, and it is for keys of type str and values \
         of type str"
    );
}
