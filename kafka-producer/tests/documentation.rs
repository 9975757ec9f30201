//! The documentation is true: the tests that it names exist, its recipes are configurations, and its list
//! of settings is that of the code.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kafka_producer::ProducerConfig;
#[cfg(all(feature = "aws-msk-iam", feature = "oauth-oidc", feature = "tls"))]
use kafka_producer::config::parse_properties;
use kafka_producer::config::{Kind, Meaning, Origin, OtherName, Property, Support};
use kafka_producer::metrics::{MetricKind, definitions};

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

/// Enums of errors, each with the file that defines it.
const ERRORS: [(&str, &str); 13] = [
    ("AbortableError", "error/send.rs"),
    ("BuildError", "builder.rs"),
    ("Cause", "error/delivery.rs"),
    ("ClientInstanceIdError", "error/client_instance_id.rs"),
    ("ConnectError", "error/connect.rs"),
    ("FatalError", "error/fatal.rs"),
    ("Misuse", "error/transaction.rs"),
    ("Problem", "config/error.rs"),
    ("SendError", "error/send.rs"),
    ("SinkError", "sink.rs"),
    ("TransactionError", "error/transaction.rs"),
    ("TrySendError", "send.rs"),
    ("WaitReason", "error/wait_reason.rs"),
];

#[test]
fn the_page_of_errors_has_every_variant_and_no_other() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("../docs/errors.md")).unwrap();
    for (name, file) in ERRORS {
        let code = fs::read_to_string(here.join("src").join(file)).unwrap();
        let listed = listed_variants(&page, name);
        assert_eq!(listed, variants(&code, name), "{name}");
    }
}

#[test]
fn the_page_of_errors_knows_every_enum_of_errors() {
    let mut code = String::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut code,
    );
    let names = code.lines().filter_map(|line| {
        let name = line.strip_prefix("pub enum ")?;
        name.split(|c: char| !c.is_ascii_alphanumeric()).next()
    });
    let errors: Vec<_> = names.filter(|name| name.ends_with("Error")).collect();
    assert!(errors.len() > 5, "{errors:?}");
    for name in errors {
        assert!(ERRORS.iter().any(|(known, _)| *known == name), "{name}");
    }
}

/// The variants of an enum, from code that rustfmt has formatted.
fn variants<'a>(code: &'a str, name: &str) -> BTreeSet<&'a str> {
    let code = code.split(&format!("\npub enum {name}")).nth(1).unwrap();
    let code = code.split("\n}\n").next().unwrap();
    let lines = code.lines().skip(1).filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        line.starts_with(|c: char| c.is_ascii_uppercase())
            .then(|| line.split(|c: char| !c.is_ascii_alphanumeric()).next())?
    });
    lines.collect()
}

/// The first column of the table below the heading of an enum.
fn listed_variants<'a>(page: &'a str, name: &str) -> BTreeSet<&'a str> {
    let section = page.split(&format!("# `{name}`\n")).nth(1).unwrap();
    let section = section.split("\n#").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = cells.map(|rest| rest.split(" | ").next().unwrap());
    let names = cells.flat_map(|cell| cell.split(['`', ',', ' ']));
    names.filter(|name| !name.is_empty()).collect()
}

/// `WRITE_PAGES=1` writes the page instead.
#[test]
fn the_page_of_settings_is_what_the_tables_say() {
    check_page("configuration.md", &(settings() + &other_names()));
}

/// The same.
#[test]
fn the_page_of_metrics_is_what_the_definitions_say() {
    check_page("observability.md", &metrics());
}

/// Compares what a page has below what was written by hand.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever changes a table asks for the page to be written again"
)]
fn check_page(name: &str, generated: &str) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let path = docs.join(name);
    let page = fs::read_to_string(&path).unwrap();
    let by_hand = page.find(" -->\n").unwrap() + " -->\n".len();
    let expected = format!("{}{generated}", &page[..by_hand]);
    if std::env::var_os("WRITE_PAGES").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/{name} is not up to date: \
         WRITE_PAGES=1 cargo test -p kafka-producer --test documentation"
    );
}

/// A table for each group, by name.
fn metrics() -> String {
    let mut page = String::new();
    let groups: BTreeSet<&str> = definitions().map(|metric| metric.group).collect();
    for group in groups {
        let mut of_it: Vec<_> = definitions().filter(|it| it.group == group).collect();
        of_it.sort_by_key(|metric| metric.name);
        let tags = of_it[0].tags.join("`, `");
        page += &format!(
            "\n### {group}\n\nTags: `{tags}`.\n\n| name | kind | what it is |\n|---|---|---|\n"
        );
        for metric in of_it {
            let kind = match metric.kind {
                MetricKind::Gauge => "gauge",
                MetricKind::Total => "total",
                _ => "text",
            };
            page += &row(&[&format!("`{}`", metric.name), kind, metric.description]);
        }
    }
    page
}

const OF_SETTINGS: &str = "\n| name | type | default | allowed | here |\n|---|---|---|---|---|\n";

/// A table for each subject, by name.
fn settings() -> String {
    let subjects = [
        ("", "The producer"),
        ("metric", "Metrics"),
        ("ssl.", "TLS"),
        ("sasl.", "SASL"),
    ];
    let subject_of = |property: &Property| {
        let mut prefixes = subjects.iter().skip(1).map(|(prefix, _)| *prefix);
        let name = property.name.trim_start_matches("enable.");
        prefixes
            .find(|prefix| name.starts_with(prefix))
            .unwrap_or("")
    };
    let mut page = String::new();
    for (prefix, title) in subjects {
        let of_it = ProducerConfig::properties().filter(|property| subject_of(property) == prefix);
        let mut of_it: Vec<_> = of_it.collect();
        of_it.sort_by_key(|property| property.name);
        let rows: String = of_it.into_iter().map(setting).collect();
        page += &format!("\n### {title}\n{OF_SETTINGS}{rows}");
    }
    page
}

fn setting(property: &Property) -> String {
    let kind = match property.kind {
        Kind::Bool => "boolean",
        Kind::Short => "short",
        Kind::Int => "int",
        Kind::Long => "long",
        Kind::Double => "double",
        Kind::List => "list",
        Kind::Class => "class",
        Kind::Password => "password",
        _ => "string",
    };
    let default = match property.default {
        None => "unset".to_owned(),
        Some("") => "empty".to_owned(),
        Some(default) => format!("`{default}`"),
    };
    let here = match property.support {
        Support::Supported(what) => format!("*supported*: {what}"),
        Support::NoEffect(reason) => format!("*without effect*: {reason}"),
        _ => unreachable!("there is no other support"),
    };
    let allowed = property.allowed_values();
    let allowed = allowed.replace(" from -9223372036854775808 to 9223372036854775807", "");
    let allowed = allowed.replace(" from -2147483648 to 2147483647", "");
    let allowed = allowed.replace(" to 9223372036854775807", " on");
    row(&[
        &format!("`{}`", property.name),
        kind,
        &default,
        &allowed,
        &here,
    ])
}

fn other_names() -> String {
    let mut page = "\n## Other names\n\nFiles that were written for older versions of Kafka or for librdkafka \
        have other names. Each is\nunderstood, and causes the warning or the error beside it. `…` stands for the \
        value.\n"
        .to_owned();
    let origins = [
        (
            Origin::OlderKafka,
            "Of older versions of Kafka, which librdkafka often has too",
        ),
        (Origin::Librdkafka, "Of librdkafka"),
        (Origin::Mistake, "Common mistakes"),
    ];
    for (origin, title) in origins {
        let of_it = ProducerConfig::other_names().filter(|other| other.origin == origin);
        let mut of_it: Vec<_> = of_it.collect();
        of_it.sort_by_key(|other| other.name);
        let rows: String = of_it.into_iter().map(other_name).collect();
        page += &format!("\n### {title}\n\n| name | today | message |\n|---|---|---|\n{rows}");
    }
    page
}

fn other_name(other: &OtherName) -> String {
    let OtherName { name, origin, .. } = other;
    let value = if other.is_secret { "[hidden]" } else { "…" };
    let write = |to: &str| format!("{name} is {origin}: write {to}={value}");
    let (today, message) = match other.meaning {
        Meaning::Same(to) => (format!("`{to}`"), write(to)),
        Meaning::Converted { to, by } => (format!("`{to}`, {by}"), write(to)),
        Meaning::Joined { to, with } => (format!("`{to}`, with {with}"), write(to)),
        Meaning::NoEffect(reason) => (
            "*without effect*".to_owned(),
            format!("{name} has no effect: {reason}"),
        ),
        Meaning::Refused { unless, reason } => {
            let (today, allowed) = match unless {
                "" => ("*refused*".to_owned(), "left unset"),
                _ => (format!("*refused*, but for `{unless}`"), unless),
            };
            (
                today,
                format!("{name}=\"{value}\": must be {allowed}, because {reason}"),
            )
        }
        _ => unreachable!("there is no other meaning"),
    };
    row(&[&format!("`{name}`"), &today, &message])
}

/// A row of a table in Markdown.
fn row(cells: &[&str]) -> String {
    let cells = cells.iter().map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
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
