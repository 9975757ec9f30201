//! Environment variables as a source of settings: `KAFKA_PRODUCER_LINGER_MS` is `linger.ms`.
//!
//! The convention is that of Kafka's container images: behind the prefix, `_` stands for a dot, `__` for an
//! underscore and `___` for a dash, and capital letters for small ones. The variables are passed in; what
//! the settings mean is decided elsewhere.

use std::ffi::OsString;

use super::error::{ConfigError, Problem};

/// Names and values of the variables that begin with `prefix`. Others are not looked at.
pub(super) fn properties(
    prefix: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let mut pairs = Vec::new();
    let mut problems = Vec::new();
    for (variable, value) in variables {
        let variable = variable.to_string_lossy();
        let Some(rest) = variable
            .strip_prefix(prefix)
            .filter(|rest| !rest.is_empty())
        else {
            continue;
        };
        match value.into_string() {
            Ok(value) => pairs.push((property_name(rest), value)),
            Err(_) => problems.push(Problem::NotUnicode {
                variable: variable.into_owned(),
            }),
        }
    }
    if problems.is_empty() {
        Ok(pairs)
    } else {
        Err(ConfigError::new(problems, Vec::new()))
    }
}

/// Of a row of underscores the longest sequence that stands for something comes first.
fn property_name(variable: &str) -> String {
    let name = variable.to_ascii_lowercase();
    let name = name.replace("___", "-").replace("__", "\0");
    name.replace('_', ".").replace('\0', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        properties("KAFKA_PRODUCER_", variables).unwrap()
    }

    #[test]
    fn underscores_are_dots_two_are_one_and_three_a_dash() {
        assert_eq!(property_name("BATCH_SIZE"), "batch.size");
        assert_eq!(property_name("LOG__LEVEL"), "log_level");
        assert_eq!(property_name("A___B"), "a-b");
        assert_eq!(property_name("A____B"), "a-.b");
        assert_eq!(property_name("acks"), "acks");
    }

    #[test]
    fn only_what_begins_with_the_prefix_is_a_setting() {
        let pairs = of(&[
            ("KAFKA_PRODUCER_LINGER_MS", "7"),
            ("KAFKA_PRODUCER_", "x"),
            ("KAFKA_PRODUCERS_ACKS", "0"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(pairs, [("linger.ms".to_owned(), "7".to_owned())]);
    }

    #[test]
    #[cfg(unix)]
    fn a_value_that_is_no_text_is_an_error_that_names_the_variable() {
        use std::os::unix::ffi::OsStringExt;

        let broken = OsString::from_vec(vec![b'a', 0xff]);
        let variables = [("A_ACKS".into(), broken.clone()), ("B_ACKS".into(), broken)];
        let error = properties("A_", variables).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable A_ACKS is not UTF-8"
        );
    }
}
