//! The tests that the documentation names as its proof exist: a test that is renamed is renamed
//! there, too.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[cfg(all(feature = "aws-msk-iam", feature = "oauth-oidc", feature = "tls"))]
use kafka_producer::{ProducerConfig, config::parse_properties};

#[test]
fn every_test_that_the_documentation_names_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("../docs/delivery.md")).unwrap();
    let named: BTreeSet<&str> = text.split('*').filter(|part| is_test_name(part)).collect();
    assert!(named.len() > 50, "{named:?}");
    let mut code = String::new();
    for directory in ["src", "tests"] {
        collect(&here.join(directory), &mut code);
    }
    let exists = |name: &&str| code.contains(&format!("fn {name}("));
    let missing: Vec<_> = named.into_iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

#[test]
#[cfg(all(feature = "aws-msk-iam", feature = "oauth-oidc", feature = "tls"))]
fn every_recipe_of_security_is_a_configuration_without_warnings() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("../docs/security.md")).unwrap();
    let mut found = Vec::new();
    for recipe in text.split("```properties\n").skip(1) {
        let recipe = recipe.split("```").next().unwrap();
        let pairs = parse_properties(recipe).unwrap();
        let checked = ProducerConfig::from_properties(pairs).check();
        let checked = checked.unwrap_or_else(|error| panic!("{recipe}{error}"));
        assert_eq!(checked.warnings(), [], "{recipe}");
        let mechanism = checked.sasl_mechanism().unwrap_or("-");
        found.push(format!(
            "{} {mechanism}",
            checked.security_protocol().name()
        ));
    }
    let expected = [
        "SASL_SSL PLAIN",         // Confluent Cloud
        "SASL_SSL OAUTHBEARER",   //
        "SASL_SSL SCRAM-SHA-512", // MSK
        "SASL_SSL AWS_MSK_IAM",   //
        "SASL_SSL OAUTHBEARER",   //
        "SSL -",                  // Aiven
        "SASL_SSL SCRAM-SHA-256", //
        "SASL_SSL PLAIN",         // Event Hubs
        "SASL_SSL OAUTHBEARER",   //
        "SASL_SSL SCRAM-SHA-512", // Strimzi
        "SSL -",                  //
        "SSL -",                  // a private CA
        "SSL -",                  //
        "SASL_SSL OAUTHBEARER",   // OIDC
        "SASL_SSL OAUTHBEARER",   // a key
        "SASL_SSL OAUTHBEARER",   // a file
        "SASL_PLAINTEXT OAUTHBEARER",
    ];
    assert_eq!(found, expected);
}

/// Names of tests are sentences.
fn is_test_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.bytes().all(plain) && text.matches('_').count() >= 3
}

fn collect(directory: &Path, code: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
