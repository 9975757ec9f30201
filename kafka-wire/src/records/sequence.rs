//! Sequence numbers: how a broker knows a batch that it has seen, and in which order they came.
//!
//! They count records per producer and partition, from 0 to 2147483647 and then from 0 again. Only
//! this file knows where they wrap.

/// No sequence: the producer is not idempotent.
pub const NO_SEQUENCE: i32 = -1;

/// The sequence `records` records after `sequence`, wrapping from 2147483647 to 0.
///
/// Without a sequence ([`NO_SEQUENCE`]) there is none later either.
///
/// ```
/// use kafka_wire::records::next_sequence;
///
/// assert_eq!(next_sequence(5, 3), 8);
/// assert_eq!(next_sequence(i32::MAX, 1), 0);
/// assert_eq!(next_sequence(-1, 3), -1);
/// ```
#[inline]
pub fn next_sequence(sequence: i32, records: i32) -> i32 {
    if sequence < 0 {
        return NO_SEQUENCE;
    }
    sequence.wrapping_add(records) & i32::MAX
}
