//! A text that nobody is to see.

use std::fmt;

use zeroize::Zeroizing;

/// A password, a key or a token: zeroed when it is dropped, and never printed.
///
/// ```
/// use kafka_producer::security::Secret;
///
/// let secret = Secret::new("tea-2026");
/// assert_eq!(format!("{secret:?}"), "[hidden]");
/// assert_eq!(secret.expose(), "tea-2026");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text secret from here on.
    ///
    /// ```
    /// assert_eq!(kafka_producer::security::Secret::new("tea").expose(), "tea");
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself.
    ///
    /// ```
    /// assert_eq!(kafka_producer::security::Secret::new("tea").expose(), "tea");
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
