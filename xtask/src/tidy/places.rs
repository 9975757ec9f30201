//! The files and functions that pages name: each of them exists.
//!
//! ```text
//! ## `kafka-producer/src/engine`        a heading that names a folder: what is below it is inside
//! `produce/drain.rs::drain`             a function or a type of that file
//! `kafka-producer/src/driver/mod.rs`    a whole path is one anywhere
//! ```

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::finding::Finding;
use super::modules;

/// What a page names, although it is not among these files of Rust (path, text).
pub(super) fn check(page: &str, text: &str, files: &BTreeMap<&str, &str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folder = "";
    for (line, number) in text.lines().zip(1..) {
        let mut quoted = line.split('`').skip(1).step_by(2);
        if line.starts_with('#') {
            let mut folders = quoted.clone();
            let is_folder = |it: &&str| files.keys().any(|file| is_below(file, it));
            folder = folders.find(is_folder).unwrap_or_default();
        }
        let is_missing = |name: &&str| !exists(name, folder, files);
        for name in quoted.by_ref().filter(is_missing) {
            let place = if folder.is_empty() {
                "the repository"
            } else {
                folder
            };
            let instead = format!("`{name}` is not in {place}: name what is there");
            findings.push(Finding::new(page, number, "named place", instead));
        }
    }
    findings
}

/// Whether a quoted name leads to a file, or names none.
fn exists(name: &str, folder: &str, files: &BTreeMap<&str, &str>) -> bool {
    let (path, item) = match name.split_once(".rs::") {
        Some((path, item)) => (format!("{path}.rs"), Some(item)),
        None if name.ends_with(".rs") => (name.to_owned(), None),
        None => return true,
    };
    if path.contains(['*', '{', '…', ' ']) {
        return true; // A pattern, or more than a name.
    }
    let end = format!("/{path}");
    let is_meant = |file: &str| {
        file == path || file.ends_with(&end) && (folder.is_empty() || is_below(file, folder))
    };
    let mut meant = files.iter().filter(|(file, _)| is_meant(file));
    meant.any(|(_, text)| item.is_none_or(|item| defines(text, item)))
}

fn is_below(file: &str, folder: &str) -> bool {
    let rest = file.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a file has a function or a type of this name; of `Type::method`, the last counts.
fn defines(text: &str, item: &str) -> bool {
    let name = item.trim_end_matches("()");
    let name = name.rsplit("::").next().unwrap_or_default();
    let mut found = Names(BTreeSet::new());
    if let Ok(syntax) = syn::parse_file(text) {
        found.visit_file(&syntax);
    }
    found.0.contains(name)
}

/// Every function, method and other item.
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.0.insert(signature.ident.to_string());
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.0
            .extend(modules::head(item).1.map(ToString::to_string));
        visit::visit_item(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(text: &str) -> Vec<(usize, String)> {
        let files = [
            ("a/src/drain.rs", "pub(super) fn drain() {} struct Lane;"),
            (
                "a/src/engine/mod.rs",
                "impl Engine { fn handle(&mut self) {} }",
            ),
            ("b/src/lib.rs", "trait Serde { fn write(&self); }"),
        ];
        let findings = check("PAGE.md", text, &files.into_iter().collect());
        findings
            .into_iter()
            .map(|it| (it.line, it.instead))
            .collect()
    }

    #[test]
    fn what_is_there_may_be_named_as_a_path_or_below_its_folder() {
        for text in [
            "`a/src/drain.rs`, `a/src/drain.rs::drain` and `drain.rs::Lane`",
            "| `engine/mod.rs::Engine::handle()` | `b/src/lib.rs::write` |",
            "## `a/src/engine`: decides\n`mod.rs::handle`, `a/src/drain.rs`",
            "`src/messages/*.rs` and `cargo run --bin x.rs` and `Lane::drain`",
        ] {
            assert_eq!(missing(text), [], "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_found_with_its_line() {
        for (text, name, place) in [
            ("\n`a/src/lane.rs`", "a/src/lane.rs", "the repository"),
            (
                "\n`a/src/drain.rs::drained`",
                "a/src/drain.rs::drained",
                "the repository",
            ),
            (
                "## `a/src/engine/`\n`drain.rs::drain`",
                "drain.rs::drain",
                "a/src/engine/",
            ),
            ("## Of `a` and `b`\n`lib.rs`", "lib.rs", "a"),
        ] {
            let instead = format!("`{name}` is not in {place}: name what is there");
            assert_eq!(missing(text), [(2, instead)], "{text}");
        }
    }
}
