//! The place of TLS in a build without it: a configuration with TLS is refused, and the feature named.

use std::fmt;
use std::time::Instant;

use super::Tls;
use super::unusable::Unusable;

/// There is none.
pub(crate) enum TlsClient {}

/// There is none.
pub(crate) enum TlsConfig {}

/// There is none.
pub(crate) enum StaleMaterial {}

impl TlsClient {
    pub(crate) fn new(_: &Tls, _: Instant) -> Result<Self, Vec<Unusable>> {
        let reason =
            "asks for TLS, which this build lacks: turn on the feature `tls` of kafka-producer";
        Err(vec![Unusable::setting("security.protocol", reason)])
    }

    pub(crate) fn config(&self) -> TlsConfig {
        match *self {}
    }

    pub(crate) fn refresh(&mut self, _: Instant) -> Result<(), StaleMaterial> {
        match *self {}
    }
}

impl StaleMaterial {
    pub(crate) fn problems_mut(&mut self) -> &mut [Unusable] {
        match *self {}
    }
}

impl fmt::Display for StaleMaterial {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
