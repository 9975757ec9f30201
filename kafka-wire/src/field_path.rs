//! Paths of fields, as errors name them: `topics[2].name`.
//!
//! Built on failure alone, from the field where something was found wrong outwards.

use std::fmt;

/// The path of `inner`, seen from the struct or array that holds `outer`.
#[cold]
pub(crate) fn join(outer: &str, inner: &str) -> String {
    let glue = match inner.chars().next() {
        None | Some('[') => "",
        Some(_) => ".",
    };
    format!("{outer}{glue}{inner}")
}

/// Ends a message with the path, if there is one.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    match path {
        "" => Ok(()),
        _ => write!(f, " in field `{path}`"),
    }
}
