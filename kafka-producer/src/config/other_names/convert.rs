//! What the value of another name becomes: pure functions from a text to settings of today.

use super::name::Conversion;

/// A setting of today, and its value.
pub(super) type Setting = (&'static str, String);

/// What a value means today.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Converted {
    /// This; the first is what the name stands for.
    Settings(Vec<Setting>),
    /// Nothing, for this reason.
    Nothing(&'static str),
    /// It cannot be had, for this reason.
    Refused(&'static str),
    /// It is no value of that name; these are.
    Invalid(&'static str),
}

use Converted::{Invalid, Nothing, Refused};

/// What `value` means for the property `to`.
pub(super) fn convert(by: Conversion, to: &'static str, value: &str) -> Converted {
    let value = value.trim();
    match by {
        Conversion::Kibibytes => kibibytes(to, value),
        Conversion::ZeroIsForever => limit(to, value, |number| number == 0, i32::MAX.into()),
        Conversion::NegativeIsForever => limit(to, value, |number| number < 0, i64::MAX),
        Conversion::Block => block(to, value),
        Conversion::Codec => codec(to, value),
        Conversion::Partitioner => partitioner(to, value),
        Conversion::Encoder => one(to, encoder(value)),
        Conversion::PemFile if value == "probe" => {
            Nothing("without ssl.truststore.* that of the platform is used")
        }
        Conversion::PemFile | Conversion::PemText => pem(to, value),
        Conversion::Oidc => oidc(to, value),
        Conversion::Grant => grant(to, value),
    }
}

fn one(to: &'static str, value: impl Into<String>) -> Converted {
    Converted::Settings(vec![(to, value.into())])
}

fn kibibytes(to: &'static str, value: &str) -> Converted {
    match value
        .parse::<i64>()
        .map(|kibibytes| kibibytes.checked_mul(1024))
    {
        Ok(Some(bytes)) if bytes >= 0 => one(to, bytes.to_string()),
        _ => Invalid("a whole number from 0 to 9007199254740991"),
    }
}

fn limit(to: &'static str, value: &str, is_none: impl Fn(i64) -> bool, greatest: i64) -> Converted {
    match value.parse() {
        Ok(number) if is_none(number) => one(to, greatest.to_string()),
        // What is no number is refused as the property's own value would be.
        _ => one(to, value),
    }
}

fn block(to: &'static str, value: &str) -> Converted {
    match value.to_ascii_lowercase().as_str() {
        "true" => one(to, i64::MAX.to_string()),
        "false" => Nothing("max.block.ms says how long a send waits, and try_send never does"),
        _ => Invalid("true or false"),
    }
}

fn codec(to: &'static str, value: &str) -> Converted {
    match value.to_ascii_lowercase().as_str() {
        "0" => one(to, "none"),
        "1" => one(to, "gzip"),
        "2" => one(to, "snappy"),
        "inherit" => Nothing("topics have no codec of their own"),
        name => one(to, name),
    }
}

fn partitioner(to: &'static str, value: &str) -> Converted {
    match value {
        "murmur2_random" => one(to, "default"),
        "random" => one(to, "uniform_sticky"),
        "consistent" | "consistent_random" => Refused(
            "keys are not hashed by CRC-32, and would go to other partitions than before: give the builder a \
             `partition::HashPartitioner` that does, or use murmur2_random where that does not matter",
        ),
        "fnv1a" | "fnv1a_random" => Refused(
            "keys are not hashed by FNV-1a, and would go to other partitions than before: give the builder a \
             `partition::HashPartitioner` that does, or use murmur2_random where that does not matter",
        ),
        "murmur2" => Refused(
            "records without a key do not all go to one partition: use murmur2_random, which differs from it \
             in that alone, or give the builder a `partition::HashPartitioner` that does so",
        ),
        _ => Invalid("one of murmur2_random, random"),
    }
}

/// A program's own class is what it was.
fn encoder(class: &str) -> String {
    let serializer = match class {
        "kafka.serializer.StringEncoder" => "StringSerializer",
        "kafka.serializer.DefaultEncoder" => "ByteArraySerializer",
        "kafka.serializer.IntegerEncoder" => "IntegerSerializer",
        "kafka.serializer.LongEncoder" => "LongSerializer",
        "kafka.serializer.NullEncoder" => "VoidSerializer",
        own => return own.to_owned(),
    };
    format!("org.apache.kafka.common.serialization.{serializer}")
}

/// PEM is not what Kafka takes a store for, unless its type says so.
fn pem(to: &'static str, value: &str) -> Converted {
    let store = if to.starts_with("ssl.truststore.") {
        "ssl.truststore.type"
    } else {
        "ssl.keystore.type"
    };
    Converted::Settings(vec![(to, value.to_owned()), (store, "PEM".to_owned())])
}

const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer";

fn oidc(to: &'static str, value: &str) -> Converted {
    match value.to_ascii_lowercase().as_str() {
        "oidc" => one(to, format!("{OAUTH}.OAuthBearerLoginCallbackHandler")),
        "default" => {
            Nothing("tokens come from a TokenProvider, or from what sasl.jaas.config says")
        }
        _ => Invalid("one of default, oidc"),
    }
}

fn grant(to: &'static str, value: &str) -> Converted {
    match value {
        "client_credentials" => one(to, format!("{OAUTH}.ClientCredentialsJwtRetriever")),
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            one(to, format!("{OAUTH}.JwtBearerJwtRetriever"))
        }
        _ => Invalid("one of client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(by: Conversion, values: &[(&str, &str)]) {
        for (value, expected) in values {
            let converted = convert(by, "setting", value);
            assert_eq!(converted, one("setting", *expected), "{by:?} of {value:?}");
        }
    }

    fn is_none(by: Conversion, values: &[&str]) {
        for value in values {
            let converted = convert(by, "setting", value);
            assert!(
                !matches!(converted, Converted::Settings(_)),
                "{by:?} of {value:?}: {converted:?}"
            );
        }
    }

    #[test]
    fn units_of_1024_bytes_become_bytes() {
        check(
            Conversion::Kibibytes,
            &[("0", "0"), (" 32768 ", "33554432")],
        );
        check(
            Conversion::Kibibytes,
            &[("9007199254740991", "9223372036854774784")],
        );
        is_none(
            Conversion::Kibibytes,
            &["9007199254740992", "-1", "", "many", "1.5"],
        );
    }

    #[test]
    fn no_limit_is_the_greatest_number() {
        check(
            Conversion::ZeroIsForever,
            &[("0", "2147483647"), ("1", "1"), ("-1", "-1")],
        );
        let forever = "9223372036854775807";
        check(
            Conversion::NegativeIsForever,
            &[("-1", forever), ("0", "0"), ("7", "7")],
        );
        check(Conversion::NegativeIsForever, &[("soon", "soon")]);
        check(Conversion::Block, &[("true", forever), ("TRUE", forever)]);
        is_none(Conversion::Block, &["false", "", "1"]);
    }

    #[test]
    fn codecs_have_numbers_and_names() {
        check(
            Conversion::Codec,
            &[
                ("0", "none"),
                ("1", "gzip"),
                ("2", "snappy"),
                ("LZ4", "lz4"),
            ],
        );
        is_none(Conversion::Codec, &["inherit"]);
    }

    #[test]
    fn only_partitioners_that_send_keys_where_they_went_are_taken() {
        check(Conversion::Partitioner, &[("murmur2_random", "default")]);
        check(Conversion::Partitioner, &[("random", "uniform_sticky")]);
        is_none(
            Conversion::Partitioner,
            &["consistent", "consistent_random", "murmur2"],
        );
        is_none(Conversion::Partitioner, &["fnv1a", "fnv1a_random", ""]);
    }

    #[test]
    fn encoders_are_serializers_and_own_ones_keep_their_names() {
        let java = |class: &str| format!("org.apache.kafka.common.serialization.{class}");
        for (encoder, serializer) in [
            ("String", "String"),
            ("Default", "ByteArray"),
            ("Integer", "Integer"),
            ("Long", "Long"),
            ("Null", "Void"),
        ] {
            let encoder = format!("kafka.serializer.{encoder}Encoder");
            let serializer = java(&format!("{serializer}Serializer"));
            check(Conversion::Encoder, &[(&encoder, &serializer)]);
        }
        check(
            Conversion::Encoder,
            &[("com.example.Own", "com.example.Own")],
        );
    }

    #[test]
    fn pem_comes_with_its_type() {
        let both = |to, value: &str, store| {
            Converted::Settings(vec![(to, value.to_owned()), (store, "PEM".to_owned())])
        };
        let location = "ssl.truststore.location";
        let ca = convert(Conversion::PemFile, location, "ca.pem");
        assert_eq!(ca, both(location, "ca.pem", "ssl.truststore.type"));
        let key = convert(Conversion::PemText, "ssl.keystore.key", "-----");
        assert_eq!(key, both("ssl.keystore.key", "-----", "ssl.keystore.type"));
        is_none(Conversion::PemFile, &["probe"]);
    }

    #[test]
    fn ways_to_a_token_are_classes_of_java() {
        let handler = format!("{OAUTH}.OAuthBearerLoginCallbackHandler");
        check(Conversion::Oidc, &[("oidc", &handler)]);
        is_none(Conversion::Oidc, &["default", "azure"]);
        let retriever = format!("{OAUTH}.ClientCredentialsJwtRetriever");
        check(Conversion::Grant, &[("client_credentials", &retriever)]);
        let retriever = format!("{OAUTH}.JwtBearerJwtRetriever");
        check(
            Conversion::Grant,
            &[("urn:ietf:params:oauth:grant-type:jwt-bearer", &retriever)],
        );
        is_none(Conversion::Grant, &["password"]);
    }
}
