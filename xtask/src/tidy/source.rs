//! One file of Rust as the rules see it: its tokens in a row, each with its line and its zone.
//!
//! Comments are gone and literals are blank, so that a rule never mistakes a sentence for code.
//! Which tokens belong to tests is known from `#[cfg(test)]` and `#[test]`, from the file's place,
//! and from the file that declares it.

use std::path::Path;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::Finding;

/// What kind of code stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// What a user of our crates runs.
    Library,
    /// What only we run: `xtask`.
    Tool,
    /// What our own is measured beside: it calls C and the system, and ends where it can not go on.
    Peer,
    /// What a reader learns from.
    Example,
    /// What checks the rest, benchmarks and fuzz targets included.
    Test,
}

/// One token: an identifier, one character of punctuation, a bracket, or a blank literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
    pub(super) zone: Zone,
}

/// One file of Rust.
pub(super) struct Source {
    /// Relative to the workspace, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
    pub(super) syntax: syn::File,
    /// Modules that stand in files of their own and are only there for tests.
    test_modules: Vec<String>,
    /// The line of the first `#[cfg(test)] mod`.
    tests_begin: Option<usize>,
}

impl Source {
    pub(super) fn read(path: &str, text: String) -> Result<Self, Finding> {
        let broken = |line, error: String| Finding::new(path, line, "syntax", error);
        let tokens = TokenStream::from_str(&text)
            .map_err(|error| broken(error.span().start().line, error.to_string()))?;
        let syntax = syn::parse2(tokens.clone())
            .map_err(|error: syn::Error| broken(error.span().start().line, error.to_string()))?;
        let mut row = Row {
            tokens: Vec::new(),
            test_modules: Vec::new(),
            tests_begin: None,
        };
        row.lay(tokens, zone(path));
        let Row {
            tokens,
            test_modules,
            tests_begin,
        } = row;
        Ok(Self {
            path: path.to_owned(),
            text,
            tokens,
            syntax,
            test_modules,
            tests_begin,
        })
    }

    /// How many lines stand before the tests at the end.
    pub(super) fn lines_before_tests(&self) -> usize {
        self.tests_begin
            .map_or_else(|| self.text.lines().count(), |line| line - 1)
    }

    /// The places where the tokens of `pattern` stand in a row.
    pub(super) fn find<'a>(&'a self, pattern: &'a [String]) -> impl Iterator<Item = &'a Token> {
        let windows = self.tokens.windows(pattern.len().max(1));
        let is_found = move |row: &&[Token]| row.iter().map(|token| &token.text).eq(pattern);
        windows.filter(is_found).map(|row| &row[0])
    }

    /// Where a module in a file of its own would be looked for, without `.rs` or `/mod.rs`.
    fn module_dir(&self) -> String {
        let path = Path::new(&self.path);
        let parent = path.parent().unwrap_or(path).to_string_lossy();
        match path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
        {
            "mod" | "lib" | "main" => parent.into_owned(),
            stem => format!("{parent}/{stem}"),
        }
    }
}

/// The tokens of `code`, as they are matched.
pub(super) fn pattern(code: &str) -> Vec<String> {
    let mut row = Row {
        tokens: Vec::new(),
        test_modules: Vec::new(),
        tests_begin: None,
    };
    row.lay(
        TokenStream::from_str(code).expect("a pattern is made of tokens"),
        Zone::Library,
    );
    row.tokens.into_iter().map(|token| token.text).collect()
}

/// Puts the files of modules that are declared under `#[cfg(test)]` into the zone of tests.
pub(super) fn mark_test_modules(sources: &mut [Source]) {
    let declared = sources.iter().flat_map(|source| {
        let dir = source.module_dir();
        source
            .test_modules
            .iter()
            .map(move |name| format!("{dir}/{name}"))
    });
    let declared: Vec<String> = declared.collect();
    for source in sources {
        let is_test = declared.iter().any(|module| {
            let rest = source.path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
        if is_test {
            source
                .tokens
                .iter_mut()
                .for_each(|token| token.zone = Zone::Test);
        }
    }
}

/// The zone of a file by its place.
fn zone(path: &str) -> Zone {
    let has = |folder: &str| path.split('/').any(|part| part == folder);
    match () {
        () if has("tests") || has("benches") || has("fuzz") || has("tests.rs") => Zone::Test,
        () if has("examples") => Zone::Example,
        () if path.starts_with("xtask/peers/") => Zone::Peer,
        () if path.starts_with("xtask/") => Zone::Tool,
        () => Zone::Library,
    }
}

struct Row {
    tokens: Vec<Token>,
    test_modules: Vec<String>,
    tests_begin: Option<usize>,
}

impl Row {
    fn lay(&mut self, stream: TokenStream, zone: Zone) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut here = zone;
        for (index, tree) in trees.iter().enumerate() {
            if here != Zone::Test && begins_test(&trees[index..]) {
                here = Zone::Test;
                self.note_module(&trees[index..]);
            }
            match tree {
                TokenTree::Group(group) => self.lay_group(group, here),
                TokenTree::Literal(literal) => self.push("\"\"", literal.span(), here),
                other => self.push(&other.to_string(), other.span(), here),
            }
            if ends_item(tree) {
                here = zone;
            }
        }
    }

    fn lay_group(&mut self, group: &Group, zone: Zone) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        self.push(open, group.span_open(), zone);
        self.lay(group.stream(), zone);
        self.push(close, group.span_close(), zone);
    }

    fn push(&mut self, text: &str, span: proc_macro2::Span, zone: Zone) {
        self.tokens.push(Token {
            text: text.to_owned(),
            line: span.start().line,
            zone,
        });
    }

    /// Notes `mod name`, if that is what the attribute at the front of `trees` stands on.
    fn note_module(&mut self, trees: &[TokenTree]) {
        let item: Vec<String> = trees
            .iter()
            .take_while(|t| !ends_item(t))
            .map(ToString::to_string)
            .collect();
        let Some(at) = item.iter().position(|word| word == "mod") else {
            return;
        };
        if matches!(trees.get(at + 2), Some(TokenTree::Punct(end)) if end.as_char() == ';') {
            self.test_modules.extend(item.get(at + 1).cloned());
        } else if self.tests_begin.is_none() {
            self.tests_begin = trees.first().map(|tree| tree.span().start().line);
        }
    }
}

/// Whether an attribute stands in front that makes the item behind it a test.
fn begins_test(trees: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = trees else {
        return false;
    };
    if hash.as_char() != '#' || attribute.delimiter() != Delimiter::Bracket {
        return false;
    }
    let inside: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match inside.as_slice() {
        [TokenTree::Ident(name), TokenTree::Group(condition)] if name == "cfg" => {
            names_test(condition.stream())
        }
        // `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = "...")]`
        [path @ .., TokenTree::Group(_)] | path => {
            matches!(path.last(), Some(TokenTree::Ident(name)) if name == "test")
        }
    }
}

/// `test`, or `all(…)`/`any(…)` with it; not `not(test)`, nor `feature = "test"`.
fn names_test(condition: TokenStream) -> bool {
    let mut negated = false;
    for tree in condition {
        match tree {
            TokenTree::Ident(name) if name == "test" => return true,
            TokenTree::Ident(name) => negated = name == "not",
            TokenTree::Group(inner) if !negated && names_test(inner.stream()) => return true,
            _ => {}
        }
    }
    false
}

/// An item ends with its braces or its semicolon.
fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Source {
        Source::read(path, text.to_owned())
            .map_err(|finding| finding.to_string())
            .unwrap()
    }

    fn zones(text: &str, name: &str) -> Vec<Zone> {
        let source = read("kafka-wire/src/a.rs", text);
        source
            .find(&pattern(name))
            .map(|token| token.zone)
            .collect()
    }

    #[test]
    fn comments_and_strings_are_not_tokens() {
        assert!(zones("/// tokio\nconst A: &str = \"tokio\"; // tokio", "tokio").is_empty());
    }

    #[test]
    fn what_stands_under_a_test_attribute_is_a_test() {
        let text = "fn a() { x } #[test] fn b() { x } fn c() { x }
            #[cfg(test)] mod tests { fn d() { x } } #[cfg(not(test))] fn e() { x }
            #[cfg(all(loom, test))] use x; #[tokio::test(start_paused = true)] async fn f() { x }";
        use Zone::{Library, Test};
        assert_eq!(
            zones(text, "x"),
            [Library, Test, Library, Test, Library, Test, Test]
        );
    }

    #[test]
    fn the_place_of_a_file_tells_its_zone() {
        let expected = [
            ("kafka-wire/src/lib.rs", Zone::Library),
            ("kafka-wire/src/engine/tests.rs", Zone::Test),
            ("kafka-wire/tests/golden.rs", Zone::Test),
            ("kafka-wire/benches/encode.rs", Zone::Test),
            ("kafka-producer/examples/quickstart.rs", Zone::Example),
            ("xtask/src/main.rs", Zone::Tool),
            ("xtask/peers/floor/src/main.rs", Zone::Peer),
        ];
        for (path, expected) in expected {
            assert_eq!(zone(path), expected, "{path}");
        }
    }

    #[test]
    fn a_module_declared_for_tests_is_a_test() {
        let mut sources = [
            read(
                "kafka-wire/src/engine/mod.rs",
                "#[cfg(test)] mod model; mod other;",
            ),
            read("kafka-wire/src/engine/model.rs", "fn a() {}"),
            read("kafka-wire/src/engine/model/deep.rs", "fn a() {}"),
            read("kafka-wire/src/engine/other.rs", "fn a() {}"),
        ];
        mark_test_modules(&mut sources);
        let zones: Vec<_> = sources[1..]
            .iter()
            .map(|source| source.tokens[0].zone)
            .collect();
        assert_eq!(zones, [Zone::Test, Zone::Test, Zone::Library]);
    }

    #[test]
    fn lines_are_counted_up_to_the_tests() {
        let source = read(
            "a/src/a.rs",
            "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n",
        );
        assert_eq!(source.lines_before_tests(), 3);
        assert_eq!(
            read("a/src/a.rs", "//! A.\nfn a() {}\n").lines_before_tests(),
            2
        );
    }

    #[test]
    fn a_pattern_is_found_on_its_line_also_inside_a_macro() {
        let source = read(
            "a/src/a.rs",
            "fn a() {\n    m!(b,\n      Instant :: now());\n}",
        );
        let lines: Vec<_> = source
            .find(&pattern("Instant::now"))
            .map(|t| t.line)
            .collect();
        assert_eq!(lines, [3]);
    }

    #[test]
    fn what_is_not_rust_is_a_finding() {
        let finding = Source::read("a/src/a.rs", "fn {".to_owned()).err().unwrap();
        assert_eq!((finding.rule, finding.line), ("syntax", 1));
    }
}
