//! The tests that the documentation names as its proof exist: a test that is renamed is renamed
//! there, too.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
