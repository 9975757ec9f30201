//! All properties, and one of them by its name.

use super::property::Property;
use super::{core, metrics, sasl, tls};

/// Every row of the table.
pub(in super::super) fn all() -> impl Iterator<Item = &'static Property> + Clone {
    let parts = [
        core::PROPERTIES,
        metrics::PROPERTIES,
        tls::PROPERTIES,
        sasl::PROPERTIES,
    ];
    parts.into_iter().flatten()
}

/// The property of that name.
pub(in super::super) fn named(name: &str) -> Option<&'static Property> {
    all().find(|property| property.name == name)
}
