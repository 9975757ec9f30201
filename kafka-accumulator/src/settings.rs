//! What an accumulator is told to begin with: how large batches get, how long they wait, and how much
//! memory there is. It is checked by whoever made it; what contradicts itself is made do with.

use std::time::Duration;

/// How large batches get, and how long and where they wait.
///
/// ```
/// use std::time::Duration;
///
/// use kafka_accumulator::Settings;
///
/// let kafkas_defaults = Settings {
///     batch_size: 16_384,
///     linger: Duration::from_millis(5),
///     buffer_memory: 32 << 20,
///     batch_overhead: 1_024,
/// };
/// # assert!(kafkas_defaults.batch_size < kafkas_defaults.buffer_memory);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
