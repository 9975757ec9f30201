//! What of this workspace others can depend on.

/// All of it.
pub(crate) const LIBRARIES: [&str; 6] = [
    "kafka-wire",
    "kafka-serde",
    "kafka-partition",
    "kafka-accumulator",
    "kafka-mock",
    "kafka-producer",
];
