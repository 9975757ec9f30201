//! The batch accumulator: where records wait, in batches, for their partition's leader.
