//! No circles among the files of a crate: what a file names never needs that file itself.
//!
//! ```text
//! a.rs ─ names an item of ─▶ b.rs ─▶ c.rs ─▶ a.rs: none of the three can be read alone
//! ```
//!
//! A `mod` that declares a child is no edge. A `pub use` is none either: whoever names what it
//! hands on has an edge to the file that defines it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::finding::Finding;
use super::modules::{Edge, Modules};

const RULE: &str = "circle";

/// One circle for each set of files that need each other in a crate of these files (path, text).
pub(super) fn check(files: &[(String, String)]) -> Vec<Finding> {
    let files: BTreeMap<&str, &str> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let is_root = |path: &&&str| path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    let circles_of = |root: &&str| match Modules::of(root, &files).edges() {
        Ok(edges) => circles(&edges),
        Err(finding) => vec![finding],
    };
    files.keys().filter(is_root).flat_map(circles_of).collect()
}

/// The files that a file names, each with the first place.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Edge<'a>>>;

fn circles(edges: &[Edge<'_>]) -> Vec<Finding> {
    let mut graph = Graph::new();
    for edge in edges {
        let (from, _, _, to) = edge;
        graph.entry(from).or_default().entry(to).or_insert(edge);
    }
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for file in graph.keys().copied() {
        let below = ways(&graph, file);
        let is_member = |it: &&str| ways(&graph, it).contains_key(file);
        let members: Vec<&str> = below.keys().copied().filter(is_member).collect();
        if let Some(circle) = below.get(file)
            && members.iter().all(|it| told.insert(*it))
        {
            let (count, all) = (members.len(), members.join(", "));
            let mut instead = format!("{count} files need each other: {all}; the shortest circle:");
            for (from, line, path, to) in circle {
                instead.push_str(&format!("\n  {from}:{line}: {path} is in {to}"));
            }
            findings.push(Finding::new(file, circle[0].1, RULE, instead));
        }
    }
    findings
}

/// The shortest way from a file to each one that it needs, itself perhaps.
fn ways<'a>(graph: &Graph<'a>, from: &'a str) -> BTreeMap<&'a str, Vec<&'a Edge<'a>>> {
    let mut found = BTreeMap::new();
    let mut next = VecDeque::from([(from, Vec::new())]);
    while let Some((file, way)) = next.pop_front() {
        for (to, edge) in graph.get(file).into_iter().flatten() {
            if !found.contains_key(to) {
                let way: Vec<_> = way.iter().copied().chain([*edge]).collect();
                found.insert(*to, way.clone());
                next.push_back((*to, way));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a crate of these files of its `src`.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| (format!("a/src/{path}"), (*text).to_owned());
        let files: Vec<_> = files.iter().map(file).collect();
        check(&files).iter().map(ToString::to_string).collect()
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
            ("#[cfg(all(test, unix))] mod tests { use super::a::A; }", 0),
            ("#[cfg(not(test))] mod b { use super::a::A; }", 1),
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
                Some("a/src/a.rs:1: circle: `crate::A` is not found"),
            ),
            (
                "use super::*;",
                Some("a/src/a.rs:1: circle: `super::*` is not found"),
            ),
            ("use other::*; use std::fmt;", None),
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
}
