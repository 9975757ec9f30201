//! The conformance page says which test proves which line of the checklist. This compares it with
//! the tests.
//!
//! ```text
//! | T091 | …Java's test… | `t091_to_t093_offsets_that_…` | how we differ, or why there is no test |
//! ```
//!
//! The name of a test begins with the numbers of the lines that it proves (`s58_t002_…`,
//! `t091_to_t093_…`). Every line is on the page once, with exactly the tests that name it, or with
//! a reason. The page says how many lines are proved.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::finding::Finding;

/// Where the page is.
const PAGE: &str = "docs/conformance.md";
const RULE: &str = "conformance";

/// The parts of the checklist, how many lines each has, and the digits of their numbers.
const PARTS: [(char, usize, usize); 3] = [('S', 75, 2), ('A', 34, 2), ('T', 140, 3)];

/// A line of the checklist: its part and number.
type Id = (char, usize);

/// Tests by the line they prove.
type Tests = BTreeMap<Id, BTreeSet<String>>;

/// A row of the page.
struct Row<'a> {
    line: usize,
    tests: BTreeSet<&'a str>,
    reason: &'a str,
}

/// Where the page and the tests in these files of Rust (path, text) disagree.
pub(super) fn check(page: Option<&str>, files: &[(String, String)]) -> Vec<Finding> {
    let Some(page) = page else {
        return vec![Finding::new(PAGE, 1, RULE, "it is not there: write it")];
    };
    let mut tests = Tests::new();
    let mut findings = Vec::new();
    for (path, text) in files {
        match syn::parse_file(text) {
            Ok(syntax) => add_tests(&syntax, &mut tests),
            Err(error) => {
                let line = error.span().start().line;
                findings.push(Finding::new(path, line, "syntax", error.to_string()));
            }
        }
    }
    findings.extend(compare(page, &tests));
    findings
}

/// The page, if there is one.
pub(super) fn page() -> Option<String> {
    std::fs::read_to_string(crate::shell::workspace().join(PAGE)).ok()
}

fn compare(page: &str, tests: &Tests) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line, instead: String| findings.push(Finding::new(PAGE, line, RULE, instead));
    let mut rows: BTreeMap<Id, Row<'_>> = BTreeMap::new();
    for (id, row) in page.lines().zip(1..).filter_map(row) {
        let line = row.line;
        if rows.insert(id, row).is_some() {
            find(line, format!("{} is here twice", name(id)));
        }
    }
    let none = BTreeSet::new();
    for id in all() {
        let Some(Row {
            line,
            tests: named,
            reason,
        }) = rows.remove(&id)
        else {
            find(1, format!("{} is missing", name(id)));
            continue;
        };
        let there = tests.get(&id).unwrap_or(&none).iter().map(String::as_str);
        let there: BTreeSet<&str> = there.collect();
        if there.is_empty() && named.is_empty() && reason.is_empty() {
            find(line, format!("{}: name a test, or a reason", name(id)));
        }
        for test in named.difference(&there) {
            find(line, format!("{}: there is no test `{test}`", name(id)));
        }
        for test in there.difference(&named) {
            find(line, format!("{}: `{test}` is not named", name(id)));
        }
    }
    for (id, row) in rows {
        find(row.line, format!("the checklist has no line {}", name(id)));
    }
    let proved = all().filter(|id| tests.contains_key(id)).count();
    let sum = format!("{proved} of {} lines", all().count());
    if !page.contains(&sum) {
        find(1, format!("say that {sum} are proved by tests"));
    }
    findings
}

/// Every line of the checklist.
fn all() -> impl Iterator<Item = Id> {
    PARTS
        .into_iter()
        .flat_map(|(part, lines, _)| (1..=lines).map(move |number| (part, number)))
}

fn name((part, number): Id) -> String {
    let mut parts = PARTS.into_iter();
    let known = parts.find(|(known, ..)| *known == part);
    let width = known.map_or(0, |(_, _, digits)| digits);
    format!("{part}{number:0width$}")
}

/// The row of the table that begins with a line's name.
fn row((text, line): (&str, usize)) -> Option<(Id, Row<'_>)> {
    let mut cells = text.strip_prefix('|')?.split('|').map(str::trim);
    let id = id(&cells.next()?.to_lowercase())?;
    let [_, tests, reason] = [cells.next()?, cells.next()?, cells.next()?];
    let tests = tests.split('`').skip(1).step_by(2).collect();
    Some((
        id,
        Row {
            line,
            tests,
            reason,
        },
    ))
}

/// `s07`, `a31` or `t104`.
fn id(word: &str) -> Option<Id> {
    let part = word.chars().next()?.to_ascii_uppercase();
    let number = word.get(1..)?;
    let known = |(known, _, digits): &(char, usize, usize)| {
        *known == part && number.len() == *digits && number.bytes().all(|b| b.is_ascii_digit())
    };
    PARTS.iter().find(|part| known(part))?;
    Some((part, number.parse().ok()?))
}

/// The lines that a test's name begins with.
fn ids(test: &str) -> BTreeSet<Id> {
    let mut found = BTreeSet::new();
    let mut words = test.split('_').peekable();
    let mut last: Option<Id> = None;
    while let Some(word) = words.next() {
        match (id(word), last) {
            (Some(id), _) => {
                found.insert(id);
                last = Some(id);
            }
            (None, Some((part, from))) if word == "to" => {
                let Some((to_part, to)) = words.peek().and_then(|word| id(word)) else {
                    break;
                };
                if to_part == part {
                    found.extend((from..=to).map(|number| (part, number)));
                }
            }
            _ => break,
        }
    }
    found
}

fn add_tests(syntax: &syn::File, tests: &mut Tests) {
    let mut functions = TestNames(Vec::new());
    functions.visit_file(syntax);
    for test in functions.0 {
        for id in ids(&test) {
            tests.entry(id).or_default().insert(test.clone());
        }
    }
}

/// Functions under `#[test]` or `#[tokio::test]`.
struct TestNames(Vec<String>);

impl<'ast> Visit<'ast> for TestNames {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let is_test = |attribute: &syn::Attribute| {
            let last = attribute.path().segments.last();
            last.is_some_and(|segment| segment.ident == "test")
        };
        if function.attrs.iter().any(is_test) {
            self.0.push(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page on which every line has a reason, but for these rows.
    fn page(proved: usize, rows: &[&str]) -> String {
        let mut page = format!("{proved} of 249 lines are proved by tests.\n");
        for id in all() {
            let own = rows.iter().find(|row| row.contains(&name(id)));
            let reason = format!("| {} | java | | not yet |", name(id));
            page.push_str(own.copied().unwrap_or(&reason));
            page.push('\n');
        }
        page
    }

    fn said(page: &str, code: &str) -> Vec<String> {
        let findings = check(Some(page), &[("a/tests/a.rs".to_owned(), code.to_owned())]);
        findings.into_iter().map(|found| found.instead).collect()
    }

    #[test]
    fn a_name_proves_the_lines_that_it_begins_with() {
        for (test, expected) in [
            ("s46_the_halves", vec![('S', 46)]),
            ("s58_t002_it_waits", vec![('S', 58), ('T', 2)]),
            ("t091_to_t093_again", vec![('T', 91), ('T', 92), ('T', 93)]),
            (
                "t136_t138_to_t139_x",
                vec![('T', 136), ('T', 138), ('T', 139)],
            ),
            ("t91_is_no_number", vec![]),
            ("a_record_of_s46", vec![]),
            ("s4_x", vec![]),
        ] {
            assert_eq!(ids(test), expected.into_iter().collect(), "{test}");
        }
    }

    #[test]
    fn a_page_that_agrees_with_the_tests_is_tidy() {
        let row = "| A09 | java | `a09_x` and `a08_a09_y` | ours differs |";
        let other = "| A08 | java | `a08_a09_y` | |";
        let code = "#[test] fn a09_x() {} #[tokio::test] async fn a08_a09_y() {} fn a10_z() {}";
        assert!(said(&page(2, &[row, other]), code).is_empty());
        assert!(said(&page(0, &[]), "fn a() {}").is_empty());
    }

    #[test]
    fn what_is_not_rust_is_a_finding() {
        let findings = check(
            Some(&page(0, &[])),
            &[("a.rs".to_owned(), "\nfn {".to_owned())],
        );
        assert_eq!((findings[0].rule, findings[0].line), ("syntax", 2));
    }

    #[test]
    fn every_way_to_disagree_is_found() {
        let test = "#[test] fn s46_x() {}";
        let named = "| S46 | java | `s46_x` | |";
        for (page, code, expected) in [
            (page(1, &[]), test, "S46: `s46_x` is not named"),
            (page(0, &[named]), "", "S46: there is no test `s46_x`"),
            (
                page(0, &[named]),
                "fn s46_x() {}",
                "S46: there is no test `s46_x`",
            ),
            (
                page(0, &["| S46 | java | | |"]),
                "",
                "S46: name a test, or a reason",
            ),
            (page(0, &[]).replace("| S46 |", "| |"), "", "S46 is missing"),
            (
                page(0, &[]) + "| T141 | java | | no |",
                "",
                "the checklist has no line T141",
            ),
            (
                page(0, &[]) + "| T140 | java | | no |",
                "",
                "T140 is here twice",
            ),
            (
                page(3, &[named]),
                test,
                "say that 1 of 249 lines are proved by tests",
            ),
        ] {
            assert_eq!(said(&page, code), [expected]);
        }
        assert_eq!(check(None, &[]).len(), 1);
    }
}
