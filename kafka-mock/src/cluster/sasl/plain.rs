//! PLAIN (RFC 4616): one message with the password in it, answered as Kafka's `PlainSaslServer` does.

use std::collections::BTreeMap;

use super::step::{OTHER_AUTHORIZATION_ID, Step};

/// The answer to `authorization id NUL user NUL password`.
pub(super) fn step(message: &[u8], users: &BTreeMap<String, String>) -> Step {
    let Ok(message) = str::from_utf8(message) else {
        return Step::INVALID;
    };
    let tokens: Vec<&str> = message.split('\0').collect();
    let [authorization_id, user, password] = tokens[..] else {
        return Step::INVALID;
    };
    if user.is_empty() || password.is_empty() {
        return Step::INVALID;
    }
    if users.get(user).is_none_or(|known| known != password) {
        return Step::refused("Authentication failed: Invalid username or password");
    }
    if !authorization_id.is_empty() && authorization_id != user {
        return Step::refused(OTHER_AUTHORIZATION_ID);
    }
    Step::Done {
        answer: Vec::new(),
        principal: user.to_owned(),
        expires_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_user_is_wanted() {
        let users = [("alice".to_owned(), "tea".to_owned())].into();
        let words = |message: &str| match step(message.as_bytes(), &users) {
            Step::Done { principal, .. } => principal,
            other => format!("{other:?}"),
        };
        assert_eq!(words("\0alice\0tea"), "alice");
        assert_eq!(words("alice\0alice\0tea"), "alice");
        let unknown = words("\0bob\0tea");
        assert!(unknown.contains("Invalid username or password"));
        assert_eq!(words("\0alice\0coffee"), unknown);
        assert!(words("bob\0alice\0tea").contains("different from username"));
        for bad in ["", "\0", "\0\0", "\0alice\0", "\0\0tea", "a\0b\0c\0d"] {
            assert_eq!(words(bad), format!("{:?}", Step::INVALID), "{bad:?}");
        }
    }
}
