//! All other names, and one of them.

use super::name::OtherName;
use super::{kafka, librdkafka};

/// Every row of the table. What depends on another name comes after it.
pub(in super::super) fn all() -> impl Iterator<Item = &'static OtherName> + Clone {
    [kafka::NAMES, librdkafka::NAMES].into_iter().flatten()
}

/// The row of that name.
pub(in super::super) fn named(name: &str) -> Option<&'static OtherName> {
    all().find(|other| other.name == name)
}
