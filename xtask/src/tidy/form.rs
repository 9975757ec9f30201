//! The form of a file: its first line, its length, its name, and no markers for unfinished work.

use super::finding::Finding;

const FILE_LINES: usize = 600;
/// Names that say nothing of what is inside, so that anything ends up there.
const EMPTY_NAMES: [&str; 9] = [
    "utils", "util", "helper", "helpers", "common", "manager", "types", "misc", "stuff",
];
/// Put together here, so that this file does not offend itself.
const MARKERS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// What is wrong with the form of a file of Rust.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line, rule, instead| findings.push(Finding::new(path, line, rule, instead));
    if !has_head(text) {
        let instead = "begin with `//!`: what it is, where it stands, what it never does";
        find(1, "module head", instead.to_owned());
    }
    let lines = before_tests(text).lines().count();
    if lines > FILE_LINES {
        let instead = format!("{lines} lines before the tests: split it by noun");
        find(FILE_LINES, "file length", instead);
    }
    if let Some(name) = empty_name(path) {
        let instead = format!("`{name}` says nothing: name it by a noun of the domain");
        find(1, "file name", instead);
    }
    for (line, marker) in markers(text) {
        let instead = format!("`{marker}`: do it now, or leave it out");
        find(line, "nothing unfinished", instead);
    }
    findings
}

/// What stands before the tests at the end of a file.
fn before_tests(text: &str) -> &str {
    const TESTS: &str = "\n#[cfg(test)]\n";
    let begins_module = |(at, _): &(usize, &str)| {
        let rest = text[at + TESTS.len()..].lines().next().unwrap_or_default();
        rest.contains("mod ") && rest.ends_with('{')
    };
    let tests = text.match_indices(TESTS).find(begins_module);
    tests.map_or(text, |(at, _)| &text[..=at])
}

/// The first line is a sentence about the file.
fn has_head(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let head = first.strip_prefix("//!");
    head.is_some_and(|head| !head.trim().is_empty())
}

/// The first folder or file below the crate's folder whose name says nothing.
fn empty_name(path: &str) -> Option<&str> {
    let parts = path.split('/').skip(1);
    let parts = parts.map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let mut words = parts.flat_map(|part| part.split(['_', '-']));
    words.find(|word| EMPTY_NAMES.contains(word))
}

/// The lines with a marker for later, in comments too.
fn markers(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    text.lines().zip(1..).filter_map(|(line, number)| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let marker = words.find_map(|word| MARKERS.iter().find(|marker| **marker == word));
        marker.map(|marker| (number, *marker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        let findings = check(path, text).into_iter();
        findings.map(|found| (found.rule, found.line)).collect()
    }

    fn library(code: &str) -> Vec<(&'static str, usize)> {
        rules("kafka-wire/src/a.rs", &format!("//! A file.\n{code}"))
    }

    #[test]
    fn a_file_begins_with_a_sentence_about_itself() {
        for text in ["fn a() {}", "\n//! Late.", "//!\n//! Late.", ""] {
            let found = rules("kafka-wire/src/a.rs", text);
            assert_eq!(found, [("module head", 1)], "{text:?}");
        }
    }

    #[test]
    fn a_file_has_at_most_six_hundred_lines_before_its_tests() {
        let code = "const A: u8 = 0;\n".repeat(599);
        let tests = "#[cfg(test)]\npub(super) mod tests {\n}\n";
        assert!(library(&code).is_empty());
        assert!(library(&format!("{code}{tests}{code}")).is_empty());
        for late in [tests, "#[cfg(test)]\nmod tests;\n", ""] {
            let found = library(&format!("{code}{code}{late}"));
            assert_eq!(found, [("file length", 600)], "{late:?}");
        }
    }

    #[test]
    fn names_that_say_nothing_are_found_in_files_and_folders() {
        let expected = [
            ("kafka-wire/src/utils.rs", Some("utils")),
            ("kafka-wire/src/batch_manager.rs", Some("manager")),
            ("kafka-wire/tests/common/mod.rs", Some("common")),
            ("kafka-wire/src/lane.rs", None),
        ];
        for (path, name) in expected {
            assert_eq!(empty_name(path), name, "{path}");
        }
    }

    #[test]
    fn unfinished_work_is_found_in_comments_too() {
        for marker in MARKERS {
            let found = library(&format!("// {marker}: later\n"));
            assert_eq!(found, [("nothing unfinished", 2)]);
        }
        assert!(library(&format!("// {}S are fine.\n", MARKERS[0])).is_empty());
    }
}
