//! `key.serializer` and `value.serializer`, beside the types that the producer is built with.
//!
//! In Java these settings choose; here the types have chosen, and the settings must not say otherwise.

use std::any::{TypeId, type_name};

use kafka_serde::{
    Ascii, BigEndian, Boolean, Latin1, Nullable, Raw, Serializer, StringSerializer, Utf8, Utf16,
    UuidText, Void, WholeBuffer,
};

use super::error::Warning;
use super::plugins::Plugins;
use super::values::{Findings, Values};

/// The types of a serializer and of what it serializes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SerializerType {
    serializer: TypeId,
    name: &'static str,
    value: TypeId,
}

/// Those of a producer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SerializerTypes {
    pub(crate) key: SerializerType,
    pub(crate) value: SerializerType,
}

/// Reports what the settings say otherwise than the types.
pub(super) fn compare(
    values: &Values,
    types: &SerializerTypes,
    plugins: &Plugins,
    findings: &mut Findings,
) {
    let both = [
        ("key.serializer", &types.key),
        ("value.serializer", &types.value),
    ];
    for (name, serializer) in both {
        let class = values.text(name).filter(|class| !class.is_empty());
        if let Some(class) = class {
            compare_one(name, class, serializer, plugins, findings);
        }
    }
}

fn compare_one(
    name: &'static str,
    class: String,
    serializer: &SerializerType,
    plugins: &Plugins,
    findings: &mut Findings,
) {
    let own = plugins.names_of(serializer.serializer).map(str::to_owned);
    let kafka = serializer
        .classes()
        .iter()
        .map(|class| format!("{PACKAGE}.{class}"));
    let names: Vec<String> = own.chain(kafka).collect();
    let named = plugins.serializer_named(&class);
    let is_same = match named {
        Some(named) => named == serializer.serializer,
        None => names.contains(&class),
    };
    if is_same {
        return;
    }
    if names.is_empty() && named.is_none() {
        let reason = "the serializer is a type of the program's own, which Plugins gives no name";
        findings.warnings.push(Warning::NoEffect { name, reason });
        return;
    }
    let allowed: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .chain(["left unset"])
        .collect();
    let because = format!("the producer is built with {}", serializer.name);
    findings.contradiction(name, class, &allowed.join(", or "), because);
}

const PACKAGE: &str = "org.apache.kafka.common.serialization";

impl SerializerType {
    pub(crate) fn of<T: ?Sized + 'static, S: Serializer<T> + 'static>() -> Self {
        Self {
            serializer: TypeId::of::<S>(),
            name: type_name::<S>(),
            value: TypeId::of::<T>(),
        }
    }

    /// Kafka's classes that write the same bytes; none for a type that is not of ours.
    fn classes(&self) -> &'static [&'static str] {
        if self.is::<BigEndian>() {
            return self.number();
        }
        let texts = self.is::<Utf8>() || self.is::<Utf16>() || self.is::<Latin1>();
        if texts || self.is::<Ascii>() || self.is::<StringSerializer>() {
            &["StringSerializer"]
        } else if self.is::<Raw>() {
            &[
                "ByteArraySerializer",
                "BytesSerializer",
                "ByteBufferSerializer",
            ]
        } else if self.is::<WholeBuffer>() {
            &["ByteBufferSerializer"]
        } else if self.is::<Boolean>() {
            &["BooleanSerializer"]
        } else if self.is::<UuidText>() {
            &["UUIDSerializer"]
        } else if self.is::<Void>() {
            &["VoidSerializer"]
        } else {
            &[]
        }
    }

    /// Of one serializer of numbers, the number tells which of Kafka's it is.
    fn number(&self) -> &'static [&'static str] {
        if self.is_of::<i16>() {
            &["ShortSerializer"]
        } else if self.is_of::<i32>() {
            &["IntegerSerializer"]
        } else if self.is_of::<i64>() {
            &["LongSerializer"]
        } else if self.is_of::<f32>() {
            &["FloatSerializer"]
        } else if self.is_of::<f64>() {
            &["DoubleSerializer"]
        } else {
            &[]
        }
    }

    /// Whether it is this serializer, or the one that takes none as well.
    fn is<S: 'static>(&self) -> bool {
        [TypeId::of::<S>(), TypeId::of::<Nullable<S>>()].contains(&self.serializer)
    }

    fn is_of<T: 'static>(&self) -> bool {
        [TypeId::of::<T>(), TypeId::of::<Option<T>>()].contains(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ProducerConfig;
    use super::*;

    fn of<T: ?Sized + 'static, S: Serializer<T> + 'static>(_: S) -> SerializerType {
        SerializerType::of::<T, S>()
    }

    /// What is said of `value.serializer`.
    fn told(class: &str, value: SerializerType, plugins: Plugins) -> String {
        let config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
        let config = config.set("value.serializer", class).plugins(plugins);
        let key = of::<str, _>(Utf8);
        match config.check_for::<str, str>(&SerializerTypes { key, value }) {
            Ok((checked, _)) => {
                let warnings = checked.warnings.iter().map(ToString::to_string);
                warnings.collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    fn java(class: &str) -> String {
        format!("{PACKAGE}.{class}")
    }

    #[test]
    fn each_of_kafkas_classes_goes_with_the_type_that_writes_the_same() {
        let pairs = [
            ("StringSerializer", of::<str, _>(Utf8)),
            ("StringSerializer", of::<str, _>(Latin1)),
            ("StringSerializer", of::<Option<String>, _>(Nullable(Utf8))),
            ("ByteArraySerializer", of::<[u8], _>(Raw)),
            ("BytesSerializer", of::<[u8], _>(Raw)),
            (
                "ByteBufferSerializer",
                of::<std::io::Cursor<Vec<u8>>, _>(WholeBuffer),
            ),
            ("ShortSerializer", of::<i16, _>(BigEndian)),
            ("IntegerSerializer", of::<i32, _>(BigEndian)),
            ("LongSerializer", of::<i64, _>(BigEndian)),
            ("LongSerializer", of::<Option<i64>, _>(Nullable(BigEndian))),
            ("FloatSerializer", of::<f32, _>(BigEndian)),
            ("DoubleSerializer", of::<f64, _>(BigEndian)),
            ("BooleanSerializer", of::<bool, _>(Boolean)),
            ("UUIDSerializer", of::<[u8; 16], _>(UuidText::default())),
            ("VoidSerializer", of::<(), _>(Void)),
        ];
        for (class, value) in pairs {
            assert_eq!(told(&java(class), value, Plugins::new()), "", "{class}");
        }
        for (class, value) in pairs {
            let other = if class == "LongSerializer" {
                "IntegerSerializer"
            } else {
                "LongSerializer"
            };
            let told = told(&java(other), value, Plugins::new());
            let expected = format!(
                "value.serializer=\"{}\": must be {}",
                java(other),
                java(class)
            );
            let also = class == "BytesSerializer";
            assert!(
                told.starts_with(&expected) || also && told.contains(class),
                "{told}"
            );
        }
    }

    #[test]
    fn another_class_is_an_error_that_names_the_type() {
        let told = told("com.example.Avro", of::<str, _>(Utf8), Plugins::new());
        let expected = "value.serializer=\"com.example.Avro\": must be \
             org.apache.kafka.common.serialization.StringSerializer, or left unset, because the producer is \
             built with kafka_serde::text::Utf8";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_type_of_the_programs_own_is_not_compared_until_it_has_a_name() {
        struct Own;
        impl Serializer<str> for Own {
            fn serialize<'a>(
                &self,
                _: &mut kafka_serde::Context<'_>,
                _: &'a str,
                _: &'a mut Vec<u8>,
            ) -> Result<Option<&'a [u8]>, kafka_serde::SerializeError> {
                Ok(None)
            }
        }
        let own = of::<str, _>(Own);
        let unnamed = "value.serializer has no effect: the serializer is a type of the program's own, which \
                       Plugins gives no name";
        assert_eq!(
            told(&java("StringSerializer"), own, Plugins::new()),
            unnamed
        );
        let named = Plugins::new().serializer::<Own>("com.example.Own");
        assert_eq!(told("com.example.Own", own, named.clone()), "");
        let wrong = told(&java("StringSerializer"), own, named.clone());
        assert!(
            wrong.contains("must be com.example.Own, or left unset"),
            "{wrong}"
        );
        let wrong = told("com.example.Own", of::<str, _>(Utf8), named);
        assert!(wrong.contains("must be org.apache.kafka"), "{wrong}");
    }

    #[test]
    fn a_name_that_is_given_again_stands_for_the_later_type() {
        let plugins = Plugins::new()
            .serializer::<Raw>("x")
            .serializer::<Utf8>("x");
        assert_eq!(told("x", of::<str, _>(Utf8), plugins.clone()), "");
        assert!(told("x", of::<[u8], _>(Raw), plugins).contains("must be"));
    }

    #[test]
    fn encoders_of_the_first_producer_are_serializers_of_today() {
        let config = |class: &str| {
            let config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
            config.set("serializer.class", class)
        };
        let types = SerializerTypes {
            key: of::<str, _>(Utf8),
            value: of::<str, _>(Utf8),
        };
        assert!(
            config("kafka.serializer.StringEncoder")
                .check_for::<str, str>(&types)
                .is_ok()
        );
        assert!(
            config("kafka.serializer.DefaultEncoder")
                .check_for::<str, str>(&types)
                .is_err()
        );
    }
}
