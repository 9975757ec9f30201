//! The words of others as people can read them: those of brokers, of token endpoints, and URLs that users set.
//!
//! They stand in errors and logs, far from the path of records. What they mean is not judged here.

/// A text as people can read it: without characters that move others or begin a line, and cut off where it is too
/// long.
pub(crate) fn readable(said: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(said.as_ref());
    let text = text.chars().filter(|c| !turns(*c));
    let mut text = text.map(|c| if breaks(c) { ' ' } else { c });
    let mut shown: String = text.by_ref().take(CHARACTERS_MAX).collect();
    if text.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Whether a text is shown as it is.
pub(crate) fn is_readable(text: &str) -> bool {
    let plain = |c| !turns(c) && !breaks(c);
    text.chars().all(plain) && text.chars().nth(CHARACTERS_MAX).is_none()
}

/// What is shown of a text that should be a URL: nothing of a user, a password or a query.
pub(crate) fn without_secrets(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    // Where a password ends cannot be told if the text is no URL.
    let rest = match rest.contains('@') {
        true => "[hidden]",
        false => rest.split(['?', '#']).next().unwrap_or_default(),
    };
    readable(format!("{scheme}{rest}"))
}

/// Whether it turns the direction in which the next ones are written.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether it begins a line, or does something else than being shown.
fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// So many characters of a text are shown.
pub(crate) const CHARACTERS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_other_characters_is_not_shown() {
        for (said, shown) in [
            ("kafka-1", "kafka-1"),
            ("päivää \u{1f375}", "päivää \u{1f375}"),
            ("a\r\nb\u{1b}[2Jc\u{2028}d", "a  b [2Jc d"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}e", "abcde"),
        ] {
            assert_eq!(readable(said), shown);
            assert_eq!(is_readable(said), said == shown, "{said:?}");
        }
        assert_eq!(readable(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn what_is_too_long_is_cut_off() {
        let most = "x".repeat(CHARACTERS_MAX);
        assert_eq!(readable(&most), most);
        assert!(is_readable(&most));
        let more = format!("{most}x");
        assert_eq!(readable(&more), format!("{}…", &most[1..]));
        assert!(!is_readable(&more));
    }

    #[test]
    fn a_url_is_shown_without_its_secrets_whether_it_is_one_or_not() {
        let long = "x".repeat(1000);
        for (text, shown) in [
            ("idp/token", "idp/token"),
            ("ftp://idp/a?key=secret", "ftp://idp/a"),
            ("https://idp:x/a#secret", "https://idp:x/a"),
            ("http://me:sec?ret@idp/", "http://[hidden]"),
            ("me:sec/ret@idp", "[hidden]"),
            ("http://idp/\r\n\u{202e}x", "http://idp/  x"),
            (&long, &format!("{}…", "x".repeat(CHARACTERS_MAX - 1))),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
