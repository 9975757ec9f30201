//! Which version of each request a broker and we both speak (KIP-35).

use kafka_wire::messages::ApiVersionsResponse;
use kafka_wire::{ApiKey, Request, Version, VersionRange};

/// What a broker has told of the versions that it speaks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    ranges: Vec<(ApiKey, VersionRange)>,
}

impl Versions {
    pub(crate) fn new(answer: &ApiVersionsResponse) -> Self {
        let ranges = answer.api_keys.iter().filter_map(|api| {
            let range = VersionRange::new(api.min_version, api.max_version);
            (!range.is_empty()).then_some((api.api_key, range))
        });
        Self {
            ranges: ranges.collect(),
        }
    }

    /// The versions of `R` that the broker speaks.
    pub(crate) fn of<R: Request>(&self) -> Option<VersionRange> {
        let mut ranges = self.ranges.iter();
        ranges
            .find(|(key, _)| *key == R::KEY)
            .map(|(_, range)| *range)
    }

    /// Whether there is a version of `R` that both sides speak.
    pub(crate) fn include<R: Request>(&self) -> bool {
        self.newest::<R>().is_some()
    }

    /// The newest version of `R` that both sides speak.
    pub(crate) fn newest<R: Request>(&self) -> Option<Version> {
        self.newest_to::<R>(i16::MAX)
    }

    /// The newest one up to `latest`.
    pub(crate) fn newest_to<R: Request>(&self, latest: i16) -> Option<Version> {
        self.newest_in::<R>(VersionRange::new(i16::MIN, latest))
    }

    /// The newest one of those that are `wanted`. One that Kafka does not call stable is spoken only to who
    /// wants no older one.
    pub(crate) fn newest_in<R: Request>(&self, wanted: VersionRange) -> Option<Version> {
        let ours = match wanted.oldest > R::STABLE_VERSIONS.latest {
            true => R::VERSIONS,
            false => R::STABLE_VERSIONS,
        };
        let both = ours.intersection(self.of::<R>()?)?;
        R::version(both.intersection(wanted)?.latest).ok()
    }
}
