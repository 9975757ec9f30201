//! What providers gave, which no message may show.

use std::collections::BTreeSet;
use std::fmt;

use super::super::error::{Problem, Warning};
use super::super::table::HIDDEN;
use crate::security::Secret;

/// Names whose values come from a provider, and what the providers gave.
#[derive(Clone, Default)]
pub(crate) struct Provided {
    names: BTreeSet<String>,
    texts: Vec<Secret>,
}

impl Provided {
    /// `sets`: what a name that is not today's sets.
    pub(super) fn add(&mut self, name: &str, sets: Option<&str>, text: &str) {
        let names = [Some(name), sets].into_iter().flatten();
        self.names.extend(names.map(str::to_owned));
        // A list may be told by its entries.
        let texts = std::iter::once(text).chain(text.split(',')).map(str::trim);
        for text in texts.filter(|text| !text.is_empty()) {
            if self.texts.iter().all(|known| known.expose() != text) {
                self.texts.push(Secret::new(text.to_owned()));
            }
        }
    }

    /// Whether any part of the value of that name was provided.
    pub(in super::super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The problem without what was provided.
    pub(crate) fn hide_in(&self, problem: &mut Problem) {
        match problem {
            Problem::Invalid { name, value, .. } => self.hide_value(name, value),
            Problem::Contradiction {
                name,
                value,
                because: words,
                ..
            }
            | Problem::Unsupported {
                name,
                value,
                reason: words,
                ..
            } => {
                self.hide_value(name, value);
                self.hide_words(words);
            }
            Problem::Disagreement {
                name,
                value,
                other,
                other_value,
                ..
            } => {
                self.hide_value(name, value);
                self.hide_value(other, other_value);
            }
            Problem::Unusable {
                name,
                value,
                reason,
            } => self.hide_in_unusable(name, value, reason),
            Problem::Missing { .. }
            | Problem::Unreadable { .. }
            | Problem::NotUnicode { .. }
            | Problem::Malformed { .. } => {}
        }
    }

    /// The same, of a setting that cannot be used.
    pub(crate) fn hide_in_unusable(
        &self,
        name: &str,
        value: &mut Option<String>,
        reason: &mut String,
    ) {
        if let Some(value) = value {
            self.hide_value(name, value);
        }
        self.hide_words(reason);
    }

    /// The warning without what was provided.
    pub(in super::super) fn hide_in_warning(&self, warning: &mut Warning) {
        match warning {
            Warning::EntryNotSupported { name, entry: value }
            | Warning::IdempotenceOff { name, value }
            | Warning::SecretInPlain { name, value } => self.hide_value(name, value),
            _ => {}
        }
    }

    /// A value of which a part was provided, however much of it this is, or one that has something of it.
    fn hide_value(&self, name: &str, value: &mut String) {
        if self.has(name) || self.texts.iter().any(|text| has_word(value, text.expose())) {
            HIDDEN.clone_into(value);
        }
    }

    fn hide_words(&self, words: &mut String) {
        for text in &self.texts {
            let before = std::mem::take(words);
            let mut rest = before.as_str();
            while let Some(start) = word(rest, text.expose()) {
                words.push_str(&rest[..start]);
                words.push_str(HIDDEN);
                rest = &rest[start + text.expose().len()..];
            }
            words.push_str(rest);
        }
    }
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.names).finish()
    }
}

fn has_word(text: &str, wanted: &str) -> bool {
    word(text, wanted).is_some()
}

/// Where `wanted` begins in a text in which it is no part of a longer word.
fn word(text: &str, wanted: &str) -> Option<usize> {
    let is_end = |character: Option<char>| !character.is_some_and(char::is_alphanumeric);
    let found = text.match_indices(wanted).map(|(start, _)| start);
    let mut found = found.filter(|start| {
        let (before, rest) = text.split_at(*start);
        let after = &rest[wanted.len()..];
        is_end(before.chars().next_back()) && is_end(after.chars().next())
    });
    found.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, words: &str) -> String {
        let mut provided = Provided::default();
        provided.add("name", None, text);
        let mut words = words.to_owned();
        provided.hide_words(&mut words);
        words
    }

    #[test]
    fn what_was_provided_is_hidden_wherever_it_is_a_word() {
        assert_eq!(
            hidden("5", "linger.ms + x is 5 + 30005"),
            "linger.ms + x is [hidden] + 30005"
        );
        assert_eq!(
            hidden("/etc/ca.pem\n", "cannot read /etc/ca.pem"),
            "cannot read [hidden]"
        );
        assert_eq!(hidden("a", "a=a, a"), "[hidden]=[hidden], [hidden]");
        for text in ["hidden", "[hidden]", "[hidden", "]", "[", "h"] {
            assert_eq!(hidden(text, &format!("a {text}")), "a [hidden]", "{text}");
        }
        assert_eq!(hidden("", "nothing"), "nothing");
        assert_eq!(
            hidden("TEA, MILK", "it is TEA,MILK"),
            "it is [hidden],[hidden]"
        );
    }

    #[test]
    fn a_value_with_a_part_that_was_provided_is_hidden_whole() {
        let mut provided = Provided::default();
        provided.add("metadata.broker.list", Some("bootstrap.servers"), "kafka-1");
        for (name, given, shown) in [
            ("bootstrap.servers", "kafka-1:port", "[hidden]"),
            ("bootstrap.servers", "kafka-12:port", "[hidden]"),
            ("metadata.broker.list", "kafka-12:port", "[hidden]"),
            ("client.id", "kafka-1:port", "[hidden]"),
            ("client.id", "kafka-12:port", "kafka-12:port"),
        ] {
            let mut value = given.to_owned();
            provided.hide_value(name, &mut value);
            assert_eq!(value, shown, "{name}={given}");
        }
        let names = "{\"bootstrap.servers\", \"metadata.broker.list\"}";
        assert_eq!(format!("{provided:?}"), names);
    }
}
