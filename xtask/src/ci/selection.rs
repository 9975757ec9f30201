//! What several stages tell cargo: which packages, and that a warning is an error.

/// What others depend on.
pub(super) const LIBRARIES: [&str; 5] =
    ["--workspace", "--exclude", "xtask", "--exclude", "examples"];
/// What clippy is told.
pub(super) const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
