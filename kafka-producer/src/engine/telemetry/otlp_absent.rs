//! A build without the feature `telemetry`: nothing is pushed, so that nothing is encoded.

use std::time::SystemTime;

use super::point::Point;

pub(super) fn encode(_: &[Point], _: &[(&str, &str)], _: SystemTime) -> Vec<u8> {
    Vec::new()
}
