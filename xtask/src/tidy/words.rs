//! What the driver may not name: it carries bytes and wakes tasks, and decides nothing.
//!
//! A word is found inside of names, too: `sequence` finds `base_sequence` and `BaseSequence`.
//! Comments and strings may say what they like, and so may tests.

use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

use super::finding::Finding;
use super::form;

const DRIVER: &str = "kafka-producer/src/driver/";

/// Words, and what is to be done instead.
const BANS: [(&[&str], &str); 3] = [
    (
        &["error_code"],
        "what an error code means is decided in kafka-producer/src/engine",
    ),
    (
        &["sequence", "sequences"],
        "sequence numbers are given out in kafka-producer/src/engine",
    ),
    (
        &["retry", "retries", "backoff", "verdict"],
        "what is tried again, and when, is decided in kafka-producer/src/engine",
    ),
];

/// The banned words that a file names.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    if !path.starts_with(DRIVER) {
        return Vec::new();
    }
    let mut names = Vec::new();
    match TokenStream::from_str(form::before_tests(text)) {
        Ok(tokens) => collect(tokens, &mut names),
        Err(error) => return vec![Finding::new(path, 1, "syntax", error.to_string())],
    }
    let findings = names.into_iter().filter_map(|(line, name)| {
        let snake = format!("_{}_", snake_case(&name));
        let has = |words: &[&str]| {
            words
                .iter()
                .any(|word| snake.contains(&format!("_{word}_")))
        };
        let (_, instead) = BANS.iter().find(|(words, _)| has(words))?;
        let instead = format!("`{name}` is named: {instead}");
        Some(Finding::new(path, line, "banned word", instead))
    });
    findings.collect()
}

/// Every name in the code, with its line.
fn collect(tokens: TokenStream, names: &mut Vec<(usize, String)>) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => collect(group.stream(), names),
            TokenTree::Ident(name) => names.push((name.span().start().line, name.to_string())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_small {
            snake.push('_');
        }
        after_small = letter.is_lowercase();
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = check(path, text).into_iter();
        findings.map(|finding| finding.line).collect()
    }

    const DRIVER_FILE: &str = "kafka-producer/src/driver/mod.rs";

    #[test]
    fn the_driver_reads_no_decision() {
        for offence in [
            "\nuse a::ErrorCode;",
            "\nfn a(base_sequence: i32) {}",
            "\nfn a() { m!(b.retries) }",
            "\nconst MAX_RETRY: u8 = 1;",
            "\nstruct RetryLater;",
        ] {
            assert_eq!(lines(DRIVER_FILE, offence), [2], "{offence}");
        }
        let fine = "//! No retry.\nuse tokio::net::TcpStream;\nconst A: &str = \"retry\";";
        assert!(lines(DRIVER_FILE, fine).is_empty());
    }

    #[test]
    fn only_the_driver_is_kept_from_deciding_and_its_tests_are_not() {
        let code = "struct RetryLater;\n";
        assert!(lines("kafka-producer/src/engine/produce/lane.rs", code).is_empty());
        let test = format!("struct A;\n\n#[cfg(test)]\nmod tests {{\n{code}}}\n");
        assert!(lines(DRIVER_FILE, &test).is_empty());
    }
}
