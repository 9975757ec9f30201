//! No circles among the files of a crate: what a file names never needs that file itself.
//!
//! ```text
//! a.rs ─ names an item of ─▶ b.rs ─▶ c.rs ─▶ a.rs: none of the three can be read alone
//! ```
//!
//! A `mod` that declares a child is no edge. A `pub use` is none either: whoever names what it hands
//! on has an edge to the file that defines it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::finding::Finding;
use super::modules::{Edge, Modules};

const RULE: &str = "circle";

/// Folders whose circles are reported, but allowed for now; one without circles is an error.
const ALLOWED: &[&str] = &[
    "kafka-accumulator/",
    "kafka-mock/",
    "kafka-partition/",
    "kafka-producer/",
    "kafka-wire/",
];

/// One circle for each set of files that reach each other in a crate of these files (path, text).
pub(super) fn check(files: &[(String, String)]) -> Vec<Finding> {
    let (found, allowed) = but_allowed(ALLOWED, all(files));
    allowed
        .iter()
        .for_each(|circle| println!("allowed for now: {circle}"));
    found
}

fn all(files: &[(String, String)]) -> Vec<Finding> {
    let files: BTreeMap<&str, &str> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let is_root = |path: &&&str| path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    let circles_of = |root: &&str| match Modules::of(root, &files).and_then(|it| it.edges()) {
        Ok(edges) => circles(&edges),
        Err(finding) => vec![finding],
    };
    files.keys().filter(is_root).flat_map(circles_of).collect()
}

/// What is found outside of these folders, or missing in them; and what they allow.
fn but_allowed(folders: &[&str], found: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    let is_in = |it: &Finding, folder: &&str| it.rule == RULE && it.path.starts_with(folder);
    let unused = folders
        .iter()
        .filter(|folder| !found.iter().any(|it| is_in(it, folder)));
    let unused: Vec<_> = unused
        .map(|folder| {
            Finding::new(
                file!(),
                1,
                RULE,
                format!("{folder} has none: delete its line"),
            )
        })
        .collect();
    let (allowed, mut rest): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|it| folders.iter().any(|folder| is_in(it, folder)));
    rest.extend(unused);
    (rest, allowed)
}

/// The files that a file names, each with the first place.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Edge>>;

fn circles(edges: &[Edge]) -> Vec<Finding> {
    let mut graph = Graph::new();
    for edge in edges {
        graph
            .entry(&edge.from)
            .or_default()
            .entry(&edge.to)
            .or_insert(edge);
    }
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for file in graph.keys() {
        let Some(circle) = way_back(&graph, file) else {
            continue;
        };
        let below = reached(&graph, file).into_iter();
        let members: Vec<_> = below
            .filter(|it| reached(&graph, it).contains(file))
            .collect();
        if members.iter().all(|it| told.insert(*it)) {
            let steps = circle
                .iter()
                .map(|it| format!("\n  {}:{}: {} is in {}", it.from, it.line, it.path, it.to));
            let instead = format!(
                "{} files need each other: {}; the shortest circle:{}",
                members.len(),
                members.join(", "),
                steps.collect::<String>(),
            );
            findings.push(Finding::new(file, circle[0].line, RULE, instead));
        }
    }
    findings
}

/// The files that can be reached from one.
fn reached<'a>(graph: &Graph<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        let below = graph.get(file).into_iter().flat_map(BTreeMap::keys);
        next.extend(below.copied().filter(|it| found.insert(*it)));
    }
    found
}

/// The shortest way from a file back to it.
fn way_back<'a>(graph: &Graph<'a>, from: &'a str) -> Option<Vec<&'a Edge>> {
    let mut seen = BTreeSet::new();
    let mut next = VecDeque::from([(from, Vec::new())]);
    while let Some((file, way)) = next.pop_front() {
        for (to, edge) in graph.get(file).into_iter().flatten() {
            let way: Vec<&Edge> = way.iter().copied().chain([*edge]).collect();
            if *to == from {
                return Some(way);
            }
            if seen.insert(*to) {
                next.push_back((to, way));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a crate of these files of its `src`.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| (format!("a/src/{path}"), (*text).to_owned());
        let files: Vec<_> = files.iter().map(file).collect();
        all(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_circle_through_a_re_export_is_found_with_a_line_for_each_step() {
        let lib = "mod a;\nmod b;\npub use b::B;";
        let a = "\nuse crate::B;\npub struct A(B);";
        let b = "pub struct B;\n\nfn f() -> Vec<super::a::A> {}";
        let circle = "a/src/a.rs:2: circle: 2 files need each other: a/src/a.rs, a/src/b.rs; \
            the shortest circle:\
            \n  a/src/a.rs:2: crate::B is in a/src/b.rs\
            \n  a/src/b.rs:3: super::a::A is in a/src/a.rs";
        assert_eq!(
            found(&[("lib.rs", lib), ("a.rs", a), ("b.rs", b)]),
            [circle]
        );
    }

    #[test]
    fn a_parent_that_declares_and_hands_on_is_no_circle_but_one_that_uses_is() {
        let child = ("a.rs", "use crate::LIMIT;\npub struct A;");
        for (used, circles) in [
            ("", 0),
            ("pub(crate) use a::A as B;", 0),
            ("use a::A;", 1),
            ("struct B(a::A);", 1),
            ("pub use a::A; struct B(A);", 1),
            ("fn f() { let x: Vec<_> = a::A::new(); }", 1),
            ("fn f() { assert!(matches!(x, a::A)) }", 1),
            ("impl a::A {}", 1),
            ("mod inner { use super::a::A; }", 1),
            ("#[cfg(test)] mod tests { use super::a::A; }", 0),
            ("struct B; impl B { #[cfg(test)] fn f() -> a::A {} }", 0),
            ("/// [`a::A`]\nstruct B;", 0),
        ] {
            let parent = format!("mod a; pub const LIMIT: u8 = 0; {used}");
            assert_eq!(
                found(&[("lib.rs", &parent), child]).len(),
                circles,
                "{used}"
            );
        }
    }

    #[test]
    fn methods_in_another_file_than_their_type_need_the_types_file() {
        let engine = "mod drain;\nuse drain::Drained;\npub struct Engine(Drained);";
        let drain = "pub struct Drained;\nimpl super::Engine {}";
        let files = [
            ("main.rs", "mod engine;"),
            ("engine/mod.rs", engine),
            ("engine/drain.rs", drain),
        ];
        assert_eq!(found(&files).len(), 1);
    }

    #[test]
    fn what_a_macro_defines_is_found_and_what_cannot_be_found_is_an_error() {
        let all = "mod a; pub const LIMIT: u8 = 0;";
        for (uses, finding) in [
            ("make! { pub struct A { b: u8 } }\nuse self::A;", None),
            ("make! { A => 1; }\nuse self::A;", None),
            (
                "use crate::A;",
                Some("a/src/a.rs:1: syntax: `crate::A` is not found"),
            ),
            (
                "use super::*;",
                Some("a/src/a.rs:1: syntax: `super::*` is not found"),
            ),
            ("use other::*; use std::fmt;", None),
            ("mod b;", Some("a/src/a.rs:1: syntax: `mod b` has no file")),
        ] {
            let found = found(&[("lib.rs", all), ("a.rs", uses)]);
            let first = found.first().map_or("", |it| it.as_str());
            assert!(
                first.starts_with(finding.unwrap_or_default()),
                "{uses}: {first}"
            );
            assert_eq!(found.len(), usize::from(finding.is_some()), "{uses}");
        }
    }

    #[test]
    fn a_folder_whose_circles_are_gone_may_not_be_allowed_any_more() {
        let circle = Finding::new("a/src/a.rs", 1, RULE, "");
        let (found, allowed) = but_allowed(&["a/"], vec![circle.clone()]);
        assert_eq!((found.len(), allowed), (0, vec![circle.clone()]));
        let (found, _) = but_allowed(&["b/"], vec![circle]);
        assert_eq!(found[1].instead, "b/ has none: delete its line");
    }
}
