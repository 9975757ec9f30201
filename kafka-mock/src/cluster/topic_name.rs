//! Which names a topic may have.

/// Why `name` cannot be that of a topic, if it cannot (Kafka's `Topic.validate`).
pub(super) fn problem_with(name: &str) -> Option<&'static str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match name {
        "" => Some("the name is empty"),
        "." | ".." => Some("`.` and `..` are not allowed"),
        _ if name.len() > NAME_MAX => Some("the name is longer than 249 characters"),
        _ if !name.bytes().all(legal) => {
            Some("only ASCII letters, digits, `.`, `_` and `-` are allowed")
        }
        _ => None,
    }
}

/// Room for the partition's number in the name of a directory.
const NAME_MAX: usize = 249;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kafka_allows() {
        for name in ["orders", "a.b_c-D9", "...", &"x".repeat(249)] {
            assert_eq!(problem_with(name), None, "{name}");
        }
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(problem_with(name).is_some(), "{name}");
        }
    }
}
