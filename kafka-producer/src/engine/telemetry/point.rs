//! One metric as it is pushed. Data only.

use super::totals::{Added, Series};

/// A metric, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) series: Series,
    pub(super) reading: Reading,
}

/// Its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    Gauge(f64),
    /// A total, since when it has been counted.
    Cumulative(Added),
    /// What was added to a total.
    Delta(Added),
}
