//! What connections are secured with, at any time: the files are read again when they change.
//!
//! Connections that are open keep what they were opened with. A file that cannot be used when it is read
//! again, perhaps because it is half written, leaves everything as it was.

use std::fs;
use std::path::Path;
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
    failed: Option<Failed>,
    looked_at: Instant,
}

/// Why the files could not be used when they were last read: they are read again though they look the same,
/// because it may not have been them; but less and less often, because it keeps the producer's thread from its work.
struct Failed {
    why: StaleMaterial,
    pause: Duration,
    read_again_at: Instant,
}

/// By what a change of a file is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    Missing,
    /// It was changed a moment before it was read, and may be once more without another date.
    Fresh,
    Settled {
        modified: SystemTime,
        bytes: u64,
    },
}

/// Files that have changed, and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
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
            failed: None,
            looked_at: now,
        })
    }

    /// What a connection is secured with.
    pub(crate) fn config(&self) -> TlsConfig {
        Arc::clone(&self.config)
    }

    /// Reads the files again if they have changed; looks at them once per second at most. What is wrong with
    /// them is told once.
    pub(crate) fn refresh(&mut self, now: Instant) -> Result<(), StaleMaterial> {
        if now.saturating_duration_since(self.looked_at) < PAUSE {
            return Ok(());
        }
        self.looked_at = now;
        let stamps = stamps(&self.settings);
        let is_settled = stamps == self.read && !self.read.contains(&Stamp::Fresh);
        let failed = self.failed.as_ref();
        if is_settled && failed.is_none_or(|failed| now < failed.read_again_at) {
            return Ok(());
        }
        self.read = stamps;
        match client::configure(&self.settings).map_err(StaleMaterial) {
            Ok(config) => {
                self.config = config;
                self.failed = None;
                Ok(())
            }
            Err(stale) => self.note_failure(stale, is_settled, now),
        }
    }

    /// `is_settled`: the files looked the same before.
    fn note_failure(
        &mut self,
        why: StaleMaterial,
        is_settled: bool,
        now: Instant,
    ) -> Result<(), StaleMaterial> {
        let before = self.failed.take();
        let again = before.as_ref().filter(|_| is_settled);
        let pause = again.map_or(PAUSE, |before| (before.pause * 2).min(PAUSE_MAX));
        let is_told = before.is_some_and(|before| before.why == why);
        self.failed = Some(Failed {
            why: why.clone(),
            pause,
            read_again_at: now + pause,
        });
        if is_told { Ok(()) } else { Err(why) }
    }
}

impl StaleMaterial {
    /// What is wrong with each file.
    pub(crate) fn problems_mut(&mut self) -> &mut [Unusable] {
        &mut self.0
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
    let now = SystemTime::now();
    let files = material::files(settings).into_iter();
    files.map(|path| stamp(path, now)).collect()
}

fn stamp(path: &Path, now: SystemTime) -> Stamp {
    let Ok((modified, bytes)) = fs::metadata(path).and_then(|it| Ok((it.modified()?, it.len())))
    else {
        return Stamp::Missing;
    };
    match now.duration_since(modified) {
        Ok(age) if age < DATES_MAY_BE_EQUAL => Stamp::Fresh,
        _ => Stamp::Settled { modified, bytes },
    }
}

/// Far more than the dates of files are apart that are written one right after the other.
const DATES_MAY_BE_EQUAL: Duration = Duration::from_millis(500);

const PAUSE: Duration = Duration::from_secs(1);

/// The longest time for which files that cannot be used, and look the same, are left alone.
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;

    use super::*;
    use crate::security::{TlsVersion, Trust};

    fn fixture(name: &str) -> PathBuf {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        tests.join(name)
    }

    /// Puts this into the file, an hour ago.
    fn settle(path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
        let an_hour_ago = SystemTime::now() - Duration::from_secs(3_600);
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(an_hour_ago).unwrap();
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
        settle(&path, &fs::read(fixture("ca.pem")).unwrap());
        let mut now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        now += PAUSE;
        client.refresh(now).unwrap();
        assert!(Arc::ptr_eq(&first, &client.config()), "nothing has changed");
        settle(&path, &fs::read(fixture("self-signed.pem")).unwrap());
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
        settle(&path, &whole);
        let mut now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        settle(&path, &whole[..whole.len() / 2]);
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
        settle(&path, &whole);
        now += PAUSE;
        client.refresh(now).unwrap();
        assert!(!Arc::ptr_eq(&first, &client.config()));
    }

    #[test]
    fn a_file_that_changes_twice_in_a_moment_is_read_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::copy(fixture("ca.pem"), &path).unwrap();
        let now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        // It may have got the same date and length.
        client.refresh(now + PAUSE).unwrap();
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
            let file = File::options().write(true).open(&path).unwrap();
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
    #[test]
    fn a_file_that_cannot_be_used_is_read_less_and_less_often_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let good = fs::read(fixture("ca.pem")).unwrap();
        settle(&path, &good);
        let mut now = Instant::now();
        let mut client = TlsClient::new(&trusting(&path), now).unwrap();
        let first = client.config();
        let then = SystemTime::now() - Duration::from_secs(60);
        // The same date and length, whatever is in it.
        let write = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(then).unwrap();
        };
        write(&vec![b' '; good.len()]);
        now += PAUSE;
        client.refresh(now).unwrap_err();
        // After one second, two, and so on up to a minute.
        for pause_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            let pause = Duration::from_secs(pause_s);
            write(&good);
            client.refresh(now + pause - PAUSE).unwrap();
            assert!(Arc::ptr_eq(&first, &client.config()), "{pause:?}");
            write(&vec![b' '; good.len()]);
            now += pause;
            client.refresh(now).unwrap();
        }
        now += Duration::from_secs(60);
        write(&good);
        client.refresh(now).unwrap();
        assert!(!Arc::ptr_eq(&first, &client.config()));
        // One that changes is read at once.
        settle(&path, b"no certificate");
        now += PAUSE;
        client.refresh(now).unwrap_err();
        settle(&path, b"none either");
        now += PAUSE;
        client.refresh(now).unwrap();
        settle(&path, &good);
        let failing = client.config();
        now += PAUSE;
        client.refresh(now).unwrap();
        assert!(!Arc::ptr_eq(&failing, &client.config()));
    }
}
