//! Reads `sasl.jaas.config`: a login module of Java's, and its options.
//!
//! ```text
//! org.apache.kafka.common.security.plain.PlainLoginModule required username="me" password="…";
//! └─ class ──────────────────────────────────────────────┘ └ flag  └─ options               └ end
//! ```
//!
//! The rules are those of Kafka's `JaasConfig`: quotes of both kinds with Java's escapes, comments,
//! blanks and line breaks wherever words end. An error never has a word of what it is about, because
//! any of them may be the secret.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use thiserror::Error;

use crate::security::Secret;

/// A login module and what it is told.
#[derive(Debug)]
pub(super) struct LoginModule {
    /// The name of its class.
    pub(super) class: String,
    options: BTreeMap<String, Secret>,
}

impl LoginModule {
    /// The value of an option, unless it is missing or empty.
    pub(super) fn option(&self, name: &str) -> Option<&Secret> {
        self.options
            .get(name)
            .filter(|value| !value.expose().is_empty())
    }

    /// The options whose names begin so, without that beginning.
    #[cfg(any(test, feature = "aws-msk-iam", feature = "oauth-oidc"))]
    pub(super) fn options_of<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Secret)> {
        let options = self.options.iter();
        options.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }

    /// The name of the class without its package.
    pub(super) fn short_class(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }
}

/// What is wrong with the text, and where, without a word of it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum JaasError {
    #[error("it is empty")]
    Empty,
    #[error("it does not begin with the name of a class")]
    NoClass,
    #[error("the class is not followed by required, requisite, sufficient or optional")]
    NoFlag,
    #[error(
        "option {0} is not NAME=\"VALUE\"; a value that is not only letters and digits needs quotes"
    )]
    BadOption(usize),
    #[error("the quote of option {0} is not closed")]
    OpenQuote(usize),
    #[error("the semicolon at its end is missing")]
    NoSemicolon,
    #[error("it has more than one login module")]
    SeveralModules,
}

/// The text between quotes, as it is read again.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' => quoted.extend(['\\', character]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Reads the only module of the text.
pub(super) fn parse_jaas(text: &str) -> Result<LoginModule, JaasError> {
    let mut words = Words::new(text);
    let class = match words.next(0)? {
        None => return Err(JaasError::Empty),
        Some(Word::Text(class)) if !class.expose().is_empty() => class.expose().to_owned(),
        Some(_) => return Err(JaasError::NoClass),
    };
    match words.next(0)? {
        Some(Word::Text(flag)) if is_flag(flag.expose()) => {}
        _ => return Err(JaasError::NoFlag),
    }
    let options = parse_options(&mut words)?;
    match words.next(0) {
        Ok(None) => Ok(LoginModule { class, options }),
        _ => Err(JaasError::SeveralModules),
    }
}

fn parse_options(words: &mut Words<'_>) -> Result<BTreeMap<String, Secret>, JaasError> {
    let mut options = BTreeMap::new();
    for number in 1.. {
        let name = match words.next(number)? {
            Some(Word::End) => break,
            Some(Word::Text(name)) => name.expose().to_owned(),
            Some(Word::Equals | Word::Other) => return Err(JaasError::BadOption(number)),
            None => return Err(JaasError::NoSemicolon),
        };
        let equals = words.next(number)?;
        match (equals, words.next(number)?) {
            (Some(Word::Equals), Some(Word::Text(value))) => options.insert(name, value),
            _ => return Err(JaasError::BadOption(number)),
        };
    }
    Ok(options)
}

fn is_flag(word: &str) -> bool {
    ["required", "requisite", "sufficient", "optional"]
        .iter()
        .any(|flag| flag.eq_ignore_ascii_case(word))
}

enum Word {
    /// With or without quotes, which are removed.
    Text(Secret),
    Equals,
    /// A semicolon.
    End,
    /// A character that has no meaning here.
    Other,
}

struct Words<'a>(Peekable<Chars<'a>>);

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.chars().peekable())
    }

    /// The next word, which belongs to that option.
    fn next(&mut self, option: usize) -> Result<Option<Word>, JaasError> {
        self.skip_blanks();
        let Some(first) = self.0.next() else {
            return Ok(None);
        };
        Ok(Some(match first {
            '=' => Word::Equals,
            ';' => Word::End,
            '"' | '\'' => Word::Text(self.quoted(first).ok_or(JaasError::OpenQuote(option))?),
            first if is_of_word(first) => Word::Text(self.bare(first)),
            _ => Word::Other,
        }))
    }

    /// Skips blanks, control characters and Java's comments.
    fn skip_blanks(&mut self) {
        while let Some(&next) = self.0.peek() {
            let mut ahead = self.0.clone();
            ahead.next();
            match (next, ahead.peek()) {
                ('\0'..=' ', _) => self.0 = ahead,
                ('/', Some('/')) => {
                    self.0
                        .by_ref()
                        .take_while(|&c| !matches!(c, '\n' | '\r'))
                        .for_each(drop);
                }
                ('/', Some('*')) => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn skip_comment(&mut self) {
        let mut before = '\0';
        // The first two are the beginning, of which the star is not that of the end.
        for character in self.0.by_ref().skip(2) {
            if (before, character) == ('*', '/') {
                return;
            }
            before = character;
        }
    }

    fn bare(&mut self, first: char) -> Secret {
        let mut word = String::from(first);
        while let Some(character) = self.0.next_if(|&next| is_of_word(next)) {
            word.push(character);
        }
        Secret::new(word)
    }

    /// What is before the closing quote, if there is one on this line.
    fn quoted(&mut self, quote: char) -> Option<Secret> {
        let mut text = String::with_capacity(64);
        loop {
            match self.0.next()? {
                '\n' | '\r' => return None,
                '\\' => text.push(self.escaped()?),
                end if end == quote => return Some(Secret::new(text)),
                character => text.push(character),
            }
        }
    }

    /// The character that is meant by those after a backslash.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.0.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            first @ '0'..='7' => self.octal(first),
            other => other,
        })
    }

    /// Up to three octal digits, of which the first is known; three only up to `\377`.
    fn octal(&mut self, first: char) -> char {
        let digits_max = if first <= '3' { 3 } else { 2 };
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 1..digits_max {
            let Some(digit) = self.0.next_if(|next| next.is_digit(8)) else {
                break;
            };
            code = code * 8 + digit.to_digit(8).unwrap_or_default();
        }
        char::from_u32(code).unwrap_or('\0')
    }
}

/// Letters, digits and what Kafka's `JaasConfig` adds to them. Java wants words that begin with a digit
/// in quotes; we do not.
fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || ".-_$".contains(character) || character >= '\u{a0}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";

    fn parsed(options: &str) -> LoginModule {
        let text = format!("{PLAIN} required {options}");
        parse_jaas(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn check(options: &str, expected: &[(&str, &str)]) {
        let module = parsed(options);
        let found = module
            .options_of("")
            .map(|(name, value)| (name, value.expose()));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{options}");
        assert_eq!(module.class, PLAIN);
    }

    #[test]
    fn options_are_read_as_java_reads_them() {
        check(";", &[]);
        check(
            r#"password="tea" username="me";"#,
            &[("password", "tea"), ("username", "me")],
        );
        check(r#"username='me' ;"#, &[("username", "me")]);
        check(
            "username = me\n\tpassword\n=\r\n'tea' ; ",
            &[("password", "tea"), ("username", "me")],
        );
        check("username=me-2_$.x;", &[("username", "me-2_$.x")]);
        check("n=12;", &[("n", "12")]);
        check("a=1 a=2;", &[("a", "2")]);
        check(
            "/* who */ username=\"/*me*/\" // this one\n;",
            &[("username", "/*me*/")],
        );
        check(r#"p="a;b=c'd";"#, &[("p", "a;b=c'd")]);
        check(
            r#"p="\"\\\'\t\n\101\08\477x";"#,
            &[("p", "\"\\'\t\nA\08'7x")],
        );
        check(r#"p="";"#, &[("p", "")]);
        check("p=\"pässword ✓\";", &[("p", "pässword ✓")]);
    }

    #[test]
    fn what_is_wrong_is_told_without_a_word_of_it() {
        use JaasError::*;
        let cases = [
            ("", Empty),
            (" // nothing", Empty),
            ("; required", NoClass),
            ("\"\" required", NoClass),
            ("A", NoFlag),
            ("A needed;", NoFlag),
            ("A required", NoSemicolon),
            ("A required p=secret", NoSemicolon),
            ("A required p", BadOption(1)),
            ("A required p=;", BadOption(1)),
            ("A required u=me p=se#cret;", BadOption(3)),
            ("A required u=me p=#secret;", BadOption(2)),
            ("A required u=me p=\"secret;", OpenQuote(2)),
            ("A required u=me p=\"sec\nret\";", OpenQuote(2)),
            ("A required u=me; B required;", SeveralModules),
            ("A required u=me; \"", SeveralModules),
        ];
        for (text, expected) in cases {
            let error = parse_jaas(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("sec"), "{text}: {error}");
        }
    }

    #[test]
    fn an_empty_option_counts_as_missing() {
        assert!(parsed("p=\"\";").option("p").is_none());
        assert!(parsed("p=x;").option("p").is_some());
        assert_eq!(parsed(";").short_class(), "PlainLoginModule");
    }

    #[test]
    fn secrets_are_not_printed() {
        assert!(!format!("{:?}", parsed("password=\"tea-2026\";")).contains("tea"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[a-z;="'\\/* \n0-9#é]{0,60}"#) {
            let _ = parse_jaas(&text).map_err(|error| error.to_string());
            let _ = parse_jaas(&format!("A required {text}"));
        }

        #[test]
        fn every_value_can_be_quoted(value in "(?s).{0,40}") {
            let module = parsed(&format!("p={};", quote(&value)));
            prop_assert_eq!(module.options_of("p").next().map(|found| found.1.expose()), Some(&*value));
        }
    }
}
