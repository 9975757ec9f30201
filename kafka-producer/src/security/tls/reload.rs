//! What connections are secured with, at any time: the files are read again when they change.
//!
//! Connections that are open keep what they were opened with. A file that cannot be used when it is read
//! again, perhaps because it is half written, leaves everything as it was.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls::ClientConfig;

use super::unusable::Unusable;
use super::{Tls, client, material};

/// What a connection is secured with.
pub(crate) type TlsConfig = Arc<ClientConfig>;

/// What the next connection is secured with.
pub(crate) struct TlsClient {
    settings: Tls,
    config: TlsConfig,
    /// The files as they were when they were last read.
    read: Vec<Stamp>,
    looked_at: Instant,
}

/// By what a change of a file is noticed; `None`: it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// A file that has changed, and cannot be used.
#[derive(Debug)]
pub(crate) struct StaleMaterial(Vec<Unusable>);

impl TlsClient {
    /// Reads what the settings name.
    pub(crate) fn new(settings: &Tls, now: Instant) -> Result<Self, Vec<Unusable>> {
        // Before reading: what is written meanwhile is read again.
        let read = stamps(settings);
        Ok(Self {
            settings: settings.clone(),
            config: client::configure(settings)?,
            read,
            looked_at: now,
        })
    }

    /// What a connection is secured with.
    pub(crate) fn config(&self) -> TlsConfig {
        Arc::clone(&self.config)
    }

    /// Reads the files again if they have changed; looks at them once per second at most.
    pub(crate) fn refresh(&mut self, now: Instant) -> Result<(), StaleMaterial> {
        if now.saturating_duration_since(self.looked_at) < PAUSE {
            return Ok(());
        }
        self.looked_at = now;
        let stamps = stamps(&self.settings);
        if stamps == self.read {
            return Ok(());
        }
        self.read = stamps;
        self.config = client::configure(&self.settings).map_err(StaleMaterial)?;
        Ok(())
    }
}

impl std::fmt::Display for StaleMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(problems) = self;
        for problem in problems {
            write!(f, "{problem}; ")?;
        }
        f.write_str("connections go on with what was read before")
    }
}

fn stamps(settings: &Tls) -> Vec<Stamp> {
    let stamp = |path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    material::files(settings).into_iter().map(stamp).collect()
}

const PAUSE: Duration = Duration::from_secs(1);
