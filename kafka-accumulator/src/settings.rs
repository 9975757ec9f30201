//! What an accumulator is told to begin with: how large batches get, how long they wait, and how much
//! memory there is.
//!
//! Nothing is rejected here: whoever configures a producer checks it. Values that contradict each other
//! have a meaning all the same, which the setting's documentation gives.

use std::time::Duration;

/// How large batches get, how long they wait, and in how much memory. The default is that of Kafka's Java
/// client.
///
/// ```
/// use std::time::Duration;
///
/// use kafka_accumulator::Settings;
///
/// let settings = Settings::default().linger(Duration::from_millis(20)).batch_size(65_536);
/// assert_eq!(settings.buffer_memory, 32 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Settings {
    /// The most bytes of an uncompressed batch, header included; a larger record gets a batch of
    /// its own. 0 puts every record into its own batch. More than `buffer_memory` counts as that.
    pub batch_size: usize,
    /// How long an open batch waits for more records.
    pub linger: Duration,
    /// The most bytes that batches, with all that belongs to them, take at a time.
    pub buffer_memory: usize,
    /// What a batch takes beside its buffer, with whoever holds it on its way: it is reserved together
    /// with that, or many small batches would take several times the memory that they are given.
    pub batch_overhead: usize,
}

impl Settings {
    /// With batches of at most so many bytes.
    #[must_use]
    pub const fn batch_size(mut self, bytes: usize) -> Self {
        self.batch_size = bytes;
        self
    }

    /// With batches that wait so long for more records.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// With so much memory for all batches together.
    #[must_use]
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.buffer_memory = bytes;
        self
    }

    /// With so much reserved for each batch beside its buffer.
    #[must_use]
    pub const fn batch_overhead(mut self, bytes: usize) -> Self {
        self.batch_overhead = bytes;
        self
    }
}

impl Default for Settings {
    /// `batch.size`, `linger.ms` and `buffer.memory` as in Kafka 4; nothing is reserved beside buffers.
    fn default() -> Self {
        Self {
            batch_size: 16_384,
            linger: Duration::from_millis(5),
            buffer_memory: 32 << 20,
            batch_overhead: 0,
        }
    }
}
