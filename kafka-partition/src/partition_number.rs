//! The number of a partition, as Kafka writes it.

/// Kafka numbers partitions with an `i32`; a count beyond that cannot come from a broker.
pub(crate) fn partition_number(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
