//! What brokers write between the records: ends of transactions, changes of leader.
//!
//! A control batch holds one record whose key names the kind and whose value says the rest. A
//! producer never sends one; readers must not return them to their callers.

use bytes::Bytes;
use thiserror::Error;

/// What a record of a control batch says.
///
/// ```
/// use kafka_wire::records::ControlRecord;
///
/// let commit = ControlRecord::Commit { coordinator_epoch: 3 };
/// let (key, value) = commit.encode();
/// assert_eq!(ControlRecord::decode(&key, &value)?, commit);
/// # Ok::<(), kafka_wire::records::ControlRecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlRecord {
    /// The producer's transaction was aborted; its records are not to be read.
    Abort {
        /// Epoch of the coordinator that wrote the marker.
        coordinator_epoch: i32,
    },
    /// The producer's transaction was committed.
    Commit {
        /// Epoch of the coordinator that wrote the marker.
        coordinator_epoch: i32,
    },
    /// The quorum of a controller has a new leader (KIP-595).
    LeaderChange {
        /// The message, in the form of Kafka's `LeaderChangeMessage`.
        message: Bytes,
    },
    /// Of no interest to clients: snapshots and versions of the controllers' quorum, or newer.
    Other {
        /// The number of its kind.
        kind: i16,
        /// What it says.
        message: Bytes,
    },
}

impl ControlRecord {
    /// Reads key and value of a record of a control batch.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use kafka_wire::records::ControlRecord;
    ///
    /// let abort = ControlRecord::decode(
    ///     &Bytes::from_static(&[0, 0, 0, 0]),
    ///     &Bytes::from_static(&[0, 0, 0, 0, 0, 9]),
    /// );
    /// assert_eq!(abort, Ok(ControlRecord::Abort { coordinator_epoch: 9 }));
    /// ```
    pub fn decode(key: &Bytes, value: &Bytes) -> Result<Self, ControlRecordError> {
        let kind = i16::from_be_bytes(behind_version("key", key)?);
        let epoch = || behind_version("value", value).map(i32::from_be_bytes);
        let message = value.clone();
        Ok(match kind {
            ABORT => Self::Abort {
                coordinator_epoch: epoch()?,
            },
            COMMIT => Self::Commit {
                coordinator_epoch: epoch()?,
            },
            LEADER_CHANGE => Self::LeaderChange { message },
            kind => Self::Other { kind, message },
        })
    }

    /// Key and value of the record.
    ///
    /// ```
    /// use kafka_wire::records::ControlRecord;
    ///
    /// let (key, value) = ControlRecord::Commit { coordinator_epoch: 1 }.encode();
    /// assert_eq!(key[..], [0, 0, 0, 1]);
    /// assert_eq!(value[..], [0, 0, 0, 0, 0, 1]);
    /// ```
    pub fn encode(&self) -> (Bytes, Bytes) {
        let (kind, value) = match self {
            Self::Abort { coordinator_epoch } => (ABORT, marker(*coordinator_epoch)),
            Self::Commit { coordinator_epoch } => (COMMIT, marker(*coordinator_epoch)),
            Self::LeaderChange { message } => (LEADER_CHANGE, message.clone()),
            Self::Other { kind, message } => (*kind, message.clone()),
        };
        let key = [CURRENT_VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
        (key.into(), value)
    }
}

/// A control record that is too short, or of a negative version.
///
/// ```
/// use bytes::Bytes;
/// use kafka_wire::records::ControlRecord;
///
/// let error = ControlRecord::decode(&Bytes::new(), &Bytes::new()).unwrap_err();
/// assert_eq!(error.to_string(), "control record: a key of 0 bytes, 4 are needed");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlRecordError {
    /// Key or value ends too early.
    #[error("control record: a {what} of {bytes} bytes, {needed} are needed")]
    TooShort {
        /// Key or value.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it has to be.
        needed: usize,
    },
    /// Versions count from 0; newer ones only add to the end.
    #[error("control record: version {version} of its {what} is impossible, it is 0 or more")]
    Version {
        /// Key or value.
        what: &'static str,
        /// What stands there.
        version: i16,
    },
}

/// The number that stands behind the version, in `N` bytes.
fn behind_version<const N: usize>(
    what: &'static str,
    bytes: &[u8],
) -> Result<[u8; N], ControlRecordError> {
    let number = bytes.split_first_chunk().and_then(|(version, rest)| {
        let version = i16::from_be_bytes(*version);
        Some((version, *rest.first_chunk()?))
    });
    match number {
        Some((version @ ..0, _)) => Err(ControlRecordError::Version { what, version }),
        Some((_, number)) => Ok(number),
        None => Err(ControlRecordError::TooShort {
            what,
            bytes: bytes.len(),
            needed: size_of::<i16>() + N,
        }),
    }
}

fn marker(coordinator_epoch: i32) -> Bytes {
    let mut value = CURRENT_VERSION.to_be_bytes().to_vec();
    value.extend_from_slice(&coordinator_epoch.to_be_bytes());
    value.into()
}

const CURRENT_VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;
const LEADER_CHANGE: i16 = 2;
