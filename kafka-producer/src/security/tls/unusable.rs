//! What is wrong with a setting of TLS that only reading files can tell.

use std::fmt;
use std::path::Path;

/// A setting whose file, text or name cannot be used. Never shows what is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// Kafka's name of the setting.
    pub(crate) setting: &'static str,
    /// Its value, where that is no secret.
    pub(crate) value: Option<String>,
    /// What is wrong with it, and what to do.
    pub(crate) reason: String,
}

impl Unusable {
    /// About a setting whose value is secret, or does not matter.
    pub(super) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self {
            setting,
            value: None,
            reason: reason.into(),
        }
    }

    /// About a setting of this value.
    pub(super) fn value(setting: &'static str, value: String, reason: impl Into<String>) -> Self {
        Self {
            setting,
            value: Some(value),
            reason: reason.into(),
        }
    }

    /// About a file.
    pub(super) fn file(setting: &'static str, path: &Path, reason: impl Into<String>) -> Self {
        Self::value(setting, path.display().to_string(), reason)
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value:?}: {}", self.setting, self.reason),
            None => write!(f, "{}: {}", self.setting, self.reason),
        }
    }
}
