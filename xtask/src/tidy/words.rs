//! What may not be named where: one table, with reasons.
//!
//! A row bans a piece of code (`std::net`) or a word inside of names (`sequence`, which also finds
//! `base_sequence`) in the production code below some paths. Groups of a `use` are unfolded first:
//! `use std::{net, fs}` names both.

use syn::UseTree;
use syn::visit::{self, Visit};

use super::Finding;
use super::source::{Source, Token, Zone, pattern};

/// What is banned, where, and what to do instead.
struct Ban {
    below: &'static [&'static str],
    what: What,
    instead: &'static str,
}

enum What {
    /// These tokens in a row.
    Code(&'static [&'static str]),
    /// This word, alone or between underscores of a name.
    Word(&'static [&'static str]),
}

/// What decides or spells; it is told the time, the bytes and the seed.
const PURE: &[&str] = &[
    "kafka-wire/src/",
    "kafka-serde/src/",
    "kafka-partition/src/",
    "kafka-accumulator/src/",
    "kafka-producer/src/engine/",
];
const ENGINE: &[&str] = &["kafka-producer/src/engine/"];
const DRIVER: &[&str] = &["kafka-producer/src/driver/"];

const BANS: &[Ban] = &[
    Ban {
        below: PURE,
        what: What::Code(&["tokio"]),
        instead: "no runtime here: only kafka-producer/src/driver carries bytes and wakes tasks",
    },
    Ban {
        below: PURE,
        what: What::Code(&["std::net", "std::os::unix::net"]),
        instead: "no sockets here: take and give bytes; kafka-producer/src/driver moves them",
    },
    Ban {
        below: PURE,
        what: What::Code(&["Instant::now", "SystemTime::now", ".elapsed("]),
        instead: "no clock here: time is an argument, so that a simulation can pass its own",
    },
    Ban {
        below: PURE,
        what: What::Code(&["thread::spawn", "thread::scope", "thread::Builder"]),
        instead: "no threads here: whoever calls decides where this runs",
    },
    Ban {
        below: PURE,
        what: What::Code(&["rand::", "getrandom::", "thread_rng", "RandomState"]),
        instead: "no randomness here: take a seed, so that a run can be repeated",
    },
    Ban {
        below: ENGINE,
        what: What::Code(&[
            "Rng::new",
            "fastrand::u8",
            "fastrand::u16",
            "fastrand::u32",
            "fastrand::u64",
            "fastrand::usize",
            "fastrand::i32",
            "fastrand::i64",
            "fastrand::f32",
            "fastrand::f64",
            "fastrand::bool",
            "fastrand::shuffle",
            "fastrand::fill",
        ]),
        instead: "this draws from the thread's own seed: draw from the generator that was passed in",
    },
    Ban {
        below: PURE,
        what: What::Code(&["std::fs", "std::env", "std::process"]),
        instead: "a library neither reads files nor the environment: take the value",
    },
    Ban {
        below: DRIVER,
        what: What::Code(&["ErrorCode"]),
        instead: "what an error code means is decided in kafka-producer/src/engine",
    },
    Ban {
        below: DRIVER,
        what: What::Word(&["sequence", "sequences"]),
        instead: "sequence numbers are given out in kafka-producer/src/engine",
    },
    Ban {
        below: DRIVER,
        what: What::Word(&["retry", "retries", "backoff", "verdict"]),
        instead: "what is tried again, and when, is decided in kafka-producer/src/engine",
    },
];

/// The bans that `source` breaks.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut uses = Uses::default();
    uses.visit_file(&source.syntax);
    let mut findings = Vec::new();
    for ban in BANS {
        if !ban.below.iter().any(|below| source.path.starts_with(below)) {
            continue;
        }
        for (line, word) in ban.found(source, &uses) {
            let instead = format!("`{word}` is named: {}", ban.instead);
            findings.push(Finding::new(&source.path, line, "banned word", instead));
        }
    }
    findings
}

impl Ban {
    fn found(&self, source: &Source, uses: &Uses) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        match self.what {
            What::Code(pieces) => {
                for piece in pieces {
                    let wanted = pattern_of(piece);
                    let tokens = source.find(&wanted).filter(|t| t.zone != Zone::Test);
                    found.extend(tokens.map(|token| (token.line, *piece)));
                    let unfolded = uses.names(&wanted).filter(|line| !is_test(source, *line));
                    found.extend(unfolded.map(|line| (line, *piece)));
                }
            }
            What::Word(words) => {
                let code = source
                    .tokens
                    .iter()
                    .filter(|token| token.zone != Zone::Test);
                for token in code {
                    let word = words.iter().find(|word| has_word(token, word));
                    found.extend(word.map(|word| (token.line, *word)));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The tokens of a piece of code; one that ends in an open parenthesis leaves out what closes it.
fn pattern_of(piece: &str) -> Vec<String> {
    match piece.strip_suffix('(') {
        Some(call) => {
            let mut tokens = pattern(call);
            tokens.push("(".to_owned());
            tokens
        }
        None => pattern(piece),
    }
}

/// Whether `word` stands in the name, in `snake_case` or in `CamelCase`.
fn has_word(token: &Token, word: &str) -> bool {
    let mut snake = String::new();
    for letter in token.text.chars() {
        if letter.is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    token
        .text
        .to_lowercase()
        .split('_')
        .chain(snake.split('_'))
        .any(|part| part == word)
}

fn is_test(source: &Source, line: usize) -> bool {
    source
        .tokens
        .iter()
        .any(|token| token.line == line && token.zone == Zone::Test)
}

/// What the file imports, each path whole.
#[derive(Default)]
struct Uses(Vec<(usize, Vec<String>)>);

impl Uses {
    fn names<'a>(&'a self, wanted: &'a [String]) -> impl Iterator<Item = usize> + 'a {
        let has = move |path: &[String]| path.windows(wanted.len()).any(|row| row == wanted);
        self.0
            .iter()
            .filter(move |(_, path)| has(path))
            .map(|(line, _)| *line)
    }

    fn unfold(&mut self, before: &[String], tree: &UseTree) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                path.extend([":".to_owned(), ":".to_owned()]);
                self.unfold(&path, &step.tree);
            }
            UseTree::Name(name) => self.end(path, &name.ident),
            UseTree::Rename(rename) => self.end(path, &rename.ident),
            UseTree::Group(group) => {
                group
                    .items
                    .iter()
                    .for_each(|item| self.unfold(before, item));
            }
            _ => {}
        }
    }

    fn end(&mut self, mut path: Vec<String>, name: &syn::Ident) {
        path.push(name.to_string());
        self.0.push((name.span().start().line, path));
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.unfold(&[], &item.tree);
        visit::visit_item_use(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source::read(path, text.to_owned())
            .map_err(|f| f.to_string())
            .unwrap();
        check(&source).iter().map(|finding| finding.line).collect()
    }

    const PURE_FILE: &str = "kafka-producer/src/engine/lane.rs";
    const DRIVER_FILE: &str = "kafka-producer/src/driver/mod.rs";

    #[test]
    fn what_is_pure_names_no_runtime_socket_clock_thread_or_chance() {
        let offences = [
            "use tokio::sync::mpsc;",
            "use std::net::TcpStream;",
            "use std::{fmt, net::TcpStream};",
            "use std::{fmt, time::{Duration}, fs};",
            "fn a() { m!(Instant::now()); }",
            "fn a() { let now = std::time::SystemTime::now; }",
            "fn a(t: Instant) { t.elapsed(); }",
            "fn a() { std::thread::spawn(b); }",
            "fn a() -> u8 { rand::random() }",
            "fn a() -> u64 { fastrand::u64(..) }",
            "fn a() { std::env::var(b); }",
        ];
        for offence in offences {
            assert_eq!(lines(PURE_FILE, offence), [1], "{offence}");
        }
    }

    #[test]
    fn what_is_pure_may_be_told_the_time_and_the_seed() {
        let fine = "use std::time::{Duration, Instant};\n\
            /// Never calls `Instant::now`, and is not in tokio.\n\
            fn a(now: Instant, rng: &mut fastrand::Rng) -> Instant { now + Duration::MAX }";
        assert!(lines(PURE_FILE, fine).is_empty());
    }

    #[test]
    fn tests_may_name_what_they_like() {
        let test = "#[cfg(test)]\nmod tests {\n    use std::{fs, net};\n    use tokio::time;\n}";
        assert!(lines(PURE_FILE, test).is_empty());
        assert!(lines("kafka-wire/tests/a.rs", "use std::fs;").is_empty());
    }

    #[test]
    fn the_driver_reads_no_decision() {
        for offence in [
            "use a::ErrorCode;",
            "fn a(base_sequence: i32) {}",
            "struct RetryLater;",
        ] {
            assert_eq!(lines(DRIVER_FILE, offence), [1], "{offence}");
        }
        assert!(lines(DRIVER_FILE, "use tokio::net::TcpStream;").is_empty());
    }

    #[test]
    fn a_piece_of_code_is_not_found_inside_of_another_name() {
        assert!(
            lines(
                PURE_FILE,
                "fn a() { fastrand::Rng::with_seed(1); operand::b(); }"
            )
            .is_empty()
        );
    }
}
