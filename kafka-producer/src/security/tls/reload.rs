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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::security::{TlsVersion, Trust};

    fn fixture(name: &str) -> PathBuf {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        tests.join(name)
    }

    /// Some configuration that trusts what is in the file.
    fn trusting(path: &Path) -> Tls {
        Tls {
            trust: Trust::PemFile(path.to_owned()),
            identity: None,
            verify_host_name: true,
            versions: vec![TlsVersion::V13],
            cipher_suites: Vec::new(),
        }
    }

    #[test]
    fn files_are_read_again_when_they_change_and_looked_at_once_per_second() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::copy(fixture("ca.pem"), &path).unwrap();
        let mut now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        now += PAUSE;
        client.refresh(now).unwrap();
        assert!(Arc::ptr_eq(&first, &client.config()), "nothing has changed");
        fs::copy(fixture("self-signed.pem"), &path).unwrap();
        client.refresh(now + PAUSE / 2).unwrap();
        assert!(Arc::ptr_eq(&first, &client.config()), "it is too early");
        client.refresh(now + PAUSE).unwrap();
        assert!(!Arc::ptr_eq(&first, &client.config()));
    }

    #[test]
    fn a_file_that_is_half_written_is_told_of_once_and_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let whole = fs::read(fixture("ca.pem")).unwrap();
        fs::write(&path, &whole).unwrap();
        let mut now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        now += PAUSE;
        let told = client.refresh(now).unwrap_err().to_string();
        assert!(told.starts_with("ssl.truststore.location="), "{told}");
        assert!(
            told.ends_with("connections go on with what was read before"),
            "{told}"
        );
        now += PAUSE;
        client.refresh(now).unwrap();
        assert!(Arc::ptr_eq(&first, &client.config()));
        fs::remove_file(&path).unwrap();
        now += PAUSE;
        client.refresh(now).unwrap_err();
        fs::write(&path, &whole).unwrap();
        now += PAUSE;
        client.refresh(now).unwrap();
        assert!(!Arc::ptr_eq(&first, &client.config()));
    }

    #[test]
    fn a_file_that_could_not_be_read_is_read_again_though_it_looks_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::copy(fixture("ca.pem"), &path).unwrap();
        let mut now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        // As if it could not be read for another reason: no permission yet, or no descriptor left.
        let next = fs::read(fixture("self-signed.pem")).unwrap();
        let then = SystemTime::now() - Duration::from_secs(60);
        let write = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(then).unwrap();
        };
        write(&vec![b' '; next.len()]);
        now += PAUSE;
        client.refresh(now).unwrap_err();
        write(&next);
        now += PAUSE;
        let _ = client.refresh(now);
        assert!(!Arc::ptr_eq(&first, &client.config()));
    }
}
