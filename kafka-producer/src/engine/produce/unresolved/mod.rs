//! Batches that may be in the log, and how that is found out.

pub(crate) mod describe_producers;
pub(crate) mod topic_id;
