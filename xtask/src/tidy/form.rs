//! The form of a file: its head, its length, its functions, its name, and what it may not contain.
//!
//! The limits are walls, not aims: most functions have fewer than ten lines.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::Finding;
use super::source::{Source, Zone, pattern};

const FUNCTION_LINES: usize = 70;
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

/// Code that may not stand in some zones: tokens in a row, zones, rule, what instead.
type Ban = (&'static str, &'static [Zone], &'static str, &'static str);

const ALL: &[Zone] = &[
    Zone::Library,
    Zone::Tool,
    Zone::Peer,
    Zone::Example,
    Zone::Test,
];
/// A peer's program is measured, not depended on: its head says what it is unsafe for.
const NOT_PEERS: &[Zone] = &[Zone::Library, Zone::Tool, Zone::Example, Zone::Test];
const NOT_TESTS: &[Zone] = &[Zone::Library, Zone::Tool, Zone::Example];
const PRINTS: &str = "a library says things in its results: return an error or an event";

const BANS: &[Ban] = &[
    (
        "unsafe",
        NOT_PEERS,
        "no unsafe",
        "find a safe way; see CONTRIBUTING.md for the day it pays",
    ),
    (
        ".unwrap()",
        NOT_TESTS,
        "no unwrap",
        "return the error, or `expect(\"why it holds\")`",
    ),
    ("dbg!", ALL, "no debugging left", "remove it"),
    ("println!", &[Zone::Library], "no printing", PRINTS),
    ("eprintln!", &[Zone::Library], "no printing", PRINTS),
    ("print!", &[Zone::Library], "no printing", PRINTS),
    ("eprint!", &[Zone::Library], "no printing", PRINTS),
    (
        "todo!",
        ALL,
        "nothing unfinished",
        "finish it, or leave it out",
    ),
    (
        "unimplemented!",
        ALL,
        "nothing unfinished",
        "finish it, or leave it out",
    ),
    (
        "#[ignore]",
        ALL,
        "reasons for ignored tests",
        "`#[ignore = \"what it needs\"]`",
    ),
    (
        "thread::sleep",
        &[Zone::Test],
        "tests never sleep",
        "pass the time, or wait for an event",
    ),
];

/// What is wrong with the form of `source`.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line, rule, instead: String| {
        findings.push(Finding::new(&source.path, line, rule, instead));
    };
    if !has_head(&source.text) {
        find(
            1,
            "module head",
            "begin with `//!`: what it is, where it stands, what it never does".into(),
        );
    }
    let lines = source.lines_before_tests();
    if lines > FILE_LINES {
        find(
            FILE_LINES,
            "file length",
            format!("{lines} lines before the tests, at most {FILE_LINES}: split it by noun"),
        );
    }
    if let Some(name) = empty_name(&source.path) {
        find(
            1,
            "file name",
            format!("`{name}` says nothing: name it by a noun of the domain"),
        );
    }
    for (line, marker) in markers(&source.text) {
        find(
            line,
            "nothing unfinished",
            format!("`{marker}`: do it now, or leave it out"),
        );
    }
    for (code, zones, rule, instead) in BANS {
        let wanted = pattern(code);
        for token in source
            .find(&wanted)
            .filter(|token| zones.contains(&token.zone))
        {
            find(token.line, rule, (*instead).to_owned());
        }
    }
    let mut functions = Functions(Vec::new());
    functions.visit_file(&source.syntax);
    for (line, name, lines) in functions.0 {
        if lines > FUNCTION_LINES {
            find(
                line,
                "function length",
                format!(
                    "`{name}` has {lines} lines, at most {FUNCTION_LINES}: split it by thought"
                ),
            );
        }
    }
    findings
}

/// The first line is a sentence about the file.
fn has_head(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first
        .strip_prefix("//!")
        .is_some_and(|head| !head.trim().is_empty())
}

/// The first folder or file below the crate's folder whose name says nothing.
fn empty_name(path: &str) -> Option<&str> {
    let parts = path
        .split('/')
        .skip(1)
        .map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let mut words = parts.flat_map(|part| part.split(['_', '-']));
    words.find(|word| EMPTY_NAMES.contains(word))
}

/// The lines with a marker for later, in comments too.
fn markers(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let marker = words.find_map(|word| MARKERS.iter().find(|marker| **marker == word));
        marker.map(|marker| (index + 1, *marker))
    })
}

/// Line, name and length, from the signature to the closing brace.
struct Functions(Vec<(usize, String, usize)>);

impl Functions {
    fn note(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let begin = signature.span().start().line;
        let end = body.brace_token.span.close().end().line;
        self.0
            .push((begin, signature.ident.to_string(), end + 1 - begin));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        let source = Source::read(path, text.to_owned())
            .map_err(|f| f.to_string())
            .unwrap();
        check(&source)
            .iter()
            .map(|finding| (finding.rule, finding.line))
            .collect()
    }

    fn library(code: &str) -> Vec<(&'static str, usize)> {
        rules("kafka-wire/src/a.rs", &format!("//! A file.\n{code}"))
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert!(library("fn a() -> Option<u8> {\n    b()?.expect(\"c\")\n}\n").is_empty());
    }

    #[test]
    fn a_file_begins_with_a_sentence_about_itself() {
        for text in ["fn a() {}", "\n//! Late.", "//!\n//! Late.", ""] {
            assert_eq!(
                rules("kafka-wire/src/a.rs", text),
                [("module head", 1)],
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_function_has_at_most_seventy_lines() {
        let function = |lines: usize| format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2));
        assert!(library(&function(70)).is_empty());
        assert_eq!(library(&function(71)), [("function length", 2)]);
        let method = format!("impl A {{\n{}}}\n", function(71));
        assert_eq!(library(&method), [("function length", 3)]);
    }

    #[test]
    fn a_file_has_at_most_six_hundred_lines_before_its_tests() {
        let code = "const A: u8 = 0;\n".repeat(599);
        assert!(library(&code).is_empty());
        let tests = "#[cfg(test)]\nmod tests {}\n";
        assert!(library(&format!("{code}{tests}")).is_empty());
        assert_eq!(
            library(&format!("{code}{code}{tests}")),
            [("file length", 600)]
        );
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
            assert_eq!(
                library(&format!("// {marker}: later\n")),
                [("nothing unfinished", 2)]
            );
        }
        assert_eq!(library("fn a() { todo!() }"), [("nothing unfinished", 2)]);
        assert!(library(&format!("// {}S are fine.\n", MARKERS[0])).is_empty());
    }

    #[test]
    fn a_library_neither_unwraps_nor_prints_nor_is_unsafe() {
        let expected = [
            ("fn a() { b().unwrap(); }", "no unwrap"),
            ("fn a() { println!(); }", "no printing"),
            ("fn a() { eprintln!(\"b\"); }", "no printing"),
            ("fn a() { dbg!(b); }", "no debugging left"),
            ("fn a() { unsafe { b() } }", "no unsafe"),
        ];
        for (code, rule) in expected {
            assert_eq!(library(code), [(rule, 2)], "{code}");
        }
    }

    #[test]
    fn tests_may_unwrap_and_print_but_not_sleep_nor_be_ignored_without_a_reason() {
        let test = |body: &str| rules("kafka-wire/tests/a.rs", &format!("//! A.\n{body}"));
        assert!(test("#[test] fn a() { b().unwrap(); println!(); }").is_empty());
        assert!(test("#[test]\n#[ignore = \"needs c\"]\nfn a() {}").is_empty());
        assert_eq!(
            test("#[test] fn a() { std::thread::sleep(b); }"),
            [("tests never sleep", 2)]
        );
        let ignored = test("#[test]\n#[ignore]\nfn a() {}");
        assert_eq!(ignored, [("reasons for ignored tests", 3)]);
        let inside =
            library("#[cfg(test)] mod tests { fn a() { b().unwrap(); thread::sleep(c); } }");
        assert_eq!(inside, [("tests never sleep", 2)]);
    }

    #[test]
    fn a_tool_may_print_but_not_unwrap() {
        let tool = |code: &str| rules("xtask/src/a.rs", &format!("//! A.\n{code}"));
        assert!(tool("fn a() { println!(); }").is_empty());
        assert_eq!(tool("fn a() { b().unwrap(); }"), [("no unwrap", 2)]);
    }
}
