//! Java's `.properties` format: text to pairs of name and value.
//!
//! As `java.util.Properties` reads it: `name=value`, `name: value` or `name value`; lines that
//! begin with `#` or `!` are comments; a line that ends with a backslash goes on in the next one,
//! whose leading blanks are dropped; `\t`, `\n`, `\r`, `\f` and `\uXXXX` stand for characters, and
//! any other character after a backslash for itself. A file is Latin-1, as Java reads it, unless the
//! caller says that it is UTF-8. Names and values mean nothing here.

use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use super::error::{ConfigError, Problem};

/// Reads the text of a `.properties` file; of a name that is given twice both pairs are returned.
///
/// ```
/// use kafka_producer::config::parse_properties;
///
/// let text = "# brokers\nbootstrap.servers = a:9092, \\\n    b:9092\nacks:all\n";
/// let pairs = parse_properties(text)?;
/// assert_eq!(pairs[0], ("bootstrap.servers".into(), "a:9092, b:9092".into()));
/// assert_eq!(pairs[1], ("acks".into(), "all".into()));
/// # Ok::<(), kafka_producer::ConfigError>(())
/// ```
///
/// # Errors
/// Each line that is malformed.
pub fn parse_properties(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut pairs = Vec::new();
    let mut problems = Vec::new();
    for (line, content) in logical_lines(text) {
        let (name, value) = split(&content);
        match unescape(name).and_then(|name| Ok((name, unescape(value)?))) {
            Ok(pair) => pairs.push(pair),
            Err(reason) => problems.push(Problem::Malformed { line, reason }),
        }
    }
    if problems.is_empty() {
        Ok(pairs)
    } else {
        Err(ConfigError::new(problems, Vec::new()))
    }
}

/// How the bytes of a file are text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Charset {
    /// Each byte is a character, as `Properties.load` reads it.
    Latin1,
    Utf8,
}

pub(super) fn read_properties_file(
    path: &Path,
    charset: Charset,
) -> Result<Vec<(String, String)>, ConfigError> {
    parse_properties(&read(path, charset).map_err(|reason| {
        let path = path.to_owned();
        ConfigError::new(vec![Problem::Unreadable { path, reason }], Vec::new())
    })?)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the caller names the file, and wants it read"
)]
fn read(path: &Path, charset: Charset) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    match charset {
        Charset::Latin1 => Ok(bytes.into_iter().map(char::from).collect()),
        Charset::Utf8 => String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
    }
}

/// Lines that are neither blank nor comments, continued ones joined, and where each begins.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut natural = natural_lines(text)
        .map(|line| line.trim_start_matches(is_blank))
        .zip(1..);
    while let Some((mut part, number)) = natural.next() {
        let mut content = String::new();
        let mut is_cut = false;
        while !is_comment(&content, part)
            && let Some(continued) = continued(part)
        {
            content.push_str(continued);
            let next = natural.next();
            is_cut = next.is_none() && !text.ends_with("\r\n");
            part = next.map_or("", |(next, _)| next);
        }
        if !is_comment(&content, part) {
            content.push_str(part);
        }
        // What is cut off by the end of the text is a line for Java, even if nothing is in it; but not after
        // a terminator of two characters, where it looks once more.
        if !content.is_empty() || is_cut {
            lines.push((number, content));
        }
    }
    lines
}

/// Where something came before it on its line, a `#` is a character like any other.
fn is_comment(before: &str, part: &str) -> bool {
    before.is_empty() && part.starts_with(['#', '!'])
}

/// Lines end with `\n`, `\r` or `\r\n`, or with the text.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.filter(|rest| !rest.is_empty())?;
        let Some(end) = text.find(['\n', '\r']) else {
            return rest.take();
        };
        let terminator = if text[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = Some(&text[end + terminator..]);
        Some(&text[..end])
    })
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// The line without its last backslash, if that is there to continue it: of an even number of
/// backslashes each second one is a character.
fn continued(line: &str) -> Option<&str> {
    let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 1 {
        line.strip_suffix('\\')
    } else {
        None
    }
}

/// At the first `=`, `:` or blank that no backslash precedes; blanks around it are dropped.
fn split(content: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = content.find(|character| {
        let ends = !escaped && (is_blank(character) || matches!(character, '=' | ':'));
        escaped = character == '\\' && !escaped;
        ends
    });
    let (name, rest) = content.split_at(end.unwrap_or(content.len()));
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (name, value.trim_start_matches(is_blank))
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('u') => plain.push(unicode(&mut characters)?),
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

/// The character of the digits after `\u`; beyond U+FFFF it takes two such groups, as in Java.
fn unicode(characters: &mut Peekable<Chars<'_>>) -> Result<char, &'static str> {
    const HALF: &str = "a \\u names half of a character (a surrogate) without the other half";
    let first = utf16_unit(characters)?;
    if !matches!(first, 0xd800..=0xdbff) {
        return char::from_u32(first.into()).ok_or(HALF);
    }
    if characters.next() != Some('\\') || characters.next() != Some('u') {
        return Err(HALF);
    }
    let units = [first, utf16_unit(characters)?];
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => Ok(character),
        Some(Err(_)) | None => Err(HALF),
    }
}

fn utf16_unit(characters: &mut Peekable<Chars<'_>>) -> Result<u16, &'static str> {
    (0..4).try_fold(0, |unit, _| {
        let digit = characters
            .next_if(char::is_ascii_hexdigit)
            .and_then(|digit| digit.to_digit(16));
        let digit = digit.and_then(|digit| u16::try_from(digit).ok());
        Ok(unit << 4 | digit.ok_or("a \\u needs four hexadecimal digits")?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let pairs = parse_properties(text).unwrap();
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(pairs, expected, "{text:?}");
    }

    fn check_malformed(text: &str, line: usize) {
        let error = parse_properties(text).unwrap_err();
        let [Problem::Malformed { line: found, .. }] = error.problems() else {
            panic!("{error}")
        };
        assert_eq!(*found, line, "{text:?}");
    }

    #[test]
    fn a_name_ends_at_an_equals_sign_a_colon_or_a_blank() {
        check("a=b", &[("a", "b")]);
        check("a:b", &[("a", "b")]);
        check("a b", &[("a", "b")]);
        check("a = b", &[("a", "b")]);
        check("a\t:\t b", &[("a", "b")]);
        check("a\u{c}b", &[("a", "b")]);
        check("  a", &[("a", "")]);
        check("=x", &[("", "x")]);
    }

    #[test]
    fn only_the_first_separator_counts() {
        check("a:=b", &[("a", "=b")]);
        check("a==b", &[("a", "=b")]);
        check("a b = c", &[("a", "b = c")]);
        check("a=localhost:9092", &[("a", "localhost:9092")]);
    }

    #[test]
    fn a_backslash_takes_the_meaning_from_a_separator() {
        check("a\\ b=c", &[("a b", "c")]);
        check("a\\:b=c", &[("a:b", "c")]);
        check("a\\\\=c", &[("a\\", "c")]);
        check("a=\\q", &[("a", "q")]);
    }

    #[test]
    fn comments_and_blank_lines_are_skipped_and_never_continued() {
        check("!x\n#y\n\n  \t# z\n  k", &[("k", "")]);
        check("#c\\\nb=1", &[("b", "1")]);
        check("", &[]);
    }

    #[test]
    fn lines_end_as_on_every_system() {
        check("a=1\r\nb=2\rc=3\n", &[("a", "1"), ("b", "2"), ("c", "3")]);
    }

    #[test]
    fn a_backslash_at_the_end_continues_the_line() {
        check("a=b\\\n   c", &[("a", "bc")]);
        check("a=x\\\r\n y", &[("a", "xy")]);
        check("a=x\\\n#y", &[("a", "x#y")]);
        check("a=b\\", &[("a", "b")]);
        check("a=b\\\\\nc=d", &[("a", "b\\"), ("c", "d")]);
        check("   \\\n  k=v", &[("k", "v")]);
        check("\\\n# c\na=b", &[("a", "b")]);
        check("a=b\\\n\nc=d", &[("a", "b"), ("c", "d")]);
        check("\\\n", &[("", "")]);
        check("\\\r\n", &[]);
        check("\\\n\n", &[]);
    }

    #[test]
    fn escapes_stand_for_characters() {
        check("a=\\u0041\\t\\n\\r\\f", &[("a", "A\t\n\r\u{c}")]);
        check("a=\\ud83d\\ude00", &[("a", "\u{1f600}")]);
        check("a=h\u{f6}st", &[("a", "h\u{f6}st")]);
    }

    #[test]
    fn a_later_pair_of_the_same_name_comes_later() {
        check("a=1\na=2", &[("a", "1"), ("a", "2")]);
    }

    #[test]
    fn a_malformed_escape_is_named_with_its_line() {
        check_malformed("a=1\nb=\\u12", 2);
        check_malformed("a=\\u+123", 1);
        check_malformed("a=\\ud83d", 1);
        check_malformed("a=\\ude00", 1);
        check_malformed("a=\\ud83d\\u0041", 1);
        check_malformed("a=1\\\n2\n\\u=3", 3);
    }

    #[test]
    fn all_malformed_lines_are_told_at_once() {
        let error = parse_properties("a=\\u\nb=\\u\nc=1").unwrap_err();
        assert_eq!(error.problems().len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse_properties(&text);
        }

        #[test]
        fn no_arrangement_of_special_characters_makes_it_panic_or_grow(
            text in "[a-c=: \t\\\\\n\r#!u0-9f]{0,80}"
        ) {
            let pairs = parse_properties(&text).unwrap_or_default();
            let length: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(length <= text.len());
        }
    }
}
