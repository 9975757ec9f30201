//! Paths of fields, as errors name them: `topics[2].name`.
//!
//! Built on failure alone, from the field where something was found wrong outwards.

/// The path of `inner`, seen from the struct or array that holds `outer`.
#[cold]
pub(crate) fn join(outer: &str, inner: &str) -> String {
    let glue = if inner.is_empty() || inner.starts_with('[') {
        ""
    } else {
        "."
    };
    format!("{outer}{glue}{inner}")
}
