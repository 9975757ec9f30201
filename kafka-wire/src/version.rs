//! Versions of messages, and how two sides agree on one.
//!
//! A broker names its range of each API's versions (ApiVersions); a connection uses the latest
//! version that is in both ranges. Nothing here knows a message.

use std::fmt;

/// One version of one message, and whether it uses the compact forms of KIP-482.
///
/// They belong together, because every primitive needs the second and every field the first;
/// [`Request::version`](crate::Request::version) makes one from a bare number.
///
/// ```
/// use kafka_wire::{Request, Version, messages::ProduceRequest};
///
/// let version = ProduceRequest::version(9).expect("Produce has a version 9");
/// assert_eq!((version.number, version.flexible), (9, true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Version {
    /// The number, as in the request's header.
    pub number: i16,
    /// Compact lengths and tagged fields, instead of fixed-width lengths.
    pub flexible: bool,
}

impl Version {
    /// The oldest version of anything, with lengths of fixed width.
    pub(crate) const ZERO: Self = Self::of(0, None);

    /// Version `number` of a message whose flexible versions begin at `first_flexible`.
    ///
    /// ```
    /// use kafka_wire::Version;
    ///
    /// assert!(!Version::of(8, Some(9)).flexible);
    /// assert!(Version::of(9, Some(9)).flexible);
    /// ```
    #[must_use]
    pub const fn of(number: i16, first_flexible: Option<i16>) -> Self {
        let flexible = match first_flexible {
            Some(first) => number >= first,
            None => false,
        };
        Self { number, flexible }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.number)
    }
}

/// The versions from `oldest` to `latest`, both included; a range has nothing else.
///
/// ```
/// use kafka_wire::VersionRange;
///
/// let ours = VersionRange::new(3, 13);
/// let theirs = VersionRange::new(0, 9);
/// assert_eq!(ours.intersection(theirs), Some(VersionRange::new(3, 9)));
/// assert_eq!(ours.intersection(VersionRange::new(14, 20)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange {
    /// The first version of the range.
    pub oldest: i16,
    /// The last version of the range.
    pub latest: i16,
}

impl VersionRange {
    /// The range from `oldest` to `latest`, both included.
    ///
    /// ```
    /// use kafka_wire::VersionRange;
    ///
    /// assert_eq!(VersionRange::new(3, 13).latest, 13);
    /// ```
    #[must_use]
    pub const fn new(oldest: i16, latest: i16) -> Self {
        Self { oldest, latest }
    }

    /// Whether `number` lies within.
    ///
    /// ```
    /// use kafka_wire::VersionRange;
    ///
    /// assert!(VersionRange::new(3, 13).contains(13));
    /// ```
    #[must_use]
    pub const fn contains(self, number: i16) -> bool {
        self.oldest <= number && number <= self.latest
    }

    /// Whether there is no version in it.
    ///
    /// ```
    /// use kafka_wire::VersionRange;
    ///
    /// assert!(VersionRange::new(1, 0).is_empty());
    /// assert!(!VersionRange::new(0, 0).is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.oldest > self.latest
    }

    /// What both ranges have, if anything; its `latest` is the version to speak.
    ///
    /// ```
    /// use kafka_wire::VersionRange;
    ///
    /// let spoken = VersionRange::new(3, 13).intersection(VersionRange::new(0, 9));
    /// assert_eq!(spoken.map(|both| both.latest), Some(9));
    /// ```
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let both = Self::new(self.oldest.max(other.oldest), self.latest.min(other.latest));
        (!both.is_empty()).then_some(both)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.oldest, self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_range_meets_nothing() {
        let none = VersionRange::new(0, -1);
        assert!(none.is_empty());
        assert_eq!(none.intersection(VersionRange::new(0, 5)), None);
    }

    #[test]
    fn a_message_without_flexible_versions_is_never_flexible() {
        assert!(!Version::of(i16::MAX, None).flexible);
    }
}
