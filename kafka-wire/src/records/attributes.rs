//! The sixteen bits that say what kind of batch it is.
//!
//! Written into the header when a batch is sealed, read first when one arrives. Bits that have no
//! meaning today are kept, as Kafka's own reader does.

use crate::compression::Compression;

/// What kind of batch it is: codec, meaning of its timestamps, transaction, control.
///
/// ```
/// use kafka_wire::compression::Compression;
/// use kafka_wire::records::Attributes;
///
/// let attributes = Attributes::new(Compression::Lz4).transactional();
/// assert!(attributes.is_transactional());
/// assert_eq!(attributes.bits(), 0b1_0011);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(i16);

/// Whose clock the timestamps of a batch come from.
///
/// The format has one bit for it, so there will be no third.
///
/// ```
/// use kafka_wire::records::{Attributes, TimestampType};
///
/// assert_eq!(Attributes::default().timestamp_type(), TimestampType::CreateTime);
/// assert_eq!(Attributes::from_bits(0b1000).timestamp_type(), TimestampType::LogAppendTime);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// Each record has the time its producer gave it.
    #[default]
    CreateTime,
    /// Every record has the time at which the broker appended the batch: its `max_timestamp`.
    LogAppendTime,
}

impl Attributes {
    /// An ordinary batch of this codec, with its producer's timestamps.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::Attributes;
    ///
    /// assert_eq!(Attributes::new(Compression::Gzip).bits(), 1);
    /// ```
    pub fn new(compression: Compression) -> Self {
        Self(i16::from(compression.id()))
    }

    /// The attributes as they stand in a header.
    ///
    /// ```
    /// use kafka_wire::records::Attributes;
    ///
    /// assert!(Attributes::from_bits(0x10).is_transactional());
    /// ```
    pub fn from_bits(bits: i16) -> Self {
        Self(bits)
    }

    /// The number that stands in a header.
    ///
    /// ```
    /// assert_eq!(kafka_wire::records::Attributes::default().bits(), 0);
    /// ```
    pub fn bits(self) -> i16 {
        self.0
    }

    /// The codec, or its number if it is not known.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::Attributes;
    ///
    /// assert_eq!(Attributes::from_bits(3).compression(), Ok(Compression::Lz4));
    /// assert_eq!(Attributes::from_bits(7).compression(), Err(7));
    /// ```
    pub fn compression(self) -> Result<Compression, u8> {
        let id = (self.0 & CODEC_MASK) as u8;
        Compression::from_id(id).ok_or(id)
    }

    /// The same with another codec.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::Attributes;
    ///
    /// let attributes = Attributes::default().transactional().with_compression(Compression::Zstd);
    /// assert_eq!(attributes.bits(), 0x14);
    /// ```
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self(self.0 & !CODEC_MASK | i16::from(compression.id()))
    }

    /// Whose clock the timestamps come from.
    ///
    /// ```
    /// use kafka_wire::records::{Attributes, TimestampType};
    ///
    /// assert_eq!(Attributes::from_bits(8).timestamp_type(), TimestampType::LogAppendTime);
    /// ```
    pub fn timestamp_type(self) -> TimestampType {
        match self.has(LOG_APPEND_TIME) {
            false => TimestampType::CreateTime,
            true => TimestampType::LogAppendTime,
        }
    }

    /// The same with timestamps of this kind.
    ///
    /// ```
    /// use kafka_wire::records::{Attributes, TimestampType};
    ///
    /// let attributes = Attributes::default().with_timestamp_type(TimestampType::LogAppendTime);
    /// assert_eq!(attributes.bits(), 8);
    /// ```
    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        match timestamp_type {
            TimestampType::CreateTime => Self(self.0 & !LOG_APPEND_TIME),
            TimestampType::LogAppendTime => Self(self.0 | LOG_APPEND_TIME),
        }
    }

    /// Whether the batch belongs to a transaction.
    ///
    /// ```
    /// assert!(!kafka_wire::records::Attributes::default().is_transactional());
    /// ```
    pub fn is_transactional(self) -> bool {
        self.has(TRANSACTIONAL)
    }

    /// The same, as part of a transaction.
    ///
    /// ```
    /// assert_eq!(kafka_wire::records::Attributes::default().transactional().bits(), 0x10);
    /// ```
    #[must_use]
    pub fn transactional(self) -> Self {
        Self(self.0 | TRANSACTIONAL)
    }

    /// Whether the batch holds a marker for the broker's own use instead of records.
    ///
    /// ```
    /// assert!(kafka_wire::records::Attributes::from_bits(0x20).is_control());
    /// ```
    pub fn is_control(self) -> bool {
        self.has(CONTROL)
    }

    /// The same, as a control batch.
    ///
    /// ```
    /// assert_eq!(kafka_wire::records::Attributes::default().control().bits(), 0x20);
    /// ```
    #[must_use]
    pub fn control(self) -> Self {
        Self(self.0 | CONTROL)
    }

    /// Whether the base timestamp is the time from which tombstones may be removed (KIP-534).
    ///
    /// ```
    /// assert!(kafka_wire::records::Attributes::from_bits(0x40).has_delete_horizon());
    /// ```
    pub fn has_delete_horizon(self) -> bool {
        self.has(DELETE_HORIZON)
    }

    /// The same, with a delete horizon in the place of the base timestamp.
    ///
    /// ```
    /// assert_eq!(kafka_wire::records::Attributes::default().with_delete_horizon().bits(), 0x40);
    /// ```
    #[must_use]
    pub fn with_delete_horizon(self) -> Self {
        Self(self.0 | DELETE_HORIZON)
    }

    fn has(self, bit: i16) -> bool {
        self.0 & bit != 0
    }
}

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;
